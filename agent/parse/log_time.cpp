// SPDX-License-Identifier: MIT
#include "parse/log_time.hpp"

#include "parse/stamp_scan.hpp"

#include <array>

namespace gatemend::parse {

namespace {

struct Stamp {
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int microsecond = 0;
    int offset_minutes = 0;  // east of UTC
};

std::optional<core::TimePoint> moment(const Stamp& stamp) {
    const std::chrono::year_month_day date{std::chrono::year{stamp.year},
                                           std::chrono::month{static_cast<unsigned>(stamp.month)},
                                           std::chrono::day{static_cast<unsigned>(stamp.day)}};
    const bool is_clock = stamp.hour < 24 && stamp.minute < 60 && stamp.second <= 60;
    if (!date.ok() || !is_clock) {
        return std::nullopt;
    }
    return core::TimePoint{std::chrono::sys_days{date}} + std::chrono::hours{stamp.hour} +
           std::chrono::minutes{stamp.minute - stamp.offset_minutes} +
           std::chrono::seconds{stamp.second} + std::chrono::microseconds{stamp.microsecond};
}

bool is_weekday(std::string_view name) {
    constexpr std::array<std::string_view, 7> kNames{
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (const std::string_view known : kNames) {
        if (known == name.substr(0, 3)) {
            return true;
        }
    }
    return false;
}

bool read_number(TextScan& scan, int digits, int& number) {
    const auto found = scan.number(static_cast<std::size_t>(digits));
    number = found.value_or(0);
    return found.has_value();
}

// "14:33:28[.123456]"
bool read_clock(TextScan& scan, Stamp& stamp) {
    if (!read_number(scan, 2, stamp.hour) || !scan.skip(":") ||
        !read_number(scan, 2, stamp.minute) || !scan.skip(":") ||
        !read_number(scan, 2, stamp.second)) {
        return false;
    }
    if (!scan.skip(".") && !scan.skip(",")) {
        return true;
    }
    int scale = 100'000;
    while (!scan.is_at_end() && is_digit(scan.rest().front())) {
        stamp.microsecond += (scan.rest().front() - '0') * scale;
        scale /= 10;
        scan.advance(1);
    }
    return true;
}

// " +0100", "+01:00", "Z", " UTC" or nothing
void read_zone(TextScan& scan, Stamp& stamp) {
    (void)scan.skip(" ");  // optional
    const bool is_east = scan.rest().starts_with('+');
    if (!is_east && !scan.rest().starts_with('-')) {
        return;
    }
    scan.advance(1);
    const std::size_t before = scan.rest().size();
    int hours = 0;
    int minutes = 0;
    if (!read_number(scan, 4, hours)) {
        return;
    }
    if (before - scan.rest().size() == 4) {
        minutes = hours % 100;
        hours /= 100;
    } else if (scan.skip(":")) {
        (void)read_number(scan, 2, minutes);  // 0 when it is no number
    }
    stamp.offset_minutes = (is_east ? 1 : -1) * (hours * 60 + minutes);
}

bool read_month(TextScan& scan, int& month) {
    month = month_number(scan.rest());
    return skip_month(scan);
}

// "2026/11/21 ", "2026-11-21T"
bool read_numeric_date(TextScan& scan, Stamp& stamp) {
    const bool is_date = read_number(scan, 4, stamp.year) && (scan.skip("/") || scan.skip("-")) &&
                         read_number(scan, 2, stamp.month) && (scan.skip("/") || scan.skip("-")) &&
                         read_number(scan, 2, stamp.day);
    return is_date && (scan.skip(" ") || scan.skip("T")) && read_clock(scan, stamp);
}

// "21/Nov/2026:", "21-Nov-2026 "
bool read_named_date(TextScan& scan, Stamp& stamp) {
    const bool is_date = read_number(scan, 2, stamp.day) && (scan.skip("/") || scan.skip("-")) &&
                         read_month(scan, stamp.month) && (scan.skip("/") || scan.skip("-")) &&
                         read_number(scan, 4, stamp.year);
    return is_date && (scan.skip(":") || scan.skip(" ")) && read_clock(scan, stamp);
}

// "[Sat ]Nov 21 14:33:28[.5][ 2026]"
bool read_syslog_date(TextScan& scan, Stamp& stamp) {
    if (is_weekday(scan.rest())) {
        scan.advance(3);
        (void)scan.skip(" ");  // optional
    }
    if (!read_month(scan, stamp.month) || !scan.skip(" ")) {
        return false;
    }
    (void)scan.skip(" ");  // a day of one digit
    if (!read_number(scan, 2, stamp.day) || !scan.skip(" ") || !read_clock(scan, stamp)) {
        return false;
    }
    TextScan ahead = scan;
    if (int year = 0; ahead.skip(" ") && read_number(ahead, 4, year) && year >= 1970) {
        stamp.year = year;
        scan = ahead;
    }
    return true;
}

}  // namespace

std::optional<core::TimePoint> log_time(std::string_view text, int year) {
    while (text.starts_with('[') || text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    using Reader = bool (*)(TextScan&, Stamp&);
    for (const Reader reader :
         {Reader{read_numeric_date}, Reader{read_named_date}, Reader{read_syslog_date}}) {
        Stamp stamp;
        stamp.year = year;
        TextScan scan(text);
        if (reader(scan, stamp)) {
            read_zone(scan, stamp);
            return moment(stamp);
        }
    }
    return std::nullopt;
}

int year_of(core::TimePoint time) {
    return static_cast<int>(
        std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(time)}.year());
}

}  // namespace gatemend::parse
