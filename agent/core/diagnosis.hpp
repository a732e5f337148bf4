// SPDX-License-Identifier: MIT
// Diagnosis: a cause with its evidence for and against. One small pure function per cause
// (judges.hpp lists them in order; judge_*.cpp); "unknown" is a normal answer and keeps the
// evidence.
#pragma once

#include "core/cause.hpp"
#include "core/config_test.hpp"
#include "core/hold.hpp"
#include "core/inspection.hpp"
#include "core/intent.hpp"
#include "core/pm2_app.hpp"
#include "core/probe.hpp"
#include "core/sighting.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"
#include "core/work_watch.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::core {

// Everything the functions may look at. Absent = not known.
struct Findings {
    std::string unit_name;
    ServiceRole role = ServiceRole::kOther;
    Backend backend;                // the one that is suspected or was probed
    std::vector<Backend> backends;  // all of the service
    NginxLimits nginx_limits;
    std::optional<UnitState> unit;
    TimePoint unit_time{};
    Intent intent = Intent::kNobody;  // did somebody want the unit down?
    bool was_disabled = false;        // while it was down: so somebody did
    bool has_ended_well = false;      // by itself, without a fault
    std::optional<ProbeResult> probe;
    TimePoint probe_time{};
    std::string probe_address;
    Duration bad_for{};  // how long the probes have been bad without a break
    std::optional<ConfigTest> test;
    TimePoint test_time{};
    std::optional<ConfigTest> nginx_test;  // nginx's own, where that is another unit
    TimePoint nginx_test_time{};
    std::vector<Sighting> sightings;  // recent ones, of this service
    std::vector<Sighting> machine;    // recent ones about nginx and the machine
    std::optional<Inspection> inspection;
    TimePoint inspection_time{};
    WorkWatch work;  // of the looks since the unit's last change and the last good probe
    TimePoint now{};
    std::string packet_rule;  // the packet filter's rule for the address, "" when none is known
    TimePoint packet_time{};
    std::vector<std::string> resolved;  // what the backend's host name means now; empty: not known
    std::vector<Pm2App> apps;           // under a pm2 unit; empty: not known
    std::vector<std::string> configured;  // every address nginx's configuration names
    // Pools and who was seen where. Outlives the findings; nullptr: not known.
    const Topology* topology = nullptr;
};

struct Alternative {
    Cause cause{};
    std::uint32_t confidence_permille = 0;

    friend bool operator==(const Alternative&, const Alternative&) = default;
};

struct Diagnosis {
    Cause cause = Cause::kUnknown;
    std::uint32_t confidence_permille = 0;
    std::vector<Evidence> evidence;
    std::string text;    // what happened, in words
    std::string advice;  // what to do, in the words of the guides
    // What an act against this cause has to know, by the catalogue's parameter names ("to",
    // "socket", "setting" ...). From configuration and the look at the machine, never from a text
    // that a client or an application has written.
    std::map<std::string, std::string, std::less<>> remedy{};
    std::vector<Alternative> alternatives;  // what else would fit, most likely first

    friend bool operator==(const Diagnosis&, const Diagnosis&) = default;
};

[[nodiscard]] Diagnosis diagnose(const Findings& findings);

}  // namespace gatemend::core
