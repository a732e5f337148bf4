// SPDX-License-Identifier: MIT
// Waits for one answer by running the event loop, for commands that ask one thing after the other.
// Never without a deadline; an answer that comes after it is dropped.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace gatemend::cli {

template <class Value>
using Answer = std::function<void(core::Result<Value>)>;

template <class Value>
core::Result<Value> await(bus::EventLoop& loop,
                          core::Duration patience,
                          const std::function<void(Answer<Value>)>& ask) {
    // Shared with the question: it may be answered when nobody waits any more.
    const auto slot = std::make_shared<std::optional<core::Result<Value>>>();
    ask([slot](core::Result<Value> answer) { slot->emplace(std::move(answer)); });
    constexpr std::uint64_t kTurnUsec = 1'000'000;
    const core::TimePoint give_up = loop.now() + patience;
    while (!*slot && loop.now() < give_up && sd_event_run(loop.raw(), kTurnUsec) >= 0) {
    }
    if (!*slot) {
        return core::Error{"no answer in time"};
    }
    return *std::move(*slot);
}

}  // namespace gatemend::cli
