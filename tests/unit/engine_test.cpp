// SPDX-License-Identifier: MIT
// step() from the outside: what follows from which events. Guards of single decisions are tested in
// decide_test.cpp, identifiers and text in core_test.cpp.
#include "story.hpp"

namespace gatemend::testing {
namespace {

const std::string kFpm = "php8.2-fpm.service";

TEST(Step, ActsOnceWhenUnitStateAndProbeAgree) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal status=9"});
    EXPECT_EQ(story.count("act "), 0U) << "the unit's state alone is one witness";
    EXPECT_EQ(story.count("probe "), 1U);
    story.tell({"+10ms probe php8.2-fpm.service refused"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_EQ(story.all("act ").front(),
              "act start-unit php8.2-fpm.service rule=start-crashed cause=unit-failed within=10s");
}

TEST(Step, ClosesAsHealedOnlyAfterTheSoak) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+80ms unit php8.2-fpm.service active",
                "+1ms act done 7 succeeded job done",
                "+10ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("verifying"), 1U) << story.dump();
    EXPECT_EQ(story.count("closed"), 0U);
    story.tell({"+30s tick", "+10ms probe php8.2-fpm.service good"});
    EXPECT_TRUE(story.says("confirm 7 effective")) << story.dump();
    ASSERT_EQ(story.count("closed"), 1U) << story.dump();
    EXPECT_NE(story.all("closed").front().find("healed"), std::string::npos);
    EXPECT_EQ(story.count("act "), 1U);
}

TEST(Step, ProbesOnceWhileAnActIsUnderWay) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+80ms unit php8.2-fpm.service active"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    ASSERT_EQ(story.count("probe "), 2U) << story.dump();
    story.tell({"+1ms probe php8.2-fpm.service unknown"});
    EXPECT_EQ(story.count("probe "), 2U) << story.dump();
}

TEST(Step, WaitsForNewsOfTheStartWhenTheAnswerComesFirst) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+80ms act done 7 succeeded job done",
                "+1ms unit php8.2-fpm.service active",
                "+10ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("confirm "), 0U) << story.dump();
    EXPECT_EQ(story.count("verifying"), 1U);
}

TEST(Step, CountsACrashDuringTheSoakAsIneffectiveAndClimbsTheLadder) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+80ms unit php8.2-fpm.service active",
                "+1ms act done 7 succeeded",
                "+10ms probe php8.2-fpm.service good",
                "+5s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_TRUE(story.says("confirm 7 ineffective")) << story.dump();
    story.tell({"+20s tick"});
    ASSERT_EQ(story.count("act "), 2U) << story.dump();
    EXPECT_TRUE(story.all("act ").back().starts_with("act restart-unit"));
}

TEST(Step, LatchesAndGivesUpLoudlyWhenTheBudgetIsSpent) {
    Story story;
    for (int attempt = 1; attempt <= 3; ++attempt) {
        story.tell({"+5s unit php8.2-fpm.service failed signal",  // within the soak
                    "+10ms probe php8.2-fpm.service refused",
                    "+45s tick",  // what cools down
                    "+80ms unit php8.2-fpm.service active",
                    "+1ms act done " + std::to_string(attempt) + " succeeded",
                    "+10ms probe php8.2-fpm.service good"});
    }
    ASSERT_EQ(story.count("act "), 3U) << story.dump();
    story.forget();
    story.tell({"+5s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+30s tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_EQ(story.count("latch php8.2-fpm.service"), 1U) << story.dump();
    EXPECT_TRUE(story.says("clear with `gatemend resume php8.2-fpm.service`")) << story.dump();
    EXPECT_EQ(story.count("escalated"), 1U) << story.dump();
    story.tell({"ledger latched php8.2-fpm.service spent", "+20m tick"});
    EXPECT_EQ(story.count("act "), 0U) << "time alone does not lift a latch";
    EXPECT_EQ(story.count("escalated"), 1U);
}

// One crash, healed and watched through its soak.
void heal(Story& story, int attempt) {
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+60s tick",  // the longest pause between two cures
                "+80ms unit php8.2-fpm.service active",
                "+1ms act done " + std::to_string(attempt) + " succeeded",
                "+10ms probe php8.2-fpm.service good",
                "+31s tick",
                "+10ms probe php8.2-fpm.service good"});
}

