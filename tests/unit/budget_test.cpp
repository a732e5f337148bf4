// SPDX-License-Identifier: MIT
#include "policies/budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace gatemend::policy {
namespace {

using core::ActVerdict;
using core::Attempt;
using core::Duration;
using core::Ledger;
using core::TimePoint;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kUnit = "php8.2-fpm.service";
constexpr Charge kStart{kUnit, actions::ActClass::kStart};
const TimePoint kNow = *core::parse_time("2026-11-21T12:00:00Z");

// 3 in 15m, no cooldown: what most tests need.
Rule make_rule() {
    Rule rule;
    rule.name = "start-crashed-backend";
    rule.limit = {3, minutes{15}, Duration::zero(), 1};
    return rule;
}

Attempt attempt_at(TimePoint time, ActVerdict verdict = ActVerdict::kIneffective) {
    Attempt attempt;
    attempt.id = 7;
    attempt.time = time;
    attempt.rule = "start-crashed-backend";
    attempt.act = "start-unit";
    attempt.unit = kUnit;
    attempt.verdict = verdict;
    return attempt;
}

Ledger ledger_of(std::vector<Attempt> attempts) {
    Ledger ledger;
    ledger.attempts = std::move(attempts);
    return ledger;
}

BudgetVerdict check(const Rule& rule, const Ledger& ledger, TimePoint now = kNow) {
    return check_budget(Settings{}, rule, kStart, ledger, now);
}

const std::string kClear = "; clear with `gatemend resume php8.2-fpm.service`";

TEST(Budget, AllowsTheFirstAttempt) {
    const auto verdict = check(make_rule(), Ledger{});
    EXPECT_EQ(verdict.state, BudgetState::kAllowed);
    EXPECT_EQ(verdict.reason, "");
    EXPECT_FALSE(verdict.retry_at);
}

TEST(Budget, IsExhaustedByTheLimitOfTheRule) {
    const auto ledger = ledger_of({attempt_at(kNow - minutes{10}),
                                   attempt_at(kNow - minutes{5}),
                                   attempt_at(kNow - minutes{1})});
    const auto verdict = check(make_rule(), ledger);
    EXPECT_EQ(verdict.state, BudgetState::kExhausted);
    EXPECT_EQ(verdict.reason,
              "3 attempts without effect by start-crashed-backend on php8.2-fpm.service in 15m, "
              "limit 3" +
                  kClear);
    EXPECT_FALSE(verdict.retry_at);  // the breaker latches: time does not help
}

TEST(Budget, ForgetsAnAttemptExactlyAtTheEndOfTheWindow) {
    const auto with_oldest = [](TimePoint time) {
        return ledger_of({attempt_at(time), attempt_at(kNow), attempt_at(kNow)});
    };
    EXPECT_EQ(check(make_rule(), with_oldest(kNow - minutes{15} + microseconds{1})).state,
              BudgetState::kExhausted);
    EXPECT_EQ(check(make_rule(), with_oldest(kNow - minutes{15})).state, BudgetState::kAllowed);
}

TEST(Budget, CountsEachRuleOnEachUnitByItself) {
    auto other_rule = attempt_at(kNow);
    other_rule.rule = "start-stale-socket";
    auto other_unit = attempt_at(kNow);
    other_unit.unit = "php8.4-fpm.service";
    const auto ledger =
        ledger_of({other_rule, other_unit, other_rule, other_unit, attempt_at(kNow)});
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, IsExhaustedByTheLimitOfTheUnitOverAllRules) {
    std::vector<Attempt> attempts;
    for (int i = 0; i < 6; ++i) {
        attempts.push_back(attempt_at(kNow - minutes{40}));
        attempts.back().rule = "rule-" + std::to_string(i);
    }
    const auto verdict = check(make_rule(), ledger_of(attempts));
    EXPECT_EQ(verdict.state, BudgetState::kExhausted);
    EXPECT_EQ(verdict.reason,
              "6 attempts without effect on php8.2-fpm.service in 1h, limit 6" + kClear);
}

TEST(Budget, IsExhaustedByTheLimitOfTheHostOverAllUnits) {
    std::vector<Attempt> attempts;
    for (int i = 0; i < 20; ++i) {
        attempts.push_back(attempt_at(kNow - minutes{40}));
        attempts.back().unit = "app" + std::to_string(i) + ".service";
    }
    EXPECT_EQ(check(make_rule(), ledger_of(attempts)).state, BudgetState::kAllowed)
        << "what others have used up keeps no unit down that has not been tried in vain";
    attempts.back().unit = kUnit;
    const auto verdict = check(make_rule(), ledger_of(attempts));
    EXPECT_EQ(verdict.state, BudgetState::kExhausted);
    EXPECT_EQ(verdict.reason, "20 attempts without effect on this host in 1h, limit 20" + kClear);
    EXPECT_FALSE(verdict.is_rules_own);
}

TEST(Budget, NeverAllowsAnythingWhenTheLimitIsZero) {
    auto rule = make_rule();
    rule.limit.max = 0;
    EXPECT_EQ(check(rule, Ledger{}).state, BudgetState::kExhausted);
}

TEST(Budget, HonoursNoLimitBeyondWhatTheLedgerRemembers) {
    auto rule = make_rule();
    rule.limit = {std::numeric_limits<std::uint32_t>::max(), hours{1}, Duration::zero(), 1};
    Settings settings;
    settings.unit_limit = settings.host_limit = rule.limit;
    auto ledger =
        ledger_of(std::vector<Attempt>(core::kMaxAttempts - 1, attempt_at(kNow - minutes{1})));
    EXPECT_EQ(check_budget(settings, rule, kStart, ledger, kNow).state, BudgetState::kAllowed);
    ledger.attempts.push_back(attempt_at(kNow));
    const auto verdict = check_budget(settings, rule, kStart, ledger, kNow);
    EXPECT_EQ(verdict.state, BudgetState::kExhausted);
    EXPECT_EQ(verdict.reason,
              "1000 attempts without effect by start-crashed-backend on php8.2-fpm.service in 1h, "
              "limit 1000" +
                  kClear);
}

TEST(Budget, CoolsDownAfterAnAttemptThatCured) {
    auto rule = make_rule();
    rule.limit.cooldown = seconds{5};
    rule.limit.backoff = 2;
    const auto ledger = ledger_of({attempt_at(kNow - seconds{4}, ActVerdict::kEffective)});
    const auto verdict = check(rule, ledger);
    EXPECT_EQ(verdict.state, BudgetState::kCoolingDown);
    EXPECT_EQ(verdict.retry_at, kNow + seconds{1});
    EXPECT_EQ(verdict.reason,
              "5s cooldown after attempt 7 by start-crashed-backend on php8.2-fpm.service");
    EXPECT_EQ(check(rule, ledger, kNow + seconds{1}).state, BudgetState::kAllowed);
}

TEST(Budget, WaitsLongerAfterEachAttemptInARowThatDidNotCure) {
    auto rule = make_rule();
    rule.limit = {10, minutes{15}, seconds{5}, 2};
    auto ledger = ledger_of({attempt_at(kNow - seconds{30}, ActVerdict::kEffective),
                             attempt_at(kNow - seconds{20}, ActVerdict::kIneffective),
                             attempt_at(kNow, ActVerdict::kIneffective)});
    const auto verdict = check(rule, ledger);
    EXPECT_EQ(verdict.retry_at, kNow + seconds{20});  // 5s * 2^2
    EXPECT_EQ(verdict.reason,
              "20s cooldown after attempt 7 by start-crashed-backend on php8.2-fpm.service, "
              "2 attempts in a row without effect");
    ledger.attempts[0].time = kNow - hours{1};
    ledger.attempts.push_back(attempt_at(kNow, ActVerdict::kEffective));
    EXPECT_EQ(check(rule, ledger).retry_at, kNow + seconds{5});
}

TEST(Budget, TreatsAnAttemptWithoutVerdictAsOneThatDidNotCure) {
    auto rule = make_rule();
    rule.limit = {10, minutes{15}, seconds{5}, 3};
    const auto verdict = check(rule, ledger_of({attempt_at(kNow, ActVerdict::kPending)}));
    EXPECT_EQ(verdict.retry_at, kNow + seconds{15});
    EXPECT_EQ(verdict.reason,
              "15s cooldown after attempt 7 by start-crashed-backend on php8.2-fpm.service, "
              "1 attempt in a row without effect");
}

TEST(Budget, NeverWaitsLongerThanAnHourHoweverLongTheRow) {
    auto rule = make_rule();
    rule.limit = {900, seconds{1}, minutes{59}, 4'000'000'000U};
    Settings settings;
    settings.unit_limit = settings.host_limit = {900, seconds{1}, Duration::zero(), 1};
    const auto ledger = ledger_of(
        std::vector<Attempt>(500, attempt_at(kNow - seconds{2}, ActVerdict::kIneffective)));
    const auto verdict = check_budget(settings, rule, kStart, ledger, kNow);
    EXPECT_EQ(verdict.state, BudgetState::kCoolingDown);
    EXPECT_EQ(verdict.retry_at, kNow - seconds{2} + hours{1});
}

TEST(Budget, ForgetsTheRowAfterADay) {
    auto rule = make_rule();
    rule.limit = {10, minutes{15}, seconds{5}, 2};
    const auto old = attempt_at(kNow - hours{25}, ActVerdict::kIneffective);
    const auto ledger = ledger_of({old, old, old, attempt_at(kNow, ActVerdict::kIneffective)});
    EXPECT_EQ(check(rule, ledger).retry_at, kNow + seconds{10});
}

TEST(Budget, NamesTheLongestOfSeveralCooldowns) {
    Settings settings;
    settings.unit_limit.cooldown = minutes{2};
    settings.host_limit.cooldown = minutes{1};
    auto rule = make_rule();
    rule.limit.cooldown = seconds{5};
    const auto verdict = check_budget(
        settings, rule, kStart, ledger_of({attempt_at(kNow, ActVerdict::kEffective)}), kNow);
    EXPECT_EQ(verdict.retry_at, kNow + minutes{2});
    EXPECT_EQ(verdict.reason, "2m cooldown after attempt 7 on php8.2-fpm.service");
}

TEST(Budget, ReportsExhaustionBeforeARunningCooldown) {
    auto rule = make_rule();
    rule.limit.cooldown = seconds{5};
    EXPECT_EQ(check(rule, ledger_of(std::vector<Attempt>(3, attempt_at(kNow)))).state,
              BudgetState::kExhausted);
}

TEST(Budget, DemotesARuleThatDidHarmUntilItIsLifted) {
    Ledger ledger;
    ledger.attempts = {attempt_at(kNow - hours{24 * 30}, ActVerdict::kHarmful)};
    const auto verdict = check(make_rule(), ledger);
    EXPECT_EQ(verdict.state, BudgetState::kDemoted);
    EXPECT_FALSE(verdict.retry_at);
    EXPECT_NE(verdict.reason.find("did harm to"), std::string::npos);
    EXPECT_NE(verdict.reason.find("gatemend resume"), std::string::npos);
    ledger.forgiven = {{kUnit, kNow - hours{1}}};
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, DemotesTheRuleThatDidHarmOnThatUnitAlone) {
    Ledger ledger;
    ledger.attempts = {attempt_at(kNow - hours{24}, ActVerdict::kHarmful)};
    ledger.attempts[0].rule = "another";
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
    ledger.attempts = {attempt_at(kNow - hours{24}, ActVerdict::kHarmful)};
    ledger.attempts[0].unit = "php8.4-fpm.service";
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, DemotesForNoEffectOnlyWhereTheRuleSaysSo) {
    Ledger ledger;
    ledger.attempts = {attempt_at(kNow - hours{24}, ActVerdict::kIneffective)};
    Rule rule = make_rule();
    EXPECT_EQ(check_budget(Settings{}, rule, kStart, ledger, kNow).state, BudgetState::kAllowed);
    rule.on_failure = OnFailure::kObserve;
    EXPECT_EQ(check_budget(Settings{}, rule, kStart, ledger, kNow).state, BudgetState::kDemoted);
    ledger.attempts[0].verdict = ActVerdict::kPending;
    EXPECT_EQ(check_budget(Settings{}, rule, kStart, ledger, kNow).state, BudgetState::kAllowed);
}

TEST(Budget, StartsTheWaitsAnewAfterACure) {
    Ledger ledger;
    ledger.attempts = {attempt_at(kNow - minutes{50}, ActVerdict::kIneffective),
                       attempt_at(kNow - minutes{40}, ActVerdict::kIneffective),
                       attempt_at(kNow - minutes{30}, ActVerdict::kEffective),
                       attempt_at(kNow, ActVerdict::kPending)};
    Rule rule = make_rule();
    rule.limit = {100, hours{1}, seconds{5}, 2};
    Settings settings;
    settings.unit_limit.max = settings.host_limit.max = 100;
    // One in a row, not three: the cure has ended theirs.
    EXPECT_EQ(check_budget(settings, rule, kStart, ledger, kNow).retry_at, kNow + seconds{10});
}

TEST(Budget, CountsAttemptsFromTheFutureAsNow) {
    auto rule = make_rule();
    rule.limit = {3, minutes{15}, seconds{5}, 1};
    auto ledger = ledger_of({attempt_at(kNow + hours{24}), attempt_at(kNow - minutes{10})});
    const auto verdict = check(rule, ledger);
    EXPECT_EQ(verdict.state, BudgetState::kCoolingDown);
    EXPECT_EQ(verdict.retry_at, kNow + seconds{5});
    ledger.attempts.push_back(attempt_at(kNow + hours{24 * 365}));
    EXPECT_EQ(check(rule, ledger).state, BudgetState::kExhausted);
}

TEST(Budget, CountsOnlyAttemptsSinceTheOperatorLiftedTheBreaker) {
    auto ledger = ledger_of(std::vector<Attempt>(3, attempt_at(kNow - minutes{5})));
    ledger.forgiven.emplace_back(kUnit, kNow - minutes{5});
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kExhausted);
    ledger.forgiven.emplace_back(kUnit, kNow - minutes{5} + microseconds{1});
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, ForgivesOneUnitWithoutTheOthers) {
    auto ledger = ledger_of(std::vector<Attempt>(3, attempt_at(kNow - minutes{5})));
    ledger.forgiven.emplace_back("nginx.service", kNow);
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kExhausted);
}

