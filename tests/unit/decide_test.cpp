// SPDX-License-Identifier: MIT
#include "policies/decide.hpp"

#include "policies/find_rule.hpp"

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
    attempt.act = "start-unit";
    attempt.verdict = core::ActVerdict::kIneffective;
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
    EXPECT_EQ(decision.holds[0].until, kNow + seconds{8});
    EXPECT_EQ(decision.retry_at, kNow + seconds{8});
}

TEST(Decide, HoldsWhenTheBudgetIsExhausted) {
    Ledger ledger;
    ledger.attempts.assign(3, attempt_at(kNow - minutes{5}));
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kBudgetExhausted});
    EXPECT_EQ(decision.reason,
              "3 attempts without effect by start-crashed-backend on php8.2-fpm.service in 15m, "
              "limit 3; clear with `gatemend resume php8.2-fpm.service`");
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

// A rule for `cause` with these steps, alone in its policy.
Policy policy_with(Cause cause, std::vector<LadderStep> ladder, Mode mode = Mode::kAct) {
    Policy policy;
    Rule rule;
    rule.name = "mend";
    rule.match.cause = cause;
    rule.mode = mode;
    rule.ladder = std::move(ladder);
    policy.rules.push_back(rule);
    return policy;
}

Question question_about(Cause cause) {
    Question question = make_question();
    question.cause = cause;
    question.nginx_unit = "nginx.service";
    question.backend = "unix:/run/php/php8.2-fpm.sock";
    question.confidence_permille = 900;
    return question;
}

const LadderStep kRepoint{actions::ActId::kRepointBackend, seconds{60}, {}};
const LadderStep kSuggestion{actions::ActId::kApplySuggestion, seconds{60}, {}};

TEST(Decide, TakesTheFirstRuleWhosePatternsAndConfidenceFit) {
    Policy policy = policy_with(Cause::kAppDown, {{actions::ActId::kStartUnit, seconds{10}}});
    Rule pm2 = policy.rules[0];
    pm2.name = "pm2";
    pm2.match.unit = "pm2-*.service";
    Rule sure = policy.rules[0];
    sure.name = "sure";
    sure.match.min_confidence_permille = 950;
    Rule tcp = policy.rules[0];
    tcp.name = "tcp";
    tcp.match.backend = "127.0.0.1:*";
    policy.rules = {pm2, sure, tcp, policy.rules[0]};
    Question question = question_about(Cause::kAppDown);
    EXPECT_EQ(decide(policy, Ledger{}, question).rule, "mend");
    question.confidence_permille = 950;
    EXPECT_EQ(decide(policy, Ledger{}, question).rule, "sure");
    question.confidence_permille = 900;
    question.backend = "127.0.0.1:8000";
    EXPECT_EQ(decide(policy, Ledger{}, question).rule, "tcp");
    question.unit = "pm2-deploy.service";
    EXPECT_EQ(decide(policy, Ledger{}, question).rule, "pm2");
}

TEST(Decide, HoldsWhenEveryRuleWantsMoreConfidence) {
    Policy policy = policy_with(Cause::kAppDown, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].match.min_confidence_permille = 950;
    const auto decision = decide(policy, Ledger{}, question_about(Cause::kAppDown));
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(decision.rule, "mend");
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kTooUncertain});
    EXPECT_EQ(decision.reason, "app-down is 900 permille certain, 950 needed");
}

TEST(Decide, SaysWhenRulesForTheCauseAreForOtherUnits) {
    Policy policy = policy_with(Cause::kAppDown, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].match.unit = "pm2-*.service";
    const auto decision = decide(policy, Ledger{}, question_about(Cause::kAppDown));
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kNoRule});
    EXPECT_EQ(decision.reason, "no rule for cause app-down on php8.2-fpm.service");
}

TEST(Decide, WaitsUntilTheIncidentIsOldEnough) {
    Policy policy = policy_with(Cause::kUnitFailed, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].match.lasting = seconds{30};
    Question question = question_about(Cause::kUnitFailed);
    question.age = seconds{12};
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kTooBrief});
    EXPECT_EQ(decision.retry_at, kNow + seconds{18});
    question.age = seconds{30};
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
}

