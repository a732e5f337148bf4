// SPDX-License-Identifier: MIT
// Which of the listening sockets is a unit's own: bound to the address that was asked about, held
// by the unit's main process (systemd names it, /proc shows what it holds), and reached by the path
// as nginx goes it. Used before an owner is changed. Pure.
#pragma once

#include "core/inspection.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>

namespace gatemend::sandbox {

// Its cookie. The error says who stands in its place.
[[nodiscard]] core::Result<std::uint64_t> find_own_socket(const core::Inspection& inspection,
                                                          const std::string& unit,
                                                          const std::string& address);

}  // namespace gatemend::sandbox
