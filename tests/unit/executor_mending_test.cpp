// SPDX-License-Identifier: MIT
// Acts that change files: what they would change, that they may, that they go back when anything
// fails, and that nothing stays in force that nobody has confirmed.
#include "executor_fakes.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/message_ids.hpp"
#include "sandbox/executor/gate.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>

namespace gatemend::sandbox {
namespace {

using actions::ActId;
using core::ActOutcome;
using core::UndoState;

const std::string kNginx = "nginx.service";
const std::string kOldSocket = "unix:/run/php/php8.2-fpm.sock";
const std::string kNewSocket = "unix:/run/php/php8.4-fpm.sock";

core::UnitState make_running_unit() {
    core::UnitState state;
    state.is_loaded = true;
    state.active = core::ActiveState::kActive;
    state.sub = "running";
    state.invocation_id = kInvocation;
    return state;
}

PlanRequest make_running_request(const std::string& act, const std::string& unit) {
    PlanRequest request = make_request();
    request.act = act;
    request.unit = unit;
    request.rule = "mend";
    request.cause = "unit-failed";
    request.expected_active = "active";
    request.deadline_usec = 20'000'000;
    return request;
}

PlanRequest repoint() {
    PlanRequest request = make_running_request("repoint-backend", kNginx);
    request.parameters = {{"from", kOldSocket}, {"to", kNewSocket}};
    return request;
}

PlanRequest set_listen() {
    PlanRequest request = make_running_request("set-pool-listen", kFpm);
    request.parameters = {{"socket", kOldSocket}};
    return request;
}

PlanRequest fix_owner() {
    PlanRequest request = make_running_request("fix-socket-owner", kFpm);
    request.parameters = {{"socket", kOldSocket}};
    return request;
}

PlanRequest debug_log() {
    PlanRequest request = make_running_request("debug-log", kNginx);
    request.parameters = {{"seconds", "120"}};
    return request;
}

PlanRequest restore() {
    PlanRequest request = make_running_request("restore-config", kNginx);
    request.parameters = {{"file", "/etc/nginx/a.conf"}};
    return request;
}

PlanRequest suggest(const std::string& unit, const actions::Parameters& parameters) {
    PlanRequest request = make_running_request("apply-suggestion", unit);
    request.parameters = {parameters.begin(), parameters.end()};
    return request;
}

constexpr std::uint32_t kNginxPid = 300;

// A rule with every act, that acts without asking; both units are up.
class MendingMachine : public ExecutorMachine {
  public:
    MendingMachine() {
        policy::Rule rule = make_test_policy().rules.front();
        rule.name = "mend";
        rule.limit.max = 1000;
        rule.ladder.clear();
        for (const actions::ActSpec& spec : actions::catalogue()) {
            rule.ladder.push_back({spec.id, spec.timeout});
        }
        for (policy::LadderStep& step : rule.ladder) {
            if (step.act == ActId::kDebugLog || step.act == ActId::kCapturePort) {
                step.with = {{"seconds", "120"}};
            }
        }
        loaded.policy.rules.push_back(rule);
        loaded.policy.settings.unit_limit.max = 1000;
        loaded.policy.settings.host_limit.max = 1000;
        systemd.units[kFpm] = make_running_unit();
        systemd.units[kNginx] = make_running_unit();
        mending.changes[0].staged = "/var/lib/gatemend/snapshots/1/0.new";
        mender.mending = mending;
        core::Inspection inspection;
        core::Listener listener;
        listener.address = kNewSocket;
        listener.unit = "php8.4-fpm.service";
        listener.pid = 71;
        systemd.standings[listener.unit] = {
            .name = listener.unit, .is_loaded = true, .main_pid = listener.pid};
        inspection.listeners = {listener};
        core::Worker worker;
        worker.is_nginx = true;
        worker.parent = kNginxPid;
        worker.started = 100;
        inspection.workers = {worker};
        systemd.standings[kNginx] = {.name = kNginx, .is_loaded = true, .main_pid = kNginxPid};
        facts.inspection = core::encode(inspection);
        facts.dump = "events { }";
        systemd.on_reload = [this](const std::string&) { replace_workers(); };
        start();
    }

    // As a reload does: the master stays.
    void replace_workers() {
        const std::uint32_t newest = facts.pids.back();
        facts.pids = {facts.pids.front(), newest + 1, newest + 2};
    }

    policy::Rule& rule() { return loaded.policy.rules.back(); }

    Reply<ActResult> act(const PlanRequest& request) {
        const auto planned = plan(request);
        if (const auto* fault = std::get_if<Fault>(&planned)) {
            return *fault;
        }
        return execute(std::get<Proposal>(planned).digest);
    }

    [[nodiscard]] const core::Attempt& last() const { return executor->ledger().attempts.back(); }

    [[nodiscard]] bool has_said(std::string_view id, int priority) const {
        return std::ranges::any_of(notices.sent, [&](const Notice& notice) {
            return notice.message_id == id && notice.priority == priority;
        });
    }

    [[nodiscard]] std::vector<std::string> kinds() const {
        std::vector<std::string> result;
        const auto report = read_audit(audit_path(), [&](std::string_view line) {
            const std::string_view key = "\"kind\":\"";
            const std::size_t at = line.find(key) + key.size();
            result.emplace_back(line.substr(at, line.find('"', at) - at));
        });
        EXPECT_TRUE(report && report->problem == AuditProblem::kNone);
        result.erase(result.begin());  // of the start with the other policy
        return result;
    }

    // What the record says of the last undoing.
    [[nodiscard]] std::string undo_detail() const {
        std::string detail;
        (void)read_audit(audit_path(), [&](std::string_view line) {
            const std::string_view key = "\"detail\":\"";
            if (line.find("\"kind\":\"undone\"") != std::string_view::npos) {
                const std::size_t at = line.find(key) + key.size();
                detail = line.substr(at, line.find('"', at) - at);
            }
        });
        return detail;
    }

    actions::Mending mending = mender.mending;
};

using Words = std::vector<std::string>;

// No file of this process grows beyond where the record stands.
class FullDisk {
  public:
    explicit FullDisk(const std::string& path) {
        (void)getrlimit(RLIMIT_FSIZE, &before_);
        rlimit full = before_;
        full.rlim_cur = std::filesystem::file_size(path);
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &full);
    }

    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

    ~FullDisk() {
        (void)setrlimit(RLIMIT_FSIZE, &before_);
        (void)std::signal(SIGXFSZ, handler_);
    }

  private:
    rlimit before_{};
    void (*handler_)(int) = SIG_DFL;
};

// --- what would be changed

TEST(ExecutorProposal, ShowsWhatWouldChangeAndPermitsNothing) {
    MendingMachine machine;
    const auto proposal = std::get<Proposal>(machine.propose(repoint()));
    EXPECT_EQ(proposal.preview, "one place\n-old\n+new\n");
    EXPECT_TRUE(fault_of(machine.execute(proposal.digest)).starts_with("NotFound"));
    EXPECT_EQ(machine.mender.steps, Words{"preview"});
}

TEST(ExecutorProposal, HasTheDigestOfThePlanWhateverModeGuardsAndBudgetSay) {
    MendingMachine machine;
    const auto planned = std::get<Proposal>(machine.plan(repoint()));
    machine.rule().mode = policy::Mode::kAsk;
    machine.guards = [](const std::string&, ActId, const HoldDone& done) {
        done(GateHold{core::HoldKind::kDeploying, "somebody deploys"});
    };
    machine.start();
    (void)machine.executor->pause(60, "", "uid 0");
    const auto proposed = std::get<Proposal>(machine.propose(repoint()));
    EXPECT_EQ(proposed.digest, planned.digest);
    EXPECT_EQ(proposed.preview, planned.preview);
}

TEST(ExecutorProposal, IsRefusedWhereTheRuleOnlyObserves) {
    MendingMachine machine;
    machine.rule().mode = policy::Mode::kObserve;
    machine.start();
    EXPECT_EQ(fault_of(machine.propose(repoint())), "Refused: observe-only");
    EXPECT_EQ(machine.kinds().back(), "refused");
}

TEST(ExecutorProposal, HostileContentIsShownPrintable) {
    MendingMachine machine;
    machine.mender.mending.diff = "+\x1b[2J\tx\n+\xff\n";
    EXPECT_EQ(std::get<Proposal>(machine.propose(repoint())).preview,
              "one place\n+\\x1B[2J\tx\n+\\xFF\n");
}

TEST(ExecutorProposal, OnlySoManyPlansAreLookedAtAtOnce) {
    MendingMachine machine;
    machine.mender.dies_at = 1;
    for (std::size_t i = 0; i < kMaxExaminations; ++i) {
        machine.executor->propose(repoint(), [](const Reply<Proposal>&) {});
    }
    EXPECT_TRUE(fault_of(machine.propose(repoint())).starts_with("Busy"));
}

TEST(ExecutorProposal, IsToldToRootInTheExecutorsWords) {
    MendingMachine machine;
    machine.mender.mending.full = "-password\n+new\n";
    const auto proposal = std::get<Proposal>(machine.propose(repoint()));
    const auto known = std::get<Finding>(machine.executor->reveal(proposal.digest));
    EXPECT_EQ(actions::describe(known.plan),
              "repoint-backend nginx.service (from " + kOldSocket + ", to " + kNewSocket + ")");
    EXPECT_EQ(known.plan.rule, "mend");
    EXPECT_EQ(known.preview, proposal.preview);
    EXPECT_EQ(known.full_preview, "one place\n-password\n+new\n");
    EXPECT_EQ(fault_of(machine.executor->reveal(std::string(64, 'f'))),
              "NotFound: no such plan was proposed of late");
}

TEST(ExecutorProposal, IsForgottenForNewerOnesAndByANewExecutor) {
    MendingMachine machine;
    const std::string digest = std::get<Proposal>(machine.propose(repoint())).digest;
    const auto is_known = [&] { return fault_of(machine.executor->reveal(digest)).empty(); };
    PlanRequest other = repoint();
    const auto propose_others = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            --other.deadline_usec;
            ASSERT_EQ(fault_of(machine.propose(other)), "");
        }
    };
    propose_others(kMaxProposed - 1);
    EXPECT_TRUE(is_known());
    (void)machine.propose(repoint());
    propose_others(kMaxProposed - 1);
    EXPECT_TRUE(is_known()) << "it was asked for again meanwhile";
    propose_others(1);
    EXPECT_FALSE(is_known());
    (void)machine.propose(repoint());
    machine.start();
    EXPECT_FALSE(is_known());
}

