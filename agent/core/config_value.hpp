// SPDX-License-Identifier: MIT
// Numbers as configurations spell them: nginx, PHP and FPM agree on "16k", "1m30s". Used by the
// readers of configurations and by suggestions. What is not understood is no value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

// "5"; nullopt for anything else, and from ten digits on.
[[nodiscard]] std::optional<std::uint64_t> config_number(std::string_view text);

// "16k", "1m", "128M" in bytes; nullopt for anything else.
[[nodiscard]] std::optional<std::uint64_t> config_bytes(std::string_view text);

// "60", "60s", "1m30s", "500ms" in milliseconds; nullopt for anything else.
[[nodiscard]] std::optional<std::uint64_t> config_milliseconds(std::string_view text);

// The largest unit that leaves no rest: "16k", "256M".
[[nodiscard]] std::string config_size(std::uint64_t bytes);

}  // namespace gatemend::core
