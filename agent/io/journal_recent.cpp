// SPDX-License-Identifier: MIT
#include "io/journal_recent.hpp"

#include "io/journal_handle.hpp"

#include <algorithm>
#include <chrono>

namespace gatemend::io {

namespace {

constexpr std::size_t kMaxFieldBytes = 4096;

int match_all(sd_journal* journal, const std::string& unit) {
    int error = match_journal(journal, "_TRANSPORT=kernel");
    error = error < 0 ? error : match_journal(journal, "_TRANSPORT=audit");
    if (unit.empty()) {
        return error;
    }
    error = error < 0 ? error : sd_journal_add_disjunction(journal);
    error = error < 0 ? error : match_journal(journal, "_SYSTEMD_UNIT=" + unit);
    error = error < 0 ? error : sd_journal_add_disjunction(journal);
    error = error < 0 ? error : match_journal(journal, "UNIT=" + unit);
    return error < 0 ? error : match_journal(journal, "_PID=1");
}

parse::JournalRecord record_at(sd_journal* journal) {
    parse::JournalRecordBuilder builder;
    const void* data = nullptr;
    std::size_t size = 0;
    sd_journal_restart_data(journal);
    while (sd_journal_enumerate_available_data(journal, &data, &size) > 0) {
        const std::string_view field(static_cast<const char*>(data), size);
        const std::size_t equals = field.find('=');
        if (equals != std::string_view::npos &&
            parse::JournalRecordBuilder::is_wanted(field.substr(0, equals))) {
            builder.take(field.substr(0, equals),
                         field.substr(equals + 1).substr(0, kMaxFieldBytes));
        }
    }
    return builder.finish();
}

bool is_since(sd_journal* journal, core::TimePoint since) {
    std::uint64_t usec = 0;
    return sd_journal_get_realtime_usec(journal, &usec) >= 0 &&
           usec >= static_cast<std::uint64_t>(since.time_since_epoch().count());
}

}  // namespace

core::Result<std::vector<parse::JournalRecord>> read_recent_journal(const std::string& unit,
                                                                    core::TimePoint since) {
    const auto give_up = std::chrono::steady_clock::now() + kMaxRecentTime;
    GATEMEND_TRY(journal, open_journal(kMaxFieldBytes));
    sd_journal* const raw = journal.get();
    if (const int error = match_all(raw, unit); error < 0) {
        return journal_failure("select journal entries", error);
    }
    if (const int error = sd_journal_seek_tail(raw); error < 0) {
        return journal_failure("seek in the journal", error);
    }
    std::vector<parse::JournalRecord> records;
    while (records.size() < kMaxRecentRecords && std::chrono::steady_clock::now() < give_up) {
        // No more, or a damaged file: what there is will do.
        if (sd_journal_previous(raw) <= 0 || !is_since(raw, since)) {
            break;
        }
        records.push_back(record_at(raw));
    }
    std::reverse(records.begin(), records.end());
    return records;
}

}  // namespace gatemend::io
