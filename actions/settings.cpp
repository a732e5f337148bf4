// SPDX-License-Identifier: MIT
#include "actions/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace gatemend::actions {
namespace {

using enum Place;
using enum Effect;
using enum ValueForm;

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kMebi = kKibi * kKibi;
constexpr std::uint64_t kGibi = kKibi * kMebi;
constexpr std::uint64_t kMostWorkers = 10'000;
constexpr std::uint64_t kMostFiles = 1'000'000;
constexpr std::uint64_t kMostBuffers = 64 * kMebi;  // of one request
constexpr std::uint64_t kHour = 3600;

constexpr std::array kSettings{
    SettingSpec{"pm", kPool, kWord, kReload, 0, 0, "static|dynamic|ondemand"},
    SettingSpec{"pm.max_children", kPool, kCount, kReload, 1, kMostWorkers},
    SettingSpec{"pm.start_servers", kPool, kCount, kReload, 1, kMostWorkers},
    SettingSpec{"pm.min_spare_servers", kPool, kCount, kReload, 1, kMostWorkers},
    SettingSpec{"pm.max_spare_servers", kPool, kCount, kReload, 1, kMostWorkers},
    SettingSpec{"pm.max_requests", kPool, kCount, kReload, 1, 1'000'000},
    SettingSpec{"request_terminate_timeout", kPool, kSeconds, kReload, 1, kHour},
    SettingSpec{"request_slowlog_timeout", kPool, kSeconds, kReload, 1, kHour},
    // FPM refuses request_slowlog_timeout without it; never a path that somebody chose.
    SettingSpec{"slowlog", kPool, kWord, kReload, 0, 0, "/var/log/php-fpm-slow.log"},
    SettingSpec{"listen.backlog", kPool, kCount, kRestart, 1, 65'535},
    SettingSpec{"rlimit_files", kPool, kCount, kReload, 64, kMostFiles},
    SettingSpec{"php_admin_value[memory_limit]", kPool, kSize, kReload, 8 * kMebi, 4 * kGibi},
    SettingSpec{"php_admin_value[max_execution_time]", kPool, kCount, kReload, 1, kHour},
    SettingSpec{"fastcgi_read_timeout", kNginxLocation, kSeconds, kReload, 1, kHour},
    SettingSpec{"proxy_read_timeout", kNginxLocation, kSeconds, kReload, 1, kHour},
    SettingSpec{"uwsgi_read_timeout", kNginxLocation, kSeconds, kReload, 1, kHour},
    SettingSpec{"fastcgi_buffer_size", kNginxLocation, kSize, kReload, kKibi, kMebi},
    SettingSpec{"fastcgi_buffers", kNginxLocation, kBuffers, kReload, kKibi, kMostBuffers},
    SettingSpec{"fastcgi_busy_buffers_size", kNginxLocation, kSize, kReload, kKibi, kMostBuffers},
    SettingSpec{"proxy_buffer_size", kNginxLocation, kSize, kReload, kKibi, kMebi},
    SettingSpec{"proxy_buffers", kNginxLocation, kBuffers, kReload, kKibi, kMostBuffers},
    SettingSpec{"proxy_busy_buffers_size", kNginxLocation, kSize, kReload, kKibi, kMostBuffers},
    SettingSpec{"uwsgi_buffer_size", kNginxLocation, kSize, kReload, kKibi, kMebi},
    SettingSpec{"uwsgi_buffers", kNginxLocation, kBuffers, kReload, kKibi, kMostBuffers},
    SettingSpec{"uwsgi_busy_buffers_size", kNginxLocation, kSize, kReload, kKibi, kMostBuffers},
    SettingSpec{"worker_rlimit_nofile", kNginxMain, kCount, kReload, 64, kMostFiles},
    SettingSpec{"worker_connections", kNginxEvents, kCount, kReload, 16, 65'536},
    SettingSpec{"LimitNOFILE", kDropIn, kCount, kDaemonReloadRestart, 256, kMostFiles},
    SettingSpec{"MemoryMax", kDropIn, kSize, kDaemonReload, 16 * kMebi, 2 * kKibi* kGibi},
    SettingSpec{"OOMPolicy", kDropIn, kWord, kDaemonReload, 0, 0, "continue|stop|kill"},
};

constexpr int kMaxPairs = 4;

// nullopt: not written as one.
std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = error == std::errc{} && end == text.data() + text.size() &&
                           number >= 1 && text.front() != '0';
    return is_number ? std::optional{number} : std::nullopt;
}

std::optional<std::uint64_t> bytes_of(std::string_view text) {
    constexpr std::string_view kUnits = "kKmMgG";
    std::uint64_t unit = 1;
    if (const std::size_t at = text.empty() ? std::string_view::npos : kUnits.find(text.back());
        at != std::string_view::npos) {
        unit = at < 2 ? kKibi : at < 4 ? kMebi : kGibi;
        text.remove_suffix(1);
    }
    const auto number = number_of(text);
    return number && *number <= UINT64_MAX / unit ? std::optional{*number * unit} : std::nullopt;
}

std::optional<std::uint64_t> bytes_of_buffers(std::string_view text) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
        return std::nullopt;
    }
    const auto count = number_of(text.substr(0, blank));
    const auto each = bytes_of(text.substr(blank + 1));
    return count && each && *each <= UINT64_MAX / *count ? std::optional{*count * *each}
                                                         : std::nullopt;
}

