// SPDX-License-Identifier: MIT
// The reader of policy files: the words of its diagnostics are an interface and tested as such.
#include "policies/glob.hpp"
#include "policies/nearest.hpp"
#include "policies/toml_files.hpp"
#include "policies/toml_reader.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string render_all(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        text += render(diagnostic);
    }
    return text;
}

std::string errors_in(std::string_view rules) {
    return render_all(read_rules(rules, "x.toml").errors);
}

std::string errors_in_settings(std::string_view settings) {
    return render_all(read_settings(settings, "gatemend.toml").errors);
}

constexpr std::string_view kWholeRule = R"([[rule]]
name       = "start-crashed-backend"
when       = { cause = "unit-failed" }
witnesses  = 3
ladder     = [ { act = "start-unit", within = "10s" }, { act = "restart-unit", within = "20s" } ]
mode       = "act"
limit      = { max = 4, per = "20m", cooldown = "7s", backoff = 3 }
verify     = { probe = "backend", within = "6s", soak = "31s" }
on_failure = "escalate"
runbook    = "https://wiki.example/502"
[[rule.test]]
given  = ["unit php8.2-fpm.service failed signal", "probe php8.2-fpm.service refused"]
expect = "act start-unit php8.2-fpm.service"
)";

// A rule that is fine but for the lines given, which begin at line 4.
std::string rule_with(const std::string& lines) {
    return "[[rule]]\nname = \"a\"\nwhen = { cause = \"unknown\" }\n" + lines + "\n";
}

TEST(Glob, KnowsStarsAndQuestionMarksOnly) {
    EXPECT_TRUE(matches_glob("php*-fpm.service", "php8.2-fpm.service"));
    EXPECT_TRUE(matches_glob("php*-fpm.service", "php-fpm.service"));
    EXPECT_TRUE(matches_glob("php?.?-fpm.service", "php8.2-fpm.service"));
    EXPECT_TRUE(matches_glob("*a*b*", "xxaxxbxx"));
    EXPECT_TRUE(matches_glob("*", ""));
    EXPECT_TRUE(matches_glob("a**", "a"));
    EXPECT_FALSE(matches_glob("?", ""));
    EXPECT_FALSE(matches_glob("", "a"));
    EXPECT_FALSE(matches_glob("php*-fpm.service", "php8.2-fpm.servicex"));
    EXPECT_FALSE(matches_glob("[a-z]", "a"));
    EXPECT_TRUE(matches_glob("[a-z]", "[a-z]"));
}

TEST(Glob, IsQuickOnAPatternMadeToBeSlow) {
    std::string pattern;
    for (int i = 0; i < 64; ++i) {
        pattern += "*a";
    }
    EXPECT_FALSE(matches_glob(pattern + "b", std::string(4000, 'a')));
}

TEST(Nearest, ForgivesOneMistakeInThreeLetters) {
    constexpr std::array<std::string_view, 3> kWords{"cooldown", "backoff", "max"};
    EXPECT_EQ(nearest("coldown", kWords), "cooldown");
    EXPECT_EQ(nearest("bakcoff", kWords), "backoff");
    EXPECT_EQ(nearest("mx", kWords), "max");
    EXPECT_FALSE(nearest("unit", kWords));
    EXPECT_FALSE(nearest("", kWords));
    EXPECT_FALSE(nearest(std::string(65, 'm'), kWords));
}

