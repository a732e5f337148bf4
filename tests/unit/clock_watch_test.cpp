// SPDX-License-Identifier: MIT
// The machine's clock is set to what it shows, which tells the kernel's waiters as any other time
// would, and hurts nobody; how far it jumped is what the given clock says.
#include "sandbox/bus/clock_watch.hpp"

#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <vector>

namespace gatemend::bus {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Each;
using testing::IsEmpty;
using testing::Not;

bool set_clock_to_itself() {
    timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now) == 0;
}

class Clock : public testing::Test {
  protected:
    void SetUp() override {
        if (!set_clock_to_itself()) {
            GTEST_SKIP() << "needs CAP_SYS_TIME";
        }
    }

    void watch() {
        auto opened = ClockWatch::open(
            loop_,
            [this](core::Duration jump) {
                jumps_.push_back(std::chrono::round<std::chrono::seconds>(jump));
            },
            [this] { return loop_.now() + ahead_; });
        ASSERT_TRUE(opened) << opened.error().text;
        watch_ = std::move(*opened);
        test::settle(loop_);
    }

    void set_ahead_by(core::Duration ahead) {
        ahead_ = ahead;
        jumps_.clear();
        EXPECT_TRUE(set_clock_to_itself());
        test::settle(loop_);
    }

    EventLoop loop_ = std::move(*EventLoop::open());
    core::Duration ahead_{};
    std::vector<core::Duration> jumps_;  // as often as it was set; others may do so, too
    std::unique_ptr<ClockWatch> watch_;
};

TEST_F(Clock, SetForwardOrBackIsTold) {
    watch();
    EXPECT_THAT(jumps_, IsEmpty());
    for (const core::Duration jump : {core::Duration{1h}, core::Duration{-2min}}) {
        set_ahead_by(jump);
        EXPECT_THAT(jumps_, AllOf(Not(IsEmpty()), Each(jump)));
    }
}

TEST_F(Clock, SetToWhatItShowsOrByLessThanASecondIsNoJump) {
    watch();
    for (const core::Duration jump : {core::Duration{0}, core::Duration{900ms}}) {
        set_ahead_by(jump);
        EXPECT_THAT(jumps_, IsEmpty());
    }
}

TEST_F(Clock, SetBeforeAnybodyWatchedIsFound) {
    ahead_ = 1h;
    watch();
    EXPECT_THAT(jumps_, AllOf(Not(IsEmpty()), Each(core::Duration{1h})));
}

TEST(ClockWords, SayWhichWay) {
    EXPECT_EQ(jump_words(1h - 20us), "set forward by 1h");
    EXPECT_EQ(jump_words(-150s), "set back by 2m30s");
}

}  // namespace
}  // namespace gatemend::bus
