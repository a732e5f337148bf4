// SPDX-License-Identifier: MIT
#include "cli/replay_diff.hpp"

#include "cli/replay_files.hpp"
#include "core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxDecisionsPerIncident = 1000;

std::string holds_text(const std::vector<core::Hold>& holds) {
    std::string text;
    for (const core::Hold& hold : holds) {
        text += (text.empty() ? " " : ", ") + std::string{core::hold_kind_id(hold.kind)};
    }
    return text;
}

std::string what_was_decided(const policy::Decision& decision) {
    std::string text{policy::decision_kind_id(decision.kind)};
    if (decision.step) {
        text += " " + std::string{actions::spec(decision.step->act).name} + " " + decision.target;
    }
    if (decision.kind == policy::DecisionKind::kHold) {
        text += holds_text(decision.holds);
    }
    for (const policy::Offer& offer : decision.offers) {
        text += ", offer " + std::string{actions::spec(offer.step.act).name} + " " + offer.target;
    }
    return text;
}

// One policy set, its engine and what it decided.
class Side {
  public:
    explicit Side(policy::Policy policy)
        : timeline_(std::move(policy), [this](core::TimePoint time, const engine::Effect& effect) {
              take(time, effect);
          }) {}

    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    ~Side() = default;

    [[nodiscard]] ReplayTarget target() { return {timeline_, summary_}; }

    [[nodiscard]] const ReplayedDecisions& decisions() const { return decisions_; }

    [[nodiscard]] std::size_t count(std::string_view verb) const {
        std::size_t number = 0;
        for (const auto& [incident, decisions] : decisions_) {
            number += static_cast<std::size_t>(
                std::count_if(decisions.begin(), decisions.end(), [verb](const auto& decision) {
                    return decision.what.starts_with(verb);
                }));
        }
        return number;
    }

  private:
    void take(core::TimePoint time, const engine::Effect& effect) {
        const auto* record = std::get_if<engine::Record>(&effect);
        if (record == nullptr) {
            return;
        }
        const auto& incidents = timeline_.state().incidents;
        const auto incident = incidents.find(record->incident);
        if (incident == incidents.end()) {
            return;
        }
        auto& decisions =
            decisions_[{incident->second.opened, core::sanitize(incident->second.unit)}];
        const policy::Decision& decision = incident->second.decision;
        const bool is_refused =
            std::any_of(decision.holds.begin(), decision.holds.end(), [](const auto& hold) {
                return hold.kind == core::HoldKind::kExecutorRefused;
            });
        if (is_refused && summary_.is_log) {
            return;  // by replay itself
        }
        if (record->kind == engine::RecordKind::kDecided) {
            note(decisions, {time, what_was_decided(decision), decision.rule, record->cause});
        } else if (record->kind == engine::RecordKind::kEscalated) {
            note(decisions, {time, "give up", decision.rule, record->cause});
        }
    }

    void note(std::vector<ReplayedDecision>& decisions, ReplayedDecision decision) const {
        const bool is_repeated = !decisions.empty() && decisions.back().what == decision.what &&
                                 decisions.back().cause == decision.cause;
        // Over logs no act is done, so the engine asks for it again and again.
        const bool is_retry = summary_.is_log && is_repeated;
        if (!is_retry && decisions.size() < kMaxDecisionsPerIncident) {
            decisions.push_back(std::move(decision));
        }
    }

    ReplayedDecisions decisions_;
    LogSummary summary_;
    engine::Timeline timeline_;
};

// Those of `mine` that the other side does not have, at the same time and in the same words.
std::vector<ReplayedDecision> missing_from(const std::vector<ReplayedDecision>& mine,
                                           const std::vector<ReplayedDecision>& theirs) {
    std::multiset<std::pair<core::TimePoint, std::string>> rest;
    for (const ReplayedDecision& decision : theirs) {
        rest.emplace(decision.time, decision.what);
    }
    std::vector<ReplayedDecision> missing;
    for (const ReplayedDecision& decision : mine) {
        const auto same = rest.find({decision.time, decision.what});
        if (same == rest.end()) {
            missing.push_back(decision);
        } else {
            rest.erase(same);
        }
    }
    return missing;
}

const std::vector<ReplayedDecision>& decisions_of(const ReplayedDecisions& side,
                                                  const IncidentKey& incident) {
    static const std::vector<ReplayedDecision> none;
    const auto found = side.find(incident);
    return found == side.end() ? none : found->second;
}

void print_line(char sign, const ReplayedDecision& decision) {
    fmt::print("{} {} {}{}\n",
               sign,
               core::format_time(decision.time),
               decision.what,
               decision.rule.empty() ? "" : " (" + decision.rule + ")");
}