TEST(EditDistance, CountsASwapAsOne) {
    EXPECT_EQ(edit_distance("act", "act"), 0U);
    EXPECT_EQ(edit_distance("atc", "act"), 1U);
    EXPECT_EQ(edit_distance("", "act"), 3U);
    EXPECT_EQ(edit_distance("act", ""), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(ParseDuration, ReadsPartsFromLargeToSmall) {
    EXPECT_EQ(*parse_duration("250ms"), milliseconds{250});
    EXPECT_EQ(*parse_duration("30s"), seconds{30});
    EXPECT_EQ(*parse_duration("15m"), minutes{15});
    EXPECT_EQ(*parse_duration("1h30m"), minutes{90});
    EXPECT_EQ(*parse_duration("1d2h3m4s5ms"),
              hours{26} + minutes{3} + seconds{4} + milliseconds{5});
    EXPECT_EQ(*parse_duration("0s"), seconds{0});
    EXPECT_EQ(*parse_duration("999999d"), hours{24} * 999'999);
}

TEST(ParseDuration, ReadsBackWhatIsShown) {
    for (const auto duration : {core::Duration{milliseconds{1}},
                                core::Duration{minutes{90}},
                                core::Duration{hours{49} + milliseconds{7}}}) {
        EXPECT_EQ(*parse_duration(core::format_duration(duration)), duration);
    }
}

TEST(ParseDuration, RefusesEverythingElse) {
    for (const char* text : {"",
                             "5",
                             "s",
                             "5 s",
                             "5s ",
                             "-5s",
                             "1.5s",
                             "5x",
                             "5S",
                             "1m1h",
                             "1s1s",
                             "1000000s",
                             "5us"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_duration("5\n").error().text,
              "\"5\\x0A\" is not a duration (like \"250ms\", \"30s\" or \"1h30m\")");
}

TEST(ReadRules, ReadsEveryKey) {
    const auto loaded = read_rules(kWholeRule, "x.toml", review);
    ASSERT_EQ(render_all(loaded.errors), "");
    ASSERT_EQ(render_all(loaded.warnings), "");
    ASSERT_EQ(loaded.policy.rules.size(), 1U);
    const Rule& rule = loaded.policy.rules[0];
    EXPECT_EQ(rule.name, "start-crashed-backend");
    EXPECT_EQ(rule.match.cause, core::Cause::kUnitFailed);
    EXPECT_EQ(rule.witnesses, 3U);
    EXPECT_EQ(rule.ladder,
              (std::vector<LadderStep>{{actions::ActId::kStartUnit, seconds{10}},
                                       {actions::ActId::kRestartUnit, seconds{20}}}));
    EXPECT_EQ(rule.mode, Mode::kAct);
    EXPECT_EQ(rule.limit, (Limit{4, minutes{20}, seconds{7}, 3}));
    EXPECT_EQ(rule.verify, (Verify{seconds{6}, seconds{31}}));
    EXPECT_EQ(rule.runbook, "https://wiki.example/502");
    EXPECT_EQ(rule.origin, "x.toml:1");
    ASSERT_EQ(rule.tests.size(), 1U);
    EXPECT_EQ(rule.tests[0].line, 11);
    EXPECT_EQ(rule.tests[0].given.size(), 2U);
    EXPECT_EQ(rule.tests[0].expect, "act start-unit php8.2-fpm.service");
}

TEST(ReadRules, FillsInDefaults) {
    const auto loaded = read_rules(rule_with(""), "x.toml");
    ASSERT_TRUE(loaded.errors.empty());
    Rule expected;
    expected.name = "a";
    expected.match.cause = core::Cause::kUnknown;
    expected.origin = "x.toml:1";
    ASSERT_EQ(loaded.policy.rules, std::vector{expected});
    EXPECT_EQ(loaded.policy.rules[0].mode, Mode::kObserve);
}

TEST(ReadRules, AcceptsAFileThatSwitchesAShippedOneOff) {
    const auto loaded = read_rules("# nothing\n", "x.toml");
    EXPECT_TRUE(loaded.errors.empty());
    EXPECT_TRUE(loaded.policy.rules.empty());
}

TEST(ReadRules, SuggestsTheNearestKey) {
    EXPECT_EQ(errors_in(rule_with("limit = { max = 3, coldown = \"5s\" }")),
              "x.toml:4:20: error: unknown key \"coldown\" in limit\n"
              "    limit = { max = 3, coldown = \"5s\" }\n"
              "                       ^\n"
              "    did you mean \"cooldown\"?\n");
}

TEST(ReadRules, ListsTheKnownKeysWhenNoneIsNear) {
    EXPECT_EQ(errors_in(rule_with("limit = { colour = 3 }")),
              "x.toml:4:11: error: unknown key \"colour\" in limit\n"
              "    limit = { colour = 3 }\n"
              "              ^\n"
              "    known here: \"max\", \"per\", \"cooldown\" or \"backoff\"\n");
}

TEST(ReadRules, ListsTheCausesThereAre) {
    std::string causes;
    for (int value = 0; value <= static_cast<int>(core::kLastCause); ++value) {
        const bool is_last = value == static_cast<int>(core::kLastCause);
        causes += value == 0 ? "" : is_last ? " or " : ", ";
        causes += "\"" + std::string{core::cause_id(core::Cause{value})} + "\"";
    }
    EXPECT_EQ(errors_in("[[rule]]\nname = \"a\"\nwhen = { cause = \"unit-faild\" }\n"),
              "x.toml:3:18: error: \"cause\" must be " + causes +
                  ", not \"unit-faild\"\n"
                  "    when = { cause = \"unit-faild\" }\n"
                  "                     ^\n"
                  "    did you mean \"unit-failed\"?\n");
}

TEST(ReadRules, ListsTheActsThereAre) {
    std::string acts;
    for (const actions::ActSpec& act : actions::catalogue()) {
        const bool is_last = &act == &actions::catalogue().back();
        acts += acts.empty() ? "" : is_last ? " or " : ", ";
        acts += "\"" + std::string{act.name} + "\"";
    }
    EXPECT_EQ(errors_in(rule_with("ladder = [ { act = \"stop-unit\" } ]")),
              "x.toml:4:20: error: \"act\" must be " + acts +
                  ", not \"stop-unit\"\n"
                  "    ladder = [ { act = \"stop-unit\" } ]\n"
                  "                       ^\n"
                  "    did you mean \"start-unit\"?\n");
}

TEST(ReadRules, RefusesAModeThatDoesNotExist) {
    EXPECT_EQ(errors_in(rule_with("mode = \"akt\"")),
              "x.toml:4:8: error: \"mode\" must be \"observe\", \"ask\" or \"act\", not \"akt\"\n"
              "    mode = \"akt\"\n"
              "           ^\n"
              "    did you mean \"act\"?\n");
}

TEST(ReadRules, RefusesWrongTypes) {
    EXPECT_EQ(errors_in(rule_with("witnesses = \"2\"")),
              "x.toml:4:13: error: \"witnesses\" must be an integer, not a string\n"
              "    witnesses = \"2\"\n"
              "                ^\n");
    EXPECT_EQ(errors_in(rule_with("limit = 3")),
              "x.toml:4:9: error: \"limit\" must be a table, not an integer\n"
              "    limit = 3\n"
              "            ^\n");
    EXPECT_EQ(errors_in(rule_with("ladder = true")),
              "x.toml:4:10: error: \"ladder\" must be an array, not a boolean\n"
              "    ladder = true\n"
              "             ^\n");
    EXPECT_EQ(errors_in(rule_with("ladder = [ 1.5 ]")),
              "x.toml:4:12: error: a step of the ladder must be a table, "
              "not a floating-point number\n"
              "    ladder = [ 1.5 ]\n"
              "               ^\n"
              "    like { act = \"start-unit\", within = \"10s\" }\n");
}

TEST(ReadRules, RefusesValuesOutOfRange) {
    EXPECT_EQ(errors_in(rule_with("witnesses = 0")),
              "x.toml:4:13: error: \"witnesses\" must be between 1 and 6, not 0\n"
              "    witnesses = 0\n"
              "                ^\n");
    EXPECT_EQ(errors_in(rule_with("limit.per = \"500ms\"")),
              "x.toml:4:13: error: \"per\" must be between 1s and 1d, not 500ms\n"
              "    limit.per = \"500ms\"\n"
              "                ^\n");
    EXPECT_EQ(errors_in(rule_with("ladder = [ { act = \"start-unit\", within = \"2m\" } ]")),
              "x.toml:4:43: error: \"within\" must be between 100ms and 1m, not 2m\n"
              "    ladder = [ { act = \"start-unit\", within = \"2m\" } ]\n"
              "                                              ^\n");
}

TEST(ReadRules, RefusesDurationsWithoutAUnit) {
    EXPECT_EQ(errors_in(rule_with("verify = { soak = 30 }")),
              "x.toml:4:19: error: \"soak\" must be a duration in quotes (like \"30s\"), "
              "not an integer\n"
              "    verify = { soak = 30 }\n"
              "                      ^\n");
    EXPECT_EQ(errors_in(rule_with("verify = { soak = \"30\" }")),
              "x.toml:4:19: error: \"soak\": \"30\" is not a duration "
              "(like \"250ms\", \"30s\" or \"1h30m\")\n"
              "    verify = { soak = \"30\" }\n"
              "                      ^\n");
}

TEST(ReadRules, RefusesARuleWithoutNameOrCause) {
    EXPECT_EQ(errors_in("\n[[rule]]\nmode = \"observe\"\n"),
              "x.toml:2:1: error: rule has no \"name\"\n"
              "    [[rule]]\n"
              "    ^\n"
              "x.toml:2:1: error: rule has no \"when\"\n"
              "    [[rule]]\n"
              "    ^\n");
}

TEST(ReadRules, RefusesNamesThatCouldForgeALineOfAPlan) {
    EXPECT_EQ(errors_in("[[rule]]\nname = \"a b\"\nwhen = { cause = \"unknown\" }\n"),
              "x.toml:2:8: error: a rule's name is made of a-z, 0-9 and \"-\", at most 64\n"
              "    name = \"a b\"\n"
              "           ^\n");
    EXPECT_EQ(errors_in("[[rule]]\nname = \"a\\nunit=x\"\nwhen = { cause = \"unknown\" }\n"),
              "x.toml:2:8: error: \"name\" holds characters that cannot be shown\n"
              "    name = \"a\\nunit=x\"\n"
              "           ^\n");
}

TEST(ReadRules, RefusesAnActingRuleWithoutLadder) {
    EXPECT_EQ(errors_in(rule_with("mode = \"act\"")),
              "x.toml:4:8: error: mode \"act\" needs a ladder\n"
              "    mode = \"act\"\n"
              "           ^\n"
              "    like ladder = [ { act = \"start-unit\", within = \"10s\" } ]\n");
    EXPECT_NE(errors_in(rule_with("mode = \"ask\"\nladder = []")).find("mode \"ask\" needs"),
              std::string::npos);
}

TEST(ReadRules, RefusesADisruptiveActOnOneWitness) {
    EXPECT_EQ(errors_in(rule_with("mode = \"act\"\nwitnesses = 1\n"
                                  "ladder = [ { act = \"restart-unit\" } ]")),
              "x.toml:5:13: error: an act that can interrupt requests needs at least 2 witnesses\n"
              "    witnesses = 1\n"
              "                ^\n");
    EXPECT_EQ(errors_in(rule_with("mode = \"act\"\nwitnesses = 1\n"
                                  "ladder = [ { act = \"start-unit\" } ]")),
              "");
}

TEST(ReadRules, RefusesTwoRulesOfOneName) {
    const std::string text = rule_with("") + rule_with("");
    EXPECT_EQ(errors_in(text),
              "x.toml:6:8: error: a rule is already called \"a\" (x.toml:1)\n"
              "    name = \"a\"\n"
              "           ^\n");
}

TEST(ReadRules, RefusesATestThatExpectsTheImpossible) {
    const auto expecting = [](const std::string& expect) {
        return errors_in(rule_with("[[rule.test]]\ngiven = [\"x\"]\nexpect = \"" + expect + "\""));
    };
    EXPECT_EQ(expecting("observe"), "");
    EXPECT_EQ(expecting("hold admin-stopped"), "");
    EXPECT_EQ(expecting("ask restart-unit nginx.service"), "");
    EXPECT_EQ(expecting("hold admin-stoped"),
              "x.toml:6:10: error: \"expect\" must be a known hold, not \"hold admin-stoped\"\n"
              "    expect = \"hold admin-stoped\"\n"
              "             ^\n"
              "    did you mean \"admin-stopped\"?\n");
    EXPECT_EQ(expecting("act start nginx.service"),
              "x.toml:6:10: error: \"expect\" must be a known act, "
              "not \"act start nginx.service\"\n"
              "    expect = \"act start nginx.service\"\n"
              "             ^\n");
    EXPECT_EQ(expecting("act start-unit nginx"),
              "x.toml:6:10: error: \"expect\" must be about a service, "
              "not \"act start-unit nginx\"\n"
              "    expect = \"act start-unit nginx\"\n"
              "             ^\n");
    EXPECT_EQ(expecting("nothing"),
              "x.toml:6:10: error: \"expect\" must be \"act ACT UNIT\", \"ask ACT UNIT\", "
              "\"offer ACT UNIT\", \"hold KIND\" or \"observe\", not \"nothing\"\n"
              "    expect = \"nothing\"\n"
              "             ^\n");
}

TEST(ReadRules, RefusesATestWithoutEvents) {
    EXPECT_EQ(errors_in(rule_with("[[rule.test]]\ngiven = []\nexpect = \"observe\"")),
              "x.toml:5:9: error: \"given\" must hold 1 to 64 events, not 0\n"
              "    given = []\n"
              "            ^\n");
}

TEST(ReadRules, WarnsOfARuleWithoutTests) {
    EXPECT_EQ(render_all(read_rules(rule_with(""), "x.toml", review).warnings),
              "x.toml:2:8: warning: rule \"a\" has no [[rule.test]]\n"
              "    name = \"a\"\n"
              "           ^\n"
              "    what should it do, given which events?\n");
}

TEST(ReadRules, WarnsOfARuleThatNeverDecides) {
    const std::string test = "[[rule.test]]\ngiven = [\"x\"]\nexpect = \"observe\"\n";
    const std::string text =
        rule_with(test) + "[[rule]]\nname = \"b\"\nwhen = { cause = \"unknown\" }\n" + test;
    EXPECT_EQ(render_all(read_rules(text, "x.toml", review).warnings),
              "x.toml:10:18: warning: this rule never decides: \"a\" (x.toml:1) comes first and "
              "matches all of it\n"
              "    when = { cause = \"unknown\" }\n"
              "                     ^\n");
}

TEST(ReadRules, ReportsAllErrorsInTheOrderOfTheFile) {
    EXPECT_EQ(errors_in(rule_with("witnesses = 9\nlimit = { max = 0 }\nmode = 1\nzzz = 1")),
              "x.toml:4:13: error: \"witnesses\" must be between 1 and 6, not 9\n"
              "    witnesses = 9\n"
              "                ^\n"
              "x.toml:5:17: error: \"max\" must be between 1 and 100, not 0\n"
              "    limit = { max = 0 }\n"
              "                    ^\n"
              "x.toml:6:8: error: \"mode\" must be a string, not an integer\n"
              "    mode = 1\n"
              "           ^\n"
              "x.toml:7:1: error: unknown key \"zzz\" in rule\n"
              "    zzz = 1\n"
              "    ^\n"
              "    known here: \"name\", \"when\", \"witnesses\", \"mode\", \"ladder\", "
              "\"suggest\", \"limit\", \"verify\", \"on_failure\", \"windows\", "
              "\"revive_stopped\", \"needs\", \"unless\", \"runbook\" or \"test\"\n");
}

TEST(ReadRules, PointsAtTheRightPlaceBehindTabsAndUmlauts) {
    EXPECT_EQ(errors_in(rule_with("\tlimit = { per = \"\xc3\xbc\", backoff = 99 }")),
              "x.toml:4:18: error: \"per\": \"\xc3\xbc\" is not a duration "
              "(like \"250ms\", \"30s\" or \"1h30m\")\n"
              "     limit = { per = \"\xc3\xbc\", backoff = 99 }\n"
              "                     ^\n"
              "x.toml:4:33: error: \"backoff\" must be between 1 and 10, not 99\n"
              "     limit = { per = \"\xc3\xbc\", backoff = 99 }\n"
              "                                    ^\n");
}

TEST(ReadRules, ShowsTheNeighbourhoodOfTheCaretInALongLine) {
    const std::string padding(300, 'x');
    const auto errors = read_rules(rule_with("limit = { \"" + padding + "\" = 1, max = 0, \"" +
                                             padding + "y\" = 1}"),
                                   "x.toml")
                            .errors;
    ASSERT_EQ(errors.size(), 3U);
    for (const Diagnostic& error : errors) {
        EXPECT_LT(error.source_line.size(), 180U);
    }
    EXPECT_EQ(errors[1].source_line.substr(errors[1].caret, 4), "0, \"");
    EXPECT_EQ(errors[1].source_line.substr(0, 6), "...xxx");
}

TEST(ReadRules, ShowsNoControlBytesOfTheFile) {
    const std::string reversal{'\xe2', '\x80', '\xae'};  // U+202E, spelt so that tidy sees no trick
    const auto text = errors_in("name = \"\x1b[31m" + reversal + "\xff\"\n");
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find(reversal), std::string::npos);
    EXPECT_EQ(text.find('\xff'), std::string::npos);
}

TEST(ReadRules, ReportsASyntaxErrorInTheSameForm) {
    const auto errors = read_rules("[[rule]]\nname = \n", "x.toml").errors;
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].line, 2);
    EXPECT_EQ(errors[0].source_line, "name = ");
    EXPECT_EQ(errors[0].message.substr(0, 6), "TOML: ");
}

TEST(ReadRules, RefusesARuleWrittenAsATable) {
    EXPECT_EQ(errors_in("[rule]\nname = \"a\"\n"),
              "x.toml:1:1: error: \"rule\" must be written [[rule]], not a table\n"
              "    [rule]\n"
              "    ^\n");
}

TEST(ReadRules, StopsListingFindingsAtALimit) {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "key" + std::to_string(i) + " = 1\n";
    }
    const auto errors = read_rules(text, "x.toml").errors;
    ASSERT_EQ(errors.size(), kMaxDiagnostics + 1);
}