// --- refusals

TEST(ExecutorMending, RefusesWhatItSeesItself) {
    struct Case {
        const char* name;
        std::function<void(MendingMachine&)> arrange;
        PlanRequest request;
        std::string fault;
    };

    const auto with = [](PlanRequest request, const std::string& name, const std::string& value) {
        request.parameters[name] = value;
        return request;
    };
    const auto on = [](PlanRequest request, const std::string& unit) {
        request.unit = unit;
        return request;
    };
    const auto nothing = [](MendingMachine&) {};
    const std::string refused = "Refused: executor-refused";
    const std::string bad = "BadArgument: ";
    const std::vector<Case> cases{
        {"nobody on the new address",
         nothing,
         with(repoint(), "to", "unix:/run/php/other.sock"),
         refused},
        {"somebody on the old address",
         nothing,
         with(with(repoint(), "to", kOldSocket), "from", kNewSocket),
         refused},
        {"an unlisted unit on the new address",
         [](auto& m) {
             m.facts.inspection.replace(m.facts.inspection.find("php8.4-fpm"), 10, "mallory-xx");
         },
         repoint(),
         refused},
        {"a script in PHP-FPM's control group on the new address",
         [](auto& m) { m.systemd.standings["php8.4-fpm.service"].main_pid = 70; },
         repoint(),
         refused},
        {"PHP-FPM has no main process",
         [](auto& m) { m.systemd.standings["php8.4-fpm.service"].main_pid = 0; },
         repoint(),
         refused},
        {"systemd does not know who listens",
         [](auto& m) { m.systemd.standings.clear(); },
         repoint(),
         refused},
        {"the new address is closed to nginx",
         [](auto& m) {
             m.facts.inspection.replace(m.facts.inspection.find("open=1"), 6, "open=0");
         },
         repoint(),
         refused},
        {"listeners unknown", [](auto& m) { m.facts.inspection = "end\n"; }, repoint(), refused},
        {"inspection is nonsense", [](auto& m) { m.facts.inspection = "x"; }, repoint(), refused},
        {"nothing moves", nothing, with(repoint(), "to", kOldSocket), bad + "parameter to"},
        {"not nginx", nothing, on(repoint(), kFpm), refused},
        {"not PHP-FPM", nothing, on(set_listen(), kNginx), refused},
        {"nginx is down",
         [](auto& m) { m.systemd.units[kNginx].active = core::ActiveState::kFailed; },
         repoint(),
         refused},
        {"nothing would change", [](auto& m) { m.mender.mending = {}; }, repoint(), refused},
        {"cannot be previewed",
         [](auto& m) { m.mender.failures["preview"] = "two pools name it"; },
         set_listen(),
         refused},
        {"the rule gives other seconds",
         nothing,
         with(debug_log(), "seconds", "600"),
         "Refused: no-rule"},
        {"nginx does not pass",
         [](auto& m) { m.facts.verdicts[kNginx] = "invalid"; },
         fix_owner(),
         "Refused: config-invalid"},
        {"nothing to restore", nothing, restore(), refused},
        {"the complaint is about another file",
         [](auto& m) { m.facts.verdict = "invalid"; },
         restore(),
         refused},
        {"the file is only named as the one that was tested",
         [](auto& m) {
             m.facts.verdict = "invalid";
             m.facts.output =
                 "no such host in /etc/nginx/b.conf:3\nnginx: configuration file "
                 "/etc/nginx/a.conf test failed";
         },
         restore(),
         refused},
        {"not nginx's file", nothing, with(restore(), "file", "/etc/shadow"), refused},
        {"everybody's file", nothing, with(restore(), "file", "/etc/hosts"), refused},
        {"nginx's file, FPM's unit", nothing, on(restore(), kFpm), refused},
        {"the test cannot run",
         [](auto& m) { m.facts.verdict = "unknown"; },
         restore(),
         "Refused: config-unknown"},
        {"a setting that is not gatemend's",
         nothing,
         suggest(kFpm, {{"setting", "auto_prepend_file"}, {"value", "x"}}),
         bad + "parameter setting"},
        {"a setting without its pool",
         nothing,
         suggest(kFpm, {{"setting", "pm.max_children"}, {"value", "20"}}),
         bad + "parameter pool is missing"},
        {"a pool of nginx",
         nothing,
         suggest(kNginx, {{"setting", "pm.max_children"}, {"value", "20"}, {"pool", "www"}}),
         refused},
        {"nginx's setting, FPM's unit",
         nothing,
         suggest(kFpm, {{"setting", "worker_connections"}, {"value", "2048"}}),
         refused},
        {"a deploy",
         [](auto& m) {
             m.guards = [](const std::string&, ActId, const HoldDone& done) {
                 done(GateHold{core::HoldKind::kDeploying, "somebody deploys"});
             };
             m.start();
         },
         repoint(),
         "Refused: deploying"},
        {"rule for other units",
         [](auto& m) {
             m.rule().match.unit = "php7*";
             m.start();
         },
         set_listen(),
         "Refused: no-rule"},
    };
    for (const Case& test : cases) {
        MendingMachine machine;
        test.arrange(machine);
        EXPECT_EQ(fault_of(machine.plan(test.request)).substr(0, test.fault.size()), test.fault)
            << test.name;
        EXPECT_TRUE(machine.executor->ledger().attempts.empty()) << test.name;
        EXPECT_EQ(machine.kinds().back(), test.fault.starts_with("Bad") ? "start" : "refused")
            << test.name;
    }
}

TEST(ExecutorMending, CapturesLocalTcpAddressesOnly) {
    for (const char* address : {"unix:/run/x.sock", "192.0.2.1:9000", "[2001:db8::1]:80"}) {
        MendingMachine machine;
        PlanRequest request = make_running_request("capture-port", kFpm);
        request.parameters = {{"address", address}, {"seconds", "120"}};
        EXPECT_TRUE(fault_of(machine.plan(request)).starts_with("BadArgument")) << address;
    }
}

TEST(ExecutorMending, CapturesOnlyWhatTheUnitItselfListensOn) {
    actions::Plan plan;
    plan.act = ActId::kCapturePort;
    plan.unit = kFpm;
    plan.parameters = {{"address", "127.0.0.1:9000"}, {"seconds", "120"}};
    core::Inspection inspection;
    EXPECT_TRUE(check_capture(plan, inspection)) << "nobody could look";
    inspection.listeners = std::vector<core::Listener>{};
    EXPECT_TRUE(check_capture(plan, inspection)) << "nobody listens";
    core::Listener listener;
    listener.address = "127.0.0.1:9000";
    listener.unit = "ssh.service";
    inspection.listeners = {listener};
    EXPECT_TRUE(check_capture(plan, inspection)) << "somebody else listens";
    inspection.listeners->front().unit = kFpm;
    EXPECT_FALSE(check_capture(plan, inspection));
    listener.address = "127.0.0.2:9000";
    inspection.listeners->push_back(listener);
    EXPECT_TRUE(check_capture(plan, inspection)) << "all of that port is captured";
    inspection.listeners->back().address = "127.0.0.2:9001";
    EXPECT_FALSE(check_capture(plan, inspection));
}

TEST(ExecutorMending, RestartsForALostSocketOnlyWhereTheUnitHasLostOne) {
    actions::Plan plan;
    plan.act = ActId::kRestartUnit;
    plan.unit = kFpm;
    plan.role = core::ServiceRole::kPhpFpm;
    core::Inspection inspection;
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "nobody could look";
    core::Listener listener;
    listener.address = "unix:/run/php/a.sock";
    listener.unit = kFpm;
    listener.is_main = true;
    listener.connections = 0;
    inspection.listeners = {listener};
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "it is where it belongs";
    inspection.listeners->front().is_reachable = false;
    EXPECT_FALSE(check_lost_socket(plan, inspection));
    inspection.listeners->front().is_main = false;
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "a script's own";
    plan.role = core::ServiceRole::kOther;
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "an application's child";
    plan.role = core::ServiceRole::kPhpFpm;
    inspection.listeners->front().is_main = true;
    inspection.listeners->front().taken_by = kFpm;
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "exchanged with another pool's";
    listener.is_reachable = false;
    listener.taken_by = "cache.service";
    inspection.listeners->push_back(listener);
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "the restart would remove the cache's";
}

