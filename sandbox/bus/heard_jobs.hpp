// SPDX-License-Identifier: MIT
// The jobs that have ended while a service listened to systemd: the newest of each unit, by its own
// name, the newest that was not refused, and since when none was missed. Kept by the systemd
// client, which tells them with a unit's state. What was heard outlives a gap (systemd executes
// itself anew, the bus is lost): systemd writes nothing about a stop of what has failed already, so
// nobody else could tell of it.
#pragma once

#include "core/time.hpp"
#include "core/unit_state.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gatemend::bus {

class HeardJobs {
  public:
    static constexpr std::size_t kMaxUnits = 512;

    // All times are of systemd's own clock, as its monotonic timestamps. From `now` on none is
    // missed.
    void begin(core::Duration now) { since_ = now; }

    void interrupt() { since_.reset(); }

    void note(const std::string& unit,
              std::uint32_t id,
              const std::string& result,
              core::Duration now);

    // `left_active`: zero where systemd has forgotten (it unloads what is stopped and disabled).
    void tell(core::UnitState& state, core::Duration left_active) const;

  private:
    struct Job {
        std::uint32_t id = 0;
        std::string result;
        core::Duration ended{};
    };

    struct Heard {
        Job newest;
        Job tried;  // no start that systemd has refused: what was asked for before is in force
    };

    using Jobs = std::map<std::string, Heard>;

    [[nodiscard]] Jobs::iterator find_dispensable();
    [[nodiscard]] const Job& find_answer(const Heard& heard, core::Duration left_active) const;
    [[nodiscard]] bool is_telling(const Job& job, core::Duration left_active) const;

    Jobs jobs_;
    std::optional<core::Duration> since_;  // nothing has been missed since then
};

}  // namespace gatemend::bus