TEST(ReadRules, SurvivesKeysThatNestWithoutEnd) {
    std::string text = "a";
    for (int i = 0; i < 100'000; ++i) {
        text += ".a";
    }
    const auto errors = read_rules(text + " = 1\n", "x.toml").errors;
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].message, "too many dots on one line");
    EXPECT_EQ(errors[0].column, 34);
    EXPECT_EQ(read_rules(std::string(100'000, '['), "x.toml").errors.size(), 1U);
}

TEST(ReadRules, AllowsAnyNumberOfDotsInStringsAndComments) {
    EXPECT_EQ(errors_in(rule_with("runbook = \"" + std::string(99, '.') + "\" # " +
                                  std::string(99, '.'))),
              "");
}

TEST(ReadSettings, HasTheDefaultsOfAnEmptyFile) {
    const auto loaded = read_settings("", "gatemend.toml");
    EXPECT_TRUE(loaded.errors.empty());
    EXPECT_EQ(loaded.policy.settings, Settings{});
}

TEST(ReadSettings, ReadsEveryKey) {
    const auto loaded = read_settings(R"(
mode  = "ask"
units = ["php8.2-fpm.service", "app-*.service"]
[limits.unit]
max = 7
per = "2h"
cooldown = "1s"
backoff = 2
[limits.host]
max = 30
[probe]
timeout = "1s"
suspicion_cooldown = "20s"
[guards]
boot_grace = "0s"
memory_full_percent = 30
io_full_percent = 100
[[backend]]
address = "unix:/run/app.sock"
unit = "app-1.service"
[[backend]]
address = "[::1]:9000"
unit = "app-2.service"
)",
                                      "gatemend.toml");
    ASSERT_EQ(render_all(loaded.errors), "");
    const Settings& settings = loaded.policy.settings;
    EXPECT_EQ(settings.mode, Mode::kAsk);
    EXPECT_EQ(settings.units, (std::vector<std::string>{"php8.2-fpm.service", "app-*.service"}));
    EXPECT_EQ(settings.unit_limit, (Limit{7, hours{2}, seconds{1}, 2}));
    EXPECT_EQ(settings.host_limit, (Limit{30, hours{1}, seconds{0}, 1}));
    EXPECT_EQ(settings.probe_timeout, seconds{1});
    EXPECT_EQ(settings.suspicion_cooldown, seconds{20});
    EXPECT_EQ(settings.guards, (core::GuardLimits{seconds{0}, 300, 1000}));
    EXPECT_EQ(settings.backends,
              (std::vector<BackendOverride>{{"unix:/run/app.sock", "app-1.service"},
                                            {"[::1]:9000", "app-2.service"}}));
}

TEST(ReadSettings, RefusesPatternsThatAllowEverything) {
    EXPECT_EQ(errors_in_settings("units = [\"*.service\"]\n"),
              "gatemend.toml:1:10: error: \"*.service\" would allow acts on any service: "
              "name them\n"
              "    units = [\"*.service\"]\n"
              "             ^\n");
    EXPECT_NE(errors_in_settings("units = [\"*\"]\n"), "");
    EXPECT_NE(errors_in_settings("units = [\"?*.service\"]\n"), "");
    EXPECT_NE(errors_in_settings("units = [\"nginx.ser*\"]\n"), "");
}

TEST(ReadSettings, WarnsWhenNothingMayBeActedOn) {
    EXPECT_EQ(render_all(read_settings("units = []\n", "gatemend.toml").warnings),
              "gatemend.toml:1:9: warning: no unit may be acted on: nothing will be healed\n"
              "    units = []\n"
              "            ^\n");
}

TEST(ReadSettings, TakesCanonicalAddressesOnly) {
    const auto errors_for = [](const std::string& address) {
        return errors_in_settings("[[backend]]\naddress = \"" + address +
                                  "\"\nunit = \"a.service\"\n");
    };
    for (const char* good :
         {"unix:/run/php/php8.2-fpm.sock", "127.0.0.1:9000", "[::1]:9000", "10.0.0.1:65535"}) {
        EXPECT_EQ(errors_for(good), "");
    }
    for (const char* bad : {"",
                            "/run/x.sock",
                            "unix:run/x.sock",
                            "unix:/run/../x.sock",
                            "unix://run/x.sock",
                            "localhost:9000",
                            "127.1:9000",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:0",
                            "127.0.0.1:09000",
                            "127.0.0.1:65536",
                            "127.0.0.1:90x",
                            "::1:9000",
                            "[0::1]:9000",
                            "[]:9000"}) {
        EXPECT_NE(errors_for(bad), "") << bad;
    }
    EXPECT_EQ(errors_for("localhost:9000"),
              "gatemend.toml:2:11: error: \"localhost:9000\" is no backend address\n"
              "    address = \"localhost:9000\"\n"
              "              ^\n"
              "    like \"unix:/run/php/php8.2-fpm.sock\", \"127.0.0.1:9000\" or "
              "\"[::1]:9000\"\n");
}

TEST(ReadSettings, BoundsTheGuards) {
    EXPECT_NE(errors_in_settings("[guards]\nboot_grace = \"2h\"\n"), "");
    EXPECT_NE(errors_in_settings("[guards]\nmemory_full_percent = 0\n"), "");
    EXPECT_NE(errors_in_settings("[guards]\nio_full_percent = 101\n"), "");
    EXPECT_NE(errors_in_settings("[guards]\nio_full = 80\n"), "");
}

TEST(ReadSettings, RefusesABackendTwice) {
    const std::string backend = "[[backend]]\naddress = \"127.0.0.1:9000\"\nunit = \"a.service\"\n";
    EXPECT_EQ(errors_in_settings(backend + backend),
              "gatemend.toml:5:11: error: \"127.0.0.1:9000\" is already given to another backend\n"
              "    address = \"127.0.0.1:9000\"\n"
              "              ^\n");
}

TEST(ReadSettings, RefusesHalfABackend) {
    EXPECT_EQ(errors_in_settings("[[backend]]\nunit = \"a.service\"\n"),
              "gatemend.toml:1:1: error: backend has no \"address\"\n"
              "    [[backend]]\n"
              "    ^\n");
}

// A machine's policy folders, below a new temporary one.
class LoadPolicy : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "gatemend-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
        std::filesystem::create_directories(root_ / "shipped");
        std::filesystem::create_directories(root_ / "overrides");
        paths_ = {(root_ / "gatemend.toml").string(),
                  (root_ / "shipped").string(),
                  (root_ / "overrides").string()};
    }

    void TearDown() override { std::filesystem::remove_all(root_); }

    void write(const std::string& name, std::string_view text) const {
        std::ofstream{root_ / name} << text;
        ASSERT_EQ(::chmod((root_ / name).c_str(), 0644), 0);
    }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (root_ / name).string();
    }

    [[nodiscard]] LoadedPolicy load() const { return load_policy(paths_, review); }

    std::filesystem::path root_;
    PolicyPaths paths_;
};

