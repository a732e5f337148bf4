// SPDX-License-Identifier: MIT
// Whoever stopped a unit is obeyed, in whatever order things happen; what crashed is started. A
// small systemd, its journal, an agent that is restarted at any moment, and answers that come late.
#include "core/intent.hpp"
#include "engine/step.hpp"
#include "story.hpp"

#include <array>
#include <deque>
#include <random>

namespace gatemend::testing {
namespace {

const std::string kUnit = "php8.2-fpm.service";

// One unit as systemd has it, and what systemd writes about it.
class SmallSystemd {
  public:
    core::UnitState state;            // without what a listener adds
    core::TimePoint left_active{};    // the epoch: never active, or forgotten
    bool is_meant_to_run = true;      // the newest request was a start
    bool is_known_to_journal = true;  // what the newest request was
    std::uint32_t next_job = 1;
    std::uint32_t last_stop = 0;   // its job
    core::LastJob journal;         // newest entries
    core::LastJob journal_before;  // without the newest one

    struct Ended {
        std::uint32_t id = 0;
        std::string result;
        core::TimePoint time{};
    };

    std::optional<Ended> ended;

    void start(core::TimePoint now) {
        state.invocation_id = "i" + std::to_string(next_job);
        write(core::JobType::kStart, now);
        enter(core::ActiveState::kActive, core::UnitResult::kSuccess, now);
        end_job("done", now);
        is_meant_to_run = true;
    }

    void fail_to_start(core::TimePoint now, core::UnitResult result) {
        state.invocation_id = "i" + std::to_string(next_job);
        write(core::JobType::kStart, now);
        enter(core::ActiveState::kFailed, result, now);
        end_job("failed", now);
        is_meant_to_run = true;
    }

    void crash(core::TimePoint now, core::UnitResult result) {
        enter(core::ActiveState::kFailed, result, now);
        tell(now);
    }

    void stop(core::TimePoint now, core::ActiveState active, core::UnitResult result) {
        // Nothing is written about a stop of what is down, and its state does not change.
        const bool is_down = core::is_down(state) && !core::is_restart_pending(state);
        if (!is_down) {
            write(core::JobType::kStop, now);
            enter(active, result, now);
        }
        is_known_to_journal = !is_down || (is_known_to_journal && !is_meant_to_run);
        last_stop = next_job;
        end_job("done", now);
        is_meant_to_run = false;
        if (is_down) {
            return;
        }
        if (active == core::ActiveState::kInactive && next_job % 3 == 0) {
            // Disabled: systemd unloads it, and forgets.
            state.invocation_id.clear();
            state.changed = {};
            left_active = {};
        }
    }

    void activate(core::TimePoint now) {
        state.invocation_id = "i" + std::to_string(next_job);
        write(core::JobType::kStart, now);
        enter(core::ActiveState::kActivating, core::UnitResult::kSuccess, now);
        state.has_job = true;
        ++next_job;
        is_meant_to_run = true;
    }

    void enter(core::ActiveState active, core::UnitResult result, core::TimePoint now) {
        if (core::is_up(state) && active != core::ActiveState::kActive) {
            left_active = now;
        }
        state.is_loaded = true;
        state.active = active;
        state.sub.clear();
        state.result = result;
        state.changed = now;
        state.has_job = false;
    }

    // What somebody reads who has listened since then.
    [[nodiscard]] core::UnitState read(std::optional<core::TimePoint> listening_since) const {
        core::UnitState seen = state;
        if (!core::is_down(seen)) {
            return seen;
        }
        const bool is_dated = left_active != core::TimePoint{};
        seen.has_missed_jobs = !listening_since || !is_dated || *listening_since > left_active;
        if (ended && listening_since && ended->time >= *listening_since &&
            ended->time >= left_active) {
            seen.has_ended_job = true;
            seen.ended_job = ended->id;
            seen.job_result = ended->result;
        }
        return seen;
    }

  private:
    void tell(core::TimePoint now) {
        journal_before = journal;
        journal.told = now;
    }

