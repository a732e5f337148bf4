// SPDX-License-Identifier: MIT
#include "policies/toml_zone.hpp"

#include "policies/nearest.hpp"

#include <cctz/time_zone.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

namespace gatemend::policy {
namespace {

using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year;

using Moment = cctz::time_point<seconds>;

constexpr Moment kFirst{sys_days{year{kZoneFromYear} / 1 / 1}.time_since_epoch()};
constexpr Moment kEnd{sys_days{year{kZoneUntilYear + 1} / 1 / 1}.time_since_epoch()};
constexpr std::size_t kMaxZoneNameBytes = 64;
constexpr std::size_t kMaxListedNames = 1000;

// "Europe/Berlin", "Etc/GMT+1": words that cannot leave the folder.
bool is_zone_name(std::string_view name) {
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '+' || c == '-' || c == '/';
    };
    return !name.empty() && name.size() <= kMaxZoneNameBytes &&
           std::ranges::all_of(name, is_fine) && name.front() != '/' && name.back() != '/' &&
           name.find("//") == std::string_view::npos;
}

seconds ahead_at(const cctz::time_zone& zone, Moment moment) {
    return seconds{zone.lookup(moment).offset};
}

}  // namespace

core::Result<std::vector<ZoneOffset>> read_zone(std::string_view name, const std::string& folder) {
    if (name == "UTC") {
        return std::vector<ZoneOffset>{};
    }
    if (!is_zone_name(name)) {
        return core::Error{"is no name of a time zone"};
    }
    cctz::time_zone zone;
    if (!cctz::load_time_zone(folder + "/" + std::string{name}, &zone)) {
        return core::Error{"this machine's zoneinfo (package tzdata) has none of that name"};
    }
    std::vector<ZoneOffset> offsets{{core::TimePoint::min(), ahead_at(zone, kFirst)}};
    cctz::time_zone::civil_transition change;
    for (Moment at = kFirst; zone.next_transition(at, &change);) {
        at = zone.lookup(change.to).trans;
        if (at >= kEnd || offsets.size() >= kMaxZoneOffsets) {
            break;
        }
        if (const seconds ahead = ahead_at(zone, at); ahead != offsets.back().ahead) {
            offsets.push_back({core::TimePoint{at.time_since_epoch()}, ahead});
        }
    }
    return offsets;
}

std::string suggest_zone(std::string_view name, const std::string& folder) {
    const std::size_t slash = name.rfind('/');
    const std::string region{slash == std::string_view::npos ? "" : name.substr(0, slash + 1)};
    if (!is_zone_name(name)) {
        return "";
    }
    std::vector<std::string> names;
    std::error_code failure;
    std::filesystem::directory_iterator entry{folder + "/" + region, failure};
    for (; !failure && entry != std::filesystem::directory_iterator{} &&
           names.size() < kMaxListedNames;
         entry.increment(failure)) {
        names.push_back(region + entry->path().filename().string());
    }
    std::ranges::sort(names);
    const std::vector<std::string_view> views{names.begin(), names.end()};
    return suggest(name, views);
}

}  // namespace gatemend::policy
