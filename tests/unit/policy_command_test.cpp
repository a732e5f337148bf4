// SPDX-License-Identifier: MIT
// `gatemend policy test`, `list` and `show`: what they print, where from, and with which exit
// status.
#include "cli/policy_check.hpp"
#include "cli/policy_show.hpp"
#include "cli/policy_test.hpp"
#include "cli/policy_values.hpp"
#include "tests/unit/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gatemend::cli {
namespace {

constexpr const char* kRule = R"([[rule]]
name = "start-shop"
when = { cause = "app-down", unit = "shop*.service" }
mode = "act"
ladder = [ { act = "start-unit", within = "10s" } ]
limit = { max = 2 }
suggest = [ { act = "debug-log", within = "9s", with = { seconds = 60 } } ]
[[rule.test]]
given = [
    "topology shop.service other http://127.0.0.1:8000",
    "unit shop.service failed signal",
    "journal shop.service",
    "probe shop.service refused",
]
expect = "act start-unit shop.service"
)";

// A machine's policy below a new temporary folder.
class PolicyCommand : public testing::Test {
  protected:
    PolicyCommand() {
        options_.paths = {root_ / "gatemend.toml", root_ / "shipped", root_ / "overrides"};
        std::filesystem::create_directory(options_.paths.shipped);
        std::filesystem::create_directory(options_.paths.overrides);
        write("overrides/10-shop.toml", kRule);
        write("gatemend.toml", "mode = \"observe\"\nunits = [\"shop.service\"]\n");
    }

    void write(const std::string& name, const std::string& text) {
        std::ofstream{root_ / name} << text;
    }

    // What a command prints to standard output.
    template <class Command>
    std::string printed(Command command) {
        testing::internal::CaptureStdout();
        status_ = command();
        return testing::internal::GetCapturedStdout();
    }

    test::TempDir root_;
    PolicyOptions options_;
    int status_ = -1;
};

TEST_F(PolicyCommand, TestsRunWithThisMachinesUnitsAndWithoutItsMode) {
    const std::string place = root_ / "overrides/10-shop.toml:8";
    EXPECT_EQ(printed([this] { return run_policy_test(options_); }),
              "ok   " + place + ": start-shop: act start-unit shop.service\n1 test, 0 failed\n");
    EXPECT_EQ(status_, 0);
}

TEST_F(PolicyCommand, TestsOfThePackageRunWithDefaultSettings) {
    std::filesystem::rename(root_ / "overrides/10-shop.toml", root_ / "shipped/10-shop.toml");
    const std::string text = printed([this] { return run_policy_test(options_); });
    EXPECT_NE(text.find("FAIL "), std::string::npos);
    EXPECT_NE(
        text.find("expected \"act start-unit shop.service\", got \"hold, hold unit-not-allowed"),
        std::string::npos)
        << text;
    EXPECT_EQ(status_, 1);
}

TEST_F(PolicyCommand, TestsOfADraftUseTheSettingsOfTheMachine) {
    write("draft.toml", kRule);
    options_.draft = root_ / "draft.toml";
    options_.is_json = true;
    const auto document =
        nlohmann::json::parse(printed([this] { return run_policy_test(options_); }));
    EXPECT_EQ(status_, 0);
    EXPECT_EQ(document["run"], 1);
    EXPECT_EQ(document["tests"][0]["place"], root_ / "draft.toml:8");
    EXPECT_EQ(document["tests"][0]["ok"], true);
}

TEST_F(PolicyCommand, TestFailsOnASetThatCannotBeRead) {
    write("overrides/20-broken.toml", "[[rule]\n");
    EXPECT_EQ(printed([this] { return run_policy_test(options_); }), "");
    EXPECT_EQ(status_, 1);
}

TEST_F(PolicyCommand, ListsRulesWithWhatTheMachineLetsThemDo) {
    const std::string text = printed([this] { return run_policy_list(options_); });
    EXPECT_EQ(text,
              "RULE        CAUSE                   MODE           ACTS (+ SUGGESTED)      LIMIT  "
              "FILE\n"
              "start-shop  app-down shop*.service  observe (act)  start-unit + debug-log  2/15m  " +
                  (root_ / "overrides/10-shop.toml:1\n"));
    EXPECT_EQ(status_, 0);
}

TEST_F(PolicyCommand, ShowsWhereEachValueComesFrom) {
    write("shipped/10-shop.toml", "");
    const std::string text = printed([this] { return run_policy_show(options_, ""); });
    const std::string rule = root_ / "overrides/10-shop.toml";
    const std::string settings = root_ / "gatemend.toml";
    for (const std::string& line :
         {"# " + rule + " replaces " + (root_ / "shipped/10-shop.toml"),
          "units                    = [\"shop.service\"]  # " + settings + ":2",
          "limits.host.max          = 20  # default" + std::string{},
          "limit.max      = 2  # " + rule + ":6",
          "limit.per      = \"15m\"  # default" + std::string{},
          "suggest        = [{ act = \"debug-log\", within = \"9s\", with = { seconds = \"60\" } }]"
          "  # " +
              rule + ":7",
          "# gatemend.toml allows less: observe (act)" + std::string{}}) {
        EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\n" << text;
    }
}

TEST_F(PolicyCommand, ShowsOneRuleAsJson) {
    options_.is_json = true;
    const auto document =
        nlohmann::json::parse(printed([this] { return run_policy_show(options_, "start-shop"); }));
    EXPECT_EQ(document["rule"], "start-shop");
    EXPECT_EQ(document["values"][0]["key"], "when.cause");
    EXPECT_EQ(document["values"][0]["from"], root_ / "overrides/10-shop.toml:3");
    EXPECT_EQ(printed([this] { return run_policy_show(options_, "start-shp"); }), "");
    EXPECT_EQ(status_, 1);
}

TEST_F(PolicyCommand, CheckWarnsOfUnitsThatThisMachineDoesNotAllow) {
    write("gatemend.toml", "units = [\"nginx.service\"]\n");
    const auto warnings = policy::load_policy(options_.paths, policy::review).warnings;
    EXPECT_TRUE(std::any_of(warnings.begin(), warnings.end(), [](const auto& warning) {
        return warning.message == "no unit like \"shop*.service\" may be acted on";
    }));
    // The package's rules are for every machine.
    std::filesystem::rename(root_ / "overrides/10-shop.toml", root_ / "shipped/10-shop.toml");
    for (const policy::Diagnostic& warning :
         policy::load_policy(options_.paths, policy::review).warnings) {
        EXPECT_EQ(warning.message.find("may be acted on"), std::string::npos);
    }
}

TEST(ToToml, WritesWhatAPolicyFileWould) {
    EXPECT_EQ(to_toml({{"act", "start-unit"}, {"n", 3}}), "{ act = \"start-unit\", n = 3 }");
    EXPECT_EQ(to_toml(nlohmann::ordered_json::array({"a", "b"})), "[\"a\", \"b\"]");
    EXPECT_EQ(to_toml(false), "false");
}

}  // namespace
}  // namespace gatemend::cli
