// SPDX-License-Identifier: MIT
// Rules and settings as key and value, with the place each value comes from. Used by `policy list`
// and `policy show`.
#pragma once

#include "policies/toml_reader.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::cli {

struct PolicyValue {
    std::string key;  // "limit.max", as the file nests it
    nlohmann::ordered_json value;
    std::string place;  // "file:line", or "default"
};

// Everything that is in effect; what a rule does not ask for at all is left out.
[[nodiscard]] std::vector<PolicyValue> values_of(const policy::Rule& rule,
                                                 const policy::Places& places);
[[nodiscard]] std::vector<PolicyValue> values_of(const policy::Settings& settings,
                                                 const policy::Places& places);

// As a policy file would write it: { act = "start-unit", within = "10s" }
[[nodiscard]] std::string to_toml(const nlohmann::ordered_json& value);

}  // namespace gatemend::cli
