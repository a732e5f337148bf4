// SPDX-License-Identifier: MIT
// What was heard of a unit's jobs, over gaps in the listening.
#include "sandbox/bus/heard_jobs.hpp"

#include "core/intent.hpp"

#include <gtest/gtest.h>

namespace gatemend::bus {
namespace {

using std::chrono::seconds;

const std::string kUnit = "php8.2-fpm.service";

core::UnitState failed(const HeardJobs& heard, core::Duration left_active) {
    core::UnitState state;
    state.id = kUnit;
    state.active = core::ActiveState::kFailed;
    heard.tell(state, left_active);
    return state;
}

// Nobody writes down that what has failed was stopped.
TEST(HeardJobs, AStopOutlivesSystemdExecutingItselfAnew) {
    HeardJobs heard;
    heard.begin(seconds{1});
    heard.note(kUnit, 7, "done", seconds{20});
    heard.interrupt();
    core::UnitState state = failed(heard, seconds{10});
    EXPECT_EQ(state.job_result, "done");
    EXPECT_TRUE(state.has_missed_jobs);
    heard.begin(seconds{30});
    state = failed(heard, seconds{10});
    EXPECT_TRUE(state.has_ended_job);
    EXPECT_EQ(state.ended_job, 7U);
    EXPECT_EQ(state.job_result, "done");
    const core::LastJob start{core::JobType::kStart, 6, false, state.changed};
    EXPECT_EQ(core::intent_of(state, start), core::Intent::kSomebody);
    EXPECT_EQ(core::intent_of(state, std::nullopt), core::Intent::kSomebody);
    const core::LastJob newer{core::JobType::kStart, 8, false, state.changed};
    EXPECT_EQ(core::intent_of(state, newer), core::Intent::kNobody)
        << "somebody has started it since, without success";
    heard.note(kUnit, 9, "failed", seconds{40});
    EXPECT_EQ(failed(heard, seconds{10}).job_result, "failed");
}

TEST(HeardJobs, WhatEndedBeforeTheUnitWentDownIsNotTold) {
    HeardJobs heard;
    heard.begin(seconds{1});
    heard.note(kUnit, 7, "done", seconds{20});
    const core::UnitState state = failed(heard, seconds{25});
    EXPECT_FALSE(state.has_ended_job);
    EXPECT_FALSE(state.has_missed_jobs);
    EXPECT_TRUE(failed(heard, seconds{0}).has_missed_jobs) << "systemd has forgotten when";
}

// A stop may have been missed since.
TEST(HeardJobs, AFailedStartFromBeforeAGapIsNoLeaveToStart) {
    for (const char* result : {"failed", "dependency"}) {
        HeardJobs heard;
        heard.begin(seconds{1});
        heard.note(kUnit, 7, result, seconds{20});
        EXPECT_TRUE(failed(heard, seconds{10}).has_ended_job) << result;
        heard.begin(seconds{30});
        const core::UnitState state = failed(heard, seconds{10});
        EXPECT_FALSE(state.has_ended_job) << result;
        EXPECT_TRUE(state.has_missed_jobs) << "the journal is asked";
    }
}

// A certificate was renewed and nginx reloaded, which is down: "not active, cannot reload". Or what
// requires it was to be started.
TEST(HeardJobs, WhatIsNeitherAStartNorAStopIsNotTold) {
    for (const char* result : {"invalid", "skipped"}) {
        HeardJobs heard;
        heard.begin(seconds{1});
        heard.note(kUnit, 6, result, seconds{15});
        const core::UnitState crashed = failed(heard, seconds{10});
        EXPECT_FALSE(crashed.has_ended_job) << result;
        EXPECT_EQ(core::heard_intent(crashed), core::Intent::kNobody) << result;
        heard.note(kUnit, 7, "done", seconds{20});
        heard.note(kUnit, 8, result, seconds{30});
        EXPECT_EQ(failed(heard, seconds{10}).ended_job, 7U) << result;
        EXPECT_EQ(failed(heard, seconds{10}).job_result, "done") << result;
    }
}

TEST(HeardJobs, AStartThatSystemdRefusesDoesNotDisplaceAStop) {
    for (const char* refused :
         {"assert", "unsupported", "once", "collected", "frozen", "concurrency", "a new word"}) {
        for (const char* stop : {"done", "canceled"}) {
            HeardJobs heard;
            heard.begin(seconds{1});
            heard.note(kUnit, 7, stop, seconds{20});
            heard.note(kUnit, 8, refused, seconds{30});
            EXPECT_EQ(failed(heard, seconds{10}).ended_job, 7U) << stop << ", then " << refused;
            EXPECT_EQ(failed(heard, seconds{10}).job_result, stop) << refused;
            EXPECT_EQ(failed(heard, seconds{25}).job_result, refused) << "of the run before";
            heard.begin(seconds{40});
            EXPECT_EQ(failed(heard, seconds{10}).job_result, stop) << "over a gap, too";
            heard.note(kUnit, 9, "done", seconds{50});
            EXPECT_EQ(failed(heard, seconds{10}).ended_job, 9U) << refused << ", then a stop";
        }
    }
}

TEST(HeardJobs, AStartThatWasTriedAfterAStopIsSomebodysWish) {
    for (const char* tried : {"failed", "dependency", "timeout"}) {
        HeardJobs heard;
        heard.begin(seconds{1});
        heard.note(kUnit, 7, "done", seconds{20});
        heard.note(kUnit, 8, tried, seconds{30});
        EXPECT_EQ(failed(heard, seconds{10}).job_result, tried);
        heard.note(kUnit, 9, "assert", seconds{40});
        EXPECT_EQ(failed(heard, seconds{10}).job_result, "assert") << "the newest answer";
    }
}

TEST(HeardJobs, KeepsTheNewestAndKnowsThatItHasForgotten) {
    HeardJobs heard;
    heard.begin(seconds{1});
    heard.note(kUnit, 1, "done", seconds{20});
    EXPECT_FALSE(failed(heard, seconds{10}).has_missed_jobs);
    for (std::size_t i = 0; i < HeardJobs::kMaxUnits; ++i) {
        heard.note(std::string(i + 1, 'x') + ".service", 2, "done", seconds{30});
    }
    const core::UnitState state = failed(heard, seconds{10});
    EXPECT_FALSE(state.has_ended_job);
    EXPECT_TRUE(state.has_missed_jobs);
}

// Each visitor of sshd, each session and each tool of ours is a unit with a name of its own.
TEST(HeardJobs, AFloodOfNumberedUnitsMakesRoomAmongItself) {
    for (const std::string& flood : {"gatemend-tool-", "sshd@", "session-", "run-u"}) {
        HeardJobs heard;
        heard.begin(seconds{1});
        heard.note(kUnit, 1, "done", seconds{20});
        heard.note("php@shop.service", 2, "done", seconds{20});
        for (std::size_t i = 0; i < 3 * HeardJobs::kMaxUnits; ++i) {
            heard.note(flood + std::to_string(i) + ".service", 3, "done", seconds{30});
        }
        const core::UnitState state = failed(heard, seconds{10});
        EXPECT_EQ(state.job_result, "done") << flood;
        EXPECT_EQ(state.ended_job, 1U) << flood;
        core::UnitState instance;
        instance.id = "php@shop.service";
        instance.active = core::ActiveState::kFailed;
        heard.tell(instance, seconds{10});
        EXPECT_EQ(instance.ended_job, 2U) << flood;
    }
}

}  // namespace
}  // namespace gatemend::bus
