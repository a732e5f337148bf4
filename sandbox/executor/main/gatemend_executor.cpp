// SPDX-License-Identifier: MIT
// gatemend-executor: wires the privileged half together and runs until it is told to stop,
// finishing an act that is under way. Takes no arguments; started by systemd or by D-Bus
// activation.
#include "sandbox/bus/clock_watch.hpp"
#include "sandbox/bus/connection.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/bus/timers.hpp"
#include "sandbox/executor/executor.hpp"
#include "sandbox/executor/executor_object.hpp"
#include "sandbox/executor/fact_desk.hpp"
#include "sandbox/executor/notices.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/powers.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/guards.hpp"
#include "sandbox/tools/mender.hpp"
#include "sandbox/tools/newest_anchor.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <linux/capability.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

namespace {

using namespace gatemend;
using core::Done;
using core::Error;
using core::Status;

constexpr const char* kAuditPath = "/var/log/gatemend/audit.jsonl";
constexpr const char* kSpillPath = "/run/gatemend-executor/spill.jsonl";
constexpr const char* kNamesPath = "/var/lib/gatemend/names";

// Everything that lives as long as the process, in the order it is built.
struct Service {
    explicit Service(bus::EventLoop& event_loop) : loop(event_loop), timers(event_loop) {}

    bus::EventLoop& loop;
    bus::Timers timers;
    std::unique_ptr<bus::Connection> connection;
    std::unique_ptr<bus::SystemdClient> systemd;
    std::unique_ptr<sandbox::ToolRunner> runner;
    std::unique_ptr<sandbox::Facts> facts;
    std::unique_ptr<sandbox::Mender> mender;
    std::unique_ptr<sandbox::Guards> guards;
    sandbox::JournalNotices notices;
    std::unique_ptr<sandbox::Executor> executor;
    std::unique_ptr<sandbox::FactDesk> desk;
    std::unique_ptr<sandbox::ExecutorObject> object;
    bus::Source terminate;
    bus::Source interrupt;
    bus::Source hangup;
    std::unique_ptr<bus::ClockWatch> clock_watch;
    std::optional<int> stop_code;  // asked to end, with this

