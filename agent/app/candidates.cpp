// SPDX-License-Identifier: MIT
#include "app/candidates.hpp"

#include "policies/glob.hpp"

#include <algorithm>

namespace gatemend::app {

namespace {

std::string act_name(const policy::LadderStep& step) {
    return std::string{actions::spec(step.act).name};
}

Candidate step_candidate(const engine::Incident& incident,
                         const policy::Rule& rule,
                         std::size_t index) {
    const auto used = incident.steps.find(rule.name);
    const std::size_t next = used == incident.steps.end() ? 0 : used->second;
    Candidate candidate{rule.name, act_name(rule.ladder[index]), "", {}, ""};
    if (index < next) {
        candidate.text = "has been tried";
    } else if (index > next) {
        candidate.text = "comes after " + act_name(rule.ladder[next]);
    } else {
        candidate.unit = incident.target;
        candidate.holds = incident.decision.holds;
        const bool is_done = incident.trial && !incident.trial->is_offer;
        candidate.text = is_done ? "is under way" : "";
    }
    return candidate;
}

Candidate offer_candidate(const engine::Incident& incident,
                          const policy::Rule& rule,
                          const policy::LadderStep& offer) {
    Candidate candidate{rule.name, act_name(offer), "", {}, ""};
    const auto proposal = std::find_if(incident.proposals.begin(),
                                       incident.proposals.end(),
                                       [&offer](const engine::Proposal& item) {
                                           return item.is_offer && item.plan.act == offer.act;
                                       });
    if (proposal == incident.proposals.end()) {
        candidate.text =
            "suggested by the rule, but what it has to know is not known, or it is not "
            "allowed here";
        return candidate;
    }
    candidate.unit = proposal->plan.unit;
    if (proposal->digest.empty()) {
        candidate.text =
            "no exact plan: " + (proposal->preview.empty() ? "not made yet" : proposal->preview);
        return candidate;
    }
    const auto number = static_cast<std::size_t>(proposal - incident.proposals.begin()) + 1;
    candidate.holds.push_back(core::Hold{core::HoldKind::kNeedsApproval,
                                         "policy " + rule.name,
                                         "done by `gatemend approve " +
                                             std::to_string(incident.id) + " " +
                                             std::to_string(number) + "`",
                                         std::nullopt});
    return candidate;
}

bool fits(const std::string& pattern, std::string_view name) {
    return pattern.empty() || policy::matches_glob(pattern, name);
}

std::string permille(std::uint32_t value) {
    return std::to_string(value) + " of 1000";
}

// Why a rule for this very cause is not the one that decides.
std::string reason_passed_over(const engine::Incident& incident,
                               const policy::Rule& rule,
                               const std::string& backend) {
    if (!fits(rule.match.unit, incident.unit)) {
        return "is for units like " + rule.match.unit;
    }
    if (!fits(rule.match.backend, backend)) {
        return "is for backends like " + rule.match.backend;
    }
    const std::uint32_t certainty = incident.diagnosis.confidence_permille;
    if (certainty < rule.match.min_confidence_permille) {
        return "asks for a confidence of " + permille(rule.match.min_confidence_permille) +
               ", this is " + permille(certainty);
    }
    return incident.decision.rule.empty() ? "" : "comes after " + incident.decision.rule;
}

std::string suspected_address(const engine::State& state, const engine::Incident& incident) {
    const auto record = state.services.find(incident.unit);
    const core::Service* service = state.topology.find_by_unit(incident.unit);
    if (record != state.services.end() && !record->second.probe_address.empty()) {
        return record->second.probe_address;
    }
    return service == nullptr || service->backends.empty() ? "" : service->backends.front().address;
}

void add_steps(std::vector<Candidate>& all,
               const engine::Incident& incident,
               const policy::Rule& rule) {
    for (std::size_t index = 0; index < rule.ladder.size(); ++index) {
        all.push_back(step_candidate(incident, rule, index));
    }
    for (const policy::LadderStep& offer : rule.offers) {
        all.push_back(offer_candidate(incident, rule, offer));
    }
    if (rule.ladder.empty()) {
        all.push_back(Candidate{rule.name, "", incident.target, incident.decision.holds, ""});
    }
}

void add_passed_over(std::vector<Candidate>& all,
                     const policy::Rule& rule,
                     const std::string& why) {
    if (rule.ladder.empty()) {
        all.push_back(Candidate{rule.name, "", "", {}, why});
    }
    for (const policy::LadderStep& step : rule.ladder) {
        all.push_back(Candidate{rule.name, act_name(step), "", {}, why});
    }
}

}  // namespace

std::vector<Candidate> candidates_of(const engine::State& state, const engine::Incident& incident) {
    std::vector<Candidate> all;
    const std::string backend = suspected_address(state, incident);
    const auto& others = incident.diagnosis.alternatives;
    for (const policy::Rule& rule : state.policy.rules) {
        if (rule.name == incident.decision.rule) {
            add_steps(all, incident, rule);
            continue;
        }
        if (rule.match.cause == incident.diagnosis.cause) {
            add_passed_over(all, rule, reason_passed_over(incident, rule, backend));
            continue;
        }
        const auto other = std::find_if(others.begin(), others.end(), [&rule](const auto& item) {
            return item.cause == rule.match.cause;
        });
        if (other != others.end()) {
            add_passed_over(all,
                            rule,
                            "is for " + std::string{core::cause_id(other->cause)} +
                                ", which is less likely (" + permille(other->confidence_permille) +
                                ")");
        }
    }
    return all;
}

}  // namespace gatemend::app
