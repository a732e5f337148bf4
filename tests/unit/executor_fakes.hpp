// SPDX-License-Identifier: MIT
// A machine in memory for executor tests: systemd, facts, journal, clock and policy as the executor
// meets them, and an audit file in a folder of its own.
#pragma once

#include "sandbox/executor/executor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gatemend::sandbox {

inline const std::string kFpm = "php8.2-fpm.service";
inline const std::string kInvocation(32, 'a');

class FakeSystemd final : public bus::SystemdClient {
  public:
    std::map<std::string, core::UnitState> units;
    std::string system_state = "running";
    bus::ServiceSetup setup{.user = "shop",
                            .uid = 1001,
                            .environment = {"PM2_HOME=/home/shop/.pm2"},
                            .exec_start = {"/usr/bin/pm2", "resurrect"}};
    std::string job_result = "done";
    bool is_job_held = false;  // the job does not end until end_job()
    std::vector<std::string> jobs;
    std::function<void()> on_read;  // before each answer
    int daemon_reloads = 0;
    bool is_reload_silent = false;                      // the job is done, and nothing has changed
    std::function<void(const std::string&)> on_reload;  // new workers, where they are seen

    void read_unit(const std::string& unit,
                   std::function<void(core::Result<core::UnitState>)> done) override {
        if (on_read) {
            on_read();
        }
        done(units[unit]);
    }

    void watch_unit(const std::string& /*unit*/,
                    std::function<void(const core::UnitState&)> /*changed*/) override {}

    void unwatch_unit(const std::string& /*unit*/) override {}

    void run_job(bus::JobKind kind,
                 const std::string& unit,
                 core::Duration /*deadline*/,
                 std::function<void(core::Result<bus::JobResult>)> done) override {
        jobs.push_back(word_of(kind) + unit);
        held_ = [this, kind, unit, done = std::move(done)] {
            if (kind == bus::JobKind::kReload) {
                if (job_result == "done" && !is_reload_silent && on_reload) {
                    on_reload(unit);
                }
            } else if (job_result == "done") {
                units[unit].active = core::ActiveState::kActive;
                units[unit].invocation_id = std::string(32, 'b');
            }
            done(bus::JobResult{job_result});
        };
        if (!is_job_held) {
            end_job();
        }
    }

    void end_job() { std::exchange(held_, nullptr)(); }

    void read_service(const std::string& /*unit*/,
                      std::function<void(core::Result<bus::ServiceSetup>)> done) override {
        done(setup);
    }

    std::map<std::string, core::UnitStanding> standings;

    void read_standing(const std::string& unit,
                       std::function<void(core::Result<core::UnitStanding>)> done) override {
        done(standings[unit]);
    }

    void reload_daemon(core::Duration /*deadline*/,
                       std::function<void(core::Status)> done) override {
        ++daemon_reloads;
        done(core::Done{});
    }

    std::map<std::string, bus::UnitCompany> company;

    void read_company(const std::string& unit,
                      std::function<void(core::Result<bus::UnitCompany>)> done) override {
        done(company[unit]);
    }

    void read_system_state(std::function<void(core::Result<std::string>)> done) override {
        done(system_state);
    }

  private:
    static std::string word_of(bus::JobKind kind) {
        switch (kind) {
            case bus::JobKind::kStart:
                return "start ";
            case bus::JobKind::kRestart:
                return "restart ";
            case bus::JobKind::kReload:
                break;
        }
        return "reload ";
    }

    std::function<void()> held_;
};

class FakeFacts final : public Facts {
  public:
    std::string verdict = "valid";
    std::map<std::string, std::string> verdicts;  // of single units, before `verdict`
    std::string output = "words of the tool";
    std::vector<std::string> staged_verdicts;  // one after the other; then "valid"
    std::vector<std::vector<Bind>> staged;     // what the staged tests were given
    std::vector<std::uint32_t> pids{10, 11, 12};
    std::string inspection = "end\n";
    core::Result<std::string> last_job_line{core::Error{"no journal"}};
    std::vector<std::string> asked_jobs;
    bool is_tested = true;
    core::Result<ConfigChange> newest = ConfigChange{"/etc/nginx/nginx.conf", {}};
    // Absent: as test_config says now.
    std::optional<core::Duration> valid_since{};  // they passed so long ago
    std::string dump;
    int dumps_made = 0;
    std::vector<std::string> probed;
    std::vector<std::string> inspected;  // "unit|address"
    std::vector<std::string> listed;     // pm2 units
    core::Result<std::string> pm2_list = std::string{"+--- shop\nstatus : errored\n"};
    bool is_holding_looks = false;  // a look does not end until end_look()
    std::vector<std::function<void(core::Result<std::string>)>> held_looks;
    std::string probe_line = "outcome=good errno=0 us=1\n";

