// SPDX-License-Identifier: MIT
// Text from outside, for people: sanitize() is the only way to show bytes that somebody else chose.
// What a visitor may have written has a type of its own, core/client_text.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatemend::core {

inline constexpr std::size_t kMaxShownBytes = 512;

// Printable form: control bytes, DEL, invalid UTF-8 and C1/bidi control characters become \xHH;
// cut to `limit` bytes of input with "..." appended.
[[nodiscard]] std::string sanitize(std::string_view bytes, std::size_t limit = kMaxShownBytes);

}  // namespace gatemend::core
