// SPDX-License-Identifier: MIT
#include "parse/nginx_error_reader.hpp"

#include <cstring>
#include <utility>

namespace gatemend::parse {
namespace {

// The same text at another place.
void move_views(NginxErrorAnswer& answer, const char* to) {
    const char* from = answer.text.data();
    NginxError& record = answer.line.record;
    for (std::string_view* view :
         {&record.time, &record.level, &record.message, &record.upstream, &answer.text}) {
        if (!view->empty()) {
            *view = std::string_view(to + (view->data() - from), view->size());
        }
    }
}

}  // namespace

NginxErrorReader::NginxErrorReader(Sink sink, Wanted wanted)
    : sink_(std::move(sink)),
      wanted_(wanted) {}

void NginxErrorReader::feed(std::string_view line) {
    take(line);
    keep_pending();
}

void NginxErrorReader::feed_block(std::string_view block) {
    const char* at = block.data();
    const char* end = at + block.size();
    while (at < end) {
        const auto left = static_cast<std::size_t>(end - at);
        const auto* newline = static_cast<const char*>(std::memchr(at, '\n', left));
        const char* stop = newline != nullptr ? newline : end;
        take(std::string_view(at, static_cast<std::size_t>(stop - at)));
        at = stop + 1;
    }
    keep_pending();
}

void NginxErrorReader::flush() {
    if (has_pending_) {
        has_pending_ = false;
        sink_(pending());
    }
}

void NginxErrorReader::lose_context() {
    tainted_bytes_ = kLongestRecordBytes;
    if (has_pending_) {
        pending().line.record.is_trusted = false;
        flush();
    }
}

// Gives the answer kept back, now that its successor is known.
void NginxErrorReader::settle(bool is_next_tainting) {
    if (has_pending_) {
        has_pending_ = false;
        pending().line.record.is_trusted = !is_next_tainting;
        sink_(pending());
    }
}

// A forged line lies inside one record, and that record begins, at most its greatest length further
// up, with a message of a kind that carries foreign text. So such a record taints not only the next
// line but all that begin within that length: filler lines do not help. What is left of it behind
// the forged line is a fragment, or has been made to look like one more record: it taints upwards.
void NginxErrorReader::taint(std::string_view line, bool is_tainting) {
    if (is_tainting) {
        tainted_bytes_ = kLongestRecordBytes;
    } else {
        tainted_bytes_ -= line.size() < tainted_bytes_ ? line.size() + 1 : tainted_bytes_;
    }
}

bool NginxErrorReader::is_wanted(const NginxErrorLine& line) const {
    if (wanted_ == Wanted::kAll || line.record.symptom != core::Symptom::kNone) {
        return true;
    }
    return wanted_ == Wanted::kOpenQuestions &&
           (line.is_undecided || line.shape == LineShape::kFragment);
}

void NginxErrorReader::take(std::string_view line) {
    ++lines_;
    if (wanted_ != Wanted::kAll) {
        const Glance glance = glance_at_nginx_error(line);
        const bool is_asked =
            glance == Glance::kLook || (glance == Glance::kForeign && wanted_ != Wanted::kSymptoms);
        if (!is_asked) {
            settle(glance != Glance::kClean);
            taint(line, glance != Glance::kClean);
            return;
        }
    }
    NginxErrorAnswer& next = answers_[1 - current_];
    parse_nginx_error(line, next.line);
    settle(next.line.is_tainting);
    current_ = 1 - current_;
    next.number = lines_;
    next.text = line;
    next.line.record.is_trusted = next.line.record.is_trusted && tainted_bytes_ == 0;
    taint(line, next.line.is_tainting);
    if (!is_wanted(next.line)) {
        return;
    }
    has_pending_ = next.line.record.is_trusted;
    if (!has_pending_) {
        sink_(next);
    }
}

// A trusted line is shorter than a record, so it always fits.
void NginxErrorReader::keep_pending() {
    if (!has_pending_ || pending().text.data() == kept_.data()) {
        return;
    }
    std::memcpy(kept_.data(), pending().text.data(), pending().text.size());
    move_views(pending(), kept_.data());
}

}  // namespace gatemend::parse
