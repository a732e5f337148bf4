// SPDX-License-Identifier: MIT
#include "sandbox/executor/executor.hpp"

#include "core/text.hpp"
#include "policies/budget.hpp"
#include "policies/decide.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/message_ids.hpp"
#include "sandbox/tools/known_services.hpp"

#include <syslog.h>

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::Plan;
using core::Done;
using core::Duration;
using core::Error;
using core::HoldKind;
using core::Result;
using core::Status;

constexpr std::size_t kDigestBytes = 64;

Fault bad_argument(const std::string& what) {
    return {FaultKind::kBadArgument, what};
}

bool is_invocation(const std::string& text) {
    constexpr std::size_t kInvocationDigits = 32;
    return text.empty() ||
           (text.size() == kInvocationDigits && std::ranges::all_of(text, [](char c) {
                return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            }));
}

Reply<Plan> read_request(const PlanRequest& request) {
    if (request.unit.size() > kMaxUnitBytes || !actions::is_unit_name(request.unit)) {
        return bad_argument("unit: not the name of a service");
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
    if (request.rule.empty() || request.rule.size() > kMaxTextBytes) {
        return bad_argument("rule: empty or too long");
    }
    if (!is_invocation(request.expected_invocation)) {
        return bad_argument("expected_invocation: not 32 hex digits");
    }
    const auto longest = static_cast<std::uint64_t>(actions::spec(*act).timeout.count());
    if (request.deadline_usec == 0 || request.deadline_usec > longest) {
        return bad_argument("deadline_usec: zero, or more than the act may take");
    }
    if (request.parameters.size() > actions::kMaxParameters) {
        return bad_argument("parameters: too many");
    }
    actions::Parameters parameters{request.parameters.begin(), request.parameters.end()};
    if (const auto fault = actions::find_fault(*act, parameters)) {
        return bad_argument(*fault);
    }
    return Plan{.act = *act,
                .unit = request.unit,
                .role = service_role(request.unit),
                .rule = request.rule,
                .cause = *cause,
                .expected_active = active,
                .expected_invocation = request.expected_invocation,
                .deadline = Duration{static_cast<std::int64_t>(request.deadline_usec)},
                .parameters = std::move(parameters)};
}

std::string act_words(const Plan& plan) {
    return std::string{actions::spec(plan.act).name} + " " + plan.unit;
}

}  // namespace

struct Executor::Job {
    Plan plan;
    std::string digest;
    std::uint64_t incident = 0;
    std::uint64_t attempt = 0;
    ReplyDone<ActResult> done;
};

Executor::Executor(ExecutorPorts ports, Record record)
    : ports_(std::move(ports)),
      record_(std::move(record)) {}

void Executor::begin(std::function<void()> ready) {
    auto loaded = ports_.load_policy();
    if (loaded.errors.empty()) {
        policy_ = std::move(loaded.policy);
    } else {
        // no last good set at a start: without rules every plan is refused
        policy_.settings.mode = policy::Mode::kObserve;
        ports_.notices.send({.message_id = message_id::kPolicyRejected,
                             .priority = LOG_ERR,
                             .message = "no policy, nothing will be done: " +
                                        policy::render(loaded.errors.front())});
    }
    if (const Status status = record_.note_start(ports_.now()); !status) {
        (void)record_failed(status.error());  // said in the journal; the ledger is unreadable now
    }
    ports_.notices.send({.message_id = message_id::kExecutorStarted,
                         .priority = LOG_INFO,
                         .message = "gatemend executor started",
                         .audit_head = record_.head()});
    resolve_interrupted(std::make_shared<std::function<void()>>(std::move(ready)));
}

void Executor::resolve_interrupted(const std::shared_ptr<std::function<void()>>& ready) {
    const auto pending = record_.unresolved();
    if (pending.empty()) {
        (*ready)();
        return;
    }
    const core::Attempt& attempt = pending.front();
    ports_.systemd.read_unit(
        attempt.unit, [this, attempt, ready](const Result<core::UnitState>& state) {
            const std::string detail =
                "the executor was interrupted; found the unit " +
                (state ? core::describe(*state)
                       : "unreadable: " + core::sanitize(state.error().text));
            const Status status = record_.end_attempt(
                ports_.now(), attempt.id, core::ActOutcome::kInterrupted, detail);
            ports_.notices.send({.message_id = message_id::kInterrupted,
                                 .priority = LOG_WARNING,
                                 .message = attempt.act + " " + attempt.unit + ": " + detail,
                                 .unit = attempt.unit,
                                 .audit_head = record_.head(),
                                 .incident = attempt.incident});
            if (!status) {
                (void)record_failed(status.error());  // nothing will be done; go on and say so
            }
            resolve_interrupted(ready);
        });
}

