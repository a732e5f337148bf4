// SPDX-License-Identifier: MIT
// What is larger than one service: a full disk, memory that ran out, nginx's own limits, load, and
// the kernel's security modules.
#include "core/bytes.hpp"
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

constexpr std::uint64_t kNoSpaceBytes = std::uint64_t{256} * 1024;
constexpr std::uint32_t kBusyCpuPermille = 800;
constexpr std::uint32_t kStalledMemoryPermille = 200;
constexpr std::uint32_t kStalledIoPermille = 400;
constexpr std::uint32_t kLoadPerCpuPermille = 4000;

bool has_no_inodes(const core::FileSystem& fs) {
    return fs.inodes > 0 && fs.inodes_free == 0;
}

bool is_full(const core::FileSystem& fs) {
    return !fs.is_read_only && fs.bytes > 0 && (fs.bytes_free < kNoSpaceBytes || has_no_inodes(fs));
}

bool is_journal_root(const core::FileSystem& fs) {
    return std::ranges::find(core::kJournalRoots, fs.path) != core::kJournalRoots.end();
}

// Full, and what failed may have written there: the journal's own folder is journald's, and
// /dev/shm is used by whoever was told to use it, so that only an errno 28 speaks for it. One for
// each file system.
std::vector<const core::FileSystem*> find_full(const Findings& findings, bool has_said_so) {
    std::vector<const core::FileSystem*> found;
    if (!findings.inspection) {
        return found;
    }
    for (const core::FileSystem& fs : findings.inspection->file_systems) {
        const bool is_told = std::ranges::any_of(found, [&fs](const core::FileSystem* other) {
            return other->device == fs.device && other->bytes == fs.bytes &&
                   other->bytes_free == fs.bytes_free;
        });
        if (is_full(fs) && !is_told && !is_journal_root(fs) &&
            (has_said_so || fs.path != "/dev/shm")) {
            found.push_back(&fs);
        }
    }
    return found;
}

// The journal that lies on one of them, where it is bytes that ran out: deleting it frees no inode
// worth the name.
const core::FileSystem* find_journal(const Findings& findings,
                                     const std::vector<const core::FileSystem*>& full) {
    for (const core::FileSystem& fs : findings.inspection->file_systems) {
        const bool is_among = std::ranges::any_of(full, [&fs](const core::FileSystem* other) {
            return other->device == fs.device && is_full(fs) && !has_no_inodes(*other);
        });
        if (is_journal_root(fs) && is_among && fs.journal_bytes > 0) {
            return &fs;
        }
    }
    return nullptr;
}

std::string space_words(const core::FileSystem& fs) {
    return has_no_inodes(fs) ? fs.path + ": no inode left of " + std::to_string(fs.inodes)
                             : fs.path + ": " + core::format_bytes(fs.bytes_free) + " left of " +
                                   core::format_bytes(fs.bytes);
}

// What is worth a command: below this nobody's disk is full because of the journal.
constexpr std::uint64_t kWorthwhileJournal = std::uint64_t{32} * 1024 * 1024;

// A size of journalctl's that is smaller than what there is.
std::string journal_advice(const core::FileSystem& journal) {
    constexpr std::uint64_t kMebi = std::uint64_t{1024} * 1024;
    const std::uint64_t keep = journal.journal_bytes / 4 / kMebi;
    return "`journalctl --vacuum-size=" + std::to_string(keep) + "M` frees most of the " +
           core::format_bytes(journal.journal_bytes) + " of old journals in " + journal.path + "; ";
}

std::string room_advice(const core::FileSystem& full, const core::FileSystem* journal) {
    if (has_no_inodes(full)) {
        return "Find the many small files (`du --inodes -x -d 2 " + full.path +
               " | sort -n | tail`) and remove those that nobody needs, old PHP sessions for "
               "instance.";
    }
    std::string advice;
    if (journal != nullptr && journal->journal_bytes >= kWorthwhileJournal) {
        advice += journal_advice(*journal);
    }
    advice += "`du -x -d 2 " + full.path + " | sort -n | tail` shows what fills it, `lsof +L1 " +
              full.path + "` files that are deleted and still open";
    if (full.path.starts_with("/var")) {
        advice += "; large logs: `logrotate -f /etc/logrotate.conf`";
    }
    return advice + ". Then start what failed.";
}

bool has_failed(const Findings& findings) {
    return findings.unit && findings.unit->active == core::ActiveState::kFailed &&
           findings.intent != core::Intent::kSomebody;
}