actions::Plan restart_for_a_lost_socket() {
    actions::Plan plan;
    plan.act = ActId::kRestartUnit;
    plan.unit = kFpm;
    plan.role = core::ServiceRole::kPhpFpm;
    return plan;
}

core::Listener lost_listener() {
    core::Listener lost;
    lost.address = "unix:/run/php/a.sock";
    lost.unit = kFpm;
    lost.is_main = true;
    lost.is_reachable = false;
    lost.connections = 0;
    return lost;
}

TEST(ExecutorMending, ASocketThatOnlyItsOwnerSeesIsNotLost) {
    const actions::Plan plan = restart_for_a_lost_socket();
    core::Inspection inspection;
    inspection.listeners = {lost_listener()};
    inspection.listeners->front().is_in_own_view = true;
    EXPECT_TRUE(check_lost_socket(plan, inspection));
    core::Listener lost = lost_listener();
    lost.address = "unix:/run/php/b.sock";
    inspection.listeners->push_back(lost);
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "another of its sockets is";
}

TEST(ExecutorMending, RestartsForALostSocketOnlyWhileTheUnitServesNobody) {
    const actions::Plan plan = restart_for_a_lost_socket();
    const core::Listener lost = lost_listener();
    core::Listener other = lost;
    other.address = "unix:/run/php/b.sock";
    other.is_reachable = true;
    core::Inspection inspection;
    inspection.listeners = {lost, other};
    EXPECT_FALSE(check_lost_socket(plan, inspection));
    inspection.listeners->back().is_main = false;
    inspection.listeners->back().connections = 1;
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "a script's own keep nobody from it";
    inspection.listeners->back().is_main = true;
    auto hold = check_lost_socket(plan, inspection);
    ASSERT_TRUE(hold);
    EXPECT_EQ(hold->kind, core::HoldKind::kContraryEvidence);
    inspection.listeners->back().unit = "other.service";
    inspection.listeners->back().is_main = false;
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "another unit's visitors";
    inspection.listeners->front().connections = 2;
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "served by what they had before";
    inspection.listeners->front().connections.reset();
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "not counted";
}

TEST(ExecutorMending, RestartsForALostSocketOnlyWhileNoWorkerWorksOnWithoutAVisitor) {
    const actions::Plan plan = restart_for_a_lost_socket();
    const core::Listener lost = lost_listener();
    core::Listener port = lost;
    port.address = "127.0.0.1:9001";
    port.is_reachable = true;
    core::Worker worker;
    worker.pool = "www";
    worker.is_accepting = true;
    worker.connections = 0;
    core::Inspection inspection;
    inspection.listeners = {lost, port};
    inspection.workers = {worker, worker, worker};
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "all are idle";
    inspection.workers[1].is_accepting = false;
    const auto hold = check_lost_socket(plan, inspection);
    ASSERT_TRUE(hold);
    EXPECT_EQ(hold->kind, core::HoldKind::kContraryEvidence);
    EXPECT_NE(hold->text.find("1 worker works on"), std::string::npos) << hold->text;
    inspection.workers[1].connections = 1;
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "its visitor has left";
    inspection.workers[1].connections = 0;
    inspection.workers[1].is_accepting.reset();
    EXPECT_FALSE(check_lost_socket(plan, inspection)) << "where nobody may look, as before";
    inspection.listeners->back().connections = 1;
    EXPECT_TRUE(check_lost_socket(plan, inspection)) << "served through the port";
}

TEST(ExecutorMending, LooksItselfBeforeItRestartsForALostSocket) {
    MendingMachine machine;
    machine.rule().match.cause = core::Cause::kSocketDeleted;
    machine.start();
    PlanRequest request = make_running_request("restart-unit", kFpm);
    request.cause = "socket-deleted";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: executor-refused");
    auto inspection = core::decode_inspection(machine.facts.inspection);
    inspection->listeners->front().is_main = true;
    inspection->listeners->front().is_reachable = false;
    inspection->listeners->front().connections = 0;
    machine.facts.inspection = core::encode(*inspection);
    EXPECT_EQ(fault_of(machine.plan(request)), "");
    EXPECT_EQ(machine.facts.inspected.back(), std::string{kFpm} + "|");
}

TEST(ExecutorMending, GuardsAreAskedAgainBeforeTheAct) {
    MendingMachine machine;
    int asked = 0;
    machine.guards = [&asked](const std::string&, ActId, const HoldDone& done) {
        ++asked;
        done(asked == 1 ? std::nullopt
                        : std::optional{GateHold{core::HoldKind::kPackageManager, "dpkg"}});
    };
    machine.start();
    EXPECT_EQ(fault_of(machine.act(repoint())), "Refused: package-manager");
    EXPECT_FALSE(machine.executor->is_acting());
    EXPECT_TRUE(machine.executor->ledger().attempts.empty());
}

TEST(ExecutorMending, AFileThatChangesBetweenPlanAndExecuteIsNotTouched) {
    MendingMachine machine;
    const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
    machine.mender.mending.changes[0].change.before = std::string(64, '9');
    EXPECT_EQ(fault_of(machine.execute(digest)), "Refused: executor-refused");
    EXPECT_EQ(machine.mender.steps, (Words{"preview", "preview"}));
    EXPECT_TRUE(machine.executor->ledger().attempts.empty());
}

TEST(ExecutorMending, NoFileIsChangedTwiceBeforeTheFirstChangeIsConfirmed) {
    MendingMachine machine;
    EXPECT_EQ(fault_of(machine.act(repoint())), "");
    EXPECT_EQ(fault_of(machine.plan(debug_log())), "Refused: act-running");
    EXPECT_EQ(fault_of(machine.executor->confirm(1, "effective", "")), "");
    EXPECT_EQ(fault_of(machine.plan(debug_log())), "");
}

// --- consent

class AskingMachine : public MendingMachine {
  public:
    AskingMachine() {
        rule().mode = policy::Mode::kAsk;
        start();
        digest = std::get<Proposal>(propose(repoint())).digest;
    }

    std::string digest;
};

TEST(ExecutorConsent, IsNeeded) {
    AskingMachine machine;
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
    EXPECT_EQ(fault_of(machine.executor->approve(machine.digest, "uid 0")), "");
    EXPECT_EQ(std::get<ActResult>(machine.act(repoint())).outcome, ActOutcome::kSucceeded);
}

TEST(ExecutorConsent, IsUsedUpAlsoOverARestart) {
    AskingMachine machine;
    (void)machine.executor->approve(machine.digest, "uid 0");
    machine.start();
    ASSERT_EQ(machine.executor->ledger().approvals.size(), 1U);
    EXPECT_EQ(fault_of(machine.act(repoint())), "");
    EXPECT_TRUE(machine.executor->ledger().approvals.empty());
    (void)machine.roll_back(1);
    machine.start();
    EXPECT_TRUE(machine.executor->ledger().approvals.empty());
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
}

TEST(ExecutorConsent, ExpiresAlsoBetweenPlanAndExecute) {
    AskingMachine machine;
    (void)machine.executor->approve(machine.digest, "uid 0");
    machine.pass(kApprovalLifetime - std::chrono::seconds{1});
    EXPECT_EQ(fault_of(machine.plan(repoint())), "");
    machine.pass(std::chrono::seconds{1});
    EXPECT_EQ(fault_of(machine.execute(machine.digest)), "Refused: needs-approval");
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
}

TEST(ExecutorConsent, IsVoidWhereAClockSetBackWouldMakeItLonger) {
    AskingMachine machine;
    (void)machine.executor->approve(machine.digest, "uid 0");
    machine.now -= std::chrono::hours{1};
    machine.start();
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
}

TEST(ExecutorConsent, IsForOneDigest) {
    AskingMachine machine;
    (void)machine.executor->approve(std::string(64, 'a'), "uid 0");
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
    (void)machine.executor->approve(machine.digest, "uid 0");
    machine.mender.mending.changes[0].change.after = std::string(64, '3');
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
}

TEST(ExecutorConsent, DoesNotMakeAnObservingRuleAct) {
    AskingMachine machine;
    (void)machine.executor->approve(machine.digest, "uid 0");
    machine.rule().mode = policy::Mode::kObserve;
    machine.start();
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: observe-only");
}

TEST(ExecutorConsent, IsBoundedAndChecked) {
    AskingMachine machine;
    for (const std::string& text : {std::string{}, std::string(64, 'G'), std::string(65, 'a')}) {
        EXPECT_TRUE(fault_of(machine.executor->approve(text, "uid 0")).starts_with("BadArgument"));
    }
    for (std::size_t i = 0; i < core::kMaxApprovals + 5; ++i) {
        std::string digest = std::to_string(i);
        digest.insert(0, 64 - digest.size(), '0');
        (void)machine.executor->approve(digest, "uid 0");
    }
    EXPECT_EQ(machine.executor->ledger().approvals.size(), core::kMaxApprovals);
}

// --- the act

TEST(ExecutorMending, StagesTestsCommitsReloadsAndIsProvisional) {
    MendingMachine machine;
    const auto result = std::get<ActResult>(machine.act(repoint()));
    EXPECT_EQ(result.outcome, ActOutcome::kSucceeded) << result.detail;
    EXPECT_EQ(machine.mender.steps, (Words{"preview", "preview", "stage 1", "commit 1"}));
    ASSERT_EQ(machine.facts.staged.size(), 1U);
    EXPECT_EQ(machine.facts.staged[0][0].source, machine.mending.changes[0].staged);
    EXPECT_EQ(machine.facts.staged[0][0].target, "/etc/nginx/a.conf");
    EXPECT_EQ(machine.systemd.jobs, Words{"reload " + kNginx});
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    EXPECT_GT(machine.last().undo_by, machine.now + kConfirmMargin);
    EXPECT_EQ(machine.kinds(), (Words{"start", "intent", "outcome"}));
}

