// SPDX-License-Identifier: MIT
#include "sandbox/seccomp/filters.hpp"

#include <seccomp.h>

#include <fcntl.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Status;

// Nothing of ours ever needs these. By name: a kernel or libseccomp that does not know one cannot
// offer it either.
constexpr std::array kNeverNeeded{
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "setns",
    "unshare",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "reboot",
    "swapon",
    "swapoff",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "iopl",
    "ioperm",
    "acct",
    "quotactl",
    "name_to_handle_at",
    "open_by_handle_at",
    "add_key",
    "request_key",
    "keyctl",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "syslog",
    "sethostname",
    "setdomainname",
    "mknod",
    "mknodat",
    "personality",
};

constexpr std::array kNotForProbe{
    "fork",     "vfork",     "clone",    "clone3",    "listen",    "accept",    "accept4",
    "setuid",   "setgid",    "setreuid", "setregid",  "setresuid", "setresgid", "setgroups",
    "creat",    "openat2",   "unlink",   "unlinkat",  "rename",    "renameat",  "renameat2",
    "link",     "linkat",    "symlink",  "symlinkat", "mkdir",     "mkdirat",   "rmdir",
    "chmod",    "fchmod",    "fchmodat", "chown",     "fchown",    "lchown",    "fchownat",
    "truncate", "ftruncate", "kill",     "tkill",     "setrlimit",
};

// It asks the kernel and talks to nobody.
constexpr std::array kNotForInspect{"connect", "setxattr", "fsetxattr", "utimensat"};
constexpr std::array kNotForTalk{"bind"};

// It changes files, and talks to nobody.
constexpr std::array kNotForMend{
    "fork",      "vfork",       "clone",    "clone3",    "socket",       "socketpair",
    "connect",   "bind",        "listen",   "accept",    "accept4",      "setuid",
    "setgid",    "setreuid",    "setregid", "setresuid", "setresgid",    "setgroups",
    "setfsuid",  "setfsgid",    "capset",   "link",      "linkat",       "symlink",
    "symlinkat", "truncate",    "chmod",    "chown",     "lchown",       "kill",
    "setrlimit", "removexattr", "setxattr", "lsetxattr", "memfd_create", "lremovexattr"};

// Our programs have one thread, so killing it is the same. Older kernels, and units whose own
// filter forbids the seccomp() call, know only that; libseccomp then loads by prctl().
std::uint32_t kill_action() {
    constexpr unsigned kApiWithKillProcess = 3;
    return seccomp_api_get() >= kApiWithKillProcess ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL_THREAD;
}

struct ReleaseContext {
    void operator()(void* context) const { seccomp_release(context); }
};

using Context = std::unique_ptr<void, ReleaseContext>;

Error seccomp_error(const std::string& what, int result) {
    return Error{"seccomp: " + what + ": " + std::generic_category().message(-result)};
}

Status forbid(const Context& context, std::span<const char* const> names) {
    for (const char* name : names) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) {
            continue;  // unknown here
        }
        if (const int result = seccomp_rule_add(context.get(), kill_action(), number, 0);
            result < 0 && result != -EDOM) {
            return seccomp_error(name, result);
        }
    }
    return Done{};
}

// openat() with any of these in its flags; plain open() likewise.
Status forbid_opening_for_write(const Context& context) {
    for (const int mode : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC}) {
        const auto flag = static_cast<scmp_datum_t>(mode);
        const scmp_datum_t mask = mode == O_WRONLY || mode == O_RDWR ? O_ACCMODE : flag;
        for (const auto& [number, argument] :
             {std::pair{SCMP_SYS(open), 1U}, std::pair{SCMP_SYS(openat), 2U}}) {
            const scmp_arg_cmp compare{argument, SCMP_CMP_MASKED_EQ, mask, flag};
            if (const int result =
                    seccomp_rule_add_array(context.get(), kill_action(), number, 1, &compare);
                result < 0 && result != -EDOM) {
                return seccomp_error("open for writing", result);
            }
        }
    }
    return Done{};
}

core::Result<Context> begin() {
    Context context{seccomp_init(SCMP_ACT_ALLOW)};
    if (context == nullptr) {
        return Error{"seccomp: no memory for a filter"};
    }
    GATEMEND_CHECK(forbid(context, kNeverNeeded));
    return context;
}

core::Result<Context> begin_probe() {
    GATEMEND_TRY(context, begin());
    GATEMEND_CHECK(forbid(context, kNotForProbe));
    GATEMEND_CHECK(forbid_opening_for_write(context));
    return std::move(context);
}

Status load(const Context& context) {
    if (const int result = seccomp_load(context.get()); result < 0) {
        return seccomp_error("load the filter", result);
    }
    return Done{};
}

}  // namespace

Status install_executor_filter() {
    GATEMEND_TRY(context, begin());
    return load(context);
}

Status install_agent_filter() {
    return install_executor_filter();
}

Status install_probe_filter() {
    GATEMEND_TRY(context, begin_probe());
    GATEMEND_CHECK(forbid(context, kNotForTalk));
    return load(context);
}

Status install_resolver_filter() {
    GATEMEND_TRY(context, begin_probe());
    return load(context);
}

Status install_inspect_filter() {
    GATEMEND_TRY(context, begin());
    GATEMEND_CHECK(forbid(context, kNotForProbe));
    GATEMEND_CHECK(forbid(context, kNotForTalk));
    GATEMEND_CHECK(forbid(context, kNotForInspect));
    GATEMEND_CHECK(forbid_opening_for_write(context));
    return load(context);
}

Status install_mend_filter() {
    GATEMEND_TRY(context, begin());
    GATEMEND_CHECK(forbid(context, kNotForMend));
    return load(context);
}

}  // namespace gatemend::sandbox
