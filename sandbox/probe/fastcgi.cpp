// SPDX-License-Identifier: MIT
#include "sandbox/probe/fastcgi.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace gatemend::probe {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kRequestId = 1;

enum RecordType : std::uint8_t {
    kBeginRequest = 1,
    kEndRequest = 3,
    kParams = 4,
    kStdin = 5,
    kStdout = 6,
    kStderr = 7,
};

// An FPM that serves this is answering; that the script is missing is the point.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kRequestParams{{
    {"REQUEST_METHOD", "GET"},
    {"SCRIPT_NAME", "/gatemend-probe"},
    {"SCRIPT_FILENAME", "/nonexistent/gatemend-probe.php"},
    {"REQUEST_URI", "/gatemend-probe"},
    {"QUERY_STRING", ""},
    {"SERVER_PROTOCOL", "HTTP/1.0"},
}};

constexpr std::uint32_t kSmallestStatus = 100;

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void append_byte(std::string& out, std::size_t value) {
    out.push_back(static_cast<char>(value & 0xFFU));
}

void append_record(std::string& out, RecordType type, std::string_view content) {
    append_byte(out, kVersion);
    append_byte(out, type);
    append_byte(out, 0);
    append_byte(out, kRequestId);
    append_byte(out, content.size() >> 8U);
    append_byte(out, content.size());
    append_byte(out, 0);  // padding
    append_byte(out, 0);
    out.append(content);
}

}  // namespace

std::string make_fastcgi_request() {
    std::string params;
    for (const auto& [name, value] : kRequestParams) {
        append_byte(params, name.size());  // all below 128: one length byte each
        append_byte(params, value.size());
        params.append(name).append(value);
    }
    std::string out;
    // role 1 = responder; flags 0: the peer closes, and no worker is kept waiting for us
    append_record(out, kBeginRequest, std::string_view{"\0\1\0\0\0\0\0\0", 8});
    append_record(out, kParams, params);
    append_record(out, kParams, {});
    append_record(out, kStdin, {});
    return out;
}

void CgiStatus::take(std::string_view output) {
    for (const char c : output) {
        if (is_header_over_) {
            return;
        }
        if (c == '\n') {
            finish_line();
        } else if (c != '\r') {
            if (line_bytes_ < kKeptBytes) {
                line_[line_bytes_] = c;
            }
            ++line_bytes_;
        }
    }
}

void CgiStatus::finish_line() {
    constexpr std::string_view kName = "status:";
    constexpr std::size_t kDigits = 3;
    std::string_view line{line_, std::min(line_bytes_, kKeptBytes)};
    is_header_over_ = line_bytes_ == 0;
    line_bytes_ = 0;
    if (line.size() < kName.size() ||
        !std::ranges::equal(line.substr(0, kName.size()), kName, {}, to_lower)) {
        return;
    }
    line.remove_prefix(std::min(line.find_first_not_of(" \t", kName.size()), line.size()));
    const std::string_view digits = line.substr(0, kDigits);
    std::uint32_t status = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (error == std::errc{} && end == digits.data() + kDigits && status >= kSmallestStatus) {
        status_ = status;
    }
}

std::uint32_t CgiStatus::status() const {
    constexpr std::uint32_t kOk = 200;
    return status_ == 0 && is_header_over_ ? kOk : status_;
}

ReplyState FastcgiReply::take(std::string_view bytes) {
    while (state_ == ReplyState::kIncomplete && !bytes.empty()) {
        const bool is_in_header = header_got_ < kHeaderBytes;
        bytes.remove_prefix(is_in_header ? take_header(bytes) : take_body(bytes));
    }
    return state_;
}

std::size_t FastcgiReply::take_header(std::string_view bytes) {
    const std::size_t used = std::min(bytes.size(), kHeaderBytes - header_got_);
    for (std::size_t i = 0; i < used; ++i) {
        header_[header_got_++] = static_cast<std::uint8_t>(bytes[i]);
    }
    // The first byte is enough to tell that HTTP or a greeting is spoken here.
    if (header_[0] != kVersion) {
        state_ = ReplyState::kInvalid;
    } else if (header_got_ == kHeaderBytes) {
        check_header();
    }
    return used;
}

void FastcgiReply::check_header() {
    const std::size_t id = static_cast<std::size_t>(header_[2]) << 8U | header_[3];
    const std::size_t content = static_cast<std::size_t>(header_[4]) << 8U | header_[5];
    const std::uint8_t type = header_[1];
    const bool is_known = type == kStdout || type == kStderr || type == kEndRequest;
    if (!is_known || id != kRequestId || (type == kEndRequest && content != kEndBodyBytes)) {
        state_ = ReplyState::kInvalid;
        return;
    }
    body_got_ = 0;
    content_bytes_ = content;
    body_wanted_ = content + header_[6];
    if (body_wanted_ == 0) {
        finish_record();
    }
}

std::size_t FastcgiReply::take_body(std::string_view bytes) {
    const std::size_t used = std::min(bytes.size(), body_wanted_ - body_got_);
    if (header_[1] == kEndRequest) {
        for (std::size_t i = 0; i < used && body_got_ + i < kEndBodyBytes; ++i) {
            end_body_[body_got_ + i] = static_cast<std::uint8_t>(bytes[i]);
        }
    }
    if (header_[1] == kStdout && body_got_ < content_bytes_) {
        cgi_.take(bytes.substr(0, std::min(used, content_bytes_ - body_got_)));
    }
    body_got_ += used;
    if (body_got_ == body_wanted_) {
        finish_record();
    }
    return used;
}

void FastcgiReply::finish_record() {
    header_got_ = 0;
    if (header_[1] != kEndRequest) {
        return;
    }
    // Byte 4 is the protocol status; FPM leaves garbage in the reserved bytes behind it.
    state_ = end_body_[4] == 0 ? ReplyState::kComplete : ReplyState::kInvalid;
}

}  // namespace gatemend::probe
