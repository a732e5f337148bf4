// SPDX-License-Identifier: MIT
// The line that names an exception: the last of a Python traceback, the first of a Ruby, Java or
// Node one, with the logger's prefix in front or without. Whose log it is need not be known for
// those that say that a database is gone, that the disk is full or that a module is missing; any
// other exception counts only where the caller knows that the log is an application's.
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

constexpr std::size_t kMaxNameBytes = 120;

bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '.' || c == ':' || c == '\\' || c == '$';
}

// `django.db.utils.OperationalError`, `PG::ConnectionBad`, `java.net.ConnectException`: what an
// exception class is called, at the beginning of `text`.
std::string_view exception_name(std::string_view text) {
    std::size_t size = 0;
    while (size < text.size() && size < kMaxNameBytes && is_name_byte(text[size])) {
        ++size;
    }
    std::string_view name = text.substr(0, size);
    const std::string_view rest = text.substr(size);
    const bool has_colon = name.ends_with(':');
    if (has_colon) {
        name.remove_suffix(1);
    }
    if (!has_colon && !rest.starts_with(" (") && !rest.starts_with(" [") && !rest.empty()) {
        return {};
    }
    return name;
}

constexpr auto kNameEndings = std::to_array<std::string_view>(
    {"Error", "Exception", "ConnectionBad", "ConnectionNotEstablished", "Timeout", "ECONNREFUSED"});

bool is_exception(std::string_view name) {
    return std::ranges::any_of(kNameEndings,
                               [name](std::string_view end) { return name.ends_with(end); });
}

// The application's code could not be loaded.
constexpr auto kBootErrors = std::to_array<std::string_view>({
    "ModuleNotFoundError: No module named ",
    "ImportError: ",
    "Error: Cannot find module ",
    "LoadError: cannot load such file",
    "Bundler::GemNotFound",
    "Could not find gem ",
});

// Rails' logger, Flask's, log4j-like level words.
std::string_view skip_logger(std::string_view line) {
    for (const std::string_view pattern :
         {std::string_view("F, [*] FATAL -- : %s"), std::string_view("E, [*] ERROR -- : %s")}) {
        if (const auto match = match_pattern(pattern, line)) {
            line = match->subject;
            break;
        }
    }
    // Rails' tagged logging: a request id.
    if (const auto tagged = match_pattern("[%s] ", line)) {
        if (tagged->subject.size() == 36 && tagged->subject[8] == '-') {
            line.remove_prefix(39);
        }
    }
    for (const std::string_view word : {std::string_view("Exception in thread \"main\" "),
                                        std::string_view("Caused by: "),
                                        std::string_view("Uncaught "),
                                        std::string_view("panic: ")}) {
        if (line.starts_with(word)) {
            line.remove_prefix(word.size());
        }
    }
    return line;
}

// What frameworks log of a request they answered with a 500, as they log it by default.
constexpr auto kFrameworkLines = std::to_array<std::string_view>({
    "[#-#-# #:#:#,#] ERROR in *: Exception on ",  // Flask
    "Internal Server Error: /",                   // Django
    "#-#-# #:#:#,# ERROR * Internal Server Error: /",
    "ERROR #-#-# #:#:#,# * Internal Server Error: /",
    "I, [*]  INFO -- : Completed 500 Internal Server Error in ",  // Rails
    "I, [*]  INFO -- : [*] Completed 500 Internal Server Error in ",
    "Completed 500 Internal Server Error in ",
});

bool read_framework(std::string_view line, LogFinding& finding) {
    if (std::ranges::none_of(kFrameworkLines, [line](std::string_view pattern) {
            return match_pattern(pattern, line).has_value();
        })) {
        return false;
    }
    finding.symptom = Symptom::kScriptFatal;
    finding.clue = Clue::kUncaught;
    finding.message = line;
    return true;
}

}  // namespace

std::optional<LogFinding> read_exception(std::string_view line, Origin origin) {
    LogFinding finding;
    if (read_framework(line, finding)) {
        return finding;
    }
    const std::string_view words = skip_logger(line);
    finding.message = words;
    if (std::ranges::any_of(kBootErrors,
                            [words](std::string_view text) { return words.starts_with(text); })) {
        finding.symptom = Symptom::kConfigError;
        finding.clue = Clue::kBootFailed;
        return finding;
    }
    if (!is_exception(exception_name(words))) {
        return std::nullopt;
    }
    switch (find_trouble(words)) {
        case AppTrouble::kDependency:
            finding.symptom = Symptom::kScriptFatal;
            finding.clue = Clue::kDependencyRefused;
            return finding;
        case AppTrouble::kDiskFull:
            finding.symptom = Symptom::kDiskFull;
            finding.error_number = 28;
            return finding;
        case AppTrouble::kNone:
            break;
    }
    if (origin == Origin::kGuessed) {
        return std::nullopt;
    }
    finding.symptom = Symptom::kScriptFatal;
    finding.clue = Clue::kUncaught;
    return finding;
}

}  // namespace gatemend::parse
