// SPDX-License-Identifier: MIT
// What looks like a secret in a sentence of somebody else's, masked: what a query string says, the
// password of a URL, the value of `password=`, `Authorization:` and their like, long random words.
// Called wherever words of logs and tools are kept for people. A net with holes: what a file says
// that is not everybody's to read never comes this far (sandbox/secrecy).
#pragma once

#include <string>
#include <string_view>

namespace gatemend::core {

inline constexpr std::string_view kHidden = "(hidden)";

// Of the same text always the same; masking twice changes nothing more. Linear time.
[[nodiscard]] std::string mask_secrets(std::string_view text);

// "DB_PASSWORD", "api-key", "X-Auth-Token": is what this names a secret?
[[nodiscard]] bool names_secret(std::string_view name);

}  // namespace gatemend::core
