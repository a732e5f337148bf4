// SPDX-License-Identifier: MIT
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

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

enum class Use { kIgnored, kTested, kMainFile, kFirstFile };

struct Option {
    std::string_view name;
    std::string_view long_name;
    bool has_value;
    Use use;
};

constexpr auto kNginxOptions = std::to_array<Option>({{"-c", "-c", true, Use::kMainFile},
                                                      {"-p", "-p", true, Use::kTested},
                                                      {"-g", "-g", true, Use::kTested},
                                                      {"-e", "-e", true, Use::kIgnored},
                                                      {"-q", "-q", false, Use::kIgnored}});
constexpr auto kFpmOptions =
    std::to_array<Option>({{"-y", "--fpm-config", true, Use::kMainFile},
                           {"-c", "--php-ini", true, Use::kFirstFile},
                           {"-n", "--no-php-ini", false, Use::kTested},
                           {"-d", "--define", true, Use::kTested},
                           {"-p", "--prefix", true, Use::kTested},
                           {"-R", "--allow-to-run-as-root", false, Use::kTested},
                           {"-g", "--pid", true, Use::kIgnored},
                           {"-F", "--nodaemonize", false, Use::kIgnored},
                           {"-D", "--daemonize", false, Use::kIgnored},
                           {"-O", "--force-stderr", false, Use::kIgnored}});

bool is_same_program(const std::string& a, const std::string& b) {
    std::error_code error;
    return a == b || std::filesystem::equivalent(a, b, error);
}

bool is_fit(const Option& option, const std::string& value) {
    const bool is_file = option.use == Use::kMainFile || option.use == Use::kFirstFile;
    // The tests have a /run of their own; systemd puts the values of variables in.
    const bool is_seen =
        value.starts_with('/') && !value.starts_with("/run/") && !value.starts_with("/var/run/");
    return option.has_value != value.empty() && value.find('$') == std::string::npos &&
           (!is_file || is_seen);
}

void use_option(KnownService& service, const Option& option, const std::string& value) {
    const bool is_main = option.use == Use::kMainFile;
    if (option.use == Use::kIgnored || (is_main && value == service.first_files.front())) {
        return;
    }
    service.test_argv.emplace_back(option.name);
    if (option.has_value) {
        service.test_argv.push_back(value);
    }
    if (is_main) {
        service.first_files.front() = value;
        service.is_packaged = false;
    } else if (option.use == Use::kFirstFile) {
        service.first_files.push_back(value);
    }
}

}  // namespace

core::Result<KnownService> as_started(KnownService service,
                                      const std::vector<std::string>& command) {
    const auto unknown = [](const std::string& word) {
        return core::Error{"the unit starts with " + word +
                           ": how the configuration is tested then is not known"};
    };
    if (!command.empty() && !is_same_program(command.front(), service.test_argv.front())) {
        return unknown(command.front());
    }
    const bool is_nginx = service.role == core::ServiceRole::kNginx;
    const std::span<const Option> options =
        is_nginx ? std::span<const Option>{kNginxOptions} : std::span<const Option>{kFpmOptions};
    for (std::size_t i = 1; i < command.size(); ++i) {
        const std::string& word = command[i];
        // "--fpm-config=FILE"
        const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
        const std::string name = word.substr(0, equals);
        const auto option = std::ranges::find_if(options, [&name](const Option& item) {
            return item.name == name || item.long_name == name;
        });
        if (option == options.end()) {
            return unknown(word);
        }
        std::string value;
        if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (option->has_value && ++i < command.size()) {
            value = command[i];
        }
        if (!is_fit(*option, value)) {
            return unknown(name + " " + value);
        }
        use_option(service, *option, value);
    }
    return service;
}

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
