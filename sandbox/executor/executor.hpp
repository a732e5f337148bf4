// SPDX-License-Identifier: MIT
// The only hand: permit -> allowlist -> budget -> preconditions -> intent on disk -> act -> outcome
// on disk -> confirmed, or undone. Called by executor_object for D-Bus, and by tests with fakes.
// Trusts nothing it is told: every argument is bounded and checked against its own policy and its
// own look at the machine.
#pragma once

#include "actions/act.hpp"
#include "core/ledger.hpp"
#include "sandbox/executor/examination.hpp"
#include "sandbox/executor/gate.hpp"
#include "sandbox/executor/good_copies.hpp"
#include "sandbox/executor/permits.hpp"
#include "sandbox/executor/ports.hpp"
#include "sandbox/executor/provisional.hpp"
#include "sandbox/executor/record.hpp"
#include "sandbox/executor/reply.hpp"
#include "sandbox/executor/requests.hpp"
#include "sandbox/tools/preview.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace gatemend::sandbox {

using core::kMaxPause;
// Looks at plans that are under way at once; more are told to come back.
inline constexpr std::size_t kMaxExaminations = 8;

// Proposed plans that root may ask about.
inline constexpr std::size_t kMaxProposed = 32;

// So long after a record, at most, its head is in the journal; a record that does not grow wakes
// nobody. With what a busy machine adds that is less than a minute.
inline constexpr core::Duration kAnchorInterval = std::chrono::seconds{30};

struct Proposal {
    std::string digest;
    std::string preview;  // printable lines, at most kMaxPreviewBytes
};

enum class Asker { kAgent, kRoot };

struct ActResult {
    std::uint64_t attempt = 0;
    core::ActOutcome outcome{};
    std::string detail;
};

class Executor {
  public:
    Executor(ExecutorPorts ports, Record record);
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    ~Executor() = default;

    // Once, before the first request: reads the policy, writes the start record, and gives every
    // act that was interrupted its outcome. What such an act has left behind is undone meanwhile;
    // until then nothing is executed. Never acts again.
    void begin(std::function<void()> ready);
    // The last thing: the end of the record goes to the journal, so that nobody can change it while
    // no executor looks.
    void end();

    void plan(const PlanRequest& request, const ReplyDone<Proposal>& done);
    // The same plan without permission; consent, budget and guards do not matter.
    void propose(const PlanRequest& request, const ReplyDone<Proposal>& done);
    void execute(const std::string& digest, std::uint64_t incident, ReplyDone<ActResult> done);
    [[nodiscard]] Reply<core::Done> confirm(std::uint64_t attempt,
                                            const std::string& verdict,
                                            const std::string& detail);
    // The agent found the budget used up; latches when it is by the executor's own count, and
    // nobody is at work on the machine.
    void latch(const std::string& unit, const std::string& rule, ReplyDone<core::Done> done);
    // `asker`: the agent may undo what is provisional, root also what is confirmed.
    void roll_back(std::uint64_t attempt, Asker asker, ReplyDone<std::string> done);

    // What roll_back() would do now, for a person: lines. Changes nothing.
    void review_rollback(std::uint64_t attempt, const ReplyDone<std::string>& done);

    // `by`: who asked, for the record. The caller has checked that it is root.
    [[nodiscard]] Reply<core::Done> pause(std::uint64_t seconds,
                                          const std::string& reason,
                                          const std::string& by);
    [[nodiscard]] Reply<core::Done> resume(const std::string& by);
    // Ten minutes for exactly this digest. Of what it is the digest is seen when it is planned.
    [[nodiscard]] Reply<core::Done> approve(const std::string& digest, const std::string& by);
    [[nodiscard]] Reply<core::Done> lift(const std::string& unit, const std::string& by);

    // What is wrong with the record, as root has seen it; it is put aside, and acts are possible
    // again.
    [[nodiscard]] Reply<core::Done> acknowledge(const Acknowledgement& said);
    // An act that could not be undone; it is not tried again, and its snapshot goes.
    [[nodiscard]] Reply<core::Done> acknowledge_attempt(std::uint64_t attempt,
                                                        const std::string& by);

    // What a digest stands for, of the plans that were proposed last: who approves it must not have
    // to believe the agent. The caller has checked that it is root who asks.
    [[nodiscard]] Reply<Finding> reveal(const std::string& digest) const;

    // "" or the first problem, in which case the old policy stays.
    [[nodiscard]] std::string reload();

    // Called for every fault that is answered to a caller.
    void note_denial(const std::string& method, const Fault& fault);

    [[nodiscard]] const core::Ledger& ledger() const { return record_.ledger(); }

    [[nodiscard]] const policy::Policy& policy() const { return policy_; }

    // An act or an undoing is under way.
    [[nodiscard]] bool is_acting() const { return is_acting_ || provisional_.is_undoing(); }

    [[nodiscard]] GoodCopies& good_copies() { return good_copies_; }

    // Hears of every look at a unit that is made for anybody.
    [[nodiscard]] WorkGuard& work() { return examiner_.work(); }

  private:
    struct Job;  // one Execute under way

    void resolve_interrupted(const std::shared_ptr<std::function<void()>>& ready);
    // Reads, examines, refuses; `then` gets what was found.
    void examine_request(const PlanRequest& request,
                         Purpose purpose,
                         const ReplyDone<Proposal>& done,
                         const std::function<void(const Finding&)>& then);
    [[nodiscard]] bool is_on_trial(const std::string& unit) const;
    [[nodiscard]] core::TimePoint undo_by(const actions::Plan& plan) const;
    // The class of act for which the rule's budget on the unit is used up.
    [[nodiscard]] std::optional<actions::Plan> find_exhausted(const std::string& unit,
                                                              const policy::Rule& rule) const;
    [[nodiscard]] core::Status trip(const actions::Plan& plan);
    void watch_latches();
    void look_at_latched();
    void rearm(const std::string& unit, const std::string& why);
    [[nodiscard]] Fault refuse(const actions::Plan& plan, const GateHold& hold);
    void check_again(const std::shared_ptr<Job>& job);
    void perform(const std::shared_ptr<Job>& job);
    void perform_recorded(const std::shared_ptr<Job>& job);
    void check_result(const std::shared_ptr<Job>& job, const actions::ActReport& report);
    void take_back(const std::shared_ptr<Job>& job, const std::string& problem);
    void note_way_back(const Job& job, const actions::ActReport& report);
    void finish(const std::shared_ptr<Job>& job, const actions::ActReport& report);
    void stop(const std::shared_ptr<Job>& job, Fault fault);
    // `then` hears why it could not be compared, or "".
    void compare_record(const std::function<void(const std::string&)>& then);
    void begin_record(const std::string& not_compared,
                      const std::shared_ptr<std::function<void()>>& ready);
    void anchor_soon();
    void anchor();
    void say(std::string_view message_id, int priority, const std::string& unit, std::string text);

    ExecutorPorts ports_;
    Record record_;
    policy::Policy policy_;
    PermitTable permits_;
    actions::Hands hands_;
    GoodCopies good_copies_;
    Examiner examiner_;
    Provisional provisional_;
    std::deque<Finding> proposed_;  // oldest first; in memory only
    std::size_t examinations_ = 0;
    bool is_acting_ = false;
    bool is_anchor_due_ = false;
    bool is_watching_latches_ = false;
};

}  // namespace gatemend::sandbox
