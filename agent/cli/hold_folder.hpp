// SPDX-License-Identifier: MIT
// Writes and removes markers in /run/gatemend/hold.d; what they say and who reads them:
// sandbox/tools/hold_marker.hpp. Called by `gatemend hold`.
#pragma once

#include "core/result.hpp"
#include "sandbox/tools/hold_marker.hpp"

#include <sys/types.h>

#include <string>

namespace gatemend::cli {

// All of it or nothing. An error also where the guards would not believe it afterwards.
[[nodiscard]] core::Status write_hold(const std::string& folder,
                                      const std::string& name,
                                      const sandbox::HoldMarker& marker,
                                      uid_t owner);
// One that is gone already is removed.
[[nodiscard]] core::Status remove_hold(const std::string& folder, const std::string& name);

}  // namespace gatemend::cli
