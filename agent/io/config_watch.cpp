// SPDX-License-Identifier: MIT
#include "io/config_watch.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace gatemend::io {

namespace {

namespace fs = std::filesystem;

// Not IN_MODIFY: a file is worth testing when its writer has closed it.
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ONLYDIR;

}  // namespace

ConfigWatch::ConfigWatch(bus::EventLoop& loop, Inotify& inotify, OnChange on_change)
    : loop_(loop),
      inotify_(inotify),
      on_change_(std::move(on_change)) {}

void ConfigWatch::set_roots(std::vector<ConfigRoot> roots) {
    if (roots == roots_) {
        return;
    }
    roots_ = std::move(roots);
    rescan();
}

void ConfigWatch::rescan() {
    // Old watches go last: dropping one first could lose what happens in between.
    const std::vector<Inotify::Watch> old = std::exchange(watches_, {});
    unwatched_ = 0;
    for (const ConfigRoot& root : roots_) {
        std::error_code error;
        if (!fs::is_directory(root.path, error)) {
            continue;
        }
        add(root.path, root.unit);
        if (root.unit.empty()) {
            continue;
        }
        fs::recursive_directory_iterator walk(
            root.path, fs::directory_options::skip_permission_denied, error);
        for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
            std::error_code ignored;  // vanished in between: its parent is watched
            if (walk->is_directory(ignored) && !walk->is_symlink(ignored)) {
                add(walk->path().string(), root.unit);
            }
        }
    }
}

void ConfigWatch::add(const std::string& directory, const std::string& unit) {
    if (watches_.size() >= kMaxWatchedDirectories) {
        ++unwatched_;
        return;
    }
    auto watch = inotify_.watch(directory, kChanges, [this, unit](std::uint32_t mask, auto) {
        // IN_IGNORED only echoes the end of a watch, ours of the last scan included.
        if ((mask & ~static_cast<std::uint32_t>(IN_IGNORED)) != 0) {
            changed(unit);
        }
    });
    if (watch) {
        watches_.push_back(std::move(*watch));
    } else {
        ++unwatched_;
    }
}

void ConfigWatch::changed(const std::string& unit) {
    const core::TimePoint now = loop_.now();
    if (pending_.empty()) {
        first_change_ = now;
    }
    pending_.insert(unit);
    if (!quiet_.is_set() || now - first_change_ < kMaxDelay) {
        quiet_ = loop_.add_timer(kQuiet, [this] { fire(); });
    }
}

void ConfigWatch::fire() {
    quiet_.reset();
    rescan();  // new subdirectories
    const std::set<std::string> units = std::exchange(pending_, {});
    on_change_(units);
}

}  // namespace gatemend::io
