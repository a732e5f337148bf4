// SPDX-License-Identifier: MIT
// When links last changed that have units started with others or by another name: what `systemctl
// enable` makes and `disable` removes, without a job that would tell. Read by the systemd client,
// of what is down and disabled alone. Looks at times of root's folders, never at what is in the
// links.
#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatemend::bus {

inline constexpr std::size_t kMaxLinkEntries = 4096;

// The epoch: there are none. The far future: it cannot be seen.
[[nodiscard]] core::TimePoint unit_links_changed();

// Likewise, below these folders.
[[nodiscard]] core::TimePoint unit_links_changed_below(const std::vector<std::string>& folders);

}  // namespace gatemend::bus
