// SPDX-License-Identifier: MIT
// Objection: a kind of evidence *against* an act that can interrupt requests. Found from what was
// seen (work_watch.hpp, objections.hpp), named by rules as `unless`, weighed by decide().
// Identifiers are public. Closed set: enum, one table, no default.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class Objection {
    kTraced,         // somebody debugs a process of the unit
    kReloading,      // a reload or a job is under way, or a reload's old processes still finish
    kAnswered,       // a probe of the service was answered
    kWorkersAtWork,  // a process ran, read or wrote, waits for a disk, came or went
    kQueueDraining,  // somebody has accepted a connection that waited
    kMaxChildren,    // the pool has said lately that all its workers are busy
    kUnmeasured,     // not looked at for long enough to tell, or it cannot be told
    kReachable,      // the socket's path leads to its listener
};
[[nodiscard]] std::string_view objection_id(Objection objection);  // "workers-at-work"
[[nodiscard]] std::optional<Objection> objection_from_id(std::string_view id);

// One that holds now.
struct Objected {
    Objection kind{};
    std::string text{};

    friend bool operator==(const Objected&, const Objected&) = default;
};

}  // namespace gatemend::core
