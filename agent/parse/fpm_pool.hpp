// SPDX-License-Identifier: MIT
// PHP-FPM pool files (and php-fpm.conf): sections, listen addresses, limits; the same out of
// `php-fpm -tt`, which has defaults applied and includes merged. FPM's ini grammar is read line by
// line as FPM does; what we cannot evaluate ($pool is) is reported as skipped, not guessed.
// And the words of `php-fpm -t` / `nginx -t` when they fail: file, line, message.
#pragma once

#include "core/config_test.hpp"
#include "parse/fpm_settings.hpp"
#include "parse/setting.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

struct FpmPool {
    std::string name;
    std::string listen;  // canonical: "unix:/run/php/php8.2-fpm.sock" or "127.0.0.1:9000"
    std::string where;   // "/etc/php/8.2/fpm/pool.d/www.conf:36"
    FpmSettings settings{};
};

// [global]
struct FpmGlobal {
    Setting process_max{"0", ""};              // 0: no limit
    Setting process_control_timeout{"0", ""};  // 0: a reload drops what is in flight
    Setting emergency_restart_threshold{"0", ""};
    Setting emergency_restart_interval{"0", ""};
    Setting rlimit_files{"", ""};
};

struct FpmConfig {
    std::vector<FpmPool> pools;
    std::string error_log;              // [global] error_log, "" when not set
    std::vector<std::string> includes;  // include= patterns as written
    std::vector<std::string> skipped;
    FpmGlobal global{};
};

[[nodiscard]] FpmConfig parse_fpm_config(std::string_view text, const std::string& file);

// What `php-fpm -tt` wrote. It names no lines: `where` is "php-fpm -tt", and a default of FPM's
// cannot be told from a value that was written.
[[nodiscard]] FpmConfig parse_fpm_dump(std::string_view output);

// verdict and fingerprint come from the executor; output is the tool's stderr.
[[nodiscard]] core::ConfigTest parse_config_test(std::string_view verdict,
                                                 std::string_view fingerprint,
                                                 std::string_view output);

}  // namespace gatemend::parse
