// SPDX-License-Identifier: MIT
#include "parse/text_pattern.hpp"

#include "parse/text_scan.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace gatemend::parse {
namespace {

constexpr std::string_view kSpecial = "#*%$";

constexpr bool is_special(char c) {
    return c == '#' || c == '*' || c == '%' || c == '$';
}

constexpr char kEscaped = '\\';
constexpr std::size_t kMaxGapBytes = 4096;

// What stands in the pattern up to its next special character.
std::string_view literal_of(std::string_view pattern) {
    return pattern.substr(0, std::min(pattern.find_first_of(kSpecial), pattern.size()));
}

// `#`, `%n`, `%e`
bool match_digits(char kind, std::string_view& text, PatternMatch& match) {
    const auto number = take_number(text);
    if (!number) {
        return false;
    }
    if (kind == 'n') {
        match.number = *number;
    } else if (kind == 'e') {
        match.error_number = *number;
    }
    return true;
}

// `*`, `%s`: up to the literal that follows, or everything.
bool match_gap(char kind, std::string_view pattern, std::string_view& text, PatternMatch& match) {
    const std::string_view stop = literal_of(pattern);
    std::size_t end = text.size();
    if (!stop.empty()) {
        end = text.substr(0, kMaxGapBytes + stop.size()).find(stop);
    }
    if (end == std::string_view::npos || (kind == 's' && end == 0)) {
        return false;
    }
    if (kind == 's') {
        match.subject = text.substr(0, end);
    }
    text.remove_prefix(end);
    return true;
}

// `%*`: the character itself, which is still there.
bool match_escaped(std::string_view& pattern, std::string_view& text) {
    if (!text.starts_with(pattern.front())) {
        return false;
    }
    pattern.remove_prefix(1);
    text.remove_prefix(1);
    return true;
}

// The special character in front, which is removed with its letter.
char take_special(std::string_view& pattern) {
    if (pattern.front() == '%' && is_special(pattern[1])) {
        pattern.remove_prefix(1);
        return kEscaped;
    }
    const std::size_t size = pattern.front() == '%' ? 2 : 1;
    const char kind = pattern[size - 1];
    pattern.remove_prefix(size);
    return kind;
}

}  // namespace

std::optional<int> take_number(std::string_view& text) {
    constexpr long long kLargest = std::numeric_limits<int>::max();
    long long value = 0;
    std::size_t size = 0;
    for (; size < text.size() && is_digit(text[size]); ++size) {
        value = std::min(value * 10 + (text[size] - '0'), kLargest);
    }
    if (size == 0) {
        return std::nullopt;
    }
    text.remove_prefix(size);
    return static_cast<int>(value);
}

// Most rows of a table differ from the text in their first bytes, so those are compared in place.
std::optional<PatternMatch> match_pattern(std::string_view pattern, std::string_view text) {
    PatternMatch match;
    while (!pattern.empty()) {
        if (!is_special(pattern.front())) {
            if (text.empty() || text.front() != pattern.front()) {
                return std::nullopt;
            }
            text.remove_prefix(1);
            pattern.remove_prefix(1);
            continue;
        }
        const char kind = take_special(pattern);
        bool is_matched = false;
        if (kind == kEscaped) {
            is_matched = match_escaped(pattern, text);
        } else if (kind == '$') {
            is_matched = text.empty();
        } else if (kind == '*' || kind == 's') {
            is_matched = match_gap(kind, pattern, text, match);
        } else {
            is_matched = match_digits(kind, text, match);
        }
        if (!is_matched) {
            return std::nullopt;
        }
    }
    return match;
}

const MessageMeaning* find_meaning(std::span<const MessageMeaning> table,
                                   std::string_view text,
                                   LogFinding& finding) {
    const char first = text.empty() ? '\0' : text.front();
    for (const MessageMeaning& row : table) {
        if (!row.pattern.empty() && row.pattern.front() != first &&
            !is_special(row.pattern.front())) {
            continue;  // most rows of most tables
        }
        const auto match = match_pattern(row.pattern, text);
        if (!match) {
            continue;
        }
        finding.symptom = row.symptom;
        finding.clue = row.clue;
        finding.number = match->number != 0 ? match->number : row.number;
        finding.error_number = match->error_number;
        finding.subject = match->subject;
        return &row;
    }
    return nullptr;
}

}  // namespace gatemend::parse
