// SPDX-License-Identifier: MIT
// Looks whether a plan may be carried out now, and what exactly it would change. The same for
// Propose, Plan and again for Execute, so that nothing is checked in one place only. Changes
// nothing and records nothing.
#pragma once

#include "actions/catalogue.hpp"
#include "core/unit_state.hpp"
#include "policies/policy.hpp"
#include "sandbox/executor/good_copies.hpp"
#include "sandbox/executor/ports.hpp"
#include "sandbox/executor/record.hpp"

#include <functional>
#include <string>
#include <variant>

namespace gatemend::sandbox {

enum class Purpose {
    kPropose,  // what would be done: budget, guards and consent do not matter
    kAct,
};

struct Finding {
    actions::Plan plan;  // with its changes
    std::string digest;
    std::string preview;
};

using Examined = std::variant<Finding, GateHold>;
using ExaminedDone = std::function<void(Examined)>;

class Examiner {
  public:
    Examiner(const ExecutorPorts& ports,
             const Record& record,
             const policy::Policy& policy,
             GoodCopies& good_copies)
        : ports_(ports),
          record_(record),
          policy_(policy),
          good_copies_(good_copies) {}

    // `plan.changes` is not read but found.
    void examine(const actions::Plan& plan, Purpose purpose, ExaminedDone done);

    // With the intent on record, right before the act: is the unit as it was, and has nobody
    // stopped it since?
    void look_once_more(const actions::Plan& plan, HoldDone done);

    // What needs no look at the machine; for a last time right before the act.
    [[nodiscard]] std::optional<GateHold> check_now(const actions::Plan& plan,
                                                    Purpose purpose) const;

  private:
    void look_at_guards(const actions::Plan& plan, HoldDone done);
    void look_at_unit(const actions::Plan& plan, HoldDone done);
    // Did somebody stop the unit that is to be started? As heard by ourselves, else as systemd has
    // written.
    void look_at_intent(const actions::Plan& plan, HoldDone done);
    void ask_journal(const actions::Plan& plan, const core::UnitState& state, const HoldDone& done);
    void look_at_listeners(const actions::Plan& plan, HoldDone done);
    void look_at_configs(std::vector<std::string> units, const HoldDone& done);
    void look_at_broken_config(const actions::Plan& plan, HoldDone done);
    void find_changes(const actions::Plan& plan, Purpose purpose, const ExaminedDone& done);

    const ExecutorPorts& ports_;
    const Record& record_;
    const policy::Policy& policy_;
    GoodCopies& good_copies_;
};

}  // namespace gatemend::sandbox
