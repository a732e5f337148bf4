// SPDX-License-Identifier: MIT
#include "sandbox/journal/last_job.hpp"

#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include <array>
#include <chrono>
#include <memory>
#include <string_view>
#include <system_error>

namespace gatemend::journal {

namespace {

constexpr std::size_t kMaxFieldBytes = 256;

struct CloseJournal {
    void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};

core::Error failure(const char* what, int negative_errno) {
    return core::Error{std::string(what) + ": " + std::generic_category().message(-negative_errno)};
}

// journald itself fills in the fields that begin with an underscore: nobody else can write as
// process 1. Of an earlier boot only the stops of its shutdown would be left.
int match_systemd(sd_journal* journal, const std::string& unit) {
    sd_id128_t boot{};
    int error = sd_id128_get_boot(&boot);
    std::array<char, SD_ID128_STRING_MAX> text{};
    for (const std::string& match :
         {std::string{"_PID=1"},
          std::string{"_UID=0"},
          std::string{"_BOOT_ID="} + sd_id128_to_string(boot, text.data()),
          "UNIT=" + unit}) {
        error = error < 0 ? error : sd_journal_add_match(journal, match.data(), match.size());
    }
    return error;
}

std::string field(sd_journal* journal, const std::string& name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, name.c_str(), &data, &size) < 0) {
        return "";
    }
    const std::string_view text(static_cast<const char*>(data), size);
    return text.starts_with(name + "=") ? std::string{text.substr(name.size() + 1)} : "";
}

core::JobEntry read_entry(sd_journal* journal) {
    core::JobEntry entry;
    std::uint64_t usec = 0;
    if (sd_journal_get_realtime_usec(journal, &usec) >= 0) {
        entry.time = core::TimePoint{core::Duration{static_cast<std::int64_t>(usec)}};
    }
    entry.message_id = field(journal, "MESSAGE_ID");
    entry.job_type = field(journal, "JOB_TYPE");
    entry.job_result = field(journal, "JOB_RESULT");
    entry.job_id = field(journal, "JOB_ID");
    return entry;
}

}  // namespace

core::Result<core::LastJob> read_last_job(const std::string& unit) {
    const auto give_up = std::chrono::steady_clock::now() + kMaxTime;
    sd_journal* raw = nullptr;
    if (const int error = sd_journal_open(&raw, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        error < 0) {
        return failure("open the journal", error);
    }
    const std::unique_ptr<sd_journal, CloseJournal> journal{raw};
    (void)sd_journal_set_data_threshold(raw, kMaxFieldBytes);  // a hint
    if (const int error = match_systemd(raw, unit); error < 0) {
        return failure("select systemd's journal entries", error);
    }
    if (const int error = sd_journal_seek_tail(raw); error < 0) {
        return failure("seek in the journal", error);
    }
    core::LastJob job;
    for (std::size_t count = 0; count < kMaxEntries; ++count) {
        const int found = sd_journal_previous(raw);
        if (found < 0) {
            return failure("read the journal", found);
        }
        if (found == 0 || take_older(job, read_entry(raw))) {
            return job;
        }
        if (std::chrono::steady_clock::now() >= give_up) {
            return core::Error{"read the journal: it took too long"};
        }
    }
    return core::Error{"read the journal: no job in the newest entries about " + unit};
}

}  // namespace gatemend::journal
