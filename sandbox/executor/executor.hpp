// SPDX-License-Identifier: MIT
// The only hand: permit -> allowlist -> budget -> preconditions -> intent on disk -> act -> outcome
// on disk. Called by executor_object for D-Bus, and by tests with fakes. Trusts nothing it is told:
// every argument is bounded and checked against its own policy and its own look at the machine.
#pragma once

#include "actions/act.hpp"
#include "core/ledger.hpp"
#include "policies/toml_reader.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/executor/gate.hpp"
#include "sandbox/executor/notices.hpp"
#include "sandbox/executor/permits.hpp"
#include "sandbox/executor/record.hpp"
#include "sandbox/executor/reply.hpp"
#include "sandbox/tools/facts.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxUnitBytes = 255;
inline constexpr std::size_t kMaxTextBytes = 512;
inline constexpr core::Duration kMaxPause = std::chrono::hours{24 * 30};

struct PlanRequest {
    std::string act;
    std::string unit;
    std::string rule;
    std::string cause;
    std::string expected_active;
    std::string expected_invocation;
    std::uint64_t deadline_usec = 0;
    std::map<std::string, std::string> parameters{};
};

struct Proposal {
    std::string digest;
    std::string preview;  // printable lines, at most kMaxPreviewBytes
};

inline constexpr std::size_t kMaxPreviewBytes = std::size_t{64} * 1024;

enum class Asker { kAgent, kRoot };

struct ActResult {
    std::uint64_t attempt = 0;
    core::ActOutcome outcome{};
    std::string detail;
};

struct ExecutorPorts {
    bus::SystemdClient& systemd;
    Facts& facts;
    ToolRunner& tools;
    Mender& mender;
    Notices& notices;
    std::function<core::TimePoint()> now;
    std::function<policy::LoadedPolicy()> load_policy;
    std::function<void()> ledger_changed;
    // Who else is at work on the machine, or how it is doing (sandbox/tools/guards.hpp).
    std::function<void(const std::string& unit,
                       actions::ActId act,
                       std::function<void(std::optional<GateHold>)> done)>
        check_guards;
};

class Executor {
  public:
    Executor(ExecutorPorts ports, Record record);

    // Once, before the first request: reads the policy, writes the start record, and gives every
    // act that was interrupted its outcome. Never acts again.
    void begin(std::function<void()> ready);

    void plan(const PlanRequest& request, ReplyDone<Proposal> done);
    // The same plan without permission; mode, budget and guards do not matter.
    void propose(const PlanRequest& request, ReplyDone<Proposal> done);
    void execute(const std::string& digest, std::uint64_t incident, ReplyDone<ActResult> done);
    [[nodiscard]] Reply<core::Done> confirm(std::uint64_t attempt,
                                            const std::string& verdict,
                                            const std::string& detail);
    // The agent found the budget used up; latches when it is by the executor's own count.
    [[nodiscard]] Reply<core::Done> latch(const std::string& unit, const std::string& rule);
    // `asker`: the agent may undo what is provisional, root also what is confirmed.
    void roll_back(std::uint64_t attempt, Asker asker, ReplyDone<core::Done> done);

    // `by`: who asked, for the record. The caller has checked that it is root.
    [[nodiscard]] Reply<core::Done> pause(std::uint64_t seconds,
                                          const std::string& reason,
                                          const std::string& by);
    [[nodiscard]] Reply<core::Done> resume(const std::string& by);
    [[nodiscard]] Reply<core::Done> approve(const std::string& digest, const std::string& by);
    [[nodiscard]] Reply<core::Done> lift(const std::string& unit, const std::string& by);

    // "" or the first problem, in which case the old policy stays.
    [[nodiscard]] std::string reload();

    [[nodiscard]] const core::Ledger& ledger() const { return record_.ledger(); }

    [[nodiscard]] const policy::Policy& policy() const { return policy_; }

    [[nodiscard]] bool is_acting() const { return is_acting_; }

  private:
    struct Job;  // one Execute under way

    void resolve_interrupted(const std::shared_ptr<std::function<void()>>& ready);
    // The guards, then the unit.
    void look_around(const actions::Plan& plan, std::function<void(std::optional<GateHold>)> done);
    void look_at_unit(const actions::Plan& plan, std::function<void(std::optional<GateHold>)> done);
    void look_at_config(const std::string& unit, std::function<void(std::optional<GateHold>)> done);
    [[nodiscard]] std::optional<GateHold> check_now(const actions::Plan& plan);
    [[nodiscard]] core::Status trip(const std::string& unit,
                                    const std::string& rule,
                                    const std::string& reason);
    [[nodiscard]] Fault refuse(const actions::Plan& plan, const GateHold& hold);
    void perform(const std::shared_ptr<Job>& job);
    void finish(const std::shared_ptr<Job>& job, const actions::ActReport& report);
    void notify(std::string_view message_id,
                int priority,
                const std::string& unit,
                std::string text);
    [[nodiscard]] Fault record_failed(const core::Error& error);

    ExecutorPorts ports_;
    Record record_;
    policy::Policy policy_;
    PermitTable permits_;
    bool is_acting_ = false;
};

}  // namespace gatemend::sandbox
