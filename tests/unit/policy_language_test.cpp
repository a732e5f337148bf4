// SPDX-License-Identifier: MIT
// What a rule can say beyond cause, mode and ladder: patterns, confidence, time, windows,
// dependencies, parameters, suggestions; and the warnings about rules that say too little.
#include "policies/client_words.hpp"
#include "policies/glob.hpp"
#include "policies/toml_reader.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::string render_all(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        text += render(diagnostic);
    }
    return text;
}

std::string rule_when(const std::string& when, const std::string& lines = "") {
    return "[[rule]]\nname = \"a\"\nwhen = { " + when + " }\n" + lines + "\n";
}

std::string errors_in(const std::string& rules) {
    return render_all(read_rules(rules, "x.toml").errors);
}

Rule read_one(const std::string& text) {
    const auto loaded = read_rules(text, "x.toml");
    EXPECT_EQ(render_all(loaded.errors), "");
    return loaded.policy.rules.empty() ? Rule{} : loaded.policy.rules.front();
}

// The first warning that is not about something missing that the text leaves out on purpose.
std::string warning_in(const std::string& text, const std::string& part) {
    for (const Diagnostic& warning : read_rules(text, "x.toml", review).warnings) {
        if (warning.message.find(part) != std::string::npos) {
            return std::to_string(warning.line) + ": " + warning.message;
        }
    }
    return "";
}

TEST(Glob, KnowsWhenOnePatternCoversAnother) {
    EXPECT_TRUE(covers_glob("*", "php*-fpm.service"));
    EXPECT_TRUE(covers_glob("php*.service", "php?.?-fpm.service"));
    EXPECT_TRUE(covers_glob("a?c", "abc"));
    EXPECT_TRUE(covers_glob("a*", "a*b*"));
    EXPECT_FALSE(covers_glob("a?c", "a*c"));
    EXPECT_FALSE(covers_glob("abc", "a?c"));
    EXPECT_FALSE(covers_glob("php8.2-fpm.service", "php*-fpm.service"));
}

TEST(Glob, KnowsWhetherTwoPatternsHaveANameInCommon) {
    EXPECT_TRUE(overlaps_glob("php*-fpm.service", "php8.2-*.service"));
    EXPECT_TRUE(overlaps_glob("*a", "b*"));
    EXPECT_TRUE(overlaps_glob("?", "x"));
    EXPECT_TRUE(overlaps_glob("", "*"));
    EXPECT_FALSE(overlaps_glob("php*", "pm2-*"));
    EXPECT_FALSE(overlaps_glob("a?", "a"));
}

TEST(RuleLanguage, ReadsEverythingThatWhenCanAsk) {
    const Rule rule = read_one(
        rule_when("cause = \"backend-hung\", unit = \"php*-fpm.service\", "
                  "backend = \"unix:/run/php/*.sock\", confidence = 0.85, lasting = \"30s\", "
                  "times = 3, within = \"5m\""));
    Match expected;
    expected.cause = core::Cause::kBackendHung;
    expected.unit = "php*-fpm.service";
    expected.backend = "unix:/run/php/*.sock";
    expected.min_confidence_permille = 850;
    expected.lasting = seconds{30};
    expected.times = 3;
    expected.within = minutes{5};
    EXPECT_EQ(rule.match, expected);
}

TEST(RuleLanguage, RefusesPatternsThatNoUnitOrAddressFits) {
    EXPECT_EQ(errors_in(rule_when("cause = \"app-down\", unit = \"shop\"")),
              "x.toml:3:37: error: \"shop\" is no service name or pattern\n"
              "    when = { cause = \"app-down\", unit = \"shop\" }\n"
              "                                        ^\n"
              "    like \"php*-fpm.service\"\n");
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\", backend = \"a b\"")).find("no backend"),
              std::string::npos);
}