std::string rule_called(const std::string& name, const std::string& cause) {
    return "[[rule]]\nname = \"" + name + "\"\nwhen = { cause = \"" + cause + "\" }\n";
}

std::vector<std::string> names_of(const LoadedPolicy& loaded) {
    std::vector<std::string> names;
    for (const Rule& rule : loaded.policy.rules) {
        names.push_back(rule.name);
    }
    return names;
}

using Names = std::vector<std::string>;

TEST_F(LoadPolicy, ReadsFilesInTheOrderOfTheirNames) {
    write("shipped/30-c.toml", rule_called("c", "unknown"));
    write("overrides/20-b.toml", rule_called("b", "unit-stopped"));
    write("shipped/10-a.toml", rule_called("a", "unit-failed"));
    write("gatemend.toml", "mode = \"ask\"\n");
    const auto loaded = load();
    ASSERT_EQ(render_all(loaded.errors), "");
    EXPECT_EQ(names_of(loaded), (Names{"a", "b", "c"}));
    EXPECT_EQ(loaded.policy.settings.mode, Mode::kAsk);
    EXPECT_EQ(loaded.files,
              (Names{path("gatemend.toml"),
                     path("shipped/10-a.toml"),
                     path("overrides/20-b.toml"),
                     path("shipped/30-c.toml")}));
}

