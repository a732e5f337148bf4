// SPDX-License-Identifier: MIT
// ConfigTest: the outcome of `php-fpm -t` or `nginx -t`, run by the executor when the configuration
// changed, not when it is needed. Three-valued: a test that could not run forbids acts as well, but
// is never reported as a broken configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class ConfigVerdict { kUnknown, kValid, kInvalid };
[[nodiscard]] std::string_view config_verdict_id(
    ConfigVerdict verdict);  // "unknown" "valid" "invalid"
[[nodiscard]] std::optional<ConfigVerdict> config_verdict_from_id(std::string_view id);

struct ConfigTest {
    ConfigVerdict verdict = ConfigVerdict::kUnknown;
    std::string fingerprint;  // hash over name, size, mtime, inode of the files tested
    std::string file;         // "" when the tool named none
    int line = 0;             // 0 when the tool named none
    std::string message;      // sanitized, the tool's own words or why it could not run

    friend bool operator==(const ConfigTest&, const ConfigTest&) = default;
};

// "/etc/php/8.2/fpm/pool.d/www.conf:12: unknown entry 'pm.max_childern'"
[[nodiscard]] std::string describe(const ConfigTest& test);

}  // namespace gatemend::core
