// SPDX-License-Identifier: MIT
// Apache's error log, 2.2 and 2.4: `[Sat Nov 21 14:29:57.123456 2026] [proxy:error] [pid 7:tid 8]
// (111)Connection refused: [client 192.0.2.7:51234] AH00957: HTTP: attempt to connect to …`. What
// runs inside Apache may write to the same file, so nothing here is trusted.
#include "parse/app_readers.hpp"
#include "parse/nginx_messages.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr int kTimeoutSpecified = 70007;  // APR_TIMEUP
constexpr int kLargestErrno = 4095;       // above are APR's own numbers

// Behind the `AHnnnnn: ` of 2.4, without it for 2.2.
constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"server reached MaxRequestWorkers setting", Symptom::kBackendSaturated, Clue::kMaxChildren},
    {"server reached MaxClients setting", Symptom::kBackendSaturated, Clue::kMaxChildren},
    {"server is within MinSpareThreads of MaxRequestWorkers", Symptom::kNone},
    {"scoreboard is full, not at MaxRequestWorkers", Symptom::kBackendSaturated},
    {"child pid # exit signal * (%n)", Symptom::kClosedEarly, Clue::kWorkerSignal},
    {"child process # still did not exit, sending a SIGKILL", Symptom::kNone},
    {"* configured -- resuming normal operations", Symptom::kNone, Clue::kServerReady},
    {"caught SIGTERM, shutting down", Symptom::kNone, Clue::kServerStopping},
    {"caught SIGWINCH, shutting down gracefully", Symptom::kNone, Clue::kServerStopping},
    {"make_sock: could not bind to address %s", Symptom::kConfigError, Clue::kBootFailed},
    {"no listening sockets available, shutting down", Symptom::kConfigError, Clue::kBootFailed},
    {"Unable to open logs", Symptom::kConfigError, Clue::kBootFailed},
    {"Syntax error on line # of %s:", Symptom::kConfigError, Clue::kConfigRejected},
    {"error reading status line from remote server %s", Symptom::kClosedEarly},
    {"Error reading from remote server returned by ", Symptom::kNone},  // the line before says why
    {"Failed to read FastCGI header", Symptom::kClosedEarly},
    {"Error dispatching request to ", Symptom::kClosedEarly},
    {"error while running request", Symptom::kClosedEarly},
    {"Premature end of script headers: %s", Symptom::kClosedEarly},
    {"End of script output before headers: %s", Symptom::kClosedEarly},
    {"*: failed to make connection to backend: %s", Symptom::kNone},  // as above
    {"failed to make connection to backend: %s", Symptom::kNone},
    {"*: disabled connection for (%s)", Symptom::kNoLiveUpstreams},
    {"DNS lookup failure for: %s returned by ", Symptom::kNameUnresolved},
    {"DNS lookup failure for: %s", Symptom::kNameUnresolved},
    {"Got error 'Primary script unknown", Symptom::kScriptNotFound},
});

// These have the errno of connect() in front, which says why.
constexpr auto kConnects = std::to_array<MessageMeaning>({
    {"*: attempt to connect to Unix domain socket %s (", Symptom::kUnreachable},
    {"*: attempt to connect to %s (", Symptom::kUnreachable},
});

struct ApacheLine {
    bool is_stamped = false;
    bool is_coded = false;  // `AH00957: `
    int error_number = 0;
    std::string_view time;
    std::string_view message;
};

// `[proxy:error] `, `[pid 7:tid 8] `, `[client …] `: fields of the header, in any number.
void skip_fields(TextScan& scan) {
    while (scan.rest().starts_with("[")) {
        if (!scan.until("] ", 256) || !scan.skip("] ")) {
            return;
        }
    }
}

