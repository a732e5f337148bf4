// SPDX-License-Identifier: MIT
// Three budgets stand one behind the other, each for one class of act: this rule on this unit, this
// unit, this host.
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

// Cures of a unit in this time make the pauses between them grow, and are called flapping.
constexpr Duration kFlapWindow = std::chrono::minutes{20};
constexpr Duration kMaxFlapWait = std::chrono::minutes{1};
constexpr Duration kLeastFlapWait = std::chrono::seconds{1};
constexpr std::size_t kFlappingFrom = 3;
// A verdict that does not come for so long (and as the rule's own terms need) will not come.
constexpr Duration kVerdictPatience = std::chrono::minutes{10};

// One budget: which attempts count for it, and how it is called in sentences.
struct Account {
    Limit limit;
    std::vector<const Attempt*> attempts;  // oldest first
    std::string name;                      // "by start-crashed-backend on php8.2-fpm.service"
    bool is_rules_own = false;
};

std::string class_of(const Attempt& attempt) {
    if (!attempt.act_class.empty()) {
        return attempt.act_class;
    }
    const auto act = actions::act_from_name(attempt.act);
    return act ? std::string{actions::act_class_id(actions::spec(*act).act_class)} : "";
}

bool is_cure(const Attempt& attempt) {
    return attempt.verdict == core::ActVerdict::kEffective;
}

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

// Newest attempts in a row that did not cure; one that is not judged yet has not cured. A person's
// are passed over.
std::size_t row_without_effect(const Account& account, TimePoint now) {
    const auto& attempts = account.attempts;
    const auto end =
        std::find_if(attempts.rbegin(), attempts.rend(), [now](const Attempt* attempt) {
            return is_cure(*attempt) || now - counted_time(*attempt, now) > kRowMemory;
        });
    return static_cast<std::size_t>(std::count_if(
        attempts.rbegin(), end, [](const Attempt* attempt) { return !attempt->is_uncounted; }));
}

Duration patience_of(const Rule& rule) {
    return kVerdictPatience + rule.verify.within + rule.verify.soak;
}

bool is_awaited(const Rule& rule, const Attempt& attempt, TimePoint now) {
    return attempt.verdict == core::ActVerdict::kPending &&
           now - counted_time(attempt, now) < patience_of(rule);
}

// What counts towards the breaker: attempts that did not cure, or that nobody has judged in all the
// time there was.
BudgetVerdict check_count(const Account& account, const Rule& rule, TimePoint now) {
    std::size_t failed = 0;
    std::size_t awaited = 0;
    const Attempt* oldest = nullptr;
    for (const Attempt* attempt : account.attempts) {
        const bool is_in_window = now - counted_time(*attempt, now) < account.limit.per;
        if (!is_in_window || attempt->is_uncounted || is_cure(*attempt)) {
            continue;
        }
        if (is_awaited(rule, *attempt, now)) {
            ++awaited;
            oldest = oldest == nullptr ? attempt : oldest;
        } else {
            ++failed;
        }
    }
    // The ledger forgets beyond kMaxAttempts, so no limit can be honoured above that.
    const auto max = std::min<std::size_t>(account.limit.max, core::kMaxAttempts);
    if (failed >= max) {
        return {BudgetState::kExhausted,
                std::nullopt,
                plural(failed) + " without effect " + account.name + " in " +
                    core::format_duration(account.limit.per) + ", limit " + std::to_string(max),
                account.is_rules_own};
    }
    if (failed + awaited < max || oldest == nullptr) {
        return {};
    }
    // It may turn out to be a cure: nothing is given up before that is known.
    return {BudgetState::kCoolingDown,
            counted_time(*oldest, now) + patience_of(rule),
            "attempt " + std::to_string(oldest->id) + " " + account.name +
                " has no verdict yet; it may be the last of " + std::to_string(max) + " in " +
                core::format_duration(account.limit.per)};
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
                                   const Charge& charge,
                                   const core::Ledger& ledger,
                                   TimePoint now) {
    const std::string unit{charge.unit};
    Account by_rule{rule.limit, {}, "by " + rule.name + " on " + unit, true};
    Account by_unit{settings.unit_limit, {}, "on " + unit};
    Account by_host{settings.host_limit, {}, "on this host"};
    for (const Attempt& attempt : ledger.attempts) {
        const std::string act_class = class_of(attempt);  // "": nobody knows, so it counts for all
        if (is_forgiven(attempt, ledger, now) ||
            (!act_class.empty() && act_class != actions::act_class_id(charge.act_class))) {
            continue;
        }
        by_host.attempts.push_back(&attempt);
        if (attempt.unit != charge.unit) {
            continue;
        }
        by_unit.attempts.push_back(&attempt);
        if (attempt.rule == rule.name) {
            by_rule.attempts.push_back(&attempt);
        }
    }
    return {std::move(by_rule), std::move(by_unit), std::move(by_host)};
}

