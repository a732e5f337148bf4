// SPDX-License-Identifier: MIT
// Guards: who else is at work on this machine, or how badly it is doing, so that an act has to
// wait. Asked by the executor before it permits and before it performs, and by a dry run. Looks
// only: takes no lock, writes nothing, changes nothing. What cannot be seen holds nothing back,
// unless it is a person's word (a marker that cannot be read).
#pragma once

#include "actions/catalogue.hpp"
#include "core/guard_limits.hpp"
#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/hold_marker.hpp"

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

// A boot that takes longer than this does not end; what fails meanwhile is healed again.
inline constexpr core::Duration kLongestBoot = std::chrono::minutes{10};
// A shutdown that is scheduled is near enough from here on.
inline constexpr core::Duration kShutdownIsNear = std::chrono::seconds{60};
// Of memory pressure: not even what is down is started, it would not come up.
inline constexpr std::uint32_t kHopelessMemoryPermille = 900;

// Where to look, and what the time is; replaced in tests.
struct GuardView {
    std::string root{};  // before every path below
    std::string holds = kHoldFolder;
    uid_t owner = 0;                             // who may write markers
    std::function<core::TimePoint()> now;        // the clock that files and systemd are dated by
    std::function<core::Duration()> since_boot;  // CLOCK_BOOTTIME

    [[nodiscard]] static GuardView of_this_machine();
};

struct GuardQuestion {
    std::string unit;  // the act's target
    actions::ActId act{};
    core::GuardLimits limits{};
    std::vector<core::TimePoint> own_starts{};  // by us, of this unit
};

// The attempts of `ledger` that have started or restarted `unit`.
[[nodiscard]] std::vector<core::TimePoint> starts_of(const core::Ledger& ledger,
                                                     std::string_view unit);

class Guards {
  public:
    Guards(bus::SystemdClient& systemd, GuardView view);

    // Every guard that is in force; none: the act may go on. `done` is called exactly once.
    void check(const GuardQuestion& question,
               std::function<void(std::vector<core::Hold>)> done) const;

  private:
    bus::SystemdClient& systemd_;
    GuardView view_;
};

}  // namespace gatemend::sandbox
