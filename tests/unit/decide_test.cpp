// SPDX-License-Identifier: MIT
#include "policies/decide.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::policy {
namespace {

using core::Cause;
using core::Evidence;
using core::Hold;
using core::HoldKind;
using core::Ledger;
using core::TimePoint;
using core::Witness;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kUnit = "php8.2-fpm.service";
const TimePoint kNow = *core::parse_time("2026-11-21T12:00:00Z");

Policy make_policy() {
    Policy policy;
    Rule rule;
    rule.name = "start-crashed-backend";
    rule.match.cause = Cause::kUnitFailed;
    rule.mode = Mode::kAct;
    rule.ladder = {{actions::ActId::kStartUnit, seconds{10}},
                   {actions::ActId::kRestartUnit, seconds{20}}};
    policy.rules.push_back(rule);
    Rule report;
    report.name = "report-stopped-unit";
    report.match.cause = Cause::kUnitStopped;
    policy.rules.push_back(report);
    return policy;
}

Evidence seen(Witness witness) {
    return {witness, kNow, "seen", true};
}

Question make_question() {
    Question question;
    question.cause = Cause::kUnitFailed;
    question.unit = kUnit;
    question.evidence = {seen(Witness::kUnitState), seen(Witness::kProbe)};
    question.now = kNow;
    return question;
}

core::Attempt attempt_at(TimePoint time) {
    core::Attempt attempt;
    attempt.id = 7;
    attempt.time = time;
    attempt.rule = "start-crashed-backend";
    attempt.unit = kUnit;
    attempt.verdict = core::ActVerdict::kEffective;
    return attempt;
}

std::vector<HoldKind> kinds_of(const Decision& decision) {
    std::vector<HoldKind> kinds;
    for (const Hold& hold : decision.holds) {
        kinds.push_back(hold.kind);
    }
    return kinds;
}

using Kinds = std::vector<HoldKind>;

TEST(Decide, ActsWhenNothingStandsInTheWay) {
    const auto decision = decide(make_policy(), Ledger{}, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kAct);
    EXPECT_EQ(decision.rule, "start-crashed-backend");
    EXPECT_EQ(decision.step, (LadderStep{actions::ActId::kStartUnit, seconds{10}}));
    EXPECT_TRUE(decision.holds.empty());
    EXPECT_EQ(decision.reason,
              "start-unit php8.2-fpm.service: step 1 of 2 of policy start-crashed-backend");
    EXPECT_FALSE(decision.retry_at);
}

TEST(Decide, TakesTheNextStepAfterAFailedOne) {
    auto question = make_question();
    question.ladder_step = 1;
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kAct);
    EXPECT_EQ(decision.step, (LadderStep{actions::ActId::kRestartUnit, seconds{20}}));
    EXPECT_EQ(decision.reason,
              "restart-unit php8.2-fpm.service: step 2 of 2 of policy start-crashed-backend");
}

TEST(Decide, ObservesWhenNoRuleKnowsTheCause) {
    auto question = make_question();
    question.cause = Cause::kNginxDown;
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(decision.rule, "");
    EXPECT_EQ(decision.holds,
              (std::vector{Hold{
                  HoldKind::kNoRule, "policy", "no rule for cause nginx-down", std::nullopt}}));
    EXPECT_EQ(decision.reason, "no rule for cause nginx-down");
}

TEST(Decide, HoldsForAGuardAndKeepsItsWords) {
    auto question = make_question();
    question.guards = {{HoldKind::kAdminStopped, "administrator", "stopped by hand", std::nullopt}};
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(decision.holds, question.guards);
    EXPECT_EQ(decision.reason, "stopped by hand");
    EXPECT_FALSE(decision.step);
}

TEST(Decide, HoldsForAUnitThatIsNotAllowed) {
    auto question = make_question();
    question.unit = "sshd.service";
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(decision.holds,
              (std::vector{Hold{HoldKind::kUnitNotAllowed,
                                "gatemend.toml",
                                "sshd.service is not among the units that may be acted on",
                                std::nullopt}}));
}

TEST(Decide, HoldsWhenTheOnlyWitnessIsALog) {
    auto question = make_question();
    question.evidence = {seen(Witness::kLog), seen(Witness::kLog)};
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(decision.holds,
              (std::vector{Hold{HoldKind::kSingleWitness,
                                "policy start-crashed-backend",
                                "the only witness is a log",
                                std::nullopt}}));
}

