// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"

#include "sandbox/probe/fastcgi.hpp"
#include "tests/unit/probe_peer.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

namespace gatemend::probe {
namespace {

namespace fs = std::filesystem;
using core::ProbeKind;
using core::ProbeOutcome;

core::ProbeResult probe_of(ProbeKind kind,
                           const std::string& address,
                           core::Duration timeout = kPlenty) {
    return run_probe({kind, address, "", timeout}, Reach::kLocal);
}

ProbeOutcome ask(const Peer& peer, core::Duration timeout = kPlenty) {
    return probe_of(ProbeKind::kFastcgi, peer.address(), timeout).outcome;
}

std::string check_address(const std::string& address, Reach reach = Reach::kLocal) {
    return check_target({ProbeKind::kConnect, address, "", kPlenty}, reach);
}

TEST(FastcgiReply, AcceptsAnyWellFormedAnswer) {
    FastcgiReply reply;
    const std::string text = record(7, "Primary script unknown", 2) +
                             record(6, "Status: 404 Not Found\r\n\r\nFile not found.\n", 6) +
                             end_record();
    EXPECT_EQ(reply.take(text), ReplyState::kComplete);
}

TEST(FastcgiReply, GivesTheSameAnswerByteByByte) {
    FastcgiReply reply;
    const std::string text = record(6, "x") + record(6, "") + end_record();
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        ASSERT_EQ(reply.take(text.substr(i, 1)), ReplyState::kIncomplete) << i;
    }
    EXPECT_EQ(reply.take(text.substr(text.size() - 1)), ReplyState::kComplete);
}

TEST(FastcgiReply, RefusesWhatIsNotAnAnswer) {
    for (const std::string& text : {std::string{"HTTP/1.1 200 OK\r\n"},
                                    record(6, "x", 0, 2),
                                    record(1, "12345678"),
                                    record(10, "x"),
                                    record(3, "short"),
                                    end_record(1)}) {
        FastcgiReply reply;
        EXPECT_EQ(reply.take(text), ReplyState::kInvalid);
    }
}

TEST(Probe, GoodPeerIsGood) {
    const Peer peer{[](int fd) {
        char buffer[4096];
        (void)!recv(fd, buffer, sizeof buffer, 0);
        say(fd, record(6, "Status: 404 Not Found\r\n\r\n") + end_record());
        wait_for_close(fd);
    }};
    EXPECT_EQ(ask(peer), ProbeOutcome::kGood);
}

TEST(Probe, SilenceEndsAtTheDeadline) {
    const Peer peer{wait_for_close};
    EXPECT_EQ(ask(peer, kShort), ProbeOutcome::kResponseTimeout);
}

TEST(Probe, HalfAnAnswerAndSilenceEndsAtTheDeadline) {
    const Peer peer{[](int fd) {
        say(fd, record(6, "x").substr(0, 5));
        wait_for_close(fd);
    }};
    EXPECT_EQ(ask(peer, kShort), ProbeOutcome::kResponseTimeout);
}

TEST(Probe, CloseBeforeAnAnswerIsClosedEarly) {
    const Peer peer{[](int fd) {
        char buffer[4096];
        (void)!recv(fd, buffer, sizeof buffer, 0);
    }};
    EXPECT_EQ(ask(peer), ProbeOutcome::kClosedEarly);
}

TEST(Probe, ResetIsClosedEarly) {
    const Peer peer{[](int) {}};  // unread bytes: the kernel resets
    EXPECT_EQ(ask(peer), ProbeOutcome::kClosedEarly);
}

TEST(Probe, AnotherProtocolIsInvalid) {
    const Peer peer{[](int fd) {
        say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
        wait_for_close(fd);
    }};
    EXPECT_EQ(ask(peer), ProbeOutcome::kInvalidResponse);
}

TEST(Probe, EndlessAnswerIsCutOff) {
    const Peer peer{[](int fd) {
        const std::string chunk = record(6, std::string(60'000, 'x'));
        while (send(fd, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
        }
    }};
    EXPECT_EQ(ask(peer), ProbeOutcome::kInvalidResponse);
}

TEST(Probe, ConnectKindAsksNothing) {
    const Peer peer{wait_for_close};
    EXPECT_EQ(probe_of(ProbeKind::kConnect, peer.address()).outcome, ProbeOutcome::kGood);
}

TEST(Probe, FullQueueIsSaturated) {
    std::string pattern = (fs::temp_directory_path() / "gatemend-probe-XXXXXX").string();
    const fs::path folder = mkdtemp(pattern.data());
    const std::string path = folder / "s";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    const int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_EQ(connect(first, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const auto full = probe_of(ProbeKind::kFastcgi, "unix:" + path);
    EXPECT_EQ(full.outcome, ProbeOutcome::kSaturated);
    close(listener);
    const auto stale = probe_of(ProbeKind::kFastcgi, "unix:" + path);
    EXPECT_EQ(stale.outcome, ProbeOutcome::kRefused);
    EXPECT_EQ(stale.error_number, ECONNREFUSED);
    close(first);
    fs::remove_all(folder);
    EXPECT_EQ(probe_of(ProbeKind::kFastcgi, "unix:" + path).outcome, ProbeOutcome::kMissing);
}

TEST(Probe, AddressMustBeLocalAndCanonical) {
    for (const char* good : {"unix:/run/php/php8.2-fpm.sock", "127.0.0.1:9000", "[::1]:9000"}) {
        EXPECT_EQ(check_address(good), "") << good;
    }
    const std::string overlong = "unix:/" + std::string(107, 'a');
    for (const char* bad : {"",
                            "unix:",
                            "unix:run/x.sock",
                            "unix:/run/../etc/x",
                            "unix:/run/..",
                            "unix:/run/x\n.sock",
                            "192.0.2.1:80",
                            "0.0.0.0:80",
                            "localhost:80",
                            "127.0.0.1:0",
                            "127.0.0.1:080",
                            "127.0.0.1:65536",
                            "127.0.0.1:80x",
                            "127.1:80",
                            "[fe80::1]:80",
                            "[::ffff:127.0.0.1]:80",
                            "[::1",
                            ":80",
                            overlong.c_str()}) {
        EXPECT_NE(check_address(bad), "") << bad;
    }
    EXPECT_NE(check_address(std::string{"unix:/a\0b", 9}), "");
}

TEST(Probe, LeavesTheMachineOnlyWhenTold) {
    for (const char* host : {"192.0.2.1:80", "[2001:db8::1]:443", "127.0.0.1:1"}) {
        EXPECT_EQ(check_address(host, Reach::kRemote), "") << host;
    }
    for (const char* bad : {"0.0.0.0:80",
                            "224.0.0.1:80",
                            "255.255.255.255:80",
                            "240.0.0.1:80",
                            "[::]:80",
                            "[ff02::1]:80",
                            "[fe80::1]:80",
                            "[::ffff:192.0.2.1]:80",
                            "host.lan:80"}) {
        EXPECT_NE(check_address(bad, Reach::kRemote), "") << bad;
    }
}

TEST(Probe, ResolvesHostNamesOnly) {
    const auto check = [](const std::string& name, Reach reach) {
        return check_target({ProbeKind::kResolve, name, "", kPlenty}, reach);
    };
    EXPECT_EQ(check("app_1.example-site.org", Reach::kRemote), "");
    EXPECT_NE(check("app.lan", Reach::kLocal), "");
    const std::string overlong(254, 'a');
    for (const char* bad :
         {"", ".", "a..b", "-a", "a b", "a/b", "a:80", "a;b", "\xC3\xA4", "a\n"}) {
        EXPECT_NE(check(bad, Reach::kRemote), "") << bad;
    }
    EXPECT_NE(check(overlong, Reach::kRemote), "");
    EXPECT_EQ(run_probe({ProbeKind::kResolve, "a b", "", kPlenty}, Reach::kRemote).outcome,
              ProbeOutcome::kUnknown);
}

}  // namespace
}  // namespace gatemend::probe