std::optional<GateHold> Executor::check_now(const Plan& plan) {
    if (auto hold = check_rule(policy_, plan)) {
        return hold;
    }
    return check_record(policy_, record_.ledger(), plan, ports_.now());
}

Status Executor::trip(const std::string& unit, const std::string& rule, const std::string& reason) {
    Status status = record_.latch(ports_.now(), unit, rule, reason);
    permits_.clear();
    notify(message_id::kLatched,
           LOG_CRIT,
           unit,
           "giving up on " + unit + ": " + reason +
               "; nothing more is done until an operator lifts it");
    ports_.ledger_changed();
    return status;
}

Fault Executor::refuse(const Plan& plan, const GateHold& hold) {
    const core::TimePoint now = ports_.now();
    const std::string kind{core::hold_kind_id(hold.kind)};
    if (hold.kind == HoldKind::kBudgetExhausted) {
        if (const Status status = trip(plan.unit, plan.rule, hold.text); !status) {
            (void)record_failed(
                status.error());  // latched in memory; the refusal stands either way
        }
    }
    const Status status = record_.note_refusal(now,
                                               {.act = std::string{actions::spec(plan.act).name},
                                                .unit = plan.unit,
                                                .rule = core::sanitize(plan.rule),
                                                .cause = std::string{core::cause_id(plan.cause)},
                                                .hold = kind,
                                                .text = hold.text});
    if (!status) {
        (void)record_failed(status.error());  // the refusal stands either way
    }
    const bool is_unlisted = hold.kind == HoldKind::kUnitNotAllowed;
    return {is_unlisted ? FaultKind::kNotAllowed : FaultKind::kRefused, kind + ": " + hold.text};
}

void Executor::plan(const PlanRequest& request, ReplyDone<Proposal> done) {
    Reply<Plan> read = read_request(request);
    if (auto* fault = std::get_if<Fault>(&read)) {
        done(std::move(*fault));
        return;
    }
    const Plan plan = std::get<Plan>(std::move(read));
    if (const auto hold = check_now(plan)) {
        done(refuse(plan, *hold));
        return;
    }
    look_around(plan, [this, plan, done = std::move(done)](std::optional<GateHold> unit_hold) {
        if (unit_hold) {
            done(refuse(plan, *unit_hold));
            return;
        }
        look_at_config(plan.unit, [this, plan, done](std::optional<GateHold> config_hold) {
            if (config_hold) {
                done(refuse(plan, *config_hold));
                return;
            }
            const std::string digest = sha256_hex(actions::canonical_text(plan));
            permits_.grant(digest, plan, ports_.now());
            done(Proposal{.digest = digest, .preview = ""});
        });
    });
}

void Executor::look_around(const Plan& plan, std::function<void(std::optional<GateHold>)> done) {
    ports_.check_guards(
        plan.unit, plan.act, [this, plan, done = std::move(done)](std::optional<GateHold> hold) {
            if (hold) {
                done(std::move(hold));
                return;
            }
            look_at_unit(plan, done);
        });
}

void Executor::look_at_unit(const Plan& plan, std::function<void(std::optional<GateHold>)> done) {
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
            const Error& error = !*look->system ? look->system->error() : look->unit->error();
            done(GateHold{HoldKind::kExecutorRefused, core::sanitize(error.text)});
            return;
        }
        done(check_unit(plan, look->unit->value(), look->system->value()));
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

void Executor::look_at_config(const std::string& unit,
                              std::function<void(std::optional<GateHold>)> done) {
    if (!find_known_service(unit) || ports_.facts.is_known_valid(unit)) {
        done(std::nullopt);
        return;
    }
    ports_.facts.test_config(unit, [done = std::move(done)](const Result<ConfigTestFact>& test) {
        if (!test) {
            done(GateHold{HoldKind::kConfigUnknown, core::sanitize(test.error().text)});
        } else if (test->verdict == "valid") {
            done(std::nullopt);
        } else {
            const bool is_invalid = test->verdict == "invalid";
            done(GateHold{is_invalid ? HoldKind::kConfigInvalid : HoldKind::kConfigUnknown,
                          core::sanitize(test->output)});
        }
    });
}

void Executor::execute(const std::string& digest,
                       std::uint64_t incident,
                       ReplyDone<ActResult> done) {
    if (digest.size() != kDigestBytes) {
        done(bad_argument("digest: not 64 hex digits"));
        return;
    }
    if (is_acting_) {
        done(Fault{FaultKind::kBusy, "another act is under way"});
        return;
    }
    auto plan = permits_.take(digest, ports_.now());
    if (!plan) {
        done(Fault{FaultKind::kNotFound, "no such plan, or it was executed or is too old"});
        return;
    }
    auto job = std::make_shared<Job>();
    job->plan = std::move(*plan);
    job->digest = digest;
    job->incident = incident;
    job->done = std::move(done);
    is_acting_ = true;
    // The plan was checked when it was made; the world may have moved since.
    look_around(job->plan, [this, job](std::optional<GateHold> hold) {
        if (!hold) {
            hold = check_now(job->plan);
        }
        if (hold) {
            is_acting_ = false;
            job->done(refuse(job->plan, *hold));
            return;
        }
        perform(job);
    });
}

