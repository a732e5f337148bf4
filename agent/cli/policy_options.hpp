// SPDX-License-Identifier: MIT
// What every `gatemend policy` command is about: the installed set, or a draft that somebody is
// still writing. None of them needs the service or privilege, none changes anything.
#pragma once

#include "policies/toml_reader.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace gatemend::cli {

struct PolicyOptions {
    policy::PolicyPaths paths{};         // the installed set, as the services read it
    std::optional<std::string> draft{};  // this file or folder instead
    bool is_json = false;
};

// The set; a draft of rules comes with this machine's settings where they can be read.
[[nodiscard]] policy::LoadedPolicy load(const PolicyOptions& options);

// Errors to standard error, as the compiler would say them.
void print_errors(const policy::LoadedPolicy& loaded);

// One document on standard output. File names may be any bytes; JSON may not.
void print_json(const nlohmann::ordered_json& document);

// "1 rule", "2 rules"
[[nodiscard]] std::string count(std::size_t number, const std::string& noun);

}  // namespace gatemend::cli
