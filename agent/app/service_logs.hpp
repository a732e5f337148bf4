// SPDX-License-Identifier: MIT
// ServiceLogs: what a service's own log, its journal and the kernel have said since the last time.
// Used by the agent while something is looked into: these sources are read on demand, because
// following them would wake the agent at everybody's every line (and PHP-FPM's log, which is root's
// alone, could only be polled). Remembers how far each was read, so no record is told twice.
#pragma once

#include "core/event.hpp"
#include "io/executor_client.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatemend::app {

inline constexpr std::size_t kMaxServiceLogBytes = std::size_t{256} * 1024;
// How far back the first reading goes.
inline constexpr core::Duration kFirstLook = std::chrono::minutes{2};

// What the journal has about a unit (its own words, systemd's, the kernel's, audit's) since a
// moment; nothing when it cannot be read. A name in parentheses is no unit: the kernel and audit
// only.
[[nodiscard]] std::vector<core::SymptomSeen> read_unit_journal(const std::string& unit,
                                                               core::TimePoint since);

class ServiceLogs {
  public:
    using Done = std::function<void(std::vector<core::SymptomSeen>)>;

    ServiceLogs(bus::EventLoop& loop,
                io::ExecutorClient& executor,
                std::function<void(const std::string&)> warn);

    // From now on; what a log holds already is old news.
    void know(const std::vector<core::Service>& services);
    // `log` may be "". Answers once.
    void read(const std::string& unit, const std::string& log, Done done);

  private:
    struct Position {
        ino_t inode = 0;
        std::uint64_t offset = 0;
        bool is_open_to_scripts = false;
    };

    [[nodiscard]] std::vector<core::SymptomSeen> read_new_journal(const std::string& unit);
    void read_file(const std::string& unit,
                   const std::string& log,
                   int fd,
                   std::vector<core::SymptomSeen>& found);

    bus::EventLoop& loop_;
    io::ExecutorClient& executor_;
    std::function<void(const std::string&)> warn_;
    std::map<std::string, Position> positions_;        // by path
    std::map<std::string, core::TimePoint> journals_;  // by unit: read up to here
};

}  // namespace gatemend::app
