// SPDX-License-Identifier: MIT
// Deploy markers: files in /run/gatemend/hold.d, each of which says that somebody is at work and
// for how long. Written by `gatemend hold` or by hand (root alone), read by the guards. Lines of
// key=value: until (RFC 3339, UTC; required), by, reason, pid. An empty file holds for 15 minutes
// from its mtime. Must never be believed when anybody but root could have written it.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

inline constexpr const char* kHoldFolder = "/run/gatemend/hold.d";
inline constexpr std::size_t kMaxMarkerBytes = 4096;
inline constexpr std::size_t kMaxMarkerFiles = 1024;
// Whatever a marker says, from its mtime.
inline constexpr core::Duration kLongestHold = std::chrono::hours{24};
inline constexpr core::Duration kTouchedHold = std::chrono::minutes{15};  // empty: `touch`
inline constexpr core::Duration kGarbledHold = std::chrono::hours{1};

struct HoldMarker {
    core::TimePoint until{};
    std::string by{};
    std::string reason{};
    std::uint32_t pid = 0;  // of the `gatemend hold` that runs a command; 0: none

    friend bool operator==(const HoldMarker&, const HoldMarker&) = default;
};

[[nodiscard]] std::string encode_marker(const HoldMarker& marker);
// The text of a file that is not empty; unknown keys are skipped, all else has to be right.
[[nodiscard]] core::Result<HoldMarker> decode_marker(std::string_view text);

struct FoundMarker {
    std::string name;         // of the file, sanitized
    HoldMarker marker{};      // `until` as it counts
    std::string note{};       // "" or what is odd about it: "touched, says nothing", "line 2: ..."
    bool is_believed = true;  // false: somebody else could have written it; `note` says why
    bool is_in_force = false;

    friend bool operator==(const FoundMarker&, const FoundMarker&) = default;
};

struct HoldFolder {
    std::vector<FoundMarker> markers;  // by name
    std::string problem{};             // not empty: there may be markers that could not be seen
};

// `owner`: who alone may write there. An absent folder has no markers; one that others can write to
// has none that count.
[[nodiscard]] HoldFolder read_holds(const std::string& folder, core::TimePoint now, uid_t owner);

// "alice, pid 812, until 2026-11-21T22:40:00Z: release 42"
[[nodiscard]] std::string describe(const FoundMarker& found);

}  // namespace gatemend::sandbox
