// SPDX-License-Identifier: MIT
// PHP-FPM pool files (and php-fpm.conf): section, listen address. FPM's ini grammar is read line by
// line as FPM does; what we cannot evaluate ($pool is) is reported as skipped, not guessed.
// And the words of `php-fpm -t` / `nginx -t` when they fail: file, line, message.
#pragma once

#include "core/config_test.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

struct FpmPool {
    std::string name;
    std::string listen;  // canonical: "unix:/run/php/php8.2-fpm.sock" or "127.0.0.1:9000"
    std::string where;   // "/etc/php/8.2/fpm/pool.d/www.conf:36"
};

struct FpmConfig {
    std::vector<FpmPool> pools;
    std::string error_log;              // [global] error_log, "" when not set
    std::vector<std::string> includes;  // include= patterns as written
    std::vector<std::string> skipped;
};

[[nodiscard]] FpmConfig parse_fpm_config(std::string_view text, const std::string& file);

// verdict and fingerprint come from the executor; output is the tool's stderr.
[[nodiscard]] core::ConfigTest parse_config_test(std::string_view verdict,
                                                 std::string_view fingerprint,
                                                 std::string_view output);

}  // namespace gatemend::parse
