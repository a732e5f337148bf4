// SPDX-License-Identifier: MIT
#include "core/time.hpp"

#include <array>
#include <cstddef>

namespace gatemend::core {

namespace {

void append_padded(std::string& text, std::int64_t value, std::size_t width) {
    std::string digits = std::to_string(value);
    if (digits.size() < width) {
        digits.insert(0, width - digits.size(), '0');
    }
    text += digits;
}

// Exactly `width` digits off the front of `rest`, then `follower` (if not NUL).
std::optional<int> take_number(std::string_view& rest, std::size_t width, char follower) {
    const std::size_t needed = width + (follower != '\0' ? 1 : 0);
    if (rest.size() < needed || (follower != '\0' && rest[width] != follower)) {
        return std::nullopt;
    }
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        if (rest[i] < '0' || rest[i] > '9') {
            return std::nullopt;
        }
        value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(needed);
    return value;
}

// "" or ".1" to ".123456"
std::optional<int> take_microseconds(std::string_view rest) {
    if (rest.empty()) {
        return 0;
    }
    if (rest.front() != '.' || rest.size() < 2 || rest.size() > 7) {
        return std::nullopt;
    }
    std::string digits{rest.substr(1)};
    digits.append(6 - digits.size(), '0');
    std::string_view view = digits;
    return take_number(view, 6, '\0');
}

}  // namespace

std::string format_time(TimePoint time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::string text;
    append_padded(text, static_cast<int>(date.year()), 4);
    text += '-';
    append_padded(text, static_cast<unsigned>(date.month()), 2);
    text += '-';
    append_padded(text, static_cast<unsigned>(date.day()), 2);
    text += 'T';
    append_padded(text, clock.hours().count(), 2);
    text += ':';
    append_padded(text, clock.minutes().count(), 2);
    text += ':';
    append_padded(text, clock.seconds().count(), 2);
    text += '.';
    append_padded(text, clock.subseconds().count(), 6);
    text += 'Z';
    return text;
}

std::optional<TimePoint> parse_time(std::string_view text) {
    if (text.empty() || text.back() != 'Z') {
        return std::nullopt;
    }
    text.remove_suffix(1);
    const auto year = take_number(text, 4, '-');
    const auto month = year ? take_number(text, 2, '-') : std::nullopt;
    const auto day = month ? take_number(text, 2, 'T') : std::nullopt;
    const auto hour = day ? take_number(text, 2, ':') : std::nullopt;
    const auto minute = hour ? take_number(text, 2, ':') : std::nullopt;
    const auto second = minute ? take_number(text, 2, '\0') : std::nullopt;
    const auto micro = second ? take_microseconds(text) : std::nullopt;
    if (!micro || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
           std::chrono::seconds{*second} + Duration{*micro};
}

std::string format_duration(Duration duration) {
    struct Unit {
        std::int64_t milliseconds;
        std::string_view name;
    };

    constexpr std::array<Unit, 5> kUnits{
        {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}}};
    std::int64_t rest = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    std::string text = rest < 0 ? "-" : "";
    rest = rest < 0 ? -rest : rest;
    bool has_part = false;
    for (const Unit& unit : kUnits) {
        if (rest >= unit.milliseconds) {
            text += std::to_string(rest / unit.milliseconds);
            text += unit.name;
            rest %= unit.milliseconds;
            has_part = true;
        }
    }
    return has_part ? text : "0s";
}

}  // namespace gatemend::core
