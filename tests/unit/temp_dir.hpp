// SPDX-License-Identifier: MIT
// TempDir: a directory for one test, removed with everything in it; and one turn of an event loop.
#pragma once

#include "sandbox/bus/event_loop.hpp"

#include <systemd/sd-event.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace gatemend::test {

class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "gatemend-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    ~TempDir() {
        std::error_code ignored;  // a leftover directory fails no test
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string operator/(const std::string& name) const {
        return path_ + "/" + name;
    }

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline void append(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

inline void overwrite(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}

// Runs the loop until it has nothing to do. What the tests do to files is in the kernel's queues
// before the call; the timeout is only there for the loop's own timers of delay zero.
inline void settle(bus::EventLoop& loop) {
    constexpr std::uint64_t kTimerSlackUsec = 3'000;
    while (sd_event_run(loop.raw(), kTimerSlackUsec) > 0) {
    }
}

}  // namespace gatemend::test
