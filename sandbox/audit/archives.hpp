// SPDX-License-Identifier: MIT
// Where the older parts of a record lie. `audit.jsonl` is always the newest part; when it is full,
// its content becomes `audit.old/audit.jsonl.17`, the number counting on for ever. The part that is
// being copied is called `.new` until its successor is on disk. Used by audit_file and the readers.
//
// Why a copy and not a rename: the folder of the record belongs to root, so the agent could not
// rename its own; and the file keeps its owner, group, lock and readers.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

// More files than this in the folder of older parts are not ours.
inline constexpr std::size_t kMaxArchiveEntries = 1000;

struct Archives {
    std::vector<std::uint64_t> numbers;       // oldest first
    std::optional<std::uint64_t> unfinished;  // a rotation stopped half-way, or runs just now

    friend bool operator==(const Archives&, const Archives&) = default;
};

[[nodiscard]] std::string archive_folder(std::string_view path);                 // "/x/audit.old"
[[nodiscard]] std::string archive_name(std::string_view path, std::uint64_t n);  // "audit.jsonl.17"
[[nodiscard]] std::string archive_path(std::string_view path, std::uint64_t n);
[[nodiscard]] std::string unfinished_path(std::string_view path, std::uint64_t n);
// The number in the name of a part of `path`; nothing for any other name.
[[nodiscard]] std::optional<std::uint64_t> archive_number(std::string_view path,
                                                          std::string_view name);

// No folder: none.
[[nodiscard]] core::Result<Archives> list_archives(const std::string& path);

// Does `path` still hold what was copied to `copy`, or the beginning of it? If not, it was emptied
// already and the copy is what there is.
[[nodiscard]] core::Result<bool> is_still_whole(const std::string& path, const std::string& copy);

// Makes the folder if it is absent.
[[nodiscard]] core::Status make_archive_folder(const std::string& path);
// On disk when it returns.
[[nodiscard]] core::Status sync_archive_folder(const std::string& path);
// The first `size` bytes of `fd` into a new file; on disk when it returns, gone when it fails.
[[nodiscard]] core::Status copy_to_archive(int fd, std::uint64_t size, const std::string& target);

// The file from its beginning, in pieces of at most 64 KiB; regular files only, never a link.
[[nodiscard]] core::Status read_pieces(const std::string& path,
                                       const std::function<void(std::string_view)>& take);
// At most `size` bytes at its beginning, or its end.
[[nodiscard]] core::Result<std::string> read_beginning(const std::string& path, std::size_t size);
[[nodiscard]] core::Result<std::string> read_end(const std::string& path, std::size_t size);

}  // namespace gatemend::sandbox
