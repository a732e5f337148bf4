// SPDX-License-Identifier: MIT
// What each program's filter forbids ends the process, whoever asks and with whatever arguments;
// and what its groups allow works.
#include "sandbox/seccomp/call_groups.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/landlock.hpp"
#include "sandbox/seccomp/powers.hpp"

#include <gtest/gtest.h>
#include <seccomp.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace gatemend::sandbox {
namespace {

using Deed = std::function<void()>;

constexpr int kNoFilter = 97;

// The signal that ends a child which is confined as `program` and then does `deed`; 0: it lived.
int signal_of(Program program, const Deed& deed) {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);  // many deaths, no files
        if (!install_filter(program)) {
            _exit(kNoFilter);
        }
        deed();
        _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) << "no filter";
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

bool is_killed(Program program, const Deed& deed) {
    return signal_of(program, deed) == SIGSYS;
}

// Nonsense for arguments: what is forbidden is not even looked at.
Deed raw_call(int number) {
    return [number] { (void)syscall(number, -1L, -1L, -1L, -1L, -1L, -1L); };
}

bool is_in_groups_of(Program program, const std::string& name) {
    return std::ranges::any_of(groups_of(program), [&name](CallGroup group) {
        return std::ranges::any_of(spec_of(group).calls,
                                   [&name](const Call& call) { return name == call.name; });
    });
}

// What whoever has taken over a process would want next.
constexpr std::array kWanted{"execve",
                             "execveat",
                             "fork",
                             "vfork",
                             "clone",
                             "clone3",
                             "ptrace",
                             "process_vm_readv",
                             "process_vm_writev",
                             "process_madvise",
                             "kcmp",
                             "pidfd_open",
                             "pidfd_getfd",
                             "pidfd_send_signal",
                             "kill",
                             "tkill",
                             "mount",
                             "umount2",
                             "pivot_root",
                             "chroot",
                             "chdir",
                             "fchdir",
                             "move_mount",
                             "open_tree",
                             "fsopen",
                             "fsconfig",
                             "fsmount",
                             "mount_setattr",
                             "setns",
                             "unshare",
                             "bpf",
                             "perf_event_open",
                             "userfaultfd",
                             "kexec_load",
                             "init_module",
                             "finit_module",
                             "delete_module",
                             "reboot",
                             "swapon",
                             "settimeofday",
                             "clock_settime",
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
                             "io_setup",
                             "syslog",
                             "sethostname",
                             "mknod",
                             "mknodat",
                             "personality",
                             "prctl",
                             "arch_prctl",
                             "seccomp",
                             "capset",
                             "setuid",
                             "setgid",
                             "setresuid",
                             "setresgid",
                             "setgroups",
                             "setfsuid",
                             "setrlimit",
                             "setpriority",
                             "listen",
                             "accept",
                             "accept4",
                             "socketpair",
                             "link",
                             "linkat",
                             "symlink",
                             "symlinkat",
                             "chmod",
                             "fchmodat",
                             "chown",
                             "lchown",
                             "setxattr",
                             "lsetxattr",
                             "removexattr",
                             "truncate",
                             "creat",
                             "splice",
                             "vmsplice",
                             "msgget",
                             "shmget",
                             "semget",
                             "mq_open",
                             "memfd_secret",
                             "modify_ldt",
                             "rseq",
                             "set_robust_list",
                             "sched_setaffinity"};

class Confined : public testing::TestWithParam<Program> {};

TEST_P(Confined, DiesOfEveryCallItHasNoReasonFor) {
    for (const char* name : kWanted) {
        const int number = seccomp_syscall_resolve_name(name);
        // mend keeps what it replaces by a second name where names cannot be exchanged at once.
        const bool has_reason = GetParam() == Program::kMend && std::string_view{name} == "linkat";
        if (number < 0 || has_reason) {
            continue;  // not on this kind of machine, or allowed
        }
        EXPECT_FALSE(is_in_groups_of(GetParam(), name)) << name;
        EXPECT_TRUE(is_killed(GetParam(), raw_call(number))) << name;
    }
}

TEST_P(Confined, DiesOfCallsOfAnotherArchitecture) {
#if defined(__x86_64__)
    constexpr int kX32Getpid = 0x40000000 + 39;
    EXPECT_NE(signal_of(GetParam(), raw_call(kX32Getpid)), 0);
#endif
}

