// SPDX-License-Identifier: MIT
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <array>

namespace gatemend::sandbox {
namespace {

constexpr std::string_view kFpmPrefix = "php";
constexpr std::string_view kFpmSuffix = "-fpm.service";
// nginx's test depends on them, but they are everybody's.
constexpr std::array<std::string_view, 2> kSharedFiles{"/etc/hosts", "/etc/resolv.conf"};
constexpr int kFpmConfigExit = 78;  // EX_CONFIG

// "8.2" of "php8.2-fpm.service", "" of "php-fpm.service"; nullopt for anything else.
std::optional<std::string_view> fpm_version(std::string_view unit) {
    if (unit.size() < kFpmPrefix.size() + kFpmSuffix.size() || !unit.starts_with(kFpmPrefix) ||
        !unit.ends_with(kFpmSuffix)) {
        return std::nullopt;
    }
    const std::string_view version =
        unit.substr(kFpmPrefix.size(), unit.size() - kFpmPrefix.size() - kFpmSuffix.size());
    constexpr std::size_t kMaxVersionBytes = 5;
    const auto is_version_char = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
    const bool is_plain = std::ranges::all_of(version, is_version_char) &&
                          version.find("..") == std::string_view::npos &&
                          !version.starts_with('.') && !version.ends_with('.');
    return is_plain && version.size() <= kMaxVersionBytes ? std::optional{version} : std::nullopt;
}

// -F -O: only so does the test say what it has to say to us and not into the live error log.
KnownService make_fpm(std::string_view version) {
    const std::string name{version};
    KnownService service{.role = core::ServiceRole::kPhpFpm,
                         .profile = ToolProfile::kFpmTest,
                         .test_argv = {"/usr/sbin/php-fpm" + name, "-F", "-O", "-t"},
                         .config_paths = {},
                         .first_files = {},
                         .invalid_exit_code = kFpmConfigExit};
    if (name.empty()) {
        service.config_paths = {
            "/etc/php-fpm.conf", "/etc/php-fpm.d", "/etc/php.ini", "/etc/php.d"};
        service.first_files = {"/etc/php-fpm.conf", "/etc/php.ini", "/etc/php.d/*.ini"};
    } else {
        // conf.d holds links; what they point to is looked at, wherever it is
        const std::string folder = "/etc/php/" + name + "/fpm";
        service.config_paths = {folder};
        service.first_files = {
            folder + "/php-fpm.conf", folder + "/php.ini", folder + "/conf.d/*.ini"};
    }
    return service;
}

}  // namespace

std::optional<KnownService> find_known_service(std::string_view unit) {
    if (unit == "nginx.service") {
        return KnownService{.role = core::ServiceRole::kNginx,
                            .profile = ToolProfile::kNginxTest,
                            .test_argv = {std::string{kNginxPath}, "-t"},
                            // the test also fails for names that nobody resolves any more
                            .config_paths = {"/etc/nginx",
                                             std::string{kSharedFiles[0]},
                                             std::string{kSharedFiles[1]}},
                            .first_files = {"/etc/nginx/nginx.conf"},
                            .invalid_exit_code = 1};
    }
    if (const auto version = fpm_version(unit)) {
        return make_fpm(*version);
    }
    return std::nullopt;
}

bool is_own_config(const KnownService& service, std::string_view file) {
    const auto holds = [file](const std::string& path) {
        return file == path || file.starts_with(path + "/");
    };
    return std::ranges::find(kSharedFiles, file) == kSharedFiles.end() &&
           std::ranges::any_of(service.config_paths, holds);
}

core::ServiceRole service_role(std::string_view unit) {
    const auto known = find_known_service(unit);
    return known ? known->role : core::ServiceRole::kOther;
}

}  // namespace gatemend::sandbox