    void write(core::JobType type, core::TimePoint now) {
        tell(now);
        journal.type = type;
        journal.id = next_job;
        is_known_to_journal = true;
    }

    void end_job(const std::string& result, core::TimePoint now) {
        ended = Ended{next_job++, result, now};
    }
};

class World {
  public:
    explicit World(unsigned seed, policy::Policy policy = small_policy())
        : random_(seed),
          policy_(std::move(policy)) {
        systemd_.start(now_);
        restart_agent();
        deliver();
    }

    void run(int events) {
        for (int i = 0; i < events && !::testing::Test::HasFailure(); ++i) {
            pass(std::chrono::milliseconds{pick(3000)});
            happen();
            if (pick(3) != 0) {
                deliver();  // else it is seen together with what comes next
            }
            for (int answers = pick(6); answers > 0; --answers) {
                answer_one();
            }
        }
    }

    // Nobody stops anything any more, every question is answered: true once a start was asked for.
    bool crash_and_wait() {
        if (!is_agent_up_) {
            restart_agent();
        }
        pass(std::chrono::hours{2});
        systemd_.start(now_);
        deliver();
        settle();
        pass(std::chrono::hours{2});  // budgets are full again
        settle();
        acts_ = 0;
        is_honest_ = true;
        if (pick(2) == 0) {
            is_agent_up_ = false;
        }
        systemd_.crash(now_, core::UnitResult::kSignal);
        if (!is_agent_up_) {
            pass(std::chrono::milliseconds{pick(5000)});
            restart_agent();
        }
        deliver();
        for (int round = 0; round < 40 && acts_ == 0; ++round) {
            pass(std::chrono::milliseconds{250});
            settle();
        }
        if (acts_ == 0) {
            for (const auto& [id, incident] : state_.incidents) {
                ADD_FAILURE() << id << " " << engine::phase_id(incident.phase) << " "
                              << incident.text << " | " << incident.decision.reason;
            }
        }
        return acts_ > 0;
    }

    [[nodiscard]] int all_acts() const { return all_acts_; }

  private:
    int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

    void pass(core::Duration time) { now_ += time; }

    core::UnitResult any_result() {
        constexpr std::array kResults{core::UnitResult::kTimeout,
                                      core::UnitResult::kExitCode,
                                      core::UnitResult::kSignal,
                                      core::UnitResult::kCoreDump,
                                      core::UnitResult::kWatchdog,
                                      core::UnitResult::kOomKill,
                                      core::UnitResult::kProtocol};
        return kResults[static_cast<std::size_t>(pick(7))];
    }

    void happen() {
        switch (pick(12)) {
            case 0:
            case 1:
                if (core::is_up(systemd_.state)) {
                    systemd_.crash(now_, any_result());
                }
                return;
            case 2:
            case 3:
            case 4: {
                const bool is_clean = pick(2) == 0;
                systemd_.stop(now_,
                              is_clean ? core::ActiveState::kInactive : core::ActiveState::kFailed,
                              is_clean ? core::UnitResult::kSuccess : any_result());
                return;
            }
            case 5:
                systemd_.start(now_);
                return;
            case 6:
                systemd_.fail_to_start(now_, core::UnitResult::kExitCode);
                return;
            case 7:
                if (core::is_down(systemd_.state)) {
                    systemd_.activate(now_);
                }
                return;
            case 8:
                if (core::is_up(systemd_.state)) {
                    systemd_.crash(now_, any_result());
                    systemd_.state.active = core::ActiveState::kActivating;
                    systemd_.state.sub = "auto-restart";
                }
                return;
            case 9:
                if (systemd_.state.active == core::ActiveState::kFailed) {  // reset-failed
                    systemd_.enter(core::ActiveState::kInactive, core::UnitResult::kSuccess, now_);
                }
                return;
            case 10:
                restart_agent();
                return;
            default:
                is_agent_up_ = !is_agent_up_ && pick(2) == 0 ? true : pick(4) != 0;
                if (!is_agent_up_) {
                    questions_.clear();
                } else {
                    restart_agent();
                }
        }
    }

