// SPDX-License-Identifier: MIT
// Promises that hold whatever happens: thousands of random events, checked after each step.
#include "engine/context.hpp"
#include "engine/step.hpp"
#include "story.hpp"

#include <deque>
#include <random>
#include <set>

namespace gatemend::testing {
namespace {

const std::vector<std::string> kUnits{"php8.2-fpm.service", "php8.4-fpm.service", "nginx.service"};

class Chaos {
  public:
    explicit Chaos(unsigned seed) : random_(seed) {
        state_.policy = small_policy();
        // Every third world asks first; every other rule undoes and calls a person.
        if (seed % 3 == 0) {
            state_.policy.settings.mode = policy::Mode::kAsk;
        }
        for (std::size_t i = 0; i < state_.policy.rules.size(); i += 2) {
            state_.policy.rules[i].on_failure = policy::OnFailure::kRollBack;
        }
        core::Topology topology;
        for (const std::string& unit : kUnits) {
            topology.services.push_back(core::Service{
                unit,
                unit == "nginx.service" ? core::ServiceRole::kNginx : core::ServiceRole::kPhpFpm,
                {core::Backend{"unix:/run/" + unit, "", ""}}});
        }
        feed(core::LedgerLearnt{});
        feed(core::TopologyLearnt{topology});
    }

    void run(int events) {
        for (int i = 0; i < events; ++i) {
            now_ += std::chrono::milliseconds{pick(4000)};
            feed(random_event());
        }
    }

    // In a world that answers in no time: a question that asks itself again at once would never
    // end.
    void run_answered_at_once(int events) {
        is_prompt_ = true;
        for (int i = 0; i < events && !::testing::Test::HasFailure(); ++i) {
            now_ += std::chrono::milliseconds{pick(4000)};
            feed(random_event());
            std::size_t answers = 0;
            for (; !answers_.empty() && answers < kMaxAnswers; ++answers) {
                core::EventBody answer = std::move(answers_.front());
                answers_.pop_front();
                feed(std::move(answer));
            }
            EXPECT_TRUE(answers_.empty()) << "after " << answers << " answers in one moment";
        }
    }

  private:
    // Every service and every incident may have some questions.
    static constexpr std::size_t kMaxAnswers = 200;

    void answer(const engine::StartProbe& question) {
        core::ProbeResult result;
        result.outcome = static_cast<core::ProbeOutcome>(pick(11));
        answers_.emplace_back(
            core::ProbeAnswered{question.probe, question.unit, question.address, result});
    }

    void answer(const engine::TestConfig& question) {
        core::ConfigTest test;
        test.verdict = static_cast<core::ConfigVerdict>(pick(3));
        answers_.emplace_back(core::ConfigTested{question.unit, test});
    }

    void answer(const engine::ReadLogs& question) {
        answers_.emplace_back(core::LogsRead{question.unit});
    }

    void answer(const engine::ReadJournal& question) {
        answers_.emplace_back(core::JournalRead{question.unit, question.invocation_id, {}});
    }

    void answer(const engine::Inspect& question) {
        std::optional<core::Inspection> look;
        if (pick(3) != 0) {
            look.emplace();
            look->file_systems.push_back(core::FileSystem{
                .path = "/var", .bytes = 1U << 30U, .bytes_free = pick(2) == 0 ? 0U : 1U << 29U});
        }
        answers_.emplace_back(core::Inspected{question.unit, std::move(look)});
    }

    void answer(const engine::ReadFilter& question) {
        answers_.emplace_back(core::FilterRead{question.unit, question.address, ""});
    }

    void answer(const engine::ResolveName& question) {
        answers_.emplace_back(core::NameResolved{question.unit, {}});
    }

    void answer(const engine::ReadApps& question) {
        answers_.emplace_back(core::AppsListed{question.unit, {}});
    }

    void answer(const engine::ProposeAct& question) {
        answers_.emplace_back(core::ActProposed{question.incident, question.proposal, "d", ""});
    }

    void answer(const engine::UndoAct& question) {
        answers_.emplace_back(
            core::ActUndone{question.incident, question.attempt, pick(2) == 0, ""});
    }

