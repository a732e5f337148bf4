// SPDX-License-Identifier: MIT
#include "sandbox/mend/worker.hpp"

#include "sandbox/inspect/identity.hpp"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <string_view>
#include <system_error>

namespace gatemend::mend {
namespace {

constexpr std::size_t kEntryBytes = std::size_t{64} * 1024;
constexpr int kMaxEntries = 100'000;

std::string group_name(std::uint32_t gid) {
    std::vector<char> space(kEntryBytes);
    group entry{};
    group* found = nullptr;
    const int failed = getgrgid_r(gid, &entry, space.data(), space.size(), &found);
    return failed == 0 && found != nullptr ? entry.gr_name : "";
}

// Up to the next colon.
std::string_view take_field(std::string_view& line) {
    const std::size_t end = line.find(':');
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return field;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number}
                                                                    : std::nullopt;
}

}  // namespace

core::Result<Worker> find_worker(const std::string& user) {
    auto identity = inspect::find_identity(user);
    if (!identity) {
        return identity.error().within("user " + user);
    }
    Worker worker;
    worker.identity = std::move(*identity);
    std::vector<char> space(kEntryBytes);
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(worker.identity.uid, &entry, space.data(), space.size(), &found) == 0 &&
        found != nullptr) {
        worker.name = entry.pw_name;
        worker.gid = entry.pw_gid;
        worker.group = group_name(entry.pw_gid);
    }
    for (const std::uint32_t gid : worker.identity.groups) {
        if (std::string name = group_name(gid); !name.empty()) {
            worker.groups.push_back(std::move(name));
        }
    }
    return worker;
}

LocalNames read_local_names(const std::string& root) {
    LocalNames names;
    std::string text;
    std::ifstream users{root + "/etc/passwd"};
    for (int i = 0; i < kMaxEntries && std::getline(users, text); ++i) {
        std::string_view line = text;
        const std::string name{take_field(line)};
        (void)take_field(line);  // the password
        const auto uid = number_of(take_field(line));
        const auto gid = number_of(take_field(line));
        if (uid && gid && !name.empty()) {
            names.users.emplace(name, *uid);
            names.primary_groups.emplace(name, *gid);
        }
    }
    std::ifstream groups{root + "/etc/group"};
    for (int i = 0; i < kMaxEntries && std::getline(groups, text); ++i) {
        std::string_view line = text;
        const std::string name{take_field(line)};
        (void)take_field(line);
        if (const auto gid = number_of(take_field(line)); gid && !name.empty()) {
            names.groups.emplace(name, *gid);
        }
    }
    return names;
}

std::string name_of(const std::map<std::string, std::uint32_t>& names, std::uint32_t number) {
    for (const auto& [name, value] : names) {
        if (value == number) {
            return name;
        }
    }
    return std::to_string(number);
}

}  // namespace gatemend::mend
