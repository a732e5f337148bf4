// SPDX-License-Identifier: MIT
// PHP's own words, wherever they end up: its error_log (`[21-Nov-2026 14:37:18 UTC] PHP Fatal
// error:  …`), standard error, the page (`Fatal error: …`), behind FPM's or nginx's wrapping; and
// the logs of Laravel and Symfony. The message is the application's, so none of it is trusted.
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

constexpr std::size_t kMaxStampBytes = 64;

enum class Severity { kFatal, kNotice };

struct SeverityName {
    std::string_view text;
    Severity severity;
};

// What PHP calls its error levels, 5.x included.
constexpr auto kSeverities = std::to_array<SeverityName>({
    {"Fatal error", Severity::kFatal},
    {"Parse error", Severity::kFatal},
    {"Recoverable fatal error", Severity::kFatal},
    {"Catchable fatal error", Severity::kFatal},
    {"Warning", Severity::kNotice},
    {"Notice", Severity::kNotice},
    {"Deprecated", Severity::kNotice},
    {"Strict Standards", Severity::kNotice},
    {"Unknown error", Severity::kNotice},
});

constexpr auto kFatals = std::to_array<MessageMeaning>({
    {"Allowed memory size of %n bytes exhausted", Symptom::kScriptFatal, Clue::kMemoryLimit},
    {"Out of memory", Symptom::kScriptFatal, Clue::kMemoryLimit},
    {"Maximum execution time of %n", Symptom::kScriptFatal, Clue::kExecutionTime},
    {"", Symptom::kScriptFatal, Clue::kUncaught},
});

// `… in /srv/a.php on line 7`, `… in /srv/a.php:7`: the last place named on the line.
std::string_view place_of(std::string_view message) {
    const std::size_t line = message.rfind(" on line ");
    const std::size_t in = message.substr(0, line).rfind(" in ");
    if (in == std::string_view::npos) {
        return {};
    }
    std::string_view place = message.substr(in + 4);
    if (line != std::string_view::npos) {
        std::string_view rest = place.substr(line - in - 4 + 9);
        const std::size_t before = rest.size();
        if (!take_number(rest)) {
            return {};
        }
        return place.substr(0, line - in - 4 + 9 + before - rest.size());
    }
    place = place.substr(0, place.find_first_of(" \n"));
    const std::size_t colon = place.rfind(':');
    const bool is_place =
        colon != std::string_view::npos && colon + 1 < place.size() && is_digit(place[colon + 1]);
    return is_place ? place : std::string_view();
}

// "Fatal error:  ", "Fatal error: ", "<b>Fatal error</b>:  "; leaves the message.
std::optional<Severity> take_severity(TextScan& scan) {
    TextScan ahead = scan;
    const bool is_bold = ahead.skip("<b>");
    for (const SeverityName& name : kSeverities) {
        TextScan rest = ahead;
        if (rest.skip(name.text) && rest.skip(is_bold ? "</b>:" : ":") && rest.skip(" ")) {
            (void)rest.skip(" ");  // one or two blanks, by the version
            scan = rest;
            return name.severity;
        }
    }
    return std::nullopt;
}

void read_fatal(std::string_view message, LogFinding& finding) {
    (void)find_meaning(kFatals, message, finding);  // the last row matches everything
    finding.subject = place_of(message);
    switch (find_trouble(message)) {
        case AppTrouble::kDependency:
            finding.clue = Clue::kDependencyRefused;
            break;
        case AppTrouble::kDiskFull:
            finding.symptom = Symptom::kDiskFull;
            finding.error_number = 28;
            break;
        case AppTrouble::kNone:
            break;
    }
}

void read_notice(std::string_view message, LogFinding& finding) {
    switch (find_trouble(message)) {
        case AppTrouble::kDependency:
            finding.clue = Clue::kDependencyRefused;
            finding.subject = place_of(message);
            break;
        case AppTrouble::kDiskFull:
            finding.symptom = Symptom::kDiskFull;
            finding.error_number = 28;
            finding.subject = place_of(message);
            break;
        case AppTrouble::kNone:
            break;
    }
}

// `PHP:  syntax error, unexpected '=' in Unknown on line 3`: a configuration file.
bool read_ini_error(std::string_view text, LogFinding& finding) {
    TextScan scan(text);
    if (!scan.skip("PHP:") || !scan.skip("  syntax error")) {
        return false;
    }
    finding.symptom = Symptom::kConfigError;
    finding.clue = Clue::kConfigRejected;
    finding.message = text;
    finding.subject = place_of(text);
    return true;
}

// `[21-Nov-2026 14:37:18 UTC] `, `[21-Nov-2026 14:37:18 Europe/Berlin] `; FPM's has no zone.
std::optional<std::string_view> take_php_stamp(TextScan& scan) {
    TextScan ahead = scan;
    if (!ahead.skip("[")) {
        return std::nullopt;
    }
    const auto stamp = ahead.until("] ", kMaxStampBytes);
    if (!stamp || !ahead.skip("] ") || !is_php_time(*stamp) || stamp->size() < 22) {
        return std::nullopt;
    }
    scan = ahead;
    return stamp;
}

