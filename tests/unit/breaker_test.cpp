// SPDX-License-Identifier: MIT
// The executor's breaker: what trips it, for what, and how it comes back.
#include "executor_fakes.hpp"
#include "sandbox/audit/message_ids.hpp"
#include "sandbox/executor/gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatemend::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const std::string kRule = "start-crashed-backend";

// One act and its verdict.
std::string act(ExecutorMachine& machine, const std::string& verdict) {
    const auto done = machine.heal_once();
    if (const auto* result = std::get_if<ActResult>(&done)) {
        EXPECT_EQ(fault_of(machine.executor->confirm(result->attempt, verdict, "")), "");
    }
    machine.now += seconds{1};
    return fault_of(done);
}

void use_up(ExecutorMachine& machine) {
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(act(machine, "ineffective"), "");
    }
    ASSERT_EQ(act(machine, ""), "Refused: budget-exhausted");
    ASSERT_EQ(machine.executor->ledger().latches.size(), 1U);
}

// Somebody has started it by hand.
void bring_up(ExecutorMachine& machine) {
    core::UnitState state = make_crashed_unit();
    state.active = core::ActiveState::kActive;
    state.invocation_id = std::string(32, 'b');
    state.last_active = machine.now;
    machine.systemd.units[kFpm] = state;
}

TEST(Breaker, IsNotTrippedByCures) {
    ExecutorMachine machine;
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(act(machine, "effective"), "") << i;
        machine.pass(minutes{1});
    }
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
}

TEST(Breaker, IsNotTrippedWhileAVerdictIsAwaited) {
    ExecutorMachine machine;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(fault_of(machine.heal_once()), "");
    }
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: cooling-down");
    EXPECT_EQ(fault_of(machine.latch(kFpm, kRule)), "Refused: executor-refused");
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
}

TEST(Breaker, LatchesTheRuleAndTheClassOfActThatDidNotCure) {
    ExecutorMachine machine;
    use_up(machine);
    const core::Latch latch = machine.executor->ledger().latches[0];
    EXPECT_EQ(latch.rule, kRule);
    EXPECT_EQ(latch.act_class, "start");
    machine.start();
    EXPECT_EQ(machine.executor->ledger().latches[0], latch) << "as it stands in the record";
    const auto planned = machine.plan(make_request());
    const auto& fault = std::get<Fault>(planned);
    EXPECT_TRUE(fault.text.ends_with("clear with `gatemend resume " + kFpm + "`")) << fault.text;
}

TEST(Breaker, DoesNotTripWhileSomebodyIsAtWork) {
    ExecutorMachine machine;
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(act(machine, "ineffective"), "");
    }
    machine.guard = GateHold{core::HoldKind::kDeploying, "held by root"};
    EXPECT_EQ(fault_of(machine.heal_once()), "Refused: deploying");
    EXPECT_EQ(fault_of(machine.latch(kFpm, kRule)), "Refused: deploying");
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
    machine.guard.reset();
    EXPECT_EQ(fault_of(machine.latch(kFpm, kRule)), "");
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U);
}

TEST(Breaker, IsNotTrippedByWhatAPersonApproved) {
    ExecutorMachine machine;
    machine.loaded.policy.rules[0].mode = policy::Mode::kAsk;
    machine.start();
    for (int i = 0; i < 6; ++i) {
        machine.systemd.units[kFpm] = make_crashed_unit();
        const auto proposed = machine.propose(make_request());
        const std::string digest = std::get<Proposal>(proposed).digest;
        ASSERT_EQ(fault_of(machine.executor->approve(digest, "uid 0")), "");
        EXPECT_EQ(act(machine, "ineffective"), "") << i;
    }
    machine.loaded.policy.rules[0].mode = policy::Mode::kAct;
    machine.start();
    EXPECT_TRUE(
        std::ranges::all_of(machine.executor->ledger().attempts, &core::Attempt::is_uncounted))
        << "the record knows which";
    machine.pass(minutes{1});
    EXPECT_EQ(act(machine, "effective"), "") << "the crash after it is healed";
}

TEST(Breaker, DoesNotHoldBackWhatAPersonApprovedNow) {
    ExecutorMachine machine;
    use_up(machine);
    machine.systemd.units[kFpm] = make_crashed_unit();
    const std::string digest = std::get<Proposal>(machine.propose(make_request())).digest;
    ASSERT_EQ(fault_of(machine.executor->approve(digest, "uid 0")), "");
    EXPECT_EQ(act(machine, "ineffective"), "");
    EXPECT_EQ(act(machine, ""), "Refused: latched") << "that was for once";
}

