// SPDX-License-Identifier: MIT
#include "actions/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

namespace gatemend::actions {
namespace {

using enum Place;
using enum Effect;
using enum ValueForm;

constexpr std::array kSettings{
    SettingSpec{"pm", kPool, kWord, kReload, "static|dynamic|ondemand"},
    SettingSpec{"pm.max_children", kPool, kCount, kReload},
    SettingSpec{"pm.start_servers", kPool, kCount, kReload},
    SettingSpec{"pm.min_spare_servers", kPool, kCount, kReload},
    SettingSpec{"pm.max_spare_servers", kPool, kCount, kReload},
    SettingSpec{"pm.max_requests", kPool, kCount, kReload},
    SettingSpec{"request_terminate_timeout", kPool, ValueForm::kSeconds, kReload},
    SettingSpec{"request_slowlog_timeout", kPool, ValueForm::kSeconds, kReload},
    // FPM refuses request_slowlog_timeout without it; never a path that somebody chose.
    SettingSpec{"slowlog", kPool, kWord, kReload, "/var/log/php-fpm-slow.log"},
    SettingSpec{"listen.backlog", kPool, kCount, kRestart},
    SettingSpec{"rlimit_files", kPool, kCount, kReload},
    SettingSpec{"php_admin_value[memory_limit]", kPool, kSize, kReload},
    SettingSpec{"php_admin_value[max_execution_time]", kPool, kCount, kReload},
    SettingSpec{"fastcgi_read_timeout", kNginxLocation, ValueForm::kSeconds, kReload},
    SettingSpec{"proxy_read_timeout", kNginxLocation, ValueForm::kSeconds, kReload},
    SettingSpec{"uwsgi_read_timeout", kNginxLocation, ValueForm::kSeconds, kReload},
    SettingSpec{"fastcgi_buffer_size", kNginxLocation, kSize, kReload},
    SettingSpec{"fastcgi_buffers", kNginxLocation, kBuffers, kReload},
    SettingSpec{"fastcgi_busy_buffers_size", kNginxLocation, kSize, kReload},
    SettingSpec{"proxy_buffer_size", kNginxLocation, kSize, kReload},
    SettingSpec{"proxy_buffers", kNginxLocation, kBuffers, kReload},
    SettingSpec{"proxy_busy_buffers_size", kNginxLocation, kSize, kReload},
    SettingSpec{"uwsgi_buffer_size", kNginxLocation, kSize, kReload},
    SettingSpec{"uwsgi_buffers", kNginxLocation, kBuffers, kReload},
    SettingSpec{"uwsgi_busy_buffers_size", kNginxLocation, kSize, kReload},
    SettingSpec{"worker_rlimit_nofile", kNginxMain, kCount, kReload},
    SettingSpec{"worker_connections", kNginxEvents, kCount, kReload},
    SettingSpec{"LimitNOFILE", kDropIn, kCount, kDaemonReloadRestart},
    SettingSpec{"MemoryMax", kDropIn, kSize, kDaemonReload},
    SettingSpec{"OOMPolicy", kDropIn, kWord, kDaemonReload, "continue|stop|kill"},
};

constexpr std::uint64_t kMaxCount = 1'000'000;
constexpr std::uint64_t kMaxSettingSeconds = 86'400;
constexpr int kMaxPairs = 4;

bool is_number(std::string_view text, std::uint64_t largest) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number >= 1 &&
           number <= largest && text.front() != '0';
}

bool is_size(std::string_view text) {
    constexpr std::string_view kUnits = "kKmMgG";
    if (!text.empty() && kUnits.find(text.back()) != std::string_view::npos) {
        text.remove_suffix(1);
    }
    return is_number(text, kMaxCount * kMaxCount);
}

bool is_buffers(std::string_view text) {
    const std::size_t blank = text.find(' ');
    return blank != std::string_view::npos && is_number(text.substr(0, blank), kMaxCount) &&
           is_size(text.substr(blank + 1));
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
            return is_number(value, kMaxCount);
        case ValueForm::kSeconds:
            return value.ends_with('s') &&
                   is_number(value.substr(0, value.size() - 1), kMaxSettingSeconds);
        case kSize:
            return is_size(value);
        case kBuffers:
            return is_buffers(value);
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

Target target_of(ActId act, const Parameters& parameters) {
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

}  // namespace gatemend::actions
