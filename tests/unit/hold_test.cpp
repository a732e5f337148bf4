// SPDX-License-Identifier: MIT
#include "cli/hold.hpp"

#include "cli/child_process.hpp"
#include "cli/exit_code.hpp"
#include "cli/hold_folder.hpp"
#include "sandbox/bus/unique_fd.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace gatemend::cli {
namespace {

using namespace std::chrono_literals;
using core::TimePoint;
using sandbox::HoldMarker;

int status_of(const std::vector<std::string>& argv) {
    return run_child(argv, 1h, [] {}).status;
}

TEST(ChildProcess, EndsAsItsCommandEnds) {
    EXPECT_EQ(status_of({"true"}), 0);
    EXPECT_EQ(status_of({"sh", "-c", "exit 3"}), 3);
    EXPECT_EQ(status_of({"sh", "-c", "kill -KILL $$"}), 128 + SIGKILL);
}

TEST(ChildProcess, SaysWhatCouldNotBeRun) {
    const test::TempDir folder;
    test::overwrite(folder / "text", "");
    const ChildEnd absent = run_child({folder / "absent"}, 1h, [] {});
    EXPECT_EQ(absent.status, 127);
    EXPECT_EQ(absent.problem, (folder / "absent") + ": No such file or directory");
    EXPECT_EQ(status_of({folder / "text"}), 126);
}

TEST(ChildProcess, HandsOnWhatAsksItToEnd) {
    EXPECT_EQ(status_of({"sh", "-c", "kill -TERM $PPID; exec tail -f /dev/null"}), 128 + SIGTERM);
    EXPECT_EQ(status_of({"sh", "-c", "kill -HUP $PPID; exec tail -f /dev/null"}), 128 + SIGHUP);
}

TEST(ChildProcess, SaysOnceThatItTakesTooLongAndWaitsOn) {
    const test::TempDir folder;
    const std::string pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const bus::UniqueFd both_ends{::open(pipe.c_str(), O_RDWR | O_CLOEXEC)};
    int overdue = 0;
    const ChildEnd ended = run_child({"head", "-c", "1", pipe}, 0s, [&] {
        ++overdue;
        EXPECT_EQ(::write(both_ends.get(), "x", 1), 1);
    });
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(overdue, 1);
}

class HoldCommand : public ::testing::Test {
  protected:
    HoldCommand() {
        options.folder = above / "hold.d";
        options.owner = ::geteuid();
    }

    [[nodiscard]] sandbox::HoldFolder holds() const {
        const auto now = std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
        return sandbox::read_holds(options.folder, now, options.owner);
    }

    // What it prints.
    std::string list(bool is_json) {
        HoldOptions asked = options;
        asked.length.clear();
        asked.reason.clear();
        asked.command.clear();
        asked.is_list = true;
        asked.is_json = is_json;
        testing::internal::CaptureStdout();
        EXPECT_EQ(run_hold(asked), kExitOk);
        return testing::internal::GetCapturedStdout();
    }

    int end() {
        HoldOptions asked;
        asked.folder = options.folder;
        asked.owner = options.owner;
        asked.is_end = true;
        testing::internal::CaptureStdout();
        const int status = run_hold(asked);
        printed = testing::internal::GetCapturedStdout();
        return status;
    }