    void restart_agent() {
        std::vector<core::IncidentRestored> open;
        for (const auto& [id, incident] : state_.incidents) {
            if (incident.phase != engine::Phase::kClosed) {
                open.push_back({id, incident.unit, incident.opened});
            }
        }
        const core::Ledger ledger = state_.ledger;
        state_ = engine::State{};
        state_.policy = policy_;
        questions_.clear();
        listening_since_ = now_;
        is_agent_up_ = true;
        seen_.reset();
        for (const core::IncidentRestored& incident : open) {
            feed(incident);
        }
        feed(core::LedgerLearnt{ledger});
        core::Topology topology;
        topology.services.push_back(core::Service{
            kUnit, core::ServiceRole::kPhpFpm, {core::Backend{"unix:/run/php.sock", "", ""}}});
        feed(core::TopologyLearnt{topology});
    }

    void deliver() {
        if (!is_agent_up_) {
            return;
        }
        core::UnitState seen = systemd_.read(listening_since_);
        if (seen_ == seen) {
            return;
        }
        seen_ = seen;
        is_stop_seen_ = !systemd_.is_meant_to_run;
        seen_stop_ = systemd_.last_stop;
        // A stop of what was down already, while nobody of ours listened, leaves no trace at all.
        const bool is_heard = seen.has_ended_job || !seen.has_missed_jobs;
        is_traceless_ = is_stop_seen_ && !systemd_.is_known_to_journal && !is_heard;
        feed(core::UnitSeen{kUnit, std::move(seen)});
    }

    void settle() {
        for (int round = 0; round < 200 && !questions_.empty(); ++round) {
            answer_one();
            deliver();
        }
        const auto timers = state_.timers;
        for (const auto& [timer, unit] : timers) {
            feed(core::TimerFired{timer});
        }
    }

    void answer_one() {
        if (!is_agent_up_) {
            return;
        }
        if (questions_.empty()) {
            if (!state_.timers.empty()) {
                feed(core::TimerFired{state_.timers.begin()->first});
            }
            return;
        }
        const engine::Effect question = std::move(questions_.front());
        questions_.pop_front();
        std::visit([this](const auto& kind) { answer(kind); }, question);
    }

    void answer(const engine::StartProbe& question) {
        core::ProbeResult result;
        const bool is_good = core::is_up(systemd_.state);
        result.outcome = is_good ? core::ProbeOutcome::kGood : core::ProbeOutcome::kRefused;
        feed(core::ProbeAnswered{question.probe, question.unit, question.address, result});
    }

    void answer(const engine::TestConfig& question) {
        core::ConfigTest test;
        test.verdict = core::ConfigVerdict::kValid;
        feed(core::ConfigTested{question.unit, test});
    }

    void answer(const engine::ReadJobs& question) {
        const int kind = is_honest_ ? 3 : pick(6);
        std::optional<core::LastJob> job = systemd_.journal;
        if (kind == 0) {
            job.reset();
        } else if (kind == 1 && now_ - systemd_.journal.told < core::kJournalLag) {
            job = systemd_.journal_before;  // the newest is still on its way
        } else if (kind == 2) {
            job->type = core::JobType::kNone;  // vacuumed
        }
        told_ = job ? core::encode(*job) : "nothing";
        // It may tell of a start that no state has shown yet.
        const bool is_newer = job && job->type == core::JobType::kStart && job->id > seen_stop_;
        is_stop_seen_ = is_stop_seen_ && !is_newer;
        feed(core::JobsRead{question.unit, job});
    }

    void answer(const engine::ReadLogs& question) { feed(core::LogsRead{question.unit}); }

    void answer(const engine::ReadJournal& question) {
        feed(core::JournalRead{question.unit, question.invocation_id, {}});
    }

    void answer(const engine::Inspect& question) {
        feed(core::Inspected{question.unit, std::nullopt});
    }

    void answer(const engine::ReadFilter& question) {
        feed(core::FilterRead{question.unit, question.address, ""});
    }

