// SPDX-License-Identifier: MIT
// Did somebody want the unit down? The entries are systemd's own, as 252 and 257 have written them.
#include "core/intent.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::core {
namespace {

const std::string kStopping = "de5b426a63be47a7b6ac3eaac82e2f6f";
const std::string kStopped = "9d1aaa27d60140bd96365438aad20286";
const std::string kStarting = "7d4958e842da4a758f6c1cdc7b36dcc5";
const std::string kStarted = "39f53479d3a045ac8e11786248231fbf";
const std::string kNotStarted = "be02cf6855d2428ba40df7e9d022f03d";
const std::string kExited = "98e322203f7a4ed290d09fe03c09fe15";
const std::string kFailed = "d9b373ed55a64feb8242e02dbe79a49c";
const std::string kSuccess = "7ad2d189f7e94e70a38c781354912448";
const std::string kScheduled = "5eb03494b6584870a536b337290809b3";

const TimePoint kNow = *parse_time("2026-11-29T18:25:00Z");

JobEntry about_job(const std::string& message,
                   const std::string& type,
                   const std::string& id,
                   const std::string& result = "") {
    return {kNow, message, type, result, id};
}

JobEntry about_process(const std::string& message) {
    return {kNow, message, "", "", ""};
}

// Oldest first, as `journalctl` shows them.
LastJob last_of(const std::vector<JobEntry>& entries) {
    LastJob job;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        if (take_older(job, *entry)) {
            break;
        }
    }
    return job;
}

UnitState unheard(ActiveState active, UnitResult result = UnitResult::kSuccess) {
    UnitState state;
    state.is_loaded = true;
    state.active = active;
    state.result = result;
    state.changed = kNow;
    state.has_missed_jobs = true;
    return state;
}

UnitState heard(ActiveState active, const std::string& result = "", std::uint32_t id = 0) {
    UnitState state = unheard(active, UnitResult::kSignal);
    state.has_missed_jobs = false;
    state.has_ended_job = !result.empty();
    state.job_result = result;
    state.ended_job = id;
    return state;
}

struct Written {
    const char* what;
    std::vector<JobEntry> entries;
    Intent intent;
};

TEST(Intent, IsReadFromWhatSystemdHasWritten) {
    const std::vector<Written> cases{
        {"crash",
         {about_job(kStarted, "start", "135", "done"),
          about_process(kExited),
          about_process(kFailed)},
         Intent::kNobody},
        {"stop",
         {about_job(kStarted, "start", "132", "done"),
          about_job(kStopping, "stop", "133"),
          about_process(kSuccess),
          about_job(kStopped, "stop", "133", "done")},
         Intent::kSomebody},
        {"stop that timed out",
         {about_job(kStopping, "stop", "794"),
          about_process(""),
          about_process(kExited),
          about_process(kFailed),
          about_job(kStopped, "stop", "794", "done")},
         Intent::kSomebody},
        {"stop from auto-restart: no word of a beginning",
         {about_job(kStarted, "start", "390", "done"),
          about_process(kExited),
          about_process(kFailed),
          about_job(kStopped, "stop", "441", "done")},
         Intent::kSomebody},
        {"stop in the middle of a start",
         {about_job(kStarting, "start", "896"),
          about_process(kExited),
          about_process(kFailed),
          about_job(kStopped, "stop", "898", "done")},
         Intent::kSomebody},
        {"systemd's own restart of what crashed, which then crashed again",
         {about_process(kFailed),
          about_process(kScheduled),
          about_job(kStopped, "restart", "493", "done"),
          about_job(kStarted, "start", "493", "done"),
          about_process(kExited),
          about_process(kFailed)},
         Intent::kNobody},
        {"restart that failed; its beginning looks like that of a stop",
         {about_job(kStopping, "stop", "1001"),
          about_process(kSuccess),
          about_job(kStopped, "restart", "1001", "done"),
          about_job(kStarting, "start", "1001"),
          about_process(kExited),
          about_process(kFailed),
          about_job(kNotStarted, "start", "1001", "failed")},
         Intent::kNobody},
        {"restart that came no further than its stop",
         {about_job(kStopping, "stop", "1001"), about_job(kStopped, "restart", "1001", "done")},
         Intent::kUnknown},
        {"stopped, then started by hand, without success",
         {about_job(kStopped, "stop", "133", "done"),
          about_job(kStarting, "start", "140"),
          about_process(kFailed),
          about_job(kNotStarted, "start", "140", "failed")},
         Intent::kNobody},
        {"what it needs could not be started",
         {about_job("", "start", "", "dependency")},
         Intent::kNobody},
        {"reloaded, then crashed; its start is so long ago that it was vacuumed",
         {about_job("", "reload", "20", "done"), about_process(kFailed)},
         Intent::kNobody},
        {"start that somebody cancelled",
         {about_job("", "start", "9", "canceled")},
         Intent::kSomebody},
        {"vacuumed", {about_process(kExited), about_process(kFailed)}, Intent::kUnknown},
        {"nothing at all", {}, Intent::kUnknown},
    };
    for (const Written& item : cases) {
        const LastJob job = last_of(item.entries);
        EXPECT_EQ(intent_of(unheard(ActiveState::kFailed, UnitResult::kSignal), job), item.intent)
            << item.what;
    }
    EXPECT_EQ(intent_of(unheard(ActiveState::kFailed), std::nullopt), Intent::kUnknown)
        << "a journal that cannot be read says nothing";
}