std::string load_words(const core::MachineLoad& load) {
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() ? "" : ", ") + part;
    };
    const auto percent = [](std::uint32_t permille) { return std::to_string(permille / 10) + "%"; };
    if (load.cpu_some10_permille && *load.cpu_some10_permille >= kBusyCpuPermille) {
        add("tasks wait for the CPU " + percent(*load.cpu_some10_permille) + " of the time");
    }
    if (load.memory_full10_permille && *load.memory_full10_permille >= kStalledMemoryPermille) {
        add("everything waits for memory " + percent(*load.memory_full10_permille) +
            " of the time");
    }
    if (load.io_full10_permille && *load.io_full10_permille >= kStalledIoPermille) {
        add("everything waits for disks " + percent(*load.io_full10_permille) + " of the time");
    }
    if (load.cpus > 0 && load.load1_permille / load.cpus >= kLoadPerCpuPermille) {
        add("load " + std::to_string(load.load1_permille / 1000) + " on " +
            std::to_string(load.cpus) + " CPUs");
    }
    return text;
}

std::string consumer_words(const core::MachineLoad& load) {
    std::string text;
    for (const std::string& consumer : load.consumers) {
        text += (text.empty() ? " Largest consumers: " : "; ") + consumer;
    }
    return text.empty() ? "" : text + ".";
}

// The concrete values; "" when there are none.
std::string suggestion_words(const std::vector<Suggestion>& suggestions) {
    std::string words;
    for (const Suggestion& suggestion : suggestions) {
        words += suggestion.settings.empty() ? "" : suggestion.text + " ";
    }
    return words;
}

std::string oom_advice(const Findings& findings, const std::vector<Suggestion>& suggestions) {
    const std::string words = suggestion_words(suggestions);
    const bool has_policy = words.find("OOMPolicy") != std::string::npos;
    // What stands behind the advice says why no number of workers is right.
    const bool is_settled = !suggestions.empty() && suggestions.front().settings.empty() &&
                            !suggestions.front().arithmetic.empty();
    const bool has_more = words.find("pm.max_children") != std::string::npos ||
                          words.find("MemoryMax") != std::string::npos;
    return words +
           (has_more || is_settled
                ? ""
                : "Lower pm.max_children or the workers' appetite, or raise MemoryMax= if it "
                  "was the unit's own limit. ") +
           (has_policy ? "`systemctl edit " + findings.unit_name + "` is the place for it."
                       : "`systemctl edit " + findings.unit_name +
                             "` with OOMPolicy=continue keeps one fat worker from taking the whole "
                             "unit down.");
}

std::string limit_advice(bool is_files, const std::vector<Suggestion>& suggestions) {
    const std::string words = suggestion_words(suggestions);
    if (!words.empty()) {
        return words + "Then `nginx -t && systemctl reload nginx`. The backend is innocent.";
    }
    if (!suggestions.empty() && !suggestions.front().arithmetic.empty()) {
        return "Find out what keeps them open. The backend is innocent.";
    }
    return is_files ? "Raise worker_rlimit_nofile in nginx.conf (and LimitNOFILE= of "
                      "nginx.service) to at least twice worker_connections, then `nginx "
                      "-t && systemctl restart nginx`. The backend is innocent."
                    : "Raise worker_connections in the events block, and "
                      "worker_rlimit_nofile to at least twice that, then `nginx -t && "
                      "systemctl reload nginx`. The backend is innocent.";
}

}  // namespace

std::optional<Diagnosis> judge_disk_full(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kDiskFull});
    const auto full = find_full(findings, sighting != nullptr);
    const bool is_explained = !full.empty() && (sighting != nullptr || has_failed(findings));
    const bool is_log_only = sighting != nullptr && !findings.inspection;
    if (!is_explained && !is_log_only) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kDiskFull, findings);
    file.sightings({core::Symptom::kDiskFull});
    for (const core::FileSystem* fs : full) {
        file.inspection(space_words(*fs));
    }
    if (has_failed(findings)) {
        file.unit_down();
    }
    if (full.empty()) {
        return file.close("A file system is full (errno 28).",
                          "`df -h` and `df -i` show which; `du -x -d 2 DIRECTORY | sort -n | tail` "
                          "shows what fills it.");
    }
    const core::FileSystem* journal = find_journal(findings, full);
    if (journal != nullptr) {
        file.remedy("journal", journal->path);
    }
    std::string words;
    for (const core::FileSystem* fs : full) {
        words += (words.empty() ? "" : "; ") + space_words(*fs);
    }
    return file.close("A file system is full: " + words + ".", room_advice(*full.front(), journal));
}