TEST(Step, WhatIsHealedEachTimeIsFlappingAndNotGivenUp) {
    Story story;
    for (int attempt = 1; attempt <= 9; ++attempt) {
        heal(story, attempt);
    }
    EXPECT_EQ(story.count("act "), 9U) << story.dump();
    EXPECT_EQ(story.count("latch "), 0U);
    EXPECT_EQ(story.count("escalated"), 0U);
    EXPECT_EQ(story.all("closed").front().find("flapping"), std::string::npos);
    EXPECT_NE(story.all("closed").back().find("flapping: healed 9 times in 20m"), std::string::npos)
        << story.dump();
}

TEST(Step, AStopWithinTheSoakIsNoFailureOfTheAct) {
    Story story;
    story.tell({"+5s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+80ms unit php8.2-fpm.service active",
                "+1ms act done 1 succeeded",
                "+10ms probe php8.2-fpm.service good",
                "+5s unit php8.2-fpm.service deactivating job",
                "+1s unit php8.2-fpm.service inactive",
                "+10ms probe php8.2-fpm.service refused",
                "+10m tick"});
    EXPECT_TRUE(story.says("confirm 1 effective \"it answered until somebody stopped"))
        << story.dump();
    EXPECT_EQ(story.count("act "), 1U) << "and it stays stopped";
}

TEST(Step, AsksForTheLatchAgainWhereTheExecutorHasRefused) {
    Story story;
    for (int attempt = 1; attempt <= 3; ++attempt) {
        story.tell({"+5s unit php8.2-fpm.service failed signal",
                    "+10ms probe php8.2-fpm.service refused",
                    "+45s tick",
                    "+80ms unit php8.2-fpm.service active",
                    "+1ms act done " + std::to_string(attempt) + " succeeded",
                    "+10ms probe php8.2-fpm.service good"});
    }
    story.tell({"+5s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+3m tick"});
    EXPECT_GT(story.count("latch php8.2-fpm.service"), 1U) << story.dump();
    EXPECT_EQ(story.count("escalated"), 1U) << "said once";
    story.tell({"ledger latched php8.2-fpm.service spent"});
    story.forget();
    story.tell({"+10m tick"});
    EXPECT_EQ(story.count("latch "), 0U);
}

TEST(Step, GivesNothingUpWhileSomethingElseHoldsIt) {
    Story story;
    for (int attempt = 1; attempt <= 3; ++attempt) {
        story.tell({"+5s unit php8.2-fpm.service failed signal",
                    "+10ms probe php8.2-fpm.service refused",
                    "+45s tick",
                    "+80ms unit php8.2-fpm.service active",
                    "+1ms act done " + std::to_string(attempt) + " succeeded",
                    "+10ms probe php8.2-fpm.service good"});
    }
    story.tell({"+5s unit php8.2-fpm.service failed signal job",
                "+10ms probe php8.2-fpm.service refused",
                "+2m tick"});
    EXPECT_EQ(story.count("latch "), 0U) << story.dump();
    EXPECT_EQ(story.count("escalated"), 0U);
}

TEST(Step, LeavesACleanStopAloneAndClosesWhenItComesBack) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service deactivating job",
                "+50ms unit php8.2-fpm.service inactive",
                "+10ms probe php8.2-fpm.service missing"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
    story.tell({"+60s unit php8.2-fpm.service active", "+10ms probe php8.2-fpm.service good"});
    ASSERT_EQ(story.count("closed"), 1U) << story.dump();
    EXPECT_NE(story.all("closed").front().find("recovered"), std::string::npos);
}

TEST(Step, TreatsAStopThatTimedOutAsAStop) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service deactivating job sub=stop-sigterm",
                "+90s unit php8.2-fpm.service failed timeout",
                "+10ms probe php8.2-fpm.service missing"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("admin-stopped")) << story.dump();
}

TEST(Step, AStartThatFailsIsNoStop) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal status=9",
                "+10ms probe php8.2-fpm.service refused",
                // its own start job is still there while systemd clears up after it
                "+10ms unit php8.2-fpm.service deactivating sub=final-sigterm job",
                "+10ms unit php8.2-fpm.service failed exit-code",
                "+1ms act done 7 failed the job failed",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_FALSE(story.says("admin-stopped")) << story.dump();
}

