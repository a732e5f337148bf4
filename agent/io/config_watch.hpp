// SPDX-License-Identifier: MIT
// ConfigWatch: tells which unit's configuration directories changed, once they have been quiet for
// kQuiet. Used by the agent, so that a configuration is tested when it changes and not when the
// test is needed. Says only that something changed; never reads a file.
#pragma once

#include "core/time.hpp"
#include "io/inotify.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace gatemend::io {

struct ConfigRoot {
    std::string path;  // a directory; watched with everything below it
    std::string unit;  // whose configuration it is; "" = a new unit may appear here

    friend bool operator==(const ConfigRoot&, const ConfigRoot&) = default;
};

inline constexpr core::Duration kQuiet = std::chrono::milliseconds{200};
// Somebody who never stops writing delays the news no longer than this.
inline constexpr core::Duration kMaxDelay = std::chrono::seconds{2};
inline constexpr std::size_t kMaxWatchedDirectories = 256;

class ConfigWatch {
  public:
    using OnChange = std::function<void(const std::set<std::string>& units)>;

    ConfigWatch(bus::EventLoop& loop, Inotify& inotify, OnChange on_change);

    // Replaces what is watched. A root without a unit is watched without its subdirectories; roots
    // that do not exist are noticed when they appear in a watched one.
    void set_roots(std::vector<ConfigRoot> roots);

    // Directories beyond kMaxWatchedDirectories, or that we may not watch.
    [[nodiscard]] std::size_t unwatched() const { return unwatched_; }

  private:
    void rescan();
    void add(const std::string& directory, const std::string& unit);
    void changed(const std::string& unit);
    void fire();

    bus::EventLoop& loop_;
    Inotify& inotify_;
    OnChange on_change_;
    std::vector<ConfigRoot> roots_;
    std::vector<Inotify::Watch> watches_;
    std::set<std::string> pending_;
    core::TimePoint first_change_{};
    bus::Source quiet_;
    std::size_t unwatched_ = 0;
};

}  // namespace gatemend::io
