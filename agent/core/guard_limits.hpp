// SPDX-License-Identifier: MIT
// Numbers of the machine guards (`[guards]` in gatemend.toml). Read by the policy reader, used by
// sandbox/tools/guards. Shares are of wall time, as the kernel counts them.
#pragma once

#include "core/time.hpp"

#include <chrono>
#include <cstdint>

namespace gatemend::core {

struct GuardLimits {
    // So long after boot nothing is started that has not been up since: boot may be about to.
    Duration boot_grace = std::chrono::seconds{60};
    // Above these no act that makes a program read itself in again. systemd-oomd begins to kill at
    // 60 % of memory pressure: a restart has to stay away from that before it comes to it.
    std::uint32_t memory_full_permille = 400;
    std::uint32_t io_full_permille = 800;

    friend bool operator==(const GuardLimits&, const GuardLimits&) = default;
};

}  // namespace gatemend::core
