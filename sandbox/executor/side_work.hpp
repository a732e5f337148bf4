// SPDX-License-Identifier: MIT
// SideWork: what a unit's processes do besides answering visitors: a job that a page has left
// behind, a queue's worker next to the server. No connection tells of it, and a restart ends it
// with everything else in the control group. Who works is told from who only waits by looks one
// after the other. Pure; kept by work_guard, which asks where a socket is lost.
#pragma once

#include "core/inspection.hpp"
#include "core/time.hpp"
#include "core/work_watch.hpp"

#include <string>
#include <vector>

namespace gatemend::sandbox {

struct SideWork {
    // As of the newest look, by pid. Of PHP-FPM neither master nor workers: what these do is told
    // by connections (core::background_of).
    std::vector<core::Worker> crew{};
    core::TimePoint since{};     // nothing was at work from this answer on
    core::TimePoint until{};     // when the newest look was asked for
    core::TimePoint answered{};  // likewise, answered
    std::string seen{};          // what was at work last, "php (pid 812) is running"; "": nothing
};

// A row ends where nobody has looked for longer than this: what was done meanwhile says nothing
// about now.
inline constexpr core::Duration kLongestGap = std::chrono::seconds{15};
inline constexpr core::Duration kRest = std::chrono::seconds{2};
// What was seen at work may only have paused.
inline constexpr core::Duration kRestAfterWork = std::chrono::seconds{10};

void note_side_work(SideWork& work, const core::WorkLook& look);

// There is nobody who could work, or all have only waited for kRest, or for kRestAfterWork where
// somebody was seen at work before.
[[nodiscard]] bool is_resting(const SideWork& work);

}  // namespace gatemend::sandbox
