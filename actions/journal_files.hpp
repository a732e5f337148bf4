// SPDX-License-Identifier: MIT
// Which archived journal files may go. Reads names, stat and the fixed-size head of each file,
// which journald alone writes; never an entry. Used by the act vacuum-journal; deletes nothing.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::actions {

// What is to be kept: at least that much and at least that long, in each folder by itself.
struct JournalFloor {
    std::uint64_t bytes = 0;
    core::Duration age{};
};

// A point in a journal, of which journalctl's --cursor finds the entry: "s=...;i=...;t=...".
struct JournalPoint {
    std::string chain;  // the sequence that numbers its entries, 32 hex digits; "" where unknown
    std::uint64_t number = 0;
    core::TimePoint time{};
};

[[nodiscard]] std::string cursor_text(const JournalPoint& point);

struct JournalFile {
    std::string name;
    std::uint64_t bytes = 0;  // on disk
    bool is_archived = false;
    JournalPoint oldest{};     // its first entry
    core::TimePoint newest{};  // its last entry, or later
    core::TimePoint begun{};   // what journalctl orders archived files by where numbers do not
};

// What a name says: the archived kind with its sequence ("system@CHAIN-NUMBER-TIME.journal") or
// without ("system@TIME-RANDOM.journal~", whose chain is ""), or an active file. nullopt: not a
// journal file.
[[nodiscard]] std::optional<JournalFile> read_journal_name(std::string_view name);

inline constexpr std::size_t kMaxJournalFiles = 8192;

// All but archived files without entries, which journalctl deletes at every occasion.
[[nodiscard]] core::Result<std::vector<JournalFile>> read_journal_folder(const std::string& folder);

struct VacuumPlan {
    std::size_t gone = 0;           // so many of the oldest archived files may go
    std::uint64_t bytes = 0;        // what that frees
    std::size_t files_to_keep = 0;  // the number for `journalctl --vacuum-files`, never 0
};

// Oldest first, as long as what remains is at least the floor's bytes and the file's newest entry
// is older than the floor's age.
[[nodiscard]] VacuumPlan plan_vacuum(std::vector<JournalFile> files,
                                     const JournalFloor& floor,
                                     core::TimePoint now);

// Would `journalctl --rotate`, which archives the active files and begins new ones, let more go
// than the new files take?
[[nodiscard]] bool is_rotation_worthwhile(std::vector<JournalFile> files,
                                          const JournalFloor& floor,
                                          core::TimePoint now);

[[nodiscard]] std::uint64_t total_bytes(std::span<const JournalFile> files);
// nullptr where there are no files.
[[nodiscard]] const JournalFile* find_oldest(std::span<const JournalFile> files);

}  // namespace gatemend::actions
