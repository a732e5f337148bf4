// SPDX-License-Identifier: MIT
// CursorStore: keeps the tailers' cursors in one file, replaced atomically. Used by the agent.
// Writes at most once per kSaveInterval however many lines there are, not at all while nothing
// moves.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "io/log_cursor.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::io {

using Cursors = std::map<std::string, LogCursor>;  // by the log's path

inline constexpr core::Duration kSaveInterval = std::chrono::seconds{10};
inline constexpr std::size_t kMaxCursorFile = std::size_t{256} * 1024;

[[nodiscard]] std::string encode_cursors(const Cursors& cursors);
// nullopt for anything that encode_cursors does not write.
[[nodiscard]] std::optional<Cursors> decode_cursors(std::string_view text);

class CursorStore {
  public:
    // `collect` is asked for the cursors when it is time to save; `on_error` hears why one failed.
    CursorStore(bus::EventLoop& loop,
                std::string path,
                std::function<Cursors()> collect,
                std::function<void(const core::Error&)> on_error);

    // What was saved last. Absent or unreadable = none; unreadable is told to on_error.
    [[nodiscard]] Cursors load() const;

    // Something moved: saves within kSaveInterval.
    void touch();
    // Saves now, if anything moved since the last time.
    void flush();

  private:
    bus::EventLoop& loop_;
    std::string path_;
    std::function<Cursors()> collect_;
    std::function<void(const core::Error&)> on_error_;
    bus::Source timer_;
};

}  // namespace gatemend::io