TEST(Decide, WaitsUntilItWasBadOftenEnough) {
    Policy policy = policy_with(Cause::kUnitFailed, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].match.times = 2;
    policy.rules[0].match.within = minutes{5};
    Question question = question_about(Cause::kUnitFailed);
    question.bad_looks = {kNow - minutes{5}, kNow - minutes{1}};
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kTooBrief});
    EXPECT_EQ(decision.reason, "seen 1 of 2 times within 5m");
    EXPECT_FALSE(decision.retry_at);  // only another look can change it
    question.bad_looks.push_back(kNow);
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
}

TEST(Decide, HoldsOutsideItsWindowsUntilOneOpens) {
    Policy policy = policy_with(Cause::kUnitFailed, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].windows = {TimeWindow{0x7f, 13 * 60, 14 * 60, "UTC", {}}};
    Question question = question_about(Cause::kUnitFailed);
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kMaintenance});
    EXPECT_EQ(decision.reason, "acts only 13:00-14:00 UTC");
    EXPECT_EQ(decision.retry_at, kNow + hours{1});
    question.now = kNow + hours{1};
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
}

TEST(Decide, NeverActsWhileWhatTheServiceNeedsIsDown) {
    Policy policy = policy_with(Cause::kUnitFailed, {{actions::ActId::kStartUnit, seconds{10}}});
    policy.rules[0].needs = {"redis.service", "postgresql.service"};
    Question question = question_about(Cause::kUnitFailed);
    question.units_down = {"postgresql.service", "php8.2-fpm.service"};
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kCauseElsewhere});
    EXPECT_EQ(decision.reason, "postgresql.service is down, and php8.2-fpm.service needs it");
}

TEST(Decide, GivesTheActWhatTheDiagnosisKnowsAndTheRuleSets) {
    const LadderStep vacuum{actions::ActId::kVacuumJournal,
                            seconds{30},
                            {{"keep_bytes", "1000"}, {"keep_seconds", "60"}}};
    Question question = question_about(Cause::kDiskFull);
    question.remedy = {
        {"keep_bytes", "1"}, {"journal", "/var/log/journal"}, {"socket", "unix:/run/x.sock"}};
    const auto decision = decide(policy_with(Cause::kDiskFull, {vacuum}), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kAct);
    EXPECT_EQ(decision.target, actions::kJournalUnit);
    EXPECT_EQ(
        decision.parameters,
        (actions::Parameters{
            {"journal", "/var/log/journal"}, {"keep_bytes", "1000"}, {"keep_seconds", "60"}}));
}

TEST(Decide, DeletesNoJournalThatTheDiagnosisHasNotFoundOnTheFullDisk) {
    const LadderStep vacuum{actions::ActId::kVacuumJournal,
                            seconds{30},
                            {{"keep_bytes", "1000"}, {"keep_seconds", "60"}}};
    const LadderStep start{actions::ActId::kStartUnit, seconds{10}, {}};
    const Question question = question_about(Cause::kDiskFull);
    const auto alone = decide(policy_with(Cause::kDiskFull, {vacuum}), Ledger{}, question);
    EXPECT_EQ(kinds_of(alone), Kinds{HoldKind::kNoTarget});
    const auto passed_over =
        decide(policy_with(Cause::kDiskFull, {vacuum, start}), Ledger{}, question);
    ASSERT_EQ(passed_over.kind, DecisionKind::kAct);
    EXPECT_EQ(passed_over.step->act, actions::ActId::kStartUnit);
}

TEST(Decide, AsksAPersonWhateverBudgetIsUsedUp) {
    Ledger ledger;
    ledger.attempts.assign(9, attempt_at(kNow - minutes{5}));
    ledger.latches.push_back({kUnit, kNow, "x"});
    auto policy = make_policy();
    policy.rules[0].mode = Mode::kAsk;
    const auto asked = decide(policy, ledger, make_question());
    EXPECT_EQ(asked.kind, DecisionKind::kAsk);
    EXPECT_EQ(kinds_of(asked), Kinds{HoldKind::kNeedsApproval});
    auto question = make_question();
    question.is_approved = true;
    EXPECT_EQ(decide(policy, ledger, question).kind, DecisionKind::kAct);
}