    void answer(const engine::RequestAct& request) {
        core::ActAnswered answer;
        answer.incident = request.incident;
        answer.attempt = next_attempt_++;
        const int kind = pick(5);
        if (kind == 0) {
            answer.reply = core::ActReply::kLost;
        } else if (kind == 1) {
            answer.reply = core::ActReply::kRefused;
            answer.detail = "no";
            answer.hold = pick(2) == 0 ? core::HoldKind::kAdminStopped : core::HoldKind::kBooting;
        } else {
            answer.reply = core::ActReply::kDone;
            const bool is_crashed = core::is_down(systemd_.state) && systemd_.is_meant_to_run;
            const bool is_started = kind > 2 && is_crashed;
            if (is_started) {
                systemd_.start(now_);
            } else if (is_crashed) {
                systemd_.fail_to_start(now_, core::UnitResult::kExitCode);
            }
            answer.outcome = is_started ? core::ActOutcome::kSucceeded : core::ActOutcome::kFailed;
        }
        feed(answer);
        if (answer.reply == core::ActReply::kLost) {
            feed(core::LedgerLearnt{state_.ledger});
        }
    }

    void answer(const engine::SetTimer& timer) {
        now_ = std::max(now_, std::min(timer.at, now_ + std::chrono::seconds{1}));
        feed(core::TimerFired{timer.timer});
    }

    template <class Other>
    void answer(const Other& /*effect*/) {}

    void feed(core::EventBody body) {
        for (engine::Effect& effect : engine::step(state_, core::Event{now_, std::move(body)})) {
            if (const auto* request = std::get_if<engine::RequestAct>(&effect)) {
                check(*request);
            }
            questions_.push_back(std::move(effect));
        }
    }

    void check(const engine::RequestAct& request) {
        ++acts_;
        ++all_acts_;
        const bool is_start = request.plan.act == actions::ActId::kStartUnit ||
                              request.plan.act == actions::ActId::kRestartUnit;
        EXPECT_TRUE(is_start);
        // What it has not been told yet is the executor's to find out.
        EXPECT_FALSE(is_stop_seen_ && !is_traceless_)
            << "started, although it was stopped: " << core::describe(*seen_)
            << (seen_->has_missed_jobs ? ", unheard" : "") << " job "
            << (seen_->has_ended_job ? seen_->job_result : "none") << " " << seen_->ended_job
            << ", journal " << core::job_type_id(systemd_.journal.type) << ", told " << told_;
    }

    std::mt19937 random_;
    policy::Policy policy_;
    SmallSystemd systemd_;
    engine::State state_;
    core::TimePoint now_ = *core::parse_time("2026-11-21T14:00:00Z");
    std::optional<core::TimePoint> listening_since_;
    std::optional<core::UnitState> seen_;
    std::deque<engine::Effect> questions_;
    bool is_agent_up_ = true;
    bool is_stop_seen_ = false;
    std::uint32_t seen_stop_ = 0;
    bool is_traceless_ = false;
    bool is_honest_ = false;
    std::string told_;  // by the journal, last
    int acts_ = 0;
    int all_acts_ = 0;
    std::uint64_t next_attempt_ = 1;
};

TEST(IntentProperty, NothingThatWasStoppedIsStarted) {
    int acts = 0;
    for (unsigned seed = 1; seed <= 120 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        World world(seed);
        world.run(400);
        acts += world.all_acts();
    }
    EXPECT_GT(acts, 120) << "the test says nothing where nothing is ever started";
}

TEST(IntentProperty, WhatCrashedIsStartedWhateverHappenedBefore) {
    for (unsigned seed = 1; seed <= 120 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        World world(seed);
        world.run(static_cast<int>(seed % 40));
        EXPECT_TRUE(world.crash_and_wait());
    }
}

// --- told in order ---

constexpr const char* kRefused = "+10ms probe php8.2-fpm.service refused";

TEST(StopStory, FromAutoRestart) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service activating signal sub=auto-restart",
                kRefused,
                "+3s unit php8.2-fpm.service inactive ended=done:441",
                kRefused});
    EXPECT_EQ(story.count("read-jobs"), 1U) << story.dump();
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    story.tell({"+1ms jobs php8.2-fpm.service stop 441"});
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
    EXPECT_EQ(story.count("act "), 0U);
}

