// SPDX-License-Identifier: MIT
#include "io/service_notify.hpp"

#include <systemd/sd-daemon.h>

#include <time.h>

#include <algorithm>

namespace gatemend::io {

namespace {

// A failing notification is systemd's to notice (start timeout, watchdog): nothing to do about it
// here.
void tell(const std::string& message) {
    (void)sd_notify(0, message.c_str());
}

// systemd drops a whole message, READY=1 and all, when it is longer than 4 KiB.
std::string one_line(std::string status) {
    constexpr std::size_t kMost = 512;
    status.resize(std::min(status.find('\n'), status.size()));
    if (status.size() > kMost) {
        status = status.substr(0, kMost) + "...";
    }
    return status;
}

}  // namespace

void notify_ready(const std::string& status) {
    tell("READY=1\nSTATUS=" + one_line(status));
}

void notify_reloading() {
    // systemd 253 wants the moment; older ones ignore it.
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail for this clock
    const auto usec = static_cast<unsigned long long>(now.tv_sec) * 1'000'000ULL +
                      static_cast<unsigned long long>(now.tv_nsec) / 1'000ULL;
    tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec));
}

void notify_status(const std::string& status) {
    tell("STATUS=" + one_line(status));
}

void notify_stopping() {
    tell("STOPPING=1");
}

void notify_watchdog() {
    tell("WATCHDOG=1");
}

std::optional<core::Duration> watchdog_period() {
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0) {
        return std::nullopt;
    }
    return core::Duration{static_cast<core::Duration::rep>(usec)};
}

}  // namespace gatemend::io
