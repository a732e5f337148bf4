// SPDX-License-Identifier: MIT
// As much FastCGI as a probe needs: one request for a script that does not exist, and a strict
// reader of the reply. Pure; fed with bytes by probe.cpp and by tests. Keeps no payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::probe {

// BEGIN_REQUEST (responder, close afterwards), PARAMS, empty PARAMS, empty STDIN.
[[nodiscard]] std::string make_fastcgi_request();

enum class ReplyState {
    kIncomplete,
    kComplete,  // END_REQUEST for our request, protocol status "request complete"
    kInvalid,   // not FastCGI, or not an answer to what was asked
};

class FastcgiReply {
  public:
    // Takes the next bytes of the stream; the state never leaves kComplete or kInvalid again.
    ReplyState take(std::string_view bytes);

    [[nodiscard]] ReplyState state() const { return state_; }

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
    std::size_t body_got_ = 0;  // of content and padding
    std::size_t body_wanted_ = 0;
};

}  // namespace gatemend::probe