TEST(StopStory, ACrashThatWasHeardIsActedOnWithoutAsking) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal", kRefused});
    EXPECT_EQ(story.count("act start-unit"), 1U) << story.dump();
    EXPECT_EQ(story.count("read-jobs"), 0U);
}

TEST(StopStory, WhatNobodyHeardIsAskedOfTheJournal) {
    for (const auto& [answer, acts] : {std::pair{"start 7", 1U}, std::pair{"stop 7", 0U}}) {
        Story story;
        story.tell({"+1s unit php8.2-fpm.service failed timeout unheard", kRefused});
        EXPECT_EQ(story.count("act "), 0U) << "not before it has told";
        story.tell({std::string{"+1ms jobs php8.2-fpm.service "} + answer, "+5s tick"});
        EXPECT_EQ(story.count("act "), acts) << answer << story.dump();
    }
}

TEST(StopStory, AJournalThatDoesNotTellIsNoLeaveToStart) {
    for (const char* answer : {"none", "restart 9", "unreadable"}) {
        Story story;
        story.tell({"+1s unit php8.2-fpm.service failed signal unheard",
                    kRefused,
                    std::string{"+1ms jobs php8.2-fpm.service "} + answer,
                    "+1s tick",
                    "+10s tick",
                    std::string{"+1ms jobs php8.2-fpm.service "} + answer,
                    "+10m tick"});
        EXPECT_EQ(story.count("act "), 0U) << answer << story.dump();
        EXPECT_TRUE(story.says("holds=intent-unknown")) << answer << story.dump();
    }
}

TEST(StopStory, AJournalThatIsNeverReadIsNoLeaveToStart) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal unheard", kRefused, "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=intent-unknown")) << story.dump();
    EXPECT_EQ(story.count("read-jobs"), 1U) << "one question at a time";
}

