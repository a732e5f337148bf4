// SPDX-License-Identifier: MIT
#include "executor_fakes.hpp"
#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/message_ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace gatemend::sandbox {
namespace {

std::vector<std::string> audit_kinds(const ExecutorMachine& machine) {
    std::vector<std::string> kinds;
    const auto report = read_audit(machine.audit_path(), [&](std::string_view line) {
        const std::string_view key = "\"kind\":\"";
        const std::size_t at = line.find(key) + key.size();
        kinds.emplace_back(line.substr(at, line.find('"', at) - at));
    });
    EXPECT_TRUE(report && report->problem == AuditProblem::kNone);
    return kinds;
}

using Kinds = std::vector<std::string>;

TEST(Executor, PerformsAPlannedActAndRecordsIntentBeforeOutcome) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    const auto result = std::get<ActResult>(machine.execute(digest));
    EXPECT_EQ(result.attempt, 1U);
    EXPECT_EQ(result.outcome, core::ActOutcome::kSucceeded);
    EXPECT_EQ(machine.systemd.jobs, std::vector<std::string>{"start " + kFpm});
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "intent", "outcome"}));
    EXPECT_EQ(machine.ledger_changes, 1);
}

TEST(Executor, DigestIsThatOfTheCanonicalPlan) {
    ExecutorMachine machine;
    const actions::Plan plan{.act = actions::ActId::kStartUnit,
                             .unit = kFpm,
                             .role = core::ServiceRole::kPhpFpm,
                             .rule = "start-crashed-backend",
                             .cause = core::Cause::kUnitFailed,
                             .expected_active = core::ActiveState::kFailed,
                             .expected_invocation = kInvocation,
                             .deadline = std::chrono::seconds{5}};
    EXPECT_EQ(std::get<Proposal>(machine.plan(make_request())).digest,
              sha256_hex(actions::canonical_text(plan)));
}

TEST(Executor, IntentIsOnDiskWhileTheJobRuns) {
    ExecutorMachine machine;
    machine.systemd.is_job_held = true;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "intent"}));
    machine.systemd.end_job();
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "intent", "outcome"}));
}

TEST(Executor, AnInterruptedActIsResolvedAtTheNextStartAndNotRepeated) {
    ExecutorMachine machine;
    machine.systemd.is_job_held = true;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
    machine.start();
    EXPECT_TRUE(machine.is_ready);
    ASSERT_EQ(machine.executor->ledger().attempts.size(), 1U);
    EXPECT_EQ(machine.executor->ledger().attempts[0].outcome, core::ActOutcome::kInterrupted);
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "intent", "start", "outcome"}));
    EXPECT_EQ(machine.systemd.jobs.size(), 1U);
}

TEST(Executor, AFailedJobIsAFailedAct) {
    ExecutorMachine machine;
    machine.systemd.job_result = "failed";
    const auto result = std::get<ActResult>(machine.heal_once());
    EXPECT_EQ(result.outcome, core::ActOutcome::kFailed);
    EXPECT_EQ(result.detail, "systemd's job ended as failed");
}

TEST(Executor, BudgetSurvivesARestartAndLatchesLoudly) {
    ExecutorMachine machine;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(fault_of(machine.fail_once()), "");
        machine.now += std::chrono::minutes{1};
    }
    machine.start();
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: budget-exhausted");
    EXPECT_EQ(machine.notices.sent.back().message_id, message_id::kLatched);
    EXPECT_EQ(machine.notices.sent.back().priority, 2);
    machine.now += std::chrono::hours{48};
    machine.start();
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: latched");
    EXPECT_EQ(machine.systemd.jobs.size(), 3U);
}

TEST(Executor, ALiftedBreakerForgivesAndSurvivesARestart) {
    ExecutorMachine machine;
    for (int i = 0; i < 4; ++i) {
        (void)machine.fail_once();
        machine.now += std::chrono::seconds{1};
    }
    EXPECT_FALSE(machine.executor->ledger().latches.empty());
    EXPECT_EQ(fault_of(machine.executor->lift(kFpm, "uid 0")), "");
    machine.now += std::chrono::seconds{1};
    machine.start();
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
    EXPECT_EQ(fault_of(machine.heal_once()), "");
}

