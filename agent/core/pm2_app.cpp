// SPDX-License-Identifier: MIT
#include "core/pm2_app.hpp"

#include <algorithm>
#include <array>

namespace gatemend::core {

namespace {

struct StatusName {
    Pm2Status status;
    std::string_view id;
};

constexpr std::array kStatusNames{
    StatusName{Pm2Status::kOnline, "online"},
    StatusName{Pm2Status::kLaunching, "launching"},
    StatusName{Pm2Status::kWaitingRestart, "waiting restart"},
    StatusName{Pm2Status::kStopping, "stopping"},
    StatusName{Pm2Status::kStopped, "stopped"},
    StatusName{Pm2Status::kErrored, "errored"},
    StatusName{Pm2Status::kOther, "other"},
};

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxShownApps = 8;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

}  // namespace

std::string_view pm2_status_id(Pm2Status status) {
    const auto* found = std::ranges::find(kStatusNames, status, &StatusName::status);
    return found->id;
}

Pm2Status pm2_status_from_id(std::string_view id) {
    const auto* found = std::ranges::find(kStatusNames, id, &StatusName::id);
    return found == kStatusNames.end() ? Pm2Status::kOther : found->status;
}

bool is_pm2_unit(std::string_view unit) {
    return unit.starts_with("pm2-") && unit.ends_with(".service");
}

bool is_plain_pm2_name(std::string_view name) {
    // pm2 takes whatever contains one of these for a file that says what to start.
    constexpr std::array<std::string_view, 6> kFiles{
        ".json", ".yml", ".yaml", ".config.js", ".config.cjs", ".config.mjs"};
    const bool is_file = std::ranges::any_of(kFiles, [name](std::string_view part) {
        return name.find(part) != std::string_view::npos;
    });
    const bool is_number =
        std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '-' &&
           name.front() != '.' && std::ranges::all_of(name, is_name_char) && !is_file &&
           !is_number && name != "all";
}

const Pm2App* find_only_errored(const std::vector<Pm2App>& apps) {
    const Pm2App* only = nullptr;
    for (const Pm2App& app : apps) {
        if (app.status == Pm2Status::kOnline) {
            continue;
        }
        const bool is_another = only != nullptr && only->name != app.name;
        if (app.status != Pm2Status::kErrored || is_another) {
            return nullptr;
        }
        only = &app;
    }
    const bool is_half_up = only != nullptr && std::ranges::any_of(apps, [only](const Pm2App& app) {
                                return app.name == only->name && app.status == Pm2Status::kOnline;
                            });
    return is_half_up ? nullptr : only;
}

std::string describe(const std::vector<Pm2App>& apps) {
    std::string text;
    for (std::size_t i = 0; i < std::min(apps.size(), kMaxShownApps); ++i) {
        const Pm2App& app = apps[i];
        text += (i == 0 ? "" : ", ") + app.name + " (" + std::string{pm2_status_id(app.status)};
        text += app.restarts == 0 ? ")" : ", " + std::to_string(app.restarts) + " restarts)";
    }
    return apps.size() > kMaxShownApps ? text + " ..." : text;
}

}  // namespace gatemend::core
