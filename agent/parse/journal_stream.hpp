// SPDX-License-Identifier: MIT
// Entries out of what journalctl printed: the export format (`-o export`) in pieces of any size,
// and one line of `-o json`. Called by replay and explain. Keeps the few fields we know, each up to
// a limit, so that memory stays flat whatever the stream is; never fails, a torn entry is what it
// is.
#pragma once

#include "parse/journal_record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

inline constexpr std::size_t kMaxJournalFieldBytes = std::size_t{16} * 1024;

class JournalExportReader {
  public:
    // Appends the entries that `bytes` completed.
    void feed(std::string_view bytes, std::vector<JournalRecord>& records);
    // At the end of the stream: the last entry may lack its empty line.
    void finish(std::vector<JournalRecord>& records);

  private:
    enum class State { kName, kText, kSize, kBytes, kNewline };

    // Each consumes at least one byte.
    std::string_view take_name(std::string_view bytes, std::vector<JournalRecord>& records);
    std::string_view take_text(std::string_view bytes);
    std::string_view take_size(std::string_view bytes);
    std::string_view take_bytes(std::string_view bytes);
    void keep(std::string& kept, std::string_view bytes, std::size_t limit);
    void end_field();

    State state_ = State::kName;
    std::string name_;
    std::string value_;
    std::uint64_t remaining_ = 0;  // of a binary field
    int size_bytes_ = 0;           // of the eight that say how long it is
    JournalRecordBuilder builder_;
};

// A field that is no text (an array of numbers) is left out. nullopt: no entry.
[[nodiscard]] std::optional<JournalRecord> read_journal_json(std::string_view line);

}  // namespace gatemend::parse
