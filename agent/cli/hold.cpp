// SPDX-License-Identifier: MIT
#include "cli/hold.hpp"

#include "cli/child_process.hpp"
#include "cli/exit_code.hpp"
#include "cli/hold_folder.hpp"
#include "core/text.hpp"
#include "policies/toml_reader.hpp"
#include "sandbox/audit/message_ids.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/tools/small_text.hpp"

#include <nlohmann/json.hpp>
#include <systemd/sd-journal.h>

#include <pwd.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;
using sandbox::FoundMarker;
using sandbox::HoldMarker;

constexpr std::size_t kMaxReasonBytes = 400;  // a line of a marker holds it with room to spare

int wrong(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: hold: %s\n", text.c_str());
    return kExitUsage;
}

int failed(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: hold: %s\n", text.c_str());
    return kExitFailed;
}

std::string shown_time(core::TimePoint time) {
    std::string text = core::format_time(std::chrono::ceil<std::chrono::seconds>(time));
    return text.substr(0, text.find('.')) + "Z";
}

// As part of a file's name.
bool is_user_name(std::string_view name) {
    constexpr std::size_t kMaxName = 32;
    return !name.empty() && name.size() <= kMaxName && name.front() != '.' && name.front() != '-' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

// Who asked, for people to read: sudo says it where the process has become root. Not a permission.
std::string user_name() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nothing sets the environment
    if (const char* name = std::getenv("SUDO_USER"); name != nullptr && is_user_name(name)) {
        return name;
    }
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> space{};
    if (::getpwuid_r(::getuid(), &entry, space.data(), space.size(), &found) == 0 &&
        found != nullptr && is_user_name(found->pw_name)) {
        return found->pw_name;
    }
    return "uid-" + std::to_string(::getuid());
}

