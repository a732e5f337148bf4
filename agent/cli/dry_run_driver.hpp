// SPDX-License-Identifier: MIT
// DryRunDriver: the world around step() for --dry-run. Probes and configuration tests are real and
// go through the same Facts as the executor's; acts are only written down. Ends when the engine has
// nothing more to ask, or at its deadline.
#pragma once

#include "app/documents.hpp"
#include "core/event.hpp"
#include "engine/state.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/guards.hpp"
#include "sandbox/tools/mender.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::cli {

// Longer than a configuration test may take; nobody waits longer than this.
inline constexpr core::Duration kDryRunDeadline = std::chrono::seconds{40};
// Second looks that the engine asks for are taken this long; what it wants later is not waited for.
inline constexpr core::Duration kDryRunPatience = std::chrono::seconds{4};

// How far back the journal is asked.
inline constexpr core::Duration kDryRunPast = std::chrono::minutes{2};

// A plan as the executor would make it.
struct ExactPlan {
    std::uint64_t incident = 0;
    actions::Plan plan;
    std::string digest;
    std::string preview;
};

class DryRunDriver {
  public:
    struct Outside {
        bus::EventLoop& loop;
        bus::SystemdClient& systemd;
        sandbox::Facts& facts;
        const sandbox::Guards& guards;
        sandbox::ToolRunner& tools;
        sandbox::Mender& mender;
    };

    DryRunDriver(Outside outside, policy::Policy policy);
    DryRunDriver(const DryRunDriver&) = delete;
    DryRunDriver& operator=(const DryRunDriver&) = delete;
    ~DryRunDriver() = default;

    // What the service holds because somebody wants it down, and until when that is known.
    void know_stops(std::map<std::string, core::TimePoint, std::less<>> stops) {
        state_.known_stops = std::move(stops);
    }

    // Feeds what is known, looks at all units, and runs the loop until quiet.
    void run(const core::Ledger& ledger,
             const core::Topology& topology,
             const std::vector<core::SymptomSeen>& symptoms);

    [[nodiscard]] const engine::State& state() const { return state_; }

    [[nodiscard]] const std::vector<ExactPlan>& plans() const { return plans_; }

    // Newest first; incidents with a plan as they were when it was made.
    [[nodiscard]] app::Json incidents() const;

    [[nodiscard]] bool is_complete() const { return is_complete_; }

    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  private:
    void feed(core::EventBody body);
    void note(std::string problem);
    void read_units(const core::Topology& topology);
    void feed_symptoms();

    void begin() { ++outstanding_; }

    void end();

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
    void run(const engine::SetTimer& effect);

    void run(const engine::ProposeAct& effect);

    // The plan's changes and digest, by the executor's own function; the error says why there are
    // none.
    void make_exact(const actions::Plan& plan, std::function<void(core::Result<ExactPlan>)> done);
    // What no guard holds back is written down; `done` always comes to refuse().
    void plan_unless_held(const engine::RequestAct& effect, const std::vector<core::Hold>& holds);
    void refuse(std::uint64_t incident,
                std::string detail,
                std::optional<core::HoldKind> hold = std::nullopt);

    // The service would; a dry run leaves no trace.
    void run(const engine::UndoAct&) {}

    void run(const engine::LatchBreaker&) {}

    void run(const engine::ConfirmAct&) {}

    void run(const engine::Record&) {}

    Outside outside_;
    engine::State state_;
    std::deque<core::EventBody> queue_;
    bool is_running_ = false;
    std::size_t outstanding_ = 0;
    std::size_t unread_units_ = 0;
    std::vector<core::SymptomSeen> symptoms_;  // not fed yet
    bool is_complete_ = false;
    core::TimePoint started_{};
    std::vector<bus::Source> timers_;
    std::vector<ExactPlan> plans_;
    std::map<std::uint64_t, app::Json> planned_;  // incident documents when their plan was made
    std::vector<std::string> problems_;
};

}  // namespace gatemend::cli
