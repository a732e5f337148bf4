// SPDX-License-Identifier: MIT
#include "sandbox/bus/timers.hpp"

#include <utility>

namespace gatemend::bus {

void Timers::call_after(core::Duration delay, std::function<void()> then) {
    const std::uint64_t id = next_++;
    running_[id] = loop_.add_timer(delay, [this, id, then = std::move(then)] {
        const Source ended = std::move(running_[id]);  // ours until `then` has returned
        running_.erase(id);
        then();
    });
}

}  // namespace gatemend::bus
