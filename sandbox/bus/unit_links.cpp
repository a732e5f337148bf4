// SPDX-License-Identifier: MIT
#include "sandbox/bus/unit_links.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace gatemend::bus {

namespace {

constexpr core::TimePoint kUnseen = core::TimePoint::max();

bool has_links(std::string_view folder) {
    return folder.ends_with(".wants") || folder.ends_with(".requires") ||
           folder.ends_with(".upholds");
}

// Every name that comes or goes changes it; unlike the time of modification nobody can set it back.
core::TimePoint changed_at(const std::string& folder) {
    struct stat info {};

    if (stat(folder.c_str(), &info) < 0) {
        return errno == ENOENT ? core::TimePoint{} : kUnseen;
    }
    return core::TimePoint{
        std::chrono::duration_cast<core::Duration>(std::chrono::seconds{info.st_ctim.tv_sec} +
                                                   std::chrono::nanoseconds{info.st_ctim.tv_nsec})};
}

}  // namespace

core::TimePoint unit_links_changed() {
    return unit_links_changed_below({"/etc/systemd/system", "/run/systemd/system"});
}

core::TimePoint unit_links_changed_below(const std::vector<std::string>& folders) {
    core::TimePoint newest{};
    std::size_t seen = 0;
    for (const std::string& folder : folders) {
        std::error_code error;
        std::filesystem::directory_iterator entries{folder, error};
        while (!error && entries != std::filesystem::directory_iterator{}) {
            if (++seen > kMaxLinkEntries) {
                return kUnseen;
            }
            if (const std::string path = entries->path().string(); has_links(path)) {
                newest = std::max(newest, changed_at(path));
            }
            entries.increment(error);
        }
        if (error && error != std::errc::no_such_file_or_directory) {
            return kUnseen;
        }
        // After what is in it: systemd removes a folder with its last link. Aliases lie here, too.
        newest = std::max(newest, changed_at(folder));
    }
    return newest;
}

}  // namespace gatemend::bus
