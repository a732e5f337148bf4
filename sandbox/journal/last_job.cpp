// SPDX-License-Identifier: MIT
#include "sandbox/journal/last_job.hpp"

#include <systemd/sd-journal.h>

#include <time.h>

#include <chrono>
#include <initializer_list>
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

std::string field(sd_journal* journal, const std::string& name) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, name.c_str(), &data, &size) < 0) {
        return "";
    }
    const std::string_view text(static_cast<const char*>(data), size);
    return text.starts_with(name + "=") ? std::string{text.substr(name.size() + 1)} : "";
}

// journald itself fills in the fields that begin with an underscore: nobody else can write as
// process 1.
int match_all(sd_journal* journal, std::initializer_list<std::string> matches) {
    sd_journal_flush_matches(journal);
    int error = 0;
    for (const std::string& match : matches) {
        error = error < 0 ? error : sd_journal_add_match(journal, match.data(), match.size());
    }
    return error;
}

core::TimePoint time_of(sd_journal* journal) {
    std::uint64_t usec = 0;
    return sd_journal_get_realtime_usec(journal, &usec) < 0
               ? core::TimePoint{}
               : core::TimePoint{core::Duration{static_cast<std::int64_t>(usec)}};
}

core::Duration since_epoch(clockid_t clock) {
    timespec time{};
    if (clock_gettime(clock, &time) < 0) {
        return core::Duration::max() / 2;
    }
    return std::chrono::duration_cast<core::Duration>(std::chrono::seconds{time.tv_sec} +
                                                      std::chrono::nanoseconds{time.tv_nsec});
}

// Of an earlier boot only the stops of its shutdown would be left. Not sd_id128_get_boot(): in a
// container the number of its boot is a mount over /proc, which is not there in a unit that has a
// /proc of its own (ProtectProc=). "" where systemd has written nothing since the boot.
std::string find_boot(sd_journal* journal) {
    if (match_all(journal, {"_PID=1", "_UID=0"}) < 0 || sd_journal_seek_tail(journal) < 0 ||
        sd_journal_previous(journal) <= 0) {
        return "";
    }
    const core::Duration booted = since_epoch(CLOCK_REALTIME) - since_epoch(CLOCK_BOOTTIME);
    return time_of(journal).time_since_epoch() < booted ? "" : field(journal, "_BOOT_ID");
}

bool has_field(sd_journal* journal, const char* name) {
    const void* data = nullptr;
    std::size_t size = 0;
    return sd_journal_get_data(journal, name, &data, &size) >= 0;
}

core::JobEntry read_entry(sd_journal* journal) {
    core::JobEntry entry;
    entry.time = time_of(journal);
    entry.message_id = field(journal, "MESSAGE_ID");
    entry.job_type = field(journal, "JOB_TYPE");
    entry.job_result = field(journal, "JOB_RESULT");
    entry.job_id = field(journal, "JOB_ID");
    if (has_field(journal, "INVOCATION_ID")) {
        entry.run = field(journal, "INVOCATION_ID");  // "": it had never run
    }
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
    const std::string boot = find_boot(raw);
    if (boot.empty()) {
        return core::Error{"read the journal: no entry of systemd's since this boot"};
    }
    if (const int error = match_all(raw, {"_PID=1", "_UID=0", "_BOOT_ID=" + boot, "UNIT=" + unit});
        error < 0) {
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
