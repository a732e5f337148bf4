// SPDX-License-Identifier: MIT
// What speaks against an act that can interrupt requests, out of everything that is known of a
// service; and when it is certain that nothing happens any more. Used by judge_hung and by the
// engine. Pure.
#pragma once

#include "core/objection.hpp"
#include "diagnosis/diagnosis.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

// However little nginx waits, scripts may take this long.
inline constexpr core::Duration kShortestWait = std::chrono::seconds{30};
// Longer waits than this are not measured out: nobody can tell then.
inline constexpr core::Duration kLongestWait = std::chrono::minutes{30};
// The newest look must not be older when something is concluded from it; they are made every minute
// at least.
inline constexpr core::Duration kLookAge = std::chrono::seconds{90};

// The longest that anything configured for these backends allows a request or a reload to take:
// nginx's read timeouts in all locations, FPM's request_terminate_timeout and
// process_control_timeout. nullopt: one of them is not known, or longer than kLongestWait.
[[nodiscard]] std::optional<core::Duration> longest_wait(
    const std::vector<core::Backend>& backends);

// How long nothing may move before that means anything: twice the longest wait. Whoever was waiting
// when the looks began is gone then, and so is whoever came while those still waited; what has
// begun later stands behind work that has not moved for all that time.
[[nodiscard]] std::optional<core::Duration> stillness_needed(
    const std::vector<core::Backend>& backends);

// Everything that holds now, for whatever act; the unit is up unless said otherwise in Objection.
[[nodiscard]] std::vector<core::Objected> find_objections(const Findings& findings);

// All processes of the unit are stopped, seen twice.
[[nodiscard]] bool is_stopped_for_certain(const Findings& findings);
// That, or: nothing has moved for stillness_needed(), and visitors wait at every backend.
[[nodiscard]] bool is_hung_for_certain(const Findings& findings);
// "nothing has moved for 45s ..." or what moved last; "" when there was no look.
[[nodiscard]] std::string work_words(const Findings& findings);

}  // namespace gatemend::diagnosis
