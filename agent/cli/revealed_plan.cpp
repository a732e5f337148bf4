// SPDX-License-Identifier: MIT
#include "cli/revealed_plan.hpp"

#include "cli/bus_call.hpp"
#include "cli/incident_text.hpp"
#include "core/text.hpp"

#include <nlohmann/json.hpp>

#include <chrono>

namespace gatemend::cli {

namespace {

constexpr std::chrono::seconds kDeadline{10};

bool differs(const Json& said, const Json& known, const char* key) {
    return said.value(key, Json()) != known.at(key);
}

// "": the agent says what the executor knows.
std::string find_difference(const Json& said, const Json& known) {
    if (differs(said, known, "act") || differs(said, known, "unit") ||
        differs(said, known, "parameters")) {
        return "the agent shows another act than the executor would do: " + proposal_words(said);
    }
    if (differs(said, known, "rule")) {
        return "the agent shows the act of another rule than the executor would do";
    }
    return differs(said, known, "preview")
               ? "the agent shows another change than the executor would make"
               : "";
}

void reveal_proposal(Json& proposal, const Reveal& reveal) {
    const Json digest = proposal.value("digest", Json());
    if (!digest.is_string() || digest.get_ref<const std::string&>().empty()) {
        return;
    }
    const auto plan = reveal(digest.get_ref<const std::string&>());
    if (!plan) {
        proposal["problem"] = plan.error().text;
        return;
    }
    const Json known{{"act", plan->act},
                     {"unit", plan->unit},
                     {"rule", plan->rule},
                     {"parameters", Json(plan->parameters)},
                     {"preview", plan->preview}};
    const std::string problem = find_difference(proposal, known);
    proposal.update(known);
    if (!plan->whole.empty()) {
        proposal["preview"] = plan->whole;
    }
    proposal["problem"] = problem;
}

}  // namespace

core::Result<RevealedPlan> reveal_plan(const std::string& digest) {
    try {
        RevealedPlan plan;
        const auto connection = sdbus::createSystemBusConnection();
        sdbus::createProxy(
            *connection, bus::ServiceName{kExecutor.name}, bus::ObjectPath{kExecutor.path})
            ->callMethod("Reveal")
            .onInterface(kExecutor.interface)
            .withTimeout(kDeadline)
            .withArguments(digest)
            .storeResultsTo(
                plan.act, plan.unit, plan.rule, plan.parameters, plan.preview, plan.whole);
        return plan;
    } catch (const sdbus::Error& error) {
        if (error.getName() == "org.gatemend.Error.NotFound") {
            return core::Error{
                "the executor does not know this plan, only the agent says so; it should be asked "
                "for again within ten minutes"};
        }
        return core::Error{"the executor does not tell what this plan is: " +
                           core::sanitize(std::string(error.getMessage()))};
    }
}

void reveal_proposals(Json& incident, const Reveal& reveal) {
    const auto proposals = incident.find("proposals");
    if (proposals == incident.end()) {
        return;
    }
    for (Json& proposal : *proposals) {
        if (proposal.is_object()) {
            reveal_proposal(proposal, reveal);
        }
    }
}

}  // namespace gatemend::cli
