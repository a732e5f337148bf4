// SPDX-License-Identifier: MIT
#include "cli/child_process.hpp"

#include "core/text.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <system_error>

namespace gatemend::cli {

namespace {

constexpr int kCannotRun = 126;  // as env(1) and every shell have it
constexpr int kNotFound = 127;
constexpr int kSignalled = 128;

// Blocked in this process for as long as the object lives, so that none of them ends it before the
// marker is gone.
class BlockedSignals {
  public:
    BlockedSignals() {
        (void)::sigemptyset(&blocked_);  // cannot fail with these arguments
        for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
            (void)::sigaddset(&blocked_, signal);
        }
        (void)::pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
    }

    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

    ~BlockedSignals() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    [[nodiscard]] const sigset_t& blocked() const { return blocked_; }

    [[nodiscard]] const sigset_t& before() const { return before_; }

  private:
    sigset_t blocked_{};
    sigset_t before_{};
};

// 0 or the error number.
int start(const std::vector<std::string>& argv, const sigset_t& mask, pid_t& pid) {
    std::vector<std::string> copies = argv;
    std::vector<char*> words;
    words.reserve(copies.size() + 1);
    for (std::string& word : copies) {
        words.push_back(word.data());
    }
    words.push_back(nullptr);
    posix_spawnattr_t attributes{};
    if (const int failure = ::posix_spawnattr_init(&attributes); failure != 0) {
        return failure;
    }
    (void)::posix_spawnattr_setsigmask(&attributes, &mask);  // these two only store
    (void)::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int failure =
        ::posix_spawnp(&pid, words.front(), nullptr, &attributes, words.data(), environ);
    (void)::posix_spawnattr_destroy(&attributes);
    return failure;
}

std::optional<int> status_if_ended(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) {
        return std::nullopt;
    }
    if (WIFSIGNALED(status)) {
        return kSignalled + WTERMSIG(status);
    }
    return WEXITSTATUS(status);
}

timespec to_timespec(core::Duration left) {
    const auto rest = std::max(left, core::Duration::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(rest);
    const auto below = std::chrono::duration_cast<std::chrono::nanoseconds>(rest - seconds);
    return {static_cast<time_t>(seconds.count()), below.count()};
}

int wait_for(pid_t pid,
             const sigset_t& signals,
             core::Duration patience,
             const std::function<void()>& on_overdue) {
    using Clock = std::chrono::steady_clock;
    const auto overdue_at = Clock::now() + patience;
    bool is_overdue = false;
    while (true) {
        if (const auto status = status_if_ended(pid)) {
            return *status;
        }
        siginfo_t info{};
        const timespec left =
            to_timespec(std::chrono::ceil<core::Duration>(overdue_at - Clock::now()));
        const int signal = ::sigtimedwait(&signals, &info, is_overdue ? nullptr : &left);
        if (signal < 0 && errno == EAGAIN) {
            is_overdue = true;
            on_overdue();
        } else if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) {
            (void)::kill(pid, signal);  // the terminal's own the child has had already
        }
    }
}

}  // namespace

ChildEnd run_child(const std::vector<std::string>& argv,
                   core::Duration patience,
                   const std::function<void()>& on_overdue) {
    const BlockedSignals signals;
    pid_t pid = 0;
    if (const int failure = start(argv, signals.before(), pid); failure != 0) {
        return {failure == ENOENT ? kNotFound : kCannotRun,
                core::sanitize(argv.front()) + ": " + std::generic_category().message(failure)};
    }
    return {wait_for(pid, signals.blocked(), patience, on_overdue), ""};
}

}  // namespace gatemend::cli
