// SPDX-License-Identifier: MIT
// Diagnosis: a cause with its evidence for and against. One small pure function per cause
// (diagnosis.cpp); "unknown" is a normal answer and keeps the evidence.
#pragma once

#include "core/cause.hpp"
#include "core/config_test.hpp"
#include "core/hold.hpp"
#include "core/probe.hpp"
#include "core/symptom.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::core {

// Everything the functions may look at. Absent = not known.
struct Findings {
    std::string unit_name;
    ServiceRole role = ServiceRole::kOther;
    std::optional<UnitState> unit;
    TimePoint unit_time{};
    bool was_stop_requested = false;
    std::optional<ProbeResult> probe;
    TimePoint probe_time{};
    std::string probe_address;
    std::optional<ConfigTest> test;
    TimePoint test_time{};
    std::optional<Symptom> suspicion;  // from a log: raises questions, proves nothing
    TimePoint suspicion_time{};
};

struct Diagnosis {
    Cause cause = Cause::kUnknown;
    std::uint32_t confidence_permille = 0;
    std::vector<Evidence> evidence;
    std::string text;  // what happened, in words

    friend bool operator==(const Diagnosis&, const Diagnosis&) = default;
};

[[nodiscard]] Diagnosis diagnose(const Findings& findings);

}  // namespace gatemend::core
