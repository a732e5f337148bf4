// SPDX-License-Identifier: MIT
// Small texts of the kernel (/proc, /sys/fs/cgroup) and how to take numbers out of them. Used by
// all of sandbox/inspect. Reads regular kernel files of fixed names only, at most `limit` bytes of
// each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::inspect {

// Where the kernel's files are; replaced in tests.
struct Roots {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
};

// Looking ends here even where a machine has very many processes; what is left stays absent.
using Deadline = std::chrono::steady_clock::time_point;

[[nodiscard]] bool is_over(Deadline deadline);

inline constexpr std::size_t kMaxProcText = std::size_t{16} * 1024;

// nullopt: cannot be read. Longer files are cut at `limit`.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path,
                                                   std::size_t limit = kMaxProcText);

// The decimal number at the start of `text`, blanks before it skipped; nullopt when there is none.
[[nodiscard]] std::optional<std::uint64_t> leading_number(std::string_view text);

// "MemTotal:  123 kB" with key "MemTotal:" -> 123; keys stand at the start of a line.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text,
                                                        std::string_view key);

// "12.3456" -> 12345
[[nodiscard]] std::optional<std::uint32_t> decimal_permille(std::string_view text);

// Takes the next line, without its end, off the front.
[[nodiscard]] std::string_view take_line(std::string_view& text);
// Takes what stands before the next blank off the front, and the blank.
[[nodiscard]] std::string_view take_word(std::string_view& text);

}  // namespace gatemend::inspect
