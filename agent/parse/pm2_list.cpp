// SPDX-License-Identifier: MIT
#include "parse/pm2_list.hpp"

#include "core/text.hpp"

#include <charconv>
#include <system_error>

namespace gatemend::parse {

namespace {

constexpr std::string_view kHead = "+--- ";
constexpr std::string_view kSeparator = " : ";
constexpr std::size_t kMaxNameBytes = 128;

std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

void apply(core::Pm2App& app, std::string_view key, std::string_view value) {
    if (key == "status") {
        app.status = core::pm2_status_from_id(value);
    } else if (key == "restarted") {
        std::uint32_t restarts = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), restarts);
        const bool is_whole = error == std::errc{} && end == value.data() + value.size();
        app.restarts = is_whole ? restarts : 0;
    }
}

}  // namespace

std::vector<core::Pm2App> read_pm2_list(std::string_view text) {
    std::vector<core::Pm2App> apps;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.starts_with(kHead)) {
            if (apps.size() == core::kMaxPm2Apps) {
                break;
            }
            apps.push_back({.name = core::sanitize(line.substr(kHead.size()), kMaxNameBytes)});
        } else if (const std::size_t at = line.find(kSeparator);
                   at != std::string_view::npos && !apps.empty()) {
            apply(apps.back(), line.substr(0, at), line.substr(at + kSeparator.size()));
        }
    }
    return apps;
}

}  // namespace gatemend::parse
