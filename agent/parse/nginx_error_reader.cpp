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

NginxErrorReader::NginxErrorReader(Sink sink) : sink_(std::move(sink)) {}

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
        sink_(pending_);
    }
}

void NginxErrorReader::lose_context() {
    tainted_bytes_ = kLongestRecordBytes;
    if (has_pending_) {
        pending_.line.record.is_trusted = false;
        flush();
    }
}

// A forged line lies inside one record, and that record begins, at most its greatest length further
// up, with a message of a kind that carries foreign text. So such a record taints not only the next
// line but all that begin within that length: filler lines do not help. What is left of it behind
// the forged line is a fragment, or has been made to look like one more record: it taints upwards.
void NginxErrorReader::take(std::string_view line) {
    const NginxErrorLine parsed = parse_nginx_error(line);
    if (has_pending_) {
        pending_.line.record.is_trusted = !parsed.is_tainting;
        has_pending_ = false;
        sink_(pending_);
    }
    pending_.number = ++lines_;
    pending_.text = line;
    pending_.line = parsed;
    if (tainted_bytes_ > 0) {
        pending_.line.record.is_trusted = false;
        tainted_bytes_ -= line.size() < tainted_bytes_ ? line.size() + 1 : tainted_bytes_;
    }
    if (parsed.is_tainting) {
        tainted_bytes_ = kLongestRecordBytes;
    }
    if (pending_.line.record.is_trusted) {
        has_pending_ = true;
    } else {
        sink_(pending_);
    }
}

// A trusted line is shorter than a record, so it always fits.
void NginxErrorReader::keep_pending() {
    if (!has_pending_ || pending_.text.data() == kept_.data()) {
        return;
    }
    std::memcpy(kept_.data(), pending_.text.data(), pending_.text.size());
    move_views(pending_, kept_.data());
}

}  // namespace gatemend::parse