    void answer(const engine::SetTimer& timer) {
        if (timer.at <= now_) {
            answers_.emplace_back(core::TimerFired{timer.timer});
        }
    }

    // Nobody answers a statement; an act takes its time.
    template <class Other>
    void answer(const Other& /*effect*/) {}

    int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

    std::string pick_unit() { return kUnits[static_cast<std::size_t>(pick(3))]; }

    core::UnitState random_unit() {
        core::UnitState unit;
        unit.is_loaded = true;
        unit.active = static_cast<core::ActiveState>(pick(7));
        unit.result = static_cast<core::UnitResult>(pick(11));
        unit.has_job = pick(4) == 0;
        unit.is_masked = pick(10) == 0;
        unit.invocation_id = std::to_string(pick(5));
        return unit;
    }

    core::EventBody probe_answer() {
        core::ProbeAnswered answer;
        answer.unit = pick_unit();
        const auto record = state_.services.find(answer.unit);
        const bool is_awaited =
            record != state_.services.end() && record->second.running_probe && pick(5) != 0;
        answer.probe =
            is_awaited ? *record->second.running_probe : static_cast<std::uint64_t>(pick(50));
        answer.address = "unix:/run/" + answer.unit;
        answer.result.outcome = static_cast<core::ProbeOutcome>(pick(11));
        return answer;
    }

    core::EventBody act_answer() {
        core::ActAnswered answer;
        answer.incident = state_.acting ? *state_.acting : static_cast<std::uint64_t>(pick(20));
        answer.reply = static_cast<core::ActReply>(pick(3));
        answer.attempt = next_attempt_++;
        answer.outcome = pick(3) == 0 ? core::ActOutcome::kFailed : core::ActOutcome::kSucceeded;
        return answer;
    }

    core::EventBody config_test() {
        core::ConfigTest test;
        test.verdict = static_cast<core::ConfigVerdict>(pick(3));
        return core::ConfigTested{pick_unit(), test};
    }

    core::EventBody proposed() {
        core::ActProposed answer;
        answer.incident = static_cast<std::uint64_t>(pick(20));
        for (const auto& [id, incident] : state_.incidents) {
            if (!incident.proposals.empty() && pick(3) != 0) {
                answer.incident = id;
                answer.proposal = incident.proposals.front().id;
            }
        }
        answer.digest = pick(4) == 0 ? "" : "digest-" + std::to_string(pick(6));
        return answer;
    }

    // The executor's record: what was done so far, now and then undone, and somebody's approval.
    core::EventBody ledger() {
        core::LedgerLearnt learnt{state_.ledger};
        if (!learnt.ledger.attempts.empty() && pick(3) == 0) {
            learnt.ledger.attempts.back().undo = static_cast<core::UndoState>(pick(5));
        }
        learnt.ledger.approvals = {core::Approval{
            "digest-" + std::to_string(pick(6)), now_ + std::chrono::minutes{1}, "root"}};
        return learnt;
    }

    core::EventBody topology() {
        core::Topology learnt = state_.topology;
        std::erase_if(learnt.services, [this](const auto& service) {
            return service.unit == "php8.4-fpm.service" && pick(2) == 0;
        });
        if (learnt.find_by_unit("php8.4-fpm.service") == nullptr && pick(2) == 0) {
            learnt.services.push_back(
                core::Service{"php8.4-fpm.service",
                              core::ServiceRole::kPhpFpm,
                              {core::Backend{"unix:/run/php8.4-fpm.service", "", ""}}});
        }
        return core::TopologyLearnt{learnt};
    }

    core::EventBody random_event() {
        if (pick(10) == 0) {
            const int kind = pick(3);
            return kind == 0 ? proposed() : kind == 1 ? ledger() : topology();
        }
        switch (pick(8)) {
            case 0:
            case 1:
                return core::UnitSeen{pick_unit(), random_unit()};
            case 2:
            case 3:
                return probe_answer();
            case 4:
                return act_answer();
            case 5:
                return config_test();
            case 6:
                return core::SymptomSeen{static_cast<core::Symptom>(pick(20)),
                                         111,
                                         "unix:/run/" + pick_unit(),
                                         pick(2) == 0,
                                         "test"};
            default:
                return state_.timers.empty()
                           ? core::EventBody{core::PolicyChanged{}}
                           : core::EventBody{core::TimerFired{state_.timers.begin()->first}};
        }
    }