void Executor::perform(const std::shared_ptr<Job>& job) {
    const auto attempt = record_.begin_attempt(
        ports_.now(), {.plan = job->plan, .digest = job->digest, .incident = job->incident});
    if (!attempt) {
        is_acting_ = false;
        job->done(record_failed(attempt.error()));
        return;
    }
    job->attempt = *attempt;
    notify(message_id::kActStarted, LOG_NOTICE, job->plan.unit, act_words(job->plan) + " begins");
    const actions::Act& act = *actions::find_act(job->plan.act);
    const actions::Hands hands{ports_.systemd, ports_.tools, ports_.facts, ports_.mender};
    const actions::Task task{.plan = job->plan, .attempt = job->attempt};
    act.perform(hands, task, [this, job, &act](const actions::ActReport& report) {
        if (report.outcome != core::ActOutcome::kSucceeded) {
            finish(job, report);
            return;
        }
        // A job that is "done" is a claim; the postcondition is looked at.
        ports_.systemd.read_unit(
            job->plan.unit, [this, job, &act, report](const Result<core::UnitState>& state) {
                if (state && !act.is_fulfilled(job->plan, *state)) {
                    finish(job,
                           {core::ActOutcome::kFailed,
                            report.detail + ", but the unit is " + core::describe(*state)});
                } else {
                    finish(job, report);
                }
            });
    });
}

void Executor::finish(const std::shared_ptr<Job>& job, const actions::ActReport& report) {
    is_acting_ = false;
    const Status status =
        record_.end_attempt(ports_.now(), job->attempt, report.outcome, report.detail);
    const bool is_done = report.outcome == core::ActOutcome::kSucceeded;
    notify(is_done ? message_id::kActDone : message_id::kActFailed,
           is_done ? LOG_NOTICE : LOG_ERR,
           job->plan.unit,
           act_words(job->plan) + ": " + report.detail);
    ports_.ledger_changed();
    if (!status) {
        job->done(record_failed(status.error()));
        return;
    }
    job->done(
        ActResult{.attempt = job->attempt, .outcome = report.outcome, .detail = report.detail});
}

Reply<Done> Executor::confirm(std::uint64_t attempt,
                              const std::string& verdict,
                              const std::string& detail) {
    const auto known = core::act_verdict_from_id(verdict);
    if (!known || *known == core::ActVerdict::kPending) {
        return bad_argument("verdict: neither effective, ineffective nor harmful");
    }
    if (detail.size() > kMaxTextBytes) {
        return bad_argument("detail: too long");
    }
    const auto& attempts = record_.ledger().attempts;
    const auto found = std::ranges::find(attempts, attempt, &core::Attempt::id);
    if (found == attempts.end()) {
        return Fault{FaultKind::kNotFound, "no such attempt"};
    }
    if (found->outcome == core::ActOutcome::kPending) {
        return Fault{FaultKind::kBusy, "the attempt is still under way"};
    }
    if (found->verdict != core::ActVerdict::kPending) {
        return Fault{FaultKind::kRefused, "executor-refused: the attempt has its verdict"};
    }
    const Status status = record_.confirm(ports_.now(), attempt, *known, core::sanitize(detail));
    ports_.ledger_changed();
    if (!status) {
        return record_failed(status.error());
    }
    return Done{};
}

Reply<Done> Executor::latch(const std::string& unit, const std::string& rule_name) {
    if (unit.size() > kMaxUnitBytes || !actions::is_unit_name(unit)) {
        return bad_argument("unit: not the name of a service");
    }
    if (!policy::is_unit_allowed(policy_.settings, unit)) {
        return Fault{FaultKind::kNotAllowed, "the executor's policy does not list this unit"};
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy_, rule_name);
    if (rule == nullptr) {
        return Fault{FaultKind::kRefused, "no-rule: the executor's policy has no such rule"};
    }
    const auto budget =
        policy::check_budget(policy_.settings, *rule, unit, record_.ledger(), ports_.now());
    if (budget.state == policy::BudgetState::kLatched) {
        return Done{};  // it is already
    }
    if (budget.state != policy::BudgetState::kExhausted) {
        return Fault{FaultKind::kRefused, "executor-refused: the budget is not used up"};
    }
    if (const Status status = trip(unit, rule->name, budget.reason); !status) {
        return record_failed(status.error());
    }
    return Done{};
}

