// SPDX-License-Identifier: MIT
#include "sandbox/tools/hold_marker.hpp"

#include "core/text.hpp"
#include "sandbox/bus/folder_stream.hpp"
#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/tools/small_text.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <set>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Duration;
using core::Error;
using core::Result;
using core::TimePoint;

// Whole seconds: what people write and read.
std::string shown_time(TimePoint time) {
    std::string text = core::format_time(std::chrono::floor<std::chrono::seconds>(time));
    const std::size_t point = text.find('.');
    return point == std::string::npos ? text : text.substr(0, point) + "Z";
}

bool is_plain(std::string_view value) {
    return value.size() <= core::kMaxShownBytes && core::sanitize(value) == value;
}

// "" or what is wrong with it.
std::string take_value(HoldMarker& marker, std::string_view key, std::string_view value) {
    if (key == "until") {
        const auto until = core::parse_time(value);
        marker.until = until.value_or(TimePoint{});
        return until ? "" : "until is no time like 2026-11-21T14:30:00Z";
    }
    if (key == "pid") {
        const auto pid = whole_number(value);
        const bool is_pid = pid && *pid > 0 && *pid <= std::numeric_limits<std::uint32_t>::max();
        marker.pid = is_pid ? static_cast<std::uint32_t>(*pid) : 0;
        return is_pid ? "" : "pid is no number";
    }
    if (key == "by") {
        marker.by = value;
    } else if (key == "reason") {
        marker.reason = value;
    }
    return "";
}

TimePoint time_of(const timespec& time) {
    return TimePoint{std::chrono::seconds{time.tv_sec} +
                     std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{time.tv_nsec})};
}

// "" or why others than `owner` could have written it.
std::string find_stranger(const struct stat& info, uid_t owner) {
    if (info.st_uid != owner) {
        return "does not belong to root";
    }
    constexpr mode_t kOthersMayWrite = S_IWGRP | S_IWOTH;
    return (info.st_mode & kOthersMayWrite) == 0 ? "" : "is writable by others than root";
}

void disbelieve(FoundMarker& found, std::string why) {
    found.is_believed = false;
    found.note = std::move(why);
}

// What the file says, and until when that counts at the latest.
void take_content(FoundMarker& found, const std::string& text, TimePoint written) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
        found.note = "touched, says nothing";
        found.marker.until = written + kTouchedHold;
        return;
    }
    auto marker = text.size() > kMaxMarkerBytes ? Result<HoldMarker>{Error{"longer than it may be"}}
                                                : decode_marker(text);
    if (marker) {
        found.marker = std::move(*marker);
        found.marker.until = std::min(found.marker.until, written + kLongestHold);
    } else {
        // Somebody with root's powers meant something by it, and most deploys take less than that.
        found.note = "cannot be read: " + marker.error().text;
        found.marker.until = written + kGarbledHold;
    }
}

FoundMarker read_marker(int folder, const char* name, TimePoint now, uid_t owner) {
    FoundMarker found{.name = core::sanitize(name)};
    const bus::UniqueFd fd{
        ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)};

    struct stat info {};

    if (!fd.is_open() || ::fstat(fd.get(), &info) != 0) {
        disbelieve(found, "cannot be opened: " + std::generic_category().message(errno));
        return found;
    }
    if (!S_ISREG(info.st_mode)) {
        disbelieve(found, "is no regular file");
        return found;
    }
    if (std::string why = find_stranger(info, owner); !why.empty()) {
        disbelieve(found, std::move(why));
        return found;
    }
    const TimePoint written = time_of(info.st_mtim);
    if (written > now + kLongestHold) {
        disbelieve(found, "was written in a distant future");
        return found;
    }
    const auto text = read_small_text(fd.get(), kMaxMarkerBytes + 1);
    if (!text) {
        disbelieve(found, "cannot be read");
        return found;
    }
    take_content(found, *text, written);
    found.is_in_force = now < found.marker.until;
    return found;
}

}  // namespace

std::string encode_marker(const HoldMarker& marker) {
    std::string text = "until=" + core::format_time(marker.until) + "\n";
    const auto add = [&text](std::string_view key, std::string_view value) {
        if (!value.empty()) {
            text.append(key).append("=").append(value).append("\n");
        }
    };
    add("by", marker.by);
    add("reason", marker.reason);
    add("pid", marker.pid == 0 ? "" : std::to_string(marker.pid));
    return text;
}

Result<HoldMarker> decode_marker(std::string_view text) {
    HoldMarker marker;
    std::set<std::string_view> keys;
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view line = take_line(text);
        if (line.empty()) {
            continue;
        }
        const std::string where = "line " + std::to_string(number) + ": ";
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || !is_plain(line)) {
            return Error{where + "no key=value"};
        }
        const std::string_view key = line.substr(0, equals);
        if (!keys.insert(key).second) {
            return Error{where + "said before"};
        }
        if (std::string wrong = take_value(marker, key, line.substr(equals + 1)); !wrong.empty()) {
            return Error{where + wrong};
        }
    }
    if (!keys.contains("until")) {
        return Error{"does not say until when"};
    }
    return marker;
}

HoldFolder read_holds(const std::string& folder, TimePoint now, uid_t owner) {
    HoldFolder holds;
    bus::UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};

    struct stat info {};

    if (!fd.is_open() || ::fstat(fd.get(), &info) != 0) {
        if (errno != ENOENT) {
            holds.problem = folder + ": " + std::generic_category().message(errno);
        }
        return holds;
    }
    const std::string stranger = find_stranger(info, owner);
    const int number = fd.get();
    const bus::FolderStream entries{::fdopendir(number)};
    if (entries == nullptr) {
        holds.problem = folder + ": " + std::generic_category().message(errno);
        return holds;
    }
    (void)fd.release();  // closedir closes it
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and a stream of its own
    while (const dirent* entry = ::readdir(entries.get())) {
        if (entry->d_name[0] == '.') {
            continue;  // also those that are just being written
        }
        if (holds.markers.size() == kMaxMarkerFiles) {
            holds.problem = folder + ": more than " + std::to_string(kMaxMarkerFiles) + " files";
            break;
        }
        FoundMarker found = read_marker(number, entry->d_name, now, owner);
        if (!stranger.empty()) {
            disbelieve(found, "its folder " + stranger);
            found.is_in_force = false;
        }
        holds.markers.push_back(std::move(found));
    }
    std::ranges::sort(holds.markers, {}, &FoundMarker::name);
    return holds;
}

std::string describe(const FoundMarker& found) {
    if (!found.is_believed) {
        return "does not count: " + found.note;
    }
    const HoldMarker& marker = found.marker;
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() || part.empty() ? "" : ", ") + part;
    };
    add(marker.by);
    add(marker.pid == 0 ? "" : "pid " + std::to_string(marker.pid));
    add(found.note);
    add((found.is_in_force ? "until " : "over since ") + shown_time(marker.until));
    return marker.reason.empty() ? text : text + ": " + marker.reason;
}

}  // namespace gatemend::sandbox
