// SPDX-License-Identifier: MIT
// UniqueFd: an open file descriptor with one owner. Must never be given a descriptor that somebody
// else closes.
#pragma once

#include <unistd.h>

#include <utility>

namespace gatemend::bus {

class UniqueFd {
  public:
    UniqueFd() = default;

    explicit UniqueFd(int fd) : fd_(fd) {}

    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    ~UniqueFd() { reset(); }

    void reset() {
        if (fd_ >= 0) {
            // Linux frees the descriptor even when close reports an error; there is nothing to
            // retry.
            (void)::close(fd_);
            fd_ = -1;
        }
    }

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

    // The caller owns it from here on.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

}  // namespace gatemend::bus
