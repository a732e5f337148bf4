// SPDX-License-Identifier: MIT
// Maintenance windows and the time zones they are in. Zones are read from files made here and,
// where the machine has them, from its zoneinfo.
#include "policies/window.hpp"

#include "policies/toml_zone.hpp"
#include "tests/unit/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::policy {
namespace {

using core::TimePoint;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TimePoint at(const std::string& text) {
    return *core::parse_time(text);
}

std::string big_endian(std::int64_t number, int bytes) {
    std::string text;
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
        text += static_cast<char>(static_cast<std::uint64_t>(number) >> shift & 0xFFU);
    }
    return text;
}

struct Zone {
    std::vector<std::pair<std::string, int>> transitions;  // when, to which offset
    std::vector<int> offsets{3600};
    std::string footer;
};

std::string header(char version, std::size_t times, std::size_t types) {
    return "TZif" + std::string{version} + std::string(15, '\0') + big_endian(0, 4) +
           big_endian(0, 4) + big_endian(0, 4) + big_endian(static_cast<std::int64_t>(times), 4) +
           big_endian(static_cast<std::int64_t>(types), 4) + big_endian(4, 4);
}

std::string types_of(const Zone& zone) {
    std::string text;
    for (const int offset : zone.offsets) {
        text += big_endian(offset, 4) + std::string(2, '\0');
    }
    return text + std::string("LMT\0", 4);
}

// A file of version 2, as zic writes them: an empty old block, then the real one.
std::string file_of(const Zone& zone) {
    const Zone none;
    std::string text = header('2', 0, 1) + types_of(none);
    text += header('2', zone.transitions.size(), zone.offsets.size());
    for (const auto& [time, type] : zone.transitions) {
        text += big_endian(at(time).time_since_epoch() / seconds{1}, 8);
    }
    for (const auto& [time, type] : zone.transitions) {
        text += static_cast<char>(type);
    }
    return text + types_of(zone) + "\n" + zone.footer + "\n";
}

core::Result<std::vector<ZoneOffset>> read_file(const std::string& bytes) {
    const test::TempDir folder;
    std::ofstream{folder / "Made"} << bytes;
    return read_zone("Made", folder.path());
}

std::vector<ZoneOffset> parsed(const Zone& zone) {
    const auto offsets = read_file(file_of(zone));
    EXPECT_TRUE(offsets) << (offsets ? "" : offsets.error().text);
    return offsets ? *offsets : std::vector<ZoneOffset>{};
}

core::Duration ahead_at(const std::vector<ZoneOffset>& offsets, const std::string& time) {
    core::Duration ahead{};
    for (const ZoneOffset& offset : offsets) {
        ahead = offset.from <= at(time) ? offset.ahead : ahead;
    }
    return ahead;
}

// The last Sundays of March and October, at one o'clock UTC.
std::vector<ZoneOffset> berlin() {
    using std::chrono::last;
    using std::chrono::March;
    using std::chrono::October;
    using std::chrono::Sunday;
    using std::chrono::sys_days;
    using std::chrono::year;
    std::vector<ZoneOffset> offsets{{TimePoint::min(), hours{1}}};
    for (int y = kZoneFromYear; y <= kZoneUntilYear; ++y) {
        offsets.push_back({sys_days{year{y} / March / Sunday[last]} + hours{1}, hours{2}});
        offsets.push_back({sys_days{year{y} / October / Sunday[last]} + hours{1}, hours{1}});
    }
    return offsets;
}

// Of this machine; empty where it has no zoneinfo.
std::vector<ZoneOffset> own(std::string_view name) {
    const auto offsets = read_zone(name);
    return offsets ? *offsets : std::vector<ZoneOffset>{};
}

TimeWindow window(std::uint32_t days, std::uint32_t from, std::uint32_t until) {
    return {days, from, until, "Europe/Berlin", berlin()};
}

