// SPDX-License-Identifier: MIT
// The stamps that stand in front of a program's own words: ISO 8601, syslog's, clocks. Used by
// envelope, and the month's name by log_time; each step consumes what it matched, or says false.
#pragma once

#include "parse/text_scan.hpp"

#include <cstddef>
#include <string_view>

namespace gatemend::parse {

// `least` to `most` digits and no more behind them.
bool skip_digits(TextScan& scan, std::size_t least, std::size_t most);
// "14:33:28" and a fraction.
bool skip_clock(TextScan& scan);
// "2026-11-21"
bool skip_iso_date(TextScan& scan);
// "Z", "+01:00", "+0100", or nothing.
bool skip_offset(TextScan& scan);
// "Nov"
bool skip_month(TextScan& scan);
// The month `text` begins with, 1..12; 0 when that is none.
[[nodiscard]] int month_number(std::string_view text);

// What can begin a record, as far as a prefix in front of it is concerned: a date, a bracket.
[[nodiscard]] bool begins_record(std::string_view text);

}  // namespace gatemend::parse