TEST(Budget, IgnoresALiftFromTheFuture) {
    auto ledger = ledger_of(std::vector<Attempt>(3, attempt_at(kNow - minutes{5})));
    ledger.forgiven.emplace_back(kUnit, kNow + hours{1});  // the clock was set back since
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kExhausted);
}

TEST(Budget, AClockSetBackKeepsTheOrderOfAttemptsAndLifts) {
    for (const bool is_lifted : {true, false}) {
        const auto done = kNow + (is_lifted ? hours{1} : hours{3});
        auto ledger = ledger_of(std::vector<Attempt>(3, attempt_at(done)));
        ledger.forgiven.emplace_back(kUnit, kNow + hours{2});
        core::settle_clock(ledger, kNow - minutes{5});
        EXPECT_EQ(check(make_rule(), ledger).state,
                  is_lifted ? BudgetState::kAllowed : BudgetState::kExhausted);
    }
}

TEST(Budget, AClockSetBackMakesNoPauseLongerThanAnyMayBe) {
    Ledger ledger;
    ledger.pause = core::Pause{kNow + hours{24 * 365}, "deploy", "root"};  // since when: not known
    core::settle_clock(ledger, kNow);
    EXPECT_EQ(ledger.pause->until, kNow + core::kMaxPause);

    ledger.pause = core::Pause{kNow + hours{26}, "deploy", "root", kNow + hours{24}};
    core::settle_clock(ledger, kNow);
    EXPECT_EQ(ledger.pause, (core::Pause{kNow + hours{2}, "deploy", "root", kNow}));

    const core::Pause sound{kNow + hours{1}, "deploy", "root", kNow - hours{1}};
    ledger.pause = sound;
    core::settle_clock(ledger, kNow);
    EXPECT_EQ(ledger.pause, sound);
}

