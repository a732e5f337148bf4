// SPDX-License-Identifier: MIT
#include "engine/look_budget.hpp"

#include <algorithm>

namespace gatemend::engine {

void LookBudget::fill(core::TimePoint now) {
    // A clock that was set back fills nothing.
    const auto passed =
        filled_ && now > *filled_ ? std::chrono::duration<double>(now - *filled_).count() : 0.0;
    all_ = std::min(kLooksAtOnce, all_ + passed * kLooksPerSecond);
    unowned_ = std::min(kUnownedLooksAtOnce, unowned_ + passed * kUnownedLooksPerSecond);
    filled_ = now;
    std::erase_if(running_, [now](const auto& entry) { return now - entry.second >= kLookLost; });
}

bool LookBudget::has(Class asker) const {
    const bool is_common = all_ >= 1;
    if (asker == Class::kUnit) {
        return is_common;
    }
    return is_common && unowned_ >= 1 && running_.size() < kMaxUnownedRunning;
}

bool LookBudget::take(Class asker, core::TimePoint now) {
    fill(now);
    if (!has(asker)) {
        return false;
    }
    all_ -= 1;
    unowned_ -= asker == Class::kUnowned ? 1 : 0;
    return true;
}

void LookBudget::note_begun(Class asker, std::uint64_t probe, core::TimePoint now) {
    if (asker == Class::kUnowned) {
        running_[probe] = now;
    }
}

void LookBudget::wait(Class asker, const std::string& service) {
    std::deque<std::string>& queue = asker == Class::kUnit ? units_ : others_;
    if (std::find(queue.begin(), queue.end(), service) == queue.end()) {
        queue.push_back(service);
    }
}

std::optional<std::string> LookBudget::next(core::TimePoint now) {
    for (const Class asker : {Class::kUnit, Class::kUnowned}) {
        std::deque<std::string>& queue = asker == Class::kUnit ? units_ : others_;
        if (!queue.empty() && take(asker, now)) {
            std::string service = std::move(queue.front());
            queue.pop_front();
            return service;
        }
    }
    return std::nullopt;
}

core::TimePoint LookBudget::next_turn(core::TimePoint now) const {
    const double rate = units_.empty() ? kUnownedLooksPerSecond : kLooksPerSecond;
    return now + std::chrono::microseconds{static_cast<std::int64_t>(1'000'000 / rate)};
}

}  // namespace gatemend::engine
