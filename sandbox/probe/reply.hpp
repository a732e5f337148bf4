// SPDX-License-Identifier: MIT
// What a reader of a peer's answer looks like to exchange.cpp. Its implementations (fastcgi.hpp,
// http.hpp) are pure, take hostile bytes in any pieces and keep none of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace gatemend::probe {

enum class ReplyState {
    kIncomplete,
    kComplete,  // a whole answer of this protocol to what was asked
    kInvalid,   // not this protocol, or not an answer to what was asked
};

class Reply {
  public:
    Reply() = default;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    virtual ~Reply() = default;

    // Takes the next bytes of the stream; the state never leaves kComplete or kInvalid again.
    virtual ReplyState take(std::string_view bytes) = 0;
    // Of the answer, once it is complete; 0: it has none.
    [[nodiscard]] virtual std::uint32_t status() const = 0;
};

}  // namespace gatemend::probe
