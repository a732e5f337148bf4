// SPDX-License-Identifier: MIT
// Acts that gatemend-mend carries out, one sequence for all of them: stage, test what is staged,
// commit, take effect. Whatever fails on the way, everything is put back. Undoing goes the same
// way: look at each file, test what would be put back, put it back, take effect. What they differ
// in: which configuration is tested and what makes it take effect.
#include "actions/settings.hpp"
#include "actions/shipped_acts.hpp"
#include "actions/taking_effect.hpp"
#include "core/one_line.hpp"
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

// A file that does not exist yet, or is to go, has nothing to be mounted over it. Only drop-ins
// come and go, and no configuration test reads them.
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

// A job that is "done" is a claim.
void look_after(const RunPtr& run, const WayBackDone& done) {
    run->hands.systemd.read_unit(run->plan().unit, [done](const Result<UnitState>& unit) {
        if (unit && core::is_up(*unit)) {
            done(Done{});
        } else {
            done(Error{"the files are back, but the unit is " +
                       (unit ? core::describe(*unit) : std::string{"not to be seen"})});
        }
    });
}

void take_old_effect(const RunPtr& run, const WayBackDone& done) {
    const auto effect = effect_of(run->plan().act, run->plan().parameters);
    if (!effect) {
        done(Done{});
        return;
    }
    run->hands.systemd.read_unit(
        run->plan().unit, [run, done, effect](const Result<UnitState>& before) {
            const bool was_up = before && core::is_up(*before);
            take_effect(run->hands,
                        {.effect = *effect, .unit = run->plan().unit, .deadline = kWayBackDeadline},
                        [run, done, was_up](const Status& status) {
                            if (!status) {
                                done(status.error().within("the files are back, but"));
                            } else if (was_up) {
                                look_after(run, done);
                            } else {
                                done(Done{});
                            }
                        });
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

sandbox::UndoOrder undo_order(const RunPtr& run) {
    return {.attempt = run->task.attempt,
            .paths = paths_of(run->plan()),
            .is_asked = run->task.is_asked,
            .is_performed = run->task.is_performed};
}

// Of an act that fails: what was in force a moment ago is in force again.
void go_back(const RunPtr& run, const WayBackDone& done) {
    run->hands.mender.undo(undo_order(run), [run, done](const Result<Mending>& mending) {
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
    run->problem = core::sanitize(core::one_line(problem), kMaxDetailBytes);
    go_back(run, [run](const Status& status) {
        if (status) {
            run->done({ActOutcome::kFailed, run->problem + "; undone", UndoState::kUndone});
        } else {
            run->done({ActOutcome::kFailed,
                       run->problem + "; undoing failed: " +
                           core::sanitize(core::one_line(status.error().text), kMaxDetailBytes),
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
    const auto effect = effect_of(run->plan().act, run->plan().parameters);
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

// --- undoing, which may be long after

std::string joined(const std::vector<std::string>& notes) {
    std::string text;
    for (const std::string& note : notes) {
        text += (text.empty() ? "" : "; ") + note;
    }
    return text;
}

void end_undoing(const RunPtr& run, const Status& status) {
    if (status) {
        run->done({ActOutcome::kSucceeded, "everything is as it was", UndoState::kUndone});
    } else {
        run->done({ActOutcome::kFailed,
                   core::sanitize(core::one_line(status.error().text), kMaxDetailBytes),
                   UndoState::kUndoFailed});
    }
}

void keep_all(const RunPtr& run, const std::string& why) {
    end_undoing(run, Error{"nothing was put back: " + why});
}

void put_back(const RunPtr& run, bool is_effective) {
    run->hands.mender.undo(undo_order(run), [run, is_effective](const Result<Mending>& mending) {
        if (!mending) {
            keep_all(run, mending.error().text);
        } else if (is_effective) {
            take_old_effect(run, [run](const Status& status) { end_undoing(run, status); });
        } else {
            end_undoing(run, Done{});
        }
    });
}

// An act that was interrupted may have been of use: what was started since reads the better file.
void put_broken_back_unless_started(const RunPtr& run) {
    run->hands.systemd.read_unit(run->plan().unit, [run](const Result<UnitState>& unit) {
        const bool is_started =
            unit && core::is_up(*unit) && unit->invocation_id != run->plan().expected_invocation;
        if (unit && !is_started) {
            put_back(run, false);
        } else {
            keep_all(run,
                     unit ? run->plan().unit + " has been started since with the better file"
                          : "the unit cannot be seen: " + unit.error().text);
        }
    });
}

// What does not pass its test is not put back: at the next restart the unit would stay down. Only
// what was broken when we came, and only for a person who wants it back or where nothing has been
// started with the better one yet.
void test_what_comes_back(const RunPtr& run, const Mending& review) {
    if (!is_tested(run->plan())) {
        put_back(run, true);
        return;
    }
    run->hands.facts.test_staged(
        run->plan().unit, binds_of(review), [run](const Result<sandbox::ConfigTestFact>& test) {
            const bool is_valid = test && test->verdict == "valid";
            const bool is_restored = run->plan().act == ActId::kRestoreConfig;
            if (is_valid || (is_restored && run->task.is_asked)) {
                put_back(run, is_valid);
            } else if (is_restored && !run->task.is_performed) {
                put_broken_back_unless_started(run);
            } else if (!test) {
                keep_all(run, "it cannot be tested: " + test.error().text);
            } else {
                keep_all(run,
                         "with the files as before the configuration is " + test->verdict + ": " +
                             core::one_line(test->output));
            }
        });
}

// Somebody has put it back; or an undoing that was interrupted had come so far.
void end_where_nothing_is_left(const RunPtr& run, const Mending& review) {
    if (run->task.is_interrupted) {
        test_old(run, [run](const Status& status) { end_undoing(run, status); });
        return;
    }
    run->done({ActOutcome::kSucceeded,
               "nothing was left to undo: " + core::sanitize(joined(review.notes), kMaxDetailBytes),
               UndoState::kUndone});
}

void begin_undoing(const RunPtr& run) {
    run->hands.mender.review(undo_order(run), [run](const Result<Mending>& review) {
        if (!review) {
            keep_all(run, review.error().text);
        } else if (review->changes.empty()) {
            end_where_nothing_is_left(run, *review);
        } else {
            test_what_comes_back(run, *review);
        }
    });
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
        const auto effect = effect_of(plan.act, plan.parameters);
        if (!effect || !was_up(plan)) {
            return true;
        }
        const bool is_restarted =
            *effect == Effect::kRestart || *effect == Effect::kDaemonReloadRestart;
        return core::is_up(state) &&
               is_restarted == (state.invocation_id != plan.expected_invocation);
    }

    void undo(const Hands& hands, const Task& task, ActDone done) const override {
        begin_undoing(make_run(hands, task, std::move(done)));
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
