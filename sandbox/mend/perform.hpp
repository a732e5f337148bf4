// SPDX-License-Identifier: MIT
// An order carried out: the one function behind gatemend-mend's main().
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/order.hpp"
#include "sandbox/mend/worker.hpp"

namespace gatemend::mend {

// `worker` is looked at by the commands that have one.
[[nodiscard]] core::Result<actions::Mending> perform(const Machine& machine,
                                                     const Order& order,
                                                     const Worker& worker);

[[nodiscard]] bool needs_worker(Command command);

}  // namespace gatemend::mend