TEST(Executor, LatchesForTheAgentOnlyWhenTheBudgetIsUsedUp) {
    ExecutorMachine machine;
    const std::string rule = "start-crashed-backend";
    EXPECT_EQ(fault_of(machine.latch(kFpm, rule)), "Refused: executor-refused");
    for (int i = 0; i < 3; ++i) {
        (void)machine.fail_once();
    }
    EXPECT_EQ(fault_of(machine.latch(kFpm, rule)), "");
    EXPECT_EQ(fault_of(machine.latch(kFpm, rule)), "");
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U);
}

TEST(Executor, APauseStopsPlansAndPermitsAndSurvivesARestart) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    EXPECT_EQ(fault_of(machine.executor->pause(60, "deploy", "uid 0")), "");
    EXPECT_EQ(fault_of(machine.execute(digest)),
              "NotFound: no such plan, or it was executed or is too old");
    machine.start();
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: paused");
    EXPECT_EQ(fault_of(machine.executor->resume("uid 0")), "");
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
}

TEST(Executor, HoldsForWhatItSeesItself) {
    struct Case {
        std::function<void(ExecutorMachine&)> arrange;
        std::string fault;
    };

    const std::vector<Case> cases{
        {[](auto& m) { m.systemd.units[kFpm].is_masked = true; }, "Refused: masked"},
        {[](auto& m) { m.systemd.units[kFpm].has_job = true; }, "Refused: job-queued"},
        {[](auto& m) {
             m.systemd.units[kFpm].active = core::ActiveState::kActivating;
             m.systemd.units[kFpm].sub = "auto-restart";
         },
         "Refused: restart-pending"},
        {[](auto& m) { m.systemd.system_state = "stopping"; }, "Refused: shutting-down"},
        {[](auto& m) { m.systemd.units[kFpm].active = core::ActiveState::kActive; },
         "Refused: executor-refused"},
        {[](auto& m) { m.systemd.units[kFpm].invocation_id = std::string(32, 'c'); },
         "Refused: executor-refused"},
        {[](auto& m) { m.facts.verdict = "invalid"; }, "Refused: config-invalid"},
        {[](auto& m) { m.facts.verdict = "unknown"; }, "Refused: config-unknown"},
        {[](auto& m) {
             m.loaded.policy.settings.mode = policy::Mode::kObserve;
             (void)m.executor->reload();
         },
         "Refused: observe-only"},
        {[](auto& m) {
             m.loaded.policy.rules[0].mode = policy::Mode::kAsk;
             (void)m.executor->reload();
         },
         "Refused: needs-approval"},
    };
    for (const Case& test : cases) {
        ExecutorMachine machine;
        test.arrange(machine);
        EXPECT_EQ(fault_of(machine.plan(make_request())), test.fault);
        EXPECT_TRUE(machine.systemd.jobs.empty());
    }
}

TEST(Executor, LooksAgainBetweenPlanAndExecute) {
    ExecutorMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    machine.systemd.units[kFpm].has_job = true;
    EXPECT_EQ(fault_of(machine.execute(digest)), "Refused: job-queued");
    EXPECT_FALSE(machine.executor->is_acting());
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

std::string read_all(const std::string& path) {
    std::ifstream file{path};
    std::ostringstream stream;
    stream << file.rdbuf();
    return stream.str();
}

// Somebody changes the record while the executor is away.
void falsify(ExecutorMachine& machine) {
    std::string text = read_all(machine.audit_path());
    text[text.find("start-unit")] = 'S';
    machine.executor.reset();
    std::ofstream{machine.audit_path()} << text;
    machine.start();
}

TEST(Executor, WithoutARecordNothingIsDone) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    falsify(machine);
    EXPECT_FALSE(machine.executor->ledger().unreadable.empty());
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: record-unreadable");
    EXPECT_TRUE(std::ranges::any_of(machine.notices.sent, [](const Notice& notice) {
        return notice.message_id == message_id::kRecordFailed && notice.priority == 2;
    }));
    machine.start();
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: record-unreadable") << "also next time";
    EXPECT_EQ(machine.systemd.jobs.size(), 1U);
}