TEST_F(LoadPolicy, ReplacesAShippedFileByOneOfTheSameName) {
    write("shipped/10-a.toml", rule_called("a", "unit-failed"));
    write("overrides/10-a.toml", rule_called("mine", "unit-failed"));
    EXPECT_EQ(names_of(load()), Names{"mine"});
    write("overrides/10-a.toml", "");
    EXPECT_EQ(names_of(load()), Names{});
}

TEST_F(LoadPolicy, FailsAsAWholeWhenAnOverrideIsBroken) {
    write("shipped/10-a.toml", rule_called("a", "unit-failed"));
    write("overrides/10-a.toml", "[[rule]\n");
    const auto loaded = load();
    ASSERT_EQ(loaded.errors.size(), 1U);
    EXPECT_EQ(loaded.errors[0].file, path("overrides/10-a.toml"));
    EXPECT_TRUE(loaded.policy.rules.empty());
}

TEST_F(LoadPolicy, FindsRulesOfOneNameInTwoFiles) {
    write("shipped/10-a.toml", rule_called("a", "unit-failed"));
    write("shipped/20-a.toml", rule_called("a", "unknown"));
    EXPECT_EQ(render_all(load().errors),
              path("shipped/20-a.toml") + ":2:8: error: a rule is already called \"a\" (" +
                  path("shipped/10-a.toml") +
                  ":1)\n"
                  "    name = \"a\"\n"
                  "           ^\n");
}

