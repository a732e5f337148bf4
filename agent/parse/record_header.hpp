// SPDX-License-Identifier: MIT
// The head of a record of nginx's error log: "2026/11/21 14:33:28 [crit] 21214#21214: *57 ". Used
// by parse_nginx_error, for every line of every log: the cheapest way to say no.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatemend::parse {

enum class Level : std::uint8_t { kEmerg, kAlert, kCrit, kError, kWarn, kNotice, kInfo, kDebug };

inline constexpr std::size_t kStampBytes = 19;
inline constexpr std::size_t kLevelAt = 21;

// Eight bytes, so that it travels in a register.
struct RecordHeader {
    std::uint32_t message_at = 0;  // 0: not a header
    std::uint8_t level_size = 0;
    Level level = Level::kDebug;
    bool has_connection = false;
};

[[nodiscard]] RecordHeader parse_record_header(std::string_view line);

// "2026/13/45 25:61:61" has the form of a stamp, but no nginx wrote it.
[[nodiscard]] bool is_calendar_time(std::string_view stamp);

}  // namespace gatemend::parse