TEST(Decide, CountsARestartOfWhatIsDownAsAStart) {
    Ledger ledger;
    auto restart = attempt_at(kNow - minutes{5});
    restart.act = "restart-unit";
    restart.act_class = "disruption";
    ledger.attempts.assign(3, restart);
    auto question = make_question();
    question.ladder_step = 1;
    question.units_down = {kUnit};
    EXPECT_EQ(decide(make_policy(), ledger, question).kind, DecisionKind::kAct);
    question.units_down.clear();
    EXPECT_EQ(kinds_of(decide(make_policy(), ledger, question)), Kinds{HoldKind::kBudgetExhausted});
}

TEST(Decide, TargetsNginxWhereItsConfigurationIsChanged) {
    Question question = question_about(Cause::kPortMismatch);
    question.remedy = {{"from", "127.0.0.1:8000"}, {"to", "127.0.0.1:8080"}};
    const auto policy = policy_with(Cause::kPortMismatch, {kRepoint}, Mode::kAsk);
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kAsk);
    EXPECT_EQ(decision.target, "nginx.service");
    EXPECT_EQ(decision.parameters, question.remedy);
    question.nginx_unit.clear();
    EXPECT_EQ(kinds_of(decide(policy, Ledger{}, question)),
              (Kinds{HoldKind::kNoTarget, HoldKind::kNeedsApproval}));
}

TEST(Decide, ChecksTheAllowlistForTheTargetAndNotTheService) {
    Question question = question_about(Cause::kPortMismatch);
    question.unit = "shop.service";
    question.remedy = {{"from", "127.0.0.1:8000"}, {"to", "127.0.0.1:8080"}};
    Policy policy = policy_with(Cause::kPortMismatch, {kRepoint});
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
    policy.settings.units = {"shop.service"};
    EXPECT_EQ(kinds_of(decide(policy, Ledger{}, question)), Kinds{HoldKind::kUnitNotAllowed});
}

TEST(Decide, HoldsAndAsksNobodyWhenAParameterIsNotKnown) {
    Question question = question_about(Cause::kPortMismatch);
    question.remedy = {{"from", "127.0.0.1:8000"}};
    const auto decision =
        decide(policy_with(Cause::kPortMismatch, {kRepoint}, Mode::kAsk), Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold);
    EXPECT_FALSE(decision.step);
    EXPECT_EQ(kinds_of(decision), (Kinds{HoldKind::kNoTarget, HoldKind::kNeedsApproval}));
    EXPECT_NE(decision.reason.find("repoint-backend has to know \"to\""), std::string::npos);
}

TEST(Decide, PassesOverAStepWhoseParametersAreNotKnown) {
    const LadderStep pm2{actions::ActId::kRestartPm2App, seconds{30}, {}};
    const auto policy =
        policy_with(Cause::kAppDown, {pm2, {actions::ActId::kStartUnit, seconds{10}, {}}});
    Question question = question_about(Cause::kAppDown);
    auto decision = decide(policy, Ledger{}, question);
    ASSERT_TRUE(decision.step);
    EXPECT_EQ(decision.step->act, actions::ActId::kStartUnit);
    EXPECT_NE(decision.reason.find("step 2 of 2"), std::string::npos);
    question.remedy = {{"app", "shop"}};
    decision = decide(policy, Ledger{}, question);
    ASSERT_TRUE(decision.step);
    EXPECT_EQ(decision.step->act, actions::ActId::kRestartPm2App);
}

TEST(Decide, ReloadsNginxForANameWhoseverBackendItIs) {
    const auto policy =
        policy_with(Cause::kNameUnresolved, {{actions::ActId::kReloadUnit, seconds{20}, {}}});
    Question question = question_about(Cause::kNameUnresolved);
    question.unit = "(10.0.0.7:8080)";
    EXPECT_EQ(decide(policy, Ledger{}, question).target, "nginx.service");
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
}