    test::TempDir above;
    HoldOptions options;
    std::string printed;
};

TEST_F(HoldCommand, HoldsWhileItsCommandRunsAndNoLonger) {
    options.length = "10m";
    options.reason = "release 42";
    const std::string seen = above / "seen";
    options.command = {"sh", "-c", "cat " + options.folder + "/* > " + seen + "; exit 7"};
    EXPECT_EQ(run_hold(options), 7);

    std::ifstream file(seen);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto marker = sandbox::decode_marker(text);
    ASSERT_TRUE(marker) << text;
    EXPECT_EQ(marker->reason, "release 42");
    EXPECT_EQ(marker->pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_TRUE(holds().markers.empty());
}

TEST_F(HoldCommand, TakesTheMarkerAwayWhenTheCommandCannotBeRun) {
    options.length = "10m";
    options.command = {above / "absent"};
    EXPECT_EQ(run_hold(options), 127);
    EXPECT_TRUE(holds().markers.empty());
}

TEST_F(HoldCommand, HoldsWithoutACommandUntilItIsEnded) {
    options.length = "10m";
    testing::internal::CaptureStdout();
    ASSERT_EQ(run_hold(options), kExitOk);
    EXPECT_TRUE(testing::internal::GetCapturedStdout().starts_with("held until "));
    ASSERT_EQ(holds().markers.size(), 1U);
    EXPECT_TRUE(holds().markers.front().is_in_force);
    EXPECT_EQ(holds().markers.front().marker.pid, 0U);

    const auto document = nlohmann::json::parse(list(true));
    EXPECT_EQ(document["holds"][0]["in_force"], true);
    EXPECT_NE(list(false).find(", until "), std::string::npos);

    EXPECT_EQ(end(), kExitOk);
    EXPECT_EQ(printed, "ended\n");
    EXPECT_TRUE(holds().markers.empty());
    EXPECT_EQ(list(false), "nobody holds gatemend back\n");
    EXPECT_EQ(end(), kExitOk);
    EXPECT_EQ(printed, "no hold of yours\n");
}

TEST_F(HoldCommand, EndsNobodyElsesHold) {
    const TimePoint later =
        std::chrono::floor<core::Duration>(std::chrono::system_clock::now()) + 1h;
    ASSERT_TRUE(write_hold(
        options.folder, "other", {.until = later, .by = "somebody-else"}, options.owner));
    EXPECT_EQ(end(), kExitOk);
    EXPECT_EQ(holds().markers.size(), 1U);
}

TEST_F(HoldCommand, SweepsWhatIsOverAndLeavesWhatOthersTouched) {
    options.length = "10m";
    options.command = {"true"};
    ASSERT_EQ(run_hold(options), 0);  // makes the folder
    test::overwrite(options.folder + "/dead",
                    sandbox::encode_marker({.until = TimePoint{1s}, .by = "alice"}));
    test::overwrite(options.folder + "/deploy", "");
    ASSERT_EQ(run_hold(options), 0);
    ASSERT_EQ(holds().markers.size(), 1U);
    EXPECT_EQ(holds().markers.front().name, "deploy");
}

TEST_F(HoldCommand, IsNoneWhereTheGuardsWouldNotBelieveIt) {
    ASSERT_EQ(::mkdir(options.folder.c_str(), 0755), 0);
    ASSERT_EQ(::chmod(options.folder.c_str(), 0777), 0);
    options.length = "10m";
    const std::string ran = above / "ran";
    options.command = {"touch", ran};
    EXPECT_EQ(run_hold(options), kExitFailed);
    EXPECT_TRUE(holds().markers.empty());
    EXPECT_NE(::access(ran.c_str(), F_OK), 0);
}

TEST_F(HoldCommand, RefusesWhatMakesNoSense) {
    const auto refused = [this](auto change) {
        HoldOptions asked = options;
        change(asked);
        return run_hold(asked) == kExitUsage;
    };
    EXPECT_TRUE(refused([](HoldOptions&) {}));
    EXPECT_TRUE(refused([](HoldOptions& asked) { asked.length = "soon"; }));
    EXPECT_TRUE(refused([](HoldOptions& asked) { asked.length = "500ms"; }));
    EXPECT_TRUE(refused([](HoldOptions& asked) { asked.length = "25h"; }));
    EXPECT_TRUE(refused([](HoldOptions& asked) { asked.command = {"true"}; }));
    EXPECT_TRUE(refused([](HoldOptions& asked) { asked.is_end = asked.is_list = true; }));
    EXPECT_TRUE(refused([](HoldOptions& asked) {
        asked.length = "1m";
        asked.reason = "two\nlines";
    }));
    EXPECT_NE(::access(options.folder.c_str(), F_OK), 0) << "nothing may have been made";
}

}  // namespace
}  // namespace gatemend::cli