// LogLevelMax=notice, or a log level of systemd's own: its warnings are written, and no more.
TEST(Intent, AStartOfAnEarlierRunSaysNothingOfThisOne) {
    UnitState state = unheard(ActiveState::kFailed, UnitResult::kTimeout);
    JobEntry failed_start = about_job(kNotStarted, "start", "140", "failed");
    failed_start.run = std::string(32, 'a');
    const LastJob job = last_of({failed_start, about_process(""), about_process(kFailed)});
    state.invocation_id = std::string(32, 'b');
    EXPECT_EQ(intent_of(state, job), Intent::kUnknown);
    state.invocation_id = std::string(32, 'a');
    EXPECT_EQ(intent_of(state, job), Intent::kNobody) << "nothing has run since";
    state.invocation_id.clear();
    EXPECT_EQ(intent_of(state, job), Intent::kUnknown) << "systemd has forgotten it";
    failed_start.run = "";
    EXPECT_EQ(intent_of(state, last_of({failed_start})), Intent::kNobody) << "never ran at all";
    state.invocation_id = std::string(32, 'b');
    EXPECT_EQ(intent_of(state, last_of({failed_start})), Intent::kUnknown);
    failed_start.run = "no number";
    EXPECT_EQ(last_of({failed_start}).run, "") << "no run that anybody knows";
}

TEST(Intent, AStopOfAnEarlierRunIsStillAStop) {
    UnitState state = unheard(ActiveState::kFailed);
    state.invocation_id = std::string(32, 'b');
    JobEntry stop = about_job(kStopped, "stop", "140", "done");
    stop.run = std::string(32, 'a');
    EXPECT_EQ(intent_of(state, last_of({stop})), Intent::kSomebody);
}

TEST(Intent, AJournalWithGapsIsNoLeaveToStart) {
    UnitState state = unheard(ActiveState::kFailed, UnitResult::kTimeout);
    LastJob job = last_of({about_job(kStarted, "start", "1", "done"), about_process(kFailed)});
    EXPECT_EQ(intent_of(state, job), Intent::kNobody);
    state.is_muted = true;
    EXPECT_EQ(intent_of(state, job), Intent::kUnknown) << "a stop would not be written";
    job.type = JobType::kStop;
    EXPECT_EQ(intent_of(state, job), Intent::kSomebody);
    state.is_muted = false;
    job = LastJob{JobType::kStart, 1, false, kNow - std::chrono::seconds{1}};
    EXPECT_EQ(intent_of(state, job), Intent::kUnknown) << "it does not even tell that it ended";
    EXPECT_EQ(heard_intent(heard(ActiveState::kFailed)), Intent::kNobody)
        << "who has listened needs no journal";
}

