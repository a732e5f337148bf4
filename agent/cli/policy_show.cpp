// SPDX-License-Identifier: MIT
#include "cli/policy_show.hpp"

#include "cli/exit_code.hpp"
#include "cli/policy_values.hpp"
#include "core/text.hpp"
#include "policies/decide.hpp"
#include "policies/find_rule.hpp"
#include "policies/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>

namespace gatemend::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string acts_text(const policy::Rule& rule) {
    std::string text;
    for (const policy::LadderStep& step : rule.ladder) {
        text += (text.empty() ? "" : ", ") + std::string{actions::spec(step.act).name};
    }
    for (const policy::LadderStep& offer : rule.offers) {
        text += (text.empty() ? "+ " : " + ") + std::string{actions::spec(offer.act).name};
    }
    return text.empty() ? "-" : text;
}

std::string when_text(const policy::Match& match) {
    std::string text{core::cause_id(match.cause)};
    for (const std::string& pattern : {match.unit, match.backend}) {
        text += pattern.empty() ? "" : " " + pattern;
    }
    return text;
}

// What the rule may do here: "ask (act)" where gatemend.toml allows less than the rule.
std::string mode_text(const policy::Policy& policy, const policy::Rule& rule) {
    const policy::Mode mode = std::min(policy.settings.mode, rule.mode);
    const std::string text{policy::mode_id(mode)};
    return mode == rule.mode ? text : text + " (" + std::string{policy::mode_id(rule.mode)} + ")";
}

std::string limit_text(const policy::Limit& limit) {
    return std::to_string(limit.max) + "/" + core::format_duration(limit.per);
}

using Row = std::array<std::string, 6>;

Row row_of(const policy::Policy& policy, const policy::Rule& rule) {
    const bool has_acts = !rule.ladder.empty() || !rule.offers.empty();
    return {rule.name,
            when_text(rule.match),
            mode_text(policy, rule),
            acts_text(rule),
            has_acts ? limit_text(rule.limit) : "-",
            rule.origin};
}

void print_table(const std::vector<Row>& rows) {
    Row::value_type line;
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths.at(i) = std::max(widths.at(i), row.at(i).size());
        }
    }
    for (const Row& row : rows) {
        line.clear();
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            line += fmt::format("{:<{}}  ", row.at(i), widths.at(i));
        }
        std::cout << line << row.back() << "\n";
    }
}

Json to_json(const Row& row, const policy::Rule& rule) {
    return {{"rule", row[0]},
            {"cause", core::cause_id(rule.match.cause)},
            {"mode", policy::mode_id(rule.mode)},
            {"effective_mode", row[2].substr(0, row[2].find(' '))},
            {"acts", row[3]},
            {"limit", row[4]},
            {"tests", rule.tests.size()},
            {"origin", row[5]}};
}

Json to_json(const std::vector<PolicyValue>& values) {
    Json list = Json::array();
    for (const PolicyValue& value : values) {
        list.push_back({{"key", value.key}, {"value", value.value}, {"from", value.place}});
    }
    return list;
}

void print_values(const std::vector<PolicyValue>& values) {
    std::size_t width = 0;
    for (const PolicyValue& value : values) {
        width = std::max(width, value.key.size());
    }
    for (const PolicyValue& value : values) {
        std::cout << fmt::format(
            "{:<{}} = {}  # {}\n", value.key, width, to_toml(value.value), value.place);
    }
}

// "…/policies.d/10-a.toml" stands in for the package's file of the same name.
std::string replaced_file(const std::string& file, const policy::PolicyPaths& paths) {
    const std::filesystem::path path{file};
    if (paths.overrides.empty() || path.parent_path() != std::filesystem::path{paths.overrides}) {
        return "";
    }
    const std::filesystem::path shipped = std::filesystem::path{paths.shipped} / path.filename();
    std::error_code unreadable;  // then there is nothing to replace
    return std::filesystem::exists(shipped, unreadable) ? shipped.string() : "";
}

