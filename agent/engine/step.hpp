// SPDX-License-Identifier: MIT
// step(): the whole engine. One event in, effects out. No I/O, no clock, no threads, no randomness;
// the same state and event always give the same effects in the same order.
#pragma once

#include "core/event.hpp"
#include "engine/effect.hpp"
#include "engine/state.hpp"

namespace gatemend::engine {

[[nodiscard]] Effects step(State& state, const core::Event& event);

}  // namespace gatemend::engine
