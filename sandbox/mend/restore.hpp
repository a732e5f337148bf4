// SPDX-License-Identifier: MIT
// Earlier versions of a configuration file: what passed its test when gatemend last looked
// (keep.hpp), what its snapshots hold, what packages and people left beside it. Which of them
// passes is for the configuration test to say; here they are only put in order, newest first.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/order.hpp"

#include <optional>
#include <string>

namespace gatemend::mend {

struct Restored {
    std::string path;  // links resolved
    std::optional<std::string> before{};
    std::string after{};
    std::string source{};           // the kept version's own path
    bool is_source_private = true;  // nobody but root can read the kept version, or could then
    std::string note{};             // where it comes from and of when it is
};

// The order's version, or its candidate. An error when there is no such version, or when the file
// is none of the unit's configuration.
[[nodiscard]] core::Result<Restored> find_version(const Machine& machine, const Order& order);

}  // namespace gatemend::mend
