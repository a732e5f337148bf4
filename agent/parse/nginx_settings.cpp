// SPDX-License-Identifier: MIT
#include "parse/nginx_settings.hpp"

#include "core/closed_set.hpp"

#include <algorithm>

namespace gatemend::parse {
namespace {

constexpr std::size_t kMaxScopes = std::size_t{64} * 1024;
constexpr std::uint64_t kPageBytes = 4096;  // nginx's default buffer; 8k where pages are larger

constexpr auto kPrefixes = std::to_array<std::string_view>(
    {"fastcgi_", "proxy_", "uwsgi_", "scgi_", "grpc_", "memcached_"});

// Of a version before 1.29.
std::string default_value(PassSetting setting) {
    switch (setting) {
        case PassSetting::kConnectTimeout:
        case PassSetting::kSendTimeout:
        case PassSetting::kReadTimeout:
            return "60s";
        case PassSetting::kBufferSize:
            return "4k";
        case PassSetting::kBuffers:
            return "8 4k";
        case PassSetting::kBusyBuffersSize:
            return "8k";
        case PassSetting::kBuffering:
            return "on";
        case PassSetting::kNextUpstream:
            return "error timeout";
        case PassSetting::kInterceptErrors:
        case PassSetting::kSslVerify:
        case PassSetting::kSslServerName:
            return "off";
        case PassSetting::kSslName:
        case PassSetting::kSslTrustedCertificate:
            return "";
    }
    return "";
}

// What nginx takes when it is not set: twice the larger of the two kinds of buffers.
std::string default_busy_bytes(const PassSettings& settings) {
    const std::string& buffers = settings.of(PassSetting::kBuffers).value;
    const auto one = config_bytes(
        std::string_view(buffers).substr(std::min(buffers.find(' ') + 1, buffers.size())));
    const auto first = config_bytes(settings.of(PassSetting::kBufferSize).value);
    const std::uint64_t larger = std::max(one.value_or(kPageBytes), first.value_or(kPageBytes));
    return std::to_string(2 * larger / 1024) + "k";
}

}  // namespace

std::string_view pass_setting_id(PassSetting setting) {
    switch (setting) {
        case PassSetting::kConnectTimeout:
            return "connect_timeout";
        case PassSetting::kSendTimeout:
            return "send_timeout";
        case PassSetting::kReadTimeout:
            return "read_timeout";
        case PassSetting::kBufferSize:
            return "buffer_size";
        case PassSetting::kBuffers:
            return "buffers";
        case PassSetting::kBusyBuffersSize:
            return "busy_buffers_size";
        case PassSetting::kBuffering:
            return "buffering";
        case PassSetting::kNextUpstream:
            return "next_upstream";
        case PassSetting::kInterceptErrors:
            return "intercept_errors";
        case PassSetting::kSslVerify:
            return "ssl_verify";
        case PassSetting::kSslName:
            return "ssl_name";
        case PassSetting::kSslServerName:
            return "ssl_server_name";
        case PassSetting::kSslTrustedCertificate:
            return "ssl_trusted_certificate";
    }
    return "?";
}

std::optional<PassSetting> pass_setting_from_id(std::string_view id) {
    return core::find_by_id(id, PassSetting::kSslTrustedCertificate, pass_setting_id);
}

SettingScopes::Scope SettingScopes::open(Scope parent) {
    if (blocks_.size() >= kMaxScopes) {
        return kNoScope;
    }
    blocks_.push_back(Block{parent, {}});
    return blocks_.size() - 1;
}

bool SettingScopes::set(Scope scope, std::string_view name, Setting value) {
    const auto* prefix = std::ranges::find_if(
        kPrefixes, [name](std::string_view item) { return name.starts_with(item); });
    if (scope == kNoScope || prefix == kPrefixes.end() ||
        !pass_setting_from_id(name.substr(prefix->size()))) {
        return false;
    }
    auto& values = blocks_[scope].values;
    // nginx refuses a second one, so there are never more than there are names.
    const auto known = std::ranges::find_if(
        values, [name](const std::pair<std::string, Setting>& item) { return item.first == name; });
    if (known == values.end()) {
        values.emplace_back(std::string(name), std::move(value));
    }
    return true;
}

const Setting* SettingScopes::find(Scope scope, std::string_view name) const {
    for (; scope != kNoScope; scope = blocks_[scope].parent) {
        for (const auto& item : blocks_[scope].values) {
            if (item.first == name) {
                return &item.second;
            }
        }
    }
    return nullptr;
}

PassSettings SettingScopes::effective(Scope scope, std::string_view prefix) const {
    PassSettings settings;
    settings.prefix = prefix;
    for (std::size_t i = 0; i < kPassSettingCount; ++i) {
        const auto setting = static_cast<PassSetting>(i);
        const Setting* found = find(scope, settings.directive(setting));
        settings.values[i] = found != nullptr ? *found : Setting{default_value(setting), ""};
    }
    if (settings.of(PassSetting::kBusyBuffersSize).is_default()) {
        settings.values[static_cast<std::size_t>(PassSetting::kBusyBuffersSize)].value =
            default_busy_bytes(settings);
    }
    return settings;
}

Setting SettingScopes::longest_read_timeout() const {
    Setting longest{default_value(PassSetting::kReadTimeout), ""};
    for (const Block& block : blocks_) {
        for (const auto& [name, setting] : block.values) {
            if (name.ends_with("_read_timeout")) {
                longest = longer_of(longest, setting);
            }
        }
    }
    return longest;
}

const Setting& longer_of(const Setting& a, const Setting& b) {
    const auto known_a = config_milliseconds(a.value);
    const auto known_b = config_milliseconds(b.value);
    if (!known_a || !known_b) {
        return known_a ? b : a;
    }
    return *known_a < *known_b ? b : a;
}

}  // namespace gatemend::parse
