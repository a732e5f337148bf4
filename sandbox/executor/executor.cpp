// SPDX-License-Identifier: MIT
#include "sandbox/executor/executor.hpp"

#include "core/text.hpp"
#include "policies/budget.hpp"
#include "policies/find_rule.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/message_ids.hpp"

#include <syslog.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::Plan;
using core::Done;
using core::HoldKind;
using core::Result;
using core::Status;

std::string act_words(const Plan& plan) {
    return std::string{actions::spec(plan.act).name} + " " + plan.unit;
}

// How often the units of latched breakers are looked at.
constexpr core::Duration kLatchLook = std::chrono::minutes{1};

bool leaves_something(const Plan& plan) {
    const actions::Trace trace = actions::spec(plan.act).trace;
    return trace == actions::Trace::kProvisional || trace == actions::Trace::kTimed;
}

// As lines.
std::string review_text(const actions::Mending& review) {
    std::string text;
    for (const actions::StagedChange& item : review.changes) {
        text += "put back " + core::sanitize(item.change.path, kMaxTextBytes) + "\n";
    }
    for (const std::string& note : review.notes) {
        text += core::sanitize(note, kMaxTextBytes) + "\n";
    }
    return review.changes.empty() ? "nothing\n" + text : text;
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
      record_(std::move(record)),
      hands_{ports_.systemd, ports_.tools, ports_.facts, ports_.mender, ports_.now, ports_.after},
      good_copies_(ports_.mender, [this](const std::string& unit) { return !is_on_trial(unit); }),
      examiner_(ports_, record_, policy_, good_copies_),
      provisional_({ports_, hands_, record_, [this] { return is_acting_; }}) {}

void Executor::begin(std::function<void()> ready) {
    record_.on_written([this] { anchor_soon(); });
    record_.measure_uptime(ports_.uptime);
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
    record_.settle_clock(ports_.now());
    const auto started = std::make_shared<std::function<void()>>(std::move(ready));
    compare_record(
        [this, started](const std::string& not_compared) { begin_record(not_compared, started); });
}

// Before anything is appended, and before the journal hears of the end that was found on disk.
void Executor::compare_record(const std::function<void(const std::string&)>& then) {
    if (!ports_.read_anchor) {
        then("nobody was asked");
        return;
    }
    ports_.read_anchor(record_.path(), [this, then](const Result<std::optional<Anchor>>& newest) {
        if (!newest || !*newest) {
            then(newest ? "the journal says nothing about this record"
                        : "the journal was not read: " + core::sanitize(newest.error().text));
            return;
        }
        const std::string problem = record_.find_contradiction(**newest);
        if (!problem.empty()) {
            const Status status = record_.note_contradiction(ports_.now(), **newest, problem);
            if (!status) {
                (void)record_failed(ports_, status.error());  // unreadable either way
            }
        }
        then("");
    });
}

void Executor::begin_record(const std::string& not_compared,
                            const std::shared_ptr<std::function<void()>>& ready) {
    if (const std::string& why = record_.ledger().unreadable; !why.empty()) {
        say(message_id::kRecordFailed,
            LOG_CRIT,
            "",
            "observe only, until somebody has looked and says `gatemend audit acknowledge`: " +
                core::sanitize(why));
    }
    if (const Status status = record_.note_start(ports_.now(), not_compared); !status) {
        (void)record_failed(ports_, status.error());  // said in the journal; unreadable from now on
    }
    (void)record_.check_room();  // takes as much as there is: later it may be less
    say(message_id::kExecutorStarted,
        LOG_INFO,
        "",
        "gatemend executor started" +
            (not_compared.empty()
                 ? ""
                 : "; the end of its record was not compared with the journal: " + not_compared));
    watch_latches();
    resolve_interrupted(ready);
}

void Executor::resolve_interrupted(const std::shared_ptr<std::function<void()>>& ready) {
    const auto pending = record_.unresolved();
    const auto has_nothing_to_undo = [this](const core::Attempt& attempt) {
        return !record_.footprints().contains(attempt.id);
    };
    const auto found = std::ranges::find_if(pending, has_nothing_to_undo);
    if (found == pending.end()) {
        provisional_.begin();
        (*ready)();  // undoing may take longer than whoever has started us waits
        return;
    }
    const core::Attempt& attempt = *found;
    ports_.systemd.read_unit(
        attempt.unit, [this, attempt, ready](const Result<core::UnitState>& state) {
            const std::string detail =
                "the executor was interrupted; found the unit " +
                (state ? core::describe(*state)
                       : "unreadable: " + core::sanitize(state.error().text));
            const Status status = record_.end_attempt(
                ports_.now(), attempt.id, core::ActOutcome::kInterrupted, detail);
            announce(ports_,
                     record_,
                     {.message_id = message_id::kInterrupted,
                      .priority = LOG_WARNING,
                      .unit = attempt.unit,
                      .text = attempt.act + " " + attempt.unit + ": " + detail,
                      .incident = attempt.incident});
            if (!status) {
                (void)record_failed(ports_, status.error());  // nothing will be done; go on
            }
            resolve_interrupted(ready);
        });
}

// The unit's files hold a change of ours that nobody has confirmed.
bool Executor::is_on_trial(const std::string& unit) const {
    return is_acting() ||
           std::ranges::any_of(record_.ledger().attempts, [&unit](const core::Attempt& attempt) {
               return attempt.unit == unit && attempt.undo == core::UndoState::kProvisional;
           });
}

// What only the rule has used up, only the rule must not do any more; and only this class of act.
Status Executor::trip(const Plan& plan) {
    const policy::Rule* rule = policy::find_rule_by_name(policy_, plan.rule);
    const policy::Charge charge{plan.unit, actions::class_of(plan.act, plan.expected_active)};
    const auto budget =
        rule == nullptr
            ? policy::BudgetVerdict{}
            : policy::check_budget(policy_.settings, *rule, charge, record_.ledger(), ports_.now());
    if (budget.state != policy::BudgetState::kExhausted) {
        return Done{};
    }
    Status status =
        record_.latch({.unit = plan.unit,
                       .since = ports_.now(),
                       .reason = budget.reason,
                       .rule = budget.is_rules_own ? rule->name : "",
                       .act_class = std::string{actions::act_class_id(charge.act_class)}},
                      rule->name);
    permits_.clear();
    say(message_id::kLatched,
        LOG_CRIT,
        plan.unit,
        "giving up on " + act_words(plan) + ": " + budget.reason);
    ports_.ledger_changed();
    watch_latches();
    return status;
}

// While there is one; a host without wakes nobody.
void Executor::watch_latches() {
    if (is_watching_latches_ || record_.ledger().latches.empty() || !ports_.after) {
        return;
    }
    is_watching_latches_ = true;
    ports_.after(std::min<core::Duration>(policy_.settings.rearm_after, kLatchLook), [this] {
        is_watching_latches_ = false;
        look_at_latched();
        watch_latches();
    });
}

void Executor::look_at_latched() {
    std::set<std::string> units;
    for (const core::Latch& latch : record_.ledger().latches) {
        units.insert(latch.unit);
    }
    for (const std::string& unit : units) {
        ports_.systemd.read_unit(unit, [this, unit](const Result<core::UnitState>& state) {
            const auto why = state ? find_recovery(record_.ledger(),
                                                   unit,
                                                   *state,
                                                   policy_.settings.rearm_after,
                                                   ports_.now())
                                   : std::nullopt;
            if (why) {
                rearm(unit, *why);
            }
        });
    }
}

void Executor::rearm(const std::string& unit, const std::string& why) {
    if (const Status status = record_.rearm(ports_.now(), unit, why); !status) {
        (void)record_failed(ports_, status.error());  // it stays latched
        return;
    }
    say(message_id::kRearmed, LOG_NOTICE, unit, "breaker of " + unit + " re-armed: " + why);
    ports_.ledger_changed();
}

Fault Executor::refuse(const Plan& plan, const GateHold& hold) {
    const core::TimePoint now = ports_.now();
    const std::string kind{core::hold_kind_id(hold.kind)};
    if (hold.kind == HoldKind::kBudgetExhausted) {
        if (const Status status = trip(plan); !status) {
            (void)record_failed(
                ports_, status.error());  // latched in memory; the refusal stands either way
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
        (void)record_failed(ports_, status.error());  // the refusal stands either way
    }
    const bool is_unlisted = hold.kind == HoldKind::kUnitNotAllowed;
    return {.kind = is_unlisted ? FaultKind::kNotAllowed : FaultKind::kRefused,
            .text = kind + ": " + hold.text,
            .is_on_record = true};
}

void Executor::note_denial(const std::string& method, const Fault& fault) {
    // What a tool or the disk could not do was not refused to anybody.
    const bool is_denial =
        fault.kind != FaultKind::kToolFailed && fault.kind != FaultKind::kRecordFailed;
    if (!is_denial || fault.is_on_record) {
        return;
    }
    if (const Status status = record_.note_denial(ports_.now(),
                                                  {.method = method,
                                                   .error = std::string{fault_kind_id(fault.kind)},
                                                   .text = core::sanitize(fault.text)});
        !status) {
        (void)record_failed(ports_, status.error());  // it is denied either way
    }
}

void Executor::examine_request(const PlanRequest& request,
                               Purpose purpose,
                               const ReplyDone<Proposal>& done,
                               const std::function<void(const Finding&)>& then) {
    const Reply<Plan> read = read_request(request);
    if (const auto* fault = std::get_if<Fault>(&read)) {
        done(*fault);
        return;
    }
    if (examinations_ >= kMaxExaminations) {
        done(Fault{FaultKind::kBusy, "too many plans are looked at already"});
        return;
    }
    ++examinations_;
    const Plan& plan = std::get<Plan>(read);
    examiner_.examine(plan, purpose, [this, plan, done, then](const Examined& examined) {
        --examinations_;
        if (const auto* hold = std::get_if<GateHold>(&examined)) {
            done(refuse(plan, *hold));
        } else {
            then(std::get<Finding>(examined));
        }
    });
}

void Executor::plan(const PlanRequest& request, const ReplyDone<Proposal>& done) {
    examine_request(request, Purpose::kAct, done, [this, done](const Finding& finding) {
        permits_.grant(finding.digest, finding.plan, ports_.now());
        done(Proposal{.digest = finding.digest, .preview = finding.preview});
    });
}

void Executor::propose(const PlanRequest& request, const ReplyDone<Proposal>& done) {
    examine_request(request, Purpose::kPropose, done, [this, done](const Finding& finding) {
        std::erase_if(proposed_,
                      [&finding](const Finding& known) { return known.digest == finding.digest; });
        if (proposed_.size() >= kMaxProposed) {
            proposed_.pop_front();
        }
        proposed_.push_back(finding);
        done(Proposal{.digest = finding.digest, .preview = finding.preview});
    });
}

Reply<Finding> Executor::reveal(const std::string& digest) const {
    const auto found = std::ranges::find(proposed_, digest, &Finding::digest);
    if (found == proposed_.end()) {
        return Fault{FaultKind::kNotFound, "no such plan was proposed of late"};
    }
    return *found;
}

void Executor::execute(const std::string& digest,
                       std::uint64_t incident,
                       ReplyDone<ActResult> done) {
    if (!is_digest(digest)) {
        done(bad_argument("digest: not 64 hex digits"));
        return;
    }
    if (is_acting()) {
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
    check_again(job);
}

// The plan was checked when it was made; the world may have moved since.
void Executor::check_again(const std::shared_ptr<Job>& job) {
    examiner_.examine(job->plan, Purpose::kAct, [this, job](const Examined& examined) {
        if (const auto* hold = std::get_if<GateHold>(&examined)) {
            stop(job, refuse(job->plan, *hold));
            return;
        }
        if (std::get<Finding>(examined).digest != job->digest) {
            stop(job,
                 refuse(job->plan,
                        {HoldKind::kExecutorRefused,
                         "the files are not as they were when the plan was made"}));
            return;
        }
        // An operator may have said no while the machine was looked at.
        if (const auto hold = examiner_.check_now(job->plan, job->digest, Purpose::kAct)) {
            stop(job, refuse(job->plan, *hold));
            return;
        }
        perform(job);
    });
}

void Executor::stop(const std::shared_ptr<Job>& job, Fault fault) {
    is_acting_ = false;
    job->done(std::move(fault));
    provisional_.go_on();
}

core::TimePoint Executor::undo_by(const Plan& plan) const {
    const core::TimePoint now = ports_.now();
    if (actions::spec(plan.act).trace == actions::Trace::kTimed) {
        const auto seconds = plan.parameters.find("seconds");
        const std::int64_t count = seconds == plan.parameters.end()
                                       ? 0
                                       : std::strtoll(seconds->second.c_str(), nullptr, 10);
        return now + std::chrono::seconds{count};
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy_, plan.rule);
    const policy::Verify verify = rule == nullptr ? policy::Verify{} : rule->verify;
    return now + plan.deadline + verify.within + verify.soak + kConfirmMargin;
}

void Executor::perform(const std::shared_ptr<Job>& job) {
    const auto attempt = record_.begin_attempt(ports_.now(),
                                               {.plan = job->plan,
                                                .digest = job->digest,
                                                .incident = job->incident,
                                                .undo_by = undo_by(job->plan)});
    if (!attempt) {
        stop(job, record_failed(ports_, attempt.error()));
        return;
    }
    job->attempt = *attempt;
    say(message_id::kActStarted, LOG_NOTICE, job->plan.unit, act_words(job->plan) + " begins");
    // Recording takes its time, and the tests before it took theirs: somebody may have stopped the
    // unit meanwhile.
    examiner_.look_once_more(job->plan, [this, job](const std::optional<GateHold>& hold) {
        if (hold) {
            finish(job, {core::ActOutcome::kFailed, "not begun: " + hold->text});
        } else {
            perform_recorded(job);
        }
    });
}

void Executor::perform_recorded(const std::shared_ptr<Job>& job) {
    const actions::Task task{.plan = job->plan, .attempt = job->attempt};
    actions::find_act(job->plan.act)
        ->perform(hands_, task, [this, job](const actions::ActReport& report) {
            if (report.outcome == core::ActOutcome::kSucceeded) {
                check_result(job, report);
            } else {
                finish(job, report);
            }
        });
}

// A job that is "done" is a claim; the postcondition is looked at.
void Executor::check_result(const std::shared_ptr<Job>& job, const actions::ActReport& report) {
    ports_.systemd.read_unit(job->plan.unit,
                             [this, job, report](const Result<core::UnitState>& state) {
                                 const actions::Act& act = *actions::find_act(job->plan.act);
                                 if (!state || act.is_fulfilled(job->plan, *state)) {
                                     finish(job, report);
                                     return;
                                 }
                                 const std::string problem =
                                     report.detail + ", but the unit is " + core::describe(*state);
                                 if (leaves_something(job->plan)) {
                                     take_back(job, problem);
                                 } else {
                                     finish(job, {core::ActOutcome::kFailed, problem});
                                 }
                             });
}

void Executor::take_back(const std::shared_ptr<Job>& job, const std::string& problem) {
    const actions::Task task{.plan = job->plan, .attempt = job->attempt, .is_performed = true};
    actions::find_act(job->plan.act)
        ->undo(hands_, task, [this, job, problem](const actions::ActReport& report) {
            const bool is_undone = report.outcome == core::ActOutcome::kSucceeded;
            finish(job,
                   {core::ActOutcome::kFailed,
                    problem + (is_undone ? "; undone" : "; undoing failed: " + report.detail),
                    is_undone ? core::UndoState::kUndone : core::UndoState::kUndoFailed});
        });
}

// Before the outcome: a failed act without a word about its undoing is not on record.
void Executor::note_way_back(const Job& job, const actions::ActReport& report) {
    const bool is_undone = report.undo == core::UndoState::kUndone;
    const Status status = record_.note_undone(
        ports_.now(),
        {.attempt = job.attempt,
         .by = UndoneBy::kFailure,
         .state = is_undone ? core::UndoState::kUndone : core::UndoState::kUndoFailed,
         .detail = report.detail});
    if (!status) {
        (void)record_failed(ports_, status.error());  // the outcome fails just so
    }
    if (is_undone) {
        ports_.mender.forget(job.attempt, [](const Result<actions::Mending>&) {});
    } else {
        say(message_id::kUndoFailed, LOG_CRIT, job.plan.unit, report.detail);
    }
}

void Executor::finish(const std::shared_ptr<Job>& job, const actions::ActReport& report) {
    is_acting_ = false;
    const bool is_done = report.outcome == core::ActOutcome::kSucceeded;
    if (!is_done && leaves_something(job->plan)) {
        note_way_back(*job, report);
    }
    const Status status =
        record_.end_attempt(ports_.now(), job->attempt, report.outcome, report.detail);
    say(is_done ? message_id::kActDone : message_id::kActFailed,
        is_done ? LOG_NOTICE : LOG_ERR,
        job->plan.unit,
        act_words(job->plan) + ": " + report.detail);
    ports_.ledger_changed();
    if (status) {
        job->done(
            ActResult{.attempt = job->attempt, .outcome = report.outcome, .detail = report.detail});
    } else {
        job->done(record_failed(ports_, status.error()));
    }
    provisional_.go_on();
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
    if (provisional_.is_ordered(attempt)) {
        return Fault{FaultKind::kRefused, "executor-refused: the attempt is being undone"};
    }
    const bool is_provisional = found->undo == core::UndoState::kProvisional;
    const Status status = record_.confirm(ports_.now(), attempt, *known, core::sanitize(detail));
    if (status && *known == core::ActVerdict::kEffective) {
        provisional_.forget_oldest();
    } else if (is_provisional && *known != core::ActVerdict::kEffective) {
        // Nobody waits for it: what came of it is in the ledger.
        provisional_.undo(attempt, UndoneBy::kVerdict, [](const Reply<std::string>&) {});
    }
    ports_.ledger_changed();
    if (!status) {
        return record_failed(ports_, status.error());
    }
    return Done{};
}

std::optional<Plan> Executor::find_exhausted(const std::string& unit,
                                             const policy::Rule& rule) const {
    // The same act on what is down and on what runs can be two classes.
    for (const auto before : {core::ActiveState::kFailed, core::ActiveState::kActive}) {
        for (const policy::LadderStep& step : rule.ladder) {
            const policy::Charge charge{unit, actions::class_of(step.act, before)};
            const auto budget = policy::check_budget(
                policy_.settings, rule, charge, record_.ledger(), ports_.now());
            if (budget.state == policy::BudgetState::kExhausted) {
                return Plan{.act = step.act,
                            .unit = unit,
                            .rule = rule.name,
                            .cause = rule.match.cause,
                            .expected_active = before,
                            .expected_invocation = ""};
            }
        }
    }
    return std::nullopt;
}

void Executor::latch(const std::string& unit, const std::string& rule_name, ReplyDone<Done> done) {
    if (unit.size() > kMaxUnitBytes || !actions::is_unit_name(unit)) {
        done(bad_argument("unit: not the name of a service"));
        return;
    }
    if (!policy::is_unit_allowed(policy_.settings, unit)) {
        done(Fault{FaultKind::kNotAllowed, "the executor's policy does not list this unit"});
        return;
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy_, rule_name);
    if (rule == nullptr) {
        done(Fault{FaultKind::kRefused, "no-rule: the executor's policy has no such rule"});
        return;
    }
    const auto plan = find_exhausted(unit, *rule);
    if (!plan) {
        const auto& latches = record_.ledger().latches;
        const bool is_latched =
            std::ranges::find(latches, unit, &core::Latch::unit) != latches.end();
        done(is_latched
                 ? Reply<Done>{Done{}}
                 : Fault{FaultKind::kRefused, "executor-refused: the budget is not used up"});
        return;
    }
    examiner_.look_at_guards(
        *plan, [this, plan, done = std::move(done)](const std::optional<GateHold>& guard) {
            if (guard) {
                done(Fault{FaultKind::kRefused,
                           std::string{core::hold_kind_id(guard->kind)} + ": " + guard->text});
            } else if (const Status status = trip(*plan); !status) {
                done(record_failed(ports_, status.error()));
            } else {
                done(Done{});
            }
        });
}

void Executor::roll_back(std::uint64_t attempt, Asker asker, ReplyDone<std::string> done) {
    const auto& attempts = record_.ledger().attempts;
    const auto found = std::ranges::find(attempts, attempt, &core::Attempt::id);
    if (found == attempts.end()) {
        done(Fault{FaultKind::kNotFound, "no such attempt"});
        return;
    }
    if (found->outcome == core::ActOutcome::kPending || is_acting_) {
        done(Fault{FaultKind::kBusy, "an act is under way"});
        return;
    }
    switch (found->undo) {
        case core::UndoState::kNothing:
        case core::UndoState::kUndone:
            done(Fault{FaultKind::kNotFound, "there is nothing left that could be undone"});
            return;
        case core::UndoState::kConfirmed:
        case core::UndoState::kUndoFailed:
            if (asker != Asker::kRoot) {
                done(Fault{FaultKind::kNotAllowed, "the agent may undo what is provisional"});
                return;
            }
            break;
        case core::UndoState::kProvisional:
            break;
    }
    if (const auto newer = find_newer_change(record_.ledger(), record_.footprints(), attempt)) {
        done(Fault{FaultKind::kRefused,
                   "executor-refused: attempt " + std::to_string(*newer) +
                       " has changed the same file since; that one has to be undone first"});
        return;
    }
    provisional_.undo(
        attempt, asker == Asker::kRoot ? UndoneBy::kOperator : UndoneBy::kAgent, std::move(done));
}

void Executor::review_rollback(std::uint64_t attempt, const ReplyDone<std::string>& done) {
    const auto& attempts = record_.ledger().attempts;
    const auto found = std::ranges::find(attempts, attempt, &core::Attempt::id);
    const auto footprint = record_.footprints().find(attempt);
    if (found == attempts.end() || footprint == record_.footprints().end()) {
        done(Fault{FaultKind::kNotFound, "no such attempt, or nothing of it can be undone"});
        return;
    }
    if (const auto newer = find_newer_change(record_.ledger(), record_.footprints(), attempt)) {
        done("nothing: attempt " + std::to_string(*newer) +
             " has changed the same file since; that one has to be undone first\n");
        return;
    }
    UndoOrder order{.attempt = attempt,
                    .paths = {},
                    .is_asked = true,
                    .is_performed = found->outcome == core::ActOutcome::kSucceeded};
    ports_.mender.review(order, [done](const Result<actions::Mending>& review) {
        done(review ? review_text(*review) : "nothing: " + review.error().text + "\n");
    });
}

Reply<Done> Executor::approve(const std::string& digest, const std::string& by) {
    if (!is_digest(digest)) {
        return bad_argument("digest: not 64 hex digits");
    }
    const core::TimePoint until = ports_.now() + kApprovalLifetime;
    const Status status =
        record_.approve(ports_.now(), {.digest = digest, .until = until, .by = core::sanitize(by)});
    if (!status) {
        return record_failed(ports_, status.error());
    }
    say(message_id::kApproved,
        LOG_NOTICE,
        "",
        "plan " + digest + " approved until " + core::format_time(until));
    ports_.ledger_changed();
    return Done{};
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
    const core::TimePoint now = ports_.now();
    const core::TimePoint until = now + std::chrono::seconds{static_cast<std::int64_t>(seconds)};
    const Status status = record_.pause(
        {.until = until, .reason = core::sanitize(reason), .by = core::sanitize(by), .since = now});
    permits_.clear();
    say(message_id::kPaused,
        LOG_NOTICE,
        "",
        "paused until " + core::format_time(until) + ": " + core::sanitize(reason));
    ports_.ledger_changed();
    if (!status) {
        return record_failed(ports_, status.error());
    }
    return Done{};
}

Reply<Done> Executor::resume(const std::string& by) {
    if (const Status status = record_.resume(ports_.now(), core::sanitize(by)); !status) {
        return record_failed(ports_, status.error());
    }
    say(message_id::kResumed, LOG_NOTICE, "", "resumed");
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
        return record_failed(ports_, status.error());
    }
    say(message_id::kLifted, LOG_NOTICE, unit, "breaker of " + unit + " lifted");
    ports_.ledger_changed();
    return Done{};
}

Reply<Done> Executor::acknowledge(const Acknowledgement& said) {
    if (said.findings.size() > kMaxFindings) {
        return bad_argument("findings: too many");
    }
    Acknowledgement checked{.by = core::sanitize(said.by), .findings = {}};
    std::size_t bytes = 0;
    for (const AuditMark& mark : said.findings) {
        if (!is_digest(mark.key) || mark.file.size() > kMaxTextBytes ||
            mark.problem.size() > kMaxTextBytes) {
            return bad_argument("findings: not as `audit --verify` makes them");
        }
        bytes += mark.file.size() + mark.key.size() + mark.problem.size();
        if (bytes > kMaxMarkBytes) {
            return bad_argument("findings: too much text");
        }
        checked.findings.push_back(
            {core::sanitize(mark.file), mark.key, core::sanitize(mark.problem)});
    }
    if (is_acting()) {
        return Fault{FaultKind::kBusy, "an act is under way"};
    }
    const std::string problem = record_.ledger().unreadable;
    if (problem.empty() && checked.findings.empty()) {
        return Fault{FaultKind::kNotFound, "there is nothing wrong with the record"};
    }
    if (const Status status = record_.acknowledge(ports_.now(), checked); !status) {
        return record_failed(ports_, status.error());
    }
    permits_.clear();
    say(message_id::kAcknowledged,
        LOG_WARNING,
        "",
        "the record was looked at" +
            (problem.empty() ? "" : ", acts are possible again: " + problem));
    ports_.ledger_changed();
    return Done{};
}

Reply<Done> Executor::acknowledge_attempt(std::uint64_t attempt, const std::string& by) {
    const auto& attempts = record_.ledger().attempts;
    const auto found = std::ranges::find(attempts, attempt, &core::Attempt::id);
    if (found == attempts.end() || found->undo != core::UndoState::kUndoFailed) {
        return Fault{FaultKind::kNotFound, "no such attempt, or its undoing has not failed"};
    }
    if (is_acting() || provisional_.is_ordered(attempt)) {
        return Fault{FaultKind::kBusy, "an act is under way"};
    }
    const core::Attempt& acknowledged = *found;
    const Status status = record_.acknowledge_attempt(ports_.now(), attempt, core::sanitize(by));
    if (!status) {
        return record_failed(ports_, status.error());
    }
    ports_.mender.forget(attempt, [](const Result<actions::Mending>&) {});
    announce(ports_,
             record_,
             {.message_id = message_id::kAcknowledged,
              .priority = LOG_WARNING,
              .unit = acknowledged.unit,
              .text = acknowledged.act + " " + acknowledged.unit + " (attempt " +
                      std::to_string(attempt) + ") could not be undone; a person has looked",
              .incident = acknowledged.incident});
    ports_.ledger_changed();
    return Done{};
}

void Executor::end() {
    anchor();
}

// One clock for all records of its time: a record that does not grow wakes nobody.
void Executor::anchor_soon() {
    if (is_anchor_due_) {
        return;
    }
    is_anchor_due_ = true;
    ports_.after(kAnchorInterval, [this] {
        is_anchor_due_ = false;
        anchor();
        const std::string problem = record_.rotation_problem();
        if (!problem.empty()) {
            say(message_id::kRecordFailed, LOG_ERR, "", core::sanitize(problem));
        }
    });
}

void Executor::anchor() {
    if (record_.is_ahead_of_anchor()) {
        say(message_id::kAnchored,
            LOG_INFO,
            "",
            "the record stands at " + record_.end().value_or(Anchor{}).hash);
    }
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
        (void)record_failed(ports_,
                            status.error());  // said in the journal; acts are off from here on
    }
    return problem;
}

void Executor::say(std::string_view message_id,
                   int priority,
                   const std::string& unit,
                   std::string text) {
    announce(
        ports_,
        record_,
        {.message_id = message_id, .priority = priority, .unit = unit, .text = std::move(text)});
}

}  // namespace gatemend::sandbox
