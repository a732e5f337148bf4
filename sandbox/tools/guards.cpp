// SPDX-License-Identifier: MIT
#include "sandbox/tools/guards.hpp"

#include "core/text.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/tools/package_lock.hpp"
#include "sandbox/tools/small_text.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::ActId;
using core::Duration;
using core::Hold;
using core::HoldKind;
using core::TimePoint;
using core::UnitState;

// Everything that was looked at for one question.
struct Look {
    const GuardView& view;
    GuardQuestion question;
    std::optional<UnitState> unit;
    std::string system_state;
    TimePoint now{};
    std::vector<Hold> holds{};

    void hold(HoldKind kind, std::string owner, std::string text) {
        holds.push_back({kind, std::move(owner), std::move(text), std::nullopt});
    }

    void hold_until(TimePoint until, HoldKind kind, std::string owner, std::string text) {
        holds.push_back({kind, std::move(owner), std::move(text), until});
    }
};

// What an act asks of the machine.
enum class Burden {
    kNone,     // no program reads itself in
    kStart,    // one does, which is down
    kRestart,  // one does, which serves meanwhile
};

Burden burden_of(ActId act) {
    switch (act) {
        case ActId::kStartUnit:
            return Burden::kStart;
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kSetPoolListen:
        case ActId::kRepointBackend:
        case ActId::kRestoreConfig:
        case ActId::kApplySuggestion:
        case ActId::kDebugLog:
            return Burden::kRestart;
        case ActId::kVacuumJournal:
        case ActId::kFixSocketOwner:
        case ActId::kCapturePort:
            break;
    }
    return Burden::kNone;
}

// Does systemd count it against the unit's start limit?
bool is_start(ActId act) {
    switch (act) {
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kSetPoolListen:
        case ActId::kRestoreConfig:
        case ActId::kApplySuggestion:
            return true;
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kRepointBackend:
        case ActId::kDebugLog:
        case ActId::kVacuumJournal:
        case ActId::kFixSocketOwner:
        case ActId::kCapturePort:
            break;
    }
    return false;
}

std::string seconds_text(Duration duration) {
    return core::format_duration(std::chrono::ceil<std::chrono::seconds>(duration));
}

// logind's own note of `shutdown -h 18:00`: USEC=..., MODE=poweroff.
void guard_shutdown(Look& look) {
    if (look.system_state == "stopping") {
        look.hold(HoldKind::kShuttingDown, "systemd", "the machine is shutting down");
        return;
    }
    const auto text = read_small_text(look.view.root + "/run/systemd/shutdown/scheduled");
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    std::optional<std::uint64_t> usec;
    std::string mode = "shutdown";
    while (!rest.empty()) {
        const std::string_view line = take_line(rest);
        if (line.starts_with("USEC=")) {
            usec = whole_number(line.substr(5));
        } else if (line.starts_with("MODE=")) {
            mode = core::sanitize(line.substr(5));
        }
    }
    const auto longest = static_cast<std::uint64_t>(Duration::max().count());
    if (!usec || *usec > longest || mode.starts_with("dry-")) {
        return;
    }
    const Duration left = TimePoint{Duration{static_cast<std::int64_t>(*usec)}} - look.now;
    if (left > Duration::zero() && left <= kShutdownIsNear) {
        look.hold(HoldKind::kShuttingDown,
                  "systemd-logind",
                  mode + " is scheduled, " + seconds_text(left) + " from now");
    }
}

void guard_packages(Look& look) {
    std::vector<std::uint32_t> seen;
    for (const char* path : package_locks()) {
        const auto holder = find_lock_holder(
            look.view.root + path, look.view.root + "/proc", look.view.since_boot());
        if (!holder || std::ranges::find(seen, holder->pid) != seen.end()) {
            continue;  // one process usually holds several
        }
        seen.push_back(holder->pid);
        look.hold(HoldKind::kPackageManager,
                  holder->name.empty() ? "package manager" : holder->name,
                  describe(*holder));
    }
}