constexpr auto kGraveLevels =
    std::to_array<std::string_view>({"ERROR: ", "CRITICAL: ", "ALERT: ", "EMERGENCY: "});

// Answered with a status of its own, not with a failure.
constexpr auto kHttpExceptions = std::to_array<std::string_view>(
    {"NotFoundHttpException", "MethodNotAllowedHttpException", "AccessDeniedHttpException"});

void read_framework_error(std::string_view message, LogFinding& finding) {
    for (const std::string_view name : kHttpExceptions) {
        if (message.substr(0, 256).find(name) != std::string_view::npos) {
            return;
        }
    }
    const AppTrouble trouble = find_trouble(message);
    const bool is_uncaught = message.starts_with("Uncaught ") ||
                             message.find("{\"exception\":\"[object]") != std::string_view::npos;
    if (trouble == AppTrouble::kNone && !is_uncaught) {
        return;
    }
    finding.clue = trouble == AppTrouble::kDependency ? Clue::kDependencyRefused : Clue::kUncaught;
    finding.symptom = Symptom::kScriptFatal;
    if (trouble == AppTrouble::kDiskFull) {
        finding.symptom = Symptom::kDiskFull;
        finding.error_number = 28;
    }
}

// Monolog: `[2026-11-21 14:00:00] production.ERROR: …`, `[2026-11-21T14:00:00.1+00:00] request.…`.
std::optional<LogFinding> read_framework(std::string_view line) {
    if (!match_pattern("[#-#-#", line)) {
        return std::nullopt;
    }
    LogFinding finding;
    finding.source = LogSource::kPhp;
    TextScan scan(line);
    (void)scan.skip("[");
    const auto stamp = scan.until("] ", kMaxStampBytes);
    if (!stamp || stamp->size() < 19 || !scan.skip("] ")) {
        return std::nullopt;
    }
    finding.time = *stamp;
    const auto channel = scan.until(".", kMaxStampBytes);
    const bool is_word = channel && channel->find_first_of(" []:") == std::string_view::npos;
    if (!is_word || !scan.skip(".")) {
        return std::nullopt;
    }
    const std::string_view leveled = scan.rest();
    const std::size_t colon = leveled.substr(0, 16).find(": ");
    if (colon == std::string_view::npos || leveled.front() < 'A' || leveled.front() > 'Z') {
        return std::nullopt;
    }
    finding.message = leveled.substr(colon + 2);
    if (std::ranges::any_of(kGraveLevels, [leveled](std::string_view level) {
            return leveled.starts_with(level);
        })) {
        read_framework_error(finding.message, finding);
    }
    return finding;
}

}  // namespace

bool is_php_time(std::string_view stamp) {
    return stamp.size() >= 20 && stamp[2] == '-' && stamp[6] == '-' && stamp[11] == ' ' &&
           match_pattern("#-*-# #:#:#", stamp).has_value();
}

bool read_php_message(std::string_view text, LogFinding& finding) {
    TextScan scan(text);
    (void)scan.skip("PHP message: ");  // as the FastCGI server passes it on
    if (read_ini_error(scan.rest(), finding)) {
        return true;
    }
    const bool is_log_form = scan.skip("PHP ");
    const std::string_view message = scan.rest();
    const auto severity = take_severity(scan);
    if (!severity) {
        return is_log_form && (message.starts_with("Stack trace:") || message.starts_with("  "));
    }
    finding.message = message;
    if (*severity == Severity::kFatal) {
        read_fatal(scan.rest(), finding);
    } else {
        read_notice(scan.rest(), finding);
    }
    return true;
}

std::optional<LogFinding> read_php_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kPhp;
    TextScan scan(line);
    const auto stamp = take_php_stamp(scan);
    finding.time = stamp.value_or("");
    finding.message = scan.rest();
    if (read_php_message(scan.rest(), finding)) {
        // `Parse error: …` without PHP's name or a place is anybody's.
        const bool is_php = stamp || line.starts_with("PHP") || line.starts_with("<b>") ||
                            origin == Origin::kKnown || !place_of(line).empty();
        return is_php ? std::optional(finding) : std::nullopt;
    }
    if (stamp) {  // error_log() of the application
        read_notice(scan.rest(), finding);
        return finding;
    }
    if (match_pattern("* (#): Fatal Error Unable to allocate shared memory segment",
                      line.substr(0, kMaxStampBytes * 2))) {
        finding.symptom = Symptom::kConfigError;  // opcache: the interpreter does not start
        finding.clue = Clue::kBootFailed;
        return finding;
    }
    if (line.starts_with("WordPress database error ")) {
        read_notice(line, finding);
        return finding;
    }
    if (auto framework = read_framework(line)) {
        return framework;
    }
    if (origin == Origin::kGuessed) {
        return std::nullopt;
    }
    read_notice(line, finding);
    const bool says_nothing = finding.symptom == Symptom::kNone && finding.clue == Clue::kNone;
    return says_nothing ? std::nullopt : std::optional(finding);
}

}  // namespace gatemend::parse