TEST(Budget, NamesALatchBeforeAPauseBeforeAnUnreadableRecord) {
    Ledger ledger;
    ledger.unreadable = "line 7: chain broken";
    auto verdict = check(make_rule(), ledger);
    EXPECT_EQ(verdict.state, BudgetState::kUnreadable);
    EXPECT_EQ(verdict.reason, "the record of attempts cannot be read: line 7: chain broken");

    ledger.pause = core::Pause{kNow + hours{1}, "deploy\n", "root"};
    verdict = check(make_rule(), ledger);
    EXPECT_EQ(verdict.state, BudgetState::kPaused);
    EXPECT_EQ(verdict.retry_at, kNow + hours{1});
    EXPECT_EQ(verdict.reason, "paused by root until 2026-11-21T13:00:00.000000Z: deploy\\x0A");

    ledger.latches.push_back({kUnit, kNow - hours{1}, "3 attempts"});
    verdict = check(make_rule(), ledger);
    EXPECT_EQ(verdict.state, BudgetState::kLatched);
    EXPECT_FALSE(verdict.retry_at);
    EXPECT_EQ(verdict.reason,
              "the breaker of php8.2-fpm.service is latched since 2026-11-21T11:00:00.000000Z: "
              "3 attempts" +
                  kClear);
}

