// SPDX-License-Identifier: MIT
#include "sandbox/probe/process_deadline.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace gatemend::probe {
namespace {

// Only what a signal handler may do: write() and _exit().
void print_and_end(int /*signal*/, siginfo_t* info, void* /*context*/) {
    const auto* line = static_cast<const std::string*>(info->si_value.sival_ptr);
    (void)!write(STDOUT_FILENO, line->data(), line->size());  // too late for another way
    _exit(0);
}

timespec to_timespec(core::Duration duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec time{};
    time.tv_sec = seconds.count();
    time.tv_nsec = std::chrono::nanoseconds{duration - seconds}.count();
    return time;
}

}  // namespace

core::Result<std::unique_ptr<ProcessDeadline>> ProcessDeadline::set(
    core::Duration limit, const core::ProbeResult& answer) {
    std::unique_ptr<ProcessDeadline> deadline{new ProcessDeadline{core::encode(answer)}};

    struct sigaction action {};

    action.sa_sigaction = print_and_end;
    action.sa_flags = SA_SIGINFO;
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    event.sigev_value.sival_ptr = &deadline->line_;
    itimerspec when{};
    when.it_value = to_timespec(std::max(limit, core::Duration{1}));  // zero would mean never
    if (sigaction(SIGALRM, &action, nullptr) < 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &deadline->timer_) < 0) {
        return core::Error{"deadline: " + std::generic_category().message(errno)};
    }
    deadline->is_set_ = true;
    if (timer_settime(deadline->timer_, 0, &when, nullptr) < 0) {
        return core::Error{"deadline: " + std::generic_category().message(errno)};
    }
    return deadline;
}

ProcessDeadline::~ProcessDeadline() {
    if (is_set_) {
        (void)timer_delete(timer_);  // cannot fail for our own timer
    }
}

}  // namespace gatemend::probe
