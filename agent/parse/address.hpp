// SPDX-License-Identifier: MIT
// Canonical backend addresses out of configuration text: "unix:/run/x.sock", "127.0.0.1:9000",
// "[::1]:9000". Used by the readers of nginx and FPM configuration. A name that would need a
// resolver has no address here; `localhost` is the one exception.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::parse {

// "unix:PATH" of an absolute path that fits a socket address.
[[nodiscard]] std::optional<std::string> unix_socket_address(std::string_view path);

// "127.0.0.1:9000", "[::1]:9000", "localhost:9000", "127.0.0.1" with `default_port` (0: none).
[[nodiscard]] std::optional<std::string> inet_address(std::string_view text, int default_port);

// The same for a socket that is listened on: "80", "*:80", "0.0.0.0:80", "[::]:80", "10.0.0.5:80".
// Wildcards become the loopback address of their family.
[[nodiscard]] std::optional<std::string> listen_address(std::string_view text, int default_port);

// "app.example:8080" in lower case, for a name that only a resolver can turn into an address, with
// `default_port` where it has none (0: then it needs one).
[[nodiscard]] std::optional<std::string> named_host(std::string_view text, int default_port);

// A unix socket or an address of 127.0.0.0/8 or ::1, in canonical form.
[[nodiscard]] bool is_local_address(std::string_view address);

}  // namespace gatemend::parse
