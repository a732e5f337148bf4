// SPDX-License-Identifier: MIT
// systemd's own lines about units: `php8.2-fpm.service: Failed with result 'exit-code'.`, from
// version 219 to today, behind `systemd[1]: ` or without it. A unit's name cannot be a client's,
// but the same words could be any program's, so a line is trusted only where the caller knows that
// systemd wrote it.
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

constexpr std::size_t kMaxUnitBytes = 256;

// Behind `UNIT: `.
constexpr auto kUnitMessages = std::to_array<MessageMeaning>({
    {"A process of this unit has been killed by the OOM killer.",
     Symptom::kOomKill,
     Clue::kOomUnit},
    {"systemd-oomd killed ", Symptom::kOomKill, Clue::kOomUnit},
    {"Failed with result 'oom-kill'", Symptom::kOomKill, Clue::kOomUnit},
    {"Failed with result 'start-limit-hit'", Symptom::kNone, Clue::kUnitStartLimit},
    {"Failed with result '", Symptom::kNone, Clue::kUnitFailed},
    {"Start request repeated too quickly", Symptom::kNone, Clue::kUnitStartLimit},
    {"start request repeated too quickly", Symptom::kNone, Clue::kUnitStartLimit},
    {"Main process exited, code=exited, status=0/", Symptom::kNone},
    {"Main process exited, code=exited, status=%n", Symptom::kNone, Clue::kWorkerExit},
    {"Main process exited, code=killed, status=15/", Symptom::kNone},
    {"Main process exited, code=killed, status=%n", Symptom::kNone, Clue::kWorkerSignal},
    {"Main process exited, code=dumped, status=%n", Symptom::kNone, Clue::kWorkerSignal},
    {"main process exited, code=exited, status=%n", Symptom::kNone, Clue::kWorkerExit},
    {"main process exited, code=killed, status=%n", Symptom::kNone, Clue::kWorkerSignal},
    {"main process exited, code=dumped, status=%n", Symptom::kNone, Clue::kWorkerSignal},
    {"Control process exited, code=exited, status=%n", Symptom::kNone, Clue::kBootFailed},
    {"Control process exited, code=exited status=%n", Symptom::kNone, Clue::kBootFailed},
    {"Failed at step * spawning ", Symptom::kConfigError, Clue::kBootFailed},
    {"Failed to execute ", Symptom::kConfigError, Clue::kBootFailed},
    {"Unable to locate executable ", Symptom::kConfigError, Clue::kBootFailed},
    {"Deactivated successfully", Symptom::kNone, Clue::kUnitStopped},
    {"Succeeded.", Symptom::kNone, Clue::kUnitStopped},
    {"Consumed ", Symptom::kNone},
    {"Scheduled restart job, restart counter is at %n", Symptom::kNone},
    {"Service hold-off time over, scheduling restart", Symptom::kNone},
    {"start operation timed out", Symptom::kNone, Clue::kBootFailed},
    {"State '", Symptom::kNone},
    {"Watchdog timeout (limit ", Symptom::kNone, Clue::kUnitFailed},
    {"Unit entered failed state", Symptom::kNone, Clue::kUnitFailed},
});

// About a unit by its name or, before 252, its description.
constexpr auto kJobMessages = std::to_array<MessageMeaning>({
    {"Started %s", Symptom::kNone, Clue::kUnitStarted},
    {"Stopped %s", Symptom::kNone, Clue::kUnitStopped},
    {"Failed to start %s", Symptom::kNone, Clue::kUnitFailed},
    {"Unit %s entered failed state", Symptom::kNone, Clue::kUnitFailed},
    {"Killed %s due to memory pressure for ", Symptom::kOomKill, Clue::kOomUnit},
    {"Killed %s due to memory used (", Symptom::kOomKill, Clue::kOomUnit},
    {"Starting %s...", Symptom::kNone},
    {"Stopping %s...", Symptom::kNone},
    {"Reloading %s...", Symptom::kNone},
    {"Reloaded %s", Symptom::kNone},
});

constexpr auto kUnitSuffixes = std::to_array<std::string_view>({
    ".service",
    ".socket",
    ".scope",
    ".slice",
    ".mount",
    ".timer",
    ".target",
    ".path",
});

bool is_unit_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxUnitBytes &&
           text.find(' ') == std::string_view::npos &&
           std::ranges::any_of(kUnitSuffixes,
                               [text](std::string_view end) { return text.ends_with(end); });
}

// "php8.2-fpm.service - The PHP 8.2 FastCGI Process Manager." to its unit; "" for a description.
std::string_view unit_of(std::string_view subject) {
    std::string_view first = subject.substr(0, subject.find(' '));
    if (first.ends_with('.')) {
        first.remove_suffix(1);
    }
    if (first.ends_with("...")) {
        first.remove_suffix(3);
    }
    return is_unit_name(first) ? first : std::string_view();
}

// `systemd[1]: `, `systemd: ` and the same of systemd-oomd.
bool skip_identifier(TextScan& scan) {
    for (const std::string_view name : {"systemd", "systemd-oomd"}) {
        TextScan ahead = scan;
        if (!ahead.skip(name)) {
            continue;
        }
        if (ahead.skip("[")) {
            if (!ahead.number() || !ahead.skip("]")) {
                continue;
            }
        }
        if (ahead.skip(": ")) {
            scan = ahead;
            return true;
        }
    }
    return false;
}

// True: a message of systemd's about `UNIT: `.
bool read_unit_message(std::string_view text, LogFinding& finding) {
    const std::size_t colon = text.substr(0, kMaxUnitBytes + 2).find(": ");
    if (colon != std::string_view::npos && is_unit_name(text.substr(0, colon))) {
        const bool is_known =
            find_meaning(kUnitMessages, text.substr(colon + 2), finding) != nullptr;
        finding.subject = text.substr(0, colon);
        return is_known;
    }
    // 219 and older: "php-fpm.service failed."
    const std::size_t blank = text.find(' ');
    if (blank != std::string_view::npos && is_unit_name(text.substr(0, blank)) &&
        text.substr(blank) == " failed.") {
        finding.clue = Clue::kUnitFailed;
        finding.subject = text.substr(0, blank);
        return true;
    }
    return false;
}

bool read_job_message(std::string_view text, LogFinding& finding) {
    if (find_meaning(kJobMessages, text, finding) == nullptr) {
        return false;
    }
    if (finding.clue != Clue::kOomUnit) {
        finding.subject = unit_of(finding.subject);
    }
    return true;
}

}  // namespace

std::optional<LogFinding> read_systemd_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kSystemd;
    TextScan scan(line);
    const bool is_known_author = skip_identifier(scan) || origin == Origin::kKnown;
    finding.message = scan.rest();
    bool is_known = read_unit_message(scan.rest(), finding);
    const bool has_unit = !finding.subject.empty();
    if (!is_known && is_known_author) {
        is_known = read_job_message(scan.rest(), finding);
    } else if (!is_known && !has_unit) {
        // Everybody says "Started …"; only with a unit's name in it is it systemd's.
        is_known = read_job_message(scan.rest(), finding) && is_unit_name(finding.subject);
    }
    if (!is_known && !is_known_author) {
        return std::nullopt;
    }
    if (scan.rest().find("No space left on device") != std::string_view::npos) {
        finding.symptom = Symptom::kDiskFull;
        finding.error_number = 28;
    }
    finding.is_trusted = is_known && origin == Origin::kKnown && !has_control_bytes(line);
    return finding;
}

}  // namespace gatemend::parse