// No job tells of that: whatever jobs say of a start, it may have been before.
TEST(Intent, IsNotKnownOfWhatMayHaveBeenDisabledWhileItWasDown) {
    UnitState state = heard(ActiveState::kFailed);
    state.was_perhaps_disabled = true;
    EXPECT_EQ(heard_intent(state), Intent::kUnknown);
    state = heard(ActiveState::kFailed, "failed", 7);
    state.was_perhaps_disabled = true;
    EXPECT_EQ(heard_intent(state), Intent::kUnknown);
    state = heard(ActiveState::kFailed, "canceled", 7);
    state.was_perhaps_disabled = true;
    EXPECT_EQ(heard_intent(state), Intent::kSomebody) << "which is known";
    state = unheard(ActiveState::kFailed);
    state.was_perhaps_disabled = true;
    EXPECT_FALSE(heard_intent(state)) << "the journal may tell of a stop";
    LastJob job = last_of({about_job(kStarted, "start", "1", "done"), about_process(kFailed)});
    EXPECT_EQ(intent_of(state, job), Intent::kUnknown);
    EXPECT_EQ(intent_of(state, std::nullopt), Intent::kUnknown);
    job.type = JobType::kStop;
    EXPECT_EQ(intent_of(state, job), Intent::kSomebody);
}

TEST(Intent, OnlyWhatCouldBeEnabledIsDisabled) {
    for (const char* word : {"disabled", "linked", "linked-runtime"}) {
        EXPECT_TRUE(is_disabled_state(word)) << word;
        EXPECT_FALSE(is_enabled_state(word)) << word;
    }
    for (const char* word : {"enabled",
                             "enabled-runtime",
                             "static",
                             "indirect",
                             "generated",
                             "transient",
                             "alias",
                             "masked",
                             "masked-runtime",
                             "bad",
                             ""}) {
        EXPECT_FALSE(is_disabled_state(word)) << word;
    }
}

TEST(Intent, NeedsNoJournalWhereNoJobWasHeard) {
    EXPECT_EQ(heard_intent(heard(ActiveState::kFailed)), Intent::kNobody);
    EXPECT_FALSE(heard_intent(unheard(ActiveState::kFailed)));
}

TEST(Intent, AJobThatWasCancelledOrDoneIsSomebodys) {
    EXPECT_EQ(heard_intent(heard(ActiveState::kFailed, "canceled", 7)), Intent::kSomebody);
    EXPECT_EQ(heard_intent(heard(ActiveState::kFailed, "failed", 7)), Intent::kNobody)
        << "somebody has tried to start it";
    const UnitState done = heard(ActiveState::kInactive, "done", 7);
    EXPECT_FALSE(heard_intent(done)) << "a stop, or a start of what crashed at once";
    EXPECT_EQ(intent_of(done, std::nullopt), Intent::kSomebody);
    EXPECT_EQ(intent_of(done, LastJob{JobType::kStart, 7, false, kNow}), Intent::kNobody);
    EXPECT_EQ(intent_of(done, LastJob{JobType::kStart, 6, false, kNow}), Intent::kSomebody)
        << "systemd writes nothing of a stop of what has failed already";
}

