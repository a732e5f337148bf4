// SPDX-License-Identifier: MIT
// Three budgets stand one behind the other: this rule on this unit, this unit, this host.
// A used-up budget outranks a running cooldown, because it must latch the breaker now.
#include "policies/budget.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <vector>

namespace gatemend::policy {
namespace {

using core::Attempt;
using core::Duration;
using core::TimePoint;

constexpr Duration kMaxWait = std::chrono::hours{1};
// An attempt older than this ends the row that back-off counts: a unit that fails once a month must
// not meet last year's waits. Longer than kMaxWait, so that no wait forgets its own reason.
constexpr Duration kRowMemory = std::chrono::hours{24};

// One budget: which attempts count for it, and how it is called in sentences.
struct Account {
    Limit limit;
    std::vector<const Attempt*> attempts;  // oldest first
    std::string name;                      // "by start-crashed-backend on php8.2-fpm.service"
};

// The clock may have been set back since: such an attempt counts as made now, for longer than it
// should, never shorter.
TimePoint counted_time(const Attempt& attempt, TimePoint now) {
    return std::min(attempt.time, now);
}

// A lift dated in the future is ignored: otherwise nothing would count until the clock catches up.
bool is_forgiven(const Attempt& attempt, const core::Ledger& ledger, TimePoint now) {
    return std::ranges::any_of(ledger.forgiven, [&](const auto& lift) {
        return lift.first == attempt.unit && lift.second <= now && attempt.time < lift.second;
    });
}

std::string plural(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " attempt" : " attempts");
}

// The wait after `row` attempts without effect. Stops multiplying at the cap: no overflow.
Duration wait_after(const Limit& limit, std::size_t row) {
    Duration wait = std::clamp(limit.cooldown, Duration::zero(), kMaxWait);
    if (limit.backoff < 2 || wait == Duration::zero()) {
        return wait;
    }
    for (std::size_t i = 0; i < row && wait < kMaxWait; ++i) {
        wait = wait > kMaxWait / limit.backoff ? kMaxWait : wait * limit.backoff;
    }
    return wait;
}

// Newest attempts in a row that did not cure; one that is not judged yet has not cured.
std::size_t row_without_effect(const Account& account, TimePoint now) {
    const auto& attempts = account.attempts;
    const auto end =
        std::find_if(attempts.rbegin(), attempts.rend(), [now](const Attempt* attempt) {
            return attempt->verdict == core::ActVerdict::kEffective ||
                   now - counted_time(*attempt, now) > kRowMemory;
        });
    return static_cast<std::size_t>(end - attempts.rbegin());
}

BudgetVerdict check_count(const Account& account, TimePoint now) {
    const auto used = static_cast<std::size_t>(
        std::ranges::count_if(account.attempts, [&](const Attempt* attempt) {
            return now - counted_time(*attempt, now) < account.limit.per;
        }));
    // The ledger forgets beyond kMaxAttempts, so no limit can be honoured above that.
    const auto max = std::min<std::size_t>(account.limit.max, core::kMaxAttempts);
    if (used < max) {
        return {};
    }
    return {BudgetState::kExhausted,
            std::nullopt,
            plural(used) + " " + account.name + " in " + core::format_duration(account.limit.per) +
                ", limit " + std::to_string(max)};
}

// The text holds no "ago": the same situation must give the same words at every look.
BudgetVerdict check_cooldown(const Account& account, TimePoint now) {
    if (account.attempts.empty()) {
        return {};
    }
    const auto row = row_without_effect(account, now);
    const auto wait = wait_after(account.limit, row);
    // Not simply the last one: after the clock was set back the list is not in order of time.
    const auto* newest = std::ranges::max(account.attempts, {}, [now](const Attempt* attempt) {
        return counted_time(*attempt, now);
    });
    const auto free_at = counted_time(*newest, now) + wait;
    if (free_at <= now) {
        return {};
    }
    std::string reason = core::format_duration(wait) + " cooldown after attempt " +
                         std::to_string(newest->id) + " " + account.name;
    if (row > 0) {
        reason += ", " + plural(row) + " in a row without effect";
    }
    return {BudgetState::kCoolingDown, free_at, std::move(reason)};
}

std::vector<Account> make_accounts(const Settings& settings,
                                   const Rule& rule,
                                   std::string_view unit,
                                   const core::Ledger& ledger,
                                   TimePoint now) {
    Account by_rule{rule.limit, {}, "by " + rule.name + " on " + std::string{unit}};
    Account by_unit{settings.unit_limit, {}, "on " + std::string{unit}};
    Account by_host{settings.host_limit, {}, "on this host"};
    for (const Attempt& attempt : ledger.attempts) {
        if (is_forgiven(attempt, ledger, now)) {
            continue;
        }
        by_host.attempts.push_back(&attempt);
        if (attempt.unit != unit) {
            continue;
        }
        by_unit.attempts.push_back(&attempt);
        if (attempt.rule == rule.name) {
            by_rule.attempts.push_back(&attempt);
        }
    }
    return {std::move(by_rule), std::move(by_unit), std::move(by_host)};
}

BudgetVerdict check_latch(std::string_view unit, const core::Ledger& ledger) {
    const auto latch = std::ranges::find(ledger.latches, unit, &core::Latch::unit);
    if (latch != ledger.latches.end()) {
        return {BudgetState::kLatched,
                std::nullopt,
                "the breaker of " + latch->unit + " is latched since " +
                    core::format_time(latch->since) + ": " + core::sanitize(latch->reason)};
    }
    return {};
}

// What an operator or a broken record says comes before any counting.
BudgetVerdict check_breakers(const core::Ledger& ledger, TimePoint now) {
    if (ledger.pause && now < ledger.pause->until) {
        return {BudgetState::kPaused,
                ledger.pause->until,
                "paused by " + core::sanitize(ledger.pause->by) + " until " +
                    core::format_time(ledger.pause->until) + ": " +
                    core::sanitize(ledger.pause->reason)};
    }
    if (!ledger.unreadable.empty()) {
        return {BudgetState::kUnreadable,
                std::nullopt,
                "the record of attempts cannot be read: " + core::sanitize(ledger.unreadable)};
    }
    return {};
}

// An act that did harm is not tried again by the same rule, however long ago; where the rule says
// so, one that did nothing neither.
bool demotes(const Rule& rule, const Attempt& attempt) {
    return attempt.verdict == core::ActVerdict::kHarmful ||
           (attempt.verdict == core::ActVerdict::kIneffective &&
            rule.on_failure == OnFailure::kObserve);
}

BudgetVerdict check_demotion(const Rule& rule,
                             std::string_view unit,
                             const core::Ledger& ledger,
                             TimePoint now) {
    const auto attempt = std::ranges::find_if(ledger.attempts, [&](const Attempt& item) {
        return item.rule == rule.name && item.unit == unit && demotes(rule, item) &&
               !is_forgiven(item, ledger, now);
    });
    if (attempt == ledger.attempts.end()) {
        return {};
    }
    const bool is_harm = attempt->verdict == core::ActVerdict::kHarmful;
    return {BudgetState::kDemoted,
            std::nullopt,
            rule.name + (is_harm ? " did harm to " : " did not help ") + std::string{unit} +
                " (attempt " + std::to_string(attempt->id) +
                "); it only observes there until `gatemend resume " + std::string{unit} + "`"};
}

}  // namespace

BudgetVerdict check_budget(const Settings& settings,
                           const Rule& rule,
                           std::string_view unit,
                           const core::Ledger& ledger,
                           TimePoint now) {
    auto verdict = check_latch(unit, ledger);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    verdict = check_breakers(ledger, now);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    verdict = check_demotion(rule, unit, ledger, now);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    const auto accounts = make_accounts(settings, rule, unit, ledger, now);
    for (const Account& account : accounts) {
        verdict = check_count(account, now);
        if (verdict.state != BudgetState::kAllowed) {
            return verdict;
        }
    }
    for (const Account& account : accounts) {
        auto cooling = check_cooldown(account, now);
        if (cooling.retry_at && (!verdict.retry_at || *verdict.retry_at < *cooling.retry_at)) {
            verdict = std::move(cooling);
        }
    }
    return verdict;
}

BudgetVerdict check_chosen(const Rule& rule,
                           std::string_view unit,
                           const core::Ledger& ledger,
                           TimePoint now) {
    auto verdict = check_breakers(ledger, now);
    return verdict.state != BudgetState::kAllowed ? verdict
                                                  : check_demotion(rule, unit, ledger, now);
}

}  // namespace gatemend::policy