TEST_P(Confined, MayAllocateButMakeNothingExecutable) {
    EXPECT_EQ(
        signal_of(GetParam(), [] { (void)std::vector<char>(std::size_t{8} * 1024 * 1024, 'x'); }),
        0);
    const auto map = [](int protection) {
        return [protection] {
            (void)mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        };
    };
    EXPECT_EQ(signal_of(GetParam(), map(PROT_READ | PROT_WRITE)), 0);
    EXPECT_TRUE(is_killed(GetParam(), map(PROT_READ | PROT_WRITE | PROT_EXEC)));
    EXPECT_TRUE(is_killed(
        GetParam(), [] { (void)mprotect(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC); }));
}

TEST_P(Confined, SignalsNobodyButItself) {
    EXPECT_EQ(signal_of(GetParam(), [] { std::abort(); }), SIGABRT);
    EXPECT_TRUE(is_killed(GetParam(), [] { (void)syscall(SYS_tgkill, 1, 1, 0); }));
}

TEST_P(Confined, AsksForNoOtherControlOfTerminalsAndDescriptors) {
    const auto control = [](unsigned long request) {
        return [request] { (void)syscall(SYS_ioctl, 0, request, 0); };
    };
    EXPECT_TRUE(is_killed(GetParam(), control(TIOCSTI)));
    EXPECT_TRUE(is_killed(GetParam(), control(FS_IOC_SETFLAGS)));
    EXPECT_TRUE(is_killed(GetParam(), [] { (void)syscall(SYS_fcntl, 0, F_SETOWN, 1); }));
    EXPECT_TRUE(is_killed(GetParam(), [] { (void)syscall(SYS_fcntl, 0, F_SETLK, 0); }));
}

INSTANTIATE_TEST_SUITE_P(Programs,
                         Confined,
                         testing::ValuesIn(kAllPrograms),
                         [](const auto& program) {
                             std::string name{program_name(program.param)};
                             std::erase(name, '-');
                             return name;
                         });

void open_null(int flags) {
    (void)!open("/dev/null", flags | O_CLOEXEC);
}

TEST(Confinement, OnlyTheProbeOpensNothing) {
    for (const Program program : kAllPrograms) {
        EXPECT_EQ(is_killed(program, [] { open_null(O_RDONLY); }), program == Program::kProbe)
            << program_name(program);
    }
}

TEST(Confinement, WhoHasNothingToWriteOpensNothingForWriting) {
    for (const Program program : {Program::kProbe,
                                  Program::kResolver,
                                  Program::kTlsProbe,
                                  Program::kInspect,
                                  Program::kJobs}) {
        for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_RDONLY | O_CREAT}) {
            EXPECT_TRUE(is_killed(program, [flags] { open_null(flags); }))
                << program_name(program) << ' ' << flags;
        }
        EXPECT_TRUE(is_killed(program, raw_call(SYS_openat2))) << "its flags cannot be looked at";
    }
    for (const Program program : {Program::kAgent, Program::kExecutor, Program::kMend}) {
        EXPECT_EQ(signal_of(program, [] { open_null(O_WRONLY); }), 0) << program_name(program);
    }
}

TEST(Confinement, EachTalksOnlyTheLanguagesItNeeds) {
    struct Case {
        int family;
        std::set<Program> speakers;
    };

    const std::vector<Case> cases{
        {AF_UNIX,
         {Program::kAgent,
          Program::kExecutor,
          Program::kProbe,
          Program::kResolver,
          Program::kTlsProbe}},
        {AF_INET, {Program::kProbe, Program::kResolver, Program::kTlsProbe}},
        {AF_INET6, {Program::kProbe, Program::kResolver, Program::kTlsProbe}},
        {AF_NETLINK, {Program::kResolver, Program::kInspect, Program::kMend}},
        {AF_PACKET, {}},
        {AF_VSOCK, {}},
        {AF_ALG, {}},
    };
    for (const Case& item : cases) {
        for (const Program program : kAllPrograms) {
            const auto make = [&item] { (void)socket(item.family, SOCK_STREAM | SOCK_CLOEXEC, 0); };
            EXPECT_EQ(is_killed(program, make), !item.speakers.contains(program))
                << program_name(program) << ' ' << item.family;
        }
    }
}

TEST(Confinement, OnlyTheResolverBindsAndMendAndInspectConnectToNobody) {
    for (const Program program : kAllPrograms) {
        EXPECT_EQ(is_killed(program, raw_call(SYS_bind)), program != Program::kResolver)
            << program_name(program);
    }
    EXPECT_TRUE(is_killed(Program::kMend, raw_call(SYS_connect)));
    EXPECT_TRUE(is_killed(Program::kInspect, raw_call(SYS_connect)));
}