    void nginx_dump(std::function<void(core::Result<NginxDumpFact>)> done) override {
        ++dumps_made;
        done(NginxDumpFact{.exit_status = dump.empty() ? 1 : 0, .dump = dump, .diagnostics = ""});
    }

    void test_config(const std::string& unit,
                     std::function<void(core::Result<ConfigTestFact>)> done) override {
        done(ConfigTestFact{.verdict = verdict_of(unit), .fingerprint = "f", .output = output});
    }

    void test_staged(const std::string& /*unit*/,
                     const std::vector<Bind>& binds,
                     std::function<void(core::Result<ConfigTestFact>)> done) override {
        const std::string answer =
            staged.size() < staged_verdicts.size() ? staged_verdicts[staged.size()] : "valid";
        staged.push_back(binds);
        done(ConfigTestFact{.verdict = answer, .fingerprint = "", .output = output});
    }

    [[nodiscard]] std::vector<std::uint32_t> processes(const std::string& /*unit*/) const override {
        return pids;
    }

    void probe(const core::ProbeQuestion& question,
               std::function<void(core::Result<std::string>)> done) override {
        probed.push_back(question.address);
        done(probe_line);
    }

    void inspect(const std::string& unit,
                 const std::string& address,
                 std::function<void(core::Result<std::string>)> done) override {
        inspected.push_back(unit + "|" + address);
        held_looks.push_back(std::move(done));
        if (!is_holding_looks) {
            end_look();
        }
    }

    void last_job(const std::string& id,
                  std::function<void(core::Result<std::string>)> done) override {
        asked_jobs.push_back(id);
        done(last_job_line);
    }

    void packet_filter(std::function<void(core::Result<PacketFilterFact>)> done) override {
        done(PacketFilterFact{.format = "none", .text = ""});
    }

    void pm2_apps(const std::string& unit,
                  std::function<void(core::Result<std::string>)> done) override {
        listed.push_back(unit);
        done(pm2_list);
    }

    void end_look() {
        const auto done = std::move(held_looks.front());
        held_looks.erase(held_looks.begin());
        done(inspection);
    }

    [[nodiscard]] core::Result<std::string> fingerprint(
        const std::string& /*unit*/) const override {
        return std::string{"f"};
    }

    [[nodiscard]] core::Result<ConfigChange> newest_change(
        const std::string& /*unit*/) const override {
        return newest;
    }

    [[nodiscard]] bool is_known_valid(const std::string& unit,
                                      core::Duration max_age) const override {
        return valid_since ? *valid_since <= max_age : is_tested && verdict_of(unit) == "valid";
    }

  private:
    [[nodiscard]] std::string verdict_of(const std::string& unit) const {
        const auto found = verdicts.find(unit);
        return found == verdicts.end() ? verdict : found->second;
    }
};

// Answers every tool with the next of `script`, or with `outcome` when there is none.
class FakeTools final : public ToolRunner {
  public:
    ToolOutcome outcome{0, false, false, false, "", ""};
    std::vector<ToolOutcome> script;
    std::vector<std::vector<std::string>> runs;
    std::vector<ToolSpec> specs;
    std::function<void(const ToolSpec&)> on_run;  // what the tool does to the machine

    void run(const ToolSpec& spec, std::function<void(core::Result<ToolOutcome>)> done) override {
        runs.push_back(spec.argv);
        specs.push_back(spec);
        if (on_run) {
            on_run(spec);
        }
        ToolOutcome answer = outcome;
        if (!script.empty()) {
            answer = script.front();
            script.erase(script.begin());
        }
        done(answer);
    }

    void launch(const ToolSpec& spec,
                int /*output*/,
                std::function<void(core::Result<ToolOutcome>)> started) override {
        run(spec, std::move(started));
    }
};