TEST(RuleLanguage, RefusesAConfidenceThatIsNoShareOfOne) {
    EXPECT_EQ(errors_in(rule_when("cause = \"app-down\", confidence = 80")),
              "x.toml:3:43: error: \"confidence\" must be a number from 0 to 1\n"
              "    when = { cause = \"app-down\", confidence = 80 }\n"
              "                                              ^\n");
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\", confidence = \"high\"")), "");
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\", confidence = nan")), "");
    EXPECT_EQ(
        read_one(rule_when("cause = \"app-down\", confidence = 1")).match.min_confidence_permille,
        1000U);
}

TEST(RuleLanguage, WantsTimesAndWithinTogether) {
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\", times = 3")).find("belong together"),
              std::string::npos);
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\", within = \"5m\"")).find("belong together"),
              std::string::npos);
}

TEST(RuleLanguage, SaysWhyAVisitorsTextCannotBeNamed) {
    EXPECT_EQ(errors_in(rule_when("cause = \"app-down\", host = \"shop.example\"")),
              "x.toml:3:30: error: unknown key \"host\" in when: text that a visitor controls "
              "cannot reach an act, target or limit\n"
              "    when = { cause = \"app-down\", host = \"shop.example\" }\n"
              "                                 ^\n");
    const std::string refusal{kClientTextRefusal};
    for (const std::string& text :
         {rule_when("cause = \"app-down\", unit = \"$host.service\""),
          rule_when("cause = \"app-down\", backend = \"${upstream}\""),
          rule_when("cause = \"app-down\"", "limit = { per = \"$remote_addr\" }"),
          rule_when("cause = \"app-down\"", "limit = { key = \"$remote_addr\" }"),
          rule_when("cause = \"app-down\"", "needs = [ \"{{ host }}.service\" ]"),
          rule_when("cause = \"port-mismatch\"",
                    "ladder = [ { act = \"repoint-backend\", with = { from = \"$request\" } } ]"),
          rule_when("cause = \"disk-full\"",
                    "ladder = [ { act = \"vacuum-journal\", with = { keep_bytes = \"$request\", "
                    "keep_seconds = 1 } } ]"),
          rule_when("cause = \"app-down\"",
                    "ladder = [ { act = \"start-unit\", target = \"$host\" } ]")}) {
        EXPECT_NE(errors_in(text).find(refusal), std::string::npos) << text;
    }
}

TEST(RuleLanguage, NormalisesTheParametersThatARuleSets) {
    const auto with = [](const std::string& values) {
        return read_one(rule_when("cause = \"disk-full\"",
                                  "ladder = [ { act = \"vacuum-journal\", within = \"30s\", "
                                  "with = { " +
                                      values + " } } ]"))
            .ladder.at(0)
            .with;
    };
    const actions::Parameters expected{{"keep_bytes", "268435456"}, {"keep_seconds", "172800"}};
    EXPECT_EQ(with("keep_bytes = \"256M\", keep_seconds = \"2d\""), expected);
    EXPECT_EQ(with("keep_bytes = 268435456, keep_seconds = 172800"), expected);
    EXPECT_EQ(with("keep_bytes = \"262144K\", keep_seconds = \"172800\""), expected);
}

TEST(RuleLanguage, RefusesParametersThatTheActWouldNotTake) {
    const auto errors_with = [](const std::string& act, const std::string& values) {
        return errors_in(
            rule_when("cause = \"disk-full\"",
                      "ladder = [ { act = \"" + act + "\", with = { " + values + " } } ]"));
    };
    EXPECT_NE(errors_with("vacuum-journal", "keep_bytes = \"256M\"")
                  .find("vacuum-journal has no \"keep_seconds\""),
              std::string::npos);
    for (const char* size : {"\"256X\"", "\"\"", "0", "-1", "1.5", "\"99999999999T\"", "\"1P\""}) {
        EXPECT_NE(errors_with("vacuum-journal",
                              "keep_bytes = " + std::string{size} + ", keep_seconds = 1")
                      .find("\"keep_bytes\" must be a size like"),
                  std::string::npos)
            << size;
    }
    EXPECT_NE(errors_with("vacuum-journal", "keep_bytes = 1, keep_seconds = \"1500ms\"")
                  .find("\"keep_seconds\" must be a time like"),
              std::string::npos);
    EXPECT_NE(errors_with("vacuum-journal", "keep_byte = 1, keep_bytes = 1, keep_seconds = 1")
                  .find("did you mean \"keep_bytes\"?"),
              std::string::npos);
    EXPECT_NE(errors_with("repoint-backend", "to = \"127.0.0.1:80\"")
                  .find("comes from the diagnosis; a rule cannot set it"),
              std::string::npos);
    EXPECT_NE(errors_with("start-unit", "unit = \"nginx.service\"").find("unknown key \"unit\""),
              std::string::npos);
}

