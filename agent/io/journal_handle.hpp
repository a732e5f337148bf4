// SPDX-License-Identifier: MIT
// The journal opened for one reading: owner of sd-journal's handle, and its matches. Internal to
// the journal readers of agent/io.
#pragma once

#include "core/result.hpp"

#include <systemd/sd-journal.h>

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace gatemend::io {

struct CloseJournal {
    void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};

using Journal = std::unique_ptr<sd_journal, CloseJournal>;

inline core::Error journal_failure(const char* what, int negative_errno) {
    return core::Error{std::string(what) + ": " + std::generic_category().message(-negative_errno)};
}

// Each value is cut to `max_field_bytes` (a hint to the library; readers cut again).
inline core::Result<Journal> open_journal(std::size_t max_field_bytes) {
    sd_journal* raw = nullptr;
    if (const int error = sd_journal_open(&raw, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        error < 0) {
        return journal_failure("open the journal", error);
    }
    Journal journal(raw);
    (void)sd_journal_set_data_threshold(raw, max_field_bytes);  // a hint
    return journal;
}

inline int match_journal(sd_journal* journal, const std::string& text) {
    return sd_journal_add_match(journal, text.data(), text.size());
}

}  // namespace gatemend::io