TEST(Decide, RestoresAConfigurationJustBecauseItIsInvalid) {
    Policy policy = policy_with(
        Cause::kFpmConfigInvalid, {{actions::ActId::kRestoreConfig, seconds{60}, {}}}, Mode::kAsk);
    Question question = question_about(Cause::kFpmConfigInvalid);
    question.remedy = {{"file", "/etc/php/8.2/fpm/pool.d/www.conf"}};
    question.guards = {{HoldKind::kConfigInvalid, "php-fpm", "unknown entry", std::nullopt}};
    EXPECT_EQ(kinds_of(decide(policy, Ledger{}, question)), Kinds{HoldKind::kNeedsApproval});
    question.is_approved = true;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
    policy.rules[0].ladder = {{actions::ActId::kRestartUnit, seconds{60}, {}}};
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kHold);
}

TEST(Decide, ActsOnceAPersonHasApproved) {
    Question question = question_about(Cause::kPortMismatch);
    question.remedy = {{"from", "127.0.0.1:8000"}, {"to", "127.0.0.1:8080"}};
    question.is_approved = true;
    Policy policy = policy_with(Cause::kPortMismatch, {kRepoint}, Mode::kAsk);
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
    // An approval lifts the question, nothing else.
    question.guards = {{HoldKind::kJobQueued, "systemd", "a job is queued", std::nullopt}};
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kHold);
    question.guards.clear();
    policy.settings.mode = Mode::kObserve;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kObserve);
}

TEST(Decide, OnlyObservesWhereTheRuleDidHarm) {
    Ledger ledger;
    ledger.attempts = {attempt_at(kNow - hours{48})};
    ledger.attempts[0].verdict = core::ActVerdict::kHarmful;
    const auto decision = decide(make_policy(), ledger, make_question());
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kDemoted});
    EXPECT_FALSE(decision.step);
    Question elsewhere = make_question();
    elsewhere.unit = "php8.4-fpm.service";
    EXPECT_EQ(decide(make_policy(), ledger, elsewhere).kind, DecisionKind::kAct);
}

TEST(Decide, RevivesAStoppedUnitOnlyWhereThePolicySaysSoAndNeverAMaskedOne) {
    Policy policy = policy_with(Cause::kUnitStopped, {{actions::ActId::kStartUnit, seconds{10}}});
    Question question = question_about(Cause::kUnitStopped);
    question.guards = {
        {HoldKind::kAdminStopped, "administrator", "stopped on purpose", std::nullopt}};
    EXPECT_EQ(kinds_of(decide(policy, Ledger{}, question)), Kinds{HoldKind::kAdminStopped});
    policy.rules[0].is_reviving_stopped = true;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
    question.guards.push_back({HoldKind::kMasked, "administrator", "masked", std::nullopt});
    EXPECT_EQ(kinds_of(decide(policy, Ledger{}, question)), Kinds{HoldKind::kMasked});
}

TEST(Decide, OffersWhatTheRuleSuggestsBesideItsMode) {
    Policy policy = policy_with(Cause::kPoolSaturated, {}, Mode::kObserve);
    policy.rules[0].offers = {kSuggestion,
                              {actions::ActId::kDebugLog, seconds{9}, {{"seconds", "60"}}}};
    Question question = question_about(Cause::kPoolSaturated);
    question.remedy = {{"setting", "pm.max_children"}, {"value", "9"}, {"pool", "www"}};
    auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kObserve);
    ASSERT_EQ(decision.offers.size(), 2U);
    EXPECT_EQ(decision.offers[0].step, kSuggestion);
    EXPECT_EQ(decision.offers[0].target, kUnit);
    EXPECT_EQ(decision.offers[0].parameters, question.remedy);
    EXPECT_EQ(decision.offers[1].target, "nginx.service");
    EXPECT_EQ(decision.offers[1].parameters, (actions::Parameters{{"seconds", "60"}}));
    // What the diagnosis does not know, and what may not be touched, is not offered.
    question.remedy.clear();
    EXPECT_EQ(decide(policy, Ledger{}, question).offers.size(), 1U);
    policy.settings.units = {kUnit};
    EXPECT_TRUE(decide(policy, Ledger{}, question).offers.empty());
    policy.settings = Settings{};
    policy.settings.mode = Mode::kObserve;
    EXPECT_TRUE(decide(policy, Ledger{}, question).offers.empty());
}

