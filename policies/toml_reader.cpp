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

enum class Absence { kAllowed, kError };

// A file or folder to be read, and whose it is.
struct Place {
    std::string path;
    Author author{};
    Reviewer reviewer = nullptr;
    Absence absence = Absence::kError;
};

using AddFile = void (*)(const Source&, LoadedPolicy&);
using PlacesByName = std::map<std::string, Place>;

Trust trust_in(Author author) {
    return author == Author::kDraft ? Trust::kAny : Trust::kOwner;
}

void read_file(const Place& place, AddFile add, LoadedPolicy& out) {
    const auto bytes = read_policy_file(place.path, trust_in(place.author));
    if (!bytes) {
        add_file_error(out, place.path, bytes.error().text);
    } else if (bytes->has_value()) {
        add(Source{**bytes, place.path, place.author, place.reviewer}, out);
    } else if (place.absence == Absence::kError) {
        add_file_error(out, place.path, "does not exist");
    }
}

void list_folder(const Place& folder, PlacesByName& files, LoadedPolicy& out) {
    const auto names = list_policy_files(folder.path, trust_in(folder.author));
    if (!names) {
        add_file_error(out, folder.path, names.error().text);
        return;
    }
    if (!names->has_value()) {
        if (folder.absence == Absence::kError) {
            add_file_error(out, folder.path, "does not exist");
        }
        return;
    }
    for (const std::string& name : **names) {
        files[name] = Place{
            (std::filesystem::path{folder.path} / name).string(), folder.author, folder.reviewer};
    }
}

void read_rule_files(const PlacesByName& files, LoadedPolicy& out) {
    if (files.size() > kMaxPolicyFiles) {
        add_file_error(out,
                       files.begin()->second.path,
                       "more than " + std::to_string(kMaxPolicyFiles) + " policy files in all");
        return;
    }
    for (const auto& [name, place] : files) {
        read_file(place, add_rules, out);
    }
}

}  // namespace

LoadedPolicy load_policy(const PolicyPaths& paths, Reviewer reviewer) {
    LoadedPolicy out;
    if (!paths.settings.empty()) {
        read_file(
            {paths.settings, Author::kOperator, reviewer, Absence::kAllowed}, add_settings, out);
    }
    PlacesByName rule_files;
    if (!paths.shipped.empty()) {
        list_folder({paths.shipped, Author::kPackage, reviewer}, rule_files, out);
    }
    if (!paths.overrides.empty()) {
        list_folder(
            {paths.overrides, Author::kOperator, reviewer, Absence::kAllowed}, rule_files, out);
    }
    read_rule_files(rule_files, out);
    return out;
}

LoadedPolicy load_draft(const std::string& path, Reviewer reviewer) {
    LoadedPolicy out;
    std::error_code failure;  // an unreadable path is no folder; reading it as a file says why
    if (std::filesystem::is_directory(path, failure)) {
        PlacesByName rule_files;
        list_folder({path, Author::kDraft, reviewer}, rule_files, out);
        read_rule_files(rule_files, out);
    } else {
        const bool is_settings = std::filesystem::path{path}.filename() == "gatemend.toml";
        read_file({path, Author::kDraft, reviewer}, is_settings ? add_settings : add_rules, out);
    }
    return out;
}

LoadedPolicy read_rules(std::string_view text, const std::string& file, Reviewer reviewer) {
    LoadedPolicy out;
    add_rules({text, file, Author::kDraft, reviewer}, out);
    return out;
}

LoadedPolicy read_settings(std::string_view text, const std::string& file) {
    LoadedPolicy out;
    add_settings({text, file, Author::kDraft}, out);
    return out;
}

}  // namespace gatemend::policy
