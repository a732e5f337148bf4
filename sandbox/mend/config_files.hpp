// SPDX-License-Identifier: MIT
// The configuration files of the units whose files gatemend changes, as ConfigSource: Debian and
// Ubuntu, RHEL-style. What is not root's alone is not read but told.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/nginx_tree.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

struct ConfigPaths {
    std::string main_file;
    std::vector<std::string> below;  // files and folders that belong to it
};

// nullopt: neither nginx nor PHP-FPM.
[[nodiscard]] std::optional<ConfigPaths> config_paths(std::string_view unit);
[[nodiscard]] bool is_below(const ConfigPaths& paths, std::string_view path);

class ConfigFiles final : public ConfigSource {
  public:
    explicit ConfigFiles(const Machine& machine) : machine_(machine) {}

    [[nodiscard]] std::vector<ConfigFile> find(const std::string& pattern) override;

    [[nodiscard]] const std::vector<std::string>& notes() const override { return notes_; }

  private:
    void add(const std::string& path, std::vector<ConfigFile>& files);

    const Machine& machine_;
    std::vector<std::string> notes_;
};

}  // namespace gatemend::mend
