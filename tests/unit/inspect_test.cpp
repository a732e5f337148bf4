// SPDX-License-Identifier: MIT
#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/inspect/address.hpp"
#include "sandbox/inspect/control_group.hpp"
#include "sandbox/inspect/identity.hpp"
#include "sandbox/inspect/look.hpp"
#include "sandbox/inspect/machine.hpp"
#include "sandbox/inspect/path_walk.hpp"
#include "sandbox/inspect/processes.hpp"
#include "sandbox/inspect/sockets.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

namespace gatemend::inspect {
namespace {

namespace fs = std::filesystem;

bus::UniqueFd listen_at(const sockaddr* address, socklen_t size, int backlog) {
    bus::UniqueFd server{socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(bind(server.get(), address, size), 0);
    EXPECT_EQ(listen(server.get(), backlog), 0);
    return server;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

bus::UniqueFd listen_unix(const std::string& path, int backlog = 5) {
    const sockaddr_un address = unix_address(path);
    return listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address, backlog);
}

bus::UniqueFd connect_unix(const std::string& path) {
    const sockaddr_un address = unix_address(path);
    bus::UniqueFd client{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    return client;
}

// A process whose "/" is that folder, and who listens there on /own-view.sock.
class Elsewhere {
  public:
    explicit Elsewhere(const std::string& root) {
        std::array<int, 2> ready{};
        if (pipe2(ready.data(), O_CLOEXEC) != 0) {
            return;
        }
        pid_ = fork();
        if (pid_ == 0) {
            _exit(serve(root, ready[1]));
        }
        close(ready[1]);
        char byte = 0;
        has_started_ = read(ready[0], &byte, 1) == 1;  // nothing: it has ended
        close(ready[0]);
    }

    Elsewhere(const Elsewhere&) = delete;
    Elsewhere& operator=(const Elsewhere&) = delete;

    ~Elsewhere() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }

    [[nodiscard]] bool has_started() const { return has_started_; }

  private:
    static int serve(const std::string& root, int ready) {
        const bool is_inside =
            chroot(root.c_str()) == 0 ||
            (unshare(CLONE_NEWUSER) == 0 && chroot(root.c_str()) == 0);  // without being root
        if (!is_inside || chdir("/") != 0) {
            return 1;
        }
        const sockaddr_un address = unix_address("/own-view.sock");
        const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool is_listening =
            bind(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
            listen(server, 1) == 0;
        if (!is_listening || write(ready, "1", 1) != 1) {
            return 1;
        }
        pause();
        return 0;
    }

    pid_t pid_ = -1;
    bool has_started_ = false;
};

Question ask_about(const std::string& address) {
    Question question;
    question.address = address;
    question.worker = {.uid = 65534, .groups = {65534}};
    question.sample = std::chrono::milliseconds{0};
    return question;
}

// Only its own sockets are looked for: others come and go on the machine that runs the tests.
class Looking : public testing::Test {
  public:
    [[nodiscard]] std::string unix_of(const std::string& name) const {
        return "unix:" + (folder / name);
    }

  protected:
    test::TempDir folder;
};

TEST_F(Looking, CountsWhoIsServedOfAListener) {
    const auto server = listen_unix(folder / "a.sock", 3);
    const auto first = connect_unix(folder / "a.sock");
    auto second = connect_unix(folder / "a.sock");
    {
        const bus::UniqueFd served{accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        const auto found = look(ask_about(unix_of("a.sock")));
        const core::Listener* listener = found.find_listener(unix_of("a.sock"));
        ASSERT_NE(listener, nullptr);
        EXPECT_EQ(listener->connections, 1U);
        EXPECT_EQ(listener->queue, 1U);
    }
    {
        const bus::UniqueFd held{accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        second = {};
        const auto left = look(ask_about(unix_of("a.sock")));
        EXPECT_EQ(left.find_listener(unix_of("a.sock"))->connections, 0U) << "the visitor has left";
    }
    const auto after = look(ask_about(unix_of("a.sock")));
    EXPECT_EQ(after.find_listener(unix_of("a.sock"))->connections, 0U);
}

TEST_F(Looking, CountsWhoIsServedByOneOfTwoListenersOfTheSameName) {
    const auto old = listen_unix(folder / "a.sock");
    const auto visitor = connect_unix(folder / "a.sock");
    const bus::UniqueFd served{accept4(old.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    fs::rename(folder / "a.sock", folder / "aside");
    const auto now = listen_unix(folder / "a.sock");
    const auto found = look(ask_about(unix_of("a.sock")));
    for (const core::Listener& listener : *found.listeners) {
        if (listener.address == unix_of("a.sock")) {
            EXPECT_EQ(listener.connections, listener.is_reachable ? 0U : 1U);
        }
    }
}

TEST_F(Looking, FindsAListenerWithItsQueueAndItsOwner) {
    const auto server = listen_unix(folder / "a.sock", 3);
    const auto first = connect_unix(folder / "a.sock");
    const auto second = connect_unix(folder / "a.sock");
    const auto found = look(ask_about(unix_of("a.sock")));
    const core::Listener* listener = found.find_listener(unix_of("a.sock"));
    ASSERT_NE(listener, nullptr);
    EXPECT_EQ(listener->connections, 0U) << "nobody is served yet";
    EXPECT_EQ(listener->queue, 2U);
    EXPECT_EQ(listener->backlog, 3U);
    EXPECT_EQ(listener->pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_NE(listener->command, "");
    EXPECT_TRUE(listener->is_reachable);
}

TEST_F(Looking, ADeletedOrReplacedSocketIsNotReachable) {
    const auto deleted = listen_unix(folder / "deleted.sock");
    const auto replaced = listen_unix(folder / "replaced.sock");
    fs::remove(folder / "deleted.sock");
    fs::remove(folder / "replaced.sock");
    test::overwrite(folder / "replaced.sock", "not a socket");
    const auto found = look(ask_about(""));
    ASSERT_NE(found.find_listener(unix_of("deleted.sock")), nullptr);
    EXPECT_FALSE(found.find_listener(unix_of("deleted.sock"))->is_reachable);
    EXPECT_FALSE(found.find_listener(unix_of("deleted.sock"))->is_in_own_view);
    EXPECT_FALSE(found.find_listener(unix_of("replaced.sock"))->is_reachable);
    EXPECT_FALSE(found.find_listener(unix_of("replaced.sock"))->is_in_own_view);
}

TEST_F(Looking, TellsWhatOnlyItsOwnerSeesFromWhatIsGone) {
    const std::string address = "unix:/own-view.sock";
    const Elsewhere server(folder / "");
    if (!server.has_started()) {
        GTEST_SKIP() << "nobody may have a root of its own here";
    }
    const auto found = look(ask_about(address));
    ASSERT_NE(found.find_listener(address), nullptr);
    EXPECT_FALSE(found.find_listener(address)->is_reachable);
    EXPECT_TRUE(found.find_listener(address)->is_in_own_view);
    fs::remove(folder / "own-view.sock");
    const auto after = look(ask_about(address));
    ASSERT_NE(after.find_listener(address), nullptr);
    EXPECT_FALSE(after.find_listener(address)->is_in_own_view);
}

TEST_F(Looking, ANewSocketInPlaceOfAnOldOneMakesTheOldOneUnreachable) {
    const auto old = listen_unix(folder / "a.sock");
    fs::rename(folder / "a.sock", folder / "aside");  // so that its inode is not given away again
    const auto now = listen_unix(folder / "a.sock");
    int reachable = 0;
    int all = 0;
    const auto found = look(ask_about(unix_of("a.sock")));
    for (const core::Listener& listener : *found.listeners) {
        if (listener.address == unix_of("a.sock")) {
            ++all;
            reachable += listener.is_reachable ? 1 : 0;
        }
    }
    EXPECT_EQ(all, 2);
    EXPECT_EQ(reachable, 1);
}

TEST_F(Looking, TellsWhatTheMainProcessHoldsAndWhoseFileLiesInItsPlace) {
    const auto own = listen_unix(folder / "own.sock");
    const auto other = listen_unix(folder / "other.sock");
    fs::rename(folder / "own.sock", folder / "parked");
    fs::rename(folder / "other.sock", folder / "own.sock");
    const Roots roots;
    const auto processes = list_processes(roots, Deadline::max());
    const auto self =
        std::ranges::find(processes, static_cast<std::uint32_t>(getpid()), &Process::pid);
    ASSERT_NE(self, processes.end());
    Question question = ask_about(unix_of("own.sock"));
    const auto ask = [&](std::string unit, std::uint32_t pid, std::uint32_t uid) {
        question.unit = std::move(unit);
        question.main_process = MainProcess{pid, uid};
        return look(question);
    };
    const auto found = ask(self->unit, self->pid, self->uid);
    const core::Listener* listener = found.find_listener(unix_of("own.sock"));
    ASSERT_NE(listener, nullptr);
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    ASSERT_EQ(getsockopt(own.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
    EXPECT_EQ(listener->cookie, cookie);
    EXPECT_FALSE(listener->is_reachable);
    EXPECT_EQ(listener->taken_by, self->unit.empty() ? self->command : self->unit);
    EXPECT_EQ(listener->is_main, !self->unit.empty()) << "without a unit there is no main process";
    for (const auto& strange : {ask("other.service", self->pid, self->uid),
                                ask(self->unit, self->pid, self->uid + 1),
                                ask(self->unit, 1, self->uid),
                                ask("", self->pid, self->uid)}) {
        ASSERT_NE(strange.find_listener(unix_of("own.sock")), nullptr);
        EXPECT_FALSE(strange.find_listener(unix_of("own.sock"))->is_main);
    }
}

TEST_F(Looking, FindsWhatAProcessHolds) {
    const auto own = listen_unix(folder / "own.sock");

    struct stat info {};

    ASSERT_EQ(fstat(own.get(), &info), 0);
    const Roots roots;
    const auto self = read_process(roots, static_cast<std::uint32_t>(getpid()));
    ASSERT_TRUE(self);
    EXPECT_EQ(find_held(roots, *self, {info.st_ino, 1}, Deadline::max()),
              std::set<std::uint64_t>{info.st_ino});
    EXPECT_TRUE(find_held(roots, *self, {1}, Deadline::max()).empty());
}

TEST_F(Looking, FindsTcpOnOneAddressAndOnAll) {
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto one = listen_at(reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback, 7);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    const auto all = listen_at(reinterpret_cast<const sockaddr*>(&any), sizeof any, 9);
    const auto port_of = [](const bus::UniqueFd& server) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        EXPECT_EQ(getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        return std::to_string(ntohs(address.sin_port));
    };
    const auto found = look(ask_about(""));
    ASSERT_NE(found.find_listener("127.0.0.1:" + port_of(one)), nullptr);
    EXPECT_EQ(found.find_listener("127.0.0.1:" + port_of(one))->backlog, 7U);
    EXPECT_EQ(found.find_listener("127.0.0.2:" + port_of(one)), nullptr);
    ASSERT_NE(found.find_listener("127.0.0.1:" + port_of(all)), nullptr);
    EXPECT_EQ(found.find_listener("127.0.0.1:" + port_of(all))->address, "0.0.0.0:" + port_of(all));
}

TEST_F(Looking, AWildcardOfIpv6TellsWhetherItTakesIpv4) {
    for (const int is_only : {0, 1}) {
        const bus::UniqueFd server{socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (!server.is_open()) {
            GTEST_SKIP() << "no IPv6 here";
        }
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        socklen_t size = sizeof any;
        ASSERT_EQ(setsockopt(server.get(), IPPROTO_IPV6, IPV6_V6ONLY, &is_only, sizeof is_only), 0);
        ASSERT_EQ(bind(server.get(), reinterpret_cast<const sockaddr*>(&any), size), 0);
        ASSERT_EQ(listen(server.get(), 1), 0);
        ASSERT_EQ(getsockname(server.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
        const std::string port = std::to_string(ntohs(any.sin6_port));
        const auto found = look(ask_about(""));
        EXPECT_NE(found.find_listener("[::1]:" + port), nullptr);
        EXPECT_EQ(found.find_listener("127.0.0.1:" + port) == nullptr, is_only == 1);
    }
}

TEST_F(Looking, TellsWhichDirectoryIsClosedToTheWorker) {
    fs::permissions(folder.path(), fs::perms{0755});
    fs::create_directory(folder / "private");
    fs::permissions(folder / "private", fs::perms{0700});
    const auto server = listen_unix(folder / "private/a.sock");
    fs::permissions(folder / "private/a.sock", fs::perms{0666});
    const auto found = look(ask_about(unix_of("private/a.sock")));
    ASSERT_GE(found.path.size(), 3U);
    EXPECT_EQ(found.path.front().path, "/");
    const core::PathStep& socket = found.path.back();
    EXPECT_EQ(socket.kind, core::StepKind::kSocket);
    EXPECT_TRUE(socket.is_open);
    const core::PathStep& directory = found.path[found.path.size() - 2];
    EXPECT_EQ(directory.path, folder / "private");
    EXPECT_EQ(directory.mode, 0700U);
    EXPECT_FALSE(directory.is_open);
    EXPECT_TRUE(found.path[found.path.size() - 3].is_open);
}

TEST_F(Looking, FollowsLinksAndEndsWhereSomethingIsMissing) {
    const Identity who{.uid = 65534, .groups = {}};
    fs::create_directory(folder / "real");
    const auto server = listen_unix(folder / "real/a.sock");
    fs::create_symlink("real", folder / "relative");
    fs::create_symlink(folder / "relative/../relative", folder / "absolute");
    const Walk walk = walk_to("/", folder / "absolute/a.sock", who);
    EXPECT_TRUE(walk.socket_inode);
    EXPECT_EQ(walk.steps.back().path, folder / "real/a.sock");
    const Walk missing = walk_to("/", folder / "absent/more/a.sock", who);
    EXPECT_EQ(missing.steps.back().path, folder / "absent");
    EXPECT_EQ(missing.steps.back().kind, core::StepKind::kMissing);
    EXPECT_FALSE(missing.steps.back().is_open);
    fs::create_symlink("loop", folder / "loop");
    EXPECT_FALSE(walk_to("/", folder / "loop/a.sock", who).socket_inode);
    EXPECT_TRUE(walk_to(folder.path(), "/../../real/a.sock", who).socket_inode);  // its own root
}

TEST_F(Looking, NeverFailsAsAWhole) {
    Question question = ask_about("unix:/nonexistent/a.sock");
    question.unit = "absent.service";
    question.roots = {.proc = folder.path(), .cgroup = folder.path()};
    const auto found = look(question);
    EXPECT_FALSE(found.load);
    EXPECT_FALSE(found.use);
    EXPECT_FALSE(found.nginx_use);
    EXPECT_TRUE(found.workers.empty());
    EXPECT_EQ(found.path.back().kind, core::StepKind::kMissing);
    EXPECT_FALSE(found.file_systems.empty());
}

TEST_F(Looking, WhatItFindsFitsAndReadsBack) {
    const auto found = look(ask_about(unix_of("a.sock")));
    const auto again = core::decode_inspection(encode_bounded(found, ""));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(*again, found);
    EXPECT_TRUE(found.load && found.load->memory_bytes > 0 && found.load->cpus > 0);
}

TEST(EncodeBounded, DropsWorkersThenListenersOfOtherAddresses) {
    core::Inspection inspection;
    inspection.workers.resize(core::kMaxWorkers);
    inspection.listeners.emplace();
    for (std::size_t i = 0; i < core::kMaxListeners; ++i) {
        core::Listener listener;
        listener.address = "unix:/run/" + std::to_string(i) + std::string(100, ' ');
        listener.unit = std::string(200, 'u');
        inspection.listeners->push_back(listener);
    }
    const std::string asked = inspection.listeners->back().address;
    const std::string text = encode_bounded(inspection, asked);
    EXPECT_LE(text.size(), core::kMaxInspectionBytes);
    const auto again = core::decode_inspection(text);
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_TRUE(again->is_listeners_cut);
    EXPECT_NE(again->find_listener(asked), nullptr);
}

std::string acl_of(const std::vector<std::array<std::uint32_t, 3>>& entries) {
    const auto little = [](std::uint32_t value, std::size_t bytes) {
        std::string text;
        for (std::size_t i = 0; i < bytes; ++i) {
            text += static_cast<char>((value >> (8 * i)) & 0xFFU);
        }
        return text;
    };
    std::string acl = little(2, 4);
    for (const auto& entry : entries) {
        acl += little(entry[0], 2) + little(entry[1], 2) + little(entry[2], 4);
    }
    return acl;
}

TEST(IsGranted, ModeBitsCountOnceForTheFirstClassThatFits) {
    const auto may_write = [](std::uint32_t mode, const Identity& who) {
        return is_granted({.mode = mode, .uid = 1, .gid = 2, .acl = ""}, who, Permission::kWrite);
    };
    EXPECT_TRUE(may_write(0600, {.uid = 1, .groups = {}}));
    EXPECT_FALSE(may_write(0066, {.uid = 1, .groups = {2}}));  // the owner, and nothing else
    EXPECT_TRUE(may_write(0660, {.uid = 9, .groups = {7, 2}}));
    EXPECT_FALSE(may_write(0606, {.uid = 9, .groups = {2}}));
    EXPECT_FALSE(may_write(0660, {.uid = 9, .groups = {7}}));
    EXPECT_TRUE(may_write(0000, {.uid = 0, .groups = {}}));
}

TEST(IsGranted, AccessListsCountWithTheirMask) {
    constexpr std::uint32_t kNobody = ~std::uint32_t{0};
    const auto may_write = [](std::uint32_t mask, const Identity& who) {
        const std::string acl = acl_of({{0x01, 6, kNobody},
                                        {0x02, 6, 33},
                                        {0x04, 0, kNobody},
                                        {0x08, 2, 44},
                                        {0x10, mask, kNobody},
                                        {0x20, 6, kNobody}});
        return is_granted({.mode = 0, .uid = 1, .gid = 2, .acl = acl}, who, Permission::kWrite);
    };
    EXPECT_TRUE(may_write(7, {.uid = 33, .groups = {}}));
    EXPECT_FALSE(may_write(1, {.uid = 33, .groups = {}}));  // masked
    EXPECT_TRUE(may_write(0, {.uid = 1, .groups = {}}));    // the owner is not masked
    EXPECT_TRUE(may_write(7, {.uid = 9, .groups = {2, 44}}));
    EXPECT_FALSE(may_write(7, {.uid = 9, .groups = {2}}));  // in a group: "other" is not asked
    EXPECT_TRUE(may_write(0, {.uid = 9, .groups = {}}));
    EXPECT_TRUE(is_granted({.mode = 2, .uid = 1, .gid = 2, .acl = "junk"},
                           {.uid = 9, .groups = {}},
                           Permission::kWrite));
}

TEST(UnitOfPath, IsSystemdsUnitAndNotWhatIsNestedInIt) {
    EXPECT_EQ(unit_of_path("/system.slice/nginx.service"), "nginx.service");
    EXPECT_EQ(unit_of_path("/system.slice/system-php.slice/php@8.service/worker/1"),
              "php@8.service");
    EXPECT_EQ(unit_of_path("/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service"),
              "user@1000.service");
    EXPECT_EQ(unit_of_path("/system.slice/docker-0a.scope"), "docker-0a.scope");
    EXPECT_EQ(unit_of_path("/init.scope"), "init.scope");
    EXPECT_EQ(unit_of_path("/system.slice/_x.service"), "x.service");
    EXPECT_EQ(unit_of_path("/docker/0a"), "");
    EXPECT_EQ(unit_of_path("/"), "");
    EXPECT_EQ(unit_of_path("/system.slice/a b.service"), "");
    EXPECT_EQ(unit_of_process("9:name=systemd:/system.slice/a.service\n0::/\n"), "a.service");
    EXPECT_EQ(unit_of_process("0::/system.slice/a.service\n"), "a.service");
    EXPECT_EQ(unit_of_process("nonsense"), "");
}

TEST_F(Looking, ReadsTheUseOfAUnitInVersion2) {
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const std::string group = folder / "system.slice/a.service";
    fs::create_directories(group + "/sub");
    test::overwrite(group + "/memory.current", "1000\n");
    test::overwrite(group + "/memory.max", "max\n");
    test::overwrite(folder / "system.slice/memory.max", "5000\n");
    test::overwrite(group + "/memory.events", "low 0\noom 3\noom_kill 2\n");
    test::overwrite(group + "/pids.current", "7\n");
    test::overwrite(group + "/pids.max", "9\n");
    const auto use = unit_use(roots, "a.service", "0::/system.slice/a.service/sub\n");
    ASSERT_TRUE(use);
    EXPECT_EQ(use->memory_bytes, 1000U);
    EXPECT_EQ(use->memory_limit_bytes, 5000U);
    EXPECT_EQ(use->oom_kills, 2U);
    EXPECT_EQ(use->tasks, 7U);
    EXPECT_EQ(use->tasks_limit, 9U);
    EXPECT_FALSE(unit_use(roots, "b.service", "0::/system.slice/a.service\n"));
}

TEST_F(Looking, CountsWhatSiblingsTakeOfAnAncestorsLimit) {
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const std::string group = folder / "web.slice/a.service";
    fs::create_directories(group);
    test::overwrite(group + "/memory.current", "1000\n");
    test::overwrite(group + "/memory.max", "4000\n");
    test::overwrite(group + "/memory.high", "3500\n");
    test::overwrite(folder / "web.slice/memory.current", "5500\n");
    test::overwrite(folder / "web.slice/memory.max", "6000\n");
    test::overwrite(folder / "memory.current", "8000\n");  // a container's own
    test::overwrite(folder / "memory.max", "9000\n");
    auto use = unit_use(roots, "a.service", "0::/web.slice/a.service\n");
    ASSERT_TRUE(use);
    EXPECT_EQ(use->memory_limit_bytes - use->memory_bytes, 500U) << "6000 - 5500";
    EXPECT_FALSE(use->is_memory_limit_own);
    EXPECT_EQ(use->memory_above_left_bytes, 500U);
    test::overwrite(folder / "web.slice/memory.current", "1000\n");
    test::overwrite(folder / "memory.current", "1000\n");
    use = unit_use(roots, "a.service", "0::/web.slice/a.service\n");
    EXPECT_EQ(use->memory_limit_bytes, 3500U) << "MemoryHigh slows it down before MemoryMax";
    EXPECT_FALSE(use->is_memory_limit_own) << "MemoryMax would not help";
    EXPECT_EQ(use->memory_above_left_bytes, 5000U);
}

TEST_F(Looking, ReadsTheUseOfAUnitInVersion1) {
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const std::string group = folder / "memory/system.slice/a.service";
    fs::create_directories(group);
    test::overwrite(group + "/memory.usage_in_bytes", "1000\n");
    test::overwrite(group + "/memory.limit_in_bytes", "9223372036854771712\n");
    test::overwrite(group + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    const std::string groups =
        "5:cpu,memory:/system.slice/a.service\n4:pids:/system.slice\n1:name=systemd:/x\n0::/\n";
    const auto use = unit_use(roots, "a.service", groups);
    ASSERT_TRUE(use);
    EXPECT_EQ(use->memory_bytes, 1000U);
    EXPECT_EQ(use->memory_limit_bytes, 0U);
    EXPECT_EQ(use->oom_kills, 4U);
    EXPECT_EQ(use->tasks, 0U);
}

// /proc of a machine with an FPM master (7), its worker (9), nginx (20, 21) and a liar (30).
void write_processes(const test::TempDir& proc) {
    const auto add = [&](int pid, int parent, const std::string& comm, const std::string& unit) {
        const std::string folder = proc / std::to_string(pid);
        fs::create_directories(folder + "/fd");
        test::overwrite(folder + "/stat",
                        std::to_string(pid) + " (" + comm + ") S " + std::to_string(parent) +
                            " 1 1 0 -1 0 0 0 0 0 100 50 0 0 20 0 1 0 5 1000 256 0\n");
        test::overwrite(folder + "/cgroup", "0::/system.slice/" + unit + "\n");
    };
    add(1, 0, "systemd", "init.scope");
    add(7, 1, "php-fpm) R 1", "php8.2-fpm.service");
    add(9, 7, "php-fpm) R 1", "php8.2-fpm.service");
    add(20, 1, "nginx", "nginx.service");
    add(21, 20, "nginx", "nginx.service");
    add(30, 1, "nginx", "app.service");
    for (const int pid : {1, 7, 9}) {
        fs::create_symlink("socket:[500]", proc / (std::to_string(pid) + "/fd/3"));
    }
    fs::create_symlink("socket:[501]", proc / "1/fd/4");
    fs::create_symlink("/dev/null", proc / "9/fd/5");
}

TEST_F(Looking, TheOwnerOfASharedSocketIsTheMaster) {
    write_processes(folder);
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    const auto processes = list_processes(roots, deadline);
    ASSERT_EQ(processes.size(), 6U);
    EXPECT_EQ(processes[1].command, "php-fpm) R 1");
    EXPECT_EQ(processes[1].parent, 1U);
    EXPECT_EQ(processes[1].cpu_ticks, 150U);
    EXPECT_EQ(processes[1].unit, "php8.2-fpm.service");
    const auto owners = find_owners(roots, processes, {500, 501, 502}, deadline);
    ASSERT_EQ(owners.size(), 2U);
    EXPECT_EQ(owners.at(500)->pid, 7U);  // not systemd, which lent it
    EXPECT_EQ(owners.at(501)->pid, 1U);
}

std::uint64_t inode_of(const bus::UniqueFd& file) {
    struct stat info {};

    EXPECT_EQ(fstat(file.get(), &info), 0);
    return info.st_ino;
}

void link_socket(const test::TempDir& proc, int pid, int number, const bus::UniqueFd& socket) {
    fs::create_symlink("socket:[" + std::to_string(inode_of(socket)) + "]",
                       proc / (std::to_string(pid) + "/fd/" + std::to_string(number)));
}

// Master 7 and workers 9, 10, 11 and 12, who share these listeners: 9 sleeps, 10 waits for a
// visitor, 11 runs, of 12 nobody may see what it does.
void write_pool(const test::TempDir& proc, const bus::UniqueFd& port, const bus::UniqueFd& file) {
    write_processes(proc);
    for (const int pid : {10, 11, 12}) {
        const std::string name = std::to_string(pid);
        fs::copy(
            proc / "9", proc / name, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
        test::overwrite(proc / (name + "/stat"),
                        name +
                            " (php-fpm8.2) S 7 1 1 0 -1 0 0 0 0 0 100 50 0 0 20 0 1 0 5 1000 "
                            "256 0\n");
    }
    for (const int pid : {7, 9, 10, 11, 12}) {
        link_socket(proc, pid, 6, port);
        link_socket(proc, pid, 7, file);
        const std::string title = pid == 7 ? "php-fpm: master process" : "php-fpm: pool www";
        test::overwrite(proc / (std::to_string(pid) + "/cmdline"), title);
    }
    test::overwrite(proc / "9/syscall", "230 0x0 0x0 0x7ffd 0x0\n");
    test::overwrite(proc / "10/syscall", std::to_string(SYS_accept4) + " 0x6 0x7ffd 0x0\n");
    test::overwrite(proc / "11/syscall", "running\n");
}

core::Worker worker_of(const core::Inspection& found, std::uint32_t pid) {
    const auto at = std::ranges::find(found.workers, pid, &core::Worker::pid);
    return at == found.workers.end() ? core::Worker{} : *at;
}

TEST_F(Looking, TellsWhichWorkersServeWaitOrWorkForNobodyThere) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto port = listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address, 7);
    socklen_t size = sizeof address;
    ASSERT_EQ(getsockname(port.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    bus::UniqueFd client{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const bus::UniqueFd queued{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    for (const int one : {client.get(), queued.get()}) {
        ASSERT_EQ(connect(one, reinterpret_cast<const sockaddr*>(&address), size), 0);
    }
    const bus::UniqueFd served{accept4(port.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    const auto file = listen_unix(folder / "a.sock");
    auto left = connect_unix(folder / "a.sock");
    const bus::UniqueFd held{accept4(file.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    left = {};
    write_pool(folder, port, file);
    link_socket(folder, 9, 8, served);
    link_socket(folder, 12, 8, held);
    Question question = ask_about("");
    question.unit = "php8.2-fpm.service";
    question.roots = {.proc = folder.path(), .cgroup = folder.path()};
    const auto found = look(question);
    const std::string at_port = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const core::Listener* listener = found.find_listener(at_port);
    ASSERT_NE(listener, nullptr);
    EXPECT_EQ(listener->unit, "php8.2-fpm.service");
    EXPECT_EQ(listener->connections, 1U) << "the other one waits";
    EXPECT_EQ(listener->queue, 1U);
    EXPECT_EQ(worker_of(found, 9).connections, 1U);
    EXPECT_EQ(worker_of(found, 9).is_accepting, false);
    EXPECT_EQ(worker_of(found, 10).connections, 0U);
    EXPECT_EQ(worker_of(found, 10).is_accepting, true);
    EXPECT_EQ(worker_of(found, 11).connections, 0U);
    EXPECT_EQ(worker_of(found, 11).is_accepting, false);
    EXPECT_EQ(worker_of(found, 12).connections, 1U) << "also where its visitor has left";
    EXPECT_FALSE(worker_of(found, 12).is_accepting.has_value());
    EXPECT_FALSE(worker_of(found, 7).connections.has_value()) << "the master serves nobody";
    client = {};
    EXPECT_EQ(look(question).find_listener(at_port)->connections, 1U)
        << "it may only have said all: in doubt it is served";
    question.unit = "other.service";
    EXPECT_FALSE(look(question).find_listener(at_port)->connections) << "not asked about";
}

TEST_F(Looking, TheNameNginxAloneMakesNoNginx) {
    std::vector<Process> processes(3);
    processes[0].pid = 20;
    processes[0].command = "nginx";
    processes[0].unit = "nginx.service";
    processes[0].uid = 1000;
    processes[1].pid = 30;
    processes[1].command = "nginx";
    processes[1].uid = 1000;
    processes[2].pid = 31;
    processes[2].parent = 30;
    processes[2].command = "nginx";
    processes[2].uid = 1000;
    EXPECT_TRUE(is_nginx(processes, processes[0]));
    EXPECT_FALSE(is_nginx(processes, processes[1]));
    EXPECT_FALSE(is_nginx(processes, processes[2]));
    processes[1].uid = 0;
    EXPECT_TRUE(is_nginx(processes, processes[2]));
}

TEST(Measure, OurselvesHaveMemoryAndOpenFiles) {
    Process self;
    self.pid = static_cast<std::uint32_t>(getpid());
    const auto worker =
        measure({}, self, std::chrono::steady_clock::now() + std::chrono::seconds{60});
    EXPECT_GT(worker.own_bytes, 0U);
    EXPECT_GE(worker.peak_bytes, worker.own_bytes / 2);
    EXPECT_GE(worker.open_files, 3U);
    EXPECT_GT(worker.open_files_limit, 3U);
}

TEST_F(Looking, AWorkersPoolIsWhatItsTitleSays) {
    write_processes(folder);
    Process worker;
    worker.pid = 9;
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    const auto pool = [&](const std::string& title) {
        test::overwrite(folder / "9/cmdline", title);
        return measure(roots, worker, deadline).pool;
    };
    EXPECT_EQ(pool(std::string("php-fpm: pool www  \0\0\0", 23)), "www");
    EXPECT_EQ(pool("php-fpm: pool shop.example_1"), "shop.example_1");
    EXPECT_EQ(pool("php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)"), "");
    EXPECT_EQ(pool("/usr/bin/php-fpm: pool www"), "");
    EXPECT_EQ(pool(std::string("php-fpm: pool \0", 15)), "");
    EXPECT_EQ(pool("php-fpm: pool a\nb").find('\n'), std::string::npos);
}

TEST_F(Looking, TellsWhatAWorkerSharesAndBothItsFileLimits) {
    write_processes(folder);
    test::overwrite(folder / "9/smaps_rollup",
                    "55 - 7f ---p 00000000 00:00 0 [rollup]\nRss:   75000 kB\nPss: 66000 kB\n"
                    "Private_Clean: 600 kB\nPrivate_Dirty: 64000 kB\n");
    test::overwrite(folder / "9/status", "Name: php-fpm\nVmHWM:   75000 kB\n");
    test::overwrite(
        folder / "9/limits",
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max processes             99                   98                   processes\n"
        "Max open files            1024                 524288               files\n");
    Process process;
    process.pid = 9;
    const core::Worker worker =
        measure({.proc = folder.path(), .cgroup = folder.path()},
                process,
                std::chrono::steady_clock::now() + std::chrono::seconds{60});
    EXPECT_EQ(worker.own_bytes, 64600U * 1024U);
    EXPECT_EQ(worker.shared_bytes, 10400U * 1024U);
    EXPECT_EQ(worker.peak_bytes, 75000U * 1024U);
    EXPECT_EQ(worker.open_files_limit, 1024U);
    EXPECT_EQ(worker.open_files_hard_limit, 524288U);
}

TEST_F(Looking, TellsWhatAProcessHasDoneFromHowOftenItWokeUp) {
    write_processes(folder);
    test::overwrite(folder / "9/io",
                    "rchar: 1000\nwchar: 24\nsyscr: 7\nsyscw: 3\nread_bytes: 4096\n"
                    "write_bytes: 8192\ncancelled_write_bytes: 0\n");
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const auto process = read_process(roots, 9);
    ASSERT_TRUE(process);
    const core::Worker worker =
        measure(roots, *process, std::chrono::steady_clock::now() + std::chrono::seconds{60});
    EXPECT_EQ(worker.ticks, 150U);
    EXPECT_EQ(worker.io_bytes, 1024U);
    EXPECT_EQ(worker.done, 160U) << "no thread's switches are told here";
}

TEST_F(Looking, TellsWhetherSomebodyHasFrozenAProcess) {
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    const std::string in_v2 = "0::/system.slice/a.service\n";
    const std::string in_v1 = "5:freezer:/jobs\n1:name=systemd:/system.slice/a.service\n0::/\n";
    EXPECT_FALSE(is_frozen(roots, in_v2));
    fs::create_directories(folder / "system.slice/a.service");
    fs::create_directories(folder / "freezer/jobs");
    for (const bool frozen : {true, false}) {
        test::overwrite(folder / "system.slice/a.service/cgroup.events",
                        frozen ? "populated 1\nfrozen 1\n" : "populated 1\nfrozen 0\n");
        test::overwrite(folder / "freezer/jobs/freezer.state", frozen ? "FROZEN\n" : "THAWED\n");
        EXPECT_EQ(is_frozen(roots, in_v2), frozen);
        EXPECT_EQ(is_frozen(roots, in_v1), frozen);
    }
    write_processes(folder);
    test::overwrite(folder / "9/cgroup", in_v1);
    test::overwrite(folder / "freezer/jobs/freezer.state", "FREEZING\n");
    Process process;
    process.pid = 9;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    EXPECT_TRUE(measure(roots, process, deadline).is_traced);
}

TEST(Consumers, AreThoseWhoTakeMostOfTheMachine) {
    std::vector<Process> before(5);
    for (std::uint32_t i = 0; i < before.size(); ++i) {
        before[i].pid = i + 10;
        before[i].command = "p" + std::to_string(i);
    }
    std::vector<Process> after = before;
    after[1].cpu_ticks = 31;                                          // 3.1 cores in 0.1 s of 8
    after[2].resident_bytes = std::uint64_t{2} * 1024 * 1024 * 1024;  // half of the memory
    after[3].cpu_ticks = 2;
    after.erase(after.begin() + 4);  // has ended
    core::MachineLoad load;
    load.memory_bytes = std::uint64_t{4} * 1024 * 1024 * 1024;
    load.cpus = 8;
    const auto found = find_consumers({.before = before, .after = after, .seconds = 0.1}, load);
    EXPECT_EQ(found,
              (std::vector<std::string>{"p2 (pid 12): 0% cpu, 2.0 GiB",
                                        "p1 (pid 11): 310% cpu, 0 MiB",
                                        "p3 (pid 13): 20% cpu, 0 MiB"}));
}

TEST_F(Looking, ReadsPressureAndLoad) {
    const Roots roots{.proc = folder.path(), .cgroup = folder.path()};
    fs::create_directory(folder / "pressure");
    test::overwrite(folder / "meminfo", "MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable: 50 kB\n");
    test::overwrite(folder / "loadavg", "3.21 1.00 0.50 2/100 999\n");
    test::overwrite(folder / "pressure/memory",
                    "some avg10=50.00 avg60=1.00 avg300=0.00 total=1\n"
                    "full avg10=12.34 avg60=1.00 avg300=0.00 total=1\n");
    const auto load = read_load(roots);
    ASSERT_TRUE(load);
    EXPECT_EQ(load->memory_available_bytes, 50U * 1024U);
    EXPECT_EQ(load->load1_permille, 3210U);
    EXPECT_EQ(load->memory_full10_permille, 123U);
    EXPECT_FALSE(load->cpu_some10_permille);
}

TEST(CheckInspectAddress, TakesCanonicalAddressesOnly) {
    for (const char* good : {"unix:/run/php/a.sock", "127.0.0.1:9000", "[::1]:80", "10.1.2.3:80"}) {
        EXPECT_EQ(check_address(good), "") << good;
    }
    for (const char* bad : {"",
                            "-",
                            "unix:",
                            "unix:run/x",
                            "unix:/a/../b",
                            "unix:/a/..",
                            "unix:/a/./b",
                            "unix:/a\nb",
                            "example.com:80",
                            "127.0.0.1",
                            "127.0.0.1:"}) {
        EXPECT_NE(check_address(bad), "") << bad;
    }
    EXPECT_NE(check_address("unix:/" + std::string(200, 'x')), "");
}

// The signal that ends a child which installs the filter and then does `deed`; 0: it lived.
template <class Deed>
int signal_inside_filter(const Deed& deed) {
    const pid_t child = fork();
    if (child == 0) {
        if (!sandbox::install_filter(sandbox::Program::kInspect)) {
            _exit(2);
        }
        deed();
        _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << "the filter was not installed";
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(InspectFilter, LetsItLookButNeitherConnectNorWrite) {
    EXPECT_EQ(signal_inside_filter([] { (void)look(ask_about("unix:/run/a.sock")); }), 0);
    EXPECT_EQ(signal_inside_filter([] { (void)connect(0, nullptr, 0); }), SIGSYS);
    EXPECT_EQ(signal_inside_filter([] { (void)!open("/dev/null", O_WRONLY | O_CLOEXEC); }), SIGSYS);
    EXPECT_EQ(signal_inside_filter([] { (void)fork(); }), SIGSYS);
}

TEST(FindIdentity, KnowsUsersByNameAndNumber) {
    EXPECT_EQ(find_identity("root")->uid, 0U);
    EXPECT_EQ(find_identity("0")->uid, 0U);
    EXPECT_EQ(find_identity("4123456789")->uid, 4123456789U);
    EXPECT_FALSE(find_identity("no such user"));
    EXPECT_FALSE(find_identity(""));
}

}  // namespace
}  // namespace gatemend::inspect
