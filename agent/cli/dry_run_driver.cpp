// SPDX-License-Identifier: MIT
#include "cli/dry_run_driver.hpp"

#include "app/service_logs.hpp"
#include "app/standings.hpp"
#include "engine/step.hpp"
#include "io/journal_excerpt.hpp"
#include "parse/fact_event.hpp"
#include "parse/fpm_pool.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/journal/last_job.hpp"
#include "sandbox/tools/preview.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>
#include <variant>

namespace gatemend::cli {

DryRunDriver::DryRunDriver(Outside outside, policy::Policy policy) : outside_(outside) {
    state_.policy = std::move(policy);
}

void DryRunDriver::run(const core::Ledger& ledger,
                       const core::Topology& topology,
                       const std::vector<core::SymptomSeen>& symptoms) {
    started_ = outside_.loop.now();
    begin();  // ours, so that the first answers do not end the run
    feed(core::LedgerLearnt{ledger});
    feed(core::TopologyLearnt{topology});
    symptoms_ = symptoms;
    read_units(topology);
    const bus::Source deadline =
        outside_.loop.add_timer(kDryRunDeadline, [this] { outside_.loop.exit(0); });
    const bus::Source first = outside_.loop.add_timer(core::Duration::zero(), [this] { end(); });
    if (unread_units_ == 0) {
        feed_symptoms();
    }
    if (outside_.loop.run() < 0) {
        problems_.emplace_back("the event loop failed");
        is_complete_ = false;
    }
}

void DryRunDriver::read_units(const core::Topology& topology) {
    unread_units_ = topology.services.size();
    for (const core::Service& service : topology.services) {
        begin();
        outside_.systemd.read_unit(
            service.unit, [this, unit = service.unit](core::Result<core::UnitState> state) {
                if (state) {
                    feed(core::UnitSeen{unit, std::move(*state)});
                } else {
                    problems_.push_back(unit + ": " + state.error().text);
                }
                if (--unread_units_ == 0) {
                    feed_symptoms();
                }
                end();
            });
    }
}

// A probe from before a unit's state is known says nothing about that state.
void DryRunDriver::feed_symptoms() {
    for (const core::SymptomSeen& seen : std::exchange(symptoms_, {})) {
        feed(seen);
    }
}

void DryRunDriver::end() {
    if (--outstanding_ == 0) {
        is_complete_ = true;
        outside_.loop.exit(0);
    }
}

void DryRunDriver::feed(core::EventBody body) {
    queue_.push_back(std::move(body));
    if (is_running_) {
        return;
    }
    is_running_ = true;
    while (!queue_.empty()) {
        const core::Event event{outside_.loop.now(), std::move(queue_.front())};
        queue_.pop_front();
        for (const engine::Effect& effect : engine::step(state_, event)) {
            std::visit([this](const auto& kind) { run(kind); }, effect);
        }
    }
    is_running_ = false;
}

void DryRunDriver::run(const engine::StartProbe& effect) {
    begin();
    outside_.facts.probe(
        {effect.kind, effect.address, effect.name, effect.timeout},
        [this, probe = effect.probe, unit = effect.unit, address = effect.address](
            const core::Result<std::string>& line) {
            const auto decoded = line ? core::decode_probe_result(*line) : std::nullopt;
            if (!line) {
                problems_.push_back("probe of " + address + ": " + line.error().text);
            }
            feed(core::ProbeAnswered{probe, unit, address, decoded.value_or(core::ProbeResult{})});
            end();
        });
}

void DryRunDriver::run(const engine::TestConfig& effect) {
    begin();
    outside_.facts.test_config(
        effect.unit, [this, unit = effect.unit](const core::Result<sandbox::ConfigTestFact>& fact) {
            core::ConfigTest test;
            if (fact) {
                test = parse::parse_config_test(fact->verdict, fact->fingerprint, fact->output);
            } else {
                test.message = fact.error().text;
            }
            feed(core::ConfigTested{unit, std::move(test)});
            end();
        });
}

void DryRunDriver::run(const engine::ReadJournal& effect) {
    if (auto lines = io::read_journal_excerpt(effect.unit, effect.invocation_id)) {
        queue_.push_back(core::JournalRead{effect.unit, effect.invocation_id, std::move(*lines)});
    }
}

void DryRunDriver::run(const engine::ReadJobs& effect) {
    const auto last = journal::read_last_job(effect.id);
    if (!last) {
        problems_.push_back("jobs of " + effect.unit + ": " + last.error().text);
    }
    queue_.push_back(core::JobsRead{effect.unit, last ? std::optional{*last} : std::nullopt});
}

void DryRunDriver::run(const engine::ReadLogs& effect) {
    for (core::SymptomSeen& seen : app::read_unit_journal(effect.unit, started_ - kDryRunPast)) {
        queue_.push_back(std::move(seen));
    }
    queue_.push_back(core::LogsRead{effect.unit});
}

void DryRunDriver::run(const engine::Inspect& effect) {
    begin();
    const std::string unit = actions::is_unit_name(effect.unit) ? effect.unit : "";
    outside_.facts.inspect(
        unit, effect.address, [this, service = effect.unit](const core::Result<std::string>& text) {
            std::string problem;
            core::Inspected inspected = parse::inspected(service, text, problem);
            note(std::move(problem));
            take_inspected(std::move(inspected));
        });
}

void DryRunDriver::take_inspected(core::Inspected inspected) {
    if (!inspected.inspection) {
        feed(std::move(inspected));
        end();
        return;
    }
    app::identify(outside_.systemd,
                  state_.topology,
                  *inspected.inspection,
                  [this, inspected](core::Inspection look) {
                      core::Inspected identified = inspected;
                      identified.inspection = std::move(look);
                      feed(std::move(identified));
                      end();
                  });
}

void DryRunDriver::run(const engine::ReadFilter& effect) {
    begin();
    outside_.facts.packet_filter(
        [this, effect](const core::Result<sandbox::PacketFilterFact>& fact) {
            using Rules = core::Result<parse::PacketFilterRules>;
            std::string problem;
            feed(parse::filter_read(effect.unit,
                                    effect.address,
                                    fact ? Rules{parse::PacketFilterRules{fact->format, fact->text}}
                                         : Rules{fact.error()},
                                    problem));
            note(std::move(problem));
            end();
        });
}

void DryRunDriver::run(const engine::ResolveName& effect) {
    begin();
    outside_.facts.probe(
        {core::ProbeKind::kResolve, parse::name_of_host(effect.host), "", kDryRunPatience},
        [this, effect](const core::Result<std::string>& line) {
            feed(core::NameResolved{effect.unit, parse::resolved_addresses(effect.host, line)});
            end();
        });
}

void DryRunDriver::run(const engine::ReadApps& effect) {
    begin();
    outside_.facts.pm2_apps(effect.unit,
                            [this, unit = effect.unit](const core::Result<std::string>& text) {
                                std::string problem;
                                feed(parse::apps_listed(unit, text, problem));
                                note(std::move(problem));
                                end();
                            });
}

void DryRunDriver::note(std::string problem) {
    if (!problem.empty()) {
        problems_.push_back(std::move(problem));
    }
}

void DryRunDriver::make_exact(const actions::Plan& plan,
                              std::function<void(core::Result<ExactPlan>)> done) {
    begin();
    sandbox::preview(
        {outside_.facts, outside_.mender, outside_.tools, outside_.systemd},
        plan,
        [this, plan, done = std::move(done)](core::Result<sandbox::Preview> shown) {
            if (!shown) {
                done(shown.error());
            } else {
                ExactPlan exact;
                exact.plan = plan;
                exact.plan.changes = std::move(shown->changes);
                exact.digest = sandbox::sha256_hex(actions::canonical_text(exact.plan));
                // Root's own terminal: nothing to hide.
                exact.preview = std::move(shown->full.empty() ? shown->text : shown->full);
                done(std::move(exact));
            }
            end();
        });
}

// So that the engine goes on to the next incident.
void DryRunDriver::refuse(std::uint64_t incident,
                          std::string detail,
                          std::optional<core::HoldKind> hold) {
    core::ActAnswered answer;
    answer.incident = incident;
    answer.reply = core::ActReply::kRefused;
    answer.detail = std::move(detail);
    answer.hold = hold;
    feed(std::move(answer));
}

void DryRunDriver::run(const engine::RequestAct& effect) {
    if (planned_.contains(effect.incident)) {
        refuse(effect.incident, "dry run");
        return;
    }
    begin();
    const std::string& unit = effect.plan.unit;
    outside_.guards.check({.unit = unit,
                           .act = effect.plan.act,
                           .limits = state_.policy.settings.guards,
                           .own_starts = sandbox::starts_of(state_.ledger, unit)},
                          [this, effect](const std::vector<core::Hold>& holds) {
                              plan_unless_held(effect, holds);
                              end();
                          });
}

void DryRunDriver::plan_unless_held(const engine::RequestAct& effect,
                                    const std::vector<core::Hold>& holds) {
    if (!holds.empty()) {
        refuse(effect.incident, holds.front().text, holds.front().kind);
        return;
    }
    make_exact(effect.plan, [this, id = effect.incident](core::Result<ExactPlan> exact) {
        const auto incident = state_.incidents.find(id);
        if (exact && incident != state_.incidents.end()) {
            exact->incident = id;
            plans_.push_back(std::move(*exact));
            planned_.emplace(id, app::incident_document(state_, incident->second));
        }
        refuse(id, exact ? "dry run" : exact.error().text);
    });
}

void DryRunDriver::run(const engine::ProposeAct& effect) {
    make_exact(effect.plan,
               [this, id = effect.incident, proposal = effect.proposal](
                   const core::Result<ExactPlan>& exact) {
                   feed(exact ? core::ActProposed{id, proposal, exact->digest, exact->preview}
                              : core::ActProposed{id, proposal, "", exact.error().text});
               });
}

void DryRunDriver::run(const engine::SetTimer& effect) {
    if (effect.at - started_ > kDryRunPatience) {
        return;
    }
    begin();
    timers_.push_back(
        outside_.loop.add_timer(effect.at - outside_.loop.now(), [this, timer = effect.timer] {
            feed(core::TimerFired{timer});
            end();
        }));
}

app::Json DryRunDriver::incidents() const {
    app::Json list = app::Json::array();
    for (auto item = state_.incidents.rbegin(); item != state_.incidents.rend(); ++item) {
        const auto planned = planned_.find(item->first);
        list.push_back(planned == planned_.end() ? app::incident_document(state_, item->second)
                                                 : planned->second);
    }
    return list;
}

}  // namespace gatemend::cli