TEST(Decide, CountsKindsOfWitnessesAndNotTheirNumber) {
    auto question = make_question();
    question.evidence = {seen(Witness::kUnitState), seen(Witness::kUnitState)};
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kSingleWitness});
    EXPECT_EQ(decision.reason, "1 witness (unit-state), 2 needed");
}

TEST(Decide, DoesNotCountEvidenceAgainstTheCause) {
    auto question = make_question();
    question.evidence[1].supports = false;
    EXPECT_EQ(kinds_of(decide(make_policy(), Ledger{}, question)), Kinds{HoldKind::kSingleWitness});
    question.evidence.clear();
    EXPECT_EQ(decide(make_policy(), Ledger{}, question).reason, "no witness");
}

TEST(Decide, LetsALogAndAUnitStateCountAsTwo) {
    auto question = make_question();
    question.evidence = {seen(Witness::kLog), seen(Witness::kUnitState)};
    EXPECT_EQ(decide(make_policy(), Ledger{}, question).kind, DecisionKind::kAct);
}

TEST(Decide, HoldsWhenTheLadderIsExhausted) {
    auto question = make_question();
    question.ladder_step = 2;
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(decision.holds,
              (std::vector{Hold{HoldKind::kLadderExhausted,
                                "policy start-crashed-backend",
                                "all 2 steps have been tried",
                                std::nullopt}}));
}

TEST(Decide, HoldsWhileCooldownIsRunningAndSaysUntilWhen) {
    Ledger ledger;
    ledger.attempts.push_back(attempt_at(kNow - seconds{2}));
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kCoolingDown});
    EXPECT_EQ(decision.holds[0].owner, "budget");
    EXPECT_EQ(decision.holds[0].until, kNow + seconds{3});
    EXPECT_EQ(decision.retry_at, kNow + seconds{3});
}

TEST(Decide, HoldsWhenTheBudgetIsExhausted) {
    Ledger ledger;
    ledger.attempts.assign(3, attempt_at(kNow - minutes{5}));
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kBudgetExhausted});
    EXPECT_EQ(decision.reason,
              "3 attempts by start-crashed-backend on php8.2-fpm.service in 15m, limit 3");
    EXPECT_FALSE(decision.retry_at);
}

TEST(Decide, HoldsWhileTheBreakerIsLatched) {
    Ledger ledger;
    ledger.latches.push_back({kUnit, kNow, "3 attempts"});
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kLatched});
    EXPECT_EQ(decision.holds[0].owner, "breaker");
}

TEST(Decide, HoldsWhilePausedByWhoeverPaused) {
    Ledger ledger;
    ledger.pause = core::Pause{kNow + hours{1}, "deploy", "root"};
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kPaused});
    EXPECT_EQ(decision.holds[0].owner, "root");
    EXPECT_EQ(decision.retry_at, kNow + hours{1});
}

TEST(Decide, HoldsWhenTheRecordIsUnreadable) {
    Ledger ledger;
    ledger.unreadable = "chain broken";
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kRecordUnreadable});
}

TEST(Decide, OnlyObservesWhereTheRuleSaysSo) {
    auto question = make_question();
    question.cause = Cause::kUnitStopped;
    const auto decision = decide(make_policy(), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(decision.holds,
              (std::vector{Hold{HoldKind::kObserveOnly,
                                "policy report-stopped-unit",
                                "policy report-stopped-unit only observes",
                                std::nullopt}}));
    EXPECT_FALSE(decision.step);
}

TEST(Decide, OnlyObservesWhereTheMachineSaysSo) {
    auto policy = make_policy();
    policy.settings.mode = Mode::kObserve;
    const auto decision = decide(policy, Ledger{}, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(
        decision.holds,
        (std::vector{Hold{
            HoldKind::kObserveOnly, "gatemend.toml", "this machine only observes", std::nullopt}}));
}

TEST(Decide, AsksWhereTheMachineSaysSoAndShowsTheStep) {
    auto policy = make_policy();
    policy.settings.mode = Mode::kAsk;
    const auto decision = decide(policy, Ledger{}, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kAsk);
    EXPECT_EQ(decision.step, (LadderStep{actions::ActId::kStartUnit, seconds{10}}));
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kNeedsApproval});
    EXPECT_EQ(decision.reason,
              "start-unit php8.2-fpm.service: step 1 of 2 of policy start-crashed-backend; "
              "this machine acts only after approval");
}

