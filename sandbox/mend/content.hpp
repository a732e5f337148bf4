// SPDX-License-Identifier: MIT
// What stands in a file, and what else has to be kept of it. Only regular files of root's that
// others cannot write are read, and never more than kMaxFileBytes.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/place.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace gatemend::mend {

inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;

struct Content {
    std::string bytes;

    struct stat info {};
};

[[nodiscard]] core::Result<Content> read_content(const Machine& machine, const Place& place);

// nullopt: there is no such file.
[[nodiscard]] core::Result<std::optional<Content>> find_content(const Machine& machine,
                                                                const Place& place);

// Everything that `fd` holds, up to the limit.
[[nodiscard]] core::Result<std::string> read_all(int fd, std::size_t limit);
[[nodiscard]] core::Status write_all(int fd, const std::string& bytes);

}  // namespace gatemend::mend
