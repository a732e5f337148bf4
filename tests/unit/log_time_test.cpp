// SPDX-License-Identifier: MIT
// log_time(): every stamp that kept logs carry, with and without a zone, and what is none.
#include "parse/log_time.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace gatemend::parse {
namespace {

constexpr int kYear = 2026;

std::string read(std::string_view text, int year = kYear) {
    const auto time = log_time(text, year);
    return time ? core::format_time(*time) : "none";
}

TEST(LogTime, ReadsEveryFormOfOneMoment) {
    constexpr auto kForms = std::to_array<std::string_view>({
        "2026/11/21 14:33:28",
        "2026/11/21 14:33:28 [error] 814#814: *57 connect() failed",
        "21/Nov/2026:14:33:28 +0000",
        "[21/Nov/2026:14:33:28 +0000]",
        "[21-Nov-2026 14:33:28]",
        "[21-Nov-2026 14:33:28 UTC] PHP Fatal error:  x",
        "2026-11-21T14:33:28Z",
        "2026-11-21T14:33:28+00:00",
        "2026-11-21 14:33:28",
        "[2026-11-21 14:33:28 +0000] [7] [INFO] Booting worker",
        "Sat Nov 21 14:33:28 2026",
        "[Sat Nov 21 14:33:28 2026]",
        "Nov 21 14:33:28",
        "Nov 21 14:33:28 web1 kernel: x",
    });
    for (const std::string_view form : kForms) {
        EXPECT_EQ(read(form), "2026-11-21T14:33:28.000000Z") << form;
    }
}

TEST(LogTime, ReadsFractions) {
    EXPECT_EQ(read("[21-Nov-2026 14:29:57.123456]"), "2026-11-21T14:29:57.123456Z");
    EXPECT_EQ(read("2026-11-21T14:33:28.5Z"), "2026-11-21T14:33:28.500000Z");
    EXPECT_EQ(read("2026-11-21 14:33:28,123"), "2026-11-21T14:33:28.123000Z");
    EXPECT_EQ(read("2026-11-21T14:33:28.123456789Z"), "2026-11-21T14:33:28.123456Z");
    EXPECT_EQ(read("Sat Nov 21 14:33:28.25 2026"), "2026-11-21T14:33:28.250000Z");
}

TEST(LogTime, TakesZonesIntoAccount) {
    EXPECT_EQ(read("21/Nov/2026:00:30:00 +0100"), "2026-11-20T23:30:00.000000Z");
    EXPECT_EQ(read("21/Nov/2026:23:30:00 -0330"), "2026-11-22T03:00:00.000000Z");
    EXPECT_EQ(read("2026-11-21T14:33:28+05:30"), "2026-11-21T09:03:28.000000Z");
    EXPECT_EQ(read("2026-11-21 14:33:28,123 +0100"), "2026-11-21T13:33:28.123000Z");
}

TEST(LogTime, TakesTheYearItIsToldWhereTheStampHasNone) {
    EXPECT_EQ(read("Feb  3 04:05:06", 2019), "2019-02-03T04:05:06.000000Z");
    EXPECT_EQ(read("Feb 29 04:05:06", 2024), "2024-02-29T04:05:06.000000Z");
    EXPECT_EQ(read("Feb 29 04:05:06", 2023), "none") << "that year has none";
    EXPECT_EQ(read("Sat Nov 21 14:33:28 2026", 1970), "2026-11-21T14:33:28.000000Z");
}

TEST(LogTime, TellsTheYearOfAMoment) {
    EXPECT_EQ(year_of(*log_time("2026/12/31 23:59:59", kYear)), 2026);
    EXPECT_EQ(year_of(*log_time("2027/01/01 00:00:00", kYear)), 2027);
}

TEST(LogTime, ReadsNothingFromNonsense) {
    constexpr auto kNonsense = std::to_array<std::string_view>({
        "",
        "[",
        "[[[[    ",
        "no time at all",
        "2026/11/21",
        "2026/11/21 14:33",
        "2026/13/01 00:00:00",
        "2026/00/10 00:00:00",
        "2026/02/30 00:00:00",
        "2026/11/21 24:00:00",
        "2026/11/21 14:60:00",
        "21/Foo/2026:14:33:28 +0000",
        "99999999999999999999/11/21 14:33:28",
        "-2026/11/21 14:33:28",
        "Nov 99 14:33:28",
        "Sat Nov",
        "\xff\xfe 2026",
    });
    for (const std::string_view text : kNonsense) {
        EXPECT_EQ(read(text), "none") << text;
    }
}

}  // namespace
}  // namespace gatemend::parse