// Since the init process began: in a container the kernel has been up for longer.
std::optional<Duration> uptime(const Look& look) {
    const auto init = glance_at_process(look.view.root + "/proc", 1);
    if (!init) {
        return std::nullopt;
    }
    return std::max(Duration::zero(), look.view.since_boot() - init->started);
}

// What was up and has failed since is healed at once, however young the machine: boot is done with
// it. What has not been up may still be on boot's list, or wait for something that is.
void guard_boot(Look& look) {
    const auto up = uptime(look);
    const bool was_up = look.unit && look.unit->last_active > TimePoint{};
    const bool is_booting = look.system_state == "initializing" || look.system_state == "starting";
    if (is_booting && (!up || *up < kLongestBoot) &&
        !(was_up && look.question.act == ActId::kStartUnit)) {
        look.hold(HoldKind::kBooting,
                  "systemd",
                  "the machine is booting (" + look.system_state +
                      (up ? ", for " + seconds_text(*up) : std::string{}) + ")");
    } else if (!was_up && look.unit && up && *up < look.question.limits.boot_grace) {
        const Duration left = look.question.limits.boot_grace - *up;
        look.hold_until(look.now + left,
                        HoldKind::kBooting,
                        "gatemend.toml",
                        "the machine came up " + seconds_text(*up) + " ago and " +
                            look.question.unit + " has not been active since; boot has another " +
                            seconds_text(left) + " for it");
    }
}

void guard_deploys(Look& look) {
    const std::string folder = look.view.root + look.view.holds;
    const HoldFolder holds = read_holds(folder, look.now, look.view.owner);
    if (!holds.problem.empty()) {
        look.hold(HoldKind::kDeploying, "deploy marker", core::sanitize(holds.problem));
    }
    for (const FoundMarker& found : holds.markers) {
        if (found.is_in_force) {
            look.hold_until(found.marker.until,
                            HoldKind::kDeploying,
                            found.marker.by.empty() ? found.name : found.marker.by,
                            "deploy marker " + folder + "/" + found.name + ": " + describe(found));
        }
    }
}

// systemd forgets its starts at the end of an interval that it does not tell, so all starts of the
// last one count; of automatic ones only their number is known, so they count while the newest
// does.
void guard_start_budget(Look& look) {
    if (!is_start(look.question.act) || !look.unit) {
        return;
    }
    const UnitState& unit = *look.unit;
    const std::string limit = std::to_string(unit.start_limit_burst) + " starts in " +
                              core::format_duration(unit.start_limit_interval);
    if (unit.result == core::UnitResult::kStartLimitHit) {
        look.hold(HoldKind::kStartBudget,
                  "systemd",
                  "systemd refuses to start " + look.question.unit + " (start-limit-hit, " + limit +
                      ") until somebody runs systemctl reset-failed");
        return;
    }
    if (unit.start_limit_burst == 0 || unit.start_limit_interval <= Duration::zero()) {
        return;
    }
    const auto is_recent = [&](TimePoint time) {
        return look.now - time < unit.start_limit_interval;  // also what is dated in the future
    };
    const auto& own = look.question.own_starts;
    auto starts = static_cast<std::uint64_t>(std::ranges::count_if(own, is_recent));
    TimePoint newest = own.empty() ? TimePoint{} : std::ranges::max(own);
    if (unit.last_active > TimePoint{} && is_recent(unit.last_active)) {
        starts = std::max<std::uint64_t>(starts + unit.restarts, 1);
        newest = std::max(newest, unit.last_active);
    }
    // Ours would be the last that systemd allows; that one is for a person.
    if (starts > 0 && starts + 1 >= unit.start_limit_burst) {
        look.hold_until(std::min(newest, look.now) + unit.start_limit_interval,
                        HoldKind::kStartBudget,
                        "systemd",
                        look.question.unit + " has been started " + std::to_string(starts) +
                            (starts == 1 ? " time" : " times") + " lately, systemd allows " +
                            limit + "; what is left is for a person");
    }
}