TEST_F(LoadPolicy, LeavesOutHiddenFilesAndOtherSuffixes) {
    write("shipped/.10-a.toml", "broken");
    write("shipped/10-a.toml.dpkg-old", "broken");
    write("shipped/README", "broken");
    EXPECT_TRUE(load().errors.empty());
}

TEST_F(LoadPolicy, NeedsTheShippedFolderAndNoOther) {
    paths_.overrides = path("nowhere");
    EXPECT_TRUE(load().errors.empty());
    paths_.shipped = path("nowhere");
    EXPECT_EQ(render_all(load().errors), path("nowhere") + ": error: does not exist\n");
    paths_.shipped.clear();
    EXPECT_TRUE(load().errors.empty());
}

TEST_F(LoadPolicy, RefusesFilesThatOthersCanWrite) {
    write("shipped/10-a.toml", "");
    ASSERT_EQ(::chmod(path("shipped/10-a.toml").c_str(), 0664), 0);
    EXPECT_EQ(render_all(load().errors),
              path("shipped/10-a.toml") +
                  ": error: is writable by group or others (mode 0664), must be writable by its "
                  "owner alone\n");
}

TEST_F(LoadPolicy, RefusesFoldersThatOthersCanWrite) {
    ASSERT_EQ(::chmod(path("overrides").c_str(), 0777), 0);
    EXPECT_EQ(render_all(load().errors),
              path("overrides") +
                  ": error: is writable by group or others (mode 0777), must be writable by its "
                  "owner alone\n");
}