TEST(Budget, MindsTheLatchOfThisUnitOnly) {
    Ledger ledger;
    ledger.latches.push_back({"nginx.service", kNow, "x"});
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, IsPausedUntilExactlyTheEndOfThePause) {
    Ledger ledger;
    ledger.pause = core::Pause{kNow, "deploy", "root"};
    EXPECT_EQ(check(make_rule(), ledger, kNow - microseconds{1}).state, BudgetState::kPaused);
    EXPECT_EQ(check(make_rule(), ledger, kNow).state, BudgetState::kAllowed);
}

// --- what counts ---

Attempt of_class(Attempt attempt, const char* act, const char* act_class) {
    attempt.act = act;
    attempt.act_class = act_class;
    return attempt;
}

TEST(Budget, ACureNeverTripsTheBreakerHoweverOftenItHappens) {
    Ledger ledger;
    for (int i = 0; i < 50; ++i) {
        ledger.attempts.push_back(
            attempt_at(kNow - minutes{60} + minutes{i}, ActVerdict::kEffective));
    }
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
}

TEST(Budget, PausesBetweenCuresGrowUpToAMinute) {
    auto rule = make_rule();
    rule.limit.cooldown = seconds{5};
    Ledger ledger;
    std::vector<Duration> pauses;
    for (int i = 0; i < 7; ++i) {
        ledger.attempts.push_back(attempt_at(kNow, ActVerdict::kEffective));
        const auto verdict = check(rule, ledger);
        ASSERT_EQ(verdict.state, BudgetState::kCoolingDown);
        pauses.push_back(*verdict.retry_at - kNow);
    }
    EXPECT_EQ(pauses,
              (std::vector<Duration>{seconds{5},
                                     seconds{10},
                                     seconds{20},
                                     seconds{40},
                                     minutes{1},
                                     minutes{1},
                                     minutes{1}}));
    EXPECT_NE(check(rule, ledger).reason.find("healed 7 times"), std::string::npos);
    EXPECT_EQ(check(rule, ledger, kNow + minutes{1}).state, BudgetState::kAllowed);
}

