// SPDX-License-Identifier: MIT
// Small texts of the kernel and of systemd (/proc, /run/systemd), and numbers in them. Used by the
// guards. Follows no link in the last component and never waits.
#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxSmallText = 4096;

// nullopt: not there, no regular file, or not to be read. Cut at `limit`.
[[nodiscard]] std::optional<std::string> read_small_text(const std::string& path,
                                                         std::size_t limit = kMaxSmallText);
// The same from an open file, from where it stands.
[[nodiscard]] std::optional<std::string> read_small_text(int fd, std::size_t limit = kMaxSmallText);

// All of `text` is one decimal number.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text);

// Takes the next line, without its end, off the front.
[[nodiscard]] std::string_view take_line(std::string_view& text);

// One process, as /proc/PID/stat tells it.
struct ProcessGlance {
    std::string name;          // sanitized; at most 15 bytes of it
    core::Duration started{};  // after the kernel's boot
};

[[nodiscard]] std::optional<ProcessGlance> glance_at_process(const std::string& proc,
                                                             std::uint32_t pid);

}  // namespace gatemend::sandbox
