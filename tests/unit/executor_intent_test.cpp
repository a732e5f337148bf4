// SPDX-License-Identifier: MIT
// What somebody stopped is not started, whatever the agent says.
#include "core/intent.hpp"
#include "executor_fakes.hpp"

#include <gtest/gtest.h>

namespace gatemend::sandbox {
namespace {

core::LastJob written(const ExecutorMachine& machine, core::JobType type, std::uint32_t id = 7) {
    return {type, id, false, machine.now};
}

// Nobody has listened when it went down.
void go_down_unheard(ExecutorMachine& machine) {
    machine.systemd.units[kFpm].has_missed_jobs = true;
    machine.systemd.units[kFpm].changed = machine.now;
}

TEST(ExecutorIntent, StartsWhatHasCrashedWhileItListenedAndAsksNobody) {
    ExecutorMachine machine;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    EXPECT_TRUE(machine.facts.asked_jobs.empty());
}

TEST(ExecutorIntent, StartsNothingThatWasStoppedWhileItListened) {
    for (const char* result : {"done", "canceled"}) {
        ExecutorMachine machine;
        machine.systemd.units[kFpm].has_ended_job = true;
        machine.systemd.units[kFpm].ended_job = 7;
        machine.systemd.units[kFpm].job_result = result;
        for (const char* act : {"start-unit", "restart-unit"}) {
            auto request = make_request();
            request.act = act;
            EXPECT_EQ(fault_of(machine.plan(request)), "Refused: admin-stopped") << act << result;
        }
        EXPECT_TRUE(machine.systemd.jobs.empty());
    }
}

// The stop of what has failed is written nowhere; the start that systemd refused since may be.
TEST(ExecutorIntent, StartsNothingThatWasStoppedBeforeAStartThatWasRefused) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].has_ended_job = true;
    machine.systemd.units[kFpm].ended_job = 7;
    machine.systemd.units[kFpm].job_result = "done";
    machine.systemd.units[kFpm].changed = machine.now;
    core::LastJob job;
    ASSERT_TRUE(core::take_older(
        job, {.time = machine.now, .job_type = "start", .job_result = "assert", .job_id = "9"}));
    machine.facts.last_job_line = core::encode(job);
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: admin-stopped");
}

TEST(ExecutorIntent, AsksTheJournalWhereItHasNotListened) {
    ExecutorMachine machine;
    go_down_unheard(machine);
    machine.systemd.units[kFpm].id = "php-fpm-by-its-own-name.service";
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown") << "no journal";
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kStop));
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: admin-stopped");
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kNone));
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown") << "vacuumed";
    machine.facts.last_job_line = std::string{"words of somebody else"};
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown");
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kStart));
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    EXPECT_EQ(machine.facts.asked_jobs.front(), "php-fpm-by-its-own-name.service");
}

TEST(ExecutorIntent, StartsNothingThatMayHaveBeenDisabledWhileItWasDown) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].was_perhaps_disabled = true;
    for (const char* act : {"start-unit", "restart-unit"}) {
        auto request = make_request();
        request.act = act;
        EXPECT_EQ(fault_of(machine.plan(request)), "Refused: intent-unknown") << act;
    }
    EXPECT_TRUE(machine.facts.asked_jobs.empty()) << "it has listened: no stop can be written";
    go_down_unheard(machine);
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kStart));
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown");
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kStop));
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: admin-stopped");
    machine.facts.last_job_line = core::encode(written(machine, core::JobType::kStart));
    machine.systemd.units[kFpm].was_perhaps_disabled = false;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "") << "enabled again, or disabled before";
}

TEST(ExecutorIntent, WhatIsDisabledBetweenPlanAndExecuteIsNotStarted) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.systemd.units[kFpm].was_perhaps_disabled = true;
    EXPECT_EQ(fault_of(machine.execute(digest)), "Refused: intent-unknown");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST(ExecutorIntent, WhatIsMaskedIsNotStarted) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].is_masked = true;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: masked");
}

TEST(ExecutorIntent, WaitsForAJournalThatHasNotCaughtUp) {
    ExecutorMachine machine;
    go_down_unheard(machine);
    auto old = written(machine, core::JobType::kStart);
    old.told -= std::chrono::hours{1};
    machine.facts.last_job_line = core::encode(old);
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown");
    machine.now += core::kJournalLag;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown")
        << "a journal that does not tell of the end may not tell of a stop either";
    old.told = machine.systemd.units[kFpm].changed;
    machine.facts.last_job_line = core::encode(old);
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
}

