// SPDX-License-Identifier: MIT
// Which addresses may be probed: those that stand, byte for byte, in nginx's configuration. A plain
// search for bytes, on purpose: the privileged half does not parse. Called by fact_desk.
#pragma once

#include <string>
#include <string_view>

namespace gatemend::sandbox {

// `address` stands in `text` as a word of its own ("127.0.0.1:90" is not in "127.0.0.1:9000").
// "localhost:PORT" stands for the loopback addresses.
[[nodiscard]] bool mentions_address(std::string_view text, std::string_view address);

// The same over all files below `folder`, for when nginx -T says nothing because the configuration
// is broken just now. Bounded; what cannot be read does not mention.
[[nodiscard]] bool folder_mentions_address(const std::string& folder, std::string_view address);

}  // namespace gatemend::sandbox
