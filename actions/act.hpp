// SPDX-License-Identifier: MIT
// What each act of the catalogue is made of. The executor alone calls this, after its own checks
// and after the intent is on disk. An act never decides whether it may happen and never writes the
// record.
#pragma once

#include "actions/catalogue.hpp"
#include "core/ledger.hpp"
#include "core/time.hpp"
#include "core/unit_state.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/mender.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace gatemend::actions {

struct ActReport {
    core::ActOutcome outcome = core::ActOutcome::kFailed;
    std::string detail;  // a sentence
    // Of a failed act that leaves traces: whether everything is as it was.
    core::UndoState undo = core::UndoState::kNothing;
};

using ActDone = std::function<void(ActReport)>;

// What acts work with; owned by the executor, outlives every act.
struct Hands {
    bus::SystemdClient& systemd;
    sandbox::ToolRunner& tools;
    sandbox::Facts& facts;
    sandbox::Mender& mender;
    std::function<core::TimePoint()> now{};
    // Calls back once after a while, from the event loop.
    std::function<void(core::Duration, std::function<void()>)> after{};
};

struct Task {
    Plan plan;
    std::uint64_t attempt = 0;  // names the snapshot
    // Of undo():
    bool is_asked = false;        // by a person
    bool is_performed = false;    // the act is known to have succeeded
    bool is_interrupted = false;  // act or undoing may have stopped anywhere
};

class Act {
  public:
    virtual ~Act();

    // What speaks against it in the target's present state; nullopt: nothing does.
    [[nodiscard]] virtual std::optional<std::string> find_obstacle(
        const core::UnitState& state) const = 0;

    // What the machine itself says against this very plan, looked at now; nullopt: nothing does.
    [[nodiscard]] virtual std::optional<std::string> find_unmet(const Plan& plan) const;

    // Starts the act; `done` is called exactly once. At the plan's deadline no further step is
    // begun; an act that has to go back needs as long again. A failed act has undone itself.
    virtual void perform(const Hands& hands, const Task& task, ActDone done) const = 0;

    // Whether `state`, read after perform(), is what the act promises.
    [[nodiscard]] virtual bool is_fulfilled(const Plan& plan,
                                            const core::UnitState& state) const = 0;

    // The inverse, for what the catalogue says leaves a trace; may be called again after a crash in
    // its middle. All of it or nothing; the detail says how each file is where it failed. Acts
    // without a trace answer kFailed.
    virtual void undo(const Hands& hands, const Task& task, ActDone done) const;

  protected:
    Act() = default;
    Act(const Act&) = default;
    Act& operator=(const Act&) = default;
};

// nullptr: cannot be performed here. find_act.cpp lists them all.
[[nodiscard]] const Act* find_act(ActId id);

}  // namespace gatemend::actions