TEST(ExecutorIntent, AsksForTheRunThatHasEnded) {
    ExecutorMachine machine;
    go_down_unheard(machine);
    auto job = written(machine, core::JobType::kStart);
    job.run = std::string(32, '7');
    machine.facts.last_job_line = core::encode(job);
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown");
    job.run = machine.systemd.units[kFpm].invocation_id;
    machine.facts.last_job_line = core::encode(job);
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    machine.systemd.units[kFpm].is_muted = true;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: intent-unknown")
        << "LogLevelMax= keeps what systemd says of its jobs out of the journal";
}

TEST(ExecutorIntent, LeavesAloneWhatHasEndedByItselfAndWell) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].active = core::ActiveState::kInactive;
    machine.systemd.units[kFpm].exec_main_code = 1;
    auto request = make_request();
    request.expected_active = "inactive";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: admin-stopped");
    machine.systemd.units[kFpm].exec_main_code = 2;
    machine.systemd.units[kFpm].exec_main_status = 9;
    EXPECT_EQ(fault_of(machine.plan(request)), "") << "crashed, and its failure was reset";
}

TEST(ExecutorIntent, LeavesAloneWhatASignalHasAskedToEnd) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].result = core::UnitResult::kExitCode;
    machine.systemd.units[kFpm].exec_main_code = 1;
    machine.systemd.units[kFpm].exec_main_status = 143;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: admin-stopped");
    machine.systemd.units[kFpm].exec_main_status = 137;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "") << "the kernel was out of memory";
}

TEST(ExecutorIntent, ARuleThatRevivesStartsWhatWasStopped) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].has_ended_job = true;
    machine.systemd.units[kFpm].job_result = "done";
    machine.loaded.policy.rules[0].is_reviving_stopped = true;
    machine.start();
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    machine.systemd.units[kFpm].was_perhaps_disabled = true;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
}

TEST(ExecutorIntent, AStopBetweenPlanAndExecuteIsObeyed) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.systemd.units[kFpm].has_ended_job = true;
    machine.systemd.units[kFpm].job_result = "done";
    EXPECT_EQ(fault_of(machine.execute(digest)), "Refused: admin-stopped");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST(ExecutorIntent, AStopWhileTheIntentIsWrittenDownIsObeyed) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    // Two looks belong to the check of the whole plan; the third is the one with the intent on
    // record.
    machine.systemd.on_read = [&machine, reads = 0]() mutable {
        if (++reads == 3) {
            machine.systemd.units[kFpm].has_ended_job = true;
            machine.systemd.units[kFpm].job_result = "done";
        }
    };
    const auto result = std::get<ActResult>(machine.execute(digest));
    EXPECT_EQ(result.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(result.detail.find("not begun"), std::string::npos) << result.detail;
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

// apt takes its lock while the intent is written down.
TEST(ExecutorIntent, WorkThatBeginsWhileTheIntentIsWrittenDownHoldsTheAct) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.guards = [looks = 0](const std::string&, actions::ActId, const HoldDone& done) mutable {
        const GateHold hold{core::HoldKind::kPackageManager, "apt is at work"};
        done(++looks == 2 ? std::optional{hold} : std::nullopt);
    };
    const auto result = std::get<ActResult>(machine.execute(digest));
    EXPECT_EQ(result.outcome, core::ActOutcome::kFailed);
    EXPECT_EQ(result.detail, "not begun: apt is at work");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

// What is down loses nothing by a start in vain; the second one asks first.
TEST(ExecutorIntent, AStartAfterOneInVainIsTestedAgain) {
    ExecutorMachine machine;
    machine.facts.valid_since = std::chrono::hours{1};
    machine.facts.verdict = "invalid";
    machine.systemd.job_result = "failed";
    EXPECT_EQ(std::get<ActResult>(machine.heal_once()).outcome, core::ActOutcome::kFailed);
    machine.pass(std::chrono::minutes{5});
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: config-invalid");
}

TEST(ExecutorIntent, ACancelledJobIsToldAsSuch) {
    ExecutorMachine machine;
    machine.systemd.job_result = "canceled";
    const auto result = std::get<ActResult>(machine.heal_once());
    EXPECT_EQ(result.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(result.detail.find("canceled"), std::string::npos) << result.detail;
}

}  // namespace
}  // namespace gatemend::sandbox