TEST(ExecutorMending, EveryActTakesEffectInItsOwnWay) {
    struct Case {
        PlanRequest request;
        Words jobs;
        int daemon_reloads = 0;
    };

    const std::string reload_fpm = "reload " + kFpm;
    const std::string restart_fpm = "restart " + kFpm;
    const std::vector<Case> cases{
        {set_listen(), {restart_fpm}},
        {fix_owner(), {}},
        {debug_log(), {"reload " + kNginx}},
        {suggest(kFpm, {{"setting", "pm.max_children"}, {"value", "20"}, {"pool", "www"}}),
         {reload_fpm}},
        {suggest(kFpm,
                 {{"setting", "pm.max_children"},
                  {"value", "20"},
                  {"setting2", "listen.backlog"},
                  {"value2", "1024"},
                  {"pool", "www"}}),
         {restart_fpm}},
        {suggest(kFpm, {{"setting", "OOMPolicy"}, {"value", "continue"}}), {}, 1},
        {suggest(kFpm, {{"setting", "LimitNOFILE"}, {"value", "65536"}}), {restart_fpm}, 1},
        {suggest(kNginx, {{"setting", "worker_connections"}, {"value", "2048"}}),
         {"reload " + kNginx}},
    };
    for (const Case& test : cases) {
        MendingMachine machine;
        const auto reply = machine.act(test.request);
        ASSERT_EQ(fault_of(reply), "") << test.request.act;
        EXPECT_EQ(std::get<ActResult>(reply).outcome, ActOutcome::kSucceeded)
            << test.request.act << ": " << std::get<ActResult>(reply).detail;
        EXPECT_EQ(machine.systemd.jobs, test.jobs) << test.request.act;
        EXPECT_EQ(machine.systemd.daemon_reloads, test.daemon_reloads) << test.request.act;
        EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
        EXPECT_EQ(fault_of(machine.roll_back(1)), "");
        EXPECT_EQ(machine.systemd.jobs.size(), test.jobs.size() * 2) << "and back again";
        EXPECT_EQ(machine.systemd.daemon_reloads, test.daemon_reloads * 2);
    }
}

TEST(ExecutorMending, ANewFileHasNothingToBeMountedOver) {
    MendingMachine machine;
    machine.mender.mending.changes[0].change.before.clear();
    EXPECT_EQ(
        fault_of(machine.act(suggest(kFpm, {{"setting", "OOMPolicy"}, {"value", "continue"}}))),
        "");
    ASSERT_EQ(machine.facts.staged.size(), 1U);
    EXPECT_TRUE(machine.facts.staged[0].empty());
}

TEST(ExecutorMending, RestoresTheFirstKeptVersionThatPasses) {
    MendingMachine machine;
    machine.facts.verdict = "invalid";
    machine.facts.output = "unknown directive in /etc/nginx/a.conf:3";
    machine.mender.candidates = 3;
    machine.facts.staged_verdicts = {"invalid", "unknown", "valid"};
    EXPECT_EQ(fault_of(machine.propose(restore())), "");
    EXPECT_EQ(machine.mender.steps, (Words{"preview", "preview", "preview"}));
    machine.mender.candidates = 2;
    machine.facts.staged.clear();
    EXPECT_EQ(fault_of(machine.propose(restore())), "Refused: executor-refused");
    machine.mender.candidates = 1000;
    machine.facts.staged.clear();
    machine.facts.staged_verdicts.assign(100, "invalid");
    EXPECT_EQ(fault_of(machine.propose(restore())), "Refused: executor-refused");
    EXPECT_EQ(machine.facts.staged.size(), kMaxCandidates);
}

// PHP's own syntax errors name no file; FPM says behind them what it could not include.
TEST(ExecutorMending, RestoresWhatFpmCouldNotIncludeAndNotWhatIncludesIt) {
    const std::string folder = "/etc/php/8.2/fpm/";
    const std::string last =
        "ERROR: failed to load configuration file '" + folder + "php-fpm.conf'\n";
    const std::string include =
        "PHP: syntax error, unexpected END_OF_LINE in Unknown on line 2\n"
        "[21-Nov-2026 14:29:57] ERROR: Unable to include " +
        folder + "pool.d/www.conf from " + folder + "php-fpm.conf at line 491\n";
    const auto fault = [&](const std::string& output, const std::string& file) {
        MendingMachine machine;
        machine.facts.verdict = "invalid";
        machine.facts.output = output;
        machine.facts.staged_verdicts = {"valid"};
        PlanRequest request = make_running_request("restore-config", kFpm);
        request.parameters = {{"file", folder + file}};
        return fault_of(machine.propose(request));
    };
    EXPECT_EQ(fault(include + last, "pool.d/www.conf"), "");
    EXPECT_EQ(fault(include + last, "php-fpm.conf"), "Refused: executor-refused");
    EXPECT_EQ(fault("PHP: syntax error in Unknown on line 2\n" + last, "php-fpm.conf"), "");
}

// nginx is down over a file that can be restored: the plan for that.
PlanRequest break_nginx(MendingMachine& machine) {
    machine.systemd.units[kNginx] = make_crashed_unit();
    machine.facts.verdict = "invalid";
    machine.facts.output = "unknown directive in /etc/nginx/a.conf:3";
    PlanRequest request = restore();
    request.expected_active = "failed";
    return request;
}

TEST(ExecutorMending, RestoringForAUnitThatIsDownStartsNothing) {
    MendingMachine machine;
    const PlanRequest request = break_nginx(machine);
    EXPECT_EQ(std::get<ActResult>(machine.act(request)).outcome, ActOutcome::kSucceeded);
    EXPECT_TRUE(machine.systemd.jobs.empty());
    // undone, the configuration is broken again: that is how it was
    EXPECT_EQ(fault_of(machine.roll_back(1)), "");
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST(ExecutorMending, ABrokenFileIsNotPutBackOverWhatHasStartedWithTheBetterOne) {
    for (const bool is_started : {false, true}) {
        MendingMachine machine;
        const auto digest = std::get<Proposal>(machine.plan(break_nginx(machine))).digest;
        machine.mender.dies_at = machine.mender.steps.size() + 3;
        machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
        ASSERT_EQ(machine.mender.steps.back(), "commit 1");
        if (is_started) {
            machine.systemd.units[kNginx] = make_running_unit();
            machine.systemd.units[kNginx].invocation_id = "started-by-somebody";
        }
        machine.facts.staged_verdicts.assign(machine.facts.staged.size(), "valid");
        machine.facts.staged_verdicts.emplace_back("invalid");
        machine.mender.dies_at = 0;
        machine.start();
        EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), is_started ? 0 : 1);
        EXPECT_EQ(machine.last().undo, is_started ? UndoState::kUndoFailed : UndoState::kUndone);
        EXPECT_TRUE(machine.systemd.jobs.empty());
    }
}

TEST(ExecutorMending, AnyStepThatFailsIsUndone) {
    struct Case {
        const char* name;
        std::function<void(MendingMachine&)> arrange;
        Words steps;  // after the previews
        std::size_t jobs = 0;
    };

    const std::vector<Case> cases{
        {"disk full",
         [](auto& m) { m.mender.failures["stage"] = "no space left"; },
         {"stage 1", "undo 1", "forget 1"}},
        {"does not pass",
         [](auto& m) { m.facts.staged_verdicts = {"invalid"}; },
         {"stage 1", "undo 1", "forget 1"}},
        {"cannot be tested",
         [](auto& m) { m.facts.staged_verdicts = {"unknown"}; },
         {"stage 1", "undo 1", "forget 1"}},
        {"commit fails",
         [](auto& m) { m.mender.failures["commit"] = "read-only file system"; },
         {"stage 1", "commit 1", "undo 1", "forget 1"}},
    };
    for (const Case& test : cases) {
        MendingMachine machine;
        test.arrange(machine);
        const auto result = std::get<ActResult>(machine.act(repoint()));
        EXPECT_EQ(result.outcome, ActOutcome::kFailed) << test.name;
        EXPECT_TRUE(result.detail.ends_with("; undone")) << result.detail;
        Words steps = test.steps;
        steps.insert(steps.begin(), 2, "preview");
        EXPECT_EQ(machine.mender.steps, steps) << test.name;
        EXPECT_EQ(machine.systemd.jobs.size(), test.jobs) << test.name;
        EXPECT_EQ(machine.last().undo, UndoState::kUndone);
        EXPECT_EQ(machine.kinds(), (Words{"start", "intent", "undone", "outcome"})) << test.name;
    }
}

TEST(ExecutorMending, AReloadThatChangesNothingIsNoReload) {
    MendingMachine machine;
    machine.systemd.is_reload_silent = true;
    const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
    std::optional<Reply<ActResult>> reply;
    machine.executor->execute(digest, 7, [&](const Reply<ActResult>& answer) { reply = answer; });
    EXPECT_FALSE(reply) << "new workers are waited for";
    machine.pass(std::chrono::seconds{1});
    EXPECT_FALSE(reply);
    machine.systemd.is_reload_silent = false;  // the old configuration loads again
    machine.pass(std::chrono::seconds{20});
    ASSERT_TRUE(reply);
    const auto result = std::get<ActResult>(*reply);
    EXPECT_EQ(result.outcome, ActOutcome::kFailed);
    EXPECT_NE(result.detail.find("no new workers"), std::string::npos);
    EXPECT_TRUE(result.detail.ends_with("; undone"));
    EXPECT_EQ(machine.systemd.jobs, (Words{"reload " + kNginx, "reload " + kNginx}));
    EXPECT_EQ(machine.mender.steps.back(), "forget 1");
}

