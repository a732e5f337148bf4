// SPDX-License-Identifier: MIT
// Reads the policy set from disk: shipped rules, overridden by files of the same name in
// policies.d, and gatemend.toml. Only policies/toml_*.cpp see toml++. All-or-nothing: on any error
// the caller keeps what it had. Must never act, and must never guess what a broken file meant.
#pragma once

#include "core/result.hpp"
#include "policies/policy.hpp"
#include "policies/review.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

// "" = do not look there.
struct PolicyPaths {
    std::string settings = "/etc/gatemend/gatemend.toml";  // absent = defaults
    std::string shipped = "/usr/share/gatemend/policies";
    std::string overrides = "/etc/gatemend/policies.d";  // absent = none
};

inline constexpr std::size_t kMaxPolicyFileBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kMaxPolicyFiles = 64;
inline constexpr std::size_t kMaxDiagnostics = 100;  // errors and warnings each, per load

enum class Severity { kError, kWarning };

// One finding: "file:line:column: error: text", the source line and a caret under it, a suggestion.
struct Diagnostic {
    Severity severity = Severity::kError;
    std::string file;
    int line = 0;    // from 1; 0 where the whole file is meant
    int column = 0;  // from 1, in code points
    std::string message;
    std::string source_line;  // sanitized
    std::size_t caret = 0;    // where `column` stands in source_line
    std::string suggestion;   // "" or: did you mean "cooldown"?
};

// Up to four lines, the last one ended as well.
[[nodiscard]] std::string render(const Diagnostic& diagnostic);

// Where values were written: key ("limit.max") -> "file:line". What is absent has its default.
using Places = std::map<std::string, std::string, std::less<>>;

struct LoadedPolicy {
    Policy policy;
    std::vector<Diagnostic> errors;  // not empty: `policy` must not be used
    std::vector<Diagnostic> warnings;
    std::vector<std::string> files;  // read, in order
    Places settings_places;
    std::map<std::string, Places, std::less<>> rule_places;  // by the rule's name
};

[[nodiscard]] LoadedPolicy load_policy(const PolicyPaths& paths, Reviewer reviewer = nullptr);

// One rules file / the settings file from memory; `file` names it in diagnostics.
// For check, tests, fuzzing: any bytes are fine.
[[nodiscard]] LoadedPolicy read_rules(std::string_view text,
                                      const std::string& file,
                                      Reviewer reviewer = nullptr);
[[nodiscard]] LoadedPolicy read_settings(std::string_view text, const std::string& file);

// One file or folder of somebody who is still writing it: whoever owns it may. A file named
// gatemend.toml is read as settings, anything else as rules. For `policy check PATH`.
[[nodiscard]] LoadedPolicy load_draft(const std::string& path, Reviewer reviewer = nullptr);

// "250ms", "30s", "15m", "1h30m", "1d": parts from large to small, each unit at most once.
[[nodiscard]] core::Result<core::Duration> parse_duration(std::string_view text);

}  // namespace gatemend::policy
