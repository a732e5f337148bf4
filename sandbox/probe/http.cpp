// SPDX-License-Identifier: MIT
#include "sandbox/probe/http.hpp"

namespace gatemend::probe {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kStatusDigits = 3;
constexpr std::uint32_t kSmallestStatus = 100;
constexpr std::uint32_t kSwitchingProtocols = 101;
constexpr std::uint32_t kSmallestFinalStatus = 200;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// What nginx lets stand in a header's name: it ignores odd ones, but not blanks and controls.
bool is_name_byte(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
}

}  // namespace

std::string make_http_request() {
    return "HEAD / HTTP/1.1\r\n"
           "Host: localhost\r\n"
           "User-Agent: gatemend-probe\r\n"
           "Accept: */*\r\n"
           "Connection: close\r\n"
           "\r\n";
}

ReplyState HttpReply::take(std::string_view bytes) {
    for (const char c : bytes) {
        if (state_ != ReplyState::kIncomplete) {
            break;
        }
        // No end in sight is no answer; nginx gives up far earlier.
        state_ = ++header_bytes_ > kMaxHttpHeaderBytes ? ReplyState::kInvalid : take_byte(c);
    }
    return state_;
}

ReplyState HttpReply::go(Place place) {
    place_ = place;
    return ReplyState::kIncomplete;
}

ReplyState HttpReply::take_byte(char c) {
    switch (place_) {
        case Place::kVersion:
        case Place::kMinor:
        case Place::kSpace:
        case Place::kStatus:
        case Place::kReason:
            return take_status_line(c);
        case Place::kLineStart:
        case Place::kName:
        case Place::kValue:
        case Place::kLineEnd:
        case Place::kHeaderEnd:
            return take_header(c);
    }
    return ReplyState::kInvalid;
}

ReplyState HttpReply::take_status_line(char c) {
    if (place_ == Place::kVersion) {
        if (c != kVersion[matched_]) {
            return ReplyState::kInvalid;
        }
        return ++matched_ == kVersion.size() ? go(Place::kMinor) : ReplyState::kIncomplete;
    }
    if (place_ == Place::kMinor) {
        return is_digit(c) ? go(Place::kSpace) : ReplyState::kInvalid;
    }
    if (place_ == Place::kSpace) {
        matched_ = 0;
        status_ = 0;
        return c == ' ' ? go(Place::kStatus) : ReplyState::kInvalid;
    }
    if (place_ == Place::kStatus) {
        return take_status(c);
    }
    if (c == '\r' || c == '\n') {
        return go(c == '\r' ? Place::kLineEnd : Place::kLineStart);
    }
    return ReplyState::kIncomplete;
}

ReplyState HttpReply::take_status(char c) {
    if (matched_ == kStatusDigits) {
        return after_status(c);
    }
    if (!is_digit(c)) {
        return ReplyState::kInvalid;
    }
    status_ = status_ * 10 + static_cast<std::uint32_t>(c - '0');
    const bool is_out_of_range = ++matched_ == kStatusDigits && status_ < kSmallestStatus;
    return is_out_of_range ? ReplyState::kInvalid : ReplyState::kIncomplete;
}

// A reason may be missing; "403.1" is what IIS says.
ReplyState HttpReply::after_status(char c) {
    switch (c) {
        case ' ':
        case '.':
            return go(Place::kReason);
        case '\r':
            return go(Place::kLineEnd);
        case '\n':
            return go(Place::kLineStart);
        default:
            return ReplyState::kInvalid;
    }
}

ReplyState HttpReply::line_start(char c) {
    if (c == '\r') {
        return go(Place::kHeaderEnd);
    }
    if (c == '\n') {
        return finish_header();
    }
    return is_name_byte(c) && c != ':' ? go(Place::kName) : ReplyState::kInvalid;
}

ReplyState HttpReply::take_header(char c) {
    if (place_ == Place::kLineStart) {
        return line_start(c);
    }
    if (place_ == Place::kHeaderEnd) {
        return c == '\n' ? finish_header() : ReplyState::kInvalid;
    }
    if (place_ == Place::kLineEnd) {
        return c == '\n' ? go(Place::kLineStart) : ReplyState::kInvalid;
    }
    if (c == '\r' || c == '\n') {
        return go(c == '\r' ? Place::kLineEnd : Place::kLineStart);
    }
    if (place_ == Place::kName) {
        if (c == ':') {
            return go(Place::kValue);
        }
        return is_name_byte(c) ? ReplyState::kIncomplete : ReplyState::kInvalid;
    }
    return c == '\0' ? ReplyState::kInvalid : ReplyState::kIncomplete;
}

// An interim answer (100, 103) is followed by the one that counts.
ReplyState HttpReply::finish_header() {
    if (status_ >= kSmallestFinalStatus || status_ == kSwitchingProtocols) {
        return ReplyState::kComplete;
    }
    matched_ = 0;
    return go(Place::kVersion);
}

}  // namespace gatemend::probe