TEST(StopStory, AJournalThatHasNotCaughtUpIsAskedAgain) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal unheard",
                kRefused,
                "+1ms jobs php8.2-fpm.service start late"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    story.tell({"+600ms tick", "+1ms jobs php8.2-fpm.service stop"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
}

TEST(StopStory, AnAnswerFromBeforeTheStopIsNoAnswer) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal unheard",
                kRefused,
                "+1ms unit php8.2-fpm.service failed signal ended=done:9",
                "+1ms jobs php8.2-fpm.service start 9"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_EQ(story.count("read-jobs"), 2U);
    story.tell({"+1ms jobs php8.2-fpm.service start 8", "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << "systemd has not written about job 9: " << story.dump();
}

TEST(StopStory, ACancelledStartOfOursIsAnAnswer) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                kRefused,
                "+10ms unit php8.2-fpm.service activating job invocation=i2",
                "+2s unit php8.2-fpm.service deactivating job sub=stop-sigterm invocation=i2",
                "+10ms unit php8.2-fpm.service failed signal invocation=i2 ended=canceled:8",
                "+1ms act done 7 failed systemd's job was canceled",
                kRefused,
                "+10m tick"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
    story.tell({"+1s unit php8.2-fpm.service active",
                "+10ms probe php8.2-fpm.service good",
                "+60m unit php8.2-fpm.service failed signal",
                kRefused});
    EXPECT_EQ(story.count("act "), 2U) << "started by hand, it is looked after: " << story.dump();
}

TEST(StopStory, ANoOfSystemdIsNotAskedForAgain) {
    for (const char* result : {"dependency", "unsupported", "assert"}) {
        Story story;
        story.tell(
            {"+1s unit php8.2-fpm.service failed signal",
             kRefused,
             std::string{"+10ms unit php8.2-fpm.service failed signal ended="} + result + ":8",
             std::string{"+1ms act done 7 failed systemd's job ended as "} + result,
             "+1ms jobs php8.2-fpm.service start 8",
             "+10m tick"});
        EXPECT_EQ(story.count("act "), 1U) << result << story.dump();
        EXPECT_TRUE(story.says("cause-elsewhere")) << result << story.dump();
    }
}

TEST(StopStory, WhatTheExecutorHasHeardCountsHere) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                kRefused,
                "+10ms act refused admin-stopped: somebody stopped the unit"});
    story.tell({"+10m tick", "+10m tick"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(StopStory, AnEarlierLifeOfTheAgentNeedNotHaveKnown) {
    Story story;
    story.tell({"restored 5 php8.2-fpm.service",
                "+1s unit php8.2-fpm.service failed timeout unheard",
                kRefused,
                "+1ms jobs php8.2-fpm.service stop 7",
                "+10m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
}

TEST(StopStory, WhatAnEarlierLifeHasHeardIsNotForgotten) {
    for (const bool is_changed : {false, true}) {
        Story story;
        story.tell({"restored 5 php8.2-fpm.service stopped",
                    is_changed ? "+1s unit php8.2-fpm.service active"
                               : "+1s unit php8.2-fpm.service failed signal unheard",
                    "+1s unit php8.2-fpm.service failed signal unheard",
                    kRefused,
                    "+1ms jobs php8.2-fpm.service start 7"});
        EXPECT_EQ(story.count("act "), is_changed ? 1U : 0U) << story.dump();
    }
}

TEST(StopStory, AStopThatIsRememberedIsNotDisplacedByAJobThatDidNothing) {
    for (const char* result : {"assert", "once", "invalid"}) {
        Story story;
        story.tell({"restored 5 php8.2-fpm.service stopped",
                    "+1s unit php8.2-fpm.service failed signal unheard",
                    kRefused,
                    "+1ms jobs php8.2-fpm.service start 7",
                    "+1s unit php8.2-fpm.service failed signal unheard job"});
        story.forget();
        story.tell({std::string{"+1ms unit php8.2-fpm.service failed signal unheard ended="} +
                        result + ":9",
                    "+1ms jobs php8.2-fpm.service start 7",
                    "+10m tick"});
        EXPECT_EQ(story.count("act "), 0U) << result << story.dump();
        EXPECT_TRUE(story.says("holds=admin-stopped")) << result << story.dump();
    }
}

TEST(StopStory, AReloadOfWhatHasCrashedIsNoReasonToLeaveItDown) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal ended=invalid:8",
                kRefused,
                "+1ms jobs php8.2-fpm.service start 7"});
    EXPECT_EQ(story.count("act start-unit"), 1U) << story.dump();
}

TEST(StopStory, WhatWasDisabledWhileItWasDownIsLeftAloneUntilItIsEnabledAgain) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service active enabled",
                "+1s unit php8.2-fpm.service failed signal enabled",
                "+1ms unit php8.2-fpm.service failed signal",
                kRefused,
                "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
    EXPECT_TRUE(story.says("was disabled while it was down")) << story.dump();
    EXPECT_FALSE(story.says("was stopped on purpose")) << story.dump();
    story.tell({"+1s unit php8.2-fpm.service failed signal enabled"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(StopStory, WhatWasSeenEnabledOnlyWhileItWasDownMayBeDisabledToo) {
    Story story;  // "active" there says nothing of enabled
    story.tell({"+1s unit php8.2-fpm.service failed signal enabled",
                "+1ms unit php8.2-fpm.service failed signal ended=failed:8",
                kRefused,
                "+10m tick"});
    EXPECT_EQ(story.count("act "), 0U) << "a start from before is no answer: " << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
}

// Nobody has listened, and `systemctl disable` is written nowhere.
TEST(StopStory, WhatMayHaveBeenDisabledWhileNobodyListenedIsLeftAlone) {
    for (const char* heard : {"", " unheard"}) {
        const std::string down =
            std::string{"+1s unit php8.2-fpm.service failed signal perhaps-disabled"} + heard;
        Story story;
        story.tell({down, kRefused, "+1ms jobs php8.2-fpm.service start 7", "+10m tick"});
        EXPECT_EQ(story.count("act "), 0U) << story.dump();
        EXPECT_TRUE(story.says("holds=intent-unknown")) << story.dump();
        EXPECT_TRUE(story.says("is disabled, and nobody knows")) << story.dump();
        story.tell({"+1s unit php8.2-fpm.service active",
                    "+10ms probe php8.2-fpm.service good",
                    "+60m unit php8.2-fpm.service failed signal",
                    kRefused});
        EXPECT_EQ(story.count("act start-unit"), 1U) << "started by hand: " << story.dump();
    }
}

TEST(StopStory, WhatMayHaveBeenDisabledIsStartedOnceItIsEnabled) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal perhaps-disabled",
                kRefused,
                "+1m tick",
                "+1s unit php8.2-fpm.service failed signal enabled"});
    EXPECT_EQ(story.count("act start-unit"), 1U) << story.dump();
}

