// SPDX-License-Identifier: MIT
// The parts of a [[rule]] that have a language of their own: `when`, `windows`, `needs`, `unless`,
// the steps of `ladder` and `suggest`, and [[rule.test]]. Used by the reader of rules only;
// findings go to the reporter, and what is wrong is left out.
#pragma once

#include "policies/toml_table.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

// The identifiers of a closed set of the core; one past the last is called "?" there.
template <class Enum>
std::vector<std::string_view> all_ids(std::string_view (*id_of)(Enum)) {
    std::vector<std::string_view> ids;
    for (int value = 0; id_of(static_cast<Enum>(value)) != "?"; ++value) {
        ids.push_back(id_of(static_cast<Enum>(value)));
    }
    return ids;
}

[[nodiscard]] std::vector<std::string_view> all_acts();

// nullopt: there is no cause, which is reported.
[[nodiscard]] std::optional<Match> read_match(const toml::table& table, Reporter& reporter);

[[nodiscard]] std::vector<TimeWindow> read_windows(const toml::array& windows, Reporter& reporter);

[[nodiscard]] std::vector<std::string> read_needs(const toml::array& needs, Reporter& reporter);

[[nodiscard]] std::vector<core::Objection> read_unless(const toml::array& unless,
                                                       Reporter& reporter);

// `what` is how people know the list: "ladder", "suggest".
[[nodiscard]] std::vector<LadderStep> read_steps(const toml::array& steps,
                                                 const std::string& what,
                                                 Reporter& reporter);

[[nodiscard]] RuleTest read_rule_test(const toml::table& table, Reporter& reporter);

}  // namespace gatemend::policy
