// SPDX-License-Identifier: MIT
#include "sandbox/seccomp/call_groups.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace gatemend::sandbox {
namespace {

constexpr std::uint64_t kWholeInt = 0xffffffff;
constexpr std::uint64_t kWholeWord = ~std::uint64_t{0};

constexpr Condition argument_is(unsigned argument, std::uint64_t value) {
    return {.argument = argument, .mask = kWholeInt, .value = value};
}

constexpr Condition is_null(unsigned argument) {
    return {.argument = argument, .mask = kWholeWord};
}

constexpr Condition has_none_of(unsigned argument, std::uint64_t bits) {
    return {.argument = argument, .mask = bits};
}

constexpr Condition is_own_process(unsigned argument) {
    return {.argument = argument, .mask = kWholeInt, .is_own_pid = true};
}

// By name: what a kernel or libseccomp does not know it cannot offer either. New names of old calls
// stand beside these, for a C library that has moved on.
constexpr std::array kEndCalls{
    Call{"exit"}, Call{"exit_group"}, Call{"restart_syscall"}, Call{"rt_sigreturn"}};

constexpr std::array kAbortCalls{Call{"getpid"},
                                 Call{"gettid"},
                                 Call{"rt_sigprocmask"},
                                 Call{"rt_sigaction"},
                                 // asked, not set: by the address sanitizer wherever a function
                                 // does not return
                                 Call{"sigaltstack", is_null(0)},
                                 Call{"tgkill", is_own_process(0)}};

constexpr std::uint64_t kExec = PROT_EXEC;
constexpr std::array kMemoryCalls{Call{"brk"},
                                  Call{"munmap"},
                                  Call{"mremap"},
                                  Call{"madvise"},
                                  Call{"sysinfo"},  // qsort() of the C library
                                  Call{"mmap", has_none_of(2, kExec)},
                                  Call{"mmap2", has_none_of(2, kExec)},
                                  Call{"mprotect", has_none_of(2, kExec)}};

// Executable, but never while it is writable.
constexpr std::uint64_t kWrite = PROT_WRITE;
constexpr std::array kLibrariesCalls{
    Call{"mmap", has_none_of(2, kWrite)},
    Call{"mmap2", has_none_of(2, kWrite)},
    Call{"mprotect", has_none_of(2, kWrite)},
};

constexpr std::array kTimeCalls{Call{"clock_gettime"},
                                Call{"clock_gettime64"},
                                Call{"clock_getres"},
                                Call{"gettimeofday"},
                                Call{"time"}};
constexpr std::array kSleepCalls{
    Call{"nanosleep"}, Call{"clock_nanosleep"}, Call{"clock_nanosleep_time64"}};
constexpr std::array kDeadlineCalls{Call{"timer_create"},
                                    Call{"timer_settime"},
                                    Call{"timer_settime64"},
                                    Call{"timer_delete"},
                                    Call{"rt_sigaction"},
                                    Call{"rt_sigprocmask"}};
constexpr std::array kRandomCalls{Call{"getrandom"}};
constexpr std::array kLocksCalls{Call{"futex"}, Call{"futex_time64"}, Call{"sched_yield"}};
constexpr std::array kIdentityCalls{Call{"getpid"},
                                    Call{"gettid"},
                                    Call{"getuid"},
                                    Call{"geteuid"},
                                    Call{"getgid"},
                                    Call{"getegid"},
                                    Call{"getgroups"},
                                    Call{"uname"},
                                    Call{"prlimit64", argument_is(0, 0), is_null(2)}};

constexpr std::array kStreamsCalls{Call{"read"},
                                   Call{"readv"},
                                   Call{"pread64"},
                                   Call{"write"},
                                   Call{"writev"},
                                   Call{"lseek"},
                                   Call{"_llseek"},
                                   Call{"close"},
                                   Call{"ioctl", argument_is(1, TCGETS)},
                                   Call{"ioctl", argument_is(1, FIONREAD)}};

// Locks are asked for (F_GETLK), not taken. F_OFD_* and F_SETOWN are nobody's here.
constexpr std::uint64_t kDupfdQuery = 1027;  // newer than the headers we build with
constexpr std::array kDescriptorsCalls{Call{"dup"},
                                       Call{"fcntl", argument_is(1, F_GETFD)},
                                       Call{"fcntl", argument_is(1, F_SETFD)},
                                       Call{"fcntl", argument_is(1, F_GETFL)},
                                       Call{"fcntl", argument_is(1, F_SETFL)},
                                       Call{"fcntl", argument_is(1, F_GETLK)},
                                       Call{"fcntl", argument_is(1, F_DUPFD_CLOEXEC)},
                                       Call{"fcntl", argument_is(1, kDupfdQuery)},
                                       Call{"fcntl", argument_is(1, F_GET_SEALS)},
                                       Call{"fcntl", argument_is(1, F_ADD_SEALS)}};

constexpr std::array kLookCalls{Call{"newfstatat"},
                                Call{"fstat"},
                                Call{"stat"},
                                Call{"lstat"},
                                Call{"fstatat64"},
                                Call{"statx"},
                                Call{"statfs"},
                                Call{"fstatfs"},
                                Call{"statfs64"},
                                Call{"fstatfs64"},
                                Call{"access"},
                                Call{"faccessat"},
                                Call{"faccessat2"},
                                Call{"readlink"},
                                Call{"readlinkat"},
                                Call{"getdents64"},
                                Call{"getxattr"},
                                Call{"fgetxattr"},
                                Call{"getcwd"}};

constexpr std::uint64_t kWritingFlags = O_ACCMODE | O_CREAT | O_TRUNC;
constexpr std::array kOpenToReadCalls{Call{"open", has_none_of(1, kWritingFlags)},
                                      Call{"openat", has_none_of(2, kWritingFlags)}};
constexpr std::array kOpenCalls{Call{"open"}, Call{"openat"}};
constexpr std::array kOpenBeneathCalls{Call{"openat2"}};

constexpr std::array kKeepFilesCalls{Call{"fsync"},
                                     Call{"fdatasync"},
                                     Call{"fallocate"},
                                     Call{"ftruncate"},
                                     Call{"flock"},
                                     Call{"rename"},
                                     Call{"renameat"},
                                     Call{"renameat2"}};
constexpr std::array kRemoveCalls{
    Call{"mkdir"}, Call{"mkdirat"}, Call{"unlink"}, Call{"unlinkat"}, Call{"rmdir"}};
constexpr std::array kMendFilesCalls{Call{"fchmod"},
                                     Call{"fchown"},
                                     Call{"fchownat"},
                                     Call{"flistxattr"},
                                     Call{"fsetxattr"},
                                     Call{"utimensat"},
                                     Call{"umask"},
                                     Call{"linkat"},
                                     Call{"fcntl", argument_is(1, F_SETLEASE)},
                                     Call{"ioctl", argument_is(1, FS_IOC_GETFLAGS)}};

constexpr std::array kWaitCalls{Call{"poll"}, Call{"ppoll"}, Call{"ppoll_time64"}};
constexpr std::array kEventsCalls{Call{"epoll_create1"},
                                  Call{"epoll_ctl"},
                                  Call{"epoll_wait"},
                                  Call{"epoll_pwait"},
                                  Call{"epoll_pwait2"},
                                  Call{"timerfd_create"},
                                  Call{"timerfd_settime"},
                                  Call{"timerfd_settime64"},
                                  Call{"eventfd2"},
                                  Call{"signalfd4"}};
constexpr std::array kFolderWatchCalls{
    Call{"inotify_init1"}, Call{"inotify_add_watch"}, Call{"inotify_rm_watch"}};
constexpr std::array kMemoryFileCalls{Call{"memfd_create"}};
constexpr std::array kPipeCalls{Call{"pipe2"}};

constexpr std::array kTalkCalls{Call{"connect"},
                                Call{"sendto"},
                                Call{"sendmsg"},
                                Call{"sendmmsg"},
                                Call{"recvfrom"},
                                Call{"recvmsg"},
                                Call{"shutdown"},
                                Call{"getsockname"},
                                Call{"getpeername"},
                                Call{"getsockopt"},
                                Call{"setsockopt"}};
constexpr std::array kUnixSocketCalls{Call{"socket", argument_is(0, AF_UNIX)}};
constexpr std::array kInternetSocketCalls{Call{"socket", argument_is(0, AF_INET)},
                                          Call{"socket", argument_is(0, AF_INET6)}};
constexpr std::array kNetlinkSocketCalls{Call{"socket", argument_is(0, AF_NETLINK)},
                                         Call{"sendto"},
                                         Call{"sendmsg"},
                                         Call{"recvfrom"},
                                         Call{"recvmsg"},
                                         Call{"setsockopt"},
                                         Call{"getsockname"}};
constexpr std::array kBindCalls{Call{"bind"}};

constexpr std::array kGroups{
    GroupSpec{
        CallGroup::kEnd, "end", "end, return from a signal, go on after being stopped", kEndCalls},
    GroupSpec{CallGroup::kAbort,
              "abort",
              "die as SIGABRT and not as SIGSYS when a check of the C++ library fails; tgkill to "
              "oneself only",
              kAbortCalls},
    GroupSpec{CallGroup::kMemory,
              "memory",
              "allocate, ask how much there is; nothing that can be executed",
              kMemoryCalls},
    GroupSpec{CallGroup::kLibraries,
              "libraries",
              "map a library while running: name services (resolver), decompressors of journal "
              "entries (agent, jobs); never writable and executable in one",
              kLibrariesCalls},
    GroupSpec{CallGroup::kTime, "time", "read clocks where the vDSO cannot", kTimeCalls},
    GroupSpec{
        CallGroup::kSleep, "sleep", "wait between the two looks that make a rate", kSleepCalls},
    GroupSpec{CallGroup::kDeadline,
              "deadline",
              "a timer that ends the process where a library looks at no deadline",
              kDeadlineCalls},
    GroupSpec{CallGroup::kRandom, "random", "seeds of hash tables, TLS, the heap", kRandomCalls},
    GroupSpec{
        CallGroup::kLocks,
        "locks",
        "once-only initialisation of libraries; there is one thread and no way to make another",
        kLocksCalls},
    GroupSpec{CallGroup::kIdentity,
              "identity",
              "ask who one is (libsystemd, resolver); limits are read, not set",
              kIdentityCalls},
    GroupSpec{CallGroup::kStreams, "streams", "read and write what is open", kStreamsCalls},
    GroupSpec{CallGroup::kDescriptors,
              "descriptors",
              "duplicate, mark, seal; ask who holds a lock; send no signals",
              kDescriptorsCalls},
    GroupSpec{
        CallGroup::kLook, "look", "attributes of files and folders, links, names", kLookCalls},
    GroupSpec{CallGroup::kOpenToRead,
              "open-to-read",
              "open what exists, for reading only: the flags are looked at",
              kOpenToReadCalls},
    GroupSpec{CallGroup::kOpen,
              "open",
              "records, cursors, snapshots; where, is the mount namespace's business",
              kOpenCalls},
    GroupSpec{CallGroup::kOpenBeneath,
              "open-beneath",
              "openat2: the kernel refuses links on the way; its flags are out of a filter's sight",
              kOpenBeneathCalls},
    GroupSpec{CallGroup::kKeepFiles,
              "keep-files",
              "keep room for a record, bring it to disk, cut a torn line, replace a file at once",
              kKeepFilesCalls},
    GroupSpec{
        CallGroup::kRemove,
        "folders",
        "make and remove folders and files of its own (captures, snapshots, stages, old parts of "
        "the record)",
        kRemoveCalls},
    GroupSpec{
        CallGroup::kMendFiles,
        "mend-files",
        "owner, mode, times and attributes of a file it holds open; whether somebody writes to "
        "it; a second name for a moment where names cannot be exchanged",
        kMendFilesCalls},
    GroupSpec{CallGroup::kWait, "wait", "wait for a peer with a deadline", kWaitCalls},
    GroupSpec{
        CallGroup::kEvents, "events", "the event loop with its timers and signals", kEventsCalls},
    GroupSpec{CallGroup::kFolderWatch, "watch", "be told when a log grows", kFolderWatchCalls},
    GroupSpec{CallGroup::kMemoryFile,
              "memory-file",
              "hand over more than a message holds: nginx's configuration, a long journal entry",
              kMemoryFileCalls},
    GroupSpec{CallGroup::kPipe, "pipe", "the output of a tool", kPipeCalls},
    GroupSpec{
        CallGroup::kTalk, "talk", "connect, send, receive; neither listen nor accept", kTalkCalls},
    GroupSpec{CallGroup::kUnixSocket,
              "unix-socket",
              "D-Bus, the journal, notifications to systemd; FastCGI (probe)",
              kUnixSocketCalls},
    GroupSpec{CallGroup::kInternetSocket,
              "internet-socket",
              "backends on TCP, DNS; never in agent and executor",
              kInternetSocketCalls},
    GroupSpec{CallGroup::kNetlinkSocket,
              "netlink-socket",
              "who listens where (inspect), whose file a socket is (mend), which address families "
              "there are (resolver)",
              kNetlinkSocketCalls},
    GroupSpec{CallGroup::kBind, "bind", "the resolver's netlink socket", kBindCalls},
};

using enum CallGroup;

constexpr std::array kAgentGroups{kEnd,    kAbort,       kMemory,     kLibraries, kTime,
                                  kRandom, kLocks,       kIdentity,   kStreams,   kDescriptors,
                                  kLook,   kOpen,        kKeepFiles,  kRemove,    kWait,
                                  kEvents, kFolderWatch, kMemoryFile, kTalk,      kUnixSocket};

constexpr std::array kExecutorGroups{kEnd,
                                     kAbort,
                                     kMemory,
                                     kTime,
                                     kRandom,
                                     kLocks,
                                     kIdentity,
                                     kStreams,
                                     kDescriptors,
                                     kLook,
                                     kOpen,
                                     kKeepFiles,
                                     kRemove,
                                     kWait,
                                     kEvents,
                                     kMemoryFile,
                                     kPipe,
                                     kTalk,
                                     kUnixSocket};

// No file is opened at all: addresses are numbers or paths of sockets.
constexpr std::array kProbeGroups{
    kEnd, kAbort, kMemory, kTime, kStreams, kWait, kTalk, kUnixSocket, kInternetSocket};

constexpr std::array kResolverGroups{kEnd,
                                     kAbort,
                                     kMemory,
                                     kLibraries,
                                     kTime,
                                     kDeadline,
                                     kRandom,
                                     kLocks,
                                     kIdentity,
                                     kStreams,
                                     kDescriptors,
                                     kLook,
                                     kOpenToRead,
                                     kWait,
                                     kTalk,
                                     kUnixSocket,
                                     kInternetSocket,
                                     kNetlinkSocket,
                                     kBind};

constexpr std::array kTlsProbeGroups{kEnd,
                                     kAbort,
                                     kMemory,
                                     kTime,
                                     kDeadline,
                                     kRandom,
                                     kLocks,
                                     kIdentity,
                                     kStreams,
                                     kLook,
                                     kOpenToRead,
                                     kWait,
                                     kTalk,
                                     kUnixSocket,
                                     kInternetSocket};

constexpr std::array kInspectGroups{kEnd,
                                    kAbort,
                                    kMemory,
                                    kTime,
                                    kSleep,
                                    kRandom,
                                    kLocks,
                                    kIdentity,
                                    kStreams,
                                    kLook,
                                    kOpenToRead,
                                    kNetlinkSocket};

// gatemend-inspect --last-job: the library that reads the journal, and no socket at all.
constexpr std::array kJobsGroups{kEnd,
                                 kAbort,
                                 kMemory,
                                 kLibraries,
                                 kTime,
                                 kRandom,
                                 kLocks,
                                 kIdentity,
                                 kStreams,
                                 kDescriptors,
                                 kLook,
                                 kOpenToRead};

constexpr std::array kMendGroups{kEnd,
                                 kAbort,
                                 kMemory,
                                 kTime,
                                 kRandom,
                                 kLocks,
                                 kIdentity,
                                 kStreams,
                                 kDescriptors,
                                 kLook,
                                 kOpen,
                                 kOpenBeneath,
                                 kKeepFiles,
                                 kRemove,
                                 kMendFiles,
                                 kNetlinkSocket};

}  // namespace

std::string_view program_name(Program program) {
    switch (program) {
        case Program::kAgent:
            return "agent";
        case Program::kExecutor:
            return "executor";
        case Program::kProbe:
            return "probe";
        case Program::kResolver:
            return "resolver";
        case Program::kTlsProbe:
            return "probe-tls";
        case Program::kInspect:
            return "inspect";
        case Program::kJobs:
            return "jobs";
        case Program::kMend:
            return "mend";
    }
    return "?";
}

std::span<const GroupSpec> all_groups() {
    return kGroups;
}

const GroupSpec& spec_of(CallGroup group) {
    return *std::ranges::find(kGroups, group, &GroupSpec::group);
}

std::span<const CallGroup> groups_of(Program program) {
    switch (program) {
        case Program::kAgent:
            return kAgentGroups;
        case Program::kExecutor:
            return kExecutorGroups;
        case Program::kProbe:
            return kProbeGroups;
        case Program::kResolver:
            return kResolverGroups;
        case Program::kTlsProbe:
            return kTlsProbeGroups;
        case Program::kInspect:
            return kInspectGroups;
        case Program::kJobs:
            return kJobsGroups;
        case Program::kMend:
            return kMendGroups;
    }
    return {};
}

}  // namespace gatemend::sandbox
