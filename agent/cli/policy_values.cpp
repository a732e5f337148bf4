// SPDX-License-Identifier: MIT
#include "cli/policy_values.hpp"

#include "core/time.hpp"
#include "policies/window.hpp"

#include <algorithm>

namespace gatemend::cli {
namespace {

using Json = nlohmann::ordered_json;

class ValueList {
  public:
    explicit ValueList(const policy::Places& places) : places_{places} {}

    void add(const std::string& key, Json value) {
        const auto place = places_.find(key);
        values_.push_back(
            {key, std::move(value), place == places_.end() ? "default" : place->second});
    }

    // Only where the file says so: its absence asks for nothing.
    void add_written(const std::string& key, Json value) {
        if (places_.find(key) != places_.end()) {
            add(key, std::move(value));
        }
    }

    [[nodiscard]] std::vector<PolicyValue> take() { return std::move(values_); }

  private:
    const policy::Places& places_;
    std::vector<PolicyValue> values_;
};

Json steps_json(const std::vector<policy::LadderStep>& steps) {
    Json list = Json::array();
    for (const policy::LadderStep& step : steps) {
        Json one{{"act", actions::spec(step.act).name},
                 {"within", core::format_duration(step.within)}};
        if (!step.with.empty()) {
            one["with"] = step.with;
        }
        list.push_back(std::move(one));
    }
    return list;
}

void add_match(const policy::Match& match, ValueList& list) {
    constexpr double kPermille = 1000.0;
    list.add("when.cause", core::cause_id(match.cause));
    list.add_written("when.unit", match.unit);
    list.add_written("when.backend", match.backend);
    list.add_written("when.confidence", match.min_confidence_permille / kPermille);
    list.add_written("when.lasting", core::format_duration(match.lasting));
    list.add_written("when.times", match.times);
    list.add_written("when.within", core::format_duration(match.within));
}

void add_limit(const std::string& name, const policy::Limit& limit, ValueList& list) {
    list.add(name + ".max", limit.max);
    list.add(name + ".per", core::format_duration(limit.per));
    list.add(name + ".cooldown", core::format_duration(limit.cooldown));
    list.add(name + ".backoff", limit.backoff);
}

}  // namespace

std::vector<PolicyValue> values_of(const policy::Rule& rule, const policy::Places& places) {
    ValueList list{places};
    add_match(rule.match, list);
    list.add("witnesses", rule.witnesses);
    list.add("mode", policy::mode_id(rule.mode));
    list.add_written("ladder", steps_json(rule.ladder));
    list.add_written("suggest", steps_json(rule.offers));
    add_limit("limit", rule.limit, list);
    list.add("verify.within", core::format_duration(rule.verify.within));
    list.add("verify.soak", core::format_duration(rule.verify.soak));
    list.add("on_failure", policy::on_failure_id(rule.on_failure));
    Json windows = Json::array();
    for (const policy::TimeWindow& window : rule.windows) {
        windows.push_back(policy::describe(window));
    }
    list.add_written("windows", std::move(windows));
    list.add_written("revive_stopped", rule.is_reviving_stopped);
    list.add_written("needs", rule.needs);
    Json unless = Json::array();
    for (const core::Objection objection : rule.unless) {
        unless.push_back(core::objection_id(objection));
    }
    list.add_written("unless", std::move(unless));
    list.add_written("runbook", rule.runbook);
    return list.take();
}

std::vector<PolicyValue> values_of(const policy::Settings& settings, const policy::Places& places) {
    ValueList list{places};
    list.add("mode", policy::mode_id(settings.mode));
    list.add("units", settings.units);
    add_limit("limits.unit", settings.unit_limit, list);
    add_limit("limits.host", settings.host_limit, list);
    list.add("probe.timeout", core::format_duration(settings.probe_timeout));
    list.add("probe.suspicion_cooldown", core::format_duration(settings.suspicion_cooldown));
    Json backends = Json::array();
    for (const policy::BackendOverride& backend : settings.backends) {
        backends.push_back({{"address", backend.address}, {"unit", backend.unit}});
    }
    list.add_written("backend", std::move(backends));
    return list.take();
}

std::string to_toml(const Json& value) {
    constexpr auto kReplace = Json::error_handler_t::replace;
    if (!value.is_structured()) {
        return value.dump(-1, ' ', false, kReplace);
    }
    std::string text;
    for (const auto& [key, element] : value.items()) {
        text += text.empty() ? "" : ", ";
        text += value.is_object() ? key + " = " + to_toml(element) : to_toml(element);
    }
    return value.is_object() ? "{ " + text + " }" : "[" + text + "]";
}

}  // namespace gatemend::cli
