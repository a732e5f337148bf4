// SPDX-License-Identifier: MIT
// Looks whether a plan may be carried out now, and what exactly it would change. The same for
// Propose, Plan and again for Execute, so that nothing is checked in one place only. Changes
// nothing and records nothing.
#pragma once

#include "actions/catalogue.hpp"
#include "core/inspection.hpp"
#include "core/intent.hpp"
#include "core/unit_state.hpp"
#include "policies/policy.hpp"
#include "sandbox/executor/good_copies.hpp"
#include "sandbox/executor/ports.hpp"
#include "sandbox/executor/record.hpp"
#include "sandbox/executor/work_guard.hpp"

#include <functional>
#include <optional>
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
    std::string full_preview{};  // for root alone; "": `preview` is all there is
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
          good_copies_(good_copies),
          work_(ports) {}

    // `plan.changes` is not read but found.
    void examine(const actions::Plan& plan, Purpose purpose, ExaminedDone done);

    // With the intent on record, right before the act: is the unit as it was, and has nobody
    // stopped it since?
    void look_once_more(const actions::Plan& plan, HoldDone done);

    // What needs no look at the machine; for a last time right before the act.
    // `digest`: "" while it is not known.
    [[nodiscard]] std::optional<GateHold> check_now(const actions::Plan& plan,
                                                    const std::string& digest,
                                                    Purpose purpose) const;

    [[nodiscard]] WorkGuard& work() { return work_; }

    // Is a person, another tool or the machine itself at work?
    void look_at_guards(const actions::Plan& plan, HoldDone done);

  private:
    using JobDone = std::function<void(const std::optional<core::LastJob>&)>;

    void name_first_hold(const actions::Plan& plan, GateHold hold, const ExaminedDone& done);
    void look_at_unit(const actions::Plan& plan, HoldDone done);
    // Did somebody stop the unit that is to be started? As heard by ourselves, else as systemd has
    // written.
    void look_at_intent(const actions::Plan& plan, HoldDone done);
    // Nothing: the journal does not tell, or not yet. By the state's own name.
    void ask_journal(const core::UnitState& state, const JobDone& done);
    // Which other units would start, stop or restart with it?
    void look_at_company(const actions::Plan& plan, HoldDone done);
    void look_at_needed(const actions::Plan& plan,
                        std::vector<std::string> names,
                        const HoldDone& done);
    void judge_needed(const core::UnitState& unit,
                      const core::UnitState& needed,
                      const HoldDone& done);
    void inspect(const std::string& unit,
                 const std::string& address,
                 const HoldDone& done,
                 std::function<void(const core::Inspection&)> judge);
    void look_at_listeners(const actions::Plan& plan, const HoldDone& done);
    void look_at_new_listener(const core::Listener& listener, const HoldDone& done);
    void look_at_lost_socket(const actions::Plan& plan, const HoldDone& done);
    void look_at_edits(const actions::Plan& plan, const HoldDone& done);
    void look_at_cut(const HoldDone& done);
    void look_at_configs(const actions::Plan& plan, const HoldDone& done);
    void look_at_broken_config(const actions::Plan& plan, HoldDone done);
    void find_changes(const actions::Plan& plan, Purpose purpose, const ExaminedDone& done);

    const ExecutorPorts& ports_;
    const Record& record_;
    const policy::Policy& policy_;
    GoodCopies& good_copies_;
    WorkGuard work_;
};

}  // namespace gatemend::sandbox
