// SPDX-License-Identifier: MIT
#include "sandbox/executor/log_opener.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <system_error>

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

}  // namespace

Reply<UniqueFd> open_log(const std::string& base, const std::string& path) {
    if (!is_canonical(path)) {
        return Fault{FaultKind::kBadArgument, "path: too long or not canonical"};
    }
    if (!path.starts_with(base + "/")) {
        return Fault{FaultKind::kNotAllowed, "path: not below " + base};
    }
    const UniqueFd folder{open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (folder.get() < 0) {
        return errno_fault(errno);
    }
    open_how how{};
    // O_NONBLOCK: a FIFO put in the log's place must not hang us before we see what it is
    how.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
    const std::string below = path.substr(base.size() + 1);
    // glibc has no wrapper
    UniqueFd log{
        static_cast<int>(syscall(SYS_openat2, folder.get(), below.c_str(), &how, sizeof how))};
    if (log.get() < 0) {
        return errno_fault(errno);
    }

    struct stat info {};

    if (fstat(log.get(), &info) < 0) {
        return errno_fault(errno);
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        return Fault{FaultKind::kNotAllowed, "not a regular file with one name"};
    }
    return log;
}

}  // namespace gatemend::sandbox
