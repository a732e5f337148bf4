// SPDX-License-Identifier: MIT
// A running unit is restarted only after the executor has seen for itself that it does no work,
// whoever asks for it and whatever he says.
#include "executor_fakes.hpp"

#include <gtest/gtest.h>

namespace gatemend::sandbox {
namespace {

using core::Cause;
using std::chrono::seconds;

policy::Rule restart_rule(std::string name, Cause cause) {
    policy::Rule rule;
    rule.name = std::move(name);
    rule.match.cause = cause;
    rule.ladder = {{actions::ActId::kRestartUnit, seconds{20}}};
    rule.mode = policy::Mode::kAct;
    rule.limit.cooldown = core::Duration::zero();
    return rule;
}

// PHP-FPM runs and listens; a compromised agent wants it restarted.
class Running : public ::testing::Test {
  protected:
    Running() {
        machine.systemd.units[kFpm].active = core::ActiveState::kActive;
        machine.loaded.policy.rules.push_back(restart_rule("restart-hung", Cause::kBackendHung));
        machine.loaded.policy.rules.push_back(
            restart_rule("restart-deleted", Cause::kSocketDeleted));
        machine.loaded.policy.rules.push_back(restart_rule("restart-unknown", Cause::kUnknown));
        (void)machine.executor->reload();
        for (std::uint32_t pid : {10U, 11U, 12U}) {
            core::Worker worker;
            worker.pid = pid;
            worker.parent = pid == 10 ? 1 : 10;
            worker.state = 'S';
            worker.command = "php-fpm8.2";
            if (pid != 10) {
                worker.pool = "www";
                worker.is_accepting = false;
                worker.connections = 1;
            }
            look.workers.push_back(worker);
        }
        core::Listener listener;
        listener.address = "unix:/run/php/php8.2-fpm.sock";
        listener.unit = kFpm;
        listener.pid = 10;
        listener.queue = 4;
        listener.backlog = 511;
        look.listeners = {{listener}};
        machine.facts.dump = dump_with("");
    }

    static std::string dump_with(const std::string& directives) {
        return "# configuration file /etc/nginx/nginx.conf:\nhttp { server { " + directives +
               " location / { fastcgi_pass unix:/run/php/php8.2-fpm.sock; } } }\n";
    }

    void lose_socket() {
        core::Listener& listener = look.listeners->front();
        listener.is_reachable = false;
        listener.is_main = true;
        listener.queue = 0;
        listener.connections = 0;
    }

    core::Worker& add_process(std::uint32_t pid, const std::string& command) {
        core::Worker worker;
        worker.pid = pid;
        worker.parent = 1;
        worker.state = 'S';
        worker.command = command;
        look.workers.push_back(worker);
        return look.workers.back();
    }

    // A listed application whose processes are these.
    void run_shop() {
        unit = "shop.service";
        machine.loaded.policy.settings.units.push_back(unit);
        (void)machine.executor->reload();
        machine.systemd.units[unit] = machine.systemd.units[kFpm];
        machine.systemd.units[unit].id = unit;
        look.listeners->front().address = "unix:/run/shop.sock";
        look.listeners->front().unit = unit;
        look.workers.clear();
        add_process(10, "node");
        add_process(11, "node").parent = 10;
    }

    // What becomes of the wish: "" where it is a plan, else the refusal.
    std::string ask(const std::string& rule,
                    const std::string& cause,
                    const std::string& act = "restart-unit") {
        machine.facts.inspection = core::encode(look);
        PlanRequest request = make_request();
        request.unit = unit;
        request.act = act;
        request.rule = rule;
        request.cause = cause;
        request.expected_active = "active";
        std::optional<Reply<Proposal>> reply;
        machine.executor->plan(request, [&](Reply<Proposal> answer) { reply = std::move(answer); });
        machine.pass(seconds{3});
        const auto* fault = reply ? std::get_if<Fault>(&*reply) : nullptr;
        said = fault != nullptr ? fault->text : "";
        return reply ? fault_of(*reply) : "no answer";
    }