void Executor::roll_back(std::uint64_t attempt, Asker /*asker*/, ReplyDone<Done> done) {
    const auto& attempts = record_.ledger().attempts;
    if (std::ranges::find(attempts, attempt, &core::Attempt::id) == attempts.end()) {
        done(Fault{FaultKind::kNotFound, "no such attempt"});
        return;
    }
    done(Fault{FaultKind::kNotFound, "the act left nothing behind that could be undone"});
}

void Executor::propose(const PlanRequest& request, ReplyDone<Proposal> done) {
    Reply<Plan> read = read_request(request);
    if (auto* fault = std::get_if<Fault>(&read)) {
        done(std::move(*fault));
        return;
    }
    done(Fault{FaultKind::kNotFound, "not here yet"});
}

Reply<Done> Executor::approve(const std::string& digest, const std::string& /*by*/) {
    if (digest.size() != kDigestBytes) {
        return bad_argument("digest: not 64 hex digits");
    }
    return Fault{FaultKind::kNotFound, "not here yet"};
}

Reply<Done> Executor::pause(std::uint64_t seconds,
                            const std::string& reason,
                            const std::string& by) {
    const auto longest = std::chrono::duration_cast<std::chrono::seconds>(kMaxPause).count();
    if (seconds == 0 || seconds > static_cast<std::uint64_t>(longest)) {
        return bad_argument("seconds: zero, or more than 30 days");
    }
    if (reason.size() > kMaxTextBytes) {
        return bad_argument("reason: too long");
    }
    const core::TimePoint until =
        ports_.now() + std::chrono::seconds{static_cast<std::int64_t>(seconds)};
    const Status status = record_.pause(
        ports_.now(), {.until = until, .reason = core::sanitize(reason), .by = core::sanitize(by)});
    permits_.clear();
    ports_.notices.send(
        {.message_id = message_id::kPaused,
         .priority = LOG_NOTICE,
         .message = "paused until " + core::format_time(until) + ": " + core::sanitize(reason),
         .audit_head = record_.head()});
    ports_.ledger_changed();
    if (!status) {
        return record_failed(status.error());
    }
    return Done{};
}

Reply<Done> Executor::resume(const std::string& by) {
    if (const Status status = record_.resume(ports_.now(), core::sanitize(by)); !status) {
        return record_failed(status.error());
    }
    ports_.notices.send({.message_id = message_id::kResumed,
                         .priority = LOG_NOTICE,
                         .message = "resumed",
                         .audit_head = record_.head()});
    ports_.ledger_changed();
    return Done{};
}

Reply<Done> Executor::lift(const std::string& unit, const std::string& by) {
    if (unit.size() > kMaxUnitBytes || !actions::is_unit_name(unit)) {
        return bad_argument("unit: not the name of a service");
    }
    if (!policy::is_unit_allowed(policy_.settings, unit)) {
        return Fault{FaultKind::kNotAllowed, "the executor's policy does not list this unit"};
    }
    if (const Status status = record_.lift(ports_.now(), unit, core::sanitize(by)); !status) {
        return record_failed(status.error());
    }
    ports_.notices.send({.message_id = message_id::kLifted,
                         .priority = LOG_NOTICE,
                         .message = "breaker of " + unit + " lifted",
                         .unit = unit,
                         .audit_head = record_.head()});
    ports_.ledger_changed();
    return Done{};
}

std::string Executor::reload() {
    auto loaded = ports_.load_policy();
    std::string problem;
    if (loaded.errors.empty()) {
        policy_ = std::move(loaded.policy);
        permits_.clear();  // granted by rules that may be gone
    } else {
        problem = policy::render(loaded.errors.front());
        ports_.notices.send({.message_id = message_id::kPolicyRejected,
                             .priority = LOG_ERR,
                             .message = "policy rejected, the last good one stays: " + problem});
    }
    if (const Status status = record_.note_reload(ports_.now(), problem); !status) {
        (void)record_failed(status.error());  // said in the journal; acts are off from here on
    }
    return problem;
}

void Executor::notify(std::string_view message_id,
                      int priority,
                      const std::string& unit,
                      std::string text) {
    ports_.notices.send({.message_id = message_id,
                         .priority = priority,
                         .message = std::move(text),
                         .unit = unit,
                         .audit_head = record_.head()});
}

Fault Executor::record_failed(const Error& error) {
    ports_.notices.send({.message_id = message_id::kRecordFailed,
                         .priority = LOG_CRIT,
                         .message = "the record cannot be written, nothing will be done: " +
                                    core::sanitize(error.text)});
    return {FaultKind::kRecordFailed, core::sanitize(error.text)};
}

}  // namespace gatemend::sandbox