TEST(Decide, OffersNothingThatMayPassByItself) {
    Policy policy = policy_with(Cause::kPoolSaturated, {}, Mode::kObserve);
    policy.rules[0].offers = {{actions::ActId::kDebugLog, seconds{9}, {{"seconds", "60"}}}};
    policy.rules[0].match.lasting = seconds{30};
    Question question = question_about(Cause::kPoolSaturated);
    EXPECT_TRUE(decide(policy, Ledger{}, question).offers.empty());
    question.age = seconds{30};
    EXPECT_EQ(decide(policy, Ledger{}, question).offers.size(), 1U);
}

TEST(Decide, DoesAnApprovedOfferWhateverTheRulesMode) {
    Policy policy = policy_with(Cause::kPoolSaturated, {}, Mode::kObserve);
    policy.rules[0].offers = {{actions::ActId::kDebugLog, seconds{9}, {{"seconds", "60"}}}};
    Question question = question_about(Cause::kPoolSaturated);
    question.evidence = {seen(Witness::kLog)};
    question.approved_offer = actions::ActId::kDebugLog;
    const auto decision = decide(policy, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kAct);
    ASSERT_TRUE(decision.step);
    EXPECT_EQ(decision.step->act, actions::ActId::kDebugLog);
    EXPECT_EQ(decision.target, "nginx.service");
    EXPECT_EQ(decision.reason, "debug-log nginx.service: suggested by policy mend");
    // Approved is one act, not all of them; and a machine that observes does.
    question.approved_offer = actions::ActId::kApplySuggestion;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kObserve);
    question.approved_offer = actions::ActId::kDebugLog;
    policy.settings.mode = Mode::kObserve;
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kObserve);
}

TEST(Decide, KnowsTheAddressOfATcpBackendForACapture) {
    Policy policy = policy_with(Cause::kUnknown, {}, Mode::kObserve);
    policy.rules[0].offers = {{actions::ActId::kCapturePort, seconds{99}, {{"seconds", "10"}}}};
    Question question = question_about(Cause::kUnknown);
    EXPECT_TRUE(decide(policy, Ledger{}, question).offers.empty());  // a unix socket
    question.backend = "127.0.0.1:8000";
    ASSERT_EQ(decide(policy, Ledger{}, question).offers.size(), 1U);
    EXPECT_EQ(decide(policy, Ledger{}, question).offers[0].parameters.at("address"),
              "127.0.0.1:8000");
}

TEST(FindPlannedStep, KnowsStepsOffersAndWhatTheRuleSets) {
    Rule rule;
    rule.match.unit = "php*-fpm.service";
    rule.ladder = {{actions::ActId::kStartUnit, seconds{10}, {}}};
    rule.offers = {{actions::ActId::kDebugLog, seconds{9}, {{"seconds", "60"}}}};
    actions::Plan plan;
    plan.act = actions::ActId::kStartUnit;
    plan.unit = kUnit;
    EXPECT_EQ(find_planned_step(rule, plan).step, &rule.ladder[0]);
    EXPECT_FALSE(find_planned_step(rule, plan).is_offer);
    plan.unit = "nginx.service";  // not a unit that the rule is about
    EXPECT_EQ(find_planned_step(rule, plan).step, nullptr);
    plan.act = actions::ActId::kDebugLog;
    plan.parameters = {{"seconds", "61"}};  // not what the rule says
    EXPECT_EQ(find_planned_step(rule, plan).step, nullptr);
    plan.parameters = {{"seconds", "60"}};
    EXPECT_EQ(find_planned_step(rule, plan).step, &rule.offers[0]);
    EXPECT_TRUE(find_planned_step(rule, plan).is_offer);
    plan.act = actions::ActId::kRestartUnit;
    EXPECT_EQ(find_planned_step(rule, plan).step, nullptr);
}