// `(111)Connection refused: `; the text is the libc's. `(EAI 2)` is the resolver's and no errno.
int take_status(TextScan& scan) {
    TextScan ahead = scan;
    if (!ahead.skip("(")) {
        return 0;
    }
    if (ahead.skip("EAI ") && ahead.until(": ", 96) && ahead.skip(": ")) {
        scan = ahead;
        return 0;
    }
    const auto number = ahead.number(6);
    if (!number || !ahead.skip(")") || !ahead.until(": ", 96) || !ahead.skip(": ")) {
        return 0;
    }
    scan = ahead;
    return *number;
}

ApacheLine split_line(std::string_view line) {
    ApacheLine parts;
    TextScan scan(line);
    if (match_pattern("[* * # #:#:#*]", line) && scan.skip("[")) {
        parts.time = scan.until("]", 48).value_or("");
        parts.is_stamped = scan.skip("] [");
        if (parts.is_stamped) {
            (void)scan.until("] ", 64);
            (void)scan.skip("] ");
            skip_fields(scan);
        }
    }
    parts.error_number = take_status(scan);
    skip_fields(scan);
    parts.is_coded = match_pattern("AH#: ", scan.rest()).has_value();
    if (parts.is_coded) {
        (void)scan.until(": ", 16);
        (void)scan.skip(": ");
    }
    if (parts.error_number == 0) {
        parts.error_number = take_status(scan);
    }
    parts.message = scan.rest();
    return parts;
}

void settle_status(int status, LogFinding& finding) {
    finding.error_number = status > kLargestErrno ? 0 : status;
    if (finding.symptom == Symptom::kClosedEarly && finding.clue == Clue::kNone &&
        (status == kTimeoutSpecified || status == 110)) {
        finding.symptom = Symptom::kResponseTimeout;
    } else if (status == 98) {
        finding.clue = Clue::kAddressInUse;
    }
}

void read_connect(const ApacheLine& parts, LogFinding& finding) {
    if (parts.error_number == kTimeoutSpecified) {
        finding.symptom = Symptom::kConnectTimeout;
    } else if (parts.error_number != 0 && parts.error_number <= kLargestErrno) {
        const bool is_unix = finding.subject.starts_with('/');
        finding.symptom = connect_symptom(parts.error_number, is_unix);
        finding.error_number = parts.error_number;
    }
}

// `Got error 'PHP message: PHP Fatal error:  …'`, `…\n'` of older versions.
void read_backend_words(std::string_view words, LogFinding& finding) {
    while (words.ends_with('\'') || words.ends_with("\\n")) {
        words.remove_suffix(words.ends_with('\'') ? 1 : 2);
    }
    const std::string_view message = finding.message;
    if (!read_php_message(words, finding) && find_trouble(words) == AppTrouble::kDependency) {
        finding.clue = Clue::kDependencyRefused;
    }
    finding.message = message;
}

}  // namespace

std::optional<LogFinding> read_apache_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kApache;
    const ApacheLine parts = split_line(line);
    if (!parts.is_stamped && !parts.is_coded && origin == Origin::kGuessed) {
        return std::nullopt;
    }
    finding.time = parts.time;
    finding.message = parts.message;
    constexpr std::string_view kGotError = "Got error '";
    const bool is_connect = find_meaning(kConnects, parts.message, finding) != nullptr;
    const bool is_known = is_connect || find_meaning(kMessages, parts.message, finding) != nullptr;
    if (is_connect) {
        read_connect(parts, finding);
    } else if (!is_known && parts.message.starts_with(kGotError)) {
        read_backend_words(parts.message.substr(kGotError.size()), finding);
    } else if (!is_known && read_php_message(parts.message, finding)) {
        finding.message = parts.message;
    } else {
        settle_status(parts.error_number, finding);
    }
    const bool is_semaphore = parts.message.find("mutex") != std::string_view::npos;
    if (parts.error_number == 28 && !is_semaphore) {
        finding.symptom = Symptom::kDiskFull;
        finding.error_number = 28;
    }
    return finding;
}

}  // namespace gatemend::parse
