// SPDX-License-Identifier: MIT
// LogCursor: where a log has been read to, recognisable after a restart. Device and inode name the
// file; the fingerprint of its first bytes tells a truncated or recycled inode from the same file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gatemend::io {

inline constexpr std::size_t kFingerprintBytes = 256;

struct LogCursor {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;             // of the first byte not yet delivered as a whole line
    std::uint64_t fingerprint = 0;        // over the first fingerprint_bytes
    std::uint32_t fingerprint_bytes = 0;  // fewer than kFingerprintBytes while the file is shorter

    friend bool operator==(const LogCursor&, const LogCursor&) = default;
};

// FNV-1a over the first `bytes` bytes of an open file; nullopt when it has fewer.
[[nodiscard]] std::optional<std::uint64_t> fingerprint_file(int fd, std::size_t bytes);

// Is `fd` the file that `cursor` was taken of, not truncated below it since?
[[nodiscard]] bool is_same_log(int fd, const LogCursor& cursor);

// A rotated log: the file beside `path` ("error.log.1", "error.log-20261121") that `cursor` was
// taken of. Looks at no more than kMaxSiblings directory entries. "" when there is none.
inline constexpr int kMaxSiblings = 4096;
[[nodiscard]] std::string find_rotated(const std::string& path, const LogCursor& cursor);

}  // namespace gatemend::io