TEST(StopStory, WhatWasStoppedIsNotCalledDisabled) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed timeout perhaps-disabled unheard",
                kRefused,
                "+1ms jobs php8.2-fpm.service stop 7",
                "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=admin-stopped")) << story.dump();
}

TEST(StopStory, WhatRunsWithoutBeingEnabledIsStartedAfterACrash) {
    for (const char* before : {"active", "active enabled"}) {
        Story story;
        story.tell({std::string{"+1s unit php8.2-fpm.service "} + before,
                    "+1s unit php8.2-fpm.service active",
                    "+1s unit php8.2-fpm.service failed signal",
                    kRefused});
        EXPECT_EQ(story.count("act start-unit"), 1U)
            << "disabled while it ran, or never enabled: " << story.dump();
    }
}

TEST(StopStory, WhatIsMaskedForAWhileWasNotDisabled) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service active enabled",
                "+1s unit php8.2-fpm.service failed signal masked",
                kRefused,
                "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("holds=masked")) << story.dump();
    story.tell({"+1s unit php8.2-fpm.service failed signal enabled"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_FALSE(story.says("was disabled")) << story.dump();
}

TEST(StopStory, WhatHasEndedByItselfAndWellIsLeftAlone) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service inactive",
                "+10ms probe php8.2-fpm.service missing",
                "+10m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_TRUE(story.says("ended by itself")) << story.dump();
}

TEST(StopStory, WhatASignalHasAskedToEndIsLeftAloneAlsoWhereSystemdCallsItFailed) {
    for (const auto& [end, acts] : {std::pair{"exit-code status=143", 0U},
                                    std::pair{"signal status=15", 0U},
                                    std::pair{"signal status=9", 1U}}) {
        Story story;
        story.tell(
            {std::string{"+1s unit php8.2-fpm.service failed "} + end, kRefused, "+10m tick"});
        EXPECT_EQ(story.count("act "), acts) << story.dump();
        EXPECT_EQ(story.says("ended by itself"), acts == 0U) << story.dump();
    }
}

TEST(StopStory, ARuleThatRevivesStartsAlsoWhatNobodyKnows) {
    policy::Policy policy = small_policy();
    policy::Rule rule = start_rule("revive", core::Cause::kUnitStopped);
    rule.is_reviving_stopped = true;
    rule.witnesses = 1;
    policy.rules.insert(policy.rules.begin(), rule);
    Story story(policy);
    story.tell({"+1s unit php8.2-fpm.service inactive ended=done:9",
                "+10ms probe php8.2-fpm.service missing",
                "+1ms jobs php8.2-fpm.service stop 9"});
    EXPECT_EQ(story.count("act start-unit"), 1U) << story.dump();
}

TEST(StopStory, ASurvivingWorkerIsNamedAsWhatItIs) {
    Story story;
    story.tell(
        {"+1s unit php8.2-fpm.service failed signal", "+10ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_TRUE(story.says("something still answers on unix:/run/php/php8.2-fpm.sock"))
        << story.dump();
    EXPECT_TRUE(story.says("as much speaks against it as for it")) << story.dump();
    EXPECT_FALSE(story.says("the only witness is a log")) << story.dump();
}

}  // namespace
}  // namespace gatemend::testing
