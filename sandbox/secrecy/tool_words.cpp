// SPDX-License-Identifier: MIT
#include "sandbox/secrecy/tool_words.hpp"

#include "core/secret_text.hpp"
#include "sandbox/secrecy/lines.hpp"
#include "sandbox/secrecy/plain_names.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace gatemend::sandbox {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_path_byte(char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '\'' && c != '[' && c != ']' &&
           c != ':' && c != ',' && c != '(' && c != ')';
}

// What a tool quotes that is nobody's secret: one path, one known name, or a punctuation mark.
bool is_plain_quote(std::string_view quoted, std::string_view behind) {
    const auto is_name_byte = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    const auto is_mark = [](char c) {
        return static_cast<unsigned char>(c) > ' ' && !is_digit(c) && (c < 'A' || c > 'Z') &&
               (c < 'a' || c > 'z');
    };
    if (quoted.starts_with('/') && std::ranges::all_of(quoted, is_path_byte)) {
        return true;
    }
    if (is_plain_setting(quoted) || is_plain_directive(quoted)) {
        return true;
    }
    // `in "proxy_set_header" directive`: nginx knows it
    if (behind.starts_with(" directive ") && std::ranges::all_of(quoted, is_name_byte)) {
        return true;
    }
    return quoted.size() <= 2 && std::ranges::all_of(quoted, is_mark);
}

// From the first to the last: a value may hold quotes of its own.
std::string hide_quotes(std::string_view line, char quote) {
    const std::size_t first = line.find(quote);
    if (first == std::string_view::npos) {
        return std::string{line};
    }
    const std::size_t last = line.rfind(quote);
    if (first == last) {
        return std::string{line.substr(0, first + 1)} + std::string{core::kHidden};
    }
    const std::string_view quoted = line.substr(first + 1, last - first - 1);
    if (quoted == core::kHidden || is_plain_quote(quoted, line.substr(last + 1))) {
        return std::string{line};
    }
    return std::string{line.substr(0, first + 1)} + std::string{core::kHidden} +
           std::string{line.substr(last)};
}

// The beginning of a line of nginx, PHP or FPM; anything else goes on where a quoted line feed was.
bool begins_message(std::string_view line) {
    return line.starts_with("nginx:") || line.starts_with("PHP") || line.starts_with('[') ||
           line.starts_with("ERROR: ") || line.starts_with("ALERT: ") ||
           line.starts_with("WARNING: ") || line.starts_with("NOTICE: ") ||
           (line.size() > 4 && std::ranges::all_of(line.substr(0, 4), is_digit) && line[4] == '/');
}

}  // namespace

std::vector<std::string> places_in(std::string_view text) {
    constexpr std::string_view kOnLine = " on line ";
    std::vector<std::string> places;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_start = text[at] == '/' && (at == 0 || !is_path_byte(text[at - 1]));
        if (!is_start) {
            continue;
        }
        std::size_t end = at;
        while (end < text.size() && is_path_byte(text[end])) {
            ++end;
        }
        const std::string_view rest = text.substr(end);
        if ((rest.size() > 1 && rest[0] == ':' && is_digit(rest[1])) || rest.starts_with(kOnLine)) {
            places.emplace_back(text.substr(at, end - at));
        }
        at = end;
    }
    return places;
}

std::string without_private_quotes(std::string_view line, const IsOpen& is_open) {
    const std::vector<std::string> places = places_in(line);
    if (!places.empty() && std::ranges::all_of(places, is_open)) {
        return std::string{line};
    }
    // FPM says `'x'`, nginx `"x"`; the outer kind first, so that what is in it goes with it.
    const std::size_t single = line.find('\'');
    const bool is_single_outside = single < line.find('"');
    return hide_quotes(hide_quotes(line, is_single_outside ? '\'' : '"'),
                       is_single_outside ? '"' : '\'');
}

std::string without_private_quotes_in(std::string_view output, const IsOpen& is_open) {
    std::string result;
    for (const std::string_view line : lines_of(output)) {
        const std::vector<std::string> places = places_in(line);
        const bool is_shown = line.empty() || begins_message(line) ||
                              (!places.empty() && std::ranges::all_of(places, is_open));
        if (is_shown) {
            result += without_private_quotes(line, is_open);
        } else {
            result += core::kHidden;
            if (!places.empty()) {
                result += " in " + std::string{line.substr(line.rfind(places.back()))};
            }
        }
        result += '\n';
    }
    return result;
}

}  // namespace gatemend::sandbox