// systemd writes nothing of a stop of what has failed already, but it may write of what came after.
TEST(Intent, WhatSystemdHasWrittenOfARefusedJobIsNotNewerThanAStopThatWasHeard) {
    const UnitState stopped = heard(ActiveState::kFailed, "done", 7);
    for (const auto& [type, result] : {std::pair{"reload", "invalid"},
                                       std::pair{"verify-active", "skipped"},
                                       std::pair{"start", "assert"},
                                       std::pair{"start", "unsupported"},
                                       std::pair{"start", "once"}}) {
        const LastJob job = last_of({about_job(kStarted, "start", "5", "done"),
                                     about_process(kFailed),
                                     about_job("", type, "9", result)});
        EXPECT_EQ(job.type, JobType::kStart) << result;
        EXPECT_EQ(intent_of(stopped, job), Intent::kSomebody) << result;
        EXPECT_EQ(intent_of(unheard(ActiveState::kFailed), job), Intent::kNobody) << result;
    }
    const LastJob tried = last_of({about_job(kStarted, "start", "5", "done"),
                                   about_job(kNotStarted, "start", "9", "failed")});
    EXPECT_EQ(intent_of(stopped, tried), Intent::kNobody) << "somebody wanted it up";
}

TEST(Intent, IsNotKnownWhileAJobIsUnderWay) {
    UnitState state = heard(ActiveState::kFailed);
    state.has_job = true;
    EXPECT_EQ(heard_intent(state), Intent::kUnknown);
}

TEST(Intent, TheJournalHasToHaveCaughtUp) {
    const UnitState state = unheard(ActiveState::kFailed);
    const auto second = std::chrono::seconds{1};
    const LastJob old{JobType::kStart, 1, false, kNow - second};
    EXPECT_FALSE(is_settled(state, old, kNow, kNow + second)) << "a stop may be on its way";
    EXPECT_TRUE(is_settled(state, old, kNow, kNow + kJournalLag));
    EXPECT_TRUE(is_settled(state, LastJob{JobType::kStart, 1, false, kNow}, kNow, kNow));
    EXPECT_TRUE(is_settled(state, LastJob{JobType::kStop, 1, false, kNow - second}, kNow, kNow));
    UnitState forgotten = state;
    forgotten.changed = TimePoint{};
    EXPECT_FALSE(is_settled(forgotten, old, kNow, kNow + second)) << "systemd forgets the time";
}

TEST(Intent, KnowsWhatHasEndedByItselfAndWell) {
    UnitState state = heard(ActiveState::kInactive);
    EXPECT_FALSE(has_ended_well(state, std::nullopt)) << "a failure that was reset";
    state.exec_main_code = 1;
    EXPECT_TRUE(has_ended_well(state, std::nullopt)) << "nginx -s quit";
    state.exec_main_status = 255;
    EXPECT_FALSE(has_ended_well(state, std::nullopt));
    state.exec_main_code = 2;
    state.exec_main_status = 15;
    EXPECT_TRUE(has_ended_well(state, std::nullopt)) << "systemctl kill";
    state.exec_main_status = 9;
    EXPECT_FALSE(has_ended_well(state, std::nullopt));
    const LastJob job =
        last_of({about_job(kStarted, "start", "1", "done"), about_process(kSuccess)});
    EXPECT_TRUE(has_ended_well(state, job)) << "and what systemd has forgotten it has written";
    state.active = ActiveState::kFailed;
    EXPECT_FALSE(has_ended_well(state, job));
}

// `systemctl kill` of Java and Node: exit code 128 and the signal's number.
TEST(Intent, AnEndThatASignalAskedForIsNoCrashWhateverSystemdCallsIt) {
    UnitState state = heard(ActiveState::kFailed);
    state.result = UnitResult::kExitCode;
    state.exec_main_code = 1;
    for (const int status : {129, 130, 143}) {
        state.exec_main_status = status;
        state.active = ActiveState::kFailed;
        EXPECT_TRUE(has_ended_well(state, std::nullopt)) << status;
        state.active = ActiveState::kInactive;
        EXPECT_TRUE(has_ended_well(state, std::nullopt)) << status << ": SuccessExitStatus=";
    }
    state.active = ActiveState::kFailed;
    for (const int status : {0, 1, 15, 78, 134, 137, 139, 255}) {
        state.exec_main_status = status;
        EXPECT_FALSE(has_ended_well(state, std::nullopt)) << status;
    }
    state.result = UnitResult::kSignal;
    state.exec_main_code = 2;
    for (const int number : {1, 2, 13, 15}) {
        state.exec_main_status = number;
        EXPECT_TRUE(has_ended_well(state, std::nullopt)) << number << ": of a oneshot";
    }
    for (const int number : {6, 7, 9, 11}) {
        state.exec_main_status = number;
        EXPECT_FALSE(has_ended_well(state, std::nullopt)) << number;
    }
}

