// SPDX-License-Identifier: MIT
#include "sandbox/executor/side_work.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Worker;

// What waking up to wait again costs, in a second.
constexpr std::uint64_t kIdleTicks = 2;
// What a script has left behind neither reads nor writes while it waits; servers have clocks of
// their own.
constexpr std::uint64_t kIdleBytes = 1024;

bool is_fpms_own(const core::WorkLook& look, const Worker& worker) {
    const auto& listeners = look.inspection.listeners;
    const bool is_master =
        listeners && std::ranges::any_of(*listeners, [&worker](const core::Listener& listener) {
            return listener.is_main && listener.pid == worker.pid;
        });
    return look.role == core::ServiceRole::kPhpFpm && (is_master || !worker.pool.empty());
}

std::vector<Worker> crew_of(const core::WorkLook& look) {
    std::vector<Worker> crew;
    std::ranges::copy_if(
        look.inspection.workers, std::back_inserter(crew), [&look](const Worker& worker) {
            return !worker.is_nginx && !is_fpms_own(look, worker);
        });
    std::ranges::sort(crew, {}, &Worker::pid);
    return crew;
}

const Worker* find_same(const std::vector<Worker>& crew, const Worker& worker) {
    const auto found = std::ranges::find(crew, worker.pid, &Worker::pid);
    return found != crew.end() && found->started == worker.started ? &*found : nullptr;
}

std::string who(const Worker& worker) {
    return worker.command + " (pid " + std::to_string(worker.pid) + ")";
}

std::string find_running(const std::vector<Worker>& crew) {
    for (const Worker& worker : crew) {
        if (worker.state == 'R' || worker.state == 'D') {
            return who(worker) + (worker.state == 'R' ? " is running" : " waits for a disk");
        }
    }
    return {};
}

bool has_grown(std::uint64_t before, std::uint64_t now, std::uint64_t noise) {
    return now > before && now - before > noise;
}

// Between two looks with `gap` between them.
std::string find_done(const std::vector<Worker>& before,
                      const std::vector<Worker>& now,
                      core::Duration gap,
                      core::ServiceRole role) {
    const auto seconds =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(gap).count()) +
        1;
    const std::uint64_t bytes = role == core::ServiceRole::kPhpFpm ? 0 : kIdleBytes * seconds;
    for (const Worker& worker : now) {
        const Worker* same = find_same(before, worker);
        if (same == nullptr) {
            return who(worker) + " has begun";
        }
        if (has_grown(same->ticks, worker.ticks, kIdleTicks * seconds) ||
            has_grown(same->io_bytes, worker.io_bytes, bytes)) {
            return who(worker) + " has worked";
        }
    }
    const auto gone = std::ranges::find_if(
        before, [&now](const Worker& worker) { return find_same(now, worker) == nullptr; });
    return gone == before.end() ? std::string{} : who(*gone) + " has ended";
}

}  // namespace

void note_side_work(SideWork& work, const core::WorkLook& look) {
    std::vector<Worker> crew = crew_of(look);
    const core::Duration gap = look.answered - work.answered;
    const bool goes_on = core::Duration{} <= gap && gap <= kLongestGap;
    std::string seen = find_running(crew);
    if (seen.empty() && goes_on) {
        seen = find_done(work.crew, crew, gap, look.role);
    }
    if (!seen.empty() || !goes_on) {
        work.since = look.answered;
        work.seen = std::move(seen);
    }
    work.until = look.asked;
    work.answered = look.answered;
    work.crew = std::move(crew);
}

bool is_resting(const SideWork& work) {
    const core::Duration needed = work.seen.empty() ? kRest : kRestAfterWork;
    return work.crew.empty() || work.until - work.since >= needed;
}

}  // namespace gatemend::sandbox
