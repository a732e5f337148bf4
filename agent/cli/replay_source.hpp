// SPDX-License-Identifier: MIT
// ReplaySource: one kept log as dated records, oldest first, one at a time, so that several can be
// merged by time in constant memory. Plain or .gz, any format parse::LogReader knows, or a journal
// export. Used by replay_log.
#pragma once

#include "cli/log_input.hpp"
#include "core/event.hpp"
#include "core/result.hpp"
#include "parse/journal_stream.hpp"
#include "parse/log_reader.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::cli {

// What one record says, and when.
struct DatedRecord {
    core::TimePoint time{};
    core::SymptomSeen seen;
    std::string message;  // of systemd's records, which say more than their clue; else ""
};

class ReplaySource {
  public:
    // `head`: bytes already read from the input.
    ReplaySource(LogInput input, std::string name, const std::string& head);
    ReplaySource(const ReplaySource&) = delete;
    ReplaySource& operator=(const ReplaySource&) = delete;
    ~ReplaySource() = default;

    // nullptr at the end. Stays until pop().
    [[nodiscard]] core::Result<const DatedRecord*> front();

    void pop() { ready_.pop_front(); }

    [[nodiscard]] bool is_journal() const { return journal_.has_value(); }

    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    core::Status fill();
    void take_bytes(std::string_view bytes);
    void take_text(std::string_view bytes);
    void finish();
    void take(const parse::LogAnswer& answer);
    void take(const std::vector<parse::JournalRecord>& records);

    LogInput input_;
    std::string name_;
    std::string unit_;     // whose log it is, by its name: "php8.2-fpm.log"
    std::string pending_;  // bytes behind the last whole line
    std::vector<char> window_;
    bool is_ended_ = false;
    int year_ = 1970;  // of stamps that have none
    core::TimePoint last_{};
    std::deque<DatedRecord> ready_;
    parse::LogReader reader_;
    std::optional<parse::JournalExportReader> journal_;
};

}  // namespace gatemend::cli
