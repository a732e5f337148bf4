// SPDX-License-Identifier: MIT
// As much FastCGI as a probe needs: one request for a script that does not exist, and a strict
// reader of the reply. Pure; fed with bytes by exchange.cpp, tests and a fuzz target. Keeps nothing
// of the payload but the status.
#pragma once

#include "sandbox/probe/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::probe {

// BEGIN_REQUEST (responder, close afterwards), PARAMS, empty PARAMS, empty STDIN.
[[nodiscard]] std::string make_fastcgi_request();

// Finds the status in the header a script prints, as nginx does: "Status: 404 Not Found", else 200.
class CgiStatus {
  public:
    void take(std::string_view output);

    [[nodiscard]] std::uint32_t status() const;

  private:
    void finish_line();

    static constexpr std::size_t kKeptBytes = 16;  // "Status: 404" and room for blanks

    char line_[kKeptBytes] = {};
    std::size_t line_bytes_ = 0;  // of the whole line
    std::uint32_t status_ = 0;
    bool is_header_over_ = false;
};

// Complete with END_REQUEST for our request, protocol status "request complete".
class FastcgiReply final : public Reply {
  public:
    ReplyState take(std::string_view bytes) override;

    [[nodiscard]] std::uint32_t status() const override { return cgi_.status(); }

  private:
    static constexpr std::size_t kHeaderBytes = 8;
    static constexpr std::size_t kEndBodyBytes = 8;

    std::size_t take_header(std::string_view bytes);
    std::size_t take_body(std::string_view bytes);
    void check_header();
    void finish_record();

    ReplyState state_ = ReplyState::kIncomplete;
    std::uint8_t header_[kHeaderBytes] = {};
    std::size_t header_got_ = 0;
    std::uint8_t end_body_[kEndBodyBytes] = {};
    std::size_t body_got_ = 0;       // of content and padding
    std::size_t content_bytes_ = 0;  // of the body, without padding
    std::size_t body_wanted_ = 0;
    CgiStatus cgi_;
};

}  // namespace gatemend::probe
