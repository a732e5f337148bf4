// SPDX-License-Identifier: MIT
#include "cli/policy_check.hpp"

#include <iostream>

namespace gatemend::cli {
namespace {

nlohmann::ordered_json to_json(const policy::Diagnostic& diagnostic) {
    const bool is_error = diagnostic.severity == policy::Severity::kError;
    return {{"severity", is_error ? "error" : "warning"},
            {"file", diagnostic.file},
            {"line", diagnostic.line},
            {"column", diagnostic.column},
            {"message", diagnostic.message},
            {"source_line", diagnostic.source_line},
            {"suggestion", diagnostic.suggestion}};
}

nlohmann::ordered_json to_json(const policy::LoadedPolicy& loaded) {
    auto findings = nlohmann::ordered_json::array();
    for (const auto* list : {&loaded.errors, &loaded.warnings}) {
        for (const policy::Diagnostic& diagnostic : *list) {
            findings.push_back(to_json(diagnostic));
        }
    }
    return {{"ok", loaded.errors.empty()},
            {"rules", loaded.policy.rules.size()},
            {"files", loaded.files},
            {"errors", loaded.errors.size()},
            {"warnings", loaded.warnings.size()},
            {"findings", std::move(findings)}};
}

void print(const policy::LoadedPolicy& loaded) {
    print_errors(loaded);
    for (const policy::Diagnostic& diagnostic : loaded.warnings) {
        std::cerr << policy::render(diagnostic);
    }
    std::cout << count(loaded.policy.rules.size(), "rule") << " in "
              << count(loaded.files.size(), "file") << ", " << count(loaded.errors.size(), "error")
              << ", " << count(loaded.warnings.size(), "warning") << "\n";
}

}  // namespace

int run_policy_check(const PolicyOptions& options) {
    // A draft is checked for itself: this machine's settings are not its author's business.
    const auto loaded = options.draft ? policy::load_draft(*options.draft, policy::review)
                                      : policy::load_policy(options.paths, policy::review);
    if (options.is_json) {
        print_json(to_json(loaded));
    } else {
        print(loaded);
    }
    return loaded.errors.empty() ? 0 : 1;
}

}  // namespace gatemend::cli