    // As the agent has looks made, every ten seconds.
    void watch(core::Duration duration) {
        for (core::Duration passed{}; passed < duration; passed += seconds{10}) {
            machine.pass(seconds{10});
            machine.executor->work().note(unit, core::encode(look));
        }
    }

    std::string ask_for_lost_socket() { return ask("restart-deleted", "socket-deleted"); }

    ExecutorMachine machine;
    core::Inspection look;
    std::string unit = kFpm;
    std::string said;  // to the newest wish
};

TEST_F(Running, IsNotRestartedOnSomebodysWord) {
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_EQ(ask("restart-deleted", "socket-deleted"), "Refused: executor-refused");
    EXPECT_EQ(ask("start-crashed-backend", "unit-failed"), "Refused: unit-is-up");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST_F(Running, IsRestartedOnceNothingHasMovedForTwiceNginxsPatienceWhileVisitorsWait) {
    watch(seconds{90});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_NE(said.find("of 2m after which"), std::string::npos) << said;
    watch(seconds{40});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

TEST_F(Running, IsRestartedSoonerWhereNginxWaitsLess) {
    machine.facts.dump = dump_with("fastcgi_read_timeout 5s;");
    watch(seconds{50});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_EQ(machine.facts.dumps_made, 0) << "not before a minute";
    watch(seconds{30});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

// Two visitors in a page that sleeps, the third queued: nothing moves, and nobody is lost.
TEST_F(Running, IsNotRestartedWhileNginxWaitsOnForAnAnswer) {
    machine.facts.dump = dump_with("fastcgi_read_timeout 300s;");
    watch(seconds{130});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_NE(said.find("of 10m after which"), std::string::npos) << said;
    watch(seconds{480});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

TEST_F(Running, IsNotRestartedWhereItIsNotKnownHowLongNginxWaits) {
    watch(seconds{600});
    for (const std::string& dump : {std::string{},
                                    dump_with("fastcgi_read_timeout 1h;"),
                                    dump_with("fastcgi_read_timeout $patience;"),
                                    dump_with("fastcgi_read_timeout;"),
                                    dump_with("return 200 'x;")}) {
        machine.facts.dump = dump;
        EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence") << dump;
        EXPECT_NE(said.find("not known how long nginx waits"), std::string::npos) << said;
    }
    machine.facts.dump = dump_with("proxy_read_timeout 1d;");
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "") << "PHP-FPM is not asked by HTTP";
}

TEST(NginxPatience, IsTheLongestReadTimeoutOfAnyPlace) {
    using core::ServiceRole;
    const std::string text =
        "# configuration file /etc/nginx/nginx.conf:\n# proxy_read_timeout 20m;\n"
        "http { access_by_lua_block { local s = \"uwsgi_read_timeout 20m;\" }\n"
        "proxy_read_timeout 90; server { location /x { 'fastcgi_read_timeout' 2m30s; } } }\n";
    EXPECT_EQ(nginx_patience(text, ServiceRole::kPhpFpm), seconds{150});
    EXPECT_EQ(nginx_patience(text, ServiceRole::kOther), seconds{150});
    EXPECT_EQ(nginx_patience("proxy_read_timeout 90;", ServiceRole::kOther), seconds{90});
    EXPECT_EQ(nginx_patience("grpc_read_timeout 3s;", ServiceRole::kOther), kDefaultPatience);
    EXPECT_EQ(nginx_patience("proxy_read_timeout 30m;", ServiceRole::kOther), kLongestPatience);
    for (const char* odd : {"proxy_read_timeout 31m;",
                            "proxy_read_timeout 1w;",
                            "proxy_read_timeout 1 2;",
                            "proxy_read_timeout 90",
                            "a_by_lua_block {",
                            "return \""}) {
        EXPECT_FALSE(nginx_patience(odd, ServiceRole::kOther)) << odd;
    }
}

TEST(NginxPatience, IsTheDefaultUnlessATimeoutStandsAroundEveryPlaceThatAsks) {
    const auto of_fpm = [](const std::string& text) {
        return nginx_patience(text, core::ServiceRole::kPhpFpm);
    };
    const std::string pass = "fastcgi_pass unix:/a;";
    const std::string limit = "fastcgi_read_timeout 5s;";
    for (const std::string& text :
         {"http { server { location / { " + pass + limit + " } } }",
          "http { server { " + limit + " location / { if ($a) { " + pass + " } } } }",
          "http { server { location / { " + pass + " } } " + limit + " }",
          "http { " + limit + " } server { location / { " + pass + " } }"}) {
        EXPECT_EQ(of_fpm(text), seconds{5}) << text;
    }
    for (const std::string& text :
         {"http { server { location / { " + pass + " } location /a { " + limit + pass + " } } }",
          "http { server { " + limit + " } server { location / { " + pass + " } } }",
          "http { server { location / { proxy_read_timeout 5s; " + pass + " } } }",
          limit + " server { location / { " + pass + " } }",
          "http { " + limit + " }"}) {
        EXPECT_EQ(of_fpm(text), kDefaultPatience) << text;
    }
    EXPECT_EQ(nginx_patience("http { proxy_read_timeout 5s; server { proxy_pass http://a; } }",
                             core::ServiceRole::kOther),
              seconds{5});
}

TEST(NginxPatience, EndsAtAReloadWhereAShutdownTimeoutStands) {
    EXPECT_FALSE(
        is_reload_cutting("# worker_shutdown_timeout 5s;\nevents { } http { server { } }"));
    EXPECT_TRUE(is_reload_cutting("worker_shutdown_timeout 5s;\nevents { }"));
    EXPECT_TRUE(is_reload_cutting("events { } 'worker_shutdown_timeout' 5s;"));
    EXPECT_TRUE(is_reload_cutting("events { } worker_sh")) << "cut off";
}

// An account was deleted, a folder is gone: no file of the configuration has changed.
TEST_F(Running, IsTestedAgainBeforeARestart) {
    machine.facts.valid_since = std::chrono::hours{1};
    machine.facts.verdict = "invalid";
    watch(seconds{130});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: config-invalid");
    machine.facts.verdict = "valid";
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

// Remi's and Plesk's units: what their configuration is, and who tests it, is not known here.
TEST_F(Running, IsNotRestartedWhereNobodyCanTellWhetherItComesUpAgain) {
    for (const std::string unit : {"php82-php-fpm.service", "plesk-php82-fpm.service"}) {
        machine.loaded.policy.settings.units.push_back(unit);
        (void)machine.executor->reload();
        machine.systemd.units[unit] = machine.systemd.units[kFpm];
        machine.systemd.units[unit].id = unit;
        PlanRequest request = make_request();
        request.unit = unit;
        request.act = "restart-unit";
        request.rule = "restart-unknown";
        request.cause = "unknown";
        request.expected_active = "active";
        EXPECT_EQ(fault_of(machine.plan(request)), "Refused: config-unknown") << unit;
    }
}

TEST_F(Running, IsNotRestartedWhenAnythingHasMoved) {
    watch(seconds{130});
    ++look.workers[2].done;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    watch(seconds{90});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    watch(seconds{40});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

TEST_F(Running, IsNotRestartedWhileNobodyWaits) {
    look.listeners->front().queue = 0;
    watch(seconds{600});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence") << "it is idle";
    look.listeners->front().queue = 2;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence")
        << "whoever came this moment may be let in the next";
}

TEST_F(Running, IsNotRestartedWhileAWorkerWorksOnWithoutAVisitor) {
    watch(seconds{130});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
    look.workers[2].connections = 0;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_EQ(ask("restart-unknown", "unknown"), "Refused: contrary-evidence");
    look.workers[2].is_accepting.reset();
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence")
        << "who knows what it does";
    look.workers[2].is_accepting = true;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
}

TEST_F(Running, IsNotRestartedWhileSomebodyIsServedWhereNobodyWaits) {
    core::Listener other = look.listeners->front();
    other.address = "127.0.0.1:9001";
    other.is_main = true;
    other.queue = 0;
    other.connections = 1;
    look.listeners->push_back(other);
    watch(seconds{130});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_EQ(ask("restart-unknown", "unknown"), "Refused: contrary-evidence");
    look.listeners->back().connections = 0;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
    look.listeners->back().connections = 5;
    look.listeners->back().queue = 2;
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence")
        << "whoever came this moment may be let in the next";
    watch(seconds{80});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
    EXPECT_EQ(ask("restart-unknown", "unknown"), "Refused: contrary-evidence")
        << "that others wait for long is no reason of this cause";
}

TEST_F(Running, IsRestartedWhenAllItsProcessesAreStoppedInTwoLooks) {
    for (core::Worker& worker : look.workers) {
        worker.state = 'T';
    }
    machine.facts.dump = "";  // whatever nginx waits
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "");
    EXPECT_EQ(machine.facts.inspected.size(), 2U);
    look.workers[1].state = 'S';
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
}

TEST_F(Running, IsNotRestartedUnderADebugger) {
    for (core::Worker& worker : look.workers) {
        worker.state = 'T';
        worker.is_traced = true;
    }
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
}

TEST_F(Running, IsNotRestartedWhenItsProcessesCannotBeSeen) {
    lose_socket();
    look.is_workers_cut = true;
    watch(seconds{130});
    EXPECT_EQ(ask("restart-hung", "backend-hung"), "Refused: contrary-evidence");
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence");
    look = {};
    EXPECT_EQ(ask("restart-unknown", "unknown"), "Refused: contrary-evidence");
}

TEST_F(Running, IsRestartedForASocketThatIsReallyOutOfReach) {
    lose_socket();
    core::Listener& listener = look.listeners->front();
    EXPECT_EQ(ask_for_lost_socket(), "");
    EXPECT_EQ(machine.facts.inspected.size(), 1U) << "nobody is there who could work";
    listener.connections = 1;
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << "somebody is served";
    listener.connections = 0;
    look.workers[1].connections = 0;
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence")
        << "a job goes on after its answer";
    look.workers[1].is_accepting = true;
    EXPECT_EQ(ask_for_lost_socket(), "");
    look.workers[1].is_traced = true;
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << "under a debugger";
    listener.unit = "shop.service";
    listener.is_main = false;
    EXPECT_EQ(ask_for_lost_socket(), "Refused: executor-refused") << "somebody else's";
}

// exec("nohup php export.php &"): its page has been answered, and no connection tells of it.
TEST_F(Running, IsNotRestartedForALostSocketWhileAJobThatAPageHasLeftBehindWorks) {
    lose_socket();
    for (const char state : {'R', 'D'}) {
        add_process(40, "php").state = state;
        EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << state;
        EXPECT_NE(said.find("php (pid 40)"), std::string::npos) << said;
        EXPECT_NE(said.find("systemctl restart " + kFpm), std::string::npos) << said;
        look.workers.pop_back();
    }
    EXPECT_EQ(ask_for_lost_socket(), "") << "it has ended";
}

TEST_F(Running, WaitsForAJobThatHasOnlyPaused) {
    lose_socket();
    add_process(40, "php").state = 'R';
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence");
    look.workers.back().state = 'S';
    EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << "it is seen a moment later";
    machine.pass(seconds{8});
    EXPECT_EQ(ask_for_lost_socket(), "");
}

TEST_F(Running, IsNotRestartedForALostSocketWhenItsOtherProcessesHaveDoneSomething) {
    lose_socket();
    const auto ask_after = [this](const std::function<void()>& change) {
        machine.pass(std::chrono::minutes{1});
        watch(seconds{10});
        change();
        machine.pass(seconds{5});
        return ask_for_lost_socket();
    };
    add_process(40, "php");
    add_process(41, "convert");
    EXPECT_EQ(ask_after([] {}), "") << "they only wait";
    EXPECT_EQ(ask_after([this] { look.workers.back().done += 500; }), "") << "and wake up for that";
    EXPECT_EQ(ask_after([this] { look.workers.back().ticks += 10; }), "");
    const std::string held = "Refused: contrary-evidence";
    EXPECT_EQ(ask_after([this] { look.workers.back().ticks += 20; }), held);
    EXPECT_EQ(ask_after([this] { ++look.workers.back().io_bytes; }), held);
    EXPECT_EQ(ask_after([this] { ++look.workers.back().started; }), held) << "another of its pid";
    EXPECT_EQ(ask_after([this] { look.workers.pop_back(); }), held) << "its parent goes on";
    EXPECT_NE(said.find("convert (pid 41) has ended"), std::string::npos) << said;
    EXPECT_EQ(ask_after([this] { add_process(42, "gzip"); }), held);
    EXPECT_EQ(ask_after([] {}), "");
}

TEST_F(Running, AnApplicationIsRestartedForALostSocketWhileItOnlyWaits) {
    run_shop();
    lose_socket();
    EXPECT_EQ(ask_for_lost_socket(), "");
    EXPECT_EQ(machine.facts.inspected.size(), 2U);
    look.workers[0].ticks += 2;
    look.workers[0].io_bytes += 500;
    EXPECT_EQ(ask_for_lost_socket(), "") << "a timer, a line of its log";
    EXPECT_EQ(machine.facts.inspected.size(), 3U) << "it has been looked at a moment ago";
}

TEST_F(Running, AnApplicationIsNotRestartedForALostSocketWhileAnyOfItsProcessesWorks) {
    run_shop();
    lose_socket();
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
        EXPECT_EQ(ask_for_lost_socket(), "");
        look.workers[i].ticks += 100;
        EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << i;
        machine.pass(std::chrono::minutes{1});
        EXPECT_EQ(ask_for_lost_socket(), "");
        look.workers[i].io_bytes += 100'000;
        EXPECT_EQ(ask_for_lost_socket(), "Refused: contrary-evidence") << i;
        machine.pass(std::chrono::minutes{1});
    }
}

TEST_F(Running, IsNotRestartedForAnyOtherCauseWhileItWorks) {
    EXPECT_EQ(ask("restart-unknown", "unknown"), "") << "nothing moves in two looks";
    look.workers[1].state = 'R';
    EXPECT_EQ(ask("restart-unknown", "unknown"), "Refused: contrary-evidence");
}

// It may be at work on what comes before it listens: a migration that waits for a lock.
TEST_F(Running, IsNotRestartedForAnApplicationThatDoesNotListenYet) {
    machine.loaded.policy.rules.push_back(restart_rule("restart-app", Cause::kAppDown));
    (void)machine.executor->reload();
    watch(seconds{80});
    EXPECT_EQ(ask("restart-app", "app-down"), "Refused: unit-is-up");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST_F(Running, IsNotReloadedForANameThatOnlyNginxLooksUp) {
    policy::Rule rule = restart_rule("reload", Cause::kNameUnresolved);
    rule.ladder = {{actions::ActId::kReloadUnit, seconds{20}}};
    machine.loaded.policy.rules.push_back(rule);
    (void)machine.executor->reload();
    EXPECT_EQ(ask("reload", "name-unresolved", "reload-unit"), "Refused: executor-refused")
        << "PHP-FPM drops what is in flight";
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

TEST_F(Running, ButOneThatIsDownIsRestartedAsASecondStep) {
    machine.systemd.units[kFpm] = make_crashed_unit();
    PlanRequest request = make_request();
    request.act = "restart-unit";
    EXPECT_EQ(fault_of(machine.plan(request)), "");
    EXPECT_TRUE(machine.facts.inspected.empty());
}

}  // namespace
}  // namespace gatemend::sandbox