TEST(Budget, CallsItFlappingFromTheThirdCureOn) {
    Ledger ledger;
    ledger.attempts.assign(2, attempt_at(kNow - minutes{5}, ActVerdict::kEffective));
    EXPECT_EQ(flapping_words(kUnit, ledger, kNow), "");
    ledger.attempts.push_back(attempt_at(kNow, ActVerdict::kEffective));
    EXPECT_EQ(flapping_words(kUnit, ledger, kNow), "flapping: healed 3 times in 20m");
    EXPECT_EQ(flapping_words("nginx.service", ledger, kNow), "");
    EXPECT_EQ(flapping_words(kUnit, ledger, kNow + minutes{16}), "") << "the first are forgotten";
    ledger.attempts[0].is_uncounted = true;
    EXPECT_EQ(flapping_words(kUnit, ledger, kNow), "") << "a person did that";
}

TEST(Budget, WhatAPersonApprovedCountsForNoBreaker) {
    auto approved = attempt_at(kNow - minutes{1});
    approved.is_uncounted = true;
    const auto ledger = ledger_of(std::vector<Attempt>(30, approved));
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
    Settings settings;
    settings.unit_limit.max = settings.host_limit.max = 1;
    EXPECT_EQ(check_budget(settings, make_rule(), kStart, ledger, kNow).state,
              BudgetState::kAllowed);
}

TEST(Budget, WaitsForAVerdictBeforeItGivesUp) {
    auto rule = make_rule();
    rule.limit.per = hours{1};
    auto ledger = ledger_of({attempt_at(kNow - minutes{3}),
                             attempt_at(kNow - minutes{2}),
                             attempt_at(kNow - seconds{20}, ActVerdict::kPending)});
    const auto verdict = check(rule, ledger);
    EXPECT_EQ(verdict.state, BudgetState::kCoolingDown);
    EXPECT_NE(verdict.reason.find("no verdict yet"), std::string::npos) << verdict.reason;
    ledger.attempts[2].verdict = ActVerdict::kEffective;
    EXPECT_EQ(check(rule, ledger).state, BudgetState::kAllowed);
    ledger.attempts[2].verdict = ActVerdict::kIneffective;
    EXPECT_EQ(check(rule, ledger).state, BudgetState::kExhausted);
    ledger.attempts[2].verdict = ActVerdict::kPending;
    EXPECT_EQ(check(rule, ledger, *verdict.retry_at).state, BudgetState::kExhausted)
        << "nobody has judged it in all that time";
}