TEST(Step, AStopWhoseJobIsSeenLateIsAStop) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service deactivating sub=stop-sigterm",
                "+1ms unit php8.2-fpm.service deactivating sub=stop-sigterm job",
                "+90s unit php8.2-fpm.service failed timeout",
                "+10ms probe php8.2-fpm.service missing"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("admin-stopped")) << story.dump();
}

TEST(Step, AStopCountsForTheRunThatWasStopped) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service deactivating job",
                // a restart whose start nobody saw; it failed
                "+50ms unit php8.2-fpm.service failed exit-code invocation=i2",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_FALSE(story.says("admin-stopped")) << story.dump();
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(Step, StartsAUnitThatLeftAStaleSocketBehind) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service inactive", "+10ms probe php8.2-fpm.service refused"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_TRUE(story.says("cause=socket-stale"));
}

TEST(Step, HoldsWhileTheConfigurationIsBrokenAndActsOnceItIsRepaired) {
    Story story;
    story.tell(
        {"+1s config php8.2-fpm.service invalid /etc/php/8.2/fpm/pool.d/www.conf:7 unknown entry",
         "+1s unit php8.2-fpm.service failed exit-code status=78",
         "+10ms probe php8.2-fpm.service missing"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("cause=fpm-config-invalid")) << story.dump();
    EXPECT_TRUE(story.says("/etc/php/8.2/fpm/pool.d/www.conf:7: unknown entry")) << story.dump();
    story.tell({"+60s config php8.2-fpm.service valid"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(Step, NeverActsOnLogLinesAloneAndProbesOncePerCooldown) {
    Story story;
    for (int i = 0; i < 200; ++i) {
        story.tell({"+10ms log socket-missing unix:/run/php/php8.2-fpm.sock"});
        if (story.state().services.find(kFpm)->second.running_probe) {
            story.tell({"probe php8.2-fpm.service good"});
        }
    }
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_EQ(story.count("probe "), 1U) << "2 s of lines, cooldown 10 s";
    EXPECT_EQ(story.count("opened"), 0U);
}

TEST(Step, IgnoresLogLinesForAddressesNobodyConfigured) {
    Story story;
    story.tell({"log connect-refused 10.0.0.1:80", "log connect-refused unix:/etc/shadow"});
    EXPECT_TRUE(story.dump().empty());
    EXPECT_EQ(story.state().counters.symptoms_unmatched, 2U);
}

TEST(Step, BelievesABadProbeOfARunningUnitOnlyTwiceInARow) {
    Story story;
    story.tell({"+1s log connect-refused unix:/run/php/php8.2-fpm.sock",
                "+1ms probe php8.2-fpm.service response-timeout"});
    EXPECT_EQ(story.count("opened"), 0U);
    story.tell({"+1s tick", "+1ms probe php8.2-fpm.service response-timeout"});
    EXPECT_EQ(story.count("opened"), 1U) << story.dump();
    EXPECT_EQ(story.count("act "), 0U) << "unknown is observed, not acted on";
}

TEST(Step, ReadsAProbeThatCouldNotRunAsUnknown) {
    Story story;
    story.tell(
        {"+1s unit php8.2-fpm.service failed signal", "+10ms probe php8.2-fpm.service unknown"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("single-witness")) << story.dump();
    story.tell({"+2s tick"});
    story.tell({"probe php8.2-fpm.service refused"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(Step, HoldsWhenTheProbeContradictsTheUnitState) {
    Story story;
    story.tell(
        {"+1s unit php8.2-fpm.service failed signal", "+10ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("single-witness")) << story.dump();
}

TEST(Step, RunsOneActAtATime) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "unit nginx.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "probe nginx.service refused"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_TRUE(story.says("holds=act-running")) << story.dump();
    story.tell({"+100ms unit php8.2-fpm.service active", "act done 1 succeeded"});
    EXPECT_EQ(story.count("act "), 1U) << "not before its first probe is in";
    story.tell({"+5ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("act "), 2U) << story.dump();
    EXPECT_TRUE(story.says("act start-unit nginx.service rule=start-nginx cause=nginx-down"));
}

TEST(Step, WaitsForSystemdsOwnJobAndRestart) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service activating signal sub=auto-restart",
                "+1ms probe backend refused"});
    EXPECT_TRUE(story.says("holds=restart-pending")) << story.dump();
    story.tell({"+1s unit php8.2-fpm.service failed exit-code job", "+1ms probe backend refused"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("holds=job-queued")) << story.dump();
    story.tell({"+1s unit php8.2-fpm.service failed exit-code"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(Step, SpacesRetriesWhenTheExecutorRefuses) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe backend refused",
                "+1ms act refused budget: no"});
    EXPECT_EQ(story.count("act "), 1U);
    EXPECT_TRUE(story.says("executor-refused")) << story.dump();
    story.tell({"+1s tick"});
    EXPECT_EQ(story.count("act "), 2U) << story.dump();
    story.tell({"act refused budget: no", "+1s tick"});
    EXPECT_EQ(story.count("act "), 2U) << "the second retry waits twice as long";
    story.tell({"+1s tick"});
    EXPECT_EQ(story.count("act "), 3U);
}

TEST(Step, AsksTheRecordWhenAReplyIsLostAndDoesNotActTwice) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe backend refused",
                "act lost gone"});
    story.tell({"+1m tick"});
    EXPECT_EQ(story.count("act "), 1U) << "until the record is known nothing is repeated";
    story.tell({"unit php8.2-fpm.service active"});
    EXPECT_EQ(story.count("closed"), 0U);
}

TEST(Step, AnActThatTheExecutorDidNotSurviveUsesUpNoStep) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+10ms act lost gone",
                "+1s ledger attempt 1 1 start-crashed start-unit php8.2-fpm.service interrupted"});
    for (int i = 0; i < 20; ++i) {
        story.tell({"+1s tick"});
    }
    EXPECT_TRUE(story.says("confirm 1 ineffective")) << story.dump();
    ASSERT_GE(story.count("act "), 2U) << story.dump();
    EXPECT_TRUE(story.all("act ")[1].starts_with("act start-unit ")) << story.dump();
}

TEST(Step, AdoptsAnAttemptOfARestoredIncident) {
    Story story;
    engine::State state;
    state.policy = small_policy();
    const core::TimePoint now = *core::parse_time("2026-11-21T14:00:00Z");
    core::Ledger ledger;
    core::Attempt attempt;
    attempt.id = 9;
    attempt.time = now - std::chrono::seconds{2};
    attempt.rule = "start-crashed";
    attempt.act = "start-unit";
    attempt.unit = kFpm;
    attempt.incident = 4;
    attempt.outcome = core::ActOutcome::kSucceeded;
    ledger.attempts.push_back(attempt);
    core::Topology topology;
    topology.services.push_back(
        core::Service{kFpm,
                      core::ServiceRole::kPhpFpm,
                      {core::Backend{"unix:/run/php/php8.2-fpm.sock", "", ""}}});
    (void)engine::step(state, {now, core::TopologyLearnt{topology}});
    (void)engine::step(state,
                       {now, core::IncidentRestored{4, kFpm, now - std::chrono::seconds{3}}});
    (void)engine::step(state, {now, core::LedgerLearnt{ledger}});
    const engine::Incident& incident = state.incidents.at(4);
    EXPECT_EQ(incident.unverified_attempt, 9U);
    EXPECT_EQ(state.next_incident, 5U);
}

TEST(Step, ClosesIncidentsOfServicesThatAreNoLongerConfigured) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service inactive", "+1ms probe backend missing"});
    engine::State state = story.state();
    const engine::Effects effects =
        engine::step(state, {core::TimePoint{}, core::TopologyLearnt{core::Topology{}}});
    EXPECT_TRUE(state.services.empty());
    EXPECT_EQ(state.incidents.begin()->second.outcome, "gone");
    EXPECT_FALSE(effects.empty());
}

TEST(Step, IsDeterministic) {
    const std::vector<std::string> events{"+1s unit php8.2-fpm.service failed signal",
                                          "+10ms probe backend refused",
                                          "+80ms unit php8.2-fpm.service active",
                                          "+1ms act done 7 succeeded",
                                          "+10ms probe backend good",
                                          "+31s tick",
                                          "+1ms probe backend good"};
    EXPECT_EQ(Story().tell(events).dump(), Story().tell(events).dump());
}

}  // namespace
}  // namespace gatemend::testing
