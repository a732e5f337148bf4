// SPDX-License-Identifier: MIT
#include "parse/fpm_settings.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::parse {
namespace {

struct Row {
    FpmSetting setting;
    std::string_view id;
    std::string_view otherwise;
};

// In the order of the enum.
constexpr auto kRows = std::to_array<Row>({
    {FpmSetting::kPm, "pm", ""},
    {FpmSetting::kMaxChildren, "pm.max_children", ""},
    {FpmSetting::kStartServers, "pm.start_servers", ""},
    {FpmSetting::kMinSpareServers, "pm.min_spare_servers", ""},
    {FpmSetting::kMaxSpareServers, "pm.max_spare_servers", ""},
    {FpmSetting::kProcessIdleTimeout, "pm.process_idle_timeout", "10s"},
    {FpmSetting::kMaxRequests, "pm.max_requests", "0"},
    {FpmSetting::kStatusPath, "pm.status_path", ""},
    {FpmSetting::kStatusListen, "pm.status_listen", ""},
    {FpmSetting::kPingPath, "ping.path", ""},
    {FpmSetting::kRequestTerminateTimeout, "request_terminate_timeout", "0"},
    {FpmSetting::kRequestSlowlogTimeout, "request_slowlog_timeout", "0"},
    {FpmSetting::kSlowlog, "slowlog", ""},
    {FpmSetting::kListenBacklog, "listen.backlog", "-1"},
    {FpmSetting::kListenOwner, "listen.owner", ""},
    {FpmSetting::kListenGroup, "listen.group", ""},
    {FpmSetting::kListenMode, "listen.mode", "0660"},
    {FpmSetting::kListenAclUsers, "listen.acl_users", ""},
    {FpmSetting::kListenAclGroups, "listen.acl_groups", ""},
    {FpmSetting::kListenAllowedClients, "listen.allowed_clients", ""},
    {FpmSetting::kUser, "user", ""},
    {FpmSetting::kGroup, "group", ""},
    {FpmSetting::kCatchWorkersOutput, "catch_workers_output", "no"},
    {FpmSetting::kDecorateWorkersOutput, "decorate_workers_output", "yes"},
    {FpmSetting::kRlimitFiles, "rlimit_files", ""},
    {FpmSetting::kChroot, "chroot", ""},
    {FpmSetting::kPhpErrorLog, "php_admin_value[error_log]", ""},
    {FpmSetting::kPhpMemoryLimit, "php_admin_value[memory_limit]", ""},
    {FpmSetting::kPhpMaxExecutionTime, "php_admin_value[max_execution_time]", ""},
});
static_assert(kRows.size() == kFpmSettingCount);

constexpr bool is_ordered() {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (kRows[i].setting != static_cast<FpmSetting>(i)) {
            return false;
        }
    }
    return true;
}

static_assert(is_ordered());

}  // namespace

std::string_view fpm_setting_id(FpmSetting setting) {
    return kRows[static_cast<std::size_t>(setting)].id;
}

std::optional<FpmSetting> fpm_setting_from_id(std::string_view id) {
    const auto* row = std::ranges::find(kRows, id, &Row::id);
    return row != kRows.end() ? std::optional(row->setting) : std::nullopt;
}

FpmSettings::FpmSettings() {
    for (const Row& row : kRows) {
        values_[static_cast<std::size_t>(row.setting)].value = row.otherwise;
    }
}

void FpmSettings::set(FpmSetting setting, Setting value) {
    values_[static_cast<std::size_t>(setting)] = std::move(value);
}

}  // namespace gatemend::parse
