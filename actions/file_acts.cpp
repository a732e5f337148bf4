// SPDX-License-Identifier: MIT
// Acts that gatemend-mend carries out, one sequence for all of them: stage, test what is staged,
// commit, take effect. Whatever fails on the way, everything is put back. What they differ in:
// which configuration is tested and what makes it take effect.
#include "actions/settings.hpp"
#include "actions/shipped_acts.hpp"
#include "actions/taking_effect.hpp"
#include "core/text.hpp"
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::Done;
using core::Error;
using core::Result;
using core::Status;
using core::UndoState;
using core::UnitState;

// The way back is never cut short by the deadline of the way there.
constexpr core::Duration kWayBackDeadline = std::chrono::seconds{60};

std::optional<Effect> strongest_effect(const Parameters& parameters) {
    std::optional<Effect> strongest;
    for (const auto& [name, value] : parameters) {
        const SettingSpec* setting = name.starts_with("setting") ? find_setting(value) : nullptr;
        if (setting != nullptr && (!strongest || setting->effect > *strongest)) {
            strongest = setting->effect;
        }
    }
    return strongest;
}

// nullopt: what is changed is in force at once.
std::optional<Effect> effect_of(const Plan& plan) {
    switch (plan.act) {
        case ActId::kSetPoolListen:
            return Effect::kRestart;  // a reload inherits the socket as it is
        case ActId::kRepointBackend:
        case ActId::kRestoreConfig:
        case ActId::kDebugLog:
            return Effect::kReload;
        case ActId::kApplySuggestion:
            return strongest_effect(plan.parameters);
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kFixSocketOwner:
        case ActId::kCapturePort:
            break;
    }
    return std::nullopt;
}

bool is_tested(const Plan& plan) {
    return is_file_act(plan.act) && sandbox::find_known_service(plan.unit).has_value();
}

std::vector<std::string> paths_of(const Plan& plan) {
    std::vector<std::string> paths;
    std::ranges::transform(plan.changes, std::back_inserter(paths), &FileChange::path);
    return paths;
}

// What is staged is what was previewed and, where somebody had to, approved.
bool is_as_planned(const Plan& plan, const Mending& mending) {
    std::vector<FileChange> staged;
    for (const StagedChange& item : mending.changes) {
        staged.push_back(item.change);
    }
    std::ranges::sort(staged, {}, &FileChange::path);
    return staged == plan.changes;
}

// A file that does not exist yet has nothing to be mounted over. Only drop-ins are new, and no
// configuration test reads them.
std::vector<sandbox::Bind> binds_of(const Mending& mending) {
    std::vector<sandbox::Bind> binds;
    for (const StagedChange& item : mending.changes) {
        if (!item.staged.empty() && !item.change.before.empty()) {
            binds.push_back({.source = item.staged, .target = item.change.path});
        }
    }
    return binds;
}

// One performance, shared by its callbacks.
struct Run {
    const Hands& hands;
    Task task;
    core::TimePoint ends{};
    bool is_in_effect = false;  // or may be
    std::string problem{};      // why it goes back
    ActDone done;

    [[nodiscard]] const Plan& plan() const { return task.plan; }
};

using RunPtr = std::shared_ptr<Run>;

RunPtr make_run(const Hands& hands, const Task& task, ActDone done) {
    return std::make_shared<Run>(Run{.hands = hands,
                                     .task = task,
                                     .ends = hands.now() + task.plan.deadline,
                                     .done = std::move(done)});
}

using WayBackDone = std::function<void(const Status&)>;

void take_old_effect(const RunPtr& run, const WayBackDone& done) {
    const auto effect = effect_of(run->plan());
    if (!effect) {
        done(Done{});
        return;
    }
    take_effect(
        run->hands,
        {.effect = *effect, .unit = run->plan().unit, .deadline = kWayBackDeadline},
        [done](const Status& status) {
            done(status ? status : Status{status.error().within("the files are back, but")});
        });
}

// The old configuration is tested before anything reads it: since then, somebody else may have
// broken it. That of restore-config is broken by nature.
void test_old(const RunPtr& run, const WayBackDone& done) {
    if (!is_tested(run->plan())) {
        take_old_effect(run, done);
        return;
    }
    run->hands.facts.test_config(
        run->plan().unit, [run, done](const Result<sandbox::ConfigTestFact>& test) {
            if (test && test->verdict == "valid") {
                take_old_effect(run, done);
            } else if (run->plan().act == ActId::kRestoreConfig) {
                done(Done{});
            } else {
                done(Error{"the files are back, but they do not pass the test, so " +
                           run->plan().unit + " goes on with what it has"});
            }
        });
}

void go_back(const RunPtr& run, const WayBackDone& done) {
    run->hands.mender.undo(
        run->task.attempt, paths_of(run->plan()), [run, done](const Result<Mending>& mending) {
            if (!mending) {
                done(mending.error());
            } else if (run->is_in_effect) {
                test_old(run, done);
            } else {
                done(Done{});
            }
        });
}

