// SPDX-License-Identifier: MIT
// `gatemend replay --policy NEW --diff OLD` over kept events and logs: what differs, and nothing
// else.
#include "cli/replay_diff.hpp"

#include "tests/unit/temp_dir.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

namespace gatemend::cli {
namespace {

std::string rule(const std::string& name, const std::string& lines) {
    return "[[rule]]\nname = \"" + name + "\"\nwhen = { cause = \"unit-failed\" }\n" + lines + "\n";
}

const std::string kActing = "mode = \"act\"\nladder = [ { act = \"start-unit\" } ]\n";

class ReplayDiff : public testing::Test {
  protected:
    ReplayDiff() {
        std::filesystem::create_directory(root_ / "old");
        std::filesystem::create_directory(root_ / "new");
        options_.policies = {"", root_ / "new", ""};
        options_.old_policies = policy::PolicyPaths{"", root_ / "old", ""};
        options_.files = {root_ / "events"};
        write("events",
              "# gatemend events\n"
              "2026-11-21T14:00:00Z ledger empty\n"
              "topology php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock\n"
              "config php8.2-fpm.service valid\n"
              "unit php8.2-fpm.service active\n"
              "+10s unit php8.2-fpm.service failed signal\n"
              "+12ms probe php8.2-fpm.service refused errno=111\n"
              "+1m tick\n");
    }

    void write(const std::string& name, const std::string& text) {
        std::ofstream{root_ / name} << text;
    }

    std::string printed() {
        testing::internal::CaptureStdout();
        status_ = run_replay_diff(options_);
        return testing::internal::GetCapturedStdout();
    }

    test::TempDir root_;
    ReplayOptions options_;
    int status_ = -1;
};

TEST_F(ReplayDiff, SaysNothingWhereTheDecisionsAreTheSame) {
    write("old/10.toml", rule("a", kActing));
    write("new/10.toml", rule("renamed", kActing + "limit = { max = 9 }\n"));
    EXPECT_EQ(printed(),
              "---\n0 of 1 incidents differ; act 1 -> 1; ask 0 -> 0; hold 0 -> 0; "
              "observe 0 -> 0; give up 0 -> 0\n");
    EXPECT_EQ(status_, kExitSame);
}

TEST_F(ReplayDiff, ShowsWhatWouldBeDoneInstead) {
    write("old/10.toml", rule("report", ""));
    write("new/10.toml", rule("start", kActing));
    EXPECT_EQ(printed(),
              "2026-11-21T14:00:10.000000Z php8.2-fpm.service unit-failed\n"
              "- 2026-11-21T14:00:10.012000Z observe (report)\n"
              "+ 2026-11-21T14:00:10.012000Z act start-unit php8.2-fpm.service (start)\n"
              "---\n1 of 1 incidents differ; act 0 -> 1; ask 0 -> 0; hold 0 -> 0; "
              "observe 1 -> 0; give up 0 -> 0\n");
    EXPECT_EQ(status_, kExitDifferent);
}

TEST_F(ReplayDiff, ShowsHoldsAsJson) {
    write("old/10.toml", rule("start", kActing));
    write("new/10.toml",
          rule("start", kActing + "windows = [ { from = \"20:00\", until = \"21:00\" } ]\n"));
    options_.is_json = true;
    const auto document = nlohmann::json::parse(printed());
    EXPECT_EQ(document["same"], false);
    EXPECT_EQ(document["incidents"][0]["old"][0]["decision"], "act start-unit php8.2-fpm.service");
    EXPECT_EQ(document["incidents"][0]["new"][0]["decision"], "hold maintenance");
    EXPECT_EQ(document["decisions"]["act"]["old"], 1);
    EXPECT_EQ(document["decisions"]["act"]["new"], 0);
}

// What the executor answered belongs to the side that acted; the other has nothing to answer.
TEST_F(ReplayDiff, SkipsAnswersToActsThatOnlyOneSideAskedFor) {
    write("old/10.toml", rule("report", ""));
    write("new/10.toml", rule("start", kActing));
    std::ofstream{root_ / "events", std::ios::app}
        << "+40ms act done 1 succeeded\n+5ms unit php8.2-fpm.service active\n";
    EXPECT_NE(printed().find("1 of 1 incidents differ"), std::string::npos);
    EXPECT_EQ(status_, kExitDifferent);
    std::ofstream{root_ / "events", std::ios::app} << "act done 1 succeeded\n";  // to neither
    EXPECT_EQ(printed(), "");
    EXPECT_EQ(status_, kExitTrouble);
}

TEST_F(ReplayDiff, TellsAPolicyThatCannotBeReadFromADifference) {
    write("old/10.toml", rule("a", kActing));
    write("new/10.toml", "[[rule]\n");
    EXPECT_EQ(printed(), "");
    EXPECT_EQ(status_, kExitTrouble);
}

// Over logs no act is done: both engines see the same story, one line says what each would have
// done.
TEST_F(ReplayDiff, ReplaysLogsWithBothSidesInOnePass) {
    write("old/10.toml", "");
    std::string asking = rule("ask", "mode = \"ask\"\nladder = [ { act = \"restore-config\" } ]\n");
    asking.replace(asking.find("unit-failed"), 11, "fpm-config-invalid");
    write("new/10.toml", asking);
    options_.files.clear();
    for (const auto& log : std::filesystem::directory_iterator(
             GATEMEND_SOURCE_DIR "/tests/replay/logs_journal_alone/logs")) {
        options_.files.push_back(log.path().string());
    }
    const std::string text = printed();
    EXPECT_NE(text.find("php8.2-fpm.service fpm-config-invalid\n"), std::string::npos) << text;
    EXPECT_NE(text.find("Z observe\n+ "), std::string::npos) << text;
    EXPECT_NE(text.find(" (ask)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("1 of 1 incidents differ"), std::string::npos) << text;
    EXPECT_EQ(status_, kExitDifferent);
}

}  // namespace
}  // namespace gatemend::cli