TEST(ExecutorMending, NewWorkersThatTakeTheirTimeAreSeen) {
    MendingMachine machine;
    machine.systemd.is_reload_silent = true;
    const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
    std::optional<Reply<ActResult>> reply;
    machine.executor->execute(digest, 7, [&](const Reply<ActResult>& answer) { reply = answer; });
    machine.pass(std::chrono::seconds{2});
    machine.replace_workers();
    machine.pass(std::chrono::seconds{2});
    ASSERT_TRUE(reply);
    EXPECT_EQ(std::get<ActResult>(*reply).outcome, ActOutcome::kSucceeded);
}

TEST(ExecutorMending, AFailedUndoIsTheLoudestAndWaitsForAPerson) {
    MendingMachine machine;
    machine.facts.staged_verdicts = {"invalid"};
    machine.mender.failures["undo"] = "/etc/nginx/a.conf: changed by somebody else since";
    EXPECT_EQ(std::get<ActResult>(machine.act(repoint())).outcome, ActOutcome::kFailed);
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    EXPECT_NE(machine.undo_detail().find("a.conf: changed by"), std::string::npos);
    EXPECT_TRUE(machine.has_said(message_id::kUndoFailed, 2));
    EXPECT_TRUE(fault_of(machine.roll_back(1, Asker::kAgent)).starts_with("NotAllowed"));
    machine.mender.failures.clear();
    const std::size_t steps = machine.mender.steps.size();
    for (int i = 0; i < 2; ++i) {
        machine.start();
        machine.pass(std::chrono::hours{2});
        EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
        EXPECT_EQ(machine.mender.steps.size(), steps) << "not tried again unasked";
    }
    EXPECT_EQ(fault_of(machine.roll_back(1)), "");
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_TRUE(fault_of(machine.roll_back(1)).starts_with("NotFound"));
}

TEST(ExecutorMending, AFailedUndoEndsWhenAPersonHasLooked) {
    MendingMachine machine;
    machine.facts.staged_verdicts = {"invalid"};
    machine.mender.failures["undo"] = "somebody has changed the file";
    (void)machine.act(repoint());
    auto& executor = *machine.executor;
    EXPECT_TRUE(fault_of(executor.acknowledge_attempt(2, "uid 0")).starts_with("NotFound"));
    EXPECT_EQ(fault_of(executor.acknowledge_attempt(1, "uid 0")), "");
    EXPECT_TRUE(machine.has_said(message_id::kAcknowledged, 4));
    EXPECT_EQ(machine.kinds().back(), "acknowledged");
    EXPECT_EQ(machine.mender.steps.back(), "forget 1");
    EXPECT_TRUE(fault_of(executor.acknowledge_attempt(1, "uid 0")).starts_with("NotFound"));
    const std::size_t steps = machine.mender.steps.size();
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kNothing);
    EXPECT_EQ(machine.mender.steps.size(), steps) << "not tried again";
}

TEST(ExecutorMending, AUnitThatDoesNotComeUpAgainIsUndone) {
    MendingMachine machine;
    // The job is done, and the unit has died of the new configuration.
    machine.systemd.on_reload = [&](const std::string& unit) {
        machine.replace_workers();
        if (machine.systemd.jobs.size() == 1) {
            machine.systemd.units[unit] = make_crashed_unit();
        }
    };
    const auto result = std::get<ActResult>(machine.act(repoint()));
    EXPECT_EQ(result.outcome, ActOutcome::kFailed);
    EXPECT_TRUE(result.detail.ends_with("; undone")) << result.detail;
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
}

TEST(ExecutorMending, WhatDoesNotPassAnyMoreIsNotPutBack) {
    for (const bool is_asked : {true, false}) {
        MendingMachine machine;
        machine.facts.staged_verdicts = {"valid", "invalid"};
        machine.facts.output = "line 3:\n  no such directive\n";
        (void)machine.act(repoint());
        if (is_asked) {
            EXPECT_EQ(fault_of(machine.roll_back(1)), "ToolFailed: nothing was put back");
        } else {
            (void)machine.executor->confirm(1, "ineffective", "");
        }
        EXPECT_EQ(machine.systemd.jobs.size(), 1U);
        EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
        EXPECT_EQ(machine.undo_detail(),
                  "nothing was put back: with the files as before the configuration is invalid: "
                  "line 3: no such directive");
        EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 0);
        ASSERT_EQ(machine.facts.staged.size(), 2U) << "tested with what would come back";
    }
}

// nginx could not be started any more.
TEST(ExecutorMending, WhatWasBrokenIsPutBackOnlyForAPerson) {
    for (const bool is_asked : {true, false}) {
        MendingMachine machine;
        machine.facts.verdict = "invalid";
        machine.facts.output = "nginx: [emerg] unexpected end of file in /etc/nginx/a.conf:3\n";
        machine.facts.staged_verdicts = {"valid", "valid", "valid", "invalid"};
        const auto result = machine.act(restore());
        ASSERT_EQ(fault_of(result), "");
        ASSERT_EQ(std::get<ActResult>(result).outcome, ActOutcome::kSucceeded);
        machine.facts.verdict = "valid";
        while (machine.facts.staged_verdicts.size() > machine.facts.staged.size() + 1) {
            machine.facts.staged_verdicts.erase(machine.facts.staged_verdicts.begin());
        }
        const std::size_t jobs = machine.systemd.jobs.size();
        if (is_asked) {
            EXPECT_EQ(fault_of(machine.roll_back(1)), "");
        } else {
            (void)machine.executor->confirm(1, "harmful", "");
        }
        EXPECT_EQ(machine.last().undo, is_asked ? UndoState::kUndone : UndoState::kUndoFailed);
        EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), is_asked ? 1 : 0);
        EXPECT_EQ(machine.systemd.jobs.size(), jobs) << "nothing reads it";
    }
}

TEST(ExecutorMending, AUnitThatDoesNotComeUpWithTheOldFilesIsNoSuccess) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.systemd.on_reload = [&](const std::string& unit) {
        machine.replace_workers();
        machine.systemd.units[unit] = make_crashed_unit();
    };
    EXPECT_EQ(fault_of(machine.roll_back(1)),
              "ToolFailed: the files are back, but the unit is failed (signal)");
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
}

TEST(ExecutorMending, ARestartThatFailsWithTheOldFilesIsNoSuccess) {
    MendingMachine machine;
    ASSERT_EQ(fault_of(machine.act(set_listen())), "");
    machine.systemd.job_result = "failed";
    EXPECT_EQ(fault_of(machine.roll_back(1)), "ToolFailed: the files are back, but");
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    machine.systemd.job_result = "done";
    machine.start();
    EXPECT_EQ(machine.systemd.jobs.size(), 2U) << "not tried again unasked";
}

TEST(ExecutorMending, AnUndoingReloadsOnceAndIsTested) {
    MendingMachine machine;
    (void)machine.act(repoint());
    EXPECT_EQ(fault_of(machine.roll_back(1)), "");
    EXPECT_EQ(
        machine.mender.steps,
        (Words{"preview", "preview", "stage 1", "commit 1", "review 1", "undo 1", "forget 1"}));
    EXPECT_EQ(machine.systemd.jobs, (Words{"reload " + kNginx, "reload " + kNginx}));
    ASSERT_EQ(machine.facts.staged.size(), 2U);
}

TEST(ExecutorMending, OnlyAPersonMayTakeBackWhatWasWrittenAgain) {
    for (const Asker asker : {Asker::kRoot, Asker::kAgent}) {
        MendingMachine machine;
        (void)machine.act(repoint());
        (void)machine.roll_back(1, asker);
        ASSERT_EQ(machine.mender.orders.size(), 2U);
        for (const UndoOrder& order : machine.mender.orders) {
            EXPECT_EQ(order.is_asked, asker == Asker::kRoot);
            EXPECT_TRUE(order.is_performed);
        }
    }
}

TEST(ExecutorMending, WhatSomebodyHasPutBackNeedsNoReload) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.mender.mending = {{}, {"/etc/nginx/a.conf: as before already"}, ""};
    const auto said = machine.roll_back(1);
    ASSERT_EQ(fault_of(said), "");
    EXPECT_EQ(std::get<std::string>(said),
              "nothing was left to undo: /etc/nginx/a.conf: as before already");
    EXPECT_EQ(machine.systemd.jobs.size(), 1U);
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 0);
}

TEST(ExecutorMending, ARollbackCanBeLookedAtBefore) {
    MendingMachine machine;
    (void)machine.act(repoint());
    std::string text;
    const auto look = [&](std::uint64_t attempt) {
        machine.executor->review_rollback(attempt, [&](const Reply<std::string>& reply) {
            const auto* words = std::get_if<std::string>(&reply);
            text = words == nullptr ? fault_of(reply) : *words;
        });
        return text;
    };
    EXPECT_EQ(look(1), "put back /etc/nginx/a.conf\none place\n");
    machine.mender.failures["review"] = "/etc/nginx/a.conf: is gone";
    EXPECT_EQ(look(1), "nothing: /etc/nginx/a.conf: is gone\n");
    EXPECT_TRUE(look(2).starts_with("NotFound"));
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    EXPECT_EQ(machine.kinds(), (Words{"start", "intent", "outcome"}));
}

