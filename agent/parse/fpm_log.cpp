// SPDX-License-Identifier: MIT
// PHP-FPM's own log: `[21-Nov-2026 14:29:57] WARNING: [pool www] child 49 exited on signal 11 …`,
// its debug form (microseconds, function and line), its syslog form (`[WARNING] …`), and the
// messages of 5.3 and later. What the master says about its children is trusted where it keeps the
// strict form; what it quotes of its workers is not.
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

constexpr std::size_t kMaxPathBytes = 1024;

enum class Level { kNone, kDebug, kNotice, kWarning, kError, kAlert };

struct LevelName {
    std::string_view text;
    Level level;
};

constexpr auto kLevels = std::to_array<LevelName>({
    {"DEBUG", Level::kDebug},
    {"NOTICE", Level::kNotice},
    {"WARNING", Level::kWarning},
    {"ERROR", Level::kError},
    {"ALERT", Level::kAlert},
});

// Behind `[pool NAME] `.
constexpr auto kPoolMessages = std::to_array<MessageMeaning>({
    {"child # exited on signal %n (* after #.# seconds from start$",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kOwn},
    {"child # exited on signal %n", Symptom::kClosedEarly, Clue::kWorkerSignal},
    {"child # exited with code 0 after ", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"child # exited with code %n after #.# seconds from start$",
     Symptom::kNone,
     Clue::kWorkerExit,
     Words::kOwn},
    {"child # exited with code %n", Symptom::kNone, Clue::kWorkerExit},
    {"child # started$", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"server reached pm.max_children setting (%n), consider raising it$",
     Symptom::kBackendSaturated,
     Clue::kMaxChildren,
     Words::kOwn},
    {"server reached max_children setting (%n), consider raising it$",
     Symptom::kBackendSaturated,
     Clue::kMaxChildren,
     Words::kOwn},
    {"server reached pm.max_children setting", Symptom::kBackendSaturated, Clue::kMaxChildren},
    {"server reached max_children setting", Symptom::kBackendSaturated, Clue::kMaxChildren},
    {"seems busy (you may need to increase *), spawning # children, there are # idle, and # total "
     "children$",
     Symptom::kBackendSaturated,
     Clue::kNone,
     Words::kOwn},
    {"seems busy", Symptom::kBackendSaturated},
    {"failed to *", Symptom::kConfigError, Clue::kConfigRejected},
    {"please specify user and group", Symptom::kConfigError, Clue::kConfigRejected},
    {"cannot get *", Symptom::kConfigError, Clue::kConfigRejected},
    {"user has not been defined", Symptom::kConfigError, Clue::kConfigRejected},
    {"no listen address have been defined", Symptom::kConfigError, Clue::kConfigRejected},
    {"the process manager is missing", Symptom::kConfigError, Clue::kConfigRejected},
    {"the chroot path ", Symptom::kConfigError, Clue::kConfigRejected},
    {"the chdir path ", Symptom::kConfigError, Clue::kConfigRejected},
    {"unable to read what child say", Symptom::kNone},
});

// `child 7, script '/srv/a.php' (request: "GET /a.php?x") executing too slow (5.1 sec), logging`:
// the script and the request are foreign, so the verdict is looked for behind them.
constexpr std::string_view kTooSlow = " executing too slow (";
constexpr std::string_view kTimedOut = " execution timed out (";

