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
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"
#include "core/work_watch.hpp"
#include "diagnosis/sighting.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

// Everything the functions may look at. Absent = not known.
struct Findings {
    std::string unit_name;
    core::ServiceRole role = core::ServiceRole::kOther;
    core::Backend backend;                // the one that is suspected or was probed
    std::vector<core::Backend> backends;  // all of the service
    core::NginxLimits nginx_limits;
    std::optional<core::UnitState> unit;
    core::TimePoint unit_time{};
    core::Intent intent = core::Intent::kNobody;  // did somebody want the unit down?
    bool was_disabled = false;                    // while it was down: so somebody did
    bool has_ended_well = false;                  // by itself, without a fault
    std::optional<core::ProbeResult> probe;
    core::TimePoint probe_time{};
    std::string probe_address;
    core::Duration bad_for{};  // how long the probes have been bad without a break
    std::optional<core::ConfigTest> test;
    core::TimePoint test_time{};
    std::optional<core::ConfigTest> nginx_test;  // nginx's own, where that is another unit
    core::TimePoint nginx_test_time{};
    std::vector<Sighting> sightings;  // recent ones, of this service
    std::vector<Sighting> machine;    // recent ones about nginx and the machine
    std::optional<core::Inspection> inspection;
    core::TimePoint inspection_time{};
    core::WorkWatch work;  // of the looks since the unit's last change and the last good probe
    core::TimePoint now{};
    std::string packet_rule;  // the packet filter's rule for the address, "" when none is known
    core::TimePoint packet_time{};
    std::vector<std::string> resolved;  // what the backend's host name means now; empty: not known
    std::vector<core::Pm2App> apps;     // under a pm2 unit; empty: not known
    std::vector<std::string> configured;  // every address nginx's configuration names
    // Pools and who was seen where. Outlives the findings; nullptr: not known.
    const core::Topology* topology = nullptr;
};

struct Alternative {
    core::Cause cause{};
    std::uint32_t confidence_permille = 0;

    friend bool operator==(const Alternative&, const Alternative&) = default;
};

struct Diagnosis {
    core::Cause cause = core::Cause::kUnknown;
    std::uint32_t confidence_permille = 0;
    std::vector<core::Evidence> evidence;
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

}  // namespace gatemend::diagnosis
