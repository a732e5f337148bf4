// SPDX-License-Identifier: MIT
// The folder of captures: makes room for a new one and opens it. Used by the act capture-port.
// Removes nothing but captures of its own making.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace gatemend::actions {

inline constexpr std::size_t kMaxCaptures = 10;

[[nodiscard]] std::string capture_name(std::uint64_t attempt);  // "7.pcap"

// A new file, root's alone; the oldest captures beyond kMaxCaptures, this one counted, are gone.
[[nodiscard]] core::Result<bus::UniqueFd> open_capture(const std::string& folder,
                                                       std::uint64_t attempt);
// Of a capture that could not begin.
void remove_capture(const std::string& folder, std::uint64_t attempt);

}  // namespace gatemend::actions
