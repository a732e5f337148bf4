// SPDX-License-Identifier: MIT
#include "sandbox/executor/examination.hpp"

#include "actions/act.hpp"
#include "actions/settings.hpp"
#include "core/inspection.hpp"
#include "core/one_line.hpp"
#include "core/text.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/executor/gate.hpp"
#include "sandbox/executor/nginx_patience.hpp"
#include "sandbox/secrecy/tool_words.hpp"
#include "sandbox/tools/known_services.hpp"
#include "sandbox/tools/preview.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using actions::ActId;
using actions::Plan;
using core::Error;
using core::HoldKind;
using core::Result;

using Check = std::function<void(HoldDone)>;

// One after the other; the first hold ends it.
void run_checks(std::vector<Check> checks, const HoldDone& done) {
    if (checks.empty()) {
        done(std::nullopt);
        return;
    }
    const Check first = std::move(checks.front());
    checks.erase(checks.begin());
    first([checks = std::move(checks), done](const std::optional<GateHold>& hold) {
        if (hold) {
            done(hold);
        } else {
            run_checks(checks, done);
        }
    });
}

// systemd says no name where it knows nothing of the unit.
core::UnitState named(core::UnitState state, const std::string& name) {
    state.id = state.id.empty() ? name : state.id;
    return state;
}

GateHold refusal(const Error& error) {
    return {HoldKind::kExecutorRefused, core::sanitize(core::one_line(error.text))};
}

// Whose configuration has to pass its test before the act. Where the act changes it, what is staged
// is tested instead.
std::vector<std::string> units_to_test(const Plan& plan) {
    switch (plan.act) {
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
            return {plan.unit};
        case ActId::kFixSocketOwner:
            return {plan.unit, "nginx.service"};
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kSetPoolListen:
        case ActId::kRepointBackend:
        case ActId::kRestoreConfig:
        case ActId::kApplySuggestion:
        case ActId::kDebugLog:
        case ActId::kCapturePort:
            break;
    }
    return {};
}

bool is_of_down_unit(const Plan& plan) {
    return plan.expected_active == core::ActiveState::kInactive ||
           plan.expected_active == core::ActiveState::kFailed;
}

// A restart of what is up could be the end of it, and nobody can tell beforehand.
std::optional<GateHold> check_untestable(const Plan& plan) {
    const std::size_t php = plan.unit.find("php");
    const bool is_fpm = php != std::string::npos && plan.unit.find("fpm", php) != std::string::npos;
    const bool is_start = plan.act != ActId::kRestartUnit && plan.act != ActId::kReloadUnit;
    if (!is_fpm || is_of_down_unit(plan) || is_start || find_known_service(plan.unit)) {
        return std::nullopt;
    }
    return GateHold{HoldKind::kConfigUnknown,
                    plan.unit +
                        " looks like PHP-FPM, and how its configuration is tested is not "
                        "known: it is not restarted or reloaded while it is up"};
}

// What is up is lost where it does not come up again; what is down loses nothing, and is up the
// sooner, unless the last try was in vain.
bool is_in_vain_harmless(const Plan& plan, const core::Ledger& ledger) {
    if (plan.act == ActId::kRestartUnit || plan.act == ActId::kReloadUnit) {
        return false;
    }
    const auto newest = std::find_if(ledger.attempts.rbegin(),
                                     ledger.attempts.rend(),
                                     [&plan](const auto& item) { return item.unit == plan.unit; });
    return newest == ledger.attempts.rend() || (newest->outcome == core::ActOutcome::kSucceeded &&
                                                newest->verdict != core::ActVerdict::kIneffective &&
                                                newest->verdict != core::ActVerdict::kHarmful);
}

std::optional<GateHold> judge_config(const Result<ConfigTestFact>& test) {
    if (!test) {
        return GateHold{HoldKind::kConfigUnknown, core::sanitize(test.error().text)};
    }
    if (test->verdict == "valid") {
        return std::nullopt;
    }
    return GateHold{
        test->verdict == "invalid" ? HoldKind::kConfigInvalid : HoldKind::kConfigUnknown,
        core::sanitize(core::one_line(test->output))};
}

