// SPDX-License-Identifier: MIT
// Copies of a unit's configuration as it passed its test, for restore-config to go back to.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatemend::mend {

inline constexpr std::size_t kMaxKeptFiles = 2000;
inline constexpr std::size_t kMaxKeptBytes = std::size_t{16} << 20U;

// Below Machine::good/UNIT, under the path of the original; each file is the old one or the new
// one. Copies of files that are gone are removed. Links, keys (PEM) and what is not root's alone
// are left out. Notes for people.
[[nodiscard]] core::Result<std::vector<std::string>> keep_good(const Machine& machine,
                                                               const std::string& unit);

}  // namespace gatemend::mend
