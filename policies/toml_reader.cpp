// SPDX-License-Identifier: MIT
// Which files make up the policy, in which order. Layering is by file name, as systemd does it: the
// administrator's file replaces the shipped one of the same name, an empty one switches it off.
#include "policies/toml_reader.hpp"

#include "policies/toml_diagnostic.hpp"
#include "policies/toml_document.hpp"
#include "policies/toml_files.hpp"

#include <filesystem>
#include <map>

namespace gatemend::policy {
namespace {

using AddFile = void (*)(std::string_view, const std::string&, LoadedPolicy&);
using PathsByName = std::map<std::string, std::string>;

enum class Absence { kAllowed, kError };

void read_file(
    const std::string& path, AddFile add, Trust trust, Absence absence, LoadedPolicy& out) {
    const auto bytes = read_policy_file(path, trust);
    if (!bytes) {
        add_file_error(out, path, bytes.error().text);
    } else if (bytes->has_value()) {
        add(**bytes, path, out);
    } else if (absence == Absence::kError) {
        add_file_error(out, path, "does not exist");
    }
}

void list_folder(const std::string& folder,
                 Trust trust,
                 Absence absence,
                 PathsByName& paths,
                 LoadedPolicy& out) {
    const auto names = list_policy_files(folder, trust);
    if (!names) {
        add_file_error(out, folder, names.error().text);
        return;
    }
    if (!names->has_value()) {
        if (absence == Absence::kError) {
            add_file_error(out, folder, "does not exist");
        }
        return;
    }
    for (const std::string& name : **names) {
        paths[name] = (std::filesystem::path{folder} / name).string();
    }
}

void read_rule_files(const PathsByName& paths, Trust trust, LoadedPolicy& out) {
    if (paths.size() > kMaxPolicyFiles) {
        add_file_error(out,
                       paths.begin()->second,
                       "more than " + std::to_string(kMaxPolicyFiles) + " policy files in all");
        return;
    }
    for (const auto& [name, path] : paths) {
        read_file(path, add_rules, trust, Absence::kError, out);
    }
}

}  // namespace

LoadedPolicy load_policy(const PolicyPaths& paths) {
    LoadedPolicy out;
    if (!paths.settings.empty()) {
        read_file(paths.settings, add_settings, Trust::kOwner, Absence::kAllowed, out);
    }
    PathsByName rule_files;
    if (!paths.shipped.empty()) {
        list_folder(paths.shipped, Trust::kOwner, Absence::kError, rule_files, out);
    }
    if (!paths.overrides.empty()) {
        list_folder(paths.overrides, Trust::kOwner, Absence::kAllowed, rule_files, out);
    }
    read_rule_files(rule_files, Trust::kOwner, out);
    return out;
}

LoadedPolicy load_draft(const std::string& path) {
    LoadedPolicy out;
    std::error_code failure;  // an unreadable path is no folder; reading it as a file says why
    if (std::filesystem::is_directory(path, failure)) {
        PathsByName rule_files;
        list_folder(path, Trust::kAny, Absence::kError, rule_files, out);
        read_rule_files(rule_files, Trust::kAny, out);
    } else {
        const bool is_settings = std::filesystem::path{path}.filename() == "gatemend.toml";
        read_file(path, is_settings ? add_settings : add_rules, Trust::kAny, Absence::kError, out);
    }
    return out;
}

LoadedPolicy read_rules(std::string_view text, const std::string& file) {
    LoadedPolicy out;
    add_rules(text, file, out);
    return out;
}

LoadedPolicy read_settings(std::string_view text, const std::string& file) {
    LoadedPolicy out;
    add_settings(text, file, out);
    return out;
}

}  // namespace gatemend::policy
