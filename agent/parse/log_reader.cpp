// SPDX-License-Identifier: MIT
#include "parse/log_reader.hpp"

#include "parse/log_line.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::parse {
namespace {

bool may_be_nginx_error(LogSource hint) {
    return hint == LogSource::kUnknown || hint == LogSource::kNginxError;
}

}  // namespace

LogReader::LogReader(Sink sink, LogSource hint, LogWanted wanted)
    : sink_(std::move(sink)),
      hint_(hint),
      wanted_(wanted),
      nginx_([this](const NginxErrorAnswer& answer) { on_answer(answer); },
             wanted == LogWanted::kAll ? Wanted::kAll : Wanted::kOpenQuestions) {}

void LogReader::feed(std::string_view line) {
    if (may_be_nginx_error(hint_)) {
        nginx_.feed(line);
    } else {
        take(line);
    }
}

void LogReader::feed_block(std::string_view block) {
    if (may_be_nginx_error(hint_)) {
        nginx_.feed_block(block);
        return;
    }
    while (!block.empty()) {
        const std::size_t end = std::min(block.find('\n'), block.size());
        take(block.substr(0, end));
        block.remove_prefix(std::min(end + 1, block.size()));
    }
}

void LogReader::flush() {
    nginx_.flush();
}

void LogReader::on_answer(const NginxErrorAnswer& answer) {
    if (answer.line.shape == LineShape::kFragment) {
        give(answer.number, answer.text, read_unlisted_line(answer.text, hint_, buffer_));
    } else {
        give(answer.number, answer.text, loosened(answer.line, answer.text));
    }
}

void LogReader::take(std::string_view line) {
    ++lines_;
    give(lines_, line, read_log_line(line, hint_, buffer_));
}

void LogReader::give(std::uint64_t number, std::string_view text, const LogFinding& finding) {
    if (is_telling(finding) || wanted_ == LogWanted::kAll) {
        sink_(LogAnswer{number, text, finding});
    }
}

}  // namespace gatemend::parse
