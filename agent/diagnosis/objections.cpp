// SPDX-License-Identifier: MIT
#include "diagnosis/objections.hpp"

#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"

#include <algorithm>

namespace gatemend::diagnosis {
namespace {

void add(std::vector<core::Objected>& found, core::Objection kind, std::string text) {
    found.push_back({kind, std::move(text)});
}

// False: known, and not a time that can be read.
bool extend(core::Duration& longest, const core::ConfigLine& line) {
    const auto milliseconds = core::config_milliseconds(line.value);
    if (!milliseconds || *milliseconds > static_cast<std::uint64_t>(kLongestWait.count() / 1000)) {
        return line.value.empty();
    }
    longest = std::max<core::Duration>(longest, std::chrono::milliseconds{*milliseconds});
    return true;
}

bool is_look_fresh(const Findings& findings) {
    return findings.work.looks > 0 && findings.now - findings.work.until <= kLookAge;
}

// The backend at which nobody waits, or only since a moment ago; nullptr: there is none.
const core::Backend* find_idle(const Findings& findings) {
    for (const core::Backend& backend : findings.backends) {
        const core::Listener* listener =
            findings.inspection ? findings.inspection->find_listener(core::real_address(backend))
                                : nullptr;
        if (listener == nullptr ||
            core::waited_at(findings.work, listener->address) < kShortestWait) {
            return &backend;
        }
    }
    return nullptr;
}

// Where somebody is served whom nginx has not sent: a client of another kind, of a pool of its own.
const core::Listener* find_unnamed(const Findings& findings) {
    if (!findings.inspection || !findings.inspection->listeners) {
        return nullptr;
    }
    for (const core::Listener& listener : *findings.inspection->listeners) {
        const bool is_own = listener.unit == findings.unit_name &&
                            (listener.is_main || findings.role != core::ServiceRole::kPhpFpm);
        const bool is_named = std::any_of(
            findings.backends.begin(), findings.backends.end(), [&](const core::Backend& backend) {
                return core::is_answered_by(core::real_address(backend), listener);
            });
        const bool is_used = listener.connections.value_or(1) > 0 || listener.queue > 0;
        if (is_own && !is_named && is_used) {
            return &listener;
        }
    }
    return nullptr;
}

void object_to_other_work(const Findings& findings, std::vector<core::Objected>& found) {
    if (!findings.inspection) {
        return;
    }
    const core::Background background = core::background_of(*findings.inspection);
    if (std::string words = core::background_words(background); !words.empty()) {
        add(found,
            background.workers > 0 ? core::Objection::kWorkersAtWork : core::Objection::kUnmeasured,
            std::move(words));
    }
    if (const core::Listener* listener = find_unnamed(findings); listener != nullptr) {
        add(found,
            core::Objection::kUnmeasured,
            "somebody may be served at " + listener->address +
                ", which nginx does not name: how long they wait is not known");
    }
}

std::uint64_t count_workers(const core::Inspection& inspection, const std::string& pool) {
    return static_cast<std::uint64_t>(std::count_if(
        inspection.workers.begin(), inspection.workers.end(), [&](const auto& worker) {
            return !worker.is_nginx && worker.pool == pool;
        }));
}

// FPM starts workers up to the limit while visitors wait, unless it is about to stop or to begin
// anew.
std::string find_short_pool(const Findings& findings) {
    if (findings.role != core::ServiceRole::kPhpFpm || !findings.inspection ||
        findings.inspection->workers.empty() || findings.work.newest.is_stopped) {
        return {};
    }
    for (const core::Backend& backend : findings.backends) {
        const core::Listener* listener =
            findings.inspection->find_listener(core::real_address(backend));
        if (listener == nullptr || listener->queue == 0) {
            continue;  // with nobody waiting a pool keeps as few as it likes
        }
        const auto most = core::config_number(backend.fpm.max_children.value);
        const std::uint64_t now = count_workers(*findings.inspection, backend.pool);
        if (most && !backend.pool.empty() && now < *most) {
            return "pool " + backend.pool + " has " + std::to_string(now) + " of " +
                   std::to_string(*most) + " workers: PHP-FPM starts, stops or reloads";
        }
    }
    return {};
}

void object_to_change(const Findings& findings, std::vector<core::Objected>& found) {
    if (findings.work.looks > 0 && findings.work.newest.is_traced) {
        add(found,
            core::Objection::kTraced,
            "a debugger or a frozen control group holds a process of the unit");
    }
    if (findings.unit &&
        (findings.unit->active == core::ActiveState::kReloading || findings.unit->has_job)) {
        add(found, core::Objection::kReloading, findings.unit_name + " is being reloaded");
    }
}

// Any answer at all, unless it is the failure itself.
bool is_answered(const Findings& findings) {
    constexpr std::uint32_t kServerError = 500;
    return is_probe_good(findings) && findings.probe->status < kServerError;
}

void object_to_cut(const Findings& findings, std::vector<core::Objected>& found) {
    const auto needed = stillness_needed(findings.backends);
    const auto is_recent = [&](core::TimePoint time) {
        return !needed || findings.now - time < *needed;
    };
    if (const std::string text = find_short_pool(findings); !text.empty()) {
        add(found, core::Objection::kReloading, text);
    }
    const core::WorkWatch& work = findings.work;
    if (work.moved && is_recent(work.moved_at)) {
        add(found,
            work.moved->kind,
            work.moved->text + ", " + core::format_duration(findings.now - work.moved_at) + " ago");
    }
    if (work.looks < 2 && !work.moved) {
        add(found,
            core::Objection::kWorkersAtWork,
            "whether its workers do anything is not known yet");
    }
    const Sighting* full = find_clue(findings, {core::Clue::kMaxChildren});
    if (full != nullptr && is_recent(full->last)) {
        add(found, core::Objection::kMaxChildren, describe(*full));
    }
    if (!needed) {
        add(found,
            core::Objection::kUnmeasured,
            "how long nginx waits for this backend is not known, or too long to be waited out");
    } else if (!is_look_fresh(findings) || core::row_of(work) < *needed) {
        add(found,
            core::Objection::kUnmeasured,
            "nothing has moved for " + core::format_duration(core::row_of(work)) + ", of " +
                core::format_duration(*needed) + " after which nobody could still be answered");
    }
    if (const core::Backend* idle = find_idle(findings);
        idle != nullptr || findings.backends.empty()) {
        add(found,
            core::Objection::kUnmeasured,
            idle == nullptr ? "no backend is known"
                            : "nobody waits at " + idle->address + ": nothing is asked of it");
    }
    object_to_other_work(findings, found);
}

bool cuts_something(const core::Objected& item) {
    return item.kind != core::Objection::kTraced;
}

}  // namespace

std::optional<core::Duration> longest_wait(const std::vector<core::Backend>& backends) {
    core::Duration longest{};
    for (const core::Backend& backend : backends) {
        const bool is_known = !backend.longest_wait.value.empty() &&
                              extend(longest, backend.longest_wait) &&
                              extend(longest, backend.fpm.terminate_timeout) &&
                              extend(longest, backend.fpm.control_timeout);
        if (!is_known) {
            return std::nullopt;
        }
    }
    return backends.empty() ? std::nullopt : std::optional{longest};
}

std::optional<core::Duration> stillness_needed(const std::vector<core::Backend>& backends) {
    const auto longest = longest_wait(backends);
    return longest ? std::optional<core::Duration>{2 * std::max<core::Duration>(*longest,
                                                                                kShortestWait)}
                   : std::nullopt;
}

bool is_stopped_for_certain(const Findings& findings) {
    return is_look_fresh(findings) && core::is_proven_stopped(findings.work);
}

std::vector<core::Objected> find_objections(const Findings& findings) {
    std::vector<core::Objected> found;
    if (is_unit_up(findings)) {
        object_to_change(findings, found);
        const core::Listener* listener = find_own_listener(findings);
        if (listener != nullptr && listener->is_reachable) {
            add(found, core::Objection::kReachable, listener->address + " leads to its listener");
        }
    }
    if (is_answered(findings)) {
        add(found, core::Objection::kAnswered, probe_sentence(findings));
    }
    if (is_unit_up(findings) && !is_stopped_for_certain(findings)) {
        object_to_cut(findings, found);
    }
    return found;
}

bool is_hung_for_certain(const Findings& findings) {
    if (is_stopped_for_certain(findings)) {
        return true;
    }
    std::vector<core::Objected> against;
    object_to_change(findings, against);
    object_to_cut(findings, against);
    return std::none_of(against.begin(), against.end(), cuts_something);
}

std::string work_words(const Findings& findings) {
    const core::WorkWatch& work = findings.work;
    if (work.looks == 0 && !work.moved) {
        return {};
    }
    const core::Duration row = core::row_of(work);
    if (work.moved && row == core::Duration{}) {
        return work.moved->text;
    }
    const std::string still =
        "no process of " + findings.unit_name + " has moved for " + core::format_duration(row);
    std::vector<core::Objected> others;
    object_to_other_work(findings, others);
    if (!others.empty() && !is_stopped_for_certain(findings)) {
        return still + ", but hung it is not called: " + others.front().text;
    }
    const auto needed = stillness_needed(findings.backends);
    return still + (needed ? "; hung it is called after " + core::format_duration(*needed) +
                                 ", twice the longest that anybody waits"
                           : "; how long nginx waits is not known, so this proves nothing");
}

}  // namespace gatemend::diagnosis
