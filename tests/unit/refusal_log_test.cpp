// SPDX-License-Identifier: MIT
#include "sandbox/executor/refusal_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::sandbox {
namespace {

using core::TimePoint;

constexpr TimePoint kStart{std::chrono::hours{24 * 365}};

TEST(RefusalLog, TellsTheFirstAtOnceAndThenCounts) {
    RefusalLog log;
    EXPECT_EQ(log.note("Plan", kStart)->count, 1U);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_FALSE(log.note("Plan", kStart + std::chrono::seconds{1}));
    }
    const auto later = log.note("Plan", kStart + kRefusalInterval);
    ASSERT_TRUE(later);
    EXPECT_EQ(later->count, 1001U);
    EXPECT_EQ(later->others, 0U);
}

TEST(RefusalLog, ADayOfEverNewKindsStaysSmallAndNothingIsUncounted) {
    RefusalLog log;
    std::uint64_t written = 0;
    std::uint64_t told = 0;
    std::uint64_t asked = 0;
    for (int second = 0; second < 24 * 60 * 60; ++second) {
        for (int i = 0; i < 10; ++i) {
            const auto tally =
                log.note("unit" + std::to_string(asked++), kStart + std::chrono::seconds{second});
            written += tally ? 1 : 0;
            told += tally ? tally->count + tally->others : 0;
        }
    }
    EXPECT_LE(written, kMaxRefusalBurst + 24 * 60 * 60 / 10);
    const auto last = log.note("unit0", kStart + std::chrono::hours{48});
    ASSERT_TRUE(last);
    EXPECT_EQ(told + last->count + last->others, asked + 1);
}

TEST(RefusalLog, AFloodDoesNotSilenceForGood) {
    RefusalLog log;
    for (int i = 0; i < 100'000; ++i) {
        (void)log.note("unit" + std::to_string(i), kStart);
    }
    EXPECT_TRUE(log.note("Execute", kStart + kRefusalRefill));
}

TEST(RefusalLog, AClockThatIsSetBackDoesNotSilenceIt) {
    RefusalLog log;
    EXPECT_TRUE(log.note("Plan", kStart));
    EXPECT_TRUE(log.note("Plan", kStart - std::chrono::hours{1000}));
}

}  // namespace
}  // namespace gatemend::sandbox