TEST_F(LoadPolicy, RefusesFilesOfSomebodyElseWhenRunAsRoot) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give a file away";
    }
    write("gatemend.toml", "");
    ASSERT_EQ(::chown(path("gatemend.toml").c_str(), 4711, 0), 0);
    EXPECT_EQ(render_all(load().errors),
              path("gatemend.toml") + ": error: is owned by uid 4711, must be owned by root\n");
}

TEST_F(LoadPolicy, FollowsNoLinks) {
    write("elsewhere.toml", "");
    std::filesystem::create_symlink(path("elsewhere.toml"), path("overrides/10-a.toml"));
    EXPECT_EQ(
        render_all(load().errors),
        path("overrides/10-a.toml") + ": error: is a symbolic link, must be a regular file\n");
}

TEST_F(LoadPolicy, ReadsNoPipesAndNoFolders) {
    ASSERT_EQ(::mkfifo(path("shipped/10-pipe.toml").c_str(), 0644), 0);
    ASSERT_TRUE(std::filesystem::create_directory(path("shipped/20-folder.toml")));
    EXPECT_EQ(render_all(load().errors),
              path("shipped/10-pipe.toml") + ": error: is no regular file\n" +
                  path("shipped/20-folder.toml") + ": error: is no regular file\n");
}

