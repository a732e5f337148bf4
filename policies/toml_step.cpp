// SPDX-License-Identifier: MIT
// The steps of a ladder and the acts of `suggest`: an act of the catalogue, its deadline, and those
// of its parameters that are a rule's to set.
#include "core/text.hpp"
#include "policies/toml_parts.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::size_t kMaxSteps = 4;

// "256M" -> 268435456; what is no size reads as nullopt.
std::optional<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kUnits = "KMGT";
    unsigned shift = 0;
    if (const std::size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
        unit != std::string_view::npos) {
        shift = 10 * (static_cast<unsigned>(unit) + 1);
        text.remove_suffix(1);
    }
    constexpr std::size_t kMostDigits = 16;
    if (text.empty() || text.size() > kMostDigits) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    const bool fits = number <= std::numeric_limits<std::uint64_t>::max() >> shift;
    return fits ? std::optional{number << shift} : std::nullopt;
}

// Digits as the catalogue wants them; other kinds are taken as they are.
std::optional<std::string> normalise(actions::ParameterKind kind, const std::string& text) {
    const bool is_plain =
        !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    if (kind == actions::ParameterKind::kSeconds && !is_plain) {
        const auto duration = parse_duration(text);
        if (!duration || *duration % std::chrono::seconds{1} != core::Duration::zero()) {
            return std::nullopt;
        }
        return std::to_string(*duration / std::chrono::seconds{1});
    }
    if (kind == actions::ParameterKind::kBytes) {
        const auto size = parse_size(text);
        return size ? std::optional{std::to_string(*size)} : std::nullopt;
    }
    return text;
}

std::string_view example_of(actions::ParameterKind kind) {
    switch (kind) {
        case actions::ParameterKind::kSeconds:
            return "a time like \"2d\" or 60";
        case actions::ParameterKind::kBytes:
            return "a size like \"256M\" or 268435456";
        case actions::ParameterKind::kAddress:
        case actions::ParameterKind::kUnixAddress:
        case actions::ParameterKind::kPath:
        case actions::ParameterKind::kName:
        case actions::ParameterKind::kSetting:
        case actions::ParameterKind::kValue:
            break;
    }
    return "a value that the act takes";
}

class StepReader {
  public:
    StepReader(const toml::table& table, const std::string& what, Reporter& reporter)
        : reader_{table, what == "ladder" ? "ladder step" : what, reporter},
          reporter_{reporter} {}

    std::optional<LadderStep> run() {
        const auto act = reader_.word("act", all_acts());
        if (!act) {
            if (!reader_.has("act")) {
                reader_.report_missing("act");
            }
            (void)reader_.duration("within", {milliseconds{100}, hours{1}});
            (void)reader_.table("with");
            reader_.finish();
            return std::nullopt;
        }
        const actions::ActSpec& spec = actions::catalogue()[act->value];
        LadderStep step{spec.id, spec.timeout, {}};
        if (const auto within = reader_.duration("within", {milliseconds{100}, spec.timeout})) {
            step.within = within->value;
        }
        if (const toml::table* with = reader_.table("with")) {
            read_with(*with, spec, step);
        }
        report_missing_parameters(spec, step, act->at);
        reader_.finish();
        return step;
    }

  private:
    void read_with(const toml::table& table, const actions::ActSpec& spec, LadderStep& step) {
        TableReader with{table, "with of " + std::string{spec.name}, reporter_};
        for (const actions::ParameterSpec& parameter : spec.parameters) {
            const toml::node* node = with.any(parameter.name);
            if (node == nullptr) {
                continue;
            }
            given_.push_back(parameter.name);
            const auto text = text_of(*node);
            if (text && refuse_placeholder(*text, position_of(*node), reporter_)) {
                continue;
            }
            if (!parameter.is_policy) {
                reporter_.error(position_of(*node),
                                "\"" + std::string{parameter.name} + "\" of " +
                                    std::string{spec.name} +
                                    " comes from the diagnosis; a rule cannot set it");
                continue;
            }
            const auto value = text ? normalise(parameter.kind, *text) : std::nullopt;
            if (value && actions::is_well_formed(parameter.kind, *value)) {
                step.with.insert_or_assign(std::string{parameter.name}, *value);
            } else {
                reporter_.error(position_of(*node),
                                "\"" + std::string{parameter.name} + "\" must be " +
                                    std::string{example_of(parameter.kind)});
            }
        }
        with.finish();
    }

    static std::optional<std::string> text_of(const toml::node& node) {
        if (const auto* number = node.as_integer()) {
            return std::to_string(number->get());
        }
        const auto* text = node.as_string();
        return text == nullptr || text->get().size() > kMaxStringBytes ? std::nullopt
                                                                       : std::optional{text->get()};
    }

    void report_missing_parameters(const actions::ActSpec& spec,
                                   const LadderStep& step,
                                   Position at) {
        for (const actions::ParameterSpec& parameter : spec.parameters) {
            const bool is_wanted = parameter.is_policy && !parameter.is_optional;
            const bool is_given = std::ranges::find(given_, parameter.name) != given_.end();
            if (is_wanted && !is_given && !step.with.contains(parameter.name)) {
                reporter_.error(
                    at,
                    std::string{spec.name} + " has no \"" + std::string{parameter.name} + "\"",
                    "like with = { " + std::string{parameter.name} +
                        " = ... }: " + std::string{example_of(parameter.kind)});
            }
        }
    }

    TableReader reader_;
    Reporter& reporter_;
    std::vector<std::string_view> given_;
};

}  // namespace

std::vector<std::string_view> all_acts() {
    std::vector<std::string_view> names;
    for (const actions::ActSpec& act : actions::catalogue()) {
        names.push_back(act.name);
    }
    return names;
}

std::vector<LadderStep> read_steps(const toml::array& steps,
                                   const std::string& what,
                                   Reporter& reporter) {
    std::vector<LadderStep> read;
    if (steps.size() > kMaxSteps) {
        reporter.error(position_of(steps),
                       (what == "ladder" ? "a ladder has at most " : what + " has at most ") +
                           std::to_string(kMaxSteps) + " steps, not " +
                           std::to_string(steps.size()));
        return read;
    }
    for (const toml::node& element : steps) {
        const toml::table* table = element.as_table();
        if (table == nullptr) {
            reporter.error(position_of(element),
                           "a step of the " + what + " must be a table, not " +
                               std::string{type_name(element)},
                           "like { act = \"start-unit\", within = \"10s\" }");
        } else if (auto step = StepReader{*table, what, reporter}.run()) {
            read.push_back(std::move(*step));
        }
    }
    return read;
}

}  // namespace gatemend::policy
