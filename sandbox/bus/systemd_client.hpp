// SPDX-License-Identifier: MIT
// org.freedesktop.systemd1 as both services need it: read units, watch them, start jobs, run
// transient units. Asynchronous throughout; callbacks run on the event loop, exactly once each,
// also on failure.
#pragma once

#include "core/result.hpp"
#include "core/unit_state.hpp"
#include "sandbox/bus/connection.hpp"
#include "sandbox/bus/unit_company.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::bus {

using Properties = std::map<std::string, sdbus::Variant>;

// Properties of the Unit and Service interfaces, merged -> UnitState. Missing = default.
[[nodiscard]] core::UnitState decode_unit(const Properties& properties);

// May somebody have disabled it while it was down? `booted`: when the monotonic clock began.
// `links_changed` is asked only of what is down and disabled.
[[nodiscard]] bool was_perhaps_disabled(const core::UnitState& state,
                                        const Properties& properties,
                                        core::TimePoint booted,
                                        const std::function<core::TimePoint()>& links_changed);

// Properties -> UnitStanding, as decode_unit().
[[nodiscard]] core::UnitStanding decode_standing(const Properties& properties);

struct JobResult {
    std::string
        result;  // systemd's word: "done", "failed", "canceled", "timeout", "dependency", "skipped"
};

// How a service's processes are started, as its unit says.
struct ServiceSetup {
    std::string user;                      // as written; "" is root
    std::optional<std::uint32_t> uid;      // what `user` means; known while it runs
    std::vector<std::string> environment;  // "PM2_HOME=/srv/shop/.pm2"
    std::vector<std::string> exec_start;   // argv of the first command
    std::uint32_t main_pid = 0;            // 0: none runs
};

enum class JobKind { kStart, kRestart, kReload };

class SystemdClient {
  public:
    [[nodiscard]] static core::Result<std::unique_ptr<SystemdClient>> open(Connection& connection,
                                                                           EventLoop& loop);
    virtual ~SystemdClient();

    // LoadUnit + GetAll: also for units that are not loaded.
    virtual void read_unit(const std::string& unit,
                           std::function<void(core::Result<core::UnitState>)> done) = 0;

    // Calls `changed` with the fresh state now and after every change (PropertiesChanged,
    // JobRemoved, daemon-reload). Watching twice replaces the callback. Needs no polling.
    virtual void watch_unit(const std::string& unit,
                            std::function<void(const core::UnitState&)> changed) = 0;
    virtual void unwatch_unit(const std::string& unit) = 0;

    // StartUnit/RestartUnit/ReloadUnit for this unit alone, then the job's result. The mode is
    // "fail" (never cancels somebody else's job); where that would start, stop, restart or reload
    // other units, it is "ignore-requirements".
    virtual void run_job(JobKind kind,
                         const std::string& unit,
                         core::Duration deadline,
                         std::function<void(core::Result<JobResult>)> done) = 0;

    virtual void read_service(const std::string& unit,
                              std::function<void(core::Result<ServiceSetup>)> done) = 0;
    // `systemctl daemon-reload`: answered when systemd has read all its unit files again.
    virtual void reload_daemon(core::Duration deadline, std::function<void(core::Status)> done) = 0;

    // Who the unit is and whether it is in use; also of a unit that is not there.
    virtual void read_standing(const std::string& unit,
                               std::function<void(core::Result<core::UnitStanding>)> done) = 0;

    // Which other units a job for it would touch, as they are now.
    virtual void read_company(const std::string& unit,
                              std::function<void(core::Result<UnitCompany>)> done) = 0;

    // Manager property SystemState: "running", "degraded", "stopping" ...
    virtual void read_system_state(std::function<void(core::Result<std::string>)> done) = 0;

  protected:
    SystemdClient() = default;
};

}  // namespace gatemend::bus
