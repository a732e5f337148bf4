// SPDX-License-Identifier: MIT
// WorkWatch: does anything happen behind a unit's sockets? Made of looks at the machine, one after
// the other: as long as no process of the unit runs, reads, writes, comes or goes, and nobody takes
// a connection out of an accept queue, the looks are a row; any movement begins a new one. Kept by
// the engine (diagnosis/objections.hpp weighs it) and, from its own looks, by the executor. Pure.
#pragma once

#include "core/inspection.hpp"
#include "core/objection.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::core {

// What one process has done since it began.
struct Pulse {
    std::uint32_t pid = 0;
    std::uint64_t started = 0;
    std::uint64_t done = 0;  // grows whenever it runs, reads or writes

    friend bool operator==(const Pulse&, const Pulse&) = default;
};

// Connections that wait at one address.
struct Waiting {
    std::string address;
    std::uint64_t queue = 0;
    TimePoint since{};  // the first look of the row from which on somebody has waited

    friend bool operator==(const Waiting&, const Waiting&) = default;
};

// What one look says of one unit.
struct Stillness {
    bool is_known = false;    // all processes and all sockets were seen
    bool is_traced = false;   // a debugger or a frozen control group holds one
    bool is_stopped = false;  // every single one is stopped (SIGSTOP)
    std::vector<Pulse> crew{};
    std::vector<Waiting> queues{};      // by address
    std::optional<Objected> at_work{};  // a process that runs at this very moment
};

struct WorkWatch {
    std::uint32_t looks = 0;  // of the row; 0: there is none
    TimePoint since{};        // when the first of the row had been answered
    TimePoint until{};        // when the newest was asked for
    Stillness newest{};
    std::uint32_t stopped_looks = 0;  // the newest ones in which all were stopped
    TimePoint stopped_since{};
    std::optional<Objected> moved{};  // what ended the row before this one
    TimePoint moved_at{};
};

struct WorkLook {
    const Inspection& inspection;
    const std::string& unit;
    ServiceRole role = ServiceRole::kOther;
    TimePoint asked{};
    TimePoint answered{};
};

// Workers of PHP-FPM that neither wait for a visitor nor hold one's connection, not even one that
// was left: they go on after the answer (fastcgi_finish_request), for somebody who waits elsewhere.
// Nobody's timeout says how long.
struct Background {
    std::uint32_t workers = 0;
    bool is_known = true;  // false: of some it could not be seen what they do

    friend bool operator==(const Background&, const Background&) = default;
};

[[nodiscard]] Background background_of(const Inspection& inspection);
// "2 workers work on without a visitor's connection, …"; "" where none does, for certain.
[[nodiscard]] std::string background_words(const Background& background);

[[nodiscard]] Stillness stillness_of(const WorkLook& look);
// What has happened between two looks; nullopt: nothing.
[[nodiscard]] std::optional<Objected> find_movement(const Stillness& before, const Stillness& now);
void note_look(WorkWatch& watch, const WorkLook& look);

// Two looks with this between them are proof that processes are stopped.
inline constexpr Duration kStoppedProof = std::chrono::seconds{2};
[[nodiscard]] bool is_proven_stopped(const WorkWatch& watch);
// How long somebody has waited there without a break; zero: nobody does.
[[nodiscard]] Duration waited_at(const WorkWatch& watch, const std::string& address);
// How long nothing has moved.
[[nodiscard]] Duration row_of(const WorkWatch& watch);

}  // namespace gatemend::core
