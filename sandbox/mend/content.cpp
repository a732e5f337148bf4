// SPDX-License-Identifier: MIT
#include "sandbox/mend/content.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

Status check_file(const Machine& machine, const struct stat& info) {
    if (!S_ISREG(info.st_mode)) {
        return Error{"not a regular file"};
    }
    if (info.st_uid != machine.owner) {
        return Error{"does not belong to root"};
    }
    if ((info.st_mode & S_IWOTH) != 0) {
        return Error{"may be written by everybody"};
    }
    if (static_cast<std::size_t>(info.st_size) > kMaxFileBytes) {
        return Error{"larger than 1 MiB"};
    }
    return Done{};
}

Result<Content> read_checked(const Machine& machine, const Place& place) {
    GATEMEND_CHECK(check_file(machine, place.info));
    // O_NONBLOCK: should it have become a FIFO since, nobody waits for its writer.
    const bus::UniqueFd fd{openat(place.folder.get(),
                                  place.name.c_str(),
                                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    Content content;
    if (!fd.is_open() || fstat(fd.get(), &content.info) < 0) {
        return errno_error("open");
    }
    GATEMEND_CHECK(check_file(machine, content.info));
    GATEMEND_TRY(bytes, read_all(fd.get(), kMaxFileBytes));
    content.bytes = std::move(bytes);
    return content;
}

}  // namespace

Result<std::string> read_all(int fd, std::size_t limit) {
    constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;
    std::string bytes;
    while (true) {
        const std::size_t had = bytes.size();
        bytes.resize(had + kChunkBytes);
        const ssize_t n = read(fd, bytes.data() + had, kChunkBytes);
        if (n < 0 && errno != EINTR) {
            return errno_error("read");
        }
        bytes.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n == 0) {
            return bytes;
        }
        if (bytes.size() > limit) {
            return Error{"larger than " + std::to_string(limit) + " bytes"};
        }
    }
}

Status write_all(int fd, const std::string& bytes) {
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const ssize_t n = write(fd, rest.data(), rest.size());
        if (n < 0 && errno != EINTR) {
            return errno_error("write");
        }
        rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    return Done{};
}

Result<Content> read_content(const Machine& machine, const Place& place) {
    if (!place.is_there) {
        return Error{place.path + ": there is no such file"};
    }
    auto content = read_checked(machine, place);
    return content ? std::move(content) : content.error().within(place.path);
}

Result<std::optional<Content>> find_content(const Machine& machine, const Place& place) {
    if (!place.is_there) {
        return std::optional<Content>{};
    }
    GATEMEND_TRY(content, read_content(machine, place));
    return std::optional{std::move(content)};
}

}  // namespace gatemend::mend