TEST(Budget, AUsedUpRestartDoesNotForbidToStartTheUnitAfterACrash) {
    auto hung = make_rule();
    hung.name = "restart-hung-backend";
    hung.limit = {1, hours{1}, minutes{1}, 2};
    auto restart = of_class(attempt_at(kNow - seconds{5}), "restart-unit", "disruption");
    restart.rule = hung.name;
    auto ledger = ledger_of({restart});
    const Charge disruption{kUnit, actions::ActClass::kDisruption};
    const auto used_up = check_budget(Settings{}, hung, disruption, ledger, kNow);
    EXPECT_EQ(used_up.state, BudgetState::kExhausted);
    EXPECT_TRUE(used_up.is_rules_own);
    ledger.latches = {{kUnit, kNow, used_up.reason, hung.name, "disruption"}};
    EXPECT_EQ(check_budget(Settings{}, hung, disruption, ledger, kNow).state,
              BudgetState::kLatched);
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
    EXPECT_EQ(check_budget(Settings{}, hung, kStart, ledger, kNow).state, BudgetState::kAllowed)
        << "not even by the same rule";
}

TEST(Budget, AUsedUpStartDoesNotForbidEdits) {
    auto ledger = ledger_of(std::vector<Attempt>(6, attempt_at(kNow)));
    ledger.latches = {{kUnit, kNow, "x", "", "start"}};
    auto restore = make_rule();
    restore.name = "restore-config";
    EXPECT_EQ(check(restore, ledger).state, BudgetState::kLatched) << "every rule's starts";
    const Charge edit{kUnit, actions::ActClass::kEdit};
    EXPECT_EQ(check_budget(Settings{}, restore, edit, ledger, kNow).state, BudgetState::kAllowed);
}

TEST(Budget, ALatchOfAnOlderVersionIsForEveryAct) {
    Ledger ledger;
    ledger.latches = {{kUnit, kNow, "x"}};
    for (const auto act_class : {actions::ActClass::kStart,
                                 actions::ActClass::kDisruption,
                                 actions::ActClass::kEdit,
                                 actions::ActClass::kRoom,
                                 actions::ActClass::kEvidence}) {
        const auto verdict =
            check_budget(Settings{}, make_rule(), {kUnit, act_class}, ledger, kNow);
        EXPECT_EQ(verdict.state, BudgetState::kLatched);
        EXPECT_TRUE(verdict.reason.ends_with(kClear)) << verdict.reason;
    }
}

TEST(Budget, KnowsTheClassOfAnAttemptOfAnOlderVersionByItsAct) {
    auto restart = attempt_at(kNow);
    restart.act = "restart-unit";
    const auto ledger = ledger_of(std::vector<Attempt>(3, restart));
    EXPECT_EQ(check(make_rule(), ledger).state, BudgetState::kAllowed);
    const Charge disruption{kUnit, actions::ActClass::kDisruption};
    EXPECT_EQ(check_budget(Settings{}, make_rule(), disruption, ledger, kNow).state,
              BudgetState::kExhausted);
}

// Ledgers by chance: what cured and what people did never trips, and one class never forbids
// another.
TEST(Budget, OnlyWhatDidNotCureTripsAndOnlyItsOwnClass) {
    const std::vector<std::pair<const char*, actions::ActClass>> acts{
        {"start-unit", actions::ActClass::kStart},
        {"restart-unit", actions::ActClass::kDisruption},
        {"restore-config", actions::ActClass::kEdit},
        {"vacuum-journal", actions::ActClass::kRoom}};
    std::size_t tripped = 0;
    for (std::uint32_t seed = 0; seed < 3000; ++seed) {
        std::mt19937 random{seed};
        const auto draw = [&random](std::size_t below) { return random() % below; };
        const auto bad = draw(acts.size());  // the class in which things go wrong
        Ledger ledger;
        std::size_t failed = 0;
        for (std::size_t i = draw(40); i > 0; --i) {
            const auto which = draw(acts.size());
            auto attempt = attempt_at(kNow - minutes{15} + seconds{draw(800)});
            attempt.act = acts[which].first;
            const bool is_failure = which == bad && draw(4) == 0;
            attempt.is_uncounted = !is_failure && draw(2) == 0;
            attempt.verdict = is_failure || attempt.is_uncounted ? ActVerdict::kIneffective
                                                                 : ActVerdict::kEffective;
            failed += is_failure ? 1 : 0;
            ledger.attempts.push_back(attempt);
        }
        auto rule = make_rule();
        rule.limit = {3, hours{1}, Duration::zero(), 1};
        for (std::size_t which = 0; which < acts.size(); ++which) {
            const auto state =
                check_budget(Settings{}, rule, {kUnit, acts[which].second}, ledger, kNow).state;
            const bool is_to_trip = which == bad && failed >= 3;
            ASSERT_EQ(state == BudgetState::kExhausted, is_to_trip) << "seed " << seed;
            tripped += is_to_trip ? 1 : 0;
        }
    }
    EXPECT_GT(tripped, 300U);
}