TEST(ExecutorMending, ReloadUnitIsProvenByWorkersToo) {
    MendingMachine machine;
    EXPECT_EQ(std::get<ActResult>(machine.act(make_running_request("reload-unit", kNginx))).outcome,
              ActOutcome::kSucceeded);
    EXPECT_EQ(machine.last().undo, UndoState::kNothing);
    machine.systemd.is_reload_silent = true;
    const auto digest =
        std::get<Proposal>(machine.plan(make_running_request("reload-unit", kFpm))).digest;
    std::optional<Reply<ActResult>> reply;
    machine.executor->execute(digest, 7, [&](const Reply<ActResult>& answer) { reply = answer; });
    machine.pass(std::chrono::seconds{25});
    ASSERT_TRUE(reply);
    EXPECT_EQ(std::get<ActResult>(*reply).outcome, ActOutcome::kFailed);
}

// An administrator is in the middle of something: what passes the test need not be finished.
TEST(ExecutorMending, NginxIsNotReloadedOverEditsThatItHasNotRead) {
    using std::chrono::seconds;
    MendingMachine machine;
    const core::TimePoint booted = machine.now - machine.uptime;
    machine.facts.newest = ConfigChange{"/etc/nginx/sites-available/shop", booted + seconds{2}};
    const auto refused = machine.plan(make_running_request("reload-unit", kNginx));
    ASSERT_TRUE(std::holds_alternative<Fault>(refused));
    EXPECT_EQ(
        std::get<Fault>(refused).text,
        "contrary-evidence: /etc/nginx/sites-available/shop was changed after nginx.service "
        "last read its configuration, as far as that can be seen; it would be put into force");
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: contrary-evidence");
    // Who reads the plan first decides also for what else is in the files.
    machine.rule().mode = policy::Mode::kAsk;
    (void)machine.executor->reload();
    EXPECT_EQ(fault_of(machine.plan(repoint())), "Refused: needs-approval");
    machine.rule().mode = policy::Mode::kAct;
    (void)machine.executor->reload();
    // One of the workers has crashed since, and its successor has not read the edit either.
    core::Inspection two;
    two.workers.resize(4);
    for (core::Worker& worker : two.workers) {
        worker.is_nginx = true;
        worker.parent = kNginxPid;
        worker.started = 100;
    }
    two.workers[1].started = 100'000;
    two.workers[3].started = 100'100;
    machine.facts.inspection = core::encode(two);
    EXPECT_TRUE(
        std::holds_alternative<Fault>(machine.plan(make_running_request("reload-unit", kNginx))));
    // But those that only end with their visitors tell nothing of the configuration of today.
    two.workers[0].is_leaving = true;
    two.workers[2].is_leaving = true;
    machine.facts.inspection = core::encode(two);
    EXPECT_TRUE(std::holds_alternative<Proposal>(
        machine.plan(make_running_request("reload-unit", kNginx))));
    machine.facts.newest = core::Error{"more than 20000 files"};
    EXPECT_TRUE(
        std::holds_alternative<Fault>(machine.plan(make_running_request("reload-unit", kNginx))));
    machine.facts.newest = ConfigChange{"/etc/nginx/sites-available/shop", booted};
    EXPECT_TRUE(std::holds_alternative<Proposal>(
        machine.plan(make_running_request("reload-unit", kNginx))));
    machine.systemd.standings[kNginx].main_pid = kNginxPid + 1;  // the workers are another's
    EXPECT_TRUE(
        std::holds_alternative<Fault>(machine.plan(make_running_request("reload-unit", kNginx))));
}

// worker_shutdown_timeout: who stays longer with an old worker is cut.
TEST(ExecutorMending, NginxIsNotReloadedByARuleWhereItWouldCutVisitors) {
    MendingMachine machine;
    auto look = *core::decode_inspection(machine.facts.inspection);
    core::Listener listener;
    listener.address = "0.0.0.0:80";
    listener.unit = kNginx;
    listener.connections = 0;
    look.listeners->push_back(listener);
    const auto ask = [&] {
        machine.facts.inspection = core::encode(look);
        return fault_of(machine.plan(make_running_request("reload-unit", kNginx)));
    };
    machine.facts.dump = "worker_shutdown_timeout 5s; events { }";
    EXPECT_EQ(ask(), "") << "nobody is there";
    look.listeners->back().connections = 1;
    EXPECT_EQ(ask(), "Refused: contrary-evidence");
    look.listeners->back().connections.reset();
    EXPECT_EQ(ask(), "Refused: contrary-evidence") << "whether anybody is there is not known";
    machine.facts.dump = "events { }";
    EXPECT_EQ(ask(), "");
}

// The only worker has died, or each in its turn: who is young has not read anything for that.
TEST(ExecutorMending, ASuccessorOfAWorkerProvesNoReload) {
    MendingMachine machine;
    const core::TimePoint booted = machine.now - machine.uptime;
    const core::TimePoint edited = booted + std::chrono::hours{1};
    machine.facts.newest = ConfigChange{"/etc/nginx/sites-available/shop", edited};
    core::UnitStanding& nginx = machine.systemd.standings[kNginx];
    nginx.last_active = booted;
    const auto ask = [&machine](const std::vector<std::uint64_t>& started) {
        core::Inspection inspection;
        for (const std::uint64_t ticks : started) {
            core::Worker& worker = inspection.workers.emplace_back();
            worker.is_nginx = true;
            worker.parent = kNginxPid;
            worker.started = ticks;
        }
        machine.facts.inspection = core::encode(inspection);
        return fault_of(machine.plan(make_running_request("reload-unit", kNginx)));
    };
    EXPECT_EQ(ask({}), "Refused: contrary-evidence");
    EXPECT_EQ(ask({1'000'000}), "Refused: contrary-evidence");
    EXPECT_EQ(ask({1'000'000, 1'001'000}), "Refused: contrary-evidence");
    EXPECT_EQ(ask({100, 1'000'000, 1'000'000}), "Refused: contrary-evidence");
    EXPECT_EQ(ask({1'000'000, 1'000'010, 2'000'000}), "") << "made by one reload";
    nginx.last_reload = edited + std::chrono::minutes{1};
    EXPECT_EQ(ask({1'000'000}), "") << "systemd knows of one";
}

// A restart of PHP-FPM puts them into force as a reload of nginx does; its workers come and go and
// tell nothing.
TEST(ExecutorMending, FpmIsNotRestartedOverEditsThatItHasNotRead) {
    using std::chrono::seconds;
    MendingMachine machine;
    const core::TimePoint edited = machine.now - std::chrono::hours{1};
    machine.facts.newest = ConfigChange{"/etc/php/8.2/fpm/pool.d", edited};
    core::UnitStanding& fpm = machine.systemd.standings[kFpm];
    fpm = {.name = kFpm, .is_loaded = true, .last_active = edited - seconds{1}};
    machine.rule().match.cause = core::Cause::kSocketDeleted;
    machine.start();
    auto inspection = core::decode_inspection(machine.facts.inspection);
    inspection->listeners->front().is_main = true;
    inspection->listeners->front().is_reachable = false;
    inspection->listeners->front().connections = 0;
    machine.facts.inspection = core::encode(*inspection);
    const auto ask = [&machine](const char* act, const char* active) {
        PlanRequest request = make_running_request(act, kFpm);
        request.cause = "socket-deleted";
        request.expected_active = active;
        request.parameters = act == std::string{"set-pool-listen"} ? set_listen().parameters
                                                                   : decltype(request.parameters){};
        return fault_of(machine.plan(request));
    };
    for (const char* act : {"restart-unit", "reload-unit", "set-pool-listen"}) {
        EXPECT_EQ(ask(act, "active"), "Refused: contrary-evidence") << act;
    }
    fpm.last_reload = edited + seconds{1};
    EXPECT_EQ(ask("restart-unit", "active"), "") << "reloaded since";
    fpm.last_reload = {};
    fpm.last_active = edited + seconds{1};
    EXPECT_EQ(ask("restart-unit", "active"), "") << "started since";
    // What is down would read them whoever starts it.
    fpm.last_active = edited - seconds{1};
    machine.rule().match.cause = core::Cause::kUnitFailed;
    machine.start();
    machine.systemd.units[kFpm] = make_crashed_unit();
    for (const char* act : {"start-unit", "restart-unit"}) {
        PlanRequest request = make_running_request(act, kFpm);
        request.expected_active = "failed";
        request.deadline_usec = 5'000'000;
        EXPECT_EQ(fault_of(machine.plan(request)), "") << act;
    }
}

TEST(ExecutorMending, AnFpmWithoutChildrenIsReloadedWhenItsMasterStays) {
    MendingMachine machine;
    machine.facts.pids = {10};
    machine.systemd.on_reload = nullptr;
    const auto digest =
        std::get<Proposal>(machine.plan(make_running_request("reload-unit", kFpm))).digest;
    std::optional<Reply<ActResult>> reply;
    machine.executor->execute(digest, 7, [&](const Reply<ActResult>& answer) { reply = answer; });
    EXPECT_FALSE(reply) << "one look is not enough: it may be about to end";
    machine.pass(std::chrono::seconds{1});
    ASSERT_TRUE(reply);
    EXPECT_EQ(std::get<ActResult>(*reply).outcome, ActOutcome::kSucceeded);
}

