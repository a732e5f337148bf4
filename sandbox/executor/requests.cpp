// SPDX-License-Identifier: MIT
#include "sandbox/executor/requests.hpp"

#include "actions/settings.hpp"
#include "sandbox/probe/address.hpp"
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::ActId;
using actions::Plan;

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::optional<Fault> find_unfit_words(const PlanRequest& request) {
    constexpr std::size_t kInvocationDigits = 32;
    if (request.unit.size() > kMaxUnitBytes || !actions::is_unit_name(request.unit)) {
        return bad_argument("unit: not the name of a service");
    }
    if (request.rule.empty() || request.rule.size() > kMaxTextBytes) {
        return bad_argument("rule: empty or too long");
    }
    if (!request.expected_invocation.empty() &&
        !is_hex(request.expected_invocation, kInvocationDigits)) {
        return bad_argument("expected_invocation: not 32 hex digits");
    }
    if (request.parameters.size() > actions::kMaxParameters) {
        return bad_argument("parameters: too many");
    }
    return std::nullopt;
}

// Beyond the form of each single value.
std::optional<std::string> find_parameter_fault(ActId act, const actions::Parameters& parameters) {
    if (auto fault = actions::find_fault(act, parameters)) {
        return fault;
    }
    if (act == ActId::kApplySuggestion) {
        return actions::find_setting_fault(parameters);
    }
    if (act == ActId::kCapturePort) {
        const std::string& address = parameters.find("address")->second;
        const core::ProbeQuestion question{
            core::ProbeKind::kConnect, address, "", std::chrono::seconds{1}};
        if (address.starts_with("unix:") ||
            !probe::check_target(question, probe::Reach::kLocal).empty()) {
            return "parameter address: not a TCP address of this machine alone";
        }
    }
    if (act == ActId::kRepointBackend &&
        parameters.find("from")->second == parameters.find("to")->second) {
        return "parameter to: the same as from";
    }
    return std::nullopt;
}

}  // namespace

Fault bad_argument(const std::string& what) {
    return {FaultKind::kBadArgument, what};
}

bool is_digest(std::string_view text) {
    constexpr std::size_t kDigestDigits = 64;
    return is_hex(text, kDigestDigits);
}

Reply<Plan> read_request(const PlanRequest& request) {
    if (const auto fault = find_unfit_words(request)) {
        return *fault;
    }
    const auto act = actions::act_from_name(request.act);
    if (!act) {
        return bad_argument("act: not in the catalogue");
    }
    const auto cause = core::cause_from_id(request.cause);
    if (!cause) {
        return bad_argument("cause: not a known one");
    }
    const auto active = core::active_state_from_id(request.expected_active);
    if (active == core::ActiveState::kUnknown) {
        return bad_argument("expected_active: not one of systemd's words");
    }
    const auto longest = static_cast<std::uint64_t>(actions::spec(*act).timeout.count());
    if (request.deadline_usec == 0 || request.deadline_usec > longest) {
        return bad_argument("deadline_usec: zero, or more than the act may take");
    }
    actions::Parameters parameters{request.parameters.begin(), request.parameters.end()};
    if (const auto fault = find_parameter_fault(*act, parameters)) {
        return bad_argument(*fault);
    }
    return Plan{.act = *act,
                .unit = request.unit,
                .role = service_role(request.unit),
                .rule = request.rule,
                .cause = *cause,
                .expected_active = active,
                .expected_invocation = request.expected_invocation,
                .deadline = core::Duration{static_cast<std::int64_t>(request.deadline_usec)},
                .parameters = std::move(parameters)};
}

}  // namespace gatemend::sandbox
