// SPDX-License-Identifier: MIT
#include "io/service_notify.hpp"

#include "tests/unit/temp_dir.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

namespace gatemend::io {
namespace {

// systemd's end of it.
class NotifySocket {
  public:
    NotifySocket() {
        const std::string path = folder_ / "notify";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }

    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    ~NotifySocket() {
        ::unsetenv("NOTIFY_SOCKET");
        ::close(fd_);
    }

    std::string next() const {
        std::array<char, 8192> bytes{};
        const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : "";
    }

  private:
    test::TempDir folder_;
    int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST(ServiceNotify, TellsTheFirstLine) {
    const NotifySocket systemd;
    notify_ready("policies are broken\n  rule 1\n");
    EXPECT_EQ(systemd.next(), "READY=1\nSTATUS=policies are broken");
}

TEST(ServiceNotify, IsNeverTooLongForSystemd) {
    const NotifySocket systemd;
    notify_ready(std::string(6000, 'x'));
    const std::string told = systemd.next();
    EXPECT_TRUE(told.starts_with("READY=1\n"));
    EXPECT_LT(told.size(), 1024U);
}

}  // namespace
}  // namespace gatemend::io