void print_files(const policy::LoadedPolicy& loaded, const PolicyOptions& options) {
    for (const std::string& file : loaded.files) {
        const std::string replaced = options.draft ? "" : replaced_file(file, options.paths);
        std::cout << "# " << core::sanitize(file)
                  << (replaced.empty() ? "" : " replaces " + core::sanitize(replaced)) << "\n";
    }
}

void print_rule(const policy::LoadedPolicy& loaded, const policy::Rule& rule) {
    std::cout << "\n[[rule]]  # " << rule.origin << ", " << count(rule.tests.size(), "test") << "\n"
              << "name = " << to_toml(rule.name) << "\n";
    if (std::min(loaded.policy.settings.mode, rule.mode) != rule.mode) {
        std::cout << "# gatemend.toml allows less: " << mode_text(loaded.policy, rule) << "\n";
    }
    print_values(values_of(rule, loaded.rule_places.at(rule.name)));
}

Json rule_json(const policy::LoadedPolicy& loaded, const policy::Rule& rule) {
    return {{"rule", rule.name},
            {"origin", rule.origin},
            {"tests", rule.tests.size()},
            {"values", to_json(values_of(rule, loaded.rule_places.at(rule.name)))}};
}

int show_rule(const policy::LoadedPolicy& loaded,
              const PolicyOptions& options,
              const std::string& name) {
    const policy::Rule* rule = policy::find_rule_by_name(loaded.policy, name);
    if (rule == nullptr) {
        std::vector<std::string_view> names;
        for (const policy::Rule& item : loaded.policy.rules) {
            names.push_back(item.name);
        }
        const std::string hint = policy::suggest(name, names);
        std::cerr << "gatemend: no rule is called \"" << core::sanitize(name) << "\""
                  << (hint.empty() ? "" : "; " + hint) << "\n";
        return kExitFailed;
    }
    if (options.is_json) {
        print_json(rule_json(loaded, *rule));
    } else {
        print_rule(loaded, *rule);
    }
    return kExitOk;
}

void show_all(const policy::LoadedPolicy& loaded, const PolicyOptions& options) {
    const auto settings = values_of(loaded.policy.settings, loaded.settings_places);
    if (options.is_json) {
        Json rules = Json::array();
        for (const policy::Rule& rule : loaded.policy.rules) {
            rules.push_back(rule_json(loaded, rule));
        }
        print_json({{"files", loaded.files},
                    {"settings", to_json(settings)},
                    {"rules", std::move(rules)}});
        return;
    }
    print_files(loaded, options);
    std::cout << "\n# gatemend.toml\n";
    print_values(settings);
    for (const policy::Rule& rule : loaded.policy.rules) {
        print_rule(loaded, rule);
    }
}

}  // namespace

int run_policy_list(const PolicyOptions& options) {
    const policy::LoadedPolicy loaded = load(options);
    if (!loaded.errors.empty()) {
        print_errors(loaded);
        return kExitFailed;
    }
    std::vector<Row> rows{{"RULE", "CAUSE", "MODE", "ACTS (+ SUGGESTED)", "LIMIT", "FILE"}};
    Json list = Json::array();
    for (const policy::Rule& rule : loaded.policy.rules) {
        rows.push_back(row_of(loaded.policy, rule));
        list.push_back(to_json(rows.back(), rule));
    }
    if (options.is_json) {
        print_json({{"rules", std::move(list)}});
    } else {
        print_table(rows);
    }
    return kExitOk;
}

int run_policy_show(const PolicyOptions& options, const std::string& rule) {
    const policy::LoadedPolicy loaded = load(options);
    if (!loaded.errors.empty()) {
        print_errors(loaded);
        return kExitFailed;
    }
    if (!rule.empty()) {
        return show_rule(loaded, options, rule);
    }
    show_all(loaded, options);
    return kExitOk;
}

}  // namespace gatemend::cli