TEST(Confinement, OnlyMendChangesOwnersAndModes) {
    for (const Program program : kAllPrograms) {
        for (const int call : {SYS_fchown, SYS_fchownat, SYS_fchmod, SYS_fsetxattr}) {
            EXPECT_EQ(is_killed(program, raw_call(call)), program != Program::kMend)
                << program_name(program) << ' ' << call;
        }
    }
}

TEST(Confinement, LimitsAreReadButNotSet) {
    rlimit limit{};
    const auto get = [&limit] { (void)getrlimit(RLIMIT_NOFILE, &limit); };
    const auto set = [&limit] { (void)setrlimit(RLIMIT_NOFILE, &limit); };
    EXPECT_EQ(signal_of(Program::kAgent, get), 0);
    EXPECT_TRUE(is_killed(Program::kAgent, set));
}

TEST(Confinement, ASecondFilterCannotLoosenTheFirst) {
    EXPECT_TRUE(
        is_killed(Program::kAgent, [] { (void)!install_filter(Program::kMend).has_value(); }));
}

// The exit status of a child that keeps `capabilities` and then looks what it has.
int status_after_keeping(std::initializer_list<int> capabilities, std::uint64_t expected) {
    const pid_t child = fork();
    if (child == 0) {
        if (!keep_only(capabilities)) {
            _exit(1);
        }
        std::ifstream status{"/proc/self/status"};
        std::string line;
        int found = 0;
        while (std::getline(status, line)) {
            for (const char* key : {"CapPrm:", "CapEff:"}) {
                if (line.starts_with(key)) {
                    found += std::stoull(line.substr(7), nullptr, 16) == expected ? 1 : 0;
                }
            }
            found += line == "NoNewPrivs:\t1" || line == "CapInh:\t0000000000000000" ? 1 : 0;
        }
        _exit(found == 4 ? 0 : 2);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Powers, NothingIsLeftButWhatIsNamedAndWasHeld) {
    EXPECT_EQ(status_after_keeping({}, 0), 0);
    const std::uint64_t named = std::uint64_t{1} << CAP_DAC_READ_SEARCH;
    EXPECT_EQ(status_after_keeping({CAP_DAC_READ_SEARCH}, geteuid() == 0 ? named : 0), 0);
}

// 0: as it should be; 3: no Landlock in this kernel.
int read_below_etc_ssl() {
    if (!keep_only({})) {
        return 1;
    }
    const auto landlock = read_only_below({"/etc/ssl", "/no/such/folder"});
    if (!landlock) {
        return 1;
    }
    if (*landlock == Landlock::kUnknownHere) {
        return 3;
    }
    const bool is_inside_open = open("/etc/ssl", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
    const bool is_outside_shut = open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES &&
                                 open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 &&
                                 open("/dev/null", O_WRONLY | O_CLOEXEC) < 0 &&
                                 mkdir("/tmp/gatemend-landlock", 0700) < 0;
    return is_inside_open && is_outside_shut ? 0 : 2;
}

TEST(Landlock, LeavesReadingBelowWhatIsNamedAndNothingElse) {
    if (access("/etc/ssl", R_OK) != 0) {
        GTEST_SKIP() << "no /etc/ssl here";
    }
    const pid_t child = fork();
    if (child == 0) {
        _exit(read_below_etc_ssl());
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
        GTEST_SKIP() << "no Landlock in this kernel";
    }
    EXPECT_EQ(status, 0);
}

// The table in sandbox/README.md is this table.
TEST(CallGroups, AreExplainedInTheReadme) {
    std::ifstream file{GATEMEND_SOURCE_DIR "/sandbox/README.md"};
    const std::string readme{std::istreambuf_iterator<char>{file}, {}};
    for (const GroupSpec& group : all_groups()) {
        std::ostringstream row;
        row << "| " << group.name << " | ";
        std::set<std::string> named;
        for (const Program program : kAllPrograms) {
            if (std::ranges::count(groups_of(program), group.group) > 0) {
                row << (named.empty() ? "" : ", ") << program_name(program);
                named.emplace(program_name(program));
            }
        }
        row << " | " << group.why << " |";
        EXPECT_FALSE(named.empty()) << group.name << ": nobody needs it";
        EXPECT_NE(readme.find(row.str()), std::string::npos) << row.str();
    }
}

TEST(CallGroups, EachIsThereOnce) {
    std::set<CallGroup> groups;
    for (const GroupSpec& group : all_groups()) {
        EXPECT_TRUE(groups.insert(group.group).second) << group.name;
        EXPECT_FALSE(group.calls.empty()) << group.name;
        for (const Call& call : group.calls) {
            EXPECT_NE(call.name, nullptr) << group.name;
        }
    }
}

}  // namespace
}  // namespace gatemend::sandbox
