// SPDX-License-Identifier: MIT
#include "app/record_quota.hpp"

#include <gtest/gtest.h>

namespace gatemend::app {
namespace {

using engine::RecordKind;

core::TimePoint at(int second) {
    return core::TimePoint{std::chrono::seconds{1'795'000'000 + second}};
}

engine::Record record(RecordKind kind, const std::string& unit, std::uint64_t incident = 0) {
    engine::Record result;
    result.kind = kind;
    result.unit = unit;
    result.incident = incident;
    result.text = "a sentence";
    return result;
}

const std::string kFpm = "php8.2-fpm.service";

TEST(RecordQuota, WritesTheSameSentenceWithGrowingSpacingAndCountsTheRest) {
    RecordQuota quota;
    int written = 0;
    std::uint64_t left_out = 0;
    for (int second = 0; second < 3600; second += 4) {
        const auto verdict = quota.take(at(second), record(RecordKind::kSuspicion, kFpm));
        written += verdict.is_written ? 1 : 0;
        left_out += verdict.left_out;
    }
    EXPECT_LE(written, 10);
    EXPECT_GE(written, 5);
    EXPECT_GT(left_out, 300U);
    EXPECT_EQ(quota.left_out() + static_cast<std::uint64_t>(written), 900U);
}

TEST(RecordQuota, WritesWhatIsNewAtOnce) {
    RecordQuota quota;
    for (int i = 0; i < 20; ++i) {
        engine::Record news = record(RecordKind::kDecided, kFpm, 7);
        news.text = "reason " + std::to_string(i);
        EXPECT_TRUE(quota.take(at(0), news).is_written);
    }
}

TEST(RecordQuota, AFloodOfDeadUpstreamsFlushesNothingForDays) {
    RecordQuota quota;
    std::uint64_t written = 0;
    for (int second = 0; second < 24 * 3600; second += 10) {
        for (int port = second % 50; port < 300; port += 50) {
            engine::Record flood =
                record(RecordKind::kSuspicion, "(127.0.0.1:" + std::to_string(4000 + port) + ")");
            flood.text = "another sentence " + std::to_string(second);
            written += quota.take(at(second), flood).is_written ? 1U : 0U;
        }
    }
    constexpr std::uint64_t kBytes = 1000;                            // of a long record
    constexpr std::uint64_t kKept = std::uint64_t{40} * 1024 * 1024;  // all parts
    EXPECT_LT(written * kBytes * 5, kKept) << written << " records a day";
    EXPECT_GT(written, 24U * 60U) << "it is seen that there was one";
}

TEST(RecordQuota, AFloodElsewhereCostsAUnitNothing) {
    RecordQuota quota;
    for (int i = 0; i < 5000; ++i) {
        engine::Record flood =
            record(RecordKind::kSuspicion, "(127.0.0.1:" + std::to_string(i) + ")");
        flood.text = std::to_string(i);
        (void)quota.take(at(0), flood);
    }
    for (const RecordKind kind :
         {RecordKind::kOpened, RecordKind::kDiagnosed, RecordKind::kDecided, RecordKind::kClosed}) {
        EXPECT_TRUE(quota.take(at(1), record(kind, kFpm, 9)).is_written);
    }
}

TEST(RecordQuota, WhatWasDoneIsAlwaysWritten) {
    RecordQuota quota;
    for (int i = 0; i < 1000; ++i) {
        for (const RecordKind kind :
             {RecordKind::kActed, RecordKind::kConfirmed, RecordKind::kEscalated}) {
            EXPECT_TRUE(quota.take(at(0), record(kind, kFpm, 3)).is_written);
        }
    }
}

TEST(RecordQuota, AnIncidentThatWasOpenedHasItsEnd) {
    RecordQuota quota;
    EXPECT_TRUE(quota.take(at(0), record(RecordKind::kOpened, "(10.0.0.1:80)", 1)).is_written);
    std::uint64_t unwritten = 0;
    for (std::uint64_t id = 2; id < 100 && unwritten == 0; ++id) {
        const bool is_open =
            quota.take(at(0), record(RecordKind::kOpened, "(10.0.0.1:80)", id)).is_written;
        unwritten = is_open ? 0 : id;
    }
    ASSERT_NE(unwritten, 0U);
    EXPECT_FALSE(
        quota.take(at(1), record(RecordKind::kClosed, "(10.0.0.1:80)", unwritten)).is_written);
    EXPECT_TRUE(quota.take(at(1), record(RecordKind::kClosed, "(10.0.0.1:80)", 1)).is_written);
}

TEST(RecordQuota, AClockThatWasSetBackHoldsNothingForEver) {
    RecordQuota quota;
    EXPECT_TRUE(quota.take(at(100'000), record(RecordKind::kSuspicion, kFpm)).is_written);
    EXPECT_TRUE(quota.take(at(0), record(RecordKind::kSuspicion, kFpm)).is_written);
}

}  // namespace
}  // namespace gatemend::app
