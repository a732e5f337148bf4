// SPDX-License-Identifier: MIT
#include "parse/nginx_stderr.hpp"

#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Clue;

constexpr std::string_view kMark = "PHP message: ";

constexpr std::array<std::string_view, 5> kFatalKinds{"Fatal error: ",
                                                      "Parse error: ",
                                                      "Recoverable fatal error: ",
                                                      "Catchable fatal error: ",
                                                      "Uncaught "};

// What drivers say when a database, a cache or its name does not answer.
constexpr std::array<std::string_view, 8> kRefusals{"Connection refused",
                                                    "php_network_getaddresses",
                                                    "getaddrinfo failed",
                                                    "getaddrinfo for ",
                                                    "MySQL server has gone away",
                                                    "No such file or directory",
                                                    "Connection timed out",
                                                    "Temporary failure in name resolution"};
constexpr std::array<std::string_view, 12> kDrivers{"SQLSTATE[",
                                                    "mysqli",
                                                    "mysql_",
                                                    "(HY000/2002)",
                                                    "database error",
                                                    "Redis",
                                                    "redis",
                                                    "Memcache",
                                                    "pg_connect",
                                                    "tcp://",
                                                    "MongoDB",
                                                    "AMQP"};

template <std::size_t kCount>
bool names_one_of(std::string_view text, const std::array<std::string_view, kCount>& words) {
    return std::ranges::any_of(
        words, [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// `message` begins behind "PHP message: ".
bool is_fatal_kind(std::string_view message) {
    if (message.starts_with("PHP ")) {
        message.remove_prefix(4);
    }
    if (std::ranges::any_of(
            kFatalKinds, [message](std::string_view kind) { return message.starts_with(kind); })) {
        return true;
    }
    // Symfony's and Monolog's way to log what nobody caught.
    return message.find("Uncaught PHP Exception ") != std::string_view::npos;
}

// The end of the message that begins at `from`: where the next one begins.
std::size_t next_message(std::string_view text, std::size_t from) {
    return std::min(text.find(kMark, from), text.size());
}

Clue fatal_clue(std::string_view message, int& number) {
    const std::size_t colon = message.find(": ");
    TextScan scan(colon == std::string_view::npos ? message : message.substr(colon + 2));
    while (scan.skip(" ")) {
    }
    if (scan.skip("Allowed memory size of ")) {
        number = scan.number().value_or(0);
        return Clue::kMemoryLimit;
    }
    if (scan.skip("Out of memory")) {
        return Clue::kMemoryLimit;
    }
    if (scan.skip("Maximum execution time of ")) {
        number = scan.number().value_or(0);
        return Clue::kExecutionTime;
    }
    return Clue::kUncaught;
}

std::size_t digits_from(std::string_view text, std::size_t at) {
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    return at - from;
}

// "… in FILE on line 12", or "… in FILE:12" of an exception.
std::string_view place_of(std::string_view message) {
    constexpr std::string_view kOnLine = " on line ";
    constexpr std::string_view kIn = " in ";
    const std::size_t exception = message.find(".php:");
    const std::size_t on_line = message.find(kOnLine);
    if (exception != std::string_view::npos && exception < on_line) {
        const std::size_t digits = digits_from(message, exception + 5);
        const std::size_t in = message.substr(0, exception).rfind(kIn);
        if (digits > 0 && in != std::string_view::npos) {
            return message.substr(in + kIn.size(), exception + 5 + digits - in - kIn.size());
        }
    }
    if (on_line == std::string_view::npos) {
        return {};
    }
    const std::size_t in = message.substr(0, on_line).rfind(kIn);
    const std::size_t digits = digits_from(message, on_line + kOnLine.size());
    if (in == std::string_view::npos || digits == 0) {
        return {};
    }
    return message.substr(in + kIn.size(), on_line + kOnLine.size() + digits - in - kIn.size());
}

StderrText read_message(std::string_view message) {
    StderrText found;
    found.is_fatal = is_fatal_kind(message);
    if (names_one_of(message, kRefusals) && names_one_of(message, kDrivers)) {
        found.clue = Clue::kDependencyRefused;
    } else if (found.is_fatal) {
        found.clue = fatal_clue(message, found.number);
    }
    if (found.clue != Clue::kNone) {
        found.subject = place_of(message);
    }
    return found;
}

int strength(const StderrText& message) {
    return (message.is_fatal ? 2 : 0) + (message.clue != Clue::kNone ? 1 : 0);
}

}  // namespace

std::string_view stderr_text(std::string_view message) {
    const std::string_view text = message.substr(std::min(kStderrPrefix.size(), message.size()));
    return text.substr(0, text.find("\" while "));
}

bool has_fatal_message(std::string_view text) {
    if (is_fatal_kind(text)) {
        return true;
    }
    for (std::size_t at = text.find(kMark); at != std::string_view::npos;) {
        const std::size_t from = at + kMark.size();
        at = text.find(kMark, from);
        if (is_fatal_kind(text.substr(from, at == std::string_view::npos ? at : at - from))) {
            return true;
        }
    }
    return false;
}

StderrText read_stderr(std::string_view text) {
    std::size_t at = text.starts_with(kMark) ? kMark.size() : 0;
    StderrText best;
    while (at < text.size()) {
        const std::size_t end = next_message(text, at);
        const StderrText found = read_message(text.substr(at, end - at));
        if (strength(found) > strength(best)) {
            best = found;
        }
        at = end + kMark.size();
    }
    return best;
}

}  // namespace gatemend::parse
