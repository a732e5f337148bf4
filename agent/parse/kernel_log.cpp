// SPDX-License-Identifier: MIT
// The kernel's records of killing for memory, 3.10 to 6.x, of the machine and of a control group,
// and of processes that crashed; with dmesg's stamps (`[12345.678]`, `<4>`, `[Sat Nov 21 …]`) or
// without. A process chooses its own name, so a record that is known by it alone is not trusted,
// and neither is one of which the caller does not know that the kernel wrote it.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"Out of memory: Killed process # (%s) ", Symptom::kOomKill, Clue::kOomGlobal},
    {"Out of memory: Kill process # (%s) score ", Symptom::kOomKill, Clue::kOomGlobal},
    {"Out of memory (oom_kill_allocating_task): Kill", Symptom::kOomKill, Clue::kOomGlobal},
    {"Memory cgroup out of memory: Killed process # (%s) ", Symptom::kOomKill, Clue::kOomCgroup},
    {"Memory cgroup out of memory: Kill process # (%s) score ",
     Symptom::kOomKill,
     Clue::kOomCgroup},
    {"Memory cgroup out of memory: Kill", Symptom::kOomKill, Clue::kOomCgroup},
    {"Killed process # (%s) total-vm:", Symptom::kOomKill, Clue::kOomGlobal},
    {"Killed process # (%s), UID #, total-vm:", Symptom::kOomKill, Clue::kOomGlobal},
    {"Killed process #, UID #, (%s) total-vm:", Symptom::kOomKill, Clue::kOomGlobal},
    // where `Out of memory:` was taken for a program's name by what brought the line here
    {"Kill process # (%s) score ", Symptom::kOomKill, Clue::kOomGlobal},
    {"Task in %s killed as a result of limit of ",
     Symptom::kOomKill,
     Clue::kOomCgroup,
     Words::kOwn},
    {"Tasks in %s are going to be killed due to memory.oom.group set",
     Symptom::kOomKill,
     Clue::kOomCgroup,
     Words::kOwn},
    {"oom_reaper: ", Symptom::kNone},
    {"oom-kill:", Symptom::kNone},
    {"TCP: request_sock_TCP: Possible SYN flooding on port %s. ",
     Symptom::kNone,
     Clue::kListenQueueFull},
    {"TCP: Possible SYN flooding on port %s. ", Symptom::kNone, Clue::kListenQueueFull},
    {"request_sock_TCP: Possible SYN flooding on port %s. ",
     Symptom::kNone,
     Clue::kListenQueueFull},
    {"Possible SYN flooding on port %s. ", Symptom::kNone, Clue::kListenQueueFull},
    {"cgroup: fork rejected by pids controller in %s", Symptom::kNone},
});

// The process writes its name here, which has at most fifteen bytes, so the beginning is enough.
constexpr std::size_t kCommRecordBytes = 96;
constexpr auto kCommMessages = std::to_array<MessageMeaning>({
    {"* invoked oom-killer: ", Symptom::kNone},
    {"traps: %s[#] general protection", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 11},
    {"traps: %s[#] trap invalid opcode", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 4},
    {"traps: %s[#] trap divide error", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 8},
    {"%s[#]: segfault at ", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 11},
    {"%s[#] general protection ", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 11},
});

// Whose worker's end is somebody's 502.
constexpr auto kServers = std::to_array<std::string_view>({
    "php-fpm",
    "gunicorn",
    "uvicorn",
    "uwsgi",
    "puma",
    "ruby",
    "node",
    "python",
    "apache2",
    "httpd",
});

// `<4>`, `kernel: `, `[12345.678901] `, `[Sat Nov 21 14:29:57 2026] `; true when there was one.
bool take_stamp(TextScan& scan, std::string_view& time) {
    bool is_stamped = false;
    if (match_pattern("<#>", scan.rest())) {
        (void)scan.until(">", 5);  // syslog's too, so it proves nothing
        (void)scan.skip(">");
    }
    is_stamped = scan.skip("kernel: ") || is_stamped;
    TextScan ahead = scan;
    if (ahead.skip("[")) {
        const auto stamp = ahead.until("] ", 32);
        const bool is_time =
            stamp && ahead.skip("] ") &&
            (match_pattern("#.#$",
                           stamp->substr(std::min(stamp->find_first_not_of(' '), stamp->size()))) ||
             match_pattern("* * # #:#:# #$", *stamp) || match_pattern("* *  # #:#:# #$", *stamp));
        if (is_time) {
            time = *stamp;
            scan = ahead;
            is_stamped = true;
        }
    }
    return is_stamped;
}

// oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=…,task_memcg=/system.slice/x.service,task=…
bool read_constraint(std::string_view text, LogFinding& finding) {
    const auto record =
        match_pattern("oom-kill:constraint=CONSTRAINT_*,nodemask=*,task_memcg=%s,task=", text);
    if (!record) {
        return false;
    }
    finding.symptom = Symptom::kOomKill;
    finding.clue = text.starts_with("oom-kill:constraint=CONSTRAINT_MEMCG,") ? Clue::kOomCgroup
                                                                             : Clue::kOomGlobal;
    finding.subject = record->subject;
    return true;
}

bool is_server(std::string_view comm) {
    return std::ranges::any_of(kServers,
                               [comm](std::string_view name) { return comm.starts_with(name); });
}

}  // namespace

std::optional<LogFinding> read_kernel_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kKernel;
    TextScan scan(line);
    const bool is_stamped = take_stamp(scan, finding.time);
    finding.message = scan.rest();
    const bool is_kernel = is_stamped || origin == Origin::kKnown;
    if (is_kernel && read_audit_log(scan.rest(), Origin::kGuessed)) {
        finding = *read_audit_log(scan.rest(), Origin::kGuessed);
        return finding;
    }
    if (read_constraint(scan.rest(), finding)) {
        finding.is_trusted = origin == Origin::kKnown && !has_control_bytes(line);
        return finding;
    }
    const MessageMeaning* row = find_meaning(kMessages, scan.rest(), finding);
    if (row == nullptr) {
        row = find_meaning(kCommMessages, scan.rest().substr(0, kCommRecordBytes), finding);
    }
    if (row == nullptr) {
        return is_stamped ? std::optional(finding) : std::nullopt;
    }
    const bool is_crash = finding.clue == Clue::kWorkerSignal;
    if (is_crash && (finding.subject.size() > 15 || (!is_kernel && !is_server(finding.subject)))) {
        return std::nullopt;  // no process is called so
    }
    if (is_crash && is_server(finding.subject)) {
        finding.symptom = Symptom::kClosedEarly;
    }
    finding.is_trusted =
        origin == Origin::kKnown && row->words == Words::kOwn && !has_control_bytes(line);
    return finding;
}

}  // namespace gatemend::parse
