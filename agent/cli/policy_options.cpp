// SPDX-License-Identifier: MIT
#include "cli/policy_options.hpp"

#include <iostream>

namespace gatemend::cli {

policy::LoadedPolicy load(const PolicyOptions& options) {
    if (!options.draft) {
        return policy::load_policy(options.paths);
    }
    policy::LoadedPolicy loaded = policy::load_draft(*options.draft);
    policy::PolicyPaths settings_alone;
    settings_alone.settings = options.paths.settings;
    settings_alone.shipped.clear();
    settings_alone.overrides.clear();
    policy::LoadedPolicy machine = policy::load_policy(settings_alone);
    if (loaded.settings_places.empty() && machine.errors.empty()) {
        loaded.policy.settings = std::move(machine.policy.settings);
        loaded.settings_places = std::move(machine.settings_places);
    }
    return loaded;
}

void print_errors(const policy::LoadedPolicy& loaded) {
    for (const policy::Diagnostic& diagnostic : loaded.errors) {
        std::cerr << policy::render(diagnostic);
    }
}

void print_json(const nlohmann::ordered_json& document) {
    constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
    std::cout << document.dump(-1, ' ', false, kReplace) << "\n";
}

std::string count(std::size_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

}  // namespace gatemend::cli