bool is_within(const SettingSpec& setting, std::optional<std::uint64_t> number) {
    return number && *number >= setting.least && *number <= setting.most;
}

bool is_word(std::string_view words, std::string_view value) {
    while (!words.empty()) {
        const std::size_t end = words.find('|');
        if (words.substr(0, end) == value) {
            return true;
        }
        words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
    return false;
}

std::string numbered(std::string_view name, int pair) {
    return std::string{name} + (pair == 1 ? "" : std::to_string(pair));
}

std::optional<std::string> find_place_fault(Place place, const Parameters& parameters) {
    if (place == kPool && !parameters.contains("pool")) {
        return "parameter pool is missing: the setting belongs to one";
    }
    if (place == kNginxLocation && !parameters.contains("backend")) {
        return "parameter backend is missing: the setting belongs to the blocks that name it";
    }
    return std::nullopt;
}

std::optional<Effect> strongest_effect(const Parameters& parameters) {
    std::optional<Effect> strongest;
    for (const auto& [name, value] : parameters) {
        const SettingSpec* setting = name.starts_with("setting") ? find_setting(value) : nullptr;
        if (setting != nullptr && (!strongest || setting->effect > *strongest)) {
            strongest = setting->effect;
        }
    }
    return strongest;
}

}  // namespace

std::span<const SettingSpec> settings() {
    return kSettings;
}

const SettingSpec* find_setting(std::string_view name) {
    const auto* found = std::ranges::find(kSettings, name, &SettingSpec::name);
    return found == kSettings.end() ? nullptr : found;
}

bool is_value(const SettingSpec& setting, std::string_view value) {
    switch (setting.form) {
        case kCount:
            return is_within(setting, number_of(value));
        case kSeconds:
            return value.ends_with('s') &&
                   is_within(setting, number_of(value.substr(0, value.size() - 1)));
        case kSize:
            return is_within(setting, bytes_of(value));
        case kBuffers:
            return is_within(setting, bytes_of_buffers(value));
        case kWord:
            return is_word(setting.words, value);
    }
    return false;
}

std::optional<std::string> find_setting_fault(const Parameters& parameters) {
    std::optional<Place> place;
    for (int pair = 1; pair <= kMaxPairs; ++pair) {
        const auto name = parameters.find(numbered("setting", pair));
        const auto value = parameters.find(numbered("value", pair));
        if (name == parameters.end() && value == parameters.end()) {
            continue;
        }
        if (name == parameters.end() || value == parameters.end()) {
            return "a setting without a value, or a value without a setting";
        }
        const SettingSpec* setting = find_setting(name->second);
        if (setting == nullptr) {
            return "parameter setting: not one that gatemend writes";
        }
        if (!is_value(*setting, value->second)) {
            return "parameter value: not a value of " + name->second;
        }
        if (place && *place != setting->place) {
            return "parameter setting: the settings belong to different places";
        }
        place = setting->place;
    }
    return place ? find_place_fault(*place, parameters) : "parameter setting is missing";
}

Target target_of(ActId act, core::Cause cause, const Parameters& parameters) {
    if (act == ActId::kReloadUnit && cause == core::Cause::kNameUnresolved) {
        return Target::kNginx;
    }
    const auto name = parameters.find("setting");
    const SettingSpec* setting = act == ActId::kApplySuggestion && name != parameters.end()
                                     ? find_setting(name->second)
                                     : nullptr;
    if (setting == nullptr) {
        return spec(act).target;
    }
    switch (setting->place) {
        case kNginxLocation:
        case kNginxMain:
        case kNginxEvents:
            return Target::kNginx;
        case kPool:
        case kDropIn:
            break;
    }
    return Target::kService;
}

std::optional<Effect> effect_of(ActId act, const Parameters& parameters) {
    switch (act) {
        case ActId::kSetPoolListen:
            return Effect::kRestart;  // a reload inherits the socket as it is
        case ActId::kRepointBackend:
        case ActId::kRestoreConfig:
        case ActId::kDebugLog:
            return Effect::kReload;
        case ActId::kApplySuggestion:
            return strongest_effect(parameters);
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kFixSocketOwner:
        case ActId::kCapturePort:
            break;
    }
    return std::nullopt;
}

}  // namespace gatemend::actions
