// SPDX-License-Identifier: MIT
#include "policies/review.hpp"

#include "core/cause.hpp"
#include "policies/glob.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::policy {
namespace {

using core::Cause;

using Remarks = std::vector<Remark>;

bool covers(const std::string& pattern, const std::string& other) {
    return pattern.empty() || (!other.empty() && covers_glob(pattern, other));
}

// Everything that the later one would decide is decided by the earlier one.
bool shadows(const Match& earlier, const Match& later) {
    return earlier.cause == later.cause && covers(earlier.unit, later.unit) &&
           covers(earlier.backend, later.backend) &&
           earlier.min_confidence_permille <= later.min_confidence_permille;
}

void review_order(const Reviewed& reviewed, Remarks& remarks) {
    const auto& rules = reviewed.before.rules;
    const auto earlier = std::ranges::find_if(
        rules, [&](const Rule& other) { return shadows(other.match, reviewed.rule.match); });
    if (earlier != rules.end()) {
        remarks.push_back({"when.cause",
                           "this rule never decides: \"" + earlier->name + "\" (" +
                               earlier->origin + ") comes first and matches all of it",
                           ""});
    }
}

// What the diagnosis of a cause can say, by the catalogue's names of parameters.
std::vector<std::string_view> remedy_names(Cause cause) {
    switch (cause) {
        case Cause::kSocketOwnership:
            return {"socket"};
        case Cause::kSocketPathMismatch:
        case Cause::kPortMismatch:
            return {"from", "to"};
        case Cause::kFpmConfigInvalid:
        case Cause::kNginxConfigInvalid:
            return {"file"};
        case Cause::kAppDown:
            return {"app"};
        case Cause::kDiskFull:
            return {"journal"};
        case Cause::kPoolSaturated:
        case Cause::kSlowBackend:
        case Cause::kScriptFatal:
        case Cause::kOomKilled:
        case Cause::kHeaderTooBig:
        case Cause::kNginxFdLimit:
            return {"setting", "value"};
        case Cause::kUnknown:
        case Cause::kUnitFailed:
        case Cause::kUnitStopped:
        case Cause::kUnitNotStarted:
        case Cause::kUnitStartLimit:
        case Cause::kNginxDown:
        case Cause::kSocketStale:
        case Cause::kSocketDeleted:
        case Cause::kSocketBlocked:
        case Cause::kBackendHung:
        case Cause::kWorkerCrash:
        case Cause::kDependencyDown:
        case Cause::kProtocolMismatch:
        case Cause::kUpstreamTls:
        case Cause::kNameUnresolved:
        case Cause::kRemoteUpstreamDown:
        case Cause::kFirewallBlocked:
        case Cause::kLsmDenied:
        case Cause::kHighLoad:
        case Cause::kAppAnswers502:
        case Cause::kEdge502:
            break;
    }
    return {};
}

// The suspected backend's address is known whatever the cause.
bool is_knowable(const actions::ParameterSpec& parameter, Cause cause) {
    const auto names = remedy_names(cause);
    return parameter.is_policy || parameter.is_optional || parameter.name == "address" ||
           std::ranges::find(names, parameter.name) != names.end();
}

void review_steps(const Rule& rule,
                  const std::vector<LadderStep>& steps,
                  const std::string& key,
                  Remarks& remarks) {
    for (const LadderStep& step : steps) {
        const actions::ActSpec& spec = actions::spec(step.act);
        const auto missing = std::ranges::find_if_not(spec.parameters, [&](const auto& parameter) {
            return is_knowable(parameter, rule.match.cause);
        });
        if (missing != spec.parameters.end()) {
            remarks.push_back({key,
                               std::string{spec.name} + " can never be done: no diagnosis of " +
                                   std::string{core::cause_id(rule.match.cause)} + " knows its \"" +
                                   std::string{missing->name} + "\"",
                               ""});
        }
    }
}

void review_units(const Reviewed& reviewed, Remarks& remarks) {
    const Rule& rule = reviewed.rule;
    const auto& units = reviewed.before.settings.units;
    const bool is_about_service = std::ranges::any_of(rule.ladder, [](const LadderStep& step) {
        return actions::spec(step.act).target == actions::Target::kService;
    });
    if (reviewed.author != Author::kOperator || rule.mode == Mode::kObserve || !is_about_service ||
        rule.match.unit.empty()) {
        return;
    }
    const bool is_allowed = std::ranges::any_of(
        units, [&](const std::string& pattern) { return overlaps_glob(pattern, rule.match.unit); });
    if (!is_allowed) {
        remarks.push_back({"when.unit",
                           "no unit like \"" + rule.match.unit + "\" may be acted on",
                           "list it under \"units\" in gatemend.toml"});
    }
}

void review_care(const Reviewed& reviewed, Remarks& remarks) {
    const Rule& rule = reviewed.rule;
    const std::string name = "rule \"" + rule.name + "\" ";
    if (rule.mode != Mode::kObserve && !reviewed.has_limit) {
        remarks.push_back({"name",
                           name + "acts and has no limit of its own",
                           "like limit = { max = 3, per = \"15m\", cooldown = \"5s\", "
                           "backoff = 2 }, which is what counts now"});
    }
    if (rule.mode != Mode::kObserve && rule.runbook.empty()) {
        remarks.push_back({"name",
                           name + "acts and has no runbook",
                           "where does a person read on when it gives up?"});
    }
    if (rule.tests.empty()) {
        remarks.push_back(
            {"name", name + "has no [[rule.test]]", "what should it do, given which events?"});
    }
}

}  // namespace

std::vector<Remark> review(const Reviewed& reviewed) {
    Remarks remarks;
    review_order(reviewed, remarks);
    review_steps(reviewed.rule, reviewed.rule.ladder, "ladder", remarks);
    review_steps(reviewed.rule, reviewed.rule.offers, "suggest", remarks);
    review_units(reviewed, remarks);
    review_care(reviewed, remarks);
    return remarks;
}

}  // namespace gatemend::policy
