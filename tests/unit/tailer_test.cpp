// SPDX-License-Identifier: MIT
#include "io/log_tailer.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gatemend::io {
namespace {

namespace fs = std::filesystem;
using test::append;
using test::overwrite;
using testing::ElementsAre;
using testing::IsEmpty;

class Tailer : public testing::Test {
  protected:
    void follow(const std::string& path, std::optional<LogCursor> cursor = std::nullopt) {
        TailHooks hooks;
        hooks.on_line = [this](std::string_view line) { lines_.emplace_back(line); };
        hooks.on_gap = [this](const std::string& why) { gaps_.push_back(why); };
        hooks.open_elsewhere = opener_;
        tailer_.reset();
        tailer_ = std::make_unique<LogTailer>(loop_, *inotify_, path, cursor, std::move(hooks));
        settle();
    }

    void settle() { test::settle(loop_); }

    // What a restart of the agent does to the tailer.
    LogCursor stop() {
        const auto cursor = tailer_->cursor();
        EXPECT_TRUE(cursor.has_value());
        tailer_.reset();
        return cursor.value_or(LogCursor{});
    }

    std::vector<std::string> take() { return std::exchange(lines_, {}); }

    test::TempDir dir_;
    std::string log_ = dir_ / "error.log";
    bus::EventLoop loop_ = std::move(*bus::EventLoop::open());
    std::unique_ptr<Inotify> inotify_ = std::move(*Inotify::open(loop_, core::Duration::zero()));
    std::function<void(const std::string&, std::function<void(core::Result<bus::UniqueFd>)>)>
        opener_;
    std::unique_ptr<LogTailer> tailer_;
    std::vector<std::string> lines_;
    std::vector<std::string> gaps_;
};

TEST_F(Tailer, StartsAtTheEndWithoutACursor) {
    append(log_, "old\n");
    follow(log_);
    append(log_, "new\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("new"));
}

TEST_F(Tailer, SkipsTheRestOfALineItDidNotSeeBegin) {
    append(log_, "begun before");
    follow(log_);
    append(log_, " and ended\nwhole\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("whole"));
}

TEST_F(Tailer, WaitsForTheNewlineOfAPartialLine) {
    append(log_, "");
    follow(log_);
    append(log_, "one ha");
    settle();
    EXPECT_THAT(lines_, IsEmpty());
    append(log_, "lf\ntwo\nthr");
    settle();
    EXPECT_THAT(take(), ElementsAre("one half", "two"));
    append(log_, "ee\n");
    settle();
    EXPECT_THAT(take(), ElementsAre("three"));
}

TEST_F(Tailer, ReadsALogThatAppearsLaterFromItsStart) {
    follow(log_);
    EXPECT_EQ(tailer_->problem(), "");
    append(log_, "first\nsecond\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("first", "second"));
}

TEST_F(Tailer, FindsALogWhoseDirectoryAppearsLater) {
    // The directory cannot be watched before it is there: the poll finds it. Here a new start does.
    follow(dir_ / "nginx/error.log");
    fs::create_directory(dir_ / "nginx");
    append(dir_ / "nginx/error.log", "early\n");
    follow(dir_ / "nginx/error.log");
    append(dir_ / "nginx/error.log", "late\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("late"));
}

TEST_F(Tailer, DrainsARenamedLogBeforeItsSuccessor) {
    append(log_, "");
    follow(log_);
    append(log_, "a\n");
    fs::rename(log_, dir_ / "error.log.1");
    append(dir_ / "error.log.1", "b\n");
    append(log_, "c\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("a", "b", "c"));
    EXPECT_THAT(gaps_, IsEmpty());
}

TEST_F(Tailer, FollowsARenamedLogWhileNginxStillWritesToIt) {
    append(log_, "");
    follow(log_);
    fs::rename(log_, dir_ / "error.log.1");
    append(log_, "");  // logrotate's `create`, before nginx reopens
    settle();
    append(dir_ / "error.log.1", "still the old one\n");
    settle();
    append(log_, "the new one\n");
    settle();
    append(dir_ / "error.log.1", "a worker that is late\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("still the old one", "the new one", "a worker that is late"));
}

TEST_F(Tailer, SurvivesManyRotationsInARow) {
    append(log_, "");
    follow(log_);
    for (int i = 0; i < 20; ++i) {
        append(log_, "line " + std::to_string(i) + "\n");
        settle();
        fs::rename(log_, dir_ / ("error.log." + std::to_string(i)));
        append(log_, "");
        settle();
    }
    EXPECT_EQ(lines_.size(), 20U);
    EXPECT_EQ(lines_.back(), "line 19");
    EXPECT_THAT(gaps_, IsEmpty());
}

TEST_F(Tailer, FollowsALogThatWasDeletedAndMadeAnew) {
    append(log_, "");
    follow(log_);
    append(log_, "before\n");
    fs::remove(log_);
    append(log_, "after\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("before", "after"));
}

TEST_F(Tailer, GoesOnWhereItWasWhenALogIsMovedAwayAndBack) {
    append(log_, "");
    follow(log_);
    append(log_, "one\n");
    settle();
    fs::rename(log_, dir_ / "aside");
    settle();
    fs::rename(dir_ / "aside", log_);
    append(log_, "two\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(Tailer, SaysGapAndRestartsWhenTruncated) {
    append(log_, "x\n");
    follow(log_);
    append(log_, "a long line before the truncation\n");
    settle();
    overwrite(log_, "b\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("a long line before the truncation", "b"));
    EXPECT_EQ(gaps_.size(), 1U);
    EXPECT_EQ(tailer_->counters().gaps, 1U);
}

TEST_F(Tailer, NoticesATruncatedLogThatHasGrownPastItsPosition) {
    append(log_, "");
    follow(log_);
    append(log_, "short\n");
    settle();
    overwrite(log_, "something else, and longer than before\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("short", "something else, and longer than before"));
    EXPECT_EQ(gaps_.size(), 1U);
}

TEST_F(Tailer, ForgetsAPartialLineWhenTruncated) {
    append(log_, "");
    follow(log_);
    append(log_, "never finished");
    settle();
    overwrite(log_, "ok\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("ok"));
}

TEST_F(Tailer, SkipsAnOverlongLineAndGoesOn) {
    append(log_, "");
    follow(log_);
    append(log_, std::string(kMaxLineBytes, 'a') + "\n");
    append(log_, std::string(kMaxLineBytes + 1, 'b') + "\n");
    append(log_, std::string(5 * kMaxLineBytes, 'c'));
    settle();
    append(log_, "\nafter\n");
    settle();
    ASSERT_EQ(lines_.size(), 2U);
    EXPECT_EQ(lines_[0].size(), kMaxLineBytes);
    EXPECT_EQ(lines_[1], "after");
    EXPECT_EQ(tailer_->counters().skipped, 2U);
}

TEST_F(Tailer, PassesBinaryBytesOn) {
    append(log_, "");
    follow(log_);
    append(log_, std::string_view("a\0b\xff\r\n\n", 7));
    settle();
    EXPECT_THAT(lines_, ElementsAre(std::string("a\0b\xff\r", 5), ""));
}

TEST_F(Tailer, ReadsNoMoreThanItsShareInOneTurn) {
    append(log_, "");
    follow(log_);
    append(log_,
           std::string(kBytesPerTurn, 'x').append("\n").append(std::string(2000, 'y')) + "\n");
    std::string many;
    while (many.size() < 3 * kBytesPerTurn) {
        many += "0123456789\n";
    }
    append(log_, many);
    // when: the one turn that the file's change causes
    ASSERT_GT(sd_event_run(loop_.raw(), 0), 0);
    EXPECT_LE(tailer_->counters().bytes, kBytesPerTurn);
    settle();
    EXPECT_GT(tailer_->counters().bytes, 3 * kBytesPerTurn);
}

TEST_F(Tailer, ResumesFromACursor) {
    append(log_, "seen\n");
    follow(log_);
    append(log_, "also seen\nhalf");
    settle();
    EXPECT_THAT(take(), ElementsAre("also seen"));
    const LogCursor cursor = stop();
    append(log_, " a line\nmissed\n");
    follow(log_, cursor);
    EXPECT_THAT(take(), ElementsAre("half a line", "missed"));
    EXPECT_THAT(gaps_, IsEmpty());
}

TEST_F(Tailer, ResumesAcrossARotationThatHappenedMeanwhile) {
    append(log_, "seen\n");
    follow(log_);
    append(log_, "also seen\n");
    settle();
    EXPECT_THAT(take(), ElementsAre("also seen"));
    const LogCursor cursor = stop();
    append(log_, "the old log's last\n");
    fs::rename(log_, dir_ / "error.log.1");
    append(log_, "the new log's first\n");
    follow(log_, cursor);
    EXPECT_THAT(take(), ElementsAre("the old log's last", "the new log's first"));
    EXPECT_THAT(gaps_, IsEmpty());
}

TEST_F(Tailer, SaysGapWhenTheLogOfTheCursorIsGone) {
    append(log_, "seen\n");
    follow(log_);
    const LogCursor cursor = stop();
    fs::remove(log_);
    append(dir_ / "occupies-the-inode", "x");
    append(log_, "fresh\n");
    follow(log_, cursor);
    EXPECT_THAT(lines_, ElementsAre("fresh"));
    EXPECT_EQ(gaps_.size(), 1U);
}

TEST_F(Tailer, DoesNotTakeATruncatedLogForTheSame) {
    append(log_, "one\ntwo\n");
    follow(log_);
    const LogCursor cursor = stop();
    overwrite(log_, "other bytes, and more of them\n");
    follow(log_, cursor);
    EXPECT_THAT(lines_, ElementsAre("other bytes, and more of them"));
    EXPECT_EQ(gaps_.size(), 1U);
}

TEST_F(Tailer, SkipsABacklogThatIsTooLong) {
    append(log_, "start\n");
    follow(log_);
    const LogCursor cursor = stop();
    fs::resize_file(log_, kMaxBacklogBytes + 1000);
    append(log_, "\nrecent\n");
    follow(log_, cursor);
    EXPECT_THAT(lines_, ElementsAre("recent"));
    EXPECT_EQ(gaps_.size(), 1U);
    EXPECT_LE(tailer_->counters().bytes, kMaxBacklogBytes);
}

TEST_F(Tailer, FollowsASymlinkToItsNewTarget) {
    fs::create_directory(dir_ / "data");
    append(dir_ / "data/a.log", "");
    fs::create_symlink("data/a.log", log_);
    follow(log_);
    append(dir_ / "data/a.log", "from a\n");
    settle();
    fs::create_symlink("data/b.log", dir_ / "next");
    append(dir_ / "data/b.log", "from b\n");
    fs::rename(dir_ / "next", log_);
    settle();
    EXPECT_THAT(lines_, ElementsAre("from a", "from b"));
}

TEST_F(Tailer, FollowsRotationInTheDirectoryALinkPointsTo) {
    fs::create_directory(dir_ / "data");
    append(dir_ / "data/a.log", "");
    fs::create_symlink("data/a.log", log_);
    follow(log_);
    fs::rename(dir_ / "data/a.log", dir_ / "data/a.log.1");
    settle();
    append(dir_ / "data/a.log", "new\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("new"));
}

TEST_F(Tailer, RefusesWhatIsNoRegularFile) {
    ASSERT_EQ(::mkfifo(log_.c_str(), 0600), 0);
    follow(log_);
    EXPECT_THAT(tailer_->problem(), testing::HasSubstr("not a regular file"));
}

TEST_F(Tailer, AsksForALogItMayNotOpen) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may open everything";
    }
    append(log_, "");
    ::chmod(log_.c_str(), 0);
    std::string asked;
    opener_ = [&](const std::string& path,
                  const std::function<void(core::Result<bus::UniqueFd>)>& done) {
        asked = path;
        done(core::Error{"not today"});
    };
    follow(log_);
    EXPECT_EQ(asked, log_);
    EXPECT_EQ(tailer_->problem(), "not today");
}

TEST_F(Tailer, GivesUpADeletedLogOnlyForASuccessor) {
    append(log_, "");
    follow(log_);
    fs::rename(log_, dir_ / "error.log.1");
    settle();
    append(dir_ / "error.log.1", "nobody made a new one yet\n");
    settle();
    EXPECT_THAT(lines_, ElementsAre("nobody made a new one yet"));
}

}  // namespace
}  // namespace gatemend::io
