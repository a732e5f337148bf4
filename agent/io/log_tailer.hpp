// SPDX-License-Identifier: MIT
// LogTailer: follows one log by its path, through rename rotation, copytruncate, absence, symlinks
// and restarts of ourselves. Used by the agent for nginx's error logs. Never blocks, never reads
// more than kBytesPerTurn in one turn of the loop, and knows nothing of what the lines mean.
//
// A renamed log is kept open beside its successor for kRetireAfter: nginx goes on writing to it
// until it is told to reopen, and each of its workers does so a little later.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "io/inotify.hpp"
#include "io/line_splitter.hpp"
#include "io/log_cursor.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::io {

inline constexpr std::size_t kBytesPerTurn = std::size_t{256} * 1024;
inline constexpr std::uint64_t kMaxBacklogBytes =
    std::uint64_t{16} * 1024 * 1024;  // after a restart; older is a gap
inline constexpr core::Duration kRetireAfter = std::chrono::seconds{60};
// Only where inotify cannot help (log or directory unreadable to us, or absent).
inline constexpr core::Duration kPollInterval = std::chrono::seconds{2};
inline constexpr core::Duration kMaxPollInterval = std::chrono::seconds{60};
inline constexpr std::size_t kMaxRetiring = 4;

struct TailCounters {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    std::uint64_t skipped = 0;  // over-long lines, and torn last lines of replaced files
    std::uint64_t gaps = 0;     // truncated, vanished or too far behind: lines may be missing
    std::uint64_t rotations = 0;
};

struct TailHooks {
    std::function<void(std::string_view line)> on_line;  // without newline, any bytes
    std::function<void(const std::string& why)> on_gap;  // a sentence
    std::function<void()> on_progress;                   // the cursor moved
    // Opens what we may not open ourselves; answers later, at most once. May be empty.
    std::function<void(const std::string& path,
                       std::function<void(core::Result<bus::UniqueFd>)> done)>
        open_elsewhere;
};

class LogTailer {
  public:
    // Without a cursor it starts at the end of the file; a file that appears later is read whole.
    LogTailer(bus::EventLoop& loop,
              Inotify& inotify,
              std::string path,
              std::optional<LogCursor> cursor,
              TailHooks hooks);
    LogTailer(const LogTailer&) = delete;
    LogTailer& operator=(const LogTailer&) = delete;
    ~LogTailer();

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::optional<LogCursor> cursor() const;
    [[nodiscard]] TailCounters counters() const;

    // "" while the log is open, else why not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    enum class Where { kStart, kEnd };
    struct Followed;

    void look();
    void check_path();
    void open_current(Where where);
    void open_through_hook(Where where);
    void adopt(bus::UniqueFd fd, Where where);
    [[nodiscard]] bool take_back(std::uint64_t device, std::uint64_t inode);
    void place(Followed& file, Where where);
    [[nodiscard]] bool resume_rotated();
    void retire_current();
    void close_quiet();
    void watch_directories();
    void watch_file(Followed& file);
    void on_directory(std::uint32_t mask, std::string_view name);
    void on_file(std::uint32_t mask);
    void pump();
    [[nodiscard]] std::size_t read_some(Followed& file, std::size_t budget);
    void detect_truncation(Followed& file);
    void gap(const std::string& why);
    void schedule_poll();

    bus::EventLoop& loop_;
    Inotify& inotify_;
    std::string path_;
    std::optional<LogCursor> saved_;  // from before the restart, until the first open
    TailHooks hooks_;
    std::vector<std::unique_ptr<Followed>> retiring_;  // oldest first, all older than current_
    std::unique_ptr<Followed> current_;
    std::vector<std::string> links_;  // path_ and what it points to, link by link
    std::vector<Inotify::Watch> directories_;
    bool are_directories_watched_ = false;
    bus::Source again_;
    bus::Source poll_;
    bus::Source retire_;
    core::Duration poll_delay_ = kPollInterval;
    TailCounters counters_;
    std::string problem_;
    Where first_ = Where::kEnd;  // a log that appears after the first look is read from its start
    bool is_opening_elsewhere_ = false;
    std::vector<char> buffer_;
    std::shared_ptr<bool> alive_;  // an answer that comes after our end finds it gone
};

}  // namespace gatemend::io
