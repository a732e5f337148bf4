// SPDX-License-Identifier: MIT
// Reads a stream of log lines of any kind and says what each one means. Called by explain and
// replay. nginx's error log goes through NginxErrorReader, which knows what neighbours do to each
// other; everything else through read_log_line, line by line. Constant memory; never decides.
#pragma once

#include "parse/envelope.hpp"
#include "parse/log_finding.hpp"
#include "parse/nginx_error_reader.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace gatemend::parse {

struct LogAnswer {
    std::uint64_t number = 0;  // of the line, from 1, since the reader was made
    std::string_view text;     // the whole line; valid during the call only, as is the finding
    LogFinding finding;
};

enum class LogWanted {
    kAll,
    kTelling,  // lines with a symptom or a clue
};

class LogReader {
  public:
    using Sink = std::function<void(const LogAnswer&)>;

    // `hint` as of read_log_line().
    LogReader(Sink sink, LogSource hint, LogWanted wanted);
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;

    // One line without its newline; its answer may have to wait for the next line.
    void feed(std::string_view line);

    // Whole lines, each ended by '\n'.
    void feed_block(std::string_view block);

    // End of input.
    void flush();

    [[nodiscard]] std::uint64_t lines() const { return lines_ + nginx_.lines(); }

  private:
    void on_answer(const NginxErrorAnswer& answer);
    void take(std::string_view line);
    void give(std::uint64_t number, std::string_view text, const LogFinding& finding);

    Sink sink_;
    LogSource hint_;
    LogWanted wanted_;
    LineBuffer buffer_;
    std::uint64_t lines_ = 0;  // that did not go through nginx_
    NginxErrorReader nginx_;
};

}  // namespace gatemend::parse
