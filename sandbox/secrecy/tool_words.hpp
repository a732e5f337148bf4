// SPDX-License-Identifier: MIT
// What `nginx -t`, `php-fpm -t` and servers at their start say of a configuration: they quote it.
// The quotes of a file that is not open to all are hidden; file, line and kind of error stay. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

using IsOpen = std::function<bool(const std::string& path)>;

// The files of "/etc/nginx/nginx.conf:12" and "/etc/php/8.2/fpm/pool.d/www.conf on line 12".
[[nodiscard]] std::vector<std::string> places_in(std::string_view text);

// One line. Where it names no place, nobody knows whose words it quotes: hidden, but for paths.
[[nodiscard]] std::string without_private_quotes(std::string_view line, const IsOpen& is_open);

// Lines; those that begin in the middle of a quote are hidden whole.
[[nodiscard]] std::string without_private_quotes_in(std::string_view output, const IsOpen& is_open);

}  // namespace gatemend::sandbox
