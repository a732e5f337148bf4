// SPDX-License-Identifier: MIT
#include "sandbox/seccomp/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

// What the first version knows; newer kernels know all of it, too.
constexpr std::uint64_t kEverything =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

Error failed(const std::string& what) {
    return Error{"landlock: " + what + ": " + std::generic_category().message(errno)};
}

// Closed when the rules are in force, or were not to be had.
class Descriptor {
  public:
    explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

Status allow_reading(const Descriptor& rules, const char* path) {
    const Descriptor place{open(path, O_PATH | O_CLOEXEC)};

    struct stat info {};

    if (place.get() < 0 || fstat(place.get(), &info) < 0) {
        return Done{};  // not there
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access =
        LANDLOCK_ACCESS_FS_READ_FILE | (S_ISDIR(info.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0U);
    rule.parent_fd = place.get();
    // No wrapper in the C library.
    return syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) == 0
               ? Status{Done{}}
               : Status{failed(path)};
}

}  // namespace

Result<Landlock> read_only_below(std::initializer_list<const char*> folders) {
    landlock_ruleset_attr handled{};
    handled.handled_access_fs = kEverything;
    const Descriptor rules{
        syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0U)};
    if (rules.get() < 0) {
        // EPERM: a filter around us that does not know the call
        const bool is_unknown = errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM;
        return is_unknown ? Result<Landlock>{Landlock::kUnknownHere} : failed("make the rules");
    }
    for (const char* folder : folders) {
        GATEMEND_CHECK(allow_reading(rules, folder));
    }
    if (syscall(SYS_landlock_restrict_self, rules.get(), 0U) != 0) {
        return failed("put the rules in force");
    }
    return Landlock::kInForce;
}

}  // namespace gatemend::sandbox
