// SPDX-License-Identifier: MIT
#include "executor_fakes.hpp"
#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_line.hpp"
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

TEST(Executor, AClockSetBackMakesNoPauseLonger) {
    ExecutorMachine machine;
    EXPECT_EQ(fault_of(machine.executor->pause(3600, "deploy", "uid 0")), "");
    const core::TimePoint end = machine.executor->ledger().pause.value().until;
    machine.now += std::chrono::minutes{10};
    machine.start();
    EXPECT_EQ(machine.executor->ledger().pause.value().until, end) << "the clock goes on";
    machine.now -= std::chrono::hours{24 * 365};
    machine.start();
    EXPECT_EQ(machine.executor->ledger().pause.value().until, machine.now + std::chrono::hours{1});
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

// A job of ours is for one unit; what other people run is theirs.
TEST(Executor, HoldsWhereAJobWouldTakeDownAnotherUnit) {
    ExecutorMachine machine;
    machine.systemd.company[kFpm].opposed = {"maintenance.service"};
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: executor-refused");
    machine.systemd.company[kFpm] = {};
    machine.systemd.company[kFpm].followers = {"exporter.service", "queue.service"};
    auto restart = make_request();
    restart.act = "restart-unit";
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
    EXPECT_EQ(fault_of(machine.plan(restart)), "") << "followers are left alone";
}

TEST(Executor, StartsNothingWithoutWhatItRequiresUnlessItNeverWasUp) {
    ExecutorMachine machine;
    machine.systemd.company[kFpm].needed = {"cache.service"};
    core::UnitState& fpm = machine.systemd.units[kFpm];
    core::UnitState& cache = machine.systemd.units["cache.service"];
    fpm.last_active = core::TimePoint{std::chrono::hours{1}};
    cache.active = core::ActiveState::kInactive;
    cache.changed = core::TimePoint{std::chrono::minutes{59}};
    cache.last_active = core::TimePoint{std::chrono::minutes{10}};
    EXPECT_EQ(fault_of(machine.plan(make_request())), "") << "it was down then as well";
    cache.changed = core::TimePoint{std::chrono::minutes{61}};
    cache.was_perhaps_disabled = true;  // nobody enables what others require
    EXPECT_EQ(fault_of(machine.plan(make_request())), "") << "it ends by itself";
    cache.has_ended_job = true;
    cache.job_result = "done";
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: executor-refused");
    cache.last_active = {};
    EXPECT_EQ(fault_of(machine.plan(make_request())), "") << "a job that runs once";
    cache.active = core::ActiveState::kFailed;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: executor-refused");
    cache.active = core::ActiveState::kActive;
    EXPECT_EQ(fault_of(machine.plan(make_request())), "");
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

TEST(Executor, AnchorsItsRecordWithEveryActAndSoonAfterAnyOtherRecord) {
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

TEST(Executor, AnchorsItsEndWhenItIsStopped) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    (void)machine.executor->confirm(1, "ineffective", "");  // nobody announces this one
    const std::size_t before = machine.notices.sent.size();
    machine.executor->end();
    ASSERT_EQ(machine.notices.sent.size(), before + 1);
    const auto report = read_chain(machine.audit_path(), {}, {});
    EXPECT_EQ(machine.notices.sent.back().audit_seq, report->last_seq);
    EXPECT_EQ(machine.notices.sent.back().audit_head, report->head);
    machine.executor->end();
    EXPECT_EQ(machine.notices.sent.size(), before + 1) << "it is known there";
}

// A machine whose last record nobody announces was anchored by a stop.
struct StoppedMachine : ExecutorMachine {
    StoppedMachine() {
        is_journal_read = true;
        (void)heal_once();
        (void)executor->confirm(1, "ineffective", "");
        executor->end();
        executor.reset();
        text = read_all(audit_path());
        last = text.substr(text.rfind('\n', text.size() - 2) + 1);
        before = text.substr(0, text.size() - last.size());
    }

    // Starts on another file.
    void start_on(const std::string& changed) {
        std::ofstream{audit_path(), std::ios::trunc} << changed;
        start();
    }

    // The record with its hash computed anew, as somebody who knows how would write it.
    static std::string forged(std::string line, const std::string& from, const std::string& to) {
        line.replace(line.find(from), from.size(), to);
        const std::string hashed = line.substr(0, line.find(",\"hash\""));
        return hashed + ",\"hash\":\"" + sha256_hex(hashed) + "\"}\n";
    }

    std::string text;
    std::string last;
    std::string before;
};

TEST(Executor, FindsEveryEditOfTheLastRecordAtItsStart) {
    using Edit = std::string (*)(const StoppedMachine&);
    const std::vector<std::pair<std::string, Edit>> edits{
        {"dropped", [](const StoppedMachine& m) { return m.before; }},
        {"changed and rehashed",
         [](const StoppedMachine& m) {
             return m.before + StoppedMachine::forged(m.last, "ineffective", "effective");
         }},
        {"torn", [](const StoppedMachine& m) { return m.before + m.last.substr(0, 40); }},
        {"without its newline",
         [](const StoppedMachine& m) { return m.text.substr(0, m.text.size() - 1); }},
        {"zeros",
         [](const StoppedMachine& m) { return m.before + std::string(m.last.size(), '\0'); }},
        {"cut back to the start",
         [](const StoppedMachine& m) { return m.text.substr(0, m.text.find('\n') + 1); }}};
    for (const auto& [name, edit] : edits) {
        StoppedMachine machine;
        machine.start_on(edit(machine));
        EXPECT_NE(machine.executor->ledger().unreadable, "") << name;
        EXPECT_EQ(fault_of(machine.heal_once()), "Refused: record-unreadable") << name;
        const auto report = read_chain(machine.audit_path(), {}, {});
        EXPECT_FALSE(report->findings.empty()) << name << ": also without the journal";
        machine.is_journal_read = false;
        machine.start();
        EXPECT_NE(machine.executor->ledger().unreadable, "") << name << ": also at the next start";
        EXPECT_EQ(fault_of(machine.executor->acknowledge({.by = "uid 0", .findings = {}})), "");
        EXPECT_EQ(fault_of(machine.heal_once()), "") << name;
        machine.is_journal_read = true;
        machine.executor->end();
        machine.start();
        EXPECT_EQ(machine.executor->ledger().unreadable, "") << name << ": and stays acknowledged";
    }
}

TEST(Executor, AMadeUpAcknowledgementDoesNotHideACut) {
    StoppedMachine machine;
    std::ofstream{machine.audit_path(), std::ios::trunc} << machine.before;
    const auto chain = read_chain(machine.audit_path(), {}, {});
    const std::string fields = R"("by":"uid 0","findings":[{"file":"f","key":"","problem":"x"}])";
    const std::string forged = make_audit_line({.seq = chain->last_seq + 1,
                                                .time = machine.now + std::chrono::hours{1},
                                                .kind = "acknowledged",
                                                .fields = fields,
                                                .prev = chain->head});
    machine.start_on(machine.before + forged + "\n");
    EXPECT_NE(machine.executor->ledger().unreadable, "");
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: record-unreadable");
}

TEST(Executor, ACrashIsNoContradiction) {
    StoppedMachine machine;
    machine.start_on(machine.text);
    (void)machine.executor->reload();  // a record that nobody announces
    const std::string text = read_all(machine.audit_path());
    const std::uint64_t seq = read_chain(machine.audit_path(), {}, {})->last_seq;
    machine.executor.reset();  // kill -9: no end()
    machine.start_on(text + "{\"seq\":" + std::to_string(seq + 1) + ",\"time\":\"2026-");
    EXPECT_EQ(machine.executor->ledger().unreadable, "") << "torn behind all that was named";
    EXPECT_EQ(fault_of(machine.heal_once()), "");
    EXPECT_NE(read_all(machine.audit_path()).find("\"kind\":\"torn\""), std::string::npos);
}

TEST(Executor, ACrashThatLosesWhatNoAnchorNamesIsNoContradiction) {
    StoppedMachine machine;
    machine.start_on(machine.text);
    const std::string anchored = read_all(machine.audit_path());
    (void)machine.executor->reload();  // not brought to disk, not named
    machine.executor.reset();
    machine.start_on(anchored);  // the power went, and took it along
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
}

TEST(Executor, ARecordThatIsGoneIsSaidAndHoldsNothing) {
    StoppedMachine machine;
    machine.start_on("");  // a package that was purged and is installed again
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
    EXPECT_EQ(fault_of(machine.heal_once()), "");
    EXPECT_FALSE(read_chain(machine.audit_path(), {}, {})->findings.empty());
}

TEST(Executor, SaysInTheRecordThatTheJournalWasNotAsked) {
    ExecutorMachine machine;  // its journal cannot be read
    EXPECT_NE(read_all(machine.audit_path())
                  .find("\"not_compared\":\"the journal was not read: no journal here\""),
              std::string::npos);
    machine.is_journal_read = true;
    machine.executor->end();
    machine.start();
    const std::string text = read_all(machine.audit_path());
    EXPECT_EQ(text.find("not_compared", text.rfind("\"kind\":\"start\"")), std::string::npos);
}

TEST(Executor, AnActIsOnRecordWhereTheRecordIsLookedFor) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    std::filesystem::rename(machine.audit_path(), machine.audit_path() + ".away");
    EXPECT_EQ(fault_of(machine.heal_once()), "");
    std::ofstream{machine.audit_path() + ".new"} << "what sed -i has made of it\n";
    std::filesystem::rename(machine.audit_path() + ".new", machine.audit_path());
    EXPECT_EQ(fault_of(machine.heal_once()), "");
    const auto report = read_chain(machine.audit_path(), {}, {});
    ASSERT_EQ(report->findings.size(), 2U)
        << "it was whole all the time, and what happened is told";
    EXPECT_EQ(report->findings[0].problem, AuditProblem::kOnRecord);
    EXPECT_EQ(read_all(found_path(machine.audit_path())), "what sed -i has made of it\n");
    EXPECT_EQ(machine.executor->ledger().attempts.size(), 3U);
    machine.start();
    EXPECT_EQ(machine.executor->ledger().attempts.size(), 3U) << "all of them are in the file";
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
}

TEST(Executor, NothingIsDoneOnceSomebodyElseHasWrittenIntoTheRecord) {
    for (const bool is_emptied : {true, false}) {
        ExecutorMachine machine;
        (void)machine.heal_once();
        if (is_emptied) {  // logrotate's copytruncate
            std::filesystem::resize_file(machine.audit_path(), 0);
        } else {
            std::ofstream{machine.audit_path(), std::ios::app} << "{}\n";
        }
        EXPECT_NE(fault_of(machine.heal_once()), "");
        EXPECT_NE(machine.executor->ledger().unreadable, "");
        EXPECT_EQ(machine.systemd.jobs.size(), 1U) << "of before";
        EXPECT_GT(machine.ledger_changes, 1) << "status is told";
        EXPECT_EQ(fault_of(machine.executor->acknowledge({.by = "uid 0", .findings = {}})), "");
        EXPECT_EQ(machine.executor->ledger().attempts.size(), 1U) << "it still counts";
        EXPECT_EQ(fault_of(machine.heal_once()), "");
    }
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