// What others have used up is no reason to leave a unit down that has not been tried in vain yet:
// the host's limit bounds loops, and a loop has failed here before.
bool is_first_start(const Account& by_unit,
                    const Charge& charge,
                    const Limit& host,
                    TimePoint now) {
    return charge.act_class == actions::ActClass::kStart && host.max > 0 &&
           std::ranges::none_of(by_unit.attempts, [&](const Attempt* attempt) {
               return !attempt->is_uncounted && !is_cure(*attempt) &&
                      now - counted_time(*attempt, now) < host.per;
           });
}

// Cures in the window, newest last.
std::vector<const Attempt*> cures_of(const std::vector<const Attempt*>& attempts, TimePoint now) {
    std::vector<const Attempt*> cures;
    std::ranges::copy_if(attempts, std::back_inserter(cures), [now](const Attempt* attempt) {
        return is_cure(*attempt) && !attempt->is_uncounted &&
               now - counted_time(*attempt, now) < kFlapWindow;
    });
    return cures;
}

// What is healed each time is never given up; the pauses grow, up to a minute.
BudgetVerdict check_flapping(const Rule& rule, const Account& by_unit, TimePoint now) {
    const auto cures = cures_of(by_unit.attempts, now);
    if (cures.size() < 2) {
        return {};
    }
    const Duration first = std::max(rule.limit.cooldown, kLeastFlapWait);
    const Limit growing{.cooldown = first, .backoff = 2};
    const auto wait =
        std::max(first, std::min(wait_after(growing, cures.size() - 1), kMaxFlapWait));
    const auto* newest = std::ranges::max(
        cures, {}, [now](const Attempt* attempt) { return counted_time(*attempt, now); });
    const auto free_at = counted_time(*newest, now) + wait;
    if (free_at <= now) {
        return {};
    }
    return {BudgetState::kCoolingDown,
            free_at,
            core::format_duration(wait) + " pause after attempt " + std::to_string(newest->id) +
                ": healed " + std::to_string(cures.size()) + " times " + by_unit.name + " in " +
                core::format_duration(kFlapWindow)};
}

bool applies(const core::Latch& latch, const Rule& rule, const Charge& charge) {
    return latch.unit == charge.unit && (latch.rule.empty() || latch.rule == rule.name) &&
           (latch.act_class.empty() || latch.act_class == actions::act_class_id(charge.act_class));
}

BudgetVerdict check_latch(const Rule& rule, const Charge& charge, const core::Ledger& ledger) {
    const auto latch = std::ranges::find_if(
        ledger.latches, [&](const core::Latch& item) { return applies(item, rule, charge); });
    if (latch == ledger.latches.end()) {
        return {};
    }
    return {
        BudgetState::kLatched,
        std::nullopt,
        with_clear_words("the breaker of " + latch->unit + " is latched since " +
                             core::format_time(latch->since) + ": " + core::sanitize(latch->reason),
                         latch->unit)};
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
                " (attempt " + std::to_string(attempt->id) + "); it only observes there; " +
                clear_words(unit)};
}

}  // namespace

std::string clear_words(std::string_view unit) {
    return "clear with `gatemend resume " + std::string{unit} + "`";
}

std::string with_clear_words(std::string text, std::string_view unit) {
    const std::string words = clear_words(unit);
    return text.find(words) != std::string::npos ? text : text + "; " + words;
}

std::string flapping_words(std::string_view unit, const core::Ledger& ledger, TimePoint now) {
    std::vector<const Attempt*> revivals;
    for (const Attempt& attempt : ledger.attempts) {
        const std::string act_class = class_of(attempt);
        const bool is_revival = act_class == actions::act_class_id(actions::ActClass::kStart) ||
                                act_class == actions::act_class_id(actions::ActClass::kDisruption);
        if (attempt.unit == unit && is_revival && !is_forgiven(attempt, ledger, now)) {
            revivals.push_back(&attempt);
        }
    }
    const std::size_t healed = cures_of(revivals, now).size();
    return healed < kFlappingFrom ? ""
                                  : "flapping: healed " + std::to_string(healed) + " times in " +
                                        core::format_duration(kFlapWindow);
}

BudgetVerdict check_budget(const Settings& settings,
                           const Rule& rule,
                           const Charge& charge,
                           const core::Ledger& ledger,
                           TimePoint now) {
    auto verdict = check_latch(rule, charge, ledger);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    verdict = check_breakers(ledger, now);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    verdict = check_demotion(rule, charge.unit, ledger, now);
    if (verdict.state != BudgetState::kAllowed) {
        return verdict;
    }
    auto accounts = make_accounts(settings, rule, charge, ledger, now);
    std::vector<BudgetVerdict> waits{check_flapping(rule, accounts[1], now)};
    for (const Account& account : accounts) {
        waits.push_back(check_cooldown(account, now));
    }
    if (is_first_start(accounts[1], charge, settings.host_limit, now)) {
        accounts.pop_back();
    }
    for (const Account& account : accounts) {
        auto count = check_count(account, rule, now);
        if (count.state == BudgetState::kExhausted) {
            count.reason = with_clear_words(std::move(count.reason), charge.unit);
            return count;
        }
        waits.push_back(std::move(count));
    }
    for (BudgetVerdict& wait : waits) {
        if (wait.retry_at && (!verdict.retry_at || *verdict.retry_at < *wait.retry_at)) {
            verdict = std::move(wait);
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
