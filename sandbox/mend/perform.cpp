// SPDX-License-Identifier: MIT
#include "sandbox/mend/perform.hpp"

#include "sandbox/mend/commit.hpp"
#include "sandbox/mend/draft.hpp"
#include "sandbox/mend/keep.hpp"
#include "sandbox/mend/snapshot.hpp"

#include <utility>

namespace gatemend::mend {
namespace {

using core::Error;
using core::Result;

Result<actions::Mending> stage(const Machine& machine, const Order& order, const Worker& worker) {
    GATEMEND_TRY(draft, make_draft(machine, order, worker));
    GATEMEND_TRY(staging, Staging::open(machine, order.attempt, draft));
    GATEMEND_CHECK(run_steps(staging.steps()));
    return staging.outcome();
}

template <class Work>
Result<actions::Mending> carry_out(const Machine& machine, const Order& order) {
    GATEMEND_TRY(work, Work::open(machine, order.attempt));
    GATEMEND_CHECK(work.run());
    return work.outcome();
}

}  // namespace

bool needs_worker(Command command) {
    return command == Command::kPreview || command == Command::kStage;
}

Result<actions::Mending> perform(const Machine& machine, const Order& order, const Worker& worker) {
    switch (order.command) {
        case Command::kPreview: {
            GATEMEND_TRY(draft, make_draft(machine, order, worker));
            return mending_of(draft);
        }
        case Command::kStage:
            return stage(machine, order, worker);
        case Command::kCommit:
            return carry_out<Commit>(machine, order);
        case Command::kUndo:
            return carry_out<Undo>(machine, order);
        case Command::kForget: {
            GATEMEND_TRY(steps, forget_steps(machine, order.attempt));
            GATEMEND_CHECK(run_steps(steps));
            return actions::Mending{};
        }
        case Command::kKeep: {
            GATEMEND_TRY(notes, keep_good(machine, order.unit));
            actions::Mending mending;
            mending.notes = std::move(notes);
            return mending;
        }
    }
    return Error{"no such command"};
}

}  // namespace gatemend::mend