// What cannot be written there is no reason not to hold: the marker is what counts.
void note_in_journal(std::string_view message_id, int priority, const std::string& message) {
    std::array<std::string, 4> fields{"MESSAGE=" + message,
                                      "MESSAGE_ID=" + std::string{message_id},
                                      "PRIORITY=" + std::to_string(priority),
                                      "SYSLOG_IDENTIFIER=gatemend"};
    std::array<iovec, fields.size()> parts{};
    std::ranges::transform(fields, parts.begin(), [](std::string& field) -> iovec {
        return {field.data(), field.size()};
    });
    (void)sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

Json document_of(const FoundMarker& found) {
    return {{"name", found.name},
            {"by", found.marker.by},
            {"reason", found.marker.reason},
            {"pid", found.marker.pid == 0 ? Json{} : Json(found.marker.pid)},
            {"until", found.is_believed ? Json(core::format_time(found.marker.until)) : Json{}},
            {"in_force", found.is_in_force},
            {"note", found.note}};
}

int list(const HoldOptions& options) {
    const auto holds = sandbox::read_holds(options.folder, bus::wall_clock(), options.owner);
    if (options.is_json) {
        Json document{{"problem", core::sanitize(holds.problem)}, {"holds", Json::array()}};
        for (const FoundMarker& found : holds.markers) {
            document["holds"].push_back(document_of(found));
        }
        (void)std::printf("%s\n", document.dump().c_str());
        return kExitOk;
    }
    for (const FoundMarker& found : holds.markers) {
        (void)std::printf("%s  %s\n", found.name.c_str(), describe(found).c_str());
    }
    if (!holds.problem.empty()) {
        return failed(core::sanitize(holds.problem));
    }
    if (holds.markers.empty()) {
        (void)std::puts("nobody holds gatemend back");
    }
    return kExitOk;
}

// Is the marker's `gatemend hold` still there to take it away itself?
bool has_keeper(const HoldMarker& marker) {
    if (marker.pid == 0) {
        return false;
    }
    const auto process = sandbox::glance_at_process("/proc", marker.pid);
    return process && process->name == "gatemend";
}

int end(const HoldOptions& options) {
    const std::string me = user_name();
    const auto holds = sandbox::read_holds(options.folder, bus::wall_clock(), options.owner);
    int ended = 0;
    for (const FoundMarker& found : holds.markers) {
        if (!found.is_believed || found.marker.by != me) {
            continue;
        }
        if (has_keeper(found.marker)) {
            (void)std::fprintf(stderr,
                               "gatemend: hold: %s stays until its command ends (pid %u)\n",
                               found.name.c_str(),
                               found.marker.pid);
            continue;
        }
        if (const auto status = remove_hold(options.folder, found.name); !status) {
            return failed(status.error().text);
        }
        ++ended;
        if (found.is_in_force) {
            note_in_journal(
                sandbox::message_id::kHoldEnded, LOG_NOTICE, "hold of " + me + " ended");
        }
    }
    (void)std::printf("%s\n", ended == 0 ? "no hold of yours" : "ended");
    return kExitOk;
}

// Theirs were killed before they could do it.
void sweep(const HoldOptions& options) {
    for (const FoundMarker& found :
         sandbox::read_holds(options.folder, bus::wall_clock(), options.owner).markers) {
        if (found.is_believed && !found.is_in_force && !found.marker.by.empty()) {
            (void)remove_hold(options.folder, found.name);  // it is over either way
        }
    }
}

int run_command(const HoldOptions& options, const HoldMarker& marker, core::Duration length) {
    const std::string who = "hold of " + marker.by;
    const std::string command = core::sanitize(options.command.front());
    bool is_over = false;
    const ChildEnd ended = run_child(options.command, length, [&] {
        is_over = true;
        const std::string text =
            "the hold is over after " + options.length + ", and " + command + " still runs";
        (void)std::fprintf(stderr, "gatemend: hold: %s; gatemend acts again\n", text.c_str());
        note_in_journal(sandbox::message_id::kHoldOutlived, LOG_WARNING, who + ": " + text);
    });
    if (!ended.problem.empty()) {
        (void)failed(ended.problem);
    }
    if (!is_over) {
        note_in_journal(
            sandbox::message_id::kHoldEnded,
            LOG_NOTICE,
            who + " ended: " + command + " ended with status " + std::to_string(ended.status));
    }
    return ended.status;
}

int begin(const HoldOptions& options, core::Duration length) {
    HoldMarker marker{
        .until = bus::wall_clock() + length, .by = user_name(), .reason = options.reason};
    const auto pid = static_cast<std::uint32_t>(::getpid());
    marker.pid = options.command.empty() ? 0 : pid;
    const std::string name = marker.by + "-" + std::to_string(pid);
    sweep(options);
    if (const auto status = write_hold(options.folder, name, marker, options.owner); !status) {
        return failed(status.error().text);
    }
    note_in_journal(sandbox::message_id::kHoldBegun,
                    LOG_NOTICE,
                    "held back by " + marker.by + " until " + shown_time(marker.until) +
                        (marker.reason.empty() ? "" : ": " + marker.reason));
    if (options.command.empty()) {
        (void)std::printf("held until %s; `gatemend hold --end` ends it\n",
                          shown_time(marker.until).c_str());
        return kExitOk;
    }
    const int status = run_command(options, marker, length);
    if (const auto removed = remove_hold(options.folder, name); !removed) {
        (void)failed(removed.error().text + ", it ends at " + shown_time(marker.until));
    }
    return status;
}

}  // namespace

int run_hold(const HoldOptions& options) {
    const int ways = int{options.is_list} + int{options.is_end} + int{!options.length.empty()};
    if (ways != 1) {
        return wrong("one of --for, --end and --list is needed");
    }
    if (options.length.empty() && (!options.command.empty() || !options.reason.empty())) {
        return wrong("a command and a reason go with --for");
    }
    if (options.is_list) {
        return list(options);
    }
    if (options.is_end) {
        return end(options);
    }
    const auto length = policy::parse_duration(options.length);
    if (!length) {
        return wrong("--for " + core::sanitize(options.length) + ": " + length.error().text);
    }
    if (*length < std::chrono::seconds{1} || *length > sandbox::kLongestHold) {
        return wrong("--for " + options.length + ": between 1s and 1d");
    }
    if (options.reason.size() > kMaxReasonBytes ||
        core::sanitize(options.reason) != options.reason) {
        return wrong("--reason: one line of at most " + std::to_string(kMaxReasonBytes) + " bytes");
    }
    return begin(options, *length);
}

}  // namespace gatemend::cli
