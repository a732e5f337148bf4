// SPDX-License-Identifier: MIT
#include "sandbox/executor/log_opener.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace gatemend::sandbox {
namespace {

constexpr std::size_t kMaxPathBytes = 512;

bool is_canonical(const std::string& path) {
    return path.size() <= kMaxPathBytes && path.find('\0') == std::string::npos &&
           path.find("//") == std::string::npos && path.find("/./") == std::string::npos &&
           path.find("/../") == std::string::npos && !path.ends_with("/..") &&
           !path.ends_with("/.") && !path.ends_with('/');
}

Fault errno_fault(int error_number) {
    const std::string text = std::generic_category().message(error_number);
    return {error_number == ENOENT ? FaultKind::kNotFound : FaultKind::kNotAllowed,
            error_number == ELOOP ? "a symbolic link is on the way" : text};
}

// Step by step, because openat2() is missing on older kernels and in some containers. Each step is
// relative to the folder held open, so nothing can be moved under us, and follows no link.
Reply<bus::UniqueFd> open_below(bus::UniqueFd folder, std::string_view path) {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/')) {
        const std::string step{path.substr(0, slash)};
        bus::UniqueFd next{
            openat(folder.get(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (next.get() < 0) {
            return errno_fault(errno);
        }
        folder = std::move(next);
        path.remove_prefix(slash + 1);
    }
    // O_NONBLOCK: a FIFO put in the log's place must not hang us before we see what it is
    constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    bus::UniqueFd file{openat(folder.get(), std::string{path}.c_str(), kFlags)};
    if (file.get() < 0) {
        return errno_fault(errno);
    }
    return file;
}

}  // namespace

Reply<bus::UniqueFd> open_log(const std::string& base, const std::string& path) {
    if (!is_canonical(path)) {
        return Fault{FaultKind::kBadArgument, "path: too long or not canonical"};
    }
    if (!path.starts_with(base + "/")) {
        return Fault{FaultKind::kNotAllowed, "path: not below " + base};
    }
    bus::UniqueFd folder{open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (folder.get() < 0) {
        return errno_fault(errno);
    }
    auto log = open_below(std::move(folder), std::string_view{path}.substr(base.size() + 1));
    if (std::holds_alternative<Fault>(log)) {
        return log;
    }

    struct stat info {};

    if (fstat(std::get<bus::UniqueFd>(log).get(), &info) < 0) {
        return errno_fault(errno);
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        return Fault{FaultKind::kNotAllowed, "not a regular file with one name"};
    }
    return log;
}

}  // namespace gatemend::sandbox
