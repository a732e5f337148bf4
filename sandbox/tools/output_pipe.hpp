// SPDX-License-Identifier: MIT
// The read side of one output stream of a tool: bounded, non-blocking, on the event loop. The bytes
// are hostile and only stored here. Used by tool_runner.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace gatemend::sandbox {

class OutputPipe {
  public:
    // What is read and thrown away beyond the limit before the reader hangs up on the tool.
    static constexpr std::size_t kMaxDiscardedBytes = std::size_t{4} * 1024 * 1024;

    OutputPipe() = default;
    OutputPipe(const OutputPipe&) = delete;
    OutputPipe& operator=(const OutputPipe&) = delete;
    ~OutputPipe();

    // The write end to hand on; the caller closes it with close_write_end() when it is handed on.
    [[nodiscard]] core::Result<int> open(bus::EventLoop& loop, std::size_t limit);
    void close_write_end();

    // Called from the loop whenever bytes have come.
    void on_bytes(std::function<void()> heard) { heard_ = std::move(heard); }

    // Everything the tool has written by now.
    void drain();

    [[nodiscard]] std::string& text() { return text_; }

    [[nodiscard]] bool is_cut() const { return is_cut_; }

  private:
    void close_read_end();
    bool read_once();

    bus::Source source_;
    int read_fd_ = -1;
    int write_fd_ = -1;
    std::size_t limit_ = 0;
    std::size_t discarded_ = 0;
    std::string text_;
    bool is_cut_ = false;
    std::function<void()> heard_;
};

}  // namespace gatemend::sandbox
