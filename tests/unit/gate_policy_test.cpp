// SPDX-License-Identifier: MIT
// What the executor makes of the rule language: suggestions, parameters, windows, demotion.
#include "sandbox/executor/gate.hpp"

#include <gtest/gtest.h>

namespace gatemend::sandbox {
namespace {

using core::HoldKind;
using std::chrono::hours;
using std::chrono::seconds;

const core::TimePoint kNow = *core::parse_time("2026-11-21T12:00:00Z");

policy::Policy make_policy() {
    policy::Policy policy;
    policy::Rule rule;
    rule.name = "mend";
    rule.match.cause = core::Cause::kDiskFull;
    rule.mode = policy::Mode::kAct;
    rule.ladder = {{actions::ActId::kVacuumJournal,
                    seconds{60},
                    {{"keep_bytes", "1000"}, {"keep_seconds", "60"}}}};
    rule.offers = {{actions::ActId::kRestartUnit, seconds{20}, {}}};
    policy.rules = {rule};
    return policy;
}

actions::Plan vacuum() {
    actions::Plan plan;
    plan.act = actions::ActId::kVacuumJournal;
    plan.unit = actions::kJournalUnit;
    plan.rule = "mend";
    plan.cause = core::Cause::kDiskFull;
    plan.deadline = seconds{10};
    plan.parameters = {
        {"journal", "/var/log/journal"}, {"keep_bytes", "1000"}, {"keep_seconds", "60"}};
    return plan;
}

HoldKind kind_of(const std::optional<GateHold>& hold) {
    EXPECT_TRUE(hold);
    return hold ? hold->kind : HoldKind::kNoRule;
}

TEST(GatePolicy, AcceptsTheParametersThatTheRuleSetsAndNoOthers) {
    EXPECT_FALSE(check_rule(make_policy(), vacuum()));
    actions::Plan plan = vacuum();
    plan.parameters["keep_bytes"] = "1";
    EXPECT_TRUE(check_rule(make_policy(), plan));
    plan.parameters.erase("keep_bytes");
    EXPECT_TRUE(check_rule(make_policy(), plan));
}

TEST(GatePolicy, ActsOutsideTheWindowsOfARuleForNobody) {
    policy::Policy policy = make_policy();
    policy.rules[0].windows = {policy::TimeWindow{0x7f, 13 * 60, 14 * 60, "UTC", {}}};
    EXPECT_EQ(kind_of(check_record(policy, {}, vacuum(), "", kNow)), HoldKind::kMaintenance);
    EXPECT_FALSE(check_record(policy, {}, vacuum(), "", kNow + hours{1}));
}

TEST(GatePolicy, KnowsARuleThatDidHarm) {
    core::Ledger ledger;
    core::Attempt attempt;
    attempt.id = 3;
    attempt.time = kNow - hours{24};
    attempt.rule = "mend";
    attempt.act = "vacuum-journal";
    attempt.unit = actions::kJournalUnit;
    attempt.verdict = core::ActVerdict::kHarmful;
    ledger.attempts = {attempt};
    EXPECT_EQ(kind_of(check_record(make_policy(), ledger, vacuum(), "", kNow)), HoldKind::kDemoted);
    ledger.forgiven = {{attempt.unit, kNow - hours{1}}};
    EXPECT_FALSE(check_record(make_policy(), ledger, vacuum(), "", kNow));
}

}  // namespace
}  // namespace gatemend::sandbox