// By time; at the same moment what was comes before what will be.
void print_difference(const ReplayDifference& difference) {
    fmt::print("{} {} {}\n",
               core::format_time(difference.incident.first),
               difference.incident.second,
               difference.cause);
    auto removed = difference.only_old.begin();
    for (const ReplayedDecision& added : difference.only_new) {
        for (; removed != difference.only_old.end() && removed->time <= added.time; ++removed) {
            print_line('-', *removed);
        }
        print_line('+', added);
    }
    for (; removed != difference.only_old.end(); ++removed) {
        print_line('-', *removed);
    }
}

Json to_json(const std::vector<ReplayedDecision>& decisions) {
    Json list = Json::array();
    for (const ReplayedDecision& decision : decisions) {
        list.push_back({{"time", core::format_time(decision.time)},
                        {"decision", decision.what},
                        {"rule", decision.rule},
                        {"cause", decision.cause}});
    }
    return list;
}

constexpr std::string_view kVerbs[] = {"act", "ask", "hold", "observe", "give up"};

void print_json(const std::vector<ReplayDifference>& differences,
                const Side& old_side,
                const Side& new_side) {
    Json incidents = Json::array();
    for (const ReplayDifference& difference : differences) {
        incidents.push_back({{"opened", core::format_time(difference.incident.first)},
                             {"unit", difference.incident.second},
                             {"cause", difference.cause},
                             {"old", to_json(difference.only_old)},
                             {"new", to_json(difference.only_new)}});
    }
    Json counts;
    for (const std::string_view verb : kVerbs) {
        counts[std::string{verb}] = {{"old", old_side.count(verb)}, {"new", new_side.count(verb)}};
    }
    const Json document{{"same", differences.empty()},
                        {"incidents", std::move(incidents)},
                        {"decisions", std::move(counts)}};
    fmt::print("{}\n", document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void print_summary(const std::vector<ReplayDifference>& differences,
                   const Side& old_side,
                   const Side& new_side) {
    std::set<IncidentKey> all;
    for (const Side* side : {&old_side, &new_side}) {
        for (const auto& [incident, decisions] : side->decisions()) {
            all.insert(incident);
        }
    }
    fmt::print("---\n{} of {} incidents differ", differences.size(), all.size());
    for (const std::string_view verb : kVerbs) {
        fmt::print("; {} {} -> {}", verb, old_side.count(verb), new_side.count(verb));
    }
    fmt::print("\n");
}

std::unique_ptr<Side> open_side(const policy::PolicyPaths& paths) {
    policy::LoadedPolicy loaded = policy::load_policy(paths);
    for (const policy::Diagnostic& diagnostic : loaded.errors) {
        fmt::print(stderr, "{}\n", policy::render(diagnostic));
    }
    return loaded.errors.empty() ? std::make_unique<Side>(std::move(loaded.policy)) : nullptr;
}

}  // namespace

std::vector<ReplayDifference> compare(const ReplayedDecisions& old_side,
                                      const ReplayedDecisions& new_side) {
    ReplayedDecisions all = old_side;
    all.insert(new_side.begin(), new_side.end());
    std::vector<ReplayDifference> differences;
    for (const auto& [incident, decisions] : all) {
        const auto& before = decisions_of(old_side, incident);
        const auto& after = decisions_of(new_side, incident);
        ReplayDifference difference{
            incident, "", missing_from(before, after), missing_from(after, before)};
        if (difference.only_old.empty() && difference.only_new.empty()) {
            continue;
        }
        difference.cause = after.empty() ? before.back().cause : after.back().cause;
        differences.push_back(std::move(difference));
    }
    return differences;
}

int run_replay_diff(const ReplayOptions& options) {
    const auto old_side = open_side(*options.old_policies);
    const auto new_side = open_side(options.policies);
    if (old_side == nullptr || new_side == nullptr) {
        return kExitTrouble;
    }
    if (const core::Status replayed =
            replay_files(options.files, {old_side->target(), new_side->target()});
        !replayed) {
        fmt::print(stderr, "gatemend: replay: {}\n", replayed.error().text);
        return kExitTrouble;
    }
    const auto differences = compare(old_side->decisions(), new_side->decisions());
    if (options.is_json) {
        print_json(differences, *old_side, *new_side);
    } else {
        for (const ReplayDifference& difference : differences) {
            print_difference(difference);
        }
        print_summary(differences, *old_side, *new_side);
    }
    return differences.empty() ? kExitSame : kExitDifferent;
}

}  // namespace gatemend::cli
