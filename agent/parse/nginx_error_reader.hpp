// SPDX-License-Identifier: MIT
// Reads nginx's error log line by line, in order, and adds what a single line cannot know: whether
// its neighbourhood is clean. Used by the live tailer (one line at a time), explain and replay
// (blocks). One line of state, constant memory. Trust is a hint for people and for how fast we
// look; no answer of this class may ever be the reason for an act.
#pragma once

#include "parse/nginx_error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace gatemend::parse {

struct NginxErrorAnswer {
    std::uint64_t number = 0;  // of the line, from 1, since the reader was made
    std::string_view
        text;  // the whole line; valid during the call only, as are all views in `line`
    NginxErrorLine line;
};

enum class Wanted {
    kAll,
    kSymptoms,       // lines without a symptom only count
    kOpenQuestions,  // also lines without nginx's header, and records nobody could place
};

class NginxErrorReader {
  public:
    // Called once per wanted line, in order.
    using Sink = std::function<void(const NginxErrorAnswer&)>;

    explicit NginxErrorReader(Sink sink, Wanted wanted = Wanted::kAll);

    // One line without its newline. At most two answers: the line kept back, and this one if
    // nothing that follows can change it (only a line that is trusted so far has to wait).
    void feed(std::string_view line);

    // Whole lines, each ended by '\n'; the same as feed() for each, without copying.
    void feed_block(std::string_view block);

    // End of input, or nothing followed for a moment (a live caller arms a short timer while
    // has_pending(): a forged record is one write(), so its other half is never far behind).
    void flush();

    [[nodiscard]] bool has_pending() const { return has_pending_; }

    // The bytes in front of the next line are not known: resumed in mid-file, or something was
    // dropped. What follows is not trusted for the length of one record.
    void lose_context();

    [[nodiscard]] std::uint64_t lines() const { return lines_; }

  private:
    void settle(bool is_next_tainting);
    void taint(std::string_view line, bool is_tainting);
    void take(std::string_view line);
    void keep_pending();
    [[nodiscard]] bool is_wanted(const NginxErrorLine& line) const;

    [[nodiscard]] NginxErrorAnswer& pending() { return answers_[current_]; }

    Sink sink_;
    Wanted wanted_;
    std::uint64_t lines_ = 0;
    std::size_t tainted_bytes_ = 0;  // how far the last suspicious record may still reach
    bool has_pending_ = false;
    std::size_t current_ = 0;
    std::array<NginxErrorAnswer, 2> answers_;  // the line in hand, and the one kept back
    std::array<char, kNginxRecordBytes> kept_{};
};

}  // namespace gatemend::parse
