// SPDX-License-Identifier: MIT
// What a visitor controls (request, host, referrer, URI ...) must not choose what is done, to whom
// or how often. The types of the program see to that (core/client_text.hpp); these words let the
// reader of policies say so to a person who tries. Pure.
#pragma once

#include <string_view>

namespace gatemend::policy {

inline constexpr std::string_view kClientTextRefusal =
    "text that a visitor controls cannot reach an act, target or limit";

// A key such as "host", "request_uri", "user-agent".
[[nodiscard]] bool is_client_word(std::string_view key);

// A value that asks for text of a record: "$request", "${host}", "{{ uri }}", "%{referer}".
[[nodiscard]] bool holds_placeholder(std::string_view value);

}  // namespace gatemend::policy