void fail(const RunPtr& run, const std::string& problem) {
    run->problem = core::sanitize(problem);
    go_back(run, [run](const Status& status) {
        if (status) {
            run->done({ActOutcome::kFailed, run->problem + "; undone", UndoState::kUndone});
        } else {
            run->done({ActOutcome::kFailed,
                       run->problem + "; undoing failed: " + core::sanitize(status.error().text),
                       UndoState::kUndoFailed});
        }
    });
}

bool is_late(const RunPtr& run) {
    return run->hands.now() >= run->ends;
}

void succeed(const RunPtr& run) {
    const std::size_t count = run->plan().changes.size();
    run->done({ActOutcome::kSucceeded,
               std::to_string(count) + (count == 1 ? " file" : " files") + " changed, in effect"});
}

void make_effective(const RunPtr& run) {
    const auto effect = effect_of(run->plan());
    if (!effect) {
        succeed(run);
        return;
    }
    if (is_late(run)) {
        fail(run, "the deadline has passed");
        return;
    }
    run->is_in_effect = true;
    take_effect(
        run->hands,
        {.effect = *effect, .unit = run->plan().unit, .deadline = run->ends - run->hands.now()},
        [run](const Status& status) {
            if (status) {
                succeed(run);
            } else {
                fail(run, status.error().text);
            }
        });
}

void commit(const RunPtr& run) {
    if (is_late(run)) {
        fail(run, "the deadline has passed");
        return;
    }
    run->hands.mender.commit(
        run->task.attempt, paths_of(run->plan()), [run](const Result<Mending>& mending) {
            if (mending) {
                make_effective(run);
            } else {
                fail(run, mending.error().text);
            }
        });
}

void test_staged(const RunPtr& run, const Mending& mending) {
    if (!is_tested(run->plan())) {
        commit(run);
        return;
    }
    run->hands.facts.test_staged(
        run->plan().unit, binds_of(mending), [run](const Result<sandbox::ConfigTestFact>& test) {
            if (!test) {
                fail(run, test.error().text);
            } else if (test->verdict == "valid") {
                commit(run);
            } else {
                fail(run,
                     "with the change the configuration is " + test->verdict + ": " + test->output);
            }
        });
}

void stage(const RunPtr& run) {
    run->hands.mender.stage(run->plan(), run->task.attempt, [run](const Result<Mending>& mending) {
        if (!mending) {
            fail(run, mending.error().text);
        } else if (!is_as_planned(run->plan(), *mending)) {
            fail(run, "the files are not as they were when the plan was made");
        } else {
            test_staged(run, *mending);
        }
    });
}

bool was_up(const Plan& plan) {
    UnitState state;
    state.active = plan.expected_active;
    return core::is_up(state);
}

enum class Needs { kUnitUp, kNothing };

class FileAct final : public Act {
  public:
    explicit FileAct(Needs needs) : needs_(needs) {}

    [[nodiscard]] std::optional<std::string> find_obstacle(const UnitState& state) const override {
        if (needs_ == Needs::kNothing || core::is_up(state)) {
            return std::nullopt;
        }
        return "the unit is " + core::describe(state) + ", so the change would not show";
    }

    void perform(const Hands& hands, const Task& task, ActDone done) const override {
        stage(make_run(hands, task, std::move(done)));
    }

    [[nodiscard]] bool is_fulfilled(const Plan& plan, const UnitState& state) const override {
        const auto effect = effect_of(plan);
        if (!effect || !was_up(plan)) {
            return true;
        }
        const bool is_restarted =
            *effect == Effect::kRestart || *effect == Effect::kDaemonReloadRestart;
        return core::is_up(state) &&
               is_restarted == (state.invocation_id != plan.expected_invocation);
    }

    void undo(const Hands& hands, const Task& task, ActDone done) const override {
        const RunPtr run = make_run(hands, task, std::move(done));
        run->is_in_effect = true;
        go_back(run, [run](const Status& status) {
            if (status) {
                run->done({ActOutcome::kSucceeded, "everything is as it was", UndoState::kUndone});
            } else {
                run->done({ActOutcome::kFailed,
                           core::sanitize(status.error().text),
                           UndoState::kUndoFailed});
            }
        });
    }

  private:
    Needs needs_;
};

}  // namespace

const Act& fix_socket_owner() {
    static const FileAct act{Needs::kNothing};
    return act;
}

const Act& set_pool_listen() {
    static const FileAct act{Needs::kUnitUp};
    return act;
}

const Act& repoint_backend() {
    static const FileAct act{Needs::kUnitUp};
    return act;
}

const Act& restore_config() {
    static const FileAct act{Needs::kNothing};
    return act;
}

const Act& apply_suggestion() {
    static const FileAct act{Needs::kUnitUp};
    return act;
}

const Act& debug_log() {
    static const FileAct act{Needs::kUnitUp};
    return act;
}

}  // namespace gatemend::actions