TEST_F(LoadPolicy, IsBoundedInSizeAndNumber) {
    write("shipped/00-big.toml", std::string(kMaxPolicyFileBytes + 1, '#'));
    EXPECT_EQ(render_all(load().errors),
              path("shipped/00-big.toml") + ": error: is larger than 256 KiB\n");
    write("shipped/00-big.toml", std::string(kMaxPolicyFileBytes, '#'));
    EXPECT_TRUE(load().errors.empty());
    for (std::size_t i = 1; i < kMaxPolicyFiles; ++i) {
        write("shipped/" + std::to_string(i) + ".toml", "");
    }
    EXPECT_TRUE(load().errors.empty());
    write("overrides/one-more.toml", "");
    EXPECT_EQ(load().errors.at(0).message, "more than 64 policy files in all");
    write("shipped/one-more.toml", "");
    EXPECT_EQ(load().errors.at(0).message, "holds more than 64 policy files");
}

TEST_F(LoadPolicy, ReadsADraftWhoeverCanWriteIt) {
    write("10-a.toml", rule_called("a", "unknown"));
    ASSERT_EQ(::chmod(path("10-a.toml").c_str(), 0666), 0);
    EXPECT_TRUE(load_draft(path("10-a.toml")).errors.empty());
    write("gatemend.toml", "mode = \"observe\"\n");
    EXPECT_EQ(load_draft(path("gatemend.toml")).policy.settings.mode, Mode::kObserve);
    EXPECT_EQ(render_all(load_draft(path("nowhere")).errors),
              path("nowhere") + ": error: does not exist\n");
}

TEST(ShippedPolicy, HasNeitherErrorsNorWarnings) {
    const auto loaded = load_draft(GATEMEND_SOURCE_DIR "/policies/rules", review);
    EXPECT_EQ(render_all(loaded.errors), "");
    EXPECT_EQ(render_all(loaded.warnings), "");
    EXPECT_FALSE(loaded.policy.rules.empty());
}

TEST(ShippedPolicy, HasARuleForEveryCause) {
    const auto loaded = load_draft(GATEMEND_SOURCE_DIR "/policies/rules", review);
    for (int value = 0; core::cause_id(core::Cause{value}) != "?"; ++value) {
        EXPECT_TRUE(
            std::any_of(loaded.policy.rules.begin(),
                        loaded.policy.rules.end(),
                        [&](const Rule& rule) { return rule.match.cause == core::Cause{value}; }))
            << core::cause_id(core::Cause{value});
    }
}

// gatemend.toml shows each default commented out: with the comment signs taken off, it must mean
// what the program does without it.
TEST(ShippedSettings, ShowTheDefaults) {
    std::ifstream file{GATEMEND_SOURCE_DIR "/policies/gatemend.toml"};
    std::string text;
    for (std::string line; std::getline(file, line);) {
        const bool is_setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        text += (is_setting ? line.substr(1) : line) + "\n";
    }
    auto loaded = read_settings(text, "gatemend.toml");
    EXPECT_EQ(render_all(loaded.errors), "");
    EXPECT_EQ(loaded.policy.settings.backends.size(), 1U);  // the example
    loaded.policy.settings.backends.clear();
    EXPECT_EQ(loaded.policy.settings, Settings{});
}

}  // namespace
}  // namespace gatemend::policy