TEST(Intent, WhatSystemdItselfHasEndedWithASignalHasFailed) {
    UnitState state = heard(ActiveState::kFailed);
    state.exec_main_code = 1;
    state.exec_main_status = 143;
    for (const UnitResult result : {UnitResult::kTimeout,
                                    UnitResult::kOomKill,
                                    UnitResult::kWatchdog,
                                    UnitResult::kProtocol,
                                    UnitResult::kStartLimitHit}) {
        state.result = result;
        EXPECT_FALSE(has_ended_well(state, std::nullopt)) << unit_result_id(result);
    }
    state = heard(ActiveState::kFailed, "failed", 7);
    state.result = UnitResult::kExitCode;
    state.exec_main_code = 1;
    state.exec_main_status = 143;
    EXPECT_FALSE(has_ended_well(state, std::nullopt)) << "ExecStartPost= has failed";
}

// At boot, or in a gap, nobody has heard how the start has ended.
TEST(Intent, AStartThatFailedUnheardIsReadInTheJournal) {
    for (const char* type : {"start", "restart"}) {
        UnitState state = heard(ActiveState::kFailed);
        state.result = UnitResult::kExitCode;
        state.exec_main_code = 1;
        state.exec_main_status = 143;
        state.has_missed_jobs = true;
        LastJob job;
        ASSERT_TRUE(
            take_older(job, {.job_type = type, .job_result = "failed", .job_id = "7", .run = ""}));
        EXPECT_TRUE(job.has_failed) << type;
        EXPECT_EQ(decode_last_job(encode(job)), job);
        EXPECT_FALSE(has_ended_well(state, job)) << type;
        state.has_ended_job = true;
        state.job_result = "done";
        EXPECT_TRUE(has_ended_well(state, job)) << "what was heard is newer";
        LastJob stopped;
        (void)take_older(stopped, {.job_type = "stop", .job_result = "failed", .job_id = "8"});
        EXPECT_FALSE(stopped.has_failed) << "a stop";
    }
}

TEST(Intent, TheLineOfTheToolIsReadAsItWasWritten) {
    for (const JobType type :
         {JobType::kNone, JobType::kStart, JobType::kStop, JobType::kRestart}) {
        LastJob job{type, 4'000'000'000U, type == JobType::kStart, kNow};
        EXPECT_EQ(decode_last_job(encode(job)), job);
        for (const std::string& run : {std::string{}, std::string(32, 'f')}) {
            job.run = run;
            EXPECT_EQ(decode_last_job(encode(job)), job);
        }
    }
    const std::string good = encode(LastJob{});
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode_last_job(good.substr(0, size))) << size;
    }
    for (const char* bad : {"job=stopp id=1 well=0 failed=0 told=1 run=-\n",
                            "job=stop id=-1 well=0 failed=0 told=1 run=-\n",
                            "job=stop id=99999999999 well=0 failed=0 told=1 run=-\n",
                            "job=stop id=1 well=0 failed=0 told=x run=-\n",
                            "job=stop id=1 well=0 failed=0 told=1\n",
                            "job=stop id=1 well=0 failed=0 told=1 run=xyz\n",
                            "job=stop id=1 well=0 failed=0 told=1 run=-\nmore"}) {
        EXPECT_FALSE(decode_last_job(bad)) << bad;
    }
}

}  // namespace
}  // namespace gatemend::core
