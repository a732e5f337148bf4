// SPDX-License-Identifier: MIT
#include "app/machine_files.hpp"

#include "io/small_file.hpp"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

namespace gatemend::app {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnix = "unix:";
constexpr int kMaxLinks = 16;

struct FreeGlob {
    void operator()(glob_t* found) const { ::globfree(found); }
};

std::vector<std::string> glob_paths(const std::string& pattern) {
    glob_t found{};
    const std::unique_ptr<glob_t, FreeGlob> owned(&found);
    std::vector<std::string> paths;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        paths.assign(found.gl_pathv, found.gl_pathv + std::min(found.gl_pathc, kMaxPoolFiles));
    }
    return paths;
}

// Where one installation keeps its files.
struct Layout {
    std::string unit;
    std::string main_file;
    std::string pool_pattern;  // used when the main file includes nothing
};

std::vector<Layout> layouts(const std::string& etc) {
    std::vector<Layout> found;
    for (const std::string& folder : glob_paths(etc + "/php/*/fpm")) {
        const std::string version = fs::path(folder).parent_path().filename().string();
        found.push_back(Layout{
            "php" + version + "-fpm.service", folder + "/php-fpm.conf", folder + "/pool.d/*.conf"});
    }
    std::error_code ignored;  // not there: not a RHEL layout
    if (fs::exists(etc + "/php-fpm.conf", ignored)) {
        found.push_back(
            Layout{"php-fpm.service", etc + "/php-fpm.conf", etc + "/php-fpm.d/*.conf"});
    }
    return found;
}

void read_pools(const std::string& file, FpmInstance& instance, FpmFiles& files) {
    const auto text = io::read_small_file(file, kMaxPoolFileBytes);
    if (!text) {
        files.problems.push_back(text.error().text);
        return;
    }
    parse::FpmConfig config = parse::parse_fpm_config(*text, file);
    std::move(config.pools.begin(), config.pools.end(), std::back_inserter(instance.pools));
}

FpmInstance read_instance(const Layout& layout, FpmFiles& files) {
    FpmInstance instance{layout.unit, {}, ""};
    std::vector<std::string> patterns;
    if (const auto text = io::read_small_file(layout.main_file, kMaxPoolFileBytes)) {
        parse::FpmConfig config = parse::parse_fpm_config(*text, layout.main_file);
        instance.pools = std::move(config.pools);
        instance.log = config.error_log.starts_with('/') ? config.error_log : "";
        instance.control_timeout = {config.global.process_control_timeout.value,
                                    config.global.process_control_timeout.where};
        patterns = std::move(config.includes);
    } else {
        files.problems.push_back(text.error().text);
    }
    // A relative pattern is relative to FPM's prefix, which the file does not tell.
    std::erase_if(patterns, [](const std::string& item) { return !item.starts_with('/'); });
    if (patterns.empty()) {
        patterns.push_back(layout.pool_pattern);
    }
    for (const std::string& pattern : patterns) {
        for (const std::string& file : glob_paths(pattern)) {
            read_pools(file, instance, files);
        }
    }
    return instance;
}

// Follows links by hand: the socket at their end need not exist while its unit is down.
std::string follow_links(const std::string& path) {
    fs::path at(path);
    std::error_code error;
    for (int i = 0; i < kMaxLinks; ++i) {
        const fs::path folder = fs::canonical(at.parent_path(), error);
        if (error) {
            return at.string();
        }
        at = folder / at.filename();
        const fs::path target = fs::read_symlink(at, error);
        if (error) {
            return at.string();  // no link: the end
        }
        at = folder / target;  // an absolute target replaces the folder
    }
    return path;
}

void add_alias(Machine& machine, const std::string& address) {
    if (!address.starts_with(kUnix)) {
        return;
    }
    const std::string path = address.substr(kUnix.size());
    if (const std::string real = follow_links(path); real != path) {
        machine.aliases[address] = std::string(kUnix) + real;
    }
}

}  // namespace

bool is_nginx_installed() {
    return ::access("/usr/sbin/nginx", X_OK) == 0;
}

FpmFiles read_fpm_files(const std::string& etc) {
    FpmFiles files;
    for (const Layout& layout : layouts(etc)) {
        files.instances.push_back(read_instance(layout, files));
    }
    std::sort(files.instances.begin(), files.instances.end(), [](const auto& a, const auto& b) {
        return a.unit < b.unit;
    });
    return files;
}

void resolve_aliases(Machine& machine) {
    machine.aliases.clear();
    for (const parse::ConfiguredBackend& backend : machine.nginx.backends) {
        add_alias(machine, backend.address);
    }
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            add_alias(machine, pool.listen);
        }
    }
}

std::vector<io::ConfigRoot> config_roots(const std::string& etc) {
    std::vector<io::ConfigRoot> roots{
        io::ConfigRoot{etc, ""},
        io::ConfigRoot{etc + "/php", ""},
        io::ConfigRoot{etc + "/nginx", "nginx.service"},
        io::ConfigRoot{etc + "/php-fpm.d", "php-fpm.service"},
    };
    for (const std::string& folder : glob_paths(etc + "/php/*")) {
        const std::string unit = "php" + fs::path(folder).filename().string() + "-fpm.service";
        roots.push_back(io::ConfigRoot{folder, ""});
        roots.push_back(io::ConfigRoot{folder + "/fpm", unit});
    }
    return roots;
}

}  // namespace gatemend::app
