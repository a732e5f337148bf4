// SPDX-License-Identifier: MIT
// A user and all its groups, as the user database knows them.
#pragma once

#include "core/result.hpp"
#include "sandbox/inspect/permission.hpp"

#include <string>

namespace gatemend::inspect {

// From a user's name or number.
[[nodiscard]] core::Result<Identity> find_identity(const std::string& user);

}  // namespace gatemend::inspect
