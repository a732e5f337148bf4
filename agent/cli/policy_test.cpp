// SPDX-License-Identifier: MIT
#include "cli/policy_test.hpp"

#include "cli/exit_code.hpp"
#include "engine/timeline.hpp"

#include <algorithm>
#include <iostream>

namespace gatemend::cli {
namespace {

// A rule's origin without its line.
std::string file_of(const policy::Rule& rule) {
    return rule.origin.substr(0, rule.origin.rfind(':'));
}

bool is_shipped(const policy::Rule& rule, const policy::PolicyPaths& paths) {
    return !paths.shipped.empty() && rule.origin.starts_with(paths.shipped);
}

void print(const std::vector<RuleTestResult>& results, std::size_t failed) {
    for (const RuleTestResult& result : results) {
        const bool is_good = result.problem.empty();
        std::cout << (is_good ? "ok   " : "FAIL ") << result.place << ": " << result.rule << ": "
                  << (is_good ? result.expect : result.problem) << "\n";
    }
    std::cout << count(results.size(), "test") << ", " << failed << " failed\n";
}

nlohmann::ordered_json to_json(const std::vector<RuleTestResult>& results, std::size_t failed) {
    auto tests = nlohmann::ordered_json::array();
    for (const RuleTestResult& result : results) {
        tests.push_back({{"rule", result.rule},
                         {"place", result.place},
                         {"expect", result.expect},
                         {"ok", result.problem.empty()},
                         {"problem", result.problem}});
    }
    return {{"ok", failed == 0},
            {"run", results.size()},
            {"failed", failed},
            {"tests", std::move(tests)}};
}

}  // namespace

std::vector<RuleTestResult> run_tests(const policy::LoadedPolicy& loaded,
                                      const policy::PolicyPaths& paths) {
    policy::Policy of_package = loaded.policy;
    of_package.settings = policy::Settings{};
    policy::Policy of_machine = loaded.policy;
    of_machine.settings.mode = policy::Mode::kAct;
    std::vector<RuleTestResult> results;
    for (const policy::Rule& rule : loaded.policy.rules) {
        for (const policy::RuleTest& test : rule.tests) {
            const core::Status ran =
                engine::run_rule_test(is_shipped(rule, paths) ? of_package : of_machine, test);
            results.push_back({rule.name,
                               file_of(rule) + ":" + std::to_string(test.line),
                               test.expect,
                               ran ? "" : ran.error().text});
        }
    }
    return results;
}

int run_policy_test(const PolicyOptions& options) {
    const policy::LoadedPolicy loaded = load(options);
    if (!loaded.errors.empty()) {
        print_errors(loaded);
        return kExitFailed;
    }
    const auto results = run_tests(loaded, options.paths);
    const auto failed = static_cast<std::size_t>(
        std::count_if(results.begin(), results.end(), [](const auto& result) {
            return !result.problem.empty();
        }));
    if (options.is_json) {
        print_json(to_json(results, failed));
    } else {
        print(results, failed);
    }
    return failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace gatemend::cli