TEST(Executor, ARecordThatAPersonHasLookedAtIsPutAsideAndItGoesOn) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    (void)machine.executor->pause(60, "for the test", "uid 0");
    (void)machine.executor->resume("uid 0");
    falsify(machine);
    const std::string broken = read_all(machine.audit_path());
    const std::string why = machine.executor->ledger().unreadable;
    EXPECT_EQ(fault_of(machine.executor->acknowledge(
                  {.by = "uid 0", .findings = {{"audit.jsonl", std::string(64, 'a'), why}}})),
              "");
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
    EXPECT_EQ(fault_of(machine.heal_once()), "");
    EXPECT_EQ(read_all(archive_path(machine.audit_path(), 1)).substr(0, broken.size()), broken);
    const std::string text = read_all(machine.audit_path());
    EXPECT_NE(text.find("\"kind\":\"acknowledged\",\"by\":\"uid 0\",\"problem\":"),
              std::string::npos);
    EXPECT_NE(text.find(std::string(64, 'a')), std::string::npos);
    machine.start();
    EXPECT_EQ(machine.executor->ledger().unreadable, "") << "also next time";
    EXPECT_EQ(fault_of(machine.executor->acknowledge({.by = "uid 0", .findings = {}})),
              "NotFound: there is nothing wrong with the record");
}

TEST(Executor, AttemptsOfARecordThatWasPutAsideStillCount) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    (void)machine.heal_once();
    std::string text = read_all(machine.audit_path());
    text[text.find("\"start\"") + 1] = 'S';  // not one of the intents
    machine.executor.reset();
    std::ofstream{machine.audit_path()} << text;
    machine.start();
    ASSERT_NE(machine.executor->ledger().unreadable, "");
    EXPECT_EQ(fault_of(machine.executor->acknowledge({.by = "uid 0", .findings = {}})), "");
    EXPECT_EQ(machine.executor->ledger().attempts.size(), 2U);
    EXPECT_EQ(std::get<ActResult>(machine.heal_once()).attempt, 3U);
}

TEST(Executor, AnchorsItsRecordWithEveryActAndHourly) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    const auto anchor = [&] {
        const auto found = std::find_if(
            machine.notices.sent.rbegin(), machine.notices.sent.rend(), [](const Notice& notice) {
                return !notice.audit_head.empty();
            });
        return std::pair{found->audit_seq, found->audit_head};
    };
    const auto end_of_record = [&] {
        const auto report = read_chain(machine.audit_path(), {}, {});
        return std::pair{report->last_seq, report->head};
    };
    EXPECT_EQ(anchor(), end_of_record());
    EXPECT_EQ(machine.notices.sent.back().audit_file, machine.audit_path());
    EXPECT_NE(machine.executor->reload(), "no such problem");  // a record without a notice
    EXPECT_NE(anchor(), end_of_record());
    machine.pass(kAnchorInterval);
    EXPECT_EQ(anchor(), end_of_record());
    EXPECT_EQ(machine.notices.sent.back().message_id, message_id::kAnchored);
    const std::size_t notices = machine.notices.sent.size();
    machine.pass(10 * kAnchorInterval);
    EXPECT_EQ(machine.notices.sent.size(), notices) << "nothing new, nobody woken";
}

TEST(Executor, ABrokenPolicyLeavesTheLastGoodOne) {
    ExecutorMachine machine;
    machine.loaded.errors.push_back({.file = "x.toml",
                                     .line = 1,
                                     .column = 1,
                                     .message = "no",
                                     .source_line = "",
                                     .suggestion = ""});
    EXPECT_NE(machine.executor->reload(), "");
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    machine.start();
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: no-rule");
}

TEST(Executor, RepeatedRefusalsAreWrittenOnceInTenSeconds) {
    ExecutorMachine machine;
    machine.systemd.units[kFpm].is_masked = true;
    for (int i = 0; i < 50; ++i) {
        (void)machine.plan(make_request());
    }
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "refused"}));
    machine.now += std::chrono::seconds{11};
    (void)machine.plan(make_request());
    EXPECT_EQ(audit_kinds(machine), (Kinds{"start", "refused", "refused"}));
}

TEST(Permits, AreUsedOnceAndExpire) {
    PermitTable table;
    const core::TimePoint now{};
    table.grant("d", {}, now);
    EXPECT_TRUE(table.take("d", now));
    EXPECT_FALSE(table.take("d", now));
    table.grant("d", {}, now);
    EXPECT_FALSE(table.take("d", now + kPermitLifetime + core::Duration{1}));
}

TEST(Permits, AreBounded) {
    PermitTable table;
    for (std::size_t i = 0; i <= kMaxPermits; ++i) {
        table.grant(std::to_string(i), {}, {});
    }
    EXPECT_FALSE(table.take("0", {}));
    EXPECT_TRUE(table.take("1", {}));
}

}  // namespace
}  // namespace gatemend::sandbox