// Without a pool in front.
constexpr auto kMasterMessages = std::to_array<MessageMeaning>({
    {"ready to handle connections$", Symptom::kNone, Clue::kServerReady, Words::kOwn},
    {"fpm is running, pid #$", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"exiting, bye-bye!$", Symptom::kNone, Clue::kServerStopping, Words::kOwn},
    {"Terminating ...$", Symptom::kNone, Clue::kServerStopping, Words::kOwn},
    {"Finishing ...$", Symptom::kNone, Clue::kServerStopping, Words::kOwn},
    {"Reloading in progress ...$", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"The maximum number of processes has been reached. ",
     Symptom::kBackendSaturated,
     Clue::kMaxChildren,
     Words::kOwn},
    {"unable to bind listening socket for address '%s': * (%e)$",
     Symptom::kConfigError,
     Clue::kConfigRejected,
     Words::kOwn},
    {"unable to bind listening socket for address '%s'",
     Symptom::kConfigError,
     Clue::kConfigRejected},
    {"Another FPM instance seems to already listen on %s",
     Symptom::kConfigError,
     Clue::kAddressInUse,
     Words::kOwn},
    {"An another FPM instance seems to already listen on %s",
     Symptom::kConfigError,
     Clue::kAddressInUse,
     Words::kOwn},
    {"failed to listen to address '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"invalid port value '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"getaddrinfo: ", Symptom::kConfigError, Clue::kConfigRejected},
    {"unable to parse value for entry", Symptom::kConfigError, Clue::kConfigRejected},
    {"unknown entry '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"value is NULL for a ZEND_INI_PARSER_ENTRY", Symptom::kConfigError, Clue::kConfigRejected},
    {"Unable to include %s from ", Symptom::kConfigError, Clue::kConfigRejected},
    {"Unable to globalize '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"No pool defined. ", Symptom::kConfigError, Clue::kConfigRejected},
    {"failed to load configuration file '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"failed to post process the configuration", Symptom::kConfigError, Clue::kConfigRejected},
    {"failed to open configuration file '%s'", Symptom::kConfigError, Clue::kConfigRejected},
    {"failed to open error_log (%s)", Symptom::kConfigError, Clue::kConfigRejected},
    {"failed to open access log (%s)", Symptom::kConfigError, Clue::kConfigRejected},
    {"Unable to create the PID file (%s)", Symptom::kConfigError, Clue::kBootFailed},
    {"Unable to create or open slowlog(%s)", Symptom::kConfigError, Clue::kConfigRejected},
    {"Failed to open the logfile", Symptom::kConfigError, Clue::kConfigRejected},
    {"FPM initialization failed", Symptom::kConfigError, Clue::kBootFailed, Words::kOwn},
    {"oops, unknown child (#) exited on signal %n", Symptom::kClosedEarly, Clue::kWorkerSignal},
    {"oops, unknown child (#) exited with code 0", Symptom::kNone},
    {"oops, unknown child (#) exited with code %n", Symptom::kNone, Clue::kWorkerExit},
    {"failed processes threshold (", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"fork() failed: * (%e)$", Symptom::kNone, Clue::kNone, Words::kOwn},
    {"using inherited socket fd=", Symptom::kNone},
    {"reloading: execvp(", Symptom::kNone},
    {"systemd monitor interval set to ", Symptom::kNone},
    {"configuration file * test is successful$", Symptom::kNone},
});

struct FpmLine {
    Level level = Level::kNone;
    bool is_strict = false;  // FPM's stamp and level as it writes them into its file
    std::string_view time;
    std::string_view message;
};

// `WARNING: ` or, to syslog, `[WARNING] `.
std::optional<Level> take_level(TextScan& scan) {
    const bool is_bracketed = scan.skip("[");
    for (const LevelName& name : kLevels) {
        if (scan.skip(name.text)) {
            return scan.skip(is_bracketed ? "] " : ": ") ? std::optional(name.level) : std::nullopt;
        }
    }
    return std::nullopt;
}

// "21-Nov-2026 14:29:57" or, in debug, with ".123456": no zone, unlike PHP's own log.
bool is_fpm_stamp(std::string_view stamp) {
    return is_php_time(stamp) && (stamp.size() == 20 || stamp[20] == '.');
}

std::optional<FpmLine> split_line(std::string_view line) {
    FpmLine parts;
    TextScan scan(line);
    TextScan stamped = scan;
    if (stamped.skip("[")) {
        const auto stamp = stamped.until("] ", 32);
        if (stamp && stamped.skip("] ") && is_fpm_stamp(*stamp)) {
            parts.time = *stamp;
            scan = stamped;
        }
    }
    const auto level = take_level(scan);
    if (!level) {
        return std::nullopt;
    }
    parts.level = *level;
    parts.is_strict = !parts.time.empty();
    parts.message = scan.rest();
    // `pid 7, fpm_children_bury(), line 257: `
    if (const auto debug = match_pattern("pid #, *(), line #: %s", parts.message)) {
        parts.message = debug->subject;
    }
    return parts;
}

// FPM's strerror comes last: `Address already in use (98)`.
int trailing_errno(std::string_view message) {
    const std::size_t open = message.rfind(" (");
    if (open == std::string_view::npos) {
        return 0;
    }
    std::string_view rest = message.substr(open + 2);
    const auto number = take_number(rest);
    return number && rest == ")" && *number < 200 ? *number : 0;
}

void read_slow(std::string_view message, LogFinding& finding) {
    if (!match_pattern("child #, script '", message)) {
        return;
    }
    if (message.rfind(kTimedOut) != std::string_view::npos && message.ends_with(" terminating")) {
        finding.symptom = Symptom::kResponseTimeout;
        finding.clue = Clue::kWorkerTimeout;
    } else if (message.rfind(kTooSlow) != std::string_view::npos) {
        finding.clue = Clue::kSlowRequest;
    }
}

// `child 900 said into stderr: "NOTICE: PHP message: PHP Fatal error:  …"`
bool read_quoted(std::string_view message, LogFinding& finding) {
    const auto quoted = match_pattern("child # said into std*: \"%s", message);
    if (!quoted) {
        return false;
    }
    TextScan scan(quoted->subject);
    (void)take_level(scan);
    std::string_view words = scan.rest();
    if (words.ends_with('"')) {
        words.remove_suffix(1);
    }
    const std::string_view pool = finding.subject;
    LogFinding said;
    if (read_php_message(words, said)) {
        finding.symptom = said.symptom;
        finding.clue = said.clue;
        finding.number = said.number;
        finding.error_number = said.error_number;
        finding.subject = said.subject.empty() ? pool : said.subject;
    } else if (words.starts_with("PHP message: ") || words.starts_with("PHP ")) {
        finding.clue =
            find_trouble(words) == AppTrouble::kDependency ? Clue::kDependencyRefused : Clue::kNone;
    } else if (words.starts_with("Primary script unknown")) {
        finding.symptom = Symptom::kScriptNotFound;
    }
    return true;
}

// `[/etc/php/8.2/fpm/pool.d/www.conf:12] unknown entry 'x'`; true: the place is the subject.
bool take_place(std::string_view& message, LogFinding& finding) {
    if (!message.starts_with("[/")) {
        return false;
    }
    const std::size_t end = message.substr(0, kMaxPathBytes).find("] ");
    if (end == std::string_view::npos) {
        return false;
    }
    finding.subject = message.substr(1, end - 1);
    message.remove_prefix(end + 2);
    return true;
}

void settle_resources(LogFinding& finding) {
    if (finding.error_number == 98) {
        finding.clue = Clue::kAddressInUse;
    }
    if (finding.error_number == 28) {
        finding.symptom = Symptom::kDiskFull;
    }
}

// True: a row of ours, so the words are known.
bool read_pool_message(std::string_view message, Level level, LogFinding& finding) {
    const std::string_view pool = finding.subject;
    if (read_quoted(message, finding)) {
        return true;
    }
    const MessageMeaning* row = find_meaning(kPoolMessages, message, finding);
    finding.subject = pool;
    if (row == nullptr) {
        read_slow(message, finding);
        if (level == Level::kAlert) {  // each is a constraint of the pool's configuration
            finding.symptom = Symptom::kConfigError;
            finding.clue = Clue::kConfigRejected;
        }
        return finding.clue != Clue::kNone;
    }
    // A stop or reload tells of its children at these levels, and SIGQUIT (3) is a clean end.
    const bool is_routine = level == Level::kNotice || level == Level::kDebug;
    if (finding.clue == Clue::kWorkerSignal && (is_routine || finding.number == 3)) {
        finding.symptom = Symptom::kNone;
    }
    finding.is_trusted = row->words == Words::kOwn;
    return true;
}

bool read_master_message(std::string_view message, Level level, LogFinding& finding) {
    const bool has_place = take_place(message, finding);
    const std::string_view place = finding.subject;
    const MessageMeaning* row = find_meaning(kMasterMessages, message, finding);
    if (row != nullptr) {
        finding.is_trusted = row->words == Words::kOwn;
    } else if (has_place || (level == Level::kAlert)) {
        finding.symptom = Symptom::kConfigError;
        finding.clue = Clue::kConfigRejected;
    }
    if (has_place) {
        finding.subject = place;
    }
    return row != nullptr || has_place;
}

bool read_message(const FpmLine& parts, LogFinding& finding) {
    std::string_view message = parts.message;
    finding.message = message;
    bool is_known = false;
    if (const auto pool = match_pattern("[pool %s] ", message)) {
        finding.subject = pool->subject;
        message.remove_prefix(pool->subject.size() + 8);
        is_known = read_pool_message(message, parts.level, finding);
    } else if (read_php_message(message, finding)) {
        is_known = true;
    } else {
        is_known = read_master_message(message, parts.level, finding);
    }
    const bool is_about_failure =
        finding.symptom == Symptom::kConfigError || parts.level >= Level::kError;
    if (is_about_failure && finding.error_number == 0) {
        finding.error_number = trailing_errno(message);
    }
    settle_resources(finding);
    return is_known;
}

}  // namespace

std::optional<LogFinding> read_fpm_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kPhpFpm;
    const auto parts = split_line(line);
    if (parts) {
        finding.time = parts->time;
        const bool is_known = read_message(*parts, finding);
        finding.is_trusted = finding.is_trusted && parts->is_strict && !has_control_bytes(line);
        // `WARNING: x` alone is everybody's form.
        const bool is_fpm = parts->is_strict || is_known || origin == Origin::kKnown;
        return is_fpm ? std::optional(finding) : std::nullopt;
    }
    // Copied without stamp and level.
    const bool is_known = read_message(FpmLine{Level::kNone, false, {}, line}, finding);
    finding.is_trusted = false;
    finding.is_hearsay = true;
    const bool is_fpm = is_known && (line.starts_with("[pool ") || origin == Origin::kKnown);
    return is_fpm ? std::optional(finding) : std::nullopt;
}

}  // namespace gatemend::parse
