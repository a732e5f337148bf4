// SPDX-License-Identifier: MIT
#include "parse/loose_header.hpp"

#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::array<std::pair<std::string_view, Level>, 8> kLevels{{{"emerg", Level::kEmerg},
                                                                     {"alert", Level::kAlert},
                                                                     {"crit", Level::kCrit},
                                                                     {"error", Level::kError},
                                                                     {"warn", Level::kWarn},
                                                                     {"notice", Level::kNotice},
                                                                     {"info", Level::kInfo},
                                                                     {"debug", Level::kDebug}}};

bool skip_date(TextScan& scan) {
    TextScan ahead = scan;
    if (!ahead.number(4) || !(ahead.skip("/") || ahead.skip("-") || ahead.skip("."))) {
        return false;
    }
    if (!ahead.number(2) || !(ahead.skip("/") || ahead.skip("-") || ahead.skip(".")) ||
        !ahead.number(2)) {
        return false;
    }
    scan = ahead;
    return true;
}

// "Z", "+01:00", " +0100", or nothing.
void skip_zone(TextScan& scan) {
    if (scan.skip("Z")) {
        return;
    }
    TextScan ahead = scan;
    (void)ahead.skip(" ");  // there may be no blank
    if ((ahead.skip("+") || ahead.skip("-")) && ahead.number(4)) {
        if (ahead.skip(":")) {
            (void)ahead.number(2);  // minutes
        }
        scan = ahead;
    }
}

// "14:33:28", "14:33:28.123", "14:33:28,123", with "Z", "+00:00" or " +0000" behind it.
bool skip_clock(TextScan& scan) {
    TextScan ahead = scan;
    if (!ahead.number(2) || !ahead.skip(":") || !ahead.number(2) || !ahead.skip(":") ||
        !ahead.number(2)) {
        return false;
    }
    if (ahead.skip(".") || ahead.skip(",")) {
        (void)ahead.number(9);  // a fraction may be missing
    }
    skip_zone(ahead);
    scan = ahead;
    return true;
}

void skip_blanks(TextScan& scan) {
    while (scan.skip(" ") || scan.skip("\t")) {
    }
}

void read_time(TextScan& scan, LooseHeader& header) {
    const std::string_view whole = scan.rest();
    TextScan ahead = scan;
    const bool has_bracket = ahead.skip("[");
    const bool has_date = skip_date(ahead);
    if (has_date && !ahead.skip("T")) {
        skip_blanks(ahead);
    }
    if (!skip_clock(ahead)) {
        return;
    }
    header.time = whole.substr(0, whole.size() - ahead.rest().size());
    if (has_bracket) {
        header.time.remove_prefix(1);
        (void)ahead.skip("]");
    }
    (void)ahead.skip(":");
    skip_blanks(ahead);
    scan = ahead;
}

bool skip_level_word(TextScan& scan, LooseHeader& header) {
    for (const auto& [name, level] : kLevels) {
        const std::string_view rest = scan.rest();
        const bool is_same =
            rest.size() >= name.size() &&
            std::equal(name.begin(), name.end(), rest.begin(), [](char wanted, char c) {
                return wanted == c || wanted - 'a' == c - 'A';
            });
        if (is_same) {
            header.level = name;
            header.severity = level;
            scan.advance(name.size());
            return true;
        }
    }
    return false;
}

void read_level(TextScan& scan, LooseHeader& header) {
    TextScan ahead = scan;
    if (!ahead.skip("[") || !skip_level_word(ahead, header) || !ahead.skip("]")) {
        return;
    }
    header.has_level = true;
    (void)ahead.skip(":");
    skip_blanks(ahead);
    scan = ahead;
}

// Numbers of connections outgrow an int on busy sites; what they are does not matter here.
bool skip_digits(TextScan& scan) {
    constexpr std::size_t kMostDigits = 20;
    const std::string_view rest = scan.rest();
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
    const auto count = static_cast<std::size_t>(end - rest.begin());
    if (count == 0 || count > kMostDigits) {
        return false;
    }
    scan.advance(count);
    return true;
}

// "21214#21214: ", "21214#0:", "21214: ".
void read_ids(TextScan& scan, LooseHeader& header) {
    TextScan ahead = scan;
    if (!skip_digits(ahead)) {
        return;
    }
    if (ahead.skip("#") && !skip_digits(ahead)) {
        return;
    }
    if (!ahead.skip(":")) {
        return;
    }
    skip_blanks(ahead);
    header.has_ids = true;
    scan = ahead;
}

void read_connection(TextScan& scan, LooseHeader& header) {
    TextScan ahead = scan;
    if (ahead.skip("*") && skip_digits(ahead) && ahead.skip(" ")) {
        header.has_connection = true;
        scan = ahead;
    }
}

// nano, less and journalctl end a line that goes on behind the screen with a mark of theirs.
std::string_view without_cut_mark(std::string_view text) {
    return text.ends_with('$') || text.ends_with('>') ? text.substr(0, text.size() - 1) : text;
}

}  // namespace

LooseHeader read_loose_header(std::string_view text) {
    LooseHeader header;
    TextScan scan(text);
    header.has_tag = scan.skip("nginx: ");  // nginx -t, and a start that failed
    read_time(scan, header);
    read_level(scan, header);
    read_ids(scan, header);
    read_connection(scan, header);
    header.message = without_cut_mark(scan.rest());
    return header;
}

}  // namespace gatemend::parse