    void feed(core::EventBody body) {
        const bool was_acting = state_.acting.has_value();
        const bool is_answer = std::holds_alternative<core::ActAnswered>(body);
        std::size_t acts = 0;
        std::size_t verdicts = 0;
        for (const engine::Effect& effect :
             engine::step(state_, core::Event{now_, std::move(body)})) {
            if (is_prompt_) {
                std::visit([this](const auto& question) { answer(question); }, effect);
            }
            if (const auto* request = std::get_if<engine::RequestAct>(&effect)) {
                ++acts;
                check_act(*request);
            } else if (const auto* verdict = std::get_if<engine::ConfirmAct>(&effect)) {
                EXPECT_TRUE(judged_.insert(verdict->attempt).second) << "one verdict per attempt";
                ++verdicts;
            } else if (std::holds_alternative<engine::ProposeAct>(effect)) {
                EXPECT_EQ(state_.policy.settings.mode, policy::Mode::kAsk) << "asked for nothing";
            }
        }
        EXPECT_LE(verdicts, kUnits.size());
        for (const auto& [id, incident] : state_.incidents) {
            EXPECT_LE(incident.proposals.size(), engine::kMaxProposals);
            EXPECT_FALSE(incident.ready) << "nothing is left ready at the end of a step";
        }
        EXPECT_LE(acts, was_acting && !is_answer ? 0U : 1U) << "one act at a time";
        EXPECT_LE(state_.timers.size(), 64U) << "timers are bounded";
        EXPECT_LE(state_.incidents.size(), engine::kMaxClosedIncidents + kUnits.size());
    }

    // What must be true of every act ever asked for.
    void check_act(const engine::RequestAct& request) {
        const engine::ServiceRecord& record = state_.services.at(request.plan.unit);
        ASSERT_TRUE(record.unit);
        if (state_.policy.settings.mode == policy::Mode::kAsk) {
            EXPECT_FALSE(state_.ledger.approvals.empty()) << "nobody said yes";
        }
        EXPECT_TRUE(core::is_down(*record.unit));
        EXPECT_FALSE(record.unit->is_masked);
        EXPECT_FALSE(record.unit->has_job);
        ASSERT_TRUE(record.probe);
        // The probe agrees; if it could not run, nginx's log may stand in beside the unit's state.
        const bool is_log_witness =
            record.probe->outcome == core::ProbeOutcome::kUnknown && record.suspected.has_value();
        EXPECT_TRUE(engine::is_bad(*record.probe) || is_log_witness);
        ASSERT_TRUE(record.test);
        EXPECT_EQ(record.test->verdict, core::ConfigVerdict::kValid);
        EXPECT_NE(request.plan.cause, core::Cause::kUnitStopped);
        times_[request.plan.unit].push_back(now_);
        const auto& times = times_[request.plan.unit];
        const auto recent = std::count_if(times.begin(), times.end(), [&](core::TimePoint time) {
            return now_ - time < std::chrono::minutes{15};
        });
        EXPECT_LE(recent, 12) << "refusals and lost replies are retried, but never in a tight loop";
    }

    std::mt19937 random_;
    engine::State state_;
    core::TimePoint now_ = *core::parse_time("2026-11-21T14:00:00Z");
    std::uint64_t next_attempt_ = 1;
    std::map<std::string, std::vector<core::TimePoint>> times_;
    std::set<std::uint64_t> judged_;
    bool is_prompt_ = false;
    std::deque<core::EventBody> answers_;
};

void for_each_seed(void (Chaos::*run)(int), int events) {
    for (unsigned seed = 1; seed <= 40 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        (Chaos(seed).*run)(events);
    }
}

TEST(StepProperty, KeepsItsPromisesUnderRandomEvents) {
    for_each_seed(&Chaos::run, 3000);
}

TEST(StepProperty, NoQuestionAsksItselfAgainAtOnce) {
    for_each_seed(&Chaos::run_answered_at_once, 1000);
}

}  // namespace
}  // namespace gatemend::testing