TEST(Decide, NeverDoesMoreThanTheRuleBecauseTheMachineMay) {
    auto policy = make_policy();
    policy.rules[0].mode = Mode::kAsk;
    const auto decision = decide(policy, Ledger{}, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kAsk);
    EXPECT_EQ(decision.holds[0].owner, "policy start-crashed-backend");
}

TEST(Decide, HoldsInsteadOfAskingWhenNoStepIsLeft) {
    auto policy = make_policy();
    policy.settings.mode = Mode::kAsk;
    auto question = make_question();
    question.ladder_step = 2;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kHold);
}

TEST(Decide, NeverActsWithARuleThatHasNoLadder) {
    auto policy = make_policy();
    policy.rules[0].ladder.clear();
    const auto decision = decide(policy, Ledger{}, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_FALSE(decision.step);
    EXPECT_EQ(decision.reason, "policy start-crashed-backend has no step to take");
}

TEST(Decide, CollectsAllHoldsInAFixedOrder) {
    auto policy = make_policy();
    policy.settings.mode = Mode::kObserve;
    Ledger ledger;
    ledger.latches.push_back({"sshd.service", kNow, "x"});
    auto question = make_question();
    question.unit = "sshd.service";
    question.evidence = {seen(Witness::kLog)};
    question.ladder_step = 9;
    question.guards = {{HoldKind::kJobQueued, "systemd", "a job is queued", std::nullopt},
                       {HoldKind::kConfigInvalid, "php-fpm", "x.conf:1: bad", std::nullopt}};
    const auto decision = decide(policy, ledger, question);
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(kinds_of(decision),
              (Kinds{HoldKind::kJobQueued,
                     HoldKind::kConfigInvalid,
                     HoldKind::kUnitNotAllowed,
                     HoldKind::kObserveOnly,
                     HoldKind::kSingleWitness,
                     HoldKind::kLadderExhausted,
                     HoldKind::kLatched}));
}

TEST(Decide, RetriesWhenTheLastOfSeveralTimedHoldsEnds) {
    Ledger ledger;
    ledger.attempts.push_back(attempt_at(kNow - seconds{2}));
    auto question = make_question();
    question.guards = {{HoldKind::kShuttingDown, "logind", "boot in progress", kNow + seconds{60}}};
    EXPECT_EQ(decide(make_policy(), ledger, question).retry_at, kNow + seconds{60});
    question.guards[0].until.reset();
    EXPECT_FALSE(decide(make_policy(), ledger, question).retry_at);
}

TEST(FindRule, TakesTheFirstRuleForACause) {
    auto policy = make_policy();
    policy.rules.push_back(policy.rules[0]);
    policy.rules.back().name = "later";
    EXPECT_EQ(find_rule(policy, Cause::kUnitFailed), policy.rules.data());
    EXPECT_EQ(find_rule(policy, Cause::kUnknown), nullptr);
    EXPECT_EQ(find_rule_by_name(policy, "later"), &policy.rules.back());
    EXPECT_EQ(find_rule_by_name(policy, ""), nullptr);
}

TEST(IsUnitAllowed, MatchesWholeNamesOnly) {
    const Settings settings;
    EXPECT_TRUE(is_unit_allowed(settings, "php8.2-fpm.service"));
    EXPECT_TRUE(is_unit_allowed(settings, "php-fpm.service"));
    EXPECT_TRUE(is_unit_allowed(settings, "nginx.service"));
    EXPECT_FALSE(is_unit_allowed(settings, "xnginx.service"));
    EXPECT_FALSE(is_unit_allowed(settings, "nginx.service.service"));
    EXPECT_FALSE(is_unit_allowed(settings, "php8.2-fpm.socket"));
}

TEST(IsUnitAllowed, RefusesEmptyAndMalformedNamesWhateverThePattern) {
    Settings settings;
    settings.units = {"*", ""};
    EXPECT_FALSE(is_unit_allowed(settings, ""));
    EXPECT_FALSE(is_unit_allowed(settings, "a b.service"));
    settings.units.clear();
    EXPECT_FALSE(is_unit_allowed(settings, "nginx.service"));
}

}  // namespace
}  // namespace gatemend::policy