    Status connect();
    void check_guards(const std::string& unit, actions::ActId act, const sandbox::HoldDone& done);
    void build_executor();
    void watch_signals();
    Status watch_clock();
    void stop(int exit_code);
    void end();
};

Status Service::connect() {
    GATEMEND_TRY(opened, bus::Connection::open_system(loop, [this] {
                     spdlog::error("the system bus is gone, ending");
                     loop.exit(bus::kExitStartAnew);
                 }));
    connection = std::move(opened);
    GATEMEND_TRY(client, bus::SystemdClient::open(*connection, loop));
    systemd = std::move(client);
    GATEMEND_TRY(tools, sandbox::ToolRunner::open(*connection, loop));
    runner = std::move(tools);
    facts = sandbox::Facts::make(*runner, *systemd);
    mender = sandbox::Mender::make(*runner, *facts);
    guards = std::make_unique<sandbox::Guards>(*systemd, sandbox::GuardView::of_this_machine());
    return Done{};
}

void Service::check_guards(const std::string& unit,
                           actions::ActId act,
                           const sandbox::HoldDone& done) {
    guards->check(
        {.unit = unit,
         .act = act,
         .limits = executor->policy().settings.guards,
         .own_starts = sandbox::starts_of(executor->ledger(), unit)},
        [done](const std::vector<core::Hold>& holds) { done(sandbox::gate_hold_of(holds)); });
}

void Service::build_executor() {
    executor = std::make_unique<sandbox::Executor>(
        sandbox::ExecutorPorts{
            .systemd = *systemd,
            .facts = *facts,
            .tools = *runner,
            .mender = *mender,
            .notices = notices,
            .now = [this] { return loop.now(); },
            .load_policy = [] { return policy::load_policy({}); },
            .ledger_changed =
                [this] {
                    if (object) {
                        object->emit_ledger_changed();
                    }
                    if (stop_code && !executor->is_acting()) {
                        end();
                    }
                },
            .after = [this](
                         core::Duration delay,
                         std::function<void()> then) { timers.call_after(delay, std::move(then)); },
            .uptime = bus::since_boot,
            .read_anchor =
                [this](const std::string& path, const sandbox::AnchorDone& done) {
                    sandbox::read_newest_anchor(*runner, path, done);
                },
            .check_guards =
                [this](const std::string& unit, actions::ActId act, const sandbox::HoldDone& done) {
                    check_guards(unit, act, done);
                }},
        sandbox::Record::open(kAuditPath, kSpillPath));
    desk = std::make_unique<sandbox::FactDesk>(
        *facts,
        [this]() -> const policy::Policy& { return executor->policy(); },
        sandbox::FactPaths{.names = kNamesPath, .agent = sandbox::agent_identity()},
        [this](const std::string& unit, const sandbox::ConfigTestFact& fact) {
            executor->good_copies().note(unit, fact);
        },
        [](const Error& error) { spdlog::warn("{}", error.text); },
        [this](const std::string& unit, const std::string& look) {
            executor->work().note(unit, look);
        });
}

void Service::stop(int exit_code) {
    stop_code = exit_code;
    if (executor->is_acting()) {
        spdlog::info("asked to stop: finishing the act under way first");
        return;
    }
    end();
}

void Service::end() {
    executor->end();
    loop.exit(*stop_code);
}

Status Service::watch_clock() {
    GATEMEND_TRY(watch, bus::ClockWatch::open(loop, [this](core::Duration jump) {
                     spdlog::warn("the clock was {}; starting anew", bus::jump_words(jump));
                     stop(bus::kExitStartAnew);
                 }));
    clock_watch = std::move(watch);
    return Done{};
}

void Service::watch_signals() {
    terminate = loop.add_signal(SIGTERM, [this] { stop(EXIT_SUCCESS); });
    interrupt = loop.add_signal(SIGINT, [this] { stop(EXIT_SUCCESS); });
    hangup = loop.add_signal(SIGHUP, [this] { (void)executor->reload(); });  // said in the journal
}

Status run(bus::EventLoop& loop, int& exit_code) {
    // Of root's powers only reading what others keep private: logs, pool files.
    GATEMEND_CHECK(sandbox::keep_only({CAP_DAC_READ_SEARCH}));
    Service service{loop};
    GATEMEND_CHECK(service.connect());
    service.build_executor();
    service.watch_signals();
    GATEMEND_CHECK(service.watch_clock());
    GATEMEND_TRY(
        object,
        sandbox::ExecutorObject::make(*service.connection, *service.executor, *service.desk));
    service.object = std::move(object);
    GATEMEND_CHECK(sandbox::install_filter(sandbox::Program::kExecutor));
    if (!service.executor->ledger().unreadable.empty()) {
        spdlog::critical("observe only: {}", service.executor->ledger().unreadable);
    }
    service.executor->begin([&service, &loop] {
        if (const Status named = service.connection->request_name(sandbox::kExecutorName); !named) {
            spdlog::critical("{}", named.error().text);
            loop.exit(EXIT_FAILURE);
        }
    });
    exit_code = loop.run();
    return Done{};
}

}  // namespace

int main(int argc, char** /*argv*/) {
    // stderr is the journal; it stamps and names the lines itself
    spdlog::set_default_logger(spdlog::stderr_logger_st("gatemend-executor"));
    spdlog::set_pattern("%l: %v");
    if (argc != 1) {
        spdlog::error("gatemend-executor takes no arguments: it is started by systemd");
        return 2;
    }
    auto loop = bus::EventLoop::open();
    if (!loop) {
        spdlog::critical("{}", loop.error().text);
        return EXIT_FAILURE;
    }
    int exit_code = EXIT_FAILURE;
    if (const Status status = run(*loop, exit_code); !status) {
        spdlog::critical("{}", status.error().text);
    }
    return exit_code;
}
