// SPDX-License-Identifier: MIT
// Discovery: which systemd unit serves which backend that nginx points at. A pure function of what
// was read (agent/app/machine_files reads it); used by the agent, --dry-run and tests. Never
// guesses (ownership.hpp): an address of which nothing proves whose it is is unowned unless
// gatemend.toml names its unit.
#pragma once

#include "core/inspection.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"
#include "parse/fpm_pool.hpp"
#include "parse/nginx_config.hpp"
#include "policies/policy.hpp"

#include <map>
#include <string>
#include <vector>

namespace gatemend::app {

// One PHP-FPM installation: its unit and the pools its files define.
struct FpmInstance {
    std::string unit;
    std::vector<parse::FpmPool> pools;
    std::string log{};                   // FPM's error_log, "" when not set
    core::ConfigLine control_timeout{};  // [global] process_control_timeout
};

// What discovery looks at.
struct Machine {
    parse::NginxConfig nginx;
    bool has_nginx = false;  // false: `nginx -T` has not worked yet
    bool is_nginx_installed = false;
    std::vector<FpmInstance> fpm;
    // Unix addresses behind symbolic links -> the address they lead to
    // ("unix:/run/php/php-fpm.sock" -> "unix:/run/php/php8.2-fpm.sock", "/var/run" -> "/run").
    std::map<std::string, std::string> aliases;
    // What systemd says of the units that pool files, listeners and memory name. Without a unit's
    // entry nothing is known of it.
    std::map<std::string, core::UnitStanding> units{};
    // Who listens where, by the last look at the machine; empty before the first.
    core::Inspection look;
    // "app.internal:8080" -> "10.0.0.7:8080" ...: what the names in nginx's configuration mean now.
    std::map<std::string, std::vector<std::string>> resolved;
};

// `remembered`: the last topology. While its files are broken a unit keeps the backends it had.
[[nodiscard]] core::Topology discover(const Machine& machine,
                                      const policy::Settings& settings,
                                      const core::Topology& remembered);

}  // namespace gatemend::app