TEST(Zone, GoesOnAsTheLastLineSays) {
    const auto offsets = own("Europe/Berlin");
    const auto dublin = own("Europe/Dublin");
    const auto lord_howe = own("Australia/Lord_Howe");
    if (offsets.empty() || dublin.empty() || lord_howe.empty()) {
        GTEST_SKIP() << "this machine has no zoneinfo";
    }
    EXPECT_EQ(offsets, berlin());
    // Ireland's winter is the exception, with an hour less.
    EXPECT_EQ(ahead_at(dublin, "2026-07-01T00:00:00Z"), hours{1});
    EXPECT_EQ(ahead_at(dublin, "2026-12-01T00:00:00Z"), hours{0});
    // The south: summer over the turn of the year. Half an hour.
    EXPECT_EQ(ahead_at(lord_howe, "2026-01-01T00:00:00Z"), hours{11});
    EXPECT_EQ(ahead_at(lord_howe, "2040-07-01T00:00:00Z"), hours{10} + minutes{30});
}

TEST(Zone, TakesTransitionsBeforeTheLastLine) {
    const auto offsets = parsed(
        {{{"1980-01-01T00:00:00Z", 0}, {"2022-05-01T00:00:00Z", 1}, {"2023-05-01T00:00:00Z", 0}},
         {3600, 7200},
         "<+01>-1"});
    EXPECT_EQ(offsets,
              (std::vector<ZoneOffset>{{TimePoint::min(), hours{1}},
                                       {at("2022-05-01T00:00:00Z"), hours{2}},
                                       {at("2023-05-01T00:00:00Z"), hours{1}}}));
}

TEST(Zone, RefusesDamagedFiles) {
    const std::string good = file_of({{{"2022-05-01T00:00:00Z", 0}}, {3600}, "CET-1"});
    ASSERT_TRUE(read_file(good));
    for (std::size_t length = 0; length < good.size(); length += 10) {
        EXPECT_FALSE(read_file(good.substr(0, length))) << length;
    }
    EXPECT_FALSE(read_file("TZif"));
    EXPECT_FALSE(read_file(file_of({{{"2022-05-01T00:00:00Z", 1}}, {3600}, "CET-1"})));
}

TEST(Zone, ReadsNamesBelowTheFolderOnly) {
    const test::TempDir folder;
    std::filesystem::create_directory(folder / "Europe");
    std::ofstream{folder / "Europe/Berlin"} << file_of({{}, {3600}, "CET-1"});
    std::ofstream{folder / "Europe/Text"} << "no zone";
    ASSERT_TRUE(read_zone("Europe/Berlin", folder.path()));
    EXPECT_EQ(read_zone("Europe/Berlin", folder.path())->front().ahead, hours{1});
    EXPECT_TRUE(read_zone("UTC", folder.path())->empty());
    for (const char* name : {"",
                             "Europe",
                             "Europe/Text",
                             "Europe/Nowhere",
                             "../Berlin",
                             "/etc/hosts",
                             "Europe//Berlin",
                             "Europe/",
                             "Europe/Ber.lin"}) {
        EXPECT_FALSE(read_zone(name, folder.path())) << name;
    }
    EXPECT_EQ(suggest_zone("Europe/Berin", folder.path()), "did you mean \"Europe/Berlin\"?");
    EXPECT_EQ(suggest_zone("../Berin", folder.path()), "");
}

TEST(Window, IsOpenInItsHoursOnItsDays) {
    const TimeWindow office = window(0x1f, 8 * 60, 18 * 60);  // mon-fri
    EXPECT_FALSE(is_open(office, at("2026-01-05T06:59:59.999999Z")));
    EXPECT_TRUE(is_open(office, at("2026-01-05T07:00:00Z")));  // Monday, 08:00 in Berlin
    EXPECT_TRUE(is_open(office, at("2026-01-05T16:59:59Z")));
    EXPECT_FALSE(is_open(office, at("2026-01-05T17:00:00Z")));
    EXPECT_FALSE(is_open(office, at("2026-01-10T12:00:00Z")));  // Saturday
    EXPECT_TRUE(is_open(office, at("2026-07-06T06:00:00Z")));   // summer
}

