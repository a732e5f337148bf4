// SPDX-License-Identifier: MIT
// UnitState: what systemd says of one unit at one moment (org.freedesktop.systemd1.Unit/.Service).
// Closed sets keep "other" for values of newer systemd versions; nothing here is client-controlled.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class ActiveState {
    kUnknown,
    kActive,
    kReloading,
    kInactive,
    kFailed,
    kActivating,
    kDeactivating
};
[[nodiscard]] std::string_view active_state_id(ActiveState state);  // systemd's own word
[[nodiscard]] ActiveState active_state_from_id(std::string_view id);

enum class UnitResult {
    kSuccess,
    kResources,
    kProtocol,
    kTimeout,
    kExitCode,
    kSignal,
    kCoreDump,
    kWatchdog,
    kStartLimitHit,
    kOomKill,
    kOther,
};
[[nodiscard]] std::string_view unit_result_id(UnitResult result);
[[nodiscard]] UnitResult unit_result_from_id(std::string_view id);

struct UnitState {
    bool is_loaded = false;     // LoadState == "loaded"
    bool is_masked = false;     // LoadState or UnitFileState is masked
    bool is_enabled = false;    // UnitFileState: something starts it, at boot or on demand
    bool is_unstarted = false;  // systemd knows of no start of it since boot
    ActiveState active = ActiveState::kUnknown;
    std::string sub;  // SubState, systemd's word: "running", "dead", "auto-restart"...
    UnitResult result = UnitResult::kSuccess;
    int exec_main_code = 0;      // CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3
    int exec_main_status = 0;    // exit code or signal number
    bool has_job = false;        // a job is queued or running for the unit
    std::string invocation_id;   // 32 hex digits, empty when never started
    std::uint32_t restarts = 0;  // NRestarts
    TimePoint changed{};         // StateChangeTimestamp; of what is down, InactiveEnterTimestamp
    TimePoint last_active{};     // ActiveEnterTimestamp; the epoch: never active since boot
    // StartLimitBurst, StartLimitIntervalUSec: more starts than that in that time are refused; a
    // zero switches it off.
    std::uint32_t start_limit_burst = 0;
    Duration start_limit_interval{};
    std::string id;  // its own name, where it was asked for under another; "": the same
    // Of a unit that is down: the newest job that has ended since it was active last, as heard by
    // whoever reads the state.
    bool has_ended_job = false;
    std::uint32_t ended_job = 0;
    std::string job_result;        // "done", "canceled", "failed" ...
    bool has_missed_jobs = false;  // nobody has listened the whole time: there may be others
    bool is_muted = false;         // LogLevelMax: what systemd says of its jobs is not written
    // It is down and disabled, and links of units have changed since it was up: somebody may have
    // disabled it while it was down, and no job tells of that.
    bool was_perhaps_disabled = false;

    friend bool operator==(const UnitState&, const UnitState&) = default;
};

// Who a unit is and whether it is in use: what decides whose an address is where nobody listens.
struct UnitStanding {
    std::string name;        // Id: the unit's own, where it was asked about by an alias
    bool is_loaded = false;  // LoadState == "loaded"
    bool is_masked = false;
    bool is_enabled = false;
    ActiveState active = ActiveState::kUnknown;
    TimePoint last_active{};  // ActiveEnterTimestamp; the epoch: never active since boot
    TimePoint left_active{};  // ActiveExitTimestamp
    // Of what is active: the end of the newest reload, where that one went well. The epoch: none
    // since it came up, or not known.
    TimePoint last_reload{};
    std::uint32_t main_pid = 0;  // MainPID; 0: it has none

    friend bool operator==(const UnitStanding&, const UnitStanding&) = default;
};

// systemd's UnitFileState, of a unit that somebody means to run: not "disabled", not "".
[[nodiscard]] bool is_enabled_state(std::string_view unit_file_state);

// Likewise, of a unit that can be enabled and is not.
[[nodiscard]] bool is_disabled_state(std::string_view unit_file_state);

// systemd waits RestartSec= before it restarts the unit by itself ("auto-restart", since 254 also
// "auto-restart-queued").
[[nodiscard]] bool is_restart_pending(const UnitState& state);
// down = inactive, failed, or waiting for systemd's own restart; a unit in between is neither
[[nodiscard]] bool is_down(const UnitState& state);
[[nodiscard]] bool is_up(const UnitState& state);  // active or reloading
// "failed (signal, status=9)"
[[nodiscard]] std::string describe(const UnitState& state);

}  // namespace gatemend::core
