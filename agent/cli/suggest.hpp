// SPDX-License-Identifier: MIT
// `gatemend suggest`: durable fixes with the arithmetic shown, each as a unified diff to review and
// the digest with which it can be applied. Works without the services, as root; changes nothing.
#pragma once

#include "policies/toml_reader.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace gatemend::cli {

struct SuggestOptions {
    bool is_json = false;
    std::string unit;   // "": every service
    std::string cause;  // "": those that show
    policy::PolicyPaths policies;

    std::string topology = "/var/lib/gatemend/agent/topology.json";
};

// 0 also where there is nothing to suggest.
[[nodiscard]] int run_suggest(const SuggestOptions& options);

// The document as text, for people.
[[nodiscard]] std::string suggest_text(const nlohmann::ordered_json& document);

}  // namespace gatemend::cli
