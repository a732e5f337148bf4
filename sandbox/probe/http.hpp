// SPDX-License-Identifier: MIT
// As much HTTP/1.1 as a probe needs: one fixed HEAD request, and a reader of status line and header
// that is as strict as nginx reading an upstream, so that good here is good there. Pure; fed with
// bytes by exchange.cpp, tests and a fuzz target. Keeps nothing but the status.
#pragma once

#include "sandbox/probe/reply.hpp"

#include <cstddef>
#include <string>

namespace gatemend::probe {

[[nodiscard]] std::string make_http_request();

inline constexpr std::size_t kMaxHttpHeaderBytes = std::size_t{64} * 1024;

class HttpReply final : public Reply {
  public:
    ReplyState take(std::string_view bytes) override;

    [[nodiscard]] std::uint32_t status() const override { return status_; }

  private:
    enum class Place {
        kVersion,    // "HTTP/1."
        kMinor,      // one digit
        kSpace,      // before the status
        kStatus,     // three digits
        kReason,     // up to the end of the line
        kLineStart,  // of a header line, or the end of the header
        kName,       // up to a colon; nginx takes a line without one
        kValue,      // up to the end of the line
        kLineEnd,    // after a CR that has to be followed by LF
        kHeaderEnd,  // the same, of the empty line
    };

    ReplyState take_byte(char c);
    ReplyState take_status_line(char c);
    ReplyState take_header(char c);
    ReplyState take_status(char c);
    ReplyState after_status(char c);
    ReplyState line_start(char c);
    ReplyState finish_header();
    ReplyState go(Place place);

    ReplyState state_ = ReplyState::kIncomplete;
    Place place_ = Place::kVersion;
    std::size_t matched_ = 0;  // bytes of the version, digits of the status
    std::size_t header_bytes_ = 0;
    std::uint32_t status_ = 0;
};

}  // namespace gatemend::probe
