// SPDX-License-Identifier: MIT
// Which addresses and names may be probed: those that stand, byte for byte, in nginx's
// configuration. A plain search for bytes, on purpose: the privileged half does not parse. Called
// by fact_desk.
#pragma once

#include <string>
#include <string_view>

namespace gatemend::sandbox {

// `address` stands in `text` as a word of its own ("127.0.0.1:90" is not in "127.0.0.1:9000").
// "localhost:PORT" stands for the loopback addresses, a host without a port for its ports 80 and
// 443.
[[nodiscard]] bool mentions_address(std::string_view text, std::string_view address);

// `name` stands in `text` as a whole host name, with or without a port ("app" is not in "app.lan").
[[nodiscard]] bool mentions_host(std::string_view text, std::string_view name);

// `path` is named as a log: behind nginx's error_log or access_log, FPM's error_log, slowlog or
// access.log; not in a comment.
[[nodiscard]] bool mentions_log(std::string_view text, std::string_view path);

using Mention = bool (*)(std::string_view text, std::string_view word);

// The same over `folder` and all files below it, for when nginx -T says nothing because the
// configuration is broken just now. Bounded; what cannot be read does not mention.
[[nodiscard]] bool folder_mentions(const std::string& folder,
                                   std::string_view word,
                                   Mention mentions);

// "[::1]" of "[::1]:80", ":80"; the second is empty when there is no port.
struct HostAndPort {
    std::string_view host;
    std::string_view port;
};

[[nodiscard]] HostAndPort split_port(std::string_view address);

}  // namespace gatemend::sandbox
