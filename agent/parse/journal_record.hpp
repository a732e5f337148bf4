// SPDX-License-Identifier: MIT
// One entry of the journal: what it says by MESSAGE_ID and by the fields journald itself vouches
// for, and only then by its text. Called with entries of sd-journal (live) and of `journalctl -o
// export` or `-o json` (replay). Any process may send any field without an underscore, so those of
// systemd are believed only of process 1.
#pragma once

#include "parse/log_finding.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::parse {

struct JournalRecord {
    std::string message;
    std::string message_id;
    std::string unit;        // whom it is about: UNIT of process 1's records, else _SYSTEMD_UNIT
    std::string identifier;  // SYSLOG_IDENTIFIER, the sender's own choice
    int priority = 6;
    int pid = 0;                     // _PID, 0: none, as in the kernel's records
    std::string transport;           // _TRANSPORT: "journal", "stdout", "syslog", "kernel", "audit"
    std::int64_t realtime_usec = 0;  // __REALTIME_TIMESTAMP
};

// The views of the answer point into `record`.
[[nodiscard]] LogFinding read_journal_record(const JournalRecord& record);

// What a field of an entry is to the record; an unknown one is nothing. `unit` is settled when all
// are there, so it is a class.
class JournalRecordBuilder {
  public:
    void take(std::string_view field, std::string_view value);

    [[nodiscard]] bool is_empty() const { return !has_field_; }

    [[nodiscard]] JournalRecord finish();

    // Fields of other names need not be kept.
    [[nodiscard]] static bool is_wanted(std::string_view field);

  private:
    JournalRecord record_;
    std::string about_unit_;
    bool has_field_ = false;
};

}  // namespace gatemend::parse
