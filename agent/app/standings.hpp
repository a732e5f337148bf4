// SPDX-License-Identifier: MIT
// What systemd says of several units at once, and which listeners of a look are their units' main
// processes. Used by the agent and by --dry-run, so that both know the same of a listener.
#pragma once

#include "core/inspection.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"
#include "sandbox/bus/systemd_client.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>

namespace gatemend::app {

using Standings = std::map<std::string, core::UnitStanding>;

// Answers once, when every unit was answered for; one that cannot be read is left out.
void read_standings(bus::SystemdClient& systemd,
                    const std::set<std::string>& units,
                    std::function<void(Standings)> done);

// Listener::is_main, by what systemd said.
void note_main_processes(core::Inspection& look, const Standings& units);

// The same look, with Listener::is_main where it matters: of PHP-FPM and of what nginx asks.
void identify(bus::SystemdClient& systemd,
              const core::Topology& topology,
              core::Inspection look,
              std::function<void(core::Inspection)> done);

}  // namespace gatemend::app