TEST(Window, PassesMidnightAndBelongsToTheDayOnWhichItOpens) {
    const TimeWindow night = window(0x10, 22 * 60, 2 * 60);  // fri
    EXPECT_TRUE(is_open(night, at("2026-01-09T21:00:00Z")));
    EXPECT_TRUE(is_open(night, at("2026-01-10T00:59:00Z")));
    EXPECT_FALSE(is_open(night, at("2026-01-10T01:00:00Z")));
    EXPECT_FALSE(is_open(night, at("2026-01-09T00:30:00Z")));  // Thursday's night
    EXPECT_FALSE(is_open(night, at("2026-01-10T21:30:00Z")));  // Saturday's
}

TEST(Window, SaysWhenItOpensNext) {
    const std::vector<TimeWindow> office{window(0x1f, 8 * 60, 18 * 60)};
    EXPECT_EQ(next_opening(office, at("2026-01-05T03:00:00Z")), at("2026-01-05T07:00:00Z"));
    EXPECT_EQ(next_opening(office, at("2026-01-09T18:00:00Z")), at("2026-01-12T07:00:00Z"));
    // From winter to summer over the weekend.
    EXPECT_EQ(next_opening(office, at("2026-03-27T20:00:00Z")), at("2026-03-30T06:00:00Z"));
    EXPECT_EQ(next_opening(office, at("2026-10-23T20:00:00Z")), at("2026-10-26T07:00:00Z"));
}

TEST(Window, OpensWhenTheClocksJumpOverItsBeginning) {
    const std::vector<TimeWindow> windows{window(0x40, 150, 240)};  // sun 02:30-04:00
    EXPECT_EQ(next_opening(windows, at("2026-03-28T12:00:00Z")), at("2026-03-29T01:00:00Z"));
}

TEST(Window, OpensAgainInTheHourThatComesTwice) {
    const std::vector<TimeWindow> windows{window(0x40, 120, 150)};  // sun 02:00-02:30
    EXPECT_EQ(next_opening(windows, at("2026-10-24T12:00:00Z")), at("2026-10-25T00:00:00Z"));
    EXPECT_EQ(next_opening(windows, at("2026-10-25T00:40:00Z")), at("2026-10-25T01:00:00Z"));
}

TEST(Window, TakesTheFirstOfSeveral) {
    const std::vector<TimeWindow> windows{window(0x01, 60, 120), window(0x40, 60, 120)};
    EXPECT_EQ(next_opening(windows, at("2026-01-10T12:00:00Z")), at("2026-01-11T00:00:00Z"));
    EXPECT_TRUE(is_any_open(windows, at("2026-01-12T00:30:00Z")));
    EXPECT_FALSE(is_any_open(windows, at("2026-01-13T00:30:00Z")));
    EXPECT_TRUE(is_any_open({}, at("2026-01-13T00:30:00Z")));
}

TEST(Window, IsDescribedAsItIsWritten) {
    EXPECT_EQ(describe(window(0x1f, 480, 1080)), "mon-fri 08:00-18:00 Europe/Berlin");
    EXPECT_EQ(describe(window(0x65, 0, 1440)), "mon,wed,sat-sun 00:00-24:00 Europe/Berlin");
    EXPECT_EQ(describe(TimeWindow{0x7f, 1320, 150, "UTC", {}}), "22:00-02:30 UTC");
}

// Every quarter of an hour over two changes of the clocks: the answer is the first open moment.
TEST(Window, NeverOpensBeforeTheMomentItNames) {
    const std::vector<TimeWindow> windows{window(0x55, 135, 200), window(0x22, 1400, 30)};
    for (TimePoint now = at("2026-03-20T00:00:00Z"); now < at("2026-04-05T00:00:00Z");
         now += minutes{15}) {
        const auto next = next_opening(windows, now);
        ASSERT_TRUE(next);
        EXPECT_TRUE(is_any_open(windows, *next)) << core::format_time(now);
        bool was_shut = false;
        for (TimePoint later = now; later < *next; later += minutes{5}) {
            const bool is_open_now = is_any_open(windows, later);
            EXPECT_FALSE(was_shut && is_open_now && later > now) << core::format_time(now);
            was_shut = was_shut || !is_open_now;
        }
    }
}

}  // namespace
}  // namespace gatemend::policy
