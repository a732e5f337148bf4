// SPDX-License-Identifier: MIT
#include "sandbox/mend/drop_in.hpp"

#include <algorithm>

namespace gatemend::mend {
namespace {

constexpr std::string_view kNew =
    "# Made by gatemend after approval. To go back: remove this file, systemctl daemon-reload.\n"
    "[Service]\n";
constexpr std::string_view kSection = "[Service]";

std::string_view trim(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    const std::size_t end = line.find_last_not_of(" \t\r");
    return begin == std::string_view::npos ? std::string_view{}
                                           : line.substr(begin, end - begin + 1);
}

// The last `Name=` of [Service] is changed, else a line behind the section's header added.
core::Result<std::string> set(const std::string& text,
                              const std::pair<std::string, std::string>& setting) {
    const std::string assignment = setting.first + "=" + setting.second;
    bool is_inside = false;
    Replacement change{std::string::npos, 0, ""};
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = line_end(text, at);
        const std::string_view line = trim(std::string_view{text}.substr(at, end - at));
        if (line.starts_with('[')) {
            is_inside = line == kSection;
            if (is_inside && change.begin == std::string::npos) {
                change = {end, end, line_ending(text, at) + assignment};
            }
        } else if (is_inside && line.starts_with(setting.first + "=")) {
            change = {at, end, assignment};
        }
        at = std::min(text.find('\n', at), text.size() - 1) + 1;
    }
    if (change.begin == std::string::npos) {
        const std::string gap = text.empty() || text.ends_with('\n') ? "" : "\n";
        return text + gap + std::string{kSection} + "\n" + assignment + "\n";
    }
    return edited(text, {change});
}

}  // namespace

std::string drop_in_path(std::string_view unit) {
    return "/etc/systemd/system/" + std::string{unit} + ".d/90-gatemend.conf";
}

core::Result<std::string> edit_drop_in(const std::optional<std::string>& text,
                                       const Settings& settings) {
    if (!text) {
        std::string made{kNew};
        for (const auto& [name, value] : settings) {
            made += name + "=" + value + "\n";
        }
        return made;
    }
    std::string now = *text;
    for (const auto& setting : settings) {
        GATEMEND_TRY(next, set(now, setting));
        now = std::move(next);
    }
    if (now == *text) {
        return core::Error{"the drop-in says so already"};
    }
    return now;
}

}  // namespace gatemend::mend