// Is it the place of a complaint? nginx names its main file behind every failure, without a line.
// PHP-FPM's syntax errors name no file ("in Unknown on line 2"): only the line behind them does,
// which tells what could not be included, or, for the main file itself, not be loaded.
bool names_place(const std::string& output, const std::string& file) {
    const std::string include = "ERROR: Unable to include ";
    const std::string load = "ERROR: failed to load configuration file '";
    const auto says = [&output](const std::string& words) {
        return output.find(words) != std::string::npos;
    };
    return std::ranges::count(places_in(output), file) > 0 || says(include + file + " from ") ||
           (!says(include) && says(load + file + "'"));
}

// Puts into force what is in the files of a server that is up. But for restore-config: what it puts
// right is such an edit.
bool rereads_files(const Plan& plan) {
    const bool is_read_anew = plan.act == ActId::kReloadUnit || plan.act == ActId::kRestartUnit ||
                              actions::effect_of(plan.act, plan.parameters);
    return is_read_anew && plan.act != ActId::kRestoreConfig && !is_of_down_unit(plan) &&
           find_known_service(plan.unit);
}

bool is_visited(const Plan& plan, const core::Inspection& inspection) {
    return !inspection.listeners ||
           std::ranges::any_of(*inspection.listeners, [&plan](const core::Listener& listener) {
               return is_own(listener, plan) && listener.connections.value_or(1) > 0;
           });
}

