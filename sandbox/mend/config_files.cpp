// SPDX-License-Identifier: MIT
#include "sandbox/mend/config_files.hpp"

#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"

#include <glob.h>

#include <algorithm>

namespace gatemend::mend {
namespace {

constexpr std::size_t kMaxNotes = 16;

// "8.2" of "php8.2-fpm.service", "" of "php-fpm.service".
std::optional<std::string> fpm_version(std::string_view unit) {
    constexpr std::string_view kPrefix = "php";
    constexpr std::string_view kSuffix = "-fpm.service";
    if (unit.size() < kPrefix.size() + kSuffix.size() || !unit.starts_with(kPrefix) ||
        !unit.ends_with(kSuffix)) {
        return std::nullopt;
    }
    const std::string_view version =
        unit.substr(kPrefix.size(), unit.size() - kPrefix.size() - kSuffix.size());
    const bool is_version = version.find_first_not_of("0123456789.") == std::string_view::npos &&
                            version.find("..") == std::string_view::npos &&
                            !version.starts_with('.') && !version.ends_with('.');
    return is_version ? std::optional{std::string{version}} : std::nullopt;
}

// The names that glob() finds, sorted as nginx and FPM sort them.
std::vector<std::string> expand(const std::string& root, const std::string& pattern) {
    if (pattern.find_first_of("*?[") == std::string::npos) {
        return {pattern};
    }
    std::vector<std::string> paths;
    glob_t found{};
    if (glob((root + pattern).c_str(), 0, nullptr, &found) == 0) {
        for (std::size_t i = 0; i < std::min<std::size_t>(found.gl_pathc, kMaxConfigFiles); ++i) {
            paths.push_back(std::string{found.gl_pathv[i]}.substr(root.size()));
        }
    }
    globfree(&found);
    return paths;
}

}  // namespace

std::optional<ConfigPaths> config_paths(std::string_view unit) {
    if (unit == "nginx.service") {
        return ConfigPaths{"/etc/nginx/nginx.conf", {"/etc/nginx"}};
    }
    const auto version = fpm_version(unit);
    if (!version) {
        return std::nullopt;
    }
    if (version->empty()) {
        return ConfigPaths{"/etc/php-fpm.conf",
                           {"/etc/php-fpm.conf", "/etc/php-fpm.d", "/etc/php.ini", "/etc/php.d"}};
    }
    const std::string folder = "/etc/php/" + *version + "/fpm";
    return ConfigPaths{folder + "/php-fpm.conf", {folder}};
}

bool is_below(const ConfigPaths& paths, std::string_view path) {
    return std::ranges::any_of(paths.below, [path](const std::string& top) {
        return path == top || (path.starts_with(top) && path.substr(top.size()).starts_with('/'));
    });
}

void ConfigFiles::add(const std::string& path, std::vector<ConfigFile>& files) {
    const auto note = [this](const core::Error& error) {
        if (notes_.size() < kMaxNotes) {
            notes_.push_back("not read: " + error.text);
        }
    };
    const auto place = find_place(machine_, path);
    if (!place) {
        note(place.error());
        return;
    }
    auto content = find_content(machine_, *place);
    if (!content) {
        note(content.error());
    } else if (*content) {
        files.push_back(ConfigFile{place->path, std::move((*content)->bytes)});
    }
}

std::vector<ConfigFile> ConfigFiles::find(const std::string& pattern) {
    std::vector<ConfigFile> files;
    for (const std::string& path : expand(machine_.root, pattern)) {
        add(path, files);
    }
    return files;
}

}  // namespace gatemend::mend