TEST(ExecutorMending, WhatCannotBeProvenIsNotTried) {
    MendingMachine machine;
    machine.facts.pids.clear();
    const auto result =
        std::get<ActResult>(machine.act(make_running_request("reload-unit", kNginx)));
    EXPECT_EQ(result.outcome, ActOutcome::kFailed);
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

// --- confirmed or undone

TEST(ExecutorProvisional, IsUndoneWhenNobodyConfirms) {
    MendingMachine machine;
    (void)machine.act(repoint());
    const core::TimePoint due = machine.last().undo_by;
    machine.pass(due - machine.now - core::Duration{1});
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    machine.pass(core::Duration{1});
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(machine.systemd.jobs.size(), 2U);
    EXPECT_TRUE(machine.has_said(message_id::kUndone, 4));
    EXPECT_EQ(machine.kinds(), (Words{"start", "intent", "outcome", "undoing", "undone"}));
    EXPECT_EQ(machine.mender.steps.back(), "forget 1");
}

TEST(ExecutorProvisional, StaysWhenConfirmedAndCanStillBeRolledBackByRoot) {
    MendingMachine machine;
    (void)machine.act(repoint());
    EXPECT_EQ(fault_of(machine.executor->confirm(1, "effective", "site answers")), "");
    EXPECT_EQ(machine.last().undo, UndoState::kConfirmed);
    machine.pass(std::chrono::hours{24});
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kConfirmed);
    EXPECT_TRUE(fault_of(machine.roll_back(1, Asker::kAgent)).starts_with("NotAllowed"));
    EXPECT_EQ(fault_of(machine.roll_back(1)), "");
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
}

TEST(ExecutorProvisional, IsUndoneAtOnceWhenItDidNotHelpOrDidHarm) {
    for (const char* verdict : {"ineffective", "harmful"}) {
        MendingMachine machine;
        (void)machine.act(repoint());
        EXPECT_EQ(fault_of(machine.executor->confirm(1, verdict, "")), "");
        EXPECT_EQ(machine.last().undo, UndoState::kUndone) << verdict;
        EXPECT_EQ(machine.mender.steps.back(), "forget 1");
    }
}

TEST(ExecutorProvisional, TheAgentMayRollItBack) {
    MendingMachine machine;
    (void)machine.act(repoint());
    EXPECT_EQ(fault_of(machine.roll_back(1, Asker::kAgent)), "");
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_TRUE(fault_of(machine.roll_back(1)).starts_with("NotFound"));
    EXPECT_TRUE(fault_of(machine.roll_back(2)).starts_with("NotFound"));
}

TEST(ExecutorProvisional, NoActBeginsWhileAnotherIsUndone) {
    MendingMachine machine;
    (void)machine.act(set_listen());
    machine.systemd.is_job_held = true;
    machine.mender.mending.changes[0].change.path = "/etc/nginx/b.conf";
    const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
    std::optional<Reply<std::string>> reply;
    machine.executor->roll_back(1, Asker::kRoot, [&](const Reply<std::string>& r) { reply = r; });
    EXPECT_TRUE(machine.executor->is_acting());
    EXPECT_TRUE(fault_of(machine.execute(digest)).starts_with("Busy"));
    EXPECT_TRUE(fault_of(machine.executor->confirm(1, "effective", "")).starts_with("Refused"));
    machine.systemd.end_job();
    ASSERT_TRUE(reply);
    EXPECT_EQ(fault_of(*reply), "");
    EXPECT_FALSE(machine.executor->is_acting());
}

TEST(ExecutorProvisional, WaitsForTheActUnderWay) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.systemd.units[kFpm] = make_crashed_unit();
    machine.systemd.is_job_held = true;
    PlanRequest request = make_running_request("restart-unit", kFpm);
    request.expected_active = "failed";
    const auto digest = std::get<Proposal>(machine.plan(request)).digest;
    machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
    machine.pass(std::chrono::minutes{10});
    EXPECT_EQ(machine.executor->ledger().attempts[0].undo, UndoState::kProvisional);
    machine.systemd.is_job_held = false;
    machine.systemd.end_job();
    EXPECT_EQ(machine.executor->ledger().attempts[0].undo, UndoState::kUndone);
}

TEST(ExecutorProvisional, ATimedActEndsWhateverTheVerdict) {
    MendingMachine machine;
    (void)machine.act(debug_log());
    EXPECT_EQ(fault_of(machine.executor->confirm(1, "effective", "")), "");
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    machine.start();
    machine.pass(std::chrono::seconds{121});
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(machine.systemd.jobs, (Words{"reload " + kNginx, "reload " + kNginx}));
}

TEST(ExecutorProvisional, ATimedActWhoseFileWasEditedWaitsForAPerson) {
    MendingMachine machine;
    (void)machine.act(debug_log());
    machine.mender.failures["review"] = "/etc/nginx/a.conf: changed by somebody else since";
    machine.pass(std::chrono::seconds{121});
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    machine.mender.failures.clear();
    machine.start();
    machine.pass(std::chrono::hours{1});
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 0);
    EXPECT_EQ(machine.systemd.jobs, Words{"reload " + kNginx});
}

TEST(ExecutorProvisional, OnlySoManyConfirmedActsAreKept) {
    MendingMachine machine;
    for (std::uint64_t i = 1; i <= kMaxConfirmed + 2; ++i) {
        ASSERT_EQ(fault_of(machine.act(repoint())), "");
        ASSERT_EQ(fault_of(machine.executor->confirm(i, "effective", "")), "");
        machine.now += std::chrono::minutes{2};  // between cures there are pauses
    }
    machine.start();
    EXPECT_TRUE(fault_of(machine.roll_back(2)).starts_with("NotFound"));
    EXPECT_EQ(machine.executor->ledger().attempts[2].undo, UndoState::kConfirmed);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "forget 2"), 1);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "forget 3"), 0);
}

TEST(ExecutorProvisional, WhatWasChangedLastIsRolledBackFirst) {
    MendingMachine machine;
    for (std::uint64_t i = 1; i <= 2; ++i) {
        (void)machine.act(repoint());
        (void)machine.executor->confirm(i, "effective", "");
    }
    EXPECT_EQ(fault_of(machine.roll_back(1)), "Refused: executor-refused");
    EXPECT_EQ(machine.executor->ledger().attempts[0].undo, UndoState::kConfirmed);
    EXPECT_EQ(fault_of(machine.roll_back(2)), "");
    EXPECT_EQ(fault_of(machine.roll_back(1)), "");
}

TEST(ExecutorProvisional, ARecordThatCannotBeReadIsNoReasonToUndo) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.executor.reset();
    std::string text;
    {
        std::ifstream file{machine.audit_path()};
        text.assign(std::istreambuf_iterator<char>{file}, {});
    }
    text.replace(text.find("/etc/nginx/a.conf"), 17, "/etc/nginx/b.conf");
    std::ofstream{machine.audit_path()} << text;
    machine.now += std::chrono::hours{1};
    machine.mender.steps.clear();
    machine.start();
    EXPECT_TRUE(machine.is_ready);
    EXPECT_NE(machine.executor->ledger().unreadable, "");
    EXPECT_TRUE(machine.mender.steps.empty());
}

TEST(ExecutorProvisional, TheDeadlineSurvivesARestart) {
    MendingMachine machine;
    (void)machine.act(repoint());
    const core::TimePoint due = machine.last().undo_by;
    machine.start();
    EXPECT_EQ(machine.last().undo_by, due);
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    machine.pass(std::chrono::seconds{1});
    EXPECT_EQ(fault_of(machine.executor->confirm(1, "effective", "")), "");
    EXPECT_EQ(machine.last().undo, UndoState::kConfirmed);
}

TEST(ExecutorProvisional, AClockSetBackMakesNoTrialLonger) {
    MendingMachine machine;
    (void)machine.act(repoint());
    const core::Duration trial = machine.last().undo_by - machine.last().time;
    machine.now -= std::chrono::hours{1};
    machine.start();
    machine.pass(trial - core::Duration{1});
    EXPECT_EQ(machine.last().undo, UndoState::kProvisional);
    machine.pass(core::Duration{1});
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
}

TEST(ExecutorProvisional, WhatWasDueWhileWeWereAwayIsUndoneAtTheStart) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.now += std::chrono::hours{1};
    machine.start();
    EXPECT_TRUE(machine.is_ready);
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
}

TEST(ExecutorProvisional, CountsForTheBudgetUnlessAPersonHasUndoneIt) {
    for (const Asker asker : {Asker::kAgent, Asker::kRoot}) {
        MendingMachine machine;
        machine.rule().limit.max = 1;
        machine.start();
        (void)machine.act(repoint());
        if (asker == Asker::kAgent) {
            (void)machine.executor->confirm(1, "ineffective", "");
        } else {
            (void)machine.roll_back(1);
        }
        EXPECT_EQ(fault_of(machine.plan(repoint())),
                  asker == Asker::kAgent ? "Refused: budget-exhausted" : "");
    }
}

TEST(ExecutorProvisional, AClockSetBackMakesNoWaitLonger) {
    MendingMachine machine;
    machine.rule().limit.max = 1;
    machine.rule().limit.per = std::chrono::hours{1};
    machine.start();
    (void)machine.act(repoint());
    (void)machine.roll_back(1);
    machine.now -= std::chrono::hours{10};
    machine.start();
    machine.pass(std::chrono::hours{1});
    EXPECT_EQ(fault_of(machine.plan(repoint())), "");
}

