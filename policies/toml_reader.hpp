// SPDX-License-Identifier: MIT
// Reads the policy set from disk: shipped rules, overridden by files of the same name in policies.d,
// and gatemend.toml. The only translation unit that sees toml++. All-or-nothing: on any error the
// caller keeps what it had.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "policies/policy.hpp"

namespace gatemend::policy {

struct PolicyPaths {
    std::string settings = "/etc/gatemend/gatemend.toml";  // absent = defaults
    std::string shipped = "/usr/share/gatemend/policies";
    std::string overrides = "/etc/gatemend/policies.d";     // absent = none
};

// One finding: "file:line:column: error: text", the source line and a caret under it, a suggestion.
struct Diagnostic {
    std::string file;
    int line = 0;
    int column = 0;
    std::string message;
    std::string source_line;  // sanitized
    std::string suggestion;   // "" or: did you mean "cooldown"?
};

[[nodiscard]] std::string render(const Diagnostic& diagnostic);

struct LoadedPolicy {
    Policy policy;
    std::vector<Diagnostic> errors;    // not empty: `policy` must not be used
    std::vector<Diagnostic> warnings;
    std::vector<std::string> files;    // read, in order
};

[[nodiscard]] LoadedPolicy load_policy(const PolicyPaths& paths);

// One rules file / the settings file from memory; `file` names it in diagnostics. For check, tests, fuzzing.
[[nodiscard]] LoadedPolicy read_rules(std::string_view text, const std::string& file);
[[nodiscard]] LoadedPolicy read_settings(std::string_view text, const std::string& file);

// "30s", "15m", "1h30m", "250ms"
[[nodiscard]] core::Result<core::Duration> parse_duration(std::string_view text);

}  // namespace gatemend::policy
