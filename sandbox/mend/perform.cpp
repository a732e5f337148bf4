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

Result<actions::Mending> commit(const Machine& machine, const Order& order) {
    GATEMEND_TRY(work, Commit::open(machine, order.attempt));
    GATEMEND_CHECK(work.run());
    return work.outcome();
}

Result<actions::Mending> undo(const Machine& machine, const Order& order) {
    GATEMEND_TRY(work, Undo::open(machine, order.attempt, order.terms));
    if (order.command == Command::kReview) {
        return work.review();
    }
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
            return commit(machine, order);
        case Command::kReview:
        case Command::kUndo:
            return undo(machine, order);
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