TEST(RuleLanguage, ReadsWaysToFailWindowsNeedsAndSuggestions) {
    const Rule rule = read_one(
        rule_when("cause = \"unit-stopped\"",
                  "on_failure = \"observe\"\n"
                  "revive_stopped = true\n"
                  "needs = [ \"postgresql.service\" ]\n"
                  "windows = [ { days = \"mon-fri\", from = \"08:00\", until = \"18:00\" },\n"
                  "            { days = \"sat,sun\", from = \"22:00\", until = \"02:30\", zone = "
                  "\"UTC\" } ]\n"
                  "suggest = [ { act = \"restart-unit\", within = \"20s\" } ]\n"));
    EXPECT_EQ(rule.on_failure, OnFailure::kObserve);
    EXPECT_TRUE(rule.is_reviving_stopped);
    EXPECT_EQ(rule.needs, std::vector<std::string>{"postgresql.service"});
    EXPECT_EQ(
        rule.windows,
        (std::vector<TimeWindow>{{0x1f, 480, 1080, "UTC", {}}, {0x60, 1320, 150, "UTC", {}}}));
    EXPECT_EQ(rule.offers,
              (std::vector<LadderStep>{{actions::ActId::kRestartUnit, seconds{20}, {}}}));
}

TEST(RuleLanguage, ReadsTheEvidenceThatForbidsAnAct) {
    const Rule rule = read_one(
        rule_when("cause = \"backend-hung\"", "unless = [ \"workers-at-work\", \"reloading\" ]"));
    EXPECT_EQ(rule.unless,
              (std::vector<core::Objection>{core::Objection::kWorkersAtWork,
                                            core::Objection::kReloading}));
    const std::string error =
        errors_in(rule_when("cause = \"backend-hung\"", "unless = [ \"worker-at-work\" ]"));
    EXPECT_NE(error.find("no evidence that an act could be held back for"), std::string::npos);
    EXPECT_NE(error.find("did you mean \"workers-at-work\"?"), std::string::npos) << error;
    EXPECT_NE(
        errors_in(rule_when("cause = \"backend-hung\"", "unless = [ \"traced\", \"traced\" ]"))
            .find("there already"),
        std::string::npos);
    EXPECT_NE(errors_in(rule_when("cause = \"backend-hung\"", "unless = [ 3 ]")), "");
    EXPECT_NE(errors_in(rule_when("cause = \"backend-hung\"", "unless = [ \"$request\" ]")), "");
}

TEST(RuleLanguage, ReadsDaysAsNamesListsAndRangesOverTheWeekend) {
    const auto days = [](const std::string& text) {
        return read_one(rule_when("cause = \"app-down\"",
                                  "windows = [ { days = \"" + text +
                                      "\", from = \"00:00\", until = \"24:00\" } ]"))
            .windows.at(0)
            .days;
    };
    EXPECT_EQ(days("mon"), 0x01U);
    EXPECT_EQ(days("fri-mon"), 0x71U);
    EXPECT_EQ(days("mon, wed,fri-sat"), 0x35U);
}

