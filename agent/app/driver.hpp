// SPDX-License-Identifier: MIT
// Driver: the live world around step(). Owns the engine's State, feeds it one event at a time and
// carries out its effects through the executor; answers come back as events. It adds no judgement:
// what to do is decided in agent/engine only. Everything runs on the event loop's thread.
#pragma once

#include "core/event.hpp"
#include "engine/effect.hpp"
#include "engine/state.hpp"
#include "io/executor_client.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::app {

inline constexpr std::size_t kMaxQueuedEvents = 4096;

class Driver {
  public:
    // All of it is needed: whoever drives the engine with less comes to another diagnosis.
    struct Outside {
        bus::EventLoop& loop;
        io::ExecutorClient& executor;
        std::function<void(core::TimePoint, const engine::Record&)> record;
        std::function<core::Result<std::vector<std::string>>(const std::string& unit,
                                                             const std::string& invocation)>
            read_journal;
        std::function<void(const std::string&)> warn;  // a sentence for the journal
        // What the service's own log ("" where it has none), its journal and the kernel have said
        // lately; answers once.
        std::function<void(const std::string& unit,
                           const std::string& log,
                           std::function<void(std::vector<core::SymptomSeen>)> done)>
            read_logs;
        // Adds what systemd knows of the listeners; answers once.
        std::function<void(
            const core::Topology&, core::Inspection, std::function<void(core::Inspection)> done)>
            identify;
        // What systemd has written about the unit's jobs.
        std::function<core::Result<core::LastJob>(const std::string& id)> read_last_job;
        std::function<void(const core::Inspection&)> on_inspection{};  // identified
    };

    Driver(Outside outside, engine::State initial);
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    ~Driver() = default;

    void feed(core::EventBody body);
    void replace_policy(policy::Policy policy);
    // Asks the executor for its ledger until it answers.
    void refresh_ledger();
    // A test under way may have read the old files: its answer is not taken.
    void config_changed(const std::string& unit);

    [[nodiscard]] const engine::State& state() const { return state_; }

    [[nodiscard]] std::uint64_t dropped_events() const { return dropped_; }

    // "" or why the ledger is not known.
    [[nodiscard]] const std::string& ledger_problem() const { return ledger_problem_; }

    // Is every call that must have been answered by now answered? The watchdog's question.
    [[nodiscard]] bool is_on_time() const;

  private:
    void run_queue();
    void carry_out(const engine::Effects& effects);
    void carry_out(const engine::Effect& effect);

    void run(const engine::StartProbe& effect);
    void run(const engine::TestConfig& effect);
    void run(const engine::ReadJournal& effect);
    void run(const engine::ReadJobs& effect);
    void run(const engine::ReadLogs& effect);
    void run(const engine::Inspect& effect);
    void take_inspected(core::Inspected inspected);
    void run(const engine::ReadFilter& effect);
    void run(const engine::ResolveName& effect);
    void run(const engine::ReadApps& effect);
    void run(const engine::RequestAct& effect);
    void run(const engine::ProposeAct& effect);
    void run(const engine::UndoAct& effect);
    void run(const engine::LatchBreaker& effect);
    void run(const engine::ConfirmAct& effect);
    void run(const engine::SetTimer& effect);
    void run(const engine::Record& effect);

    void answer_filter(const engine::ReadFilter& asked,
                       const core::Result<io::PacketFilterText>& reply);
    void tell(const std::string& problem) const;
    void confirm(const engine::ConfirmAct& effect, unsigned tries_left);
    void ask_ledger();
    void after(core::Duration delay, std::function<void()> task);

    // Every call has a deadline of its own far below this; one that is older is a bug that only a
    // restart cures.
    [[nodiscard]] std::uint64_t begin_call();

    void end_call(std::uint64_t call) { calls_.erase(call); }

    Outside outside_;
    engine::State state_;
    std::deque<core::EventBody> queue_;
    bool is_running_ = false;
    std::uint64_t dropped_ = 0;
    std::map<std::string, std::uint64_t> config_changes_;  // per unit, counted
    std::map<std::uint64_t, bus::Source> delayed_;
    std::map<std::uint64_t, core::TimePoint> calls_;
    std::uint64_t next_id_ = 1;
    std::vector<engine::ReadFilter> filter_waiters_;  // not empty: rules are being listed
    std::optional<core::Result<io::PacketFilterText>> filter_;
    core::TimePoint filter_time_{};
    bool is_asking_ledger_ = false;
    bool is_ledger_stale_ = false;
    core::Duration ledger_delay_{};
    core::Duration lost_delay_{};
    std::string ledger_problem_ = "the executor has not answered yet";
};

}  // namespace gatemend::app