TEST(Breaker, AnotherPlansApprovalDoesNotHelp) {
    ExecutorMachine machine;
    use_up(machine);
    ASSERT_EQ(fault_of(machine.executor->approve(std::string(64, 'a'), "uid 0")), "");
    EXPECT_EQ(act(machine, ""), "Refused: latched");
}

TEST(Breaker, RearmsOnceSomebodyElseHasBroughtTheUnitUpAndItStayedUp) {
    ExecutorMachine machine;
    use_up(machine);
    machine.pass(minutes{5});
    bring_up(machine);
    machine.pass(minutes{9});
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U) << "not long enough";
    machine.pass(minutes{2});
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
    EXPECT_TRUE(std::ranges::any_of(machine.notices.sent, [](const Notice& notice) {
        return notice.message_id == message_id::kRearmed &&
               notice.message.find("somebody else brought") != std::string::npos;
    }));
    machine.start();
    EXPECT_TRUE(machine.executor->ledger().latches.empty()) << "it is on record";
    EXPECT_EQ(act(machine, "effective"), "") << "with a budget as new";
    EXPECT_TRUE(machine.timers.empty() || std::ranges::none_of(machine.timers,
                                                               [&machine](const auto& timer) {
                                                                   return timer.first ==
                                                                          machine.now + minutes{1};
                                                               }))
        << "nobody is watched any more";
}

TEST(Breaker, RearmsAfterARestartOfTheExecutorAsWell) {
    ExecutorMachine machine;
    use_up(machine);
    machine.pass(minutes{1});
    bring_up(machine);
    machine.pass(minutes{4});
    machine.start();
    machine.pass(minutes{7});
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
}

TEST(Breaker, RearmsAlsoWhereTheClockWasSetBackSinceItTripped) {
    ExecutorMachine machine;
    use_up(machine);
    machine.now -= hours{24 * 365};
    machine.start();
    EXPECT_EQ(machine.executor->ledger().latches.at(0).since, machine.now);
    machine.pass(minutes{1});
    bring_up(machine);
    machine.pass(minutes{9});
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U) << "not long enough";
    machine.pass(minutes{2});
    EXPECT_TRUE(machine.executor->ledger().latches.empty());
}

TEST(Breaker, DoesNotRearmForAUnitThatCameUpBeforeItTripped) {
    ExecutorMachine machine;
    bring_up(machine);
    const core::UnitState up = machine.systemd.units[kFpm];
    use_up(machine);
    machine.systemd.units[kFpm] = up;
    machine.pass(hours{2});
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U);
}

TEST(Breaker, DoesNotRearmWhereItWentDownAgain) {
    ExecutorMachine machine;
    use_up(machine);
    bring_up(machine);
    machine.pass(minutes{8});
    machine.systemd.units[kFpm].active = core::ActiveState::kFailed;
    machine.pass(hours{1});
    EXPECT_EQ(machine.executor->ledger().latches.size(), 1U);
}

core::Ledger latched_ledger(core::TimePoint since) {
    core::Ledger ledger;
    ledger.latches = {{kFpm, since, "x", kRule, "start"}};
    return ledger;
}

TEST(Recovery, OfAnActOfOursIsNotSomebodyElses) {
    const core::TimePoint since{seconds{1'795'000'000}};
    core::Ledger ledger = latched_ledger(since);
    core::Attempt attempt;
    attempt.time = since + seconds{10};
    attempt.act = "start-unit";
    attempt.unit = kFpm;
    ledger.attempts = {attempt};
    core::UnitState state = make_crashed_unit();
    state.active = core::ActiveState::kActive;
    state.last_active = since + seconds{12};
    const core::TimePoint now = since + hours{1};
    EXPECT_FALSE(find_recovery(ledger, kFpm, state, minutes{10}, now));
    ledger.attempts[0].is_uncounted = true;
    EXPECT_TRUE(find_recovery(ledger, kFpm, state, minutes{10}, now)) << "a person approved it";
    ledger.attempts[0].is_uncounted = false;
    state.last_active = since + minutes{5};
    EXPECT_TRUE(find_recovery(ledger, kFpm, state, minutes{10}, now));
}

TEST(Recovery, LeavesWhatDidHarmDemoted) {
    Books books;
    books.ledger = latched_ledger({});
    core::Attempt attempt;
    attempt.rule = kRule;
    attempt.unit = kFpm;
    attempt.verdict = core::ActVerdict::kHarmful;
    books.ledger.attempts = {attempt};
    rearm(books.ledger, kFpm);
    EXPECT_TRUE(books.ledger.latches.empty());
    EXPECT_TRUE(books.ledger.forgiven.empty());
}

}  // namespace
}  // namespace gatemend::sandbox
