// SPDX-License-Identifier: MIT
// Text from outside. Tainted wraps bytes that a remote client, an application or a process name may
// have chosen: it converts to nothing by itself, so it cannot reach an act, a target or a limit
// key. sanitize() is the only way to show such bytes to a person.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatemend::core {

inline constexpr std::size_t kMaxShownBytes = 512;

// Printable form: control bytes, DEL, invalid UTF-8 and C1/bidi control characters become \xHH;
// cut to `limit` bytes of input with "..." appended.
[[nodiscard]] std::string sanitize(std::string_view bytes, std::size_t limit = kMaxShownBytes);

class Tainted {
  public:
    Tainted() = default;

    explicit Tainted(std::string bytes) : bytes_(std::move(bytes)) {}

    [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

    [[nodiscard]] std::string shown() const { return sanitize(bytes_); }

  private:
    std::string bytes_;
};

}  // namespace gatemend::core