// A random life of a host: whoever asks and is allowed, acts. Times only go forward.
class BudgetProperty {
  public:
    explicit BudgetProperty(std::uint32_t seed) : random_{seed} {
        settings_.unit_limit = draw_limit();
        settings_.host_limit = draw_limit();
        for (const char* name : {"rule-a", "rule-b"}) {
            rules_.emplace_back();
            rules_.back().name = name;
            rules_.back().limit = draw_limit();
        }
    }

    void live() {
        TimePoint now = kNow;
        for (int i = 0; i < 60; ++i) {
            now += draw(4) == 0 ? minutes{draw(30)} : seconds{draw(30)};
            const Rule& rule = rules_[draw(rules_.size())];
            const std::string unit = "u" + std::to_string(draw(3)) + ".service";
            const auto verdict =
                check_budget(settings_, rule, {unit, actions::ActClass::kStart}, ledger_, now);
            if (verdict.state == BudgetState::kAllowed) {
                Attempt attempt = attempt_at(now, ActVerdict{static_cast<int>(draw(4))});
                attempt.rule = rule.name;
                attempt.unit = unit;
                ledger_.attempts.push_back(attempt);
            } else if (verdict.retry_at) {
                ASSERT_GT(*verdict.retry_at, now);
                ASSERT_LE(*verdict.retry_at, now + hours{1});
            }
        }
    }

    // At most max attempts that did not cure in every window that begins with one of them; for the
    // host one more for each unit, which is started once whatever others have used up.
    void check_all_windows() const {
        Limit host = settings_.host_limit;
        host.max += 3;
        check_windows(host, [](const Attempt&) { return true; });
        for (int i = 0; i < 3; ++i) {
            const std::string unit = "u" + std::to_string(i) + ".service";
            check_windows(settings_.unit_limit,
                          [&](const Attempt& attempt) { return attempt.unit == unit; });
            for (const Rule& rule : rules_) {
                check_windows(rule.limit, [&](const Attempt& attempt) {
                    return attempt.unit == unit && attempt.rule == rule.name;
                });
            }
        }
    }

    [[nodiscard]] std::size_t attempts() const { return ledger_.attempts.size(); }

  private:
    std::uint32_t draw(std::size_t below) { return static_cast<std::uint32_t>(random_() % below); }

    Limit draw_limit() {
        return {draw(6) + 1, minutes{draw(20) + 1}, seconds{draw(10)}, draw(4) + 1};
    }

    template <class Counts>
    void check_windows(const Limit& limit, const Counts& counts) const {
        for (const Attempt& first : ledger_.attempts) {
            const auto in_window =
                std::ranges::count_if(ledger_.attempts, [&](const Attempt& attempt) {
                    return counts(attempt) && attempt.verdict != ActVerdict::kEffective &&
                           attempt.time >= first.time && attempt.time < first.time + limit.per;
                });
            ASSERT_LE(in_window, limit.max);
        }
    }

    std::mt19937 random_;
    Settings settings_;
    std::vector<Rule> rules_;
    Ledger ledger_;
};

TEST(Budget, NeverAllowsMoreThanTheLimitInAnyWindow) {
    std::size_t attempts = 0;
    for (std::uint32_t seed = 0; seed < 2000; ++seed) {
        BudgetProperty property{seed};
        property.live();
        property.check_all_windows();
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
        attempts += property.attempts();
    }
    EXPECT_GT(attempts, 20'000U);  // the limits were met, not only the test passed by
}

}  // namespace
}  // namespace gatemend::policy