// Changes one file, as long as nobody tells it otherwise.
class FakeMender final : public Mender {
  public:
    actions::Mending mending{
        {{{"/etc/nginx/a.conf", std::string(64, '1'), std::string(64, '2')}, ""}},
        {"one place"},
        "-old\n+new\n"};
    std::vector<std::string> steps;               // "stage 3"
    std::map<std::string, std::string> failures;  // "commit" -> why
    std::vector<UndoOrder> orders;                // of reviews and undoings
    std::size_t dies_at = 0;  // from this step on (the first is 1) nobody answers; 0: never
    unsigned candidates = 1;  // kept versions that restore-config finds

    void preview(const actions::Plan& /*plan*/, unsigned candidate, Done done) override {
        note("preview", "", [this, candidate, done](core::Result<actions::Mending> result) {
            if (candidate >= candidates) {
                result = core::Error{"no such version"};
            }
            done(std::move(result));
        });
    }

    void stage(const actions::Plan& /*plan*/, std::uint64_t attempt, Done done) override {
        note("stage", std::to_string(attempt), done);
    }

    void commit(std::uint64_t attempt,
                const std::vector<std::string>& /*paths*/,
                Done done) override {
        note("commit", std::to_string(attempt), done);
    }

    void review(const UndoOrder& order, Done done) override {
        orders.push_back(order);
        note("review", std::to_string(order.attempt), done);
    }

    void undo(const UndoOrder& order, Done done) override {
        orders.push_back(order);
        note("undo", std::to_string(order.attempt), done);
    }

    void forget(std::uint64_t attempt, Done done) override {
        note("forget", std::to_string(attempt), done);
    }

    void keep(const std::string& unit, Done done) override { note("keep", unit, done); }

  private:
    void note(const std::string& step, const std::string& what, const Done& done) {
        steps.push_back(what.empty() ? step : step + " " + what);
        if (dies_at != 0 && steps.size() >= dies_at) {
            return;
        }
        const auto failure = failures.find(step);
        if (failure != failures.end()) {
            done(core::Error{failure->second});
        } else {
            done(mending);
        }
    }
};

class FakeNotices final : public Notices {
  public:
    std::vector<Notice> sent;

    void send(const Notice& notice) override { sent.push_back(notice); }
};

inline policy::Policy make_test_policy() {
    policy::Rule rule;
    rule.name = "start-crashed-backend";
    rule.match.cause = core::Cause::kUnitFailed;
    rule.ladder = {{actions::ActId::kStartUnit, std::chrono::seconds{10}},
                   {actions::ActId::kRestartUnit, std::chrono::seconds{20}}};
    rule.mode = policy::Mode::kAct;
    rule.limit.cooldown = core::Duration::zero();
    policy::Policy policy;
    policy.rules = {rule};
    return policy;
}

inline core::UnitState make_crashed_unit() {
    core::UnitState state;
    state.is_loaded = true;
    state.active = core::ActiveState::kFailed;
    state.result = core::UnitResult::kSignal;
    state.invocation_id = kInvocation;
    return state;
}

inline PlanRequest make_request() {
    return {.act = "start-unit",
            .unit = kFpm,
            .rule = "start-crashed-backend",
            .cause = "unit-failed",
            .expected_active = "failed",
            .expected_invocation = kInvocation,
            .deadline_usec = 5'000'000};
}

class ExecutorMachine {
  public:
    core::Duration uptime = std::chrono::hours{24 * 365};

