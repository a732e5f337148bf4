// SPDX-License-Identifier: MIT
#include "policies/window.hpp"

#include <algorithm>
#include <array>

namespace gatemend::policy {
namespace {

using core::Duration;
using core::TimePoint;
using std::chrono::days;
using std::chrono::minutes;

constexpr unsigned kDaysPerWeek = 7;
constexpr int kDaysAhead = 10;  // a week, the day before it, and room for any offset
constexpr std::array<const char*, kDaysPerWeek> kDayNames{
    "mon", "tue", "wed", "thu", "fri", "sat", "sun"};

Duration ahead_at(const TimeWindow& window, TimePoint now) {
    Duration ahead{};
    for (const ZoneOffset& offset : window.offsets) {
        if (offset.from > now) {
            break;
        }
        ahead = offset.ahead;
    }
    return ahead;
}

std::chrono::sys_days day_of(TimePoint local) {
    return std::chrono::floor<days>(local);
}

bool has_day(const TimeWindow& window, std::chrono::sys_days day) {
    const unsigned index = std::chrono::weekday{day}.iso_encoding() - 1;
    return (window.days >> index & 1U) != 0;
}

// Every moment at which the window may go from shut to open: its opening on each of the next days,
// by every offset of about that time, and each change of the clocks.
std::vector<TimePoint> candidates(const TimeWindow& window, TimePoint now) {
    const TimePoint end = now + days{kDaysAhead};
    std::vector<Duration> aheads{ahead_at(window, now)};
    std::vector<TimePoint> moments;
    for (const ZoneOffset& offset : window.offsets) {
        if (offset.from > now && offset.from <= end) {
            aheads.push_back(offset.ahead);
            moments.push_back(offset.from);
        }
    }
    const std::chrono::sys_days today = day_of(now + aheads.front());
    for (int i = -1; i <= kDaysAhead; ++i) {
        for (const Duration ahead : aheads) {
            moments.push_back(TimePoint{today + days{i}} + minutes{window.from} - ahead);
        }
    }
    return moments;
}

std::string clock_text(std::uint32_t minute) {
    const auto two = [](std::uint32_t number) {
        return (number < 10 ? "0" : "") + std::to_string(number);
    };
    return two(minute / 60) + ":" + two(minute % 60);
}

// "mon-fri", "sat,sun", "" for every day
std::string days_text(std::uint32_t set) {
    constexpr std::uint32_t kEveryDay = 0x7f;
    std::string text;
    for (unsigned day = 0; day < kDaysPerWeek && set != kEveryDay; ++day) {
        if ((set >> day & 1U) == 0) {
            continue;
        }
        unsigned last = day;
        while (last + 1 < kDaysPerWeek && (set >> (last + 1) & 1U) != 0) {
            ++last;
        }
        text += (text.empty() ? "" : ",") + std::string{kDayNames.at(day)};
        text += last > day ? "-" + std::string{kDayNames.at(last)} : "";
        day = last;
    }
    return text.empty() ? text : text + " ";
}

}  // namespace

bool is_open(const TimeWindow& window, TimePoint now) {
    const TimePoint local = now + ahead_at(window, now);
    const auto day = day_of(local);
    const Duration time = local - day;
    if (window.from < window.until) {
        return has_day(window, day) && time >= minutes{window.from} && time < minutes{window.until};
    }
    return (has_day(window, day) && time >= minutes{window.from}) ||
           (has_day(window, day - days{1}) && time < minutes{window.until});
}

bool is_any_open(const std::vector<TimeWindow>& windows, TimePoint now) {
    return windows.empty() ||
           std::ranges::any_of(windows, [now](const auto& window) { return is_open(window, now); });
}

std::optional<TimePoint> next_opening(const std::vector<TimeWindow>& windows, TimePoint now) {
    std::optional<TimePoint> first;
    for (const TimeWindow& window : windows) {
        for (const TimePoint moment : candidates(window, now)) {
            if (moment > now && (!first || moment < *first) && is_open(window, moment)) {
                first = moment;
            }
        }
    }
    return first;
}

std::string describe(const TimeWindow& window) {
    return days_text(window.days) + clock_text(window.from) + "-" + clock_text(window.until) + " " +
           window.zone;
}

}  // namespace gatemend::policy
