// SPDX-License-Identifier: MIT
// What has been done and may have to be undone: deadlines, verdicts, operators, and whatever a
// crash has left behind. One undoing at a time, and none while an act is under way. It needs
// nobody's permission: it leads back to what the administrator has written. Owned by the executor.
#pragma once

#include "actions/act.hpp"
#include "core/ledger.hpp"
#include "sandbox/executor/ports.hpp"
#include "sandbox/executor/record.hpp"
#include "sandbox/executor/reply.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace gatemend::sandbox {

// For the agent to come back with its verdict, on top of what the rule gives the verification.
inline constexpr core::Duration kConfirmMargin = std::chrono::seconds{60};

// What was due for so long, on a machine that was running, while nobody was here to do it, is no
// longer done unasked: people have lived with what there is, and may have built on it. What was
// meant for a time only ends however late it is.
inline constexpr core::Duration kTooLate = std::chrono::hours{1};

class Provisional {
  public:
    struct Parts {
        const ExecutorPorts& ports;
        const actions::Hands& hands;
        Record& record;
        std::function<bool()> is_act_running;
    };

    explicit Provisional(Parts parts) : parts_(std::move(parts)) {}

    // Once, at the start: undoes what was not finished, sets the clock for what is not due yet.
    // What could not be undone before is not tried again: it waits for a person.
    void begin();

    // `done` after it has been undone, with a sentence, or has not. Orders for the same attempt are
    // one.
    void undo(std::uint64_t attempt, UndoneBy by, ReplyDone<std::string> done);

    // An act has ended: there may be something new to watch, and room to undo.
    void go_on();

    // An act was confirmed: the snapshots of the oldest ones make room.
    void forget_oldest();

    [[nodiscard]] bool is_undoing() const { return !orders_.empty(); }

    [[nodiscard]] bool is_ordered(std::uint64_t attempt) const;

  private:
    struct Order {
        std::uint64_t attempt = 0;
        UndoneBy by{};
        std::vector<ReplyDone<std::string>> waiting;
        bool is_interrupted = false;  // act or undoing may have stopped anywhere
    };

    [[nodiscard]] std::optional<UndoneBy> find_reason(const core::Attempt& attempt,
                                                      const Footprint& footprint) const;
    [[nodiscard]] bool is_too_late(core::TimePoint due, core::Duration uptime_then) const;
    void leave_to_a_person(const core::Attempt& attempt, UndoneBy by);
    void undo_what_is_due();
    void set_clock();
    void run_first();
    void finish_first(const actions::ActReport& report);
    void close_interrupted(const core::Attempt& attempt, const std::string& what);
    void tell(const core::Attempt& attempt, UndoneBy by, const actions::ActReport& report);
    void note(const core::Status& status);

    Parts parts_;
    std::deque<Order> orders_;  // the first one is under way when is_running_
    bool is_running_ = false;
    std::optional<core::TimePoint> wakes_at_;
};

}  // namespace gatemend::sandbox
