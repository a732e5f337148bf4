// SPDX-License-Identifier: MIT
#include "io/log_cursor.hpp"

#include "sandbox/bus/folder_stream.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace gatemend::io {

std::optional<std::uint64_t> fingerprint_file(int fd, std::size_t bytes) {
    std::array<unsigned char, kFingerprintBytes> head{};
    if (bytes > head.size()) {
        return std::nullopt;
    }
    const ssize_t got = ::pread(fd, head.data(), bytes, 0);
    if (got < 0 || static_cast<std::size_t>(got) != bytes) {
        return std::nullopt;
    }
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (std::size_t i = 0; i < bytes; ++i) {
        hash = (hash ^ head.at(i)) * 0x100000001b3U;
    }
    return hash;
}

bool is_same_log(int fd, const LogCursor& cursor) {
    struct stat info {};

    return ::fstat(fd, &info) == 0 && info.st_dev == cursor.device && info.st_ino == cursor.inode &&
           static_cast<std::uint64_t>(info.st_size) >= cursor.offset &&
           fingerprint_file(fd, cursor.fingerprint_bytes) == cursor.fingerprint;
}

std::string find_rotated(const std::string& path, const LogCursor& cursor) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return "";
    }
    const std::string folder = path.substr(0, slash + 1);
    const std::string name = path.substr(slash + 1);
    const bus::FolderStream dir{::opendir(folder.c_str())};
    for (int seen = 0; dir != nullptr && seen < kMaxSiblings; ++seen) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
        const dirent* entry = ::readdir(dir.get());
        if (entry == nullptr) {
            break;
        }
        const std::string_view found(entry->d_name);
        if (entry->d_ino != cursor.inode || !found.starts_with(name) || found == name) {
            continue;
        }
        std::string candidate = folder + std::string(found);
        const bus::UniqueFd fd(
            ::open(candidate.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW));
        if (fd.is_open() && is_same_log(fd.get(), cursor)) {
            return candidate;
        }
    }
    return "";
}

}  // namespace gatemend::io
