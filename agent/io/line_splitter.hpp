// SPDX-License-Identifier: MIT
// LineSplitter: bytes in, whole lines out, in bounded memory. Used by the log tailer. A line longer
// than kMaxLineBytes is skipped to its newline and counted; an unfinished one waits. Never a copy
// where the line lies whole in the chunk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::io {

inline constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;

class LineSplitter {
  public:
    // Calls `each` with every line that `chunk` completes, without its newline. The view ends with
    // the call.
    template <class Each>
    void feed(std::string_view chunk, Each&& each) {
        while (!chunk.empty()) {
            const std::size_t newline = chunk.find('\n');
            if (newline == std::string_view::npos) {
                keep(chunk);
                return;
            }
            const std::string_view rest = chunk.substr(0, newline);
            pending_bytes_ = 0;
            if (is_skipping_ || partial_.size() + rest.size() > kMaxLineBytes) {
                ++skipped_;
                forget();
            } else if (partial_.empty()) {
                each(rest);
            } else {
                partial_.append(rest);
                each(std::string_view(partial_));
                forget();
            }
            chunk.remove_prefix(newline + 1);
        }
    }

    // Forgets an unfinished line: its file was truncated or replaced.
    void reset() {
        forget();
        pending_bytes_ = 0;
    }

    // Bytes since the last newline, skipped ones included: how far back a cursor must point.
    [[nodiscard]] std::uint64_t pending_bytes() const { return pending_bytes_; }

    // Over-long lines.
    [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

    // Begins in the middle of a line: what comes before the next newline is no line.
    void skip_to_newline() { is_skipping_ = true; }

  private:
    void keep(std::string_view tail) {
        pending_bytes_ += tail.size();
        if (is_skipping_ || partial_.size() + tail.size() > kMaxLineBytes) {
            forget();
            is_skipping_ = true;
            return;
        }
        partial_.append(tail);
    }

    void forget() {
        partial_.clear();
        if (partial_.capacity() > kKeptCapacity) {
            partial_.shrink_to_fit();
        }
        is_skipping_ = false;
    }

    static constexpr std::size_t kKeptCapacity = std::size_t{4} * 1024;

    std::string partial_;
    bool is_skipping_ = false;
    std::uint64_t pending_bytes_ = 0;
    std::uint64_t skipped_ = 0;
};

}  // namespace gatemend::io