TEST(RuleLanguage, RefusesWindowsThatNeverOpen) {
    const auto errors_for = [](const std::string& window) {
        return errors_in(rule_when("cause = \"app-down\"", "windows = [ " + window + " ]"));
    };
    EXPECT_NE(errors_for("").find("must hold 1 to 8 windows, not 0"), std::string::npos);
    EXPECT_NE(errors_for("{ days = \"\", from = \"08:00\", until = \"09:00\" }")
                  .find("this window never opens: it has no days"),
              std::string::npos);
    EXPECT_NE(errors_for("{ from = \"08:00\", until = \"08:00\" }").find("this window never opens"),
              std::string::npos);
    EXPECT_NE(errors_for("{ from = \"8:00\", until = \"09:00\" }").find("must be a time of day"),
              std::string::npos);
    EXPECT_NE(errors_for("{ from = \"08:60\", until = \"24:01\" }").find("must be a time of day"),
              std::string::npos);
    EXPECT_NE(errors_for("{ from = \"08:00\" }").find("window has no \"until\""),
              std::string::npos);
    EXPECT_NE(errors_for("{ days = \"mo\", from = \"08:00\", until = \"09:00\" }")
                  .find("did you mean \"mon\"?"),
              std::string::npos);
}

TEST(RuleLanguage, SuggestsTheNearestTimeZone) {
    if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) {
        GTEST_SKIP() << "this machine has no zoneinfo";
    }
    EXPECT_EQ(errors_in(rule_when("cause = \"app-down\"",
                                  "windows = [ { from = \"08:00\", until = \"09:00\", "
                                  "zone = \"Europe/Berln\" } ]")),
              "x.toml:4:55: error: time zone \"Europe/Berln\": this machine's zoneinfo (package "
              "tzdata) has none of that name\n"
              "    windows = [ { from = \"08:00\", until = \"09:00\", zone = \"Europe/Berln\" } ]\n"
              "                                                          ^\n"
              "    did you mean \"Europe/Berlin\"?\n");
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\"",
                                  "windows = [ { from = \"08:00\", until = \"09:00\", "
                                  "zone = \"../../../etc/passwd\" } ]"))
                  .find("is no name of a time zone"),
              std::string::npos);
}

TEST(RuleLanguage, AllowsRevivingForStoppedUnitsOnly) {
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\"", "revive_stopped = true"))
                  .find("belongs to the cause \"unit-stopped\""),
              std::string::npos);
    EXPECT_EQ(errors_in(rule_when("cause = \"app-down\"", "revive_stopped = false")), "");
    EXPECT_NE(errors_in(rule_when("cause = \"unit-stopped\"", "revive_stopped = 1"))
                  .find("must be true or false"),
              std::string::npos);
}

TEST(RuleLanguage, RefusesToSuggestWhatTheLadderDoes) {
    EXPECT_NE(errors_in(rule_when("cause = \"app-down\"",
                                  "ladder = [ { act = \"start-unit\" } ]\n"
                                  "suggest = [ { act = \"start-unit\" } ]"))
                  .find("start-unit is a step of the ladder already"),
              std::string::npos);
}

TEST(RuleLanguage, ExpectsSuggestionsInTests) {
    const auto expecting = [](const std::string& expect) {
        return errors_in(rule_when("cause = \"app-down\"",
                                   "[[rule.test]]\ngiven = [\"x\"]\nexpect = \"" + expect + "\""));
    };
    EXPECT_EQ(expecting("offer apply-suggestion nginx.service"), "");
    EXPECT_NE(expecting("offer apply-suggestion"), "");
}

TEST(RulePlaces, RememberWhereEachValueStands) {
    const auto loaded =
        read_rules(rule_when("cause = \"app-down\"",
                             "witnesses = 3\n\nlimit = { max = 2 }\nmode = \"observe\""),
                   "x.toml");
    const Places& places = loaded.rule_places.at("a");
    EXPECT_EQ(places.at("name"), "x.toml:2");
    EXPECT_EQ(places.at("when.cause"), "x.toml:3");
    EXPECT_EQ(places.at("witnesses"), "x.toml:4");
    EXPECT_EQ(places.at("limit.max"), "x.toml:6");
    EXPECT_EQ(places.count("limit.per"), 0U);
    const auto settings = read_settings("\n[limits.unit]\nmax = 3\n", "gatemend.toml");
    EXPECT_EQ(settings.settings_places.at("limits.unit.max"), "gatemend.toml:3");
}