// The rule's pattern is for the unit whose backend has moved; the act is on nginx.
TEST(FindPlannedStep, FitsWhatWasDecidedForANameWhateverUnitsTheRuleIsFor) {
    Policy policy =
        policy_with(Cause::kNameUnresolved, {{actions::ActId::kReloadUnit, seconds{20}, {}}});
    policy.rules[0].match.unit = "php*-fpm.service";
    const Decision decision = decide(policy, Ledger{}, question_about(Cause::kNameUnresolved));
    ASSERT_EQ(decision.kind, DecisionKind::kAct);
    actions::Plan plan;
    plan.act = decision.step->act;
    plan.cause = Cause::kNameUnresolved;
    plan.unit = decision.target;
    EXPECT_EQ(plan.unit, "nginx.service");
    EXPECT_EQ(find_planned_step(policy.rules[0], plan).step, &policy.rules[0].ladder[0]);
    plan.cause = Cause::kUnitFailed;
    EXPECT_EQ(find_planned_step(policy.rules[0], plan).step, nullptr);
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

// --- evidence against an act ---

Policy restart_policy(Cause cause, std::vector<core::Objection> unless = {}) {
    Policy policy;
    Rule rule;
    rule.name = "restart";
    rule.match.cause = cause;
    rule.mode = Mode::kAct;
    rule.ladder = {{actions::ActId::kRestartUnit, seconds{20}}};
    rule.unless = std::move(unless);
    policy.rules.push_back(rule);
    return policy;
}

Question objected(Cause cause, core::Objection objection) {
    auto question = make_question();
    question.cause = cause;
    question.objections = {{objection, "seen"}};
    return question;
}

TEST(Decide, IsHeldBackByContraryEvidenceWhateverTheRuleSays) {
    using core::Objection;
    for (const Objection objection : {Objection::kTraced,
                                      Objection::kReloading,
                                      Objection::kAnswered,
                                      Objection::kWorkersAtWork,
                                      Objection::kQueueDraining,
                                      Objection::kMaxChildren}) {
        for (const Cause cause : {Cause::kBackendHung, Cause::kSlowBackend, Cause::kUnknown}) {
            const auto decision =
                decide(restart_policy(cause), Ledger{}, objected(cause, objection));
            EXPECT_EQ(decision.kind, DecisionKind::kHold) << core::objection_id(objection);
            EXPECT_EQ(kinds_of(decision), Kinds{HoldKind::kContraryEvidence});
        }
    }
    for (const Cause cause : {Cause::kBackendHung, Cause::kSlowBackend, Cause::kPoolSaturated}) {
        const auto silent = objected(cause, Objection::kUnmeasured);
        EXPECT_EQ(decide(restart_policy(cause), Ledger{}, silent).kind, DecisionKind::kHold);
    }
    const auto reachable = objected(Cause::kSocketDeleted, Objection::kReachable);
    EXPECT_EQ(decide(restart_policy(Cause::kSocketDeleted), Ledger{}, reachable).kind,
              DecisionKind::kHold);
}

TEST(Decide, RestartsForADeletedSocketWhileOlderConnectionsAreServed) {
    const auto question = objected(Cause::kSocketDeleted, core::Objection::kWorkersAtWork);
    EXPECT_EQ(decide(restart_policy(Cause::kSocketDeleted), Ledger{}, question).kind,
              DecisionKind::kAct);
    const auto named = restart_policy(Cause::kSocketDeleted, {core::Objection::kWorkersAtWork});
    const auto decision = decide(named, Ledger{}, question);
    EXPECT_EQ(decision.kind, DecisionKind::kHold) << "this rule names it";
    EXPECT_EQ(decision.reason, "workers-at-work: seen");
    EXPECT_EQ(decision.holds.front().owner, "policy restart");
}

TEST(Decide, HoldsAnActThatInterruptsNobodyOnlyForWhatItsRuleNames) {
    auto policy = make_policy();
    const auto question = objected(Cause::kUnitFailed, core::Objection::kAnswered);
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kAct);
    policy.rules.front().unless = {core::Objection::kAnswered};
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kHold);
}

TEST(Decide, AsksNobodyForARestartThatEvidenceSpeaksAgainst) {
    auto policy = restart_policy(Cause::kBackendHung);
    policy.rules.front().mode = Mode::kAsk;
    const auto question = objected(Cause::kBackendHung, core::Objection::kWorkersAtWork);
    EXPECT_EQ(decide(policy, Ledger{}, question).kind, DecisionKind::kHold);
}

}  // namespace
}  // namespace gatemend::policy
