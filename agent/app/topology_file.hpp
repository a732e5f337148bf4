// SPDX-License-Identifier: MIT
// The topology as JSON: remembered on disk, so that discovery still answers when `nginx -T` does
// not (broken configuration, nginx gone); and as the operator's documents print it.
#pragma once

#include "core/topology.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::app {

inline constexpr std::size_t kMaxTopologyFile = std::size_t{4} * 1024 * 1024;

[[nodiscard]] std::string encode_topology(const core::Topology& topology);
// nullopt for anything that encode_topology does not write; unit names are validated.
[[nodiscard]] std::optional<core::Topology> decode_topology(std::string_view text);

}  // namespace gatemend::app