// Dies at every step in turn: afterwards either nothing was begun, or all is undone and on record.
TEST(ExecutorProvisional, ACrashAtAnyStepEndsUndoneOrNeverBegun) {
    std::set<std::string> died_at;
    for (std::size_t step = 1;; ++step) {
        MendingMachine machine;
        machine.mender.dies_at = step;
        machine.executor->plan(repoint(), [&](const Reply<Proposal>& reply) {
            if (const auto* proposal = std::get_if<Proposal>(&reply)) {
                machine.executor->execute(proposal->digest, 7, [](const Reply<ActResult>&) {});
            }
        });
        machine.pass(std::chrono::minutes{10});  // nobody confirms
        const bool has_died = machine.mender.steps.size() >= step;
        if (!has_died) {
            break;
        }
        died_at.insert(machine.mender.steps[step - 1]);
        machine.mender.dies_at = 0;
        machine.start();
        EXPECT_TRUE(machine.is_ready);
        EXPECT_FALSE(machine.executor->is_acting());
        EXPECT_EQ(machine.executor->ledger().unreadable, "");
        for (const core::Attempt& attempt : machine.executor->ledger().attempts) {
            EXPECT_EQ(attempt.undo, UndoState::kUndone) << step;
            EXPECT_NE(attempt.outcome, ActOutcome::kPending) << step;
        }
        machine.start();
        EXPECT_EQ(std::ranges::count(machine.mender.steps, "commit 1"),
                  machine.executor->ledger().attempts.empty() || step == 3 ? 0 : 1)
            << "never acts again";
    }
    EXPECT_EQ(died_at,
              (std::set<std::string>{
                  "preview", "stage 1", "commit 1", "review 1", "undo 1", "forget 1"}));
}

// The same for systemd's jobs: the reload there, and the reload back.
TEST(ExecutorProvisional, ACrashDuringAReloadEndsUndone) {
    MendingMachine machine;
    machine.systemd.is_job_held = true;
    const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
    machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
    machine.start();  // and dies again on the way back
    EXPECT_TRUE(machine.executor->is_acting());
    EXPECT_TRUE(machine.is_ready) << "nobody has to wait for the way back";
    EXPECT_EQ(machine.last().outcome, ActOutcome::kPending);
    machine.systemd.is_job_held = false;
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(machine.last().outcome, ActOutcome::kInterrupted);
    EXPECT_EQ(
        machine.kinds(),
        (Words{"start", "intent", "start", "undoing", "start", "undoing", "undone", "outcome"}));
}

TEST(ExecutorProvisional, ARollbackThatWasInterruptedIsFinished) {
    MendingMachine machine;
    (void)machine.act(repoint());
    (void)machine.executor->confirm(1, "effective", "");
    machine.pass(std::chrono::hours{48});  // due is what was ordered just now
    machine.systemd.is_job_held = true;
    machine.executor->roll_back(1, Asker::kRoot, [](const Reply<std::string>&) {});
    machine.systemd.is_job_held = false;
    // The files are back, the reload has not happened.
    machine.mender.mending = {{}, {"/etc/nginx/a.conf: as before already"}, ""};
    const std::size_t jobs = machine.systemd.jobs.size();
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(machine.systemd.jobs.size(), jobs + 1);
}

TEST(ExecutorProvisional, AnUndoingThatFailsAfterAnInterruptionWaitsForAPerson) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.systemd.is_job_held = true;
    machine.executor->roll_back(1, Asker::kRoot, [](const Reply<std::string>&) {});
    machine.systemd.is_job_held = false;
    machine.mender.failures["review"] = "/etc/nginx/a.conf: changed by somebody else since";
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    machine.mender.failures.clear();
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 1);
}

// It failed, its undoing failed, and then we died with the outcome not on record.
TEST(ExecutorProvisional, AFailedUndoingWithoutAnOutcomeIsClosedAndNotTriedAgain) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.executor.reset();
    Record record = Record::open(machine.audit_path());
    const auto second = record.begin_attempt(
        machine.now,
        {.plan = record.footprints().at(1).plan, .digest = std::string(64, 'a'), .undo_by = {}});
    ASSERT_TRUE(second);
    ASSERT_TRUE(record.note_undone(machine.now,
                                   {.attempt = *second,
                                    .by = UndoneBy::kFailure,
                                    .state = UndoState::kUndoFailed,
                                    .detail = "a: as before; b: changed"}));
    record = Record::open("/nonexistent/audit.jsonl");  // its lock
    machine.start();
    EXPECT_EQ(machine.last().outcome, ActOutcome::kInterrupted);
    EXPECT_EQ(machine.last().undo, UndoState::kUndoFailed);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "review 2"), 0);
}

TEST(ExecutorProvisional, WhatWasDueLongAgoIsLeftToAPerson) {
    struct Case {
        const char* name;
        std::function<void(MendingMachine&)> arrange;  // then nobody is here for a week
        core::Duration uptime;
        UndoState state;
    };

    const auto nothing = [](MendingMachine& machine) { (void)machine.act(repoint()); };
    const auto interrupted = [](MendingMachine& machine) {
        machine.systemd.is_job_held = true;
        const auto digest = std::get<Proposal>(machine.plan(repoint())).digest;
        machine.executor->execute(digest, 7, [](const Reply<ActResult>&) {});
        machine.systemd.is_job_held = false;
    };
    const auto undoing = [](MendingMachine& machine) {
        (void)machine.act(repoint());
        machine.systemd.is_job_held = true;
        machine.executor->roll_back(1, Asker::kRoot, [](const Reply<std::string>&) {});
        machine.systemd.is_job_held = false;
    };
    const auto timed = [](MendingMachine& machine) { (void)machine.act(debug_log()); };
    const core::Duration week = std::chrono::hours{24 * 7};
    const core::Duration year = std::chrono::hours{24 * 365};  // as when it began
    const core::Duration moment = std::chrono::minutes{2};
    for (const Case& test : std::vector<Case>{
             {"nobody confirmed", nothing, week, UndoState::kUndoFailed},
             {"interrupted", interrupted, week, UndoState::kUndoFailed},
             {"half undone", undoing, week, UndoState::kUndoFailed},
             {"meant for a time", timed, week, UndoState::kUndone},
             {"the clock was set", nothing, year, UndoState::kUndone},
             {"the machine was off", nothing, moment, UndoState::kUndone},
             {"interrupted, the machine was off", interrupted, moment, UndoState::kUndone},
         }) {
        MendingMachine machine;
        test.arrange(machine);
        const std::size_t steps = machine.mender.steps.size();
        machine.now += week;
        machine.uptime = test.uptime;
        machine.start();
        EXPECT_TRUE(machine.is_ready) << test.name;
        EXPECT_EQ(machine.last().undo, test.state) << test.name;
        EXPECT_NE(machine.last().outcome, ActOutcome::kPending) << test.name;
        if (test.state == UndoState::kUndoFailed) {
            EXPECT_EQ(machine.mender.steps.size(), steps) << test.name;
            EXPECT_TRUE(machine.has_said(message_id::kUndoFailed, 2)) << test.name;
            EXPECT_EQ(fault_of(machine.roll_back(1)), "") << test.name;
        }
    }
}

TEST(ExecutorProvisional, AnUndoingThatCannotBeRecordedIsDoneAndKnownAtTheNextStart) {
    MendingMachine machine;
    (void)machine.act(repoint());
    {
        const FullDisk disk{machine.audit_path()};
        machine.pass(std::chrono::hours{1});  // nobody confirms
        EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 1);
        EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    }
    machine.mender.mending = {{}, {"/etc/nginx/a.conf: as before already"}, ""};
    machine.start();
    EXPECT_EQ(machine.last().undo, UndoState::kUndone);
    EXPECT_EQ(std::ranges::count(machine.mender.steps, "undo 1"), 1);
}

// --- good copies

TEST(ExecutorGoodCopies, AreKeptOncePerConfigurationThatPasses) {
    MendingMachine machine;
    auto& copies = machine.executor->good_copies();
    copies.note(kNginx, {"valid", "f1", ""});
    copies.note(kNginx, {"valid", "f1", ""});
    copies.note(kNginx, {"invalid", "f2", ""});
    copies.note(kNginx, {"valid", "", ""});
    EXPECT_EQ(machine.mender.steps, Words{"keep " + kNginx});
    copies.note(kNginx, {"valid", "f3", ""});
    EXPECT_EQ(machine.mender.steps.size(), 2U);
    machine.mender.failures["keep"] = "disk full";
    copies.note(kNginx, {"valid", "f4", ""});
    copies.note(kNginx, {"valid", "f4", ""});
    EXPECT_EQ(machine.mender.steps.size(), 4U) << "what was not kept is tried again";
}

TEST(ExecutorGoodCopies, NothingOfOursOnTrialIsKept) {
    MendingMachine machine;
    (void)machine.act(repoint());
    machine.mender.steps.clear();
    machine.executor->good_copies().note(kNginx, {"valid", "f1", ""});
    EXPECT_TRUE(machine.mender.steps.empty());
    (void)machine.executor->confirm(1, "effective", "");
    machine.executor->good_copies().note(kNginx, {"valid", "f1", ""});
    EXPECT_EQ(machine.mender.steps, Words{"keep " + kNginx});
}

}  // namespace
}  // namespace gatemend::sandbox
