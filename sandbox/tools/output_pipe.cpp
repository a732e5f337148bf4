// SPDX-License-Identifier: MIT
#include "sandbox/tools/output_pipe.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace gatemend::sandbox {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
// Per turn of the loop, so that a flood leaves room for timers.
constexpr int kMaxReadsPerTurn = 16;

}  // namespace

OutputPipe::~OutputPipe() {
    close_write_end();
    close_read_end();
}

core::Result<int> OutputPipe::open(bus::EventLoop& loop, std::size_t limit) {
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) < 0) {
        return core::Error{"make a pipe: " + std::generic_category().message(errno)};
    }
    read_fd_ = ends[0];
    write_fd_ = ends[1];
    limit_ = limit;
    // Only our end: the tool's stays an ordinary blocking pipe.
    if (fcntl(read_fd_, F_SETFL, O_NONBLOCK) < 0) {
        return core::Error{"set up a pipe: " + std::generic_category().message(errno)};
    }
    source_ = loop.add_io(read_fd_, EPOLLIN, [this](std::uint32_t) {
        for (int i = 0; i < kMaxReadsPerTurn && read_once(); ++i) {
        }
        if (heard_) {
            heard_();
        }
    });
    return write_fd_;
}

void OutputPipe::close_write_end() {
    if (const int fd = std::exchange(write_fd_, -1); fd >= 0) {
        close(fd);
    }
}

void OutputPipe::close_read_end() {
    source_.reset();
    if (const int fd = std::exchange(read_fd_, -1); fd >= 0) {
        close(fd);
    }
}

bool OutputPipe::read_once() {
    if (read_fd_ < 0) {
        return false;
    }
    std::array<char, kReadBytes> buffer{};
    const ssize_t got = read(read_fd_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
        return true;
    }
    if (got < 0 && errno == EAGAIN) {
        return false;
    }
    if (got <= 0) {
        close_read_end();
        return false;
    }
    const auto size = static_cast<std::size_t>(got);
    const std::size_t kept = std::min(size, limit_ - text_.size());
    text_.append(buffer.data(), kept);
    if (kept < size) {
        is_cut_ = true;
        discarded_ += size - kept;
    }
    if (discarded_ > kMaxDiscardedBytes) {
        close_read_end();  // SIGPIPE for the tool
        return false;
    }
    return true;
}

void OutputPipe::drain() {
    // The pipe's own capacity bounds this when the writer is gone; the limit does when it is not.
    const std::size_t most = (limit_ + kMaxDiscardedBytes) / kReadBytes + 2;
    for (std::size_t i = 0; i < most && read_once(); ++i) {
    }
}

}  // namespace gatemend::sandbox
