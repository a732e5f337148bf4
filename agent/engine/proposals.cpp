// SPDX-License-Identifier: MIT
// Proposals: for what a rule asks a person first, the executor makes the exact plan and its
// preview; the person approves its digest, and nothing else can be done with that approval.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

// Somebody may have edited the files meanwhile.
constexpr core::Duration kProposalAge = std::chrono::minutes{10};
// Why there is none may be over by then; an answer that has not come is older than any call.
constexpr core::Duration kNoPlanAge = std::chrono::minutes{2};
constexpr std::size_t kRecordedLines = 6;

Proposal* find_proposal(Incident& incident, const actions::Plan& plan) {
    const auto found = std::find_if(
        incident.proposals.begin(), incident.proposals.end(), [&plan](const Proposal& proposal) {
            return proposal.plan == plan;
        });
    return found == incident.proposals.end() ? nullptr : &*found;
}

struct Wanted {
    actions::Plan plan;
    bool is_offer = false;
};

// One debug log of nginx tells of all its upstreams: what another incident offers is not offered
// again.
bool is_offered_elsewhere(const Case& c, const actions::Plan& plan) {
    const auto& incidents = c.context.state.incidents;
    return std::any_of(incidents.begin(), incidents.end(), [&](const auto& entry) {
        const Incident& other = entry.second;
        return other.id != c.incident.id && other.phase != Phase::kClosed &&
               std::any_of(other.proposals.begin(),
                           other.proposals.end(),
                           [&plan](const Proposal& proposal) {
                               return proposal.is_offer && proposal.plan.act == plan.act &&
                                      proposal.plan.unit == plan.unit &&
                                      proposal.plan.parameters == plan.parameters;
                           });
    });
}

std::vector<Wanted> wanted_plans(const Case& c) {
    const policy::Decision& decision = c.incident.decision;
    std::vector<Wanted> wanted;
    const bool is_taken_back =
        std::any_of(decision.holds.begin(), decision.holds.end(), [](const core::Hold& hold) {
            return hold.owner == kOwnerOfUndo;
        });
    if (decision.kind == policy::DecisionKind::kAsk && decision.step && !is_taken_back) {
        if (auto plan = plan_of(c, *decision.step, decision.target, decision.parameters)) {
            wanted.push_back(Wanted{std::move(*plan), false});
        }
    }
    for (const policy::Offer& offer : decision.offers) {
        auto plan = plan_of(c, offer.step, offer.target, offer.parameters);
        if (plan && wanted.size() < kMaxProposals && !is_offered_elsewhere(c, *plan)) {
            wanted.push_back(Wanted{std::move(*plan), true});
        }
    }
    return wanted;
}

void ask_for(const Case& c, Proposal& proposal) {
    proposal.asked = c.context.now;
    c.context.emit(ProposeAct{c.incident.id, proposal.id, proposal.plan});
    if (proposal.plan.role == core::ServiceRole::kNginx) {
        ask_neighbours(c.context, c.incident.unit);  // what answers before the act
    }
}

// "proposed 1f2e...: repoint-backend nginx.service (...); `gatemend approve 3` does it: line |
// line"
std::string words_of(const Incident& incident, const Proposal& proposal) {
    const auto number = static_cast<std::size_t>(&proposal - incident.proposals.data()) + 1;
    std::string text = "proposed " + proposal.digest + ": " + actions::describe(proposal.plan) +
                       "; `gatemend approve " + std::to_string(incident.id) +
                       (number == 1 ? "" : " " + std::to_string(number)) + "` does it";
    std::string_view rest = proposal.preview;
    for (std::size_t line = 0; line < kRecordedLines && !rest.empty(); ++line) {
        const std::size_t end = rest.find('\n');
        text += (line == 0 ? ": " : " | ") + std::string{rest.substr(0, end)};
        rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    }
    return rest.empty() ? text : text + " | ...";
}

}  // namespace

void propose(const Case& c) {
    const std::vector<Wanted> wanted = wanted_plans(c);
    std::erase_if(c.incident.proposals, [&wanted](const Proposal& proposal) {
        return std::none_of(wanted.begin(), wanted.end(), [&](const Wanted& item) {
            return item.plan == proposal.plan;
        });
    });
    for (const Wanted& item : wanted) {
        Proposal* known = find_proposal(c.incident, item.plan);
        if (known == nullptr) {
            Proposal proposal;
            proposal.id = c.context.state.next_proposal++;
            proposal.plan = item.plan;
            proposal.is_offer = item.is_offer;
            c.incident.proposals.push_back(std::move(proposal));
            ask_for(c, c.incident.proposals.back());
        } else if (c.context.now - known->asked >=
                   (known->digest.empty() ? kNoPlanAge : kProposalAge)) {
            ask_for(c, *known);
        }
    }
}

bool is_approved(const Context& context, const Incident& incident, const actions::Plan& plan) {
    const auto& all = incident.proposals;
    const auto proposal = std::find_if(
        all.begin(), all.end(), [&plan](const Proposal& item) { return item.plan == plan; });
    if (proposal == all.end() || proposal->digest.empty()) {
        return false;
    }
    const auto& approvals = context.state.ledger.approvals;
    return std::any_of(approvals.begin(), approvals.end(), [&](const core::Approval& approval) {
        return approval.digest == proposal->digest && context.now < approval.until;
    });
}

void withdraw(Incident& incident, const actions::Plan& plan) {
    std::erase_if(incident.proposals,
                  [&plan](const Proposal& proposal) { return proposal.plan == plan; });
}

void on_act_proposed(Context& context, const core::ActProposed& proposed) {
    const auto found = context.state.incidents.find(proposed.incident);
    if (found == context.state.incidents.end()) {
        return;
    }
    Incident& incident = found->second;
    const auto proposal = std::find_if(
        incident.proposals.begin(), incident.proposals.end(), [&](const Proposal& item) {
            return item.id == proposed.proposal;
        });
    if (proposal == incident.proposals.end()) {
        return;  // the decision is another one by now
    }
    const bool is_news =
        proposal->digest != proposed.digest || proposal->preview != proposed.preview;
    proposal->digest = proposed.digest;
    proposal->preview = proposed.preview;
    if (is_news) {
        record_decision(context,
                        incident,
                        proposal->digest.empty()
                            ? "no exact plan for " + actions::describe(proposal->plan) + ": " +
                                  proposal->preview
                            : words_of(incident, *proposal));
    }
    evaluate(context, incident.unit);  // somebody may have said yes to it already
}

}  // namespace gatemend::engine