    ExecutorMachine() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "gatemend-executor-XXXXXX").string();
        folder = mkdtemp(pattern.data());
        systemd.units[kFpm] = make_crashed_unit();
        loaded.policy = make_test_policy();
        start();
    }

    ExecutorMachine(const ExecutorMachine&) = delete;
    ExecutorMachine& operator=(const ExecutorMachine&) = delete;

    ~ExecutorMachine() { std::filesystem::remove_all(folder); }

    [[nodiscard]] std::string audit_path() const { return folder / "audit.jsonl"; }

    // Also after a crash: the old one is simply dropped.
    void start() {
        executor.reset();
        timers.clear();
        is_ready = false;
        executor.emplace(
            ExecutorPorts{
                .systemd = systemd,
                .facts = facts,
                .tools = tools,
                .mender = mender,
                .notices = notices,
                .now = [this] { return now; },
                .load_policy = [this] { return loaded; },
                .ledger_changed = [this] { ++ledger_changes; },
                .after =
                    [this](core::Duration delay, std::function<void()> then) {
                        timers.emplace_back(now + delay, std::move(then));
                    },
                .uptime = [this] { return uptime; },
                .read_anchor = [this](const std::string& path,
                                      const AnchorDone& done) { done(newest_anchor(path)); },
                .check_guards =
                    [this](std::string unit, actions::ActId act, HoldDone done) {
                        if (guards) {
                            guards(std::move(unit), act, std::move(done));
                        } else {
                            done(guard);
                        }
                    }},
            Record::open(audit_path()));
        executor->begin([this] { is_ready = true; });
    }

    // What a journal that keeps all notices says.
    [[nodiscard]] core::Result<std::optional<Anchor>> newest_anchor(const std::string& path) const {
        if (!is_journal_read) {
            return core::Error{"no journal here"};
        }
        for (auto notice = notices.sent.rbegin(); notice != notices.sent.rend(); ++notice) {
            if (notice->audit_file == path && !notice->audit_head.empty()) {
                return std::optional{Anchor{notice->audit_seq, notice->audit_head, now}};
            }
        }
        return std::optional<Anchor>{};
    }

    Reply<Proposal> plan(const PlanRequest& request) {
        std::optional<Reply<Proposal>> reply;
        executor->plan(request, [&](Reply<Proposal> answer) { reply = std::move(answer); });
        return reply.value();
    }

    Reply<Proposal> propose(const PlanRequest& request) {
        std::optional<Reply<Proposal>> reply;
        executor->propose(request, [&](Reply<Proposal> answer) { reply = std::move(answer); });
        return reply.value();
    }

    // Time passes; what was to be called meanwhile is called, in its order.
    void pass(core::Duration duration) {
        const core::TimePoint end = now + duration;
        while (true) {
            const auto next =
                std::ranges::min_element(timers, {}, [](const auto& t) { return t.first; });
            if (next == timers.end() || next->first > end) {
                break;
            }
            const auto [at, then] = std::move(*next);
            timers.erase(next);
            now = std::max(now, at);
            then();
        }
        now = end;
    }

    Reply<ActResult> execute(const std::string& digest, std::uint64_t incident = 7) {
        std::optional<Reply<ActResult>> reply;
        executor->execute(
            digest, incident, [&](Reply<ActResult> answer) { reply = std::move(answer); });
        return reply.value();
    }

    Reply<core::Done> latch(const std::string& unit, const std::string& rule) {
        std::optional<Reply<core::Done>> reply;
        executor->latch(unit, rule, [&](Reply<core::Done> answer) { reply = std::move(answer); });
        return reply.value();
    }

    Reply<std::string> roll_back(std::uint64_t attempt, Asker asker = Asker::kRoot) {
        std::optional<Reply<std::string>> reply;
        executor->roll_back(
            attempt, asker, [&](Reply<std::string> answer) { reply = std::move(answer); });
        return reply.value();
    }

    // One whole act; the unit is crashed again afterwards.
    Reply<ActResult> heal_once() {
        systemd.units[kFpm] = make_crashed_unit();
        const auto planned = plan(make_request());
        if (const auto* fault = std::get_if<Fault>(&planned)) {
            return *fault;
        }
        return execute(std::get<Proposal>(planned).digest);
    }

    // The same, and the unit went down again within the soak.
    Reply<ActResult> fail_once() {
        auto done = heal_once();
        if (const auto* result = std::get_if<ActResult>(&done)) {
            (void)executor->confirm(result->attempt, "ineffective", "down again");
        }
        return done;
    }

    std::filesystem::path folder;
    FakeSystemd systemd;
    FakeFacts facts;
    FakeTools tools;
    FakeMender mender;
    FakeNotices notices;
    policy::LoadedPolicy loaded;
    core::TimePoint now{std::chrono::seconds{1'795'000'000}};
    int ledger_changes = 0;
    std::optional<GateHold> guard;
    bool is_ready = false;
    bool is_journal_read = false;
    std::function<void(const std::string&, actions::ActId, HoldDone)> guards;
    std::vector<std::pair<core::TimePoint, std::function<void()>>> timers;
    std::optional<Executor> executor;
};

// "Refused: kind" of a reply, "" when it is no fault.
template <class T>
std::string fault_of(const Reply<T>& reply) {
    const auto* fault = std::get_if<Fault>(&reply);
    if (fault == nullptr) {
        return {};
    }
    return std::string{fault_kind_id(fault->kind)} + ": " +
           fault->text.substr(0, fault->text.find(':'));
}

}  // namespace gatemend::sandbox
