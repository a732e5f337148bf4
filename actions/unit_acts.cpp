// SPDX-License-Identifier: MIT
#include "actions/act.hpp"
#include "actions/shipped_acts.hpp"
#include "actions/taking_effect.hpp"
#include "core/text.hpp"

#include <utility>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::UnitState;

void run_job(const Hands& hands, bus::JobKind kind, const Plan& plan, ActDone done) {
    hands.systemd.run_job(
        kind, plan.unit, plan.deadline, [done = std::move(done)](core::Result<bus::JobResult> job) {
            if (!job) {
                done({ActOutcome::kFailed, core::sanitize(job.error().text)});
            } else if (job->result == "done") {
                done({ActOutcome::kSucceeded, "systemd's job is done"});
            } else if (job->result == "canceled") {
                done(
                    {ActOutcome::kFailed, "systemd's job was canceled: somebody stopped the unit"});
            } else {
                done(
                    {ActOutcome::kFailed, "systemd's job ended as " + core::sanitize(job->result)});
            }
        });
}

class StartUnit final : public Act {
  public:
    [[nodiscard]] std::optional<std::string> find_obstacle(const UnitState& state) const override {
        if (core::is_down(state)) {
            return std::nullopt;
        }
        return "the unit is " + core::describe(state) + ", there is nothing to start";
    }

    void perform(const Hands& hands, const Task& task, ActDone done) const override {
        run_job(hands, bus::JobKind::kStart, task.plan, std::move(done));
    }

    [[nodiscard]] bool is_fulfilled(const Plan& /*plan*/, const UnitState& state) const override {
        return core::is_up(state);
    }
};

class RestartUnit final : public Act {
  public:
    [[nodiscard]] std::optional<std::string> find_obstacle(
        const UnitState& /*state*/) const override {
        return std::nullopt;
    }

    void perform(const Hands& hands, const Task& task, ActDone done) const override {
        run_job(hands, bus::JobKind::kRestart, task.plan, std::move(done));
    }

    [[nodiscard]] bool is_fulfilled(const Plan& plan, const UnitState& state) const override {
        return core::is_up(state) && state.invocation_id != plan.expected_invocation;
    }
};

class ReloadUnit final : public Act {
  public:
    [[nodiscard]] std::optional<std::string> find_obstacle(const UnitState& state) const override {
        if (core::is_up(state)) {
            return std::nullopt;
        }
        return "the unit is " + core::describe(state) + ", there is nothing to reload";
    }

    void perform(const Hands& hands, const Task& task, ActDone done) const override {
        reload_and_prove(hands,
                         task.plan.unit,
                         task.plan.deadline,
                         [done = std::move(done)](const core::Status& status) {
                             if (status) {
                                 done({ActOutcome::kSucceeded, "reloaded, with new workers"});
                             } else {
                                 done({ActOutcome::kFailed, status.error().text});
                             }
                         });
    }

    [[nodiscard]] bool is_fulfilled(const Plan& plan, const UnitState& state) const override {
        return core::is_up(state) && state.invocation_id == plan.expected_invocation;
    }
};

}  // namespace

Act::~Act() = default;

std::optional<std::string> Act::find_unmet(const Plan& /*plan*/) const {
    return std::nullopt;
}

void Act::undo(const Hands& /*hands*/, const Task& /*task*/, ActDone done) const {
    const ActDone answer = std::move(done);
    answer({ActOutcome::kFailed, "the act left nothing behind that could be undone"});
}

const Act& start_unit() {
    static const StartUnit act;
    return act;
}

const Act& restart_unit() {
    static const RestartUnit act;
    return act;
}

const Act& reload_unit() {
    static const ReloadUnit act;
    return act;
}

}  // namespace gatemend::actions
