// SPDX-License-Identifier: MIT
// The settings whose values are no secrets: closed lists. Whatever is not here is hidden where the
// file that it stands in is not everybody's to read.
#pragma once

#include <string_view>

namespace gatemend::sandbox {

// Of a pool file, php-fpm.conf or a drop-in of systemd: "pm.max_children", "LimitNOFILE".
[[nodiscard]] bool is_plain_setting(std::string_view name);

// Of nginx: what discovery reads, and what gatemend writes.
[[nodiscard]] bool is_plain_directive(std::string_view name);

// "fastcgi_pass", ...: its argument is an address, and for some a path behind it.
[[nodiscard]] bool is_pass(std::string_view name);

}  // namespace gatemend::sandbox