TEST(RuleReview, WarnsOfARuleThatAnEarlierOneShadows) {
    const auto second = [](const std::string& first_when, const std::string& second_when) {
        return warning_in("[[rule]]\nname = \"a\"\nwhen = { " + first_when +
                              " }\n[[rule]]\nname = \"b\"\nwhen = { " + second_when + " }\n",
                          "never decides");
    };
    EXPECT_EQ(second("cause = \"app-down\"", "cause = \"app-down\", unit = \"pm2-*.service\""),
              "6: this rule never decides: \"a\" (x.toml:1) comes first and matches all of it");
    EXPECT_NE(second("cause = \"app-down\", unit = \"pm*.service\"",
                     "cause = \"app-down\", unit = \"pm2-?.service\""),
              "");
    EXPECT_EQ(second("cause = \"app-down\", unit = \"pm2-*.service\"", "cause = \"app-down\""), "");
    EXPECT_EQ(second("cause = \"app-down\", confidence = 0.9", "cause = \"app-down\""), "");
    EXPECT_EQ(second("cause = \"app-down\", backend = \"unix:*\"",
                     "cause = \"app-down\", backend = \"127.0.0.1:*\""),
              "");
    EXPECT_EQ(second("cause = \"app-down\"", "cause = \"unit-failed\""), "");
}

TEST(RuleReview, WarnsOfActingRulesWithoutLimitOrRunbook) {
    const std::string acting = "mode = \"act\"\nladder = [ { act = \"start-unit\" } ]\n";
    EXPECT_EQ(warning_in(rule_when("cause = \"app-down\"", acting), "limit"),
              "2: rule \"a\" acts and has no limit of its own");
    EXPECT_EQ(warning_in(rule_when("cause = \"app-down\"", acting), "runbook"),
              "2: rule \"a\" acts and has no runbook");
    const std::string careful = acting + "limit = { max = 1 }\nrunbook = \"https://x.example\"\n";
    EXPECT_EQ(warning_in(rule_when("cause = \"app-down\"", careful), "acts and has no"), "");
    EXPECT_EQ(warning_in(rule_when("cause = \"app-down\""), "acts and has no"), "");
}

TEST(RuleReview, WarnsOfAnActThatNoDiagnosisOfTheCauseCanFill) {
    const std::string repoint = "ladder = [ { act = \"repoint-backend\" } ]";
    EXPECT_EQ(warning_in(rule_when("cause = \"backend-hung\"", repoint), "can never"),
              "4: repoint-backend can never be done: no diagnosis of backend-hung knows its "
              "\"from\"");
    EXPECT_EQ(warning_in(rule_when("cause = \"port-mismatch\"", repoint), "can never"), "");
    EXPECT_EQ(
        warning_in(rule_when("cause = \"unknown\"",
                             "suggest = [ { act = \"capture-port\", with = { seconds = 5 } } ]"),
                   "can never"),
        "");
}

TEST(RuleReview, WarnsOfRollingBackWhereNothingIsLeft) {
    EXPECT_NE(
        warning_in(rule_when("cause = \"app-down\"",
                             "ladder = [ { act = \"start-unit\" } ]\non_failure = \"rollback\""),
                   "roll back"),
        "");
    EXPECT_EQ(warning_in(rule_when("cause = \"socket-ownership\"",
                                   "ladder = [ { act = \"fix-socket-owner\" } ]\n"
                                   "on_failure = \"rollback\""),
                         "roll back"),
              "");
}

}  // namespace
}  // namespace gatemend::policy