// "full avg10=12.34 avg60=..." -> 123; nullopt: the kernel does not tell.
std::optional<std::uint32_t> full_permille(const Look& look, const char* resource) {
    const auto text = read_small_text(look.view.root + "/proc/pressure/" + resource);
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    constexpr std::string_view kKey = "full avg10=";
    while (!rest.empty()) {
        std::string_view line = take_line(rest);
        if (!line.starts_with(kKey)) {
            continue;
        }
        line.remove_prefix(kKey.size());
        const std::size_t point = line.find('.');
        const auto percent = whole_number(line.substr(0, point));
        if (point == std::string_view::npos || !percent || *percent > 100) {
            return std::nullopt;
        }
        const auto tenth = whole_number(line.substr(point + 1, 1));
        return static_cast<std::uint32_t>(*percent * 10 + tenth.value_or(0));
    }
    return std::nullopt;
}

std::string percent_text(std::uint32_t permille) {
    const std::string tenth = permille % 10 == 0 ? "" : "." + std::to_string(permille % 10);
    return std::to_string(permille / 10) + tenth + " %";
}

void hold_pressed(Look& look, const char* resource, std::uint32_t limit) {
    const auto share = full_permille(look, resource);
    if (share && *share > limit) {
        look.hold(HoldKind::kPressure,
                  "kernel",
                  "everything that runs waited for " + std::string{resource} + " in " +
                      percent_text(*share) + " of the last 10s (/proc/pressure/" + resource +
                      "), limit " + percent_text(limit));
    }
}

void guard_pressure(Look& look) {
    const core::GuardLimits& limits = look.question.limits;
    switch (burden_of(look.question.act)) {
        case Burden::kRestart:
            hold_pressed(look, "memory", limits.memory_full_permille);
            hold_pressed(look, "io", limits.io_full_permille);
            break;
        case Burden::kStart:
            hold_pressed(
                look, "memory", std::max(limits.memory_full_permille, kHopelessMemoryPermille));
            break;
        case Burden::kNone:
            break;
    }
}

std::vector<Hold> judge(Look& look) {
    for (const auto guard : {guard_shutdown,
                             guard_packages,
                             guard_deploys,
                             guard_boot,
                             guard_start_budget,
                             guard_pressure}) {
        guard(look);
    }
    return std::move(look.holds);
}

}  // namespace

GuardView GuardView::of_this_machine() {
    GuardView view;
    // Not the event loop's clock: markers and shutdowns are dated by whoever wrote them.
    view.now = bus::wall_clock;
    view.since_boot = bus::since_boot;
    return view;
}

std::vector<TimePoint> starts_of(const core::Ledger& ledger, std::string_view unit) {
    std::vector<TimePoint> times;
    for (const core::Attempt& attempt : ledger.attempts) {
        const auto act = actions::act_from_name(attempt.act);
        // What is on record and has no outcome is about to begin: that is the one asked about.
        const bool is_done = attempt.outcome != core::ActOutcome::kPending;
        if (is_done && attempt.unit == unit && act && is_start(*act)) {
            times.push_back(attempt.time);
        }
    }
    return times;
}

Guards::Guards(bus::SystemdClient& systemd, GuardView view)
    : systemd_(systemd),
      view_(std::move(view)) {}

void Guards::check(const GuardQuestion& question,
                   std::function<void(std::vector<Hold>)> done) const {
    struct Pending {
        Look look;
        int replies_missing = 2;
        std::function<void(std::vector<Hold>)> done;
    };

    auto pending = std::make_shared<Pending>(
        Pending{.look = Look{.view = view_, .question = question, .unit = {}, .system_state = {}},
                .done = std::move(done)});
    const auto finish = [pending] {
        if (--pending->replies_missing == 0) {
            pending->look.now = pending->look.view.now();
            pending->done(judge(pending->look));
        }
    };
    systemd_.read_system_state([pending, finish](core::Result<std::string> state) {
        pending->look.system_state = state ? std::move(*state) : "";
        finish();
    });
    systemd_.read_unit(question.unit, [pending, finish](core::Result<UnitState> state) {
        if (state) {
            pending->look.unit = std::move(*state);
        }
        finish();
    });
}

}  // namespace gatemend::sandbox
