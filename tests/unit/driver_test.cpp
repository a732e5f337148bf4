// SPDX-License-Identifier: MIT
#include "app/driver.hpp"

#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatemend::app {
namespace {

constexpr const char* kFpm = "php8.2-fpm.service";
constexpr const char* kSocket = "unix:/run/php/php8.2-fpm.sock";

// Answers at once, as told.
class FakeExecutor final : public io::ExecutorClient {
  public:
    void nginx_dump(Reply<io::NginxDump> done) override { done(core::Error{"absent"}); }

    void open_log(const std::string&, Reply<bus::UniqueFd> done) override {
        done(core::Error{"absent"});
    }

    void test_config(const std::string& unit, Reply<io::ConfigTestReply> done) override {
        calls.push_back("test " + unit);
        if (is_holding_tests) {
            held_tests.push_back(std::move(done));
        } else {
            done(io::ConfigTestReply{"valid", "f", ""});
        }
    }

    void probe(const core::ProbeQuestion& question, Reply<std::string> done) override {
        calls.push_back("probe " + question.address);
        done(probe_answer);
    }

    void inspect(const std::string&, const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void packet_filter(Reply<io::PacketFilterText> done) override { done(core::Error{"absent"}); }

    void pm2_apps(const std::string&, Reply<std::string> done) override {
        done(core::Error{"absent"});
    }

    void read_ledger(Reply<core::Ledger> done) override {
        calls.emplace_back("ledger");
        if (on_ledger) {
            on_ledger();
        }
        done(core::Ledger{});
    }

    void act(std::uint64_t incident,
             const actions::Plan& plan,
             std::function<void(core::ActAnswered)> done) override {
        calls.push_back("act " + plan.unit);
        core::ActAnswered answer;
        answer.incident = incident;
        answer.reply = reply;
        answer.attempt = 1;
        answer.outcome = core::ActOutcome::kSucceeded;
        done(answer);
    }

    void propose(const actions::Plan& plan, Reply<io::Proposal> done) override {
        calls.push_back("propose " + plan.unit);
        done(io::Proposal{std::string(64, 'd'), "preview"});
    }

    void roll_back(std::uint64_t attempt, Reply<core::Done> done) override {
        calls.push_back("undo " + std::to_string(attempt));
        done(core::Done{});
    }

    void latch(const std::string&, const std::string&, Reply<core::Done> done) override {
        done(core::Done{});
    }

    void confirm(std::uint64_t,
                 core::ActVerdict,
                 const std::string&,
                 Reply<core::Done> done) override {
        done(core::Done{});
    }

    void reload(Reply<std::string> done) override { done(std::string()); }

    std::vector<std::string> calls;
    core::Result<std::string> probe_answer = std::string("outcome=refused errno=111 us=1\n");
    core::ActReply reply = core::ActReply::kDone;
    std::function<void()> on_ledger;
    bool is_holding_tests = false;
    std::vector<Reply<io::ConfigTestReply>> held_tests;
};

class LiveDriver : public testing::Test {
  protected:
    void learn_service() {
        core::Topology topology;
        topology.services.push_back(
            core::Service{kFpm, core::ServiceRole::kPhpFpm, {core::Backend{kSocket, "www", ""}}});
        driver_.refresh_ledger();
        driver_.feed(core::TopologyLearnt{topology});
    }

    void crash() {
        core::UnitState state;
        state.is_loaded = true;
        state.active = core::ActiveState::kFailed;
        state.result = core::UnitResult::kSignal;
        state.invocation_id = std::string(32, 'a');
        driver_.feed(core::UnitSeen{kFpm, state});
    }

    static engine::State policies() {
        engine::State state;
        policy::Rule rule;
        rule.name = "start-crashed-backend";
        rule.match.cause = core::Cause::kUnitFailed;
        rule.mode = policy::Mode::kAct;
        rule.ladder.push_back(
            policy::LadderStep{actions::ActId::kStartUnit, std::chrono::seconds{10}});
        state.policy.rules.push_back(rule);
        return state;
    }

    bus::EventLoop loop_ = std::move(*bus::EventLoop::open());
    FakeExecutor executor_;
    std::vector<engine::RecordKind> records_;
    Driver driver_{Driver::Outside{loop_,
                                   executor_,
                                   [this](core::TimePoint, const engine::Record& record) {
                                       records_.push_back(record.kind);
                                   },
                                   [](const std::string&, const std::string&) {
                                       return core::Result<std::vector<std::string>>(
                                           std::vector<std::string>{});
                                   },
                                   [](const std::string&) {}},
                   policies()};
};

TEST_F(LiveDriver, GoesFromACrashToAnActWithoutWaitingForTheLoop) {
    learn_service();
    executor_.calls.clear();
    crash();
    ASSERT_GE(executor_.calls.size(), 2U);
    EXPECT_EQ(executor_.calls[0], std::string("probe ") + kSocket);
    EXPECT_EQ(executor_.calls[1], std::string("act ") + kFpm);
    EXPECT_THAT(records_, testing::Contains(engine::RecordKind::kActed));
}

TEST_F(LiveDriver, ReadsAProbeThatCouldNotRunAsUnknown) {
    learn_service();
    executor_.probe_answer = core::Error{"no executor"};
    executor_.calls.clear();
    crash();
    ASSERT_TRUE(driver_.state().services.at(kFpm).probe.has_value());
    EXPECT_EQ(driver_.state().services.at(kFpm).probe->outcome, core::ProbeOutcome::kUnknown);
}

TEST_F(LiveDriver, AsksTheLedgerAfterAPauseWhenAnAnswerIsLost) {
    learn_service();
    executor_.reply = core::ActReply::kLost;
    executor_.calls.clear();
    crash();
    EXPECT_THAT(executor_.calls, testing::Not(testing::Contains("ledger")));
    executor_.on_ledger = [this] { loop_.exit(0); };
    (void)loop_.run();
    EXPECT_THAT(executor_.calls, testing::Contains("ledger"));
}

TEST_F(LiveDriver, DoesNotBelieveATestOfFilesThatChangedMeanwhile) {
    executor_.is_holding_tests = true;
    learn_service();
    ASSERT_EQ(executor_.held_tests.size(), 1U);
    driver_.config_changed(kFpm);
    executor_.is_holding_tests = false;
    executor_.held_tests[0](io::ConfigTestReply{"invalid", "old", ""});
    EXPECT_EQ(driver_.state().services.at(kFpm).test->verdict, core::ConfigVerdict::kValid);
}

}  // namespace
}  // namespace gatemend::app