std::optional<Diagnosis> judge_oom_killed(const Findings& findings) {
    const Sighting* record =
        find_clue(findings, {core::Clue::kOomCgroup, core::Clue::kOomGlobal, core::Clue::kOomUnit});
    const Sighting* killed = find_clue(findings, {core::Clue::kWorkerSignal});
    const bool has_counted =
        findings.inspection && findings.inspection->use && findings.inspection->use->oom_kills > 0;
    const bool is_worker = killed != nullptr && killed->number == core::kSignalKill && has_counted;
    const bool is_unit =
        has_failed(findings) && findings.unit->result == core::UnitResult::kOomKill;
    const bool is_recorded = record != nullptr && (has_failed(findings) || is_unit_up(findings));
    if (!is_worker && !is_unit && !is_recorded) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kOomKilled, findings);
    file.sightings({core::Symptom::kOomKill},
                   {core::Clue::kOomCgroup, core::Clue::kOomGlobal, core::Clue::kOomUnit});
    if (is_unit || has_failed(findings)) {
        file.unit_down().probe_bad();
    }
    if (is_worker) {
        file.sightings({}, {core::Clue::kWorkerSignal});
    }
    if (has_counted) {
        file.inspection("the kernel counts " + std::to_string(findings.inspection->use->oom_kills) +
                        " out-of-memory kills in the control group of " + findings.unit_name);
    }
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kOomKilled);
    file.remedy(suggestions);
    return file.close(
        "The kernel killed a process of " + findings.unit_name + " because memory ran out.",
        oom_advice(findings, suggestions));
}

std::optional<Diagnosis> judge_nginx_limit(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kNginxLimit});
    if (sighting == nullptr || is_unit_down(findings)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kNginxFdLimit, findings);
    file.sightings({core::Symptom::kNginxLimit});
    if (findings.inspection) {
        for (const core::Worker& worker : findings.inspection->workers) {
            if (worker.is_nginx && worker.open_files_limit > 0) {
                file.inspection("nginx process " + std::to_string(worker.pid) + " has " +
                                std::to_string(worker.open_files) + " files open, its limit is " +
                                std::to_string(worker.open_files_limit));
                break;
            }
        }
    }
    const bool is_files = sighting->error_number != 0;
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kNginxFdLimit);
    file.remedy(suggestions);
    return file.close(is_files ? "nginx has no file descriptor left (errno " +
                                     std::to_string(sighting->error_number) + ")."
                               : "nginx has no connection left: worker_connections is used up.",
                      limit_advice(is_files, suggestions));
}

std::optional<Diagnosis> judge_high_load(const Findings& findings) {
    const bool is_slow =
        has_outcome(findings,
                    {core::ProbeOutcome::kResponseTimeout, core::ProbeOutcome::kConnectTimeout}) ||
        find_symptom(findings, {core::Symptom::kResponseTimeout, core::Symptom::kConnectTimeout}) !=
            nullptr;
    if (!is_slow || is_unit_down(findings) || !findings.inspection || !findings.inspection->load) {
        return std::nullopt;
    }
    const core::MachineLoad& load = *findings.inspection->load;
    const std::string words = load_words(load);
    if (words.empty()) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kHighLoad, findings);
    file.inspection(words).probe_bad().sightings(
        {core::Symptom::kResponseTimeout, core::Symptom::kConnectTimeout});
    return file.close("This machine is overloaded: " + words + "." + consumer_words(load),
                      "A restart would add to the load. Stop or move the largest consumer, or give "
                      "the machine more.");
}

std::optional<Diagnosis> judge_lsm_denied(const Findings& findings) {
    const Sighting* sighting = find_clue(findings, {core::Clue::kLsmDenied});
    const bool is_denied = has_outcome(findings, {core::ProbeOutcome::kDenied}) ||
                           find_symptom(findings, {core::Symptom::kConnectDenied}) != nullptr;
    if (sighting == nullptr || !is_denied) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kLsmDenied, findings);
    file.sightings({core::Symptom::kConnectDenied}, {core::Clue::kLsmDenied}).probe_bad();
    return file.close(
        "SELinux or AppArmor denies nginx the connection to " + describe(findings.backend) +
            sighting->subject.shown().in_sentence(": ") + ".",
        "On SELinux `setsebool -P httpd_can_network_connect on` for TCP, or `restorecon "
        "-v` on the socket's directory; with AppArmor, add the path to nginx's "
        "profile and `apparmor_parser -r` it. Do not switch either off.");
}

}  // namespace gatemend::diagnosis
