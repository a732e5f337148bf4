// SPDX-License-Identifier: MIT
#include "actions/act.hpp"
#include "core/text.hpp"

#include <utility>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::UnitState;

void run_job(bus::SystemdClient& systemd, bus::JobKind kind, const Plan& plan, ActDone done) {
    systemd.run_job(
        kind, plan.unit, plan.deadline, [done = std::move(done)](core::Result<bus::JobResult> job) {
            if (!job) {
                done({ActOutcome::kFailed, core::sanitize(job.error().text)});
            } else if (job->result == "done") {
                done({ActOutcome::kSucceeded, "systemd's job is done"});
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

    void perform(bus::SystemdClient& systemd, const Plan& plan, ActDone done) const override {
        run_job(systemd, bus::JobKind::kStart, plan, std::move(done));
    }

    [[nodiscard]] bool is_fulfilled(const Plan& /*plan*/, const UnitState& state) const override {
        return core::is_up(state);
    }

    [[nodiscard]] bool has_inverse() const override { return false; }
};

class RestartUnit final : public Act {
  public:
    [[nodiscard]] std::optional<std::string> find_obstacle(
        const UnitState& /*state*/) const override {
        return std::nullopt;
    }

    void perform(bus::SystemdClient& systemd, const Plan& plan, ActDone done) const override {
        run_job(systemd, bus::JobKind::kRestart, plan, std::move(done));
    }

    [[nodiscard]] bool is_fulfilled(const Plan& plan, const UnitState& state) const override {
        return core::is_up(state) && state.invocation_id != plan.expected_invocation;
    }

    [[nodiscard]] bool has_inverse() const override { return false; }
};

}  // namespace

Act::~Act() = default;

const Act& find_act(ActId id) {
    static const StartUnit start_unit;
    static const RestartUnit restart_unit;
    switch (id) {
        case ActId::kStartUnit:
            return start_unit;
        case ActId::kRestartUnit:
            return restart_unit;
    }
    return restart_unit;  // not reached: the set is closed
}

}  // namespace gatemend::actions
