// SPDX-License-Identifier: MIT
// LookBudget: how many probes may be asked for, over all addresses together. Every probe is a
// process on the machine, and a dead upstream costs one however often it is asked: without a common
// limit three hundred of them take half a core and every slot of the executor. Plain values, part
// of State; witnesses.cpp asks, step.cpp tells it of answers.
//
// Units, which can be healed, come first; who waits longest comes next; each waits once. What an
// act needs (a unit that is down, an act to verify) is never asked to wait.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace gatemend::engine {

// Of all probes that may wait.
inline constexpr double kLooksPerSecond = 4;
inline constexpr double kLooksAtOnce = 40;
// Of these, of backends that no unit is known for.
inline constexpr double kUnownedLooksPerSecond = 1;
inline constexpr double kUnownedLooksAtOnce = 32;
// So many of the latter are under way: the executor has slots for others then.
inline constexpr std::size_t kMaxUnownedRunning = 6;
// An answer that has not come by then does not count as under way any more.
inline constexpr core::Duration kLookLost = std::chrono::seconds{15};

class LookBudget {
  public:
    enum class Class { kUnit, kUnowned };

    // True: go on, it is counted.
    [[nodiscard]] bool take(Class asker, core::TimePoint now);
    void note_begun(Class asker, std::uint64_t probe, core::TimePoint now);

    void note_ended(std::uint64_t probe) { running_.erase(probe); }

    void wait(Class asker, const std::string& service);
    // Whose turn it is, and nobody's where the budget is used up; it is forgotten then.
    [[nodiscard]] std::optional<std::string> next(core::TimePoint now);

    [[nodiscard]] bool is_anybody_waiting() const { return !units_.empty() || !others_.empty(); }

    [[nodiscard]] std::size_t waiting() const { return units_.size() + others_.size(); }

    // When somebody who waits may go on at the latest.
    [[nodiscard]] core::TimePoint next_turn(core::TimePoint now) const;

  private:
    void fill(core::TimePoint now);
    [[nodiscard]] bool has(Class asker) const;

    double all_ = kLooksAtOnce;
    double unowned_ = kUnownedLooksAtOnce;
    std::optional<core::TimePoint> filled_;
    std::map<std::uint64_t, core::TimePoint> running_;  // of backends without a unit
    std::deque<std::string> units_;
    std::deque<std::string> others_;
};

}  // namespace gatemend::engine
