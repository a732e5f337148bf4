// SPDX-License-Identifier: MIT
#include "app/driver.hpp"

#include "fake_executor.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatemend::app {
namespace {

constexpr const char* kFpm = "php8.2-fpm.service";
constexpr const char* kSocket = "unix:/run/php/php8.2-fpm.sock";

using test::FakeExecutor;

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
    Driver driver_{
        Driver::Outside{
            loop_,
            executor_,
            [this](core::TimePoint, const engine::Record& record) {
                records_.push_back(record.kind);
            },
            [](const std::string&, const std::string&) {
                return core::Result<std::vector<std::string>>(std::vector<std::string>{});
            },
            [](const std::string&) {},
            [](const std::string&, const std::string&, const auto& done) { done({}); },
            [](const core::Topology&, core::Inspection look, const auto& done) { done(look); },
            [](const std::string&) {
                return core::Result<core::LastJob>(core::Error{"nobody can be asked"});
            }},
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
