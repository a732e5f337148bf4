// SPDX-License-Identifier: MIT
#include "parse/stamp_scan.hpp"

#include <algorithm>
#include <array>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMonthBytes = 3;
constexpr std::string_view kDigits = "0123456789";

}  // namespace

bool skip_digits(TextScan& scan, std::size_t least, std::size_t most) {
    const std::string_view rest = scan.rest();
    const std::size_t count = std::min(rest.find_first_not_of(kDigits), rest.size());
    if (count < least || count > most) {
        return false;
    }
    scan.advance(count);
    return true;
}

bool skip_clock(TextScan& scan) {
    if (!skip_digits(scan, 2, 2) || !scan.skip(":") || !skip_digits(scan, 2, 2) ||
        !scan.skip(":") || !skip_digits(scan, 2, 2)) {
        return false;
    }
    if (scan.skip(".") || scan.skip(",")) {
        return skip_digits(scan, 1, 9);
    }
    return true;
}

bool skip_iso_date(TextScan& scan) {
    return skip_digits(scan, 4, 4) && scan.skip("-") && skip_digits(scan, 2, 2) && scan.skip("-") &&
           skip_digits(scan, 2, 2);
}

bool skip_offset(TextScan& scan) {
    if (scan.skip("Z")) {
        return true;
    }
    if (!scan.skip("+") && !scan.skip("-")) {
        return true;  // no zone
    }
    return skip_digits(scan, 2, 4) && (!scan.skip(":") || skip_digits(scan, 2, 2));
}

int month_number(std::string_view text) {
    static constexpr std::array<std::string_view, 12> kMonths{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* const month = std::ranges::find(kMonths, text.substr(0, kMonthBytes));
    return month == kMonths.end() ? 0 : static_cast<int>(month - kMonths.begin()) + 1;
}

bool skip_month(TextScan& scan) {
    if (month_number(scan.rest()) == 0) {
        return false;
    }
    scan.advance(kMonthBytes);
    return true;
}

bool begins_record(std::string_view text) {
    TextScan scan(text);
    if (text.starts_with('{') || text.starts_with('[') || text.starts_with('<')) {
        return true;
    }
    return skip_digits(scan, 4, 4) && (scan.skip("/") || scan.skip("-")) &&
           skip_digits(scan, 2, 2) && (scan.skip("/") || scan.skip("-"));
}

}  // namespace gatemend::parse