// The test must fail, and for the file that is to be restored.
std::optional<GateHold> judge_broken_config(const Plan& plan, const Result<ConfigTestFact>& test) {
    auto verdict = judge_config(test);
    if (!verdict) {
        return GateHold{HoldKind::kExecutorRefused, "the configuration passes: nothing to restore"};
    }
    if (verdict->kind != HoldKind::kConfigInvalid) {
        return verdict;
    }
    const auto file = plan.parameters.find("file");
    if (file == plan.parameters.end() || !names_place(test->output, file->second)) {
        return GateHold{HoldKind::kExecutorRefused, "the test complains about another file"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<GateHold> Examiner::check_now(const Plan& plan,
                                            const std::string& digest,
                                            Purpose purpose) const {
    auto hold = check_rule(policy_, plan);
    if (hold || purpose == Purpose::kPropose) {
        return hold;
    }
    // While it can still be recorded that nothing was done.
    if (auto full = check_record_room(plan, record_.check_room())) {
        return full;
    }
    return check_record(policy_, record_.ledger(), plan, digest, ports_.now());
}

void Examiner::examine(const Plan& plan, Purpose purpose, ExaminedDone done) {
    if (auto hold = check_now(plan, "", purpose)) {
        name_first_hold(plan, std::move(*hold), done);
        return;
    }
    std::vector<Check> checks;
    if (purpose == Purpose::kAct) {
        checks.emplace_back([this, plan](HoldDone then) { look_at_guards(plan, std::move(then)); });
    }
    checks.emplace_back([this, plan](HoldDone then) { look_at_unit(plan, std::move(then)); });
    if (purpose == Purpose::kAct) {
        checks.emplace_back([this, plan](HoldDone then) { look_at_intent(plan, std::move(then)); });
    }
    checks.emplace_back([this, plan](HoldDone then) { look_at_company(plan, std::move(then)); });
    if (plan.act == ActId::kRepointBackend || plan.act == ActId::kCapturePort) {
        checks.emplace_back([this, plan](const HoldDone& then) { look_at_listeners(plan, then); });
    }
    if (plan.act == ActId::kRestoreConfig) {
        checks.emplace_back(
            [this, plan](HoldDone then) { look_at_broken_config(plan, std::move(then)); });
    }
    checks.emplace_back([this, plan](const HoldDone& then) { look_at_configs(plan, then); });
    // A person who has read the plan decides also for what else is in the files.
    if (rereads_files(plan) && mode_of(policy_, plan) == policy::Mode::kAct) {
        checks.emplace_back([this, plan](const HoldDone& then) { look_at_edits(plan, then); });
    }
    // The last, right before the act: what it sees must still be true then.
    if (purpose == Purpose::kAct) {
        checks.emplace_back([this, plan](const HoldDone& then) { work_.check(plan, then); });
    } else if (plan.act == ActId::kRestartUnit && plan.cause == core::Cause::kSocketDeleted) {
        checks.emplace_back(
            [this, plan](const HoldDone& then) { look_at_lost_socket(plan, then); });
    }
    run_checks(std::move(checks),
               [this, plan, purpose, done = std::move(done)](std::optional<GateHold> hold) {
                   if (hold) {
                       done(std::move(*hold));
                   } else {
                       find_changes(plan, purpose, done);
                   }
               });
}

// A breaker trips where the act would have been tried: while somebody is at work on the machine,
// that is what holds it.
void Examiner::name_first_hold(const Plan& plan, GateHold hold, const ExaminedDone& done) {
    if (hold.kind != HoldKind::kBudgetExhausted) {
        done(std::move(hold));
        return;
    }
    look_at_guards(plan, [hold = std::move(hold), done](std::optional<GateHold> guard) {
        done(guard ? std::move(*guard) : hold);
    });
}

void Examiner::look_at_guards(const Plan& plan, HoldDone done) {
    if (ports_.check_guards) {
        ports_.check_guards(plan.unit, plan.act, std::move(done));
    } else {
        done(std::nullopt);
    }
}

void Examiner::look_at_unit(const Plan& plan, HoldDone done) {
    // Both questions are on their way before the first is answered.
    struct Look {
        std::optional<Result<std::string>> system;
        std::optional<Result<core::UnitState>> unit;
    };

    auto look = std::make_shared<Look>();
    auto judge = [look, plan, done = std::move(done)] {
        if (!look->system || !look->unit) {
            return;
        }
        if (!*look->system || !*look->unit) {
            done(refusal(!*look->system ? look->system->error() : look->unit->error()));
            return;
        }
        auto hold = check_unit(plan, look->unit->value(), look->system->value());
        const actions::Act* act = actions::find_act(plan.act);
        auto unmet = hold || act == nullptr ? std::nullopt : act->find_unmet(plan);
        if (unmet) {
            hold = GateHold{HoldKind::kExecutorRefused, std::move(*unmet)};
        }
        done(std::move(hold));
    };
    ports_.systemd.read_system_state([look, judge](Result<std::string> state) {
        look->system = std::move(state);
        judge();
    });
    ports_.systemd.read_unit(plan.unit, [look, judge](Result<core::UnitState> state) {
        look->unit = std::move(state);
        judge();
    });
}

void Examiner::look_at_intent(const Plan& plan, HoldDone done) {
    ports_.systemd.read_unit(
        plan.unit, [this, plan, done = std::move(done)](const Result<core::UnitState>& state) {
            if (!state) {
                done(refusal(state.error()));
            } else if (!asks_for_intent(policy_, plan, *state)) {
                done(std::nullopt);
            } else if (core::heard_intent(*state)) {
                done(check_intent(*state, std::nullopt));
            } else {
                ask_journal(named(*state, plan.unit),
                            [state = *state, done](const std::optional<core::LastJob>& job) {
                                done(check_intent(state, job));
                            });
            }
        });
}

void Examiner::ask_journal(const core::UnitState& state, const JobDone& done) {
    ports_.facts.last_job(state.id, [this, state, done](const Result<std::string>& line) {
        auto job = line ? core::decode_last_job(*line) : std::nullopt;
        // What is on its way to the journal may say otherwise; the agent asks again.
        if (job && !core::is_settled(state, *job, state.changed, ports_.now())) {
            job.reset();
        }
        done(job);
    });
}

void Examiner::look_once_more(const Plan& plan, HoldDone done) {
    std::vector<Check> checks;
    checks.emplace_back([this, plan](HoldDone then) { look_at_guards(plan, std::move(then)); });
    if (plan.act == ActId::kStartUnit || plan.act == ActId::kRestartUnit) {
        checks.emplace_back([this, plan](HoldDone then) { look_at_unit(plan, std::move(then)); });
        checks.emplace_back([this, plan](HoldDone then) { look_at_intent(plan, std::move(then)); });
        checks.emplace_back(
            [this, plan](HoldDone then) { look_at_company(plan, std::move(then)); });
    }
    run_checks(std::move(checks), done);
}

void Examiner::look_at_company(const Plan& plan, HoldDone done) {
    if (plan.act != ActId::kStartUnit && plan.act != ActId::kRestartUnit) {
        done(std::nullopt);
        return;
    }
    ports_.systemd.read_company(
        plan.unit, [this, plan, done = std::move(done)](const Result<bus::UnitCompany>& company) {
            if (!company) {
                done(refusal(company.error()));
            } else if (auto hold = check_company(plan, *company)) {
                done(std::move(hold));
            } else {
                look_at_needed(plan, company->needed, done);
            }
        });
}

// What it requires and has failed or been stopped since the unit came up last, it cannot do
// without. What ends by itself, or was down then as well, is no reason.
void Examiner::look_at_needed(const Plan& plan,
                              std::vector<std::string> names,
                              const HoldDone& done) {
    if (names.empty()) {
        done(std::nullopt);
        return;
    }
    ports_.systemd.read_unit(
        plan.unit, [this, names = std::move(names), done](const Result<core::UnitState>& unit) {
            if (!unit) {
                done(refusal(unit.error()));
                return;
            }
            std::vector<Check> checks;
            checks.reserve(names.size());
            for (const std::string& name : names) {
                checks.emplace_back([this, unit = *unit, name](const HoldDone& then) {
                    ports_.systemd.read_unit(
                        name, [this, unit, name, then](const Result<core::UnitState>& needed) {
                            if (needed) {
                                judge_needed(unit, named(*needed, name), then);
                            } else {
                                then(refusal(needed.error()));
                            }
                        });
                });
            }
            run_checks(std::move(checks), done);
        });
}

void Examiner::judge_needed(const core::UnitState& unit,
                            const core::UnitState& needed,
                            const HoldDone& done) {
    const auto hold = check_needed(needed.id, unit, needed);
    if (!hold || needed.active == core::ActiveState::kFailed) {
        done(hold);
        return;
    }
    core::UnitState asked = needed;
    asked.was_perhaps_disabled = false;  // it is there for what requires it, enabled or not
    const auto judge = [asked, hold, done](const std::optional<core::LastJob>& job) {
        const bool is_nobodys = core::intent_of(asked, job) == core::Intent::kNobody;
        done(is_nobodys ? std::nullopt : hold);
    };
    if (core::heard_intent(asked)) {
        judge(std::nullopt);
    } else {
        ask_journal(asked, judge);
    }
}

// A look that fails is a refusal.
void Examiner::inspect(const std::string& unit,
                       const std::string& address,
                       const HoldDone& done,
                       std::function<void(const core::Inspection&)> judge) {
    ports_.facts.inspect(
        unit, address, [done, judge = std::move(judge)](const Result<std::string>& text) {
            const auto inspection =
                text ? core::decode_inspection(*text) : Result<core::Inspection>{text.error()};
            if (inspection) {
                judge(*inspection);
            } else {
                done(refusal(inspection.error()));
            }
        });
}

void Examiner::look_at_listeners(const Plan& plan, const HoldDone& done) {
    const bool is_capture = plan.act == ActId::kCapturePort;
    const std::string address = plan.parameters.find(is_capture ? "address" : "to")->second;
    inspect("", address, done, [this, plan, address, is_capture, done](const auto& inspection) {
        if (is_capture) {
            done(check_capture(plan, inspection));
        } else if (auto hold = check_repointing(policy_.settings, plan, inspection)) {
            done(std::move(hold));
        } else {
            look_at_new_listener(*inspection.find_listener(address), done);
        }
    });
}

void Examiner::look_at_new_listener(const core::Listener& listener, const HoldDone& done) {
    ports_.systemd.read_standing(
        listener.unit, [listener, done](const Result<core::UnitStanding>& unit) {
            done(unit ? check_new_listener(listener, *unit) : refusal(unit.error()));
        });
}

void Examiner::look_at_lost_socket(const Plan& plan, const HoldDone& done) {
    inspect(plan.unit, "", done, [plan, done](const auto& inspection) {
        done(check_lost_socket(plan, inspection));
    });
}

void Examiner::look_at_edits(const Plan& plan, const HoldDone& done) {
    const auto newest = ports_.facts.newest_change(plan.unit);
    if (!newest) {
        done(refusal(newest.error()));
        return;
    }
    const auto judge = [this, newest = *newest](const core::UnitStanding& unit,
                                                const core::Inspection& inspection) {
        const core::Duration uptime = ports_.uptime ? ports_.uptime() : core::Duration::zero();
        return check_unread_edits(unit, inspection, newest, ports_.now(), uptime);
    };
    ports_.systemd.read_standing(
        plan.unit, [this, plan, judge, done](const Result<core::UnitStanding>& unit) {
            if (!unit) {
                done(refusal(unit.error()));
            } else if (plan.role != core::ServiceRole::kNginx) {
                done(judge(*unit, {}));
            } else {
                inspect(plan.unit,
                        "",
                        done,
                        [this, plan, judge, done, unit = *unit](const auto& inspection) {
                            auto hold = judge(unit, inspection);
                            if (hold || !is_visited(plan, inspection)) {
                                done(std::move(hold));
                            } else {
                                look_at_cut(done);
                            }
                        });
            }
        });
}

void Examiner::look_at_cut(const HoldDone& done) {
    ports_.facts.nginx_dump([done](const Result<NginxDumpFact>& fact) {
        const bool is_read = fact && fact->exit_status == 0;
        done(is_read && !is_reload_cutting(fact->dump)
                 ? std::nullopt
                 : std::optional{GateHold{
                       HoldKind::kContraryEvidence,
                       "visitors are there, and a reload cuts those who stay longer than nginx's "
                       "worker_shutdown_timeout; when they may be: systemctl reload nginx"}});
    });
}

void Examiner::look_at_configs(const Plan& plan, const HoldDone& done) {
    if (auto hold = check_untestable(plan)) {
        done(std::move(hold));
        return;
    }
    std::vector<std::string> units = units_to_test(plan);
    const core::Duration max_age =
        is_in_vain_harmless(plan, record_.ledger()) ? core::Duration::max() : kVerdictLifetime;
    std::erase_if(units, [this, max_age](const std::string& unit) {
        return !find_known_service(unit) || ports_.facts.is_known_valid(unit, max_age);
    });
    std::vector<Check> checks;
    checks.reserve(units.size());
    for (const std::string& unit : units) {
        checks.emplace_back([this, unit](const HoldDone& then) {
            ports_.facts.test_config(unit, [this, unit, then](const Result<ConfigTestFact>& test) {
                then(judge_config(test));
                if (test) {
                    good_copies_.note(unit, *test);
                }
            });
        });
    }
    run_checks(std::move(checks), done);
}

void Examiner::look_at_broken_config(const Plan& plan, HoldDone done) {
    ports_.facts.test_config(plan.unit,
                             [plan, done = std::move(done)](const Result<ConfigTestFact>& test) {
                                 done(judge_broken_config(plan, test));
                             });
}

void Examiner::find_changes(const Plan& plan, Purpose purpose, const ExaminedDone& done) {
    preview({ports_.facts, ports_.mender, ports_.tools, ports_.systemd},
            plan,
            [this, plan, purpose, done](Result<Preview> shown) {
                if (!shown) {
                    done(refusal(shown.error()));
                    return;
                }
                Finding finding{.plan = plan,
                                .digest = "",
                                .preview = std::move(shown->text),
                                .full_preview = std::move(shown->full)};
                finding.plan.changes = std::move(shown->changes);
                finding.digest = sha256_hex(actions::canonical_text(finding.plan));
                auto hold = check_overlap(record_.ledger(), record_.footprints(), finding.plan);
                if (!hold && purpose == Purpose::kAct) {
                    hold = check_now(plan, finding.digest, purpose);
                }
                if (!hold && purpose == Purpose::kAct) {
                    hold = check_consent(
                        policy_, record_.ledger(), plan, finding.digest, ports_.now());
                }
                if (hold) {
                    done(std::move(*hold));
                } else {
                    done(std::move(finding));
                }
            });
}

}  // namespace gatemend::sandbox
