// SPDX-License-Identifier: MIT
// The causes of which a probe that waits in vain knows as little as nginx does: only a measure of
// the work that is done (work_watch.hpp) tells a busy backend from a hung one. Asked by policies
// and executor.
#pragma once

#include "core/cause.hpp"

namespace gatemend::core {

[[nodiscard]] inline bool is_about_answers(Cause cause) {
    return cause == Cause::kBackendHung || cause == Cause::kSlowBackend ||
           cause == Cause::kPoolSaturated;
}

}  // namespace gatemend::core
