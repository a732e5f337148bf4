// SPDX-License-Identifier: MIT
// A peer for probes: a real socket of this process with a thread that talks as a test wants. Used
// by the probe's tests; never by more than one client at a time.
#pragma once

#include "core/time.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace gatemend::probe {

inline constexpr core::Duration kPlenty = std::chrono::seconds{5};
inline constexpr core::Duration kShort = std::chrono::milliseconds{60};

// A FastCGI record as FPM sends it: garbage in the reserved bytes is allowed.
inline std::string record(int type, const std::string& content, int padding = 0, int id = 1) {
    std::string text{'\1', static_cast<char>(type), '\0', static_cast<char>(id)};
    text.push_back(static_cast<char>(content.size() >> 8U));
    text.push_back(static_cast<char>(content.size() & 0xFFU));
    text.push_back(static_cast<char>(padding));
    text.push_back('\x7F');
    return text + content + std::string(static_cast<std::size_t>(padding), '\xEE');
}

inline std::string end_record(int protocol_status = 0) {
    return record(3,
                  std::string{"\0\0\0\0", 4} + static_cast<char>(protocol_status) + "\xAA\xBB\xCC");
}

enum class Family { kUnix, kLoopback };

// Listens and runs `talk` on each connection, one after the other, until it is destroyed.
class Peer {
  public:
    explicit Peer(std::function<void(int)> talk, Family family = Family::kUnix) {
        if (family == Family::kUnix) {
            listen_on_path();
        } else {
            listen_on_loopback();
        }
        EXPECT_EQ(listen(listener_, 4), 0);
        thread_ = std::thread{[this, talk = std::move(talk)]() mutable {
            is_waiting_ = true;
            is_waiting_.notify_one();
            for (;;) {
                const int connection = accept(listener_, nullptr, nullptr);
                if (connection < 0) {
                    return;
                }
                talk(connection);
                close(connection);
            }
        }};
        // Who forks now must not do it in the middle of the thread's allocations.
        is_waiting_.wait(false);
    }

    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    ~Peer() {
        (void)shutdown(listener_, SHUT_RDWR);  // ends an accept() nobody came to
        thread_.join();
        close(listener_);
        if (!folder_.empty()) {
            std::filesystem::remove_all(folder_);
        }
    }

    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    void listen_on_path() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "gatemend-probe-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        const std::string path = folder_ / "peer.sock";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        address_ = "unix:" + path;
    }

    void listen_on_loopback() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // port 0: any free one
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }

    std::filesystem::path folder_;
    std::string address_;
    int listener_ = -1;
    std::atomic<bool> is_waiting_ = false;
    std::thread thread_;
};

inline void say(int fd, const std::string& text) {
    (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

// What one recv() brings.
inline std::string hear(int fd) {
    char buffer[4096];
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(got > 0 ? got : 0)};
}

inline void wait_for_close(int fd) {
    char buffer[4096];
    while (recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
}

// What a child printed that ran `deed`.
inline std::string output_of(const std::function<void()>& deed) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        deed();
        _exit(3);
    }
    close(ends[1]);
    char text[1024];
    const ssize_t got = read(ends[0], text, sizeof text);
    close(ends[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    return {text, static_cast<std::size_t>(got > 0 ? got : 0)};
}

}  // namespace gatemend::probe
