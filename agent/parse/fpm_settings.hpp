// SPDX-License-Identifier: MIT
// The directives of an FPM pool that matter to us, with FPM's defaults. Used by the reader of pool
// files and by whoever advises about them. Closed set: enum, one table, no default.
#pragma once

#include "parse/setting.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace gatemend::parse {

enum class FpmSetting {
    kPm,
    kMaxChildren,
    kStartServers,
    kMinSpareServers,
    kMaxSpareServers,
    kProcessIdleTimeout,
    kMaxRequests,
    kStatusPath,
    kStatusListen,
    kPingPath,
    kRequestTerminateTimeout,
    kRequestSlowlogTimeout,
    kSlowlog,
    kListenBacklog,
    kListenOwner,
    kListenGroup,
    kListenMode,
    kListenAclUsers,
    kListenAclGroups,
    kListenAllowedClients,
    kUser,
    kGroup,
    kCatchWorkersOutput,
    kDecorateWorkersOutput,
    kRlimitFiles,
    kChroot,
    // php_admin_value[…], else php_value[…]; "" when the pool leaves it to php.ini
    kPhpErrorLog,
    kPhpMemoryLimit,
    kPhpMaxExecutionTime,
};
inline constexpr std::size_t kFpmSettingCount = 29;

// "pm.max_children", "php_admin_value[memory_limit]"
[[nodiscard]] std::string_view fpm_setting_id(FpmSetting setting);
[[nodiscard]] std::optional<FpmSetting> fpm_setting_from_id(std::string_view id);

class FpmSettings {
  public:
    FpmSettings();  // FPM's defaults; "" where it has none

    [[nodiscard]] const Setting& of(FpmSetting setting) const {
        return values_[static_cast<std::size_t>(setting)];
    }

    void set(FpmSetting setting, Setting value);

  private:
    std::array<Setting, kFpmSettingCount> values_;
};

}  // namespace gatemend::parse
