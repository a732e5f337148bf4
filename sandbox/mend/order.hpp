// SPDX-License-Identifier: MIT
// What gatemend-mend is told to do: its argument list, checked. Everything that follows takes an
// Order for well-formed.
#pragma once

#include "actions/catalogue.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace gatemend::mend {

enum class Command { kPreview, kStage, kCommit, kReview, kUndo, kForget, kKeep };

struct UndoTerms {
    bool is_asked = false;      // a person has: what somebody has written again since counts, too
    bool is_performed = false;  // it is known to have been done: then there is a snapshot

    friend bool operator==(const UndoTerms&, const UndoTerms&) = default;
};

struct Order {
    Command command{};
    std::string attempt{};  // a number
    UndoTerms terms{};
    actions::ActId act{};
    std::string unit{};
    std::string worker_user{};
    actions::Parameters parameters{};
    unsigned candidate = 0;  // of restore-config: 0 is the newest
    std::string version{};   // of restore-config: the SHA-256 of the one to take; wins
    std::uint64_t listener =
        0;  // of fix-socket-owner: the cookie of the socket, which is the unit's
};

inline constexpr const char* kUsage =
    "usage: gatemend-mend preview ACT UNIT WORKER_USER [NAME=VALUE ...]\n"
    "       gatemend-mend stage ATTEMPT ACT UNIT WORKER_USER [NAME=VALUE ...]\n"
    "       gatemend-mend commit|forget ATTEMPT\n"
    "       gatemend-mend review|undo ATTEMPT [asked] [performed]\n"
    "       gatemend-mend keep UNIT\n";

// `words`: without the program's name.
[[nodiscard]] core::Result<Order> read_order(std::span<const std::string> words);

}  // namespace gatemend::mend
