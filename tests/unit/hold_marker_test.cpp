// SPDX-License-Identifier: MIT
#include "sandbox/tools/hold_marker.hpp"

#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatemend::sandbox {
namespace {

using namespace std::chrono_literals;

constexpr core::TimePoint kNow{1'700'000'000s};

std::string problem_of(std::string_view text) {
    const auto marker = decode_marker(text);
    return marker ? "" : marker.error().text;
}

TEST(HoldMarker, ReadsWhatItWrites) {
    const HoldMarker marker{
        .until = kNow + 1s, .by = "alice", .reason = "a = b, größer", .pid = 4194304};
    EXPECT_EQ(decode_marker(encode_marker(marker)).value(), marker);
    const HoldMarker bare{.until = kNow};
    EXPECT_EQ(decode_marker(encode_marker(bare)).value(), bare);
}

TEST(HoldMarker, SkipsKeysItDoesNotKnow) {
    EXPECT_EQ(decode_marker("until=2026-11-21T14:30:00Z\nticket=OPS-1").value().until,
              core::parse_time("2026-11-21T14:30:00Z").value());
}

TEST(HoldMarker, SaysWhatIsWrong) {
    EXPECT_EQ(problem_of("by=alice\n"), "does not say until when");
    EXPECT_EQ(problem_of("until=tomorrow"), "line 1: until is no time like 2026-11-21T14:30:00Z");
    EXPECT_EQ(problem_of("by=a\nby=b\n"), "line 2: said before");
    EXPECT_EQ(problem_of("deploying\n"), "line 1: no key=value");
    EXPECT_EQ(problem_of("reason=\x1b[2J"), "line 1: no key=value");
    EXPECT_EQ(problem_of("pid=0"), "line 1: pid is no number");
    EXPECT_EQ(problem_of("pid=99999999999"), "line 1: pid is no number");
    EXPECT_NE(problem_of("reason=" + std::string(600, 'x')), "");
}

class HoldFolderTest : public ::testing::Test {
  protected:
    HoldFolderTest() { EXPECT_EQ(::chmod(folder.path().c_str(), 0755), 0); }

    void put(const std::string& name, const std::string& text, core::Duration age = 0s) {
        const std::string path = folder / name;
        test::overwrite(path, text);
        const auto written = std::chrono::floor<std::chrono::seconds>(kNow - age);
        const timespec time{written.time_since_epoch().count(), 0};
        const timespec times[2] = {time, time};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    }

    FoundMarker only(uid_t owner = ::geteuid()) {
        const HoldFolder holds = read_holds(folder.path(), kNow, owner);
        EXPECT_EQ(holds.problem, "");
        EXPECT_EQ(holds.markers.size(), 1U);
        return holds.markers.empty() ? FoundMarker{} : holds.markers.front();
    }

    test::TempDir folder;
};

TEST_F(HoldFolderTest, IsEmptyWhereThereIsNone) {
    EXPECT_EQ(read_holds(folder / "none", kNow, 0).problem, "");
    EXPECT_TRUE(read_holds(folder / "none", kNow, 0).markers.empty());
}

TEST_F(HoldFolderTest, IsOverWhenItsTimeIs) {
    put("deploy", encode_marker({.until = kNow, .by = "alice"}), 1h);
    const FoundMarker found = only();
    EXPECT_FALSE(found.is_in_force);
    EXPECT_TRUE(found.is_believed);
    EXPECT_EQ(describe(found), "alice, over since 2023-11-14T22:13:20Z");
}

TEST_F(HoldFolderTest, CountsATouchedFileForAQuarterOfAnHour) {
    put("deploy", "", 15min - 1s);
    EXPECT_TRUE(only().is_in_force);
    EXPECT_EQ(only().marker.until, kNow + 1s);
    EXPECT_EQ(describe(only()), "touched, says nothing, until 2023-11-14T22:13:21Z");
    put("deploy", "", 15min);
    EXPECT_FALSE(only().is_in_force);
}

TEST_F(HoldFolderTest, CountsAGarbledFileForAnHour) {
    put("deploy", "{\"until\": 5}", 1h - 1s);
    EXPECT_TRUE(only().is_in_force);
    EXPECT_NE(describe(only()).find("cannot be read: line 1: no key=value"), std::string::npos);
    put("deploy", "{\"until\": 5}", 1h);
    EXPECT_FALSE(only().is_in_force);
    put("deploy", std::string(kMaxMarkerBytes + 1, 'x'));
    EXPECT_NE(describe(only()).find("longer than it may be"), std::string::npos);
}

TEST_F(HoldFolderTest, EndsAfterADayWhateverItSays) {
    put("deploy", encode_marker({.until = kNow + 24h * 365}), 24h - 1s);
    EXPECT_EQ(only().marker.until, kNow + 1s);
    put("deploy", encode_marker({.until = kNow + 24h * 365}), 24h);
    EXPECT_FALSE(only().is_in_force);
}

TEST_F(HoldFolderTest, DoesNotBelieveAFileFromADistantFuture) {
    put("deploy", "", -25h);
    EXPECT_FALSE(only().is_in_force);
    EXPECT_EQ(describe(only()), "does not count: was written in a distant future");
}

TEST_F(HoldFolderTest, BelievesNobodyButTheOwner) {
    put("deploy", "");
    EXPECT_EQ(describe(only(::geteuid() + 1)),
              "does not count: its folder does not belong to root");
    ASSERT_EQ(::chmod((folder / "deploy").c_str(), 0666), 0);
    EXPECT_EQ(describe(only()), "does not count: is writable by others than root");
    ASSERT_EQ(::chmod((folder / "deploy").c_str(), 0644), 0);
    ASSERT_EQ(::chmod(folder.path().c_str(), 01777), 0);
    EXPECT_FALSE(only().is_in_force);
    EXPECT_EQ(describe(only()), "does not count: its folder is writable by others than root");
}

TEST_F(HoldFolderTest, FollowsNoLinkAndOpensNoPipe) {
    test::TempDir elsewhere;
    test::overwrite(elsewhere / "x", "");
    ASSERT_EQ(::symlink((elsewhere / "x").c_str(), (folder / "link").c_str()), 0);
    EXPECT_FALSE(only().is_in_force);
    ASSERT_EQ(::unlink((folder / "link").c_str()), 0);
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0644), 0);
    EXPECT_EQ(describe(only()), "does not count: is no regular file");
}

TEST_F(HoldFolderTest, SkipsWhatIsJustBeingWritten) {
    put(".alice-1.new", "");
    EXPECT_TRUE(read_holds(folder.path(), kNow, ::geteuid()).markers.empty());
}

TEST_F(HoldFolderTest, SaysSoWhenThereAreTooManyFiles) {
    for (std::size_t i = 0; i <= kMaxMarkerFiles; ++i) {
        test::overwrite(folder / std::to_string(i), "x");
    }
    EXPECT_NE(read_holds(folder.path(), kNow, ::geteuid()).problem, "");
}

}  // namespace
}  // namespace gatemend::sandbox
