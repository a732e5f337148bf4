// SPDX-License-Identifier: MIT
#include "io/small_file.hpp"

#include "sandbox/bus/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gatemend::io {

namespace {

core::Error failure(const char* what, const std::string& path, int error_number) {
    return core::Error{std::string(what) + " '" + path +
                       "': " + std::generic_category().message(error_number)};
}

struct OpenFile {
    bus::UniqueFd fd;
    std::size_t size = 0;
};

core::Result<OpenFile> open_regular(const std::string& path) {
    // O_NONBLOCK: a FIFO in its place must not hang us before fstat can refuse it.
    bus::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd.is_open()) {
        return failure("open", path, errno);
    }

    struct stat info {};

    if (::fstat(fd.get(), &info) != 0) {
        return failure("stat", path, errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return core::Error{"open '" + path + "': not a regular file"};
    }
    return OpenFile{std::move(fd), static_cast<std::size_t>(info.st_size)};
}

// Reads until end of file or until `limit` bytes are there.
core::Result<std::string> read_up_to(const OpenFile& file,
                                     const std::string& path,
                                     std::size_t limit) {
    std::string content;
    char chunk[16 * 1024];
    while (content.size() < limit) {
        const ssize_t got =
            ::read(file.fd.get(), chunk, std::min(sizeof chunk, limit - content.size()));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return failure("read", path, errno);
        }
        if (got == 0) {
            break;
        }
        content.append(chunk, static_cast<std::size_t>(got));
    }
    return content;
}

}  // namespace

core::Result<std::string> read_small_file(const std::string& path, std::size_t limit) {
    GATEMEND_TRY(file, open_regular(path));
    GATEMEND_TRY(content, read_up_to(file, path, limit + 1));
    if (content.size() > limit) {
        return core::Error{"read '" + path + "': larger than " + std::to_string(limit) + " bytes"};
    }
    return std::move(content);
}

core::Result<std::string> read_file_tail(const std::string& path, std::size_t limit) {
    GATEMEND_TRY(file, open_regular(path));
    if (file.size > limit &&
        ::lseek(file.fd.get(), static_cast<off_t>(file.size - limit), SEEK_SET) < 0) {
        return failure("seek", path, errno);
    }
    return read_up_to(file, path, limit);
}

}  // namespace gatemend::io
