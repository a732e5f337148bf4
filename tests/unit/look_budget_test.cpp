// SPDX-License-Identifier: MIT
#include "engine/look_budget.hpp"

#include "engine/step.hpp"
#include "story.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gatemend::engine {
namespace {

using Class = LookBudget::Class;

core::TimePoint at(double second) {
    return core::TimePoint{std::chrono::milliseconds{static_cast<std::int64_t>(second * 1000)}};
}

TEST(LookBudget, BackendsWithoutAUnitHaveAShareOfTheirOwn) {
    LookBudget budget;
    double granted = 0;
    for (int i = 0; i < 600; ++i) {
        granted += budget.take(Class::kUnowned, at(i * 0.1)) ? 1 : 0;
    }
    EXPECT_LE(granted, kUnownedLooksAtOnce + 60 * kUnownedLooksPerSecond);
    EXPECT_GE(granted, 60 * kUnownedLooksPerSecond);
    EXPECT_TRUE(budget.take(Class::kUnit, at(60))) << "a unit's is left";
}

TEST(LookBudget, SoManyOfThemRunAtOnce) {
    LookBudget budget;
    std::uint64_t probe = 0;
    while (budget.take(Class::kUnowned, at(0))) {
        budget.note_begun(Class::kUnowned, ++probe, at(0));
    }
    EXPECT_EQ(probe, kMaxUnownedRunning);
    budget.note_ended(1);
    EXPECT_TRUE(budget.take(Class::kUnowned, at(0)));
    budget.note_begun(Class::kUnowned, ++probe, at(0));
    EXPECT_FALSE(budget.take(Class::kUnowned, at(1)));
    EXPECT_TRUE(budget.take(Class::kUnowned, at(20))) << "an answer that never comes holds nobody";
}

TEST(LookBudget, UnitsComeFirstThenWhoWaitsLongest) {
    LookBudget budget;
    while (budget.take(Class::kUnit, at(0))) {
    }
    budget.wait(Class::kUnowned, "(a)");
    budget.wait(Class::kUnowned, "(b)");
    budget.wait(Class::kUnowned, "(a)");
    budget.wait(Class::kUnit, "x.service");
    EXPECT_EQ(budget.waiting(), 3U) << "each once";
    EXPECT_EQ(budget.next(at(0)), std::nullopt);
    EXPECT_EQ(budget.next(at(10)), "x.service");
    EXPECT_EQ(budget.next(at(10)), "(a)");
    EXPECT_EQ(budget.next(at(10)), "(b)");
    EXPECT_FALSE(budget.is_anybody_waiting());
}

TEST(LookBudget, AClockThatIsSetBackFillsNothingAndStopsNothing) {
    LookBudget budget;
    while (budget.take(Class::kUnit, at(100'000))) {
    }
    EXPECT_FALSE(budget.take(Class::kUnit, at(0)));
    EXPECT_TRUE(budget.take(Class::kUnit, at(2)));
}

// A machine in memory: FPM, nginx and a hundred upstreams that nobody listens at, each asked by
// visitors every four seconds; what the engine asks for is answered after a moment.
class DeadUpstreams : public ::testing::Test {
  protected:
    static constexpr int kCount = 100;
    static constexpr const char* kFpm = "php8.2-fpm.service";
    static constexpr const char* kSocket = "unix:/run/php/php8.2-fpm.sock";

    DeadUpstreams() {
        state_.policy = testing::small_policy();
        policy::Rule rule;
        rule.name = "report-refused";
        rule.match.cause = core::Cause::kUnknown;
        std::erase_if(state_.policy.rules,
                      [](const auto& item) { return item.match.cause == core::Cause::kUnknown; });
        rule.offers = {policy::LadderStep{
            actions::ActId::kDebugLog, std::chrono::seconds{30}, {{"seconds", "60"}}}};
        state_.policy.rules.push_back(rule);
        core::Topology topology;
        topology.services = {
            {"nginx.service", core::ServiceRole::kNginx, {backend("127.0.0.1:80")}, ""},
            {kFpm, core::ServiceRole::kPhpFpm, {backend(kSocket)}, ""}};
        for (int i = 0; i < kCount; ++i) {
            topology.unowned.push_back(backend(address(i)));
            topology.unowned.back().scheme = core::Scheme::kHttp;
        }
        feed(core::LedgerLearnt{});
        feed(core::TopologyLearnt{topology});
        for (const std::string unit : {"nginx.service", kFpm}) {
            feed(core::UnitSeen{unit, unit_state(core::ActiveState::kActive)});
        }
    }

    static std::string address(int number) { return "127.0.0.1:" + std::to_string(4000 + number); }

    static core::Backend backend(const std::string& address) {
        core::Backend result;
        result.address = address;
        return result;
    }

    static core::UnitState unit_state(core::ActiveState active) {
        core::UnitState unit;
        unit.is_loaded = true;
        unit.active = active;
        unit.invocation_id = std::string(32, 'a');
        unit.result = active == core::ActiveState::kFailed ? core::UnitResult::kSignal
                                                           : core::UnitResult::kSuccess;
        return unit;
    }

    void feed(core::EventBody body) {
        for (const Effect& effect : step(state_, core::Event{now_, std::move(body)})) {
            answer(effect);
        }
    }

    void later(core::Duration delay, core::EventBody body) {
        coming_.emplace(now_ + delay, std::move(body));
    }

    void answer(const Effect& effect) {
        constexpr core::Duration kSoon = std::chrono::milliseconds{40};
        if (const auto* probe = std::get_if<StartProbe>(&effect)) {
            ++probes_[probe->unit];
            core::ProbeResult result;
            const bool is_good = probe->address == "127.0.0.1:80" || probe->address == revived_ ||
                                 (probe->unit == kFpm && !is_crashed_);
            result.outcome = is_good ? core::ProbeOutcome::kGood : core::ProbeOutcome::kRefused;
            result.error_number = is_good ? 0 : 111;
            later(kSoon, core::ProbeAnswered{probe->probe, probe->unit, probe->address, result});
        } else if (const auto* look = std::get_if<Inspect>(&effect)) {
            ++looks_;
            core::Inspection inspection;
            inspection.listeners.emplace();
            later(kSoon, core::Inspected{look->unit, inspection});
        } else if (const auto* filter = std::get_if<ReadFilter>(&effect)) {
            later(kSoon, core::FilterRead{filter->unit, filter->address, ""});
        } else if (const auto* logs = std::get_if<ReadLogs>(&effect)) {
            ++logs_read_;
            later(kSoon, core::LogsRead{logs->unit});
        } else if (const auto* journal = std::get_if<ReadJournal>(&effect)) {
            later(kSoon, core::JournalRead{journal->unit, journal->invocation_id, {}});
        } else if (const auto* test = std::get_if<TestConfig>(&effect)) {
            core::ConfigTest valid;
            valid.verdict = core::ConfigVerdict::kValid;
            later(kSoon, core::ConfigTested{test->unit, valid});
        } else if (const auto* timer = std::get_if<SetTimer>(&effect)) {
            coming_.emplace(std::max(timer->at, now_), core::TimerFired{timer->timer});
        } else if (const auto* act = std::get_if<RequestAct>(&effect)) {
            acts_.emplace_back(now_, act->plan.unit);
        } else if (std::holds_alternative<ProposeAct>(effect)) {
            ++proposals_;
        }
    }

    void run_until(core::TimePoint end) {
        while (!coming_.empty() && coming_.begin()->first <= end) {
            auto next = coming_.extract(coming_.begin());
            now_ = std::max(now_, next.key());
            feed(std::move(next.mapped()));
        }
        now_ = end;
    }

    void visit(core::Duration duration) {
        const core::TimePoint end = now_ + duration;
        constexpr core::Duration kRound = std::chrono::seconds{4};
        while (now_ < end) {
            const core::TimePoint round = now_;
            for (int i = 0; i < kCount; ++i) {
                run_until(round + kRound * i / kCount);
                core::SymptomSeen seen;
                seen.symptom = core::Symptom::kConnectRefused;
                seen.error_number = 111;
                seen.address = address(i);
                seen.is_trusted = true;
                seen.source = "nginx-error";
                feed(seen);
            }
            run_until(round + kRound);
        }
    }

    State state_;
    core::TimePoint now_{std::chrono::seconds{1'795'000'000}};
    std::multimap<core::TimePoint, core::EventBody> coming_;
    std::map<std::string, int> probes_;
    int looks_ = 0;
    int logs_read_ = 0;
    int proposals_ = 0;
    bool is_crashed_ = false;
    std::string revived_;
    std::vector<std::pair<core::TimePoint, std::string>> acts_;
};

TEST_F(DeadUpstreams, CostOneProbeASecondTogetherAndAreAllSeen) {
    constexpr std::chrono::minutes kTime{6};
    visit(kTime);
    int all = 0;
    int least = 1'000'000;
    for (int i = 0; i < kCount; ++i) {
        const int count = probes_["(" + address(i) + ")"];
        all += count;
        least = std::min(least, count);
    }
    EXPECT_LE(all, kUnownedLooksAtOnce + 60 * kTime.count() * kUnownedLooksPerSecond);
    EXPECT_GE(least, 2) << "nobody is forgotten";
    EXPECT_LE(looks_, 5 * kTime.count()) << "one look serves all that ask meanwhile";
    EXPECT_LE(logs_read_, 2 * all + kCount);
    const auto open =
        std::count_if(state_.incidents.begin(), state_.incidents.end(), [](const auto& entry) {
            return entry.second.phase != Phase::kClosed;
        });
    EXPECT_EQ(open, kCount) << "each is said to be dead";
    EXPECT_LE(proposals_, 4) << "what one offers is not offered a hundred times";
}

TEST_F(DeadUpstreams, DoNotDelayTheStartOfAUnit) {
    visit(std::chrono::minutes{2});
    is_crashed_ = true;
    const core::TimePoint crash = now_;
    feed(core::UnitSeen{kFpm, unit_state(core::ActiveState::kFailed)});
    visit(std::chrono::seconds{4});
    ASSERT_EQ(acts_.size(), 1U);
    EXPECT_EQ(acts_[0].second, kFpm);
    EXPECT_LE(acts_[0].first - crash, std::chrono::milliseconds{100});
}

TEST_F(DeadUpstreams, OneThatComesBackIsSeen) {
    visit(std::chrono::minutes{3});
    revived_ = address(7);
    const std::string name = "(" + revived_ + ")";
    ASSERT_TRUE(state_.services[name].incident);
    visit(std::chrono::minutes{6});
    EXPECT_FALSE(state_.services[name].incident) << "however many others are asked about";
}

}  // namespace
}  // namespace gatemend::engine
