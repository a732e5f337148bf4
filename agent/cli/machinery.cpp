// SPDX-License-Identifier: MIT
#include "cli/machinery.hpp"

#include "app/discovery.hpp"
#include "app/machine_files.hpp"
#include "app/topology_file.hpp"
#include "app/topology_source.hpp"
#include "cli/await.hpp"
#include "core/text.hpp"
#include "io/small_file.hpp"
#include "parse/fact_event.hpp"
#include "parse/nginx_config.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace gatemend::cli {

namespace {

constexpr const char* kEtc = "/etc";

// Turns the loop until `is_done` or the deadline; false: in vain.
bool turn_until(bus::EventLoop& loop, const std::function<bool()>& is_done) {
    const core::TimePoint give_up = loop.now() + kFactDeadline;
    constexpr std::uint64_t kTurnUsec = 1'000'000;
    while (!is_done() && loop.now() < give_up && sd_event_run(loop.raw(), kTurnUsec) >= 0) {
    }
    return is_done();
}

// Runs nginx -T; what it said wrong goes to `problems`.
void learn_nginx(bus::EventLoop& loop,
                 sandbox::Facts& facts,
                 app::Machine& machine,
                 std::vector<std::string>& problems) {
    const auto answer = await<sandbox::NginxDumpFact>(
        loop, kFactDeadline, [&facts](Answer<sandbox::NginxDumpFact> done) {
            facts.nginx_dump(std::move(done));
        });
    if (!answer) {
        problems.push_back("nginx -T: " + answer.error().text);
    } else if (answer->exit_status != 0) {
        problems.push_back("nginx -T: " + core::sanitize(answer->diagnostics));
    } else if (auto parsed = parse::parse_nginx_dump(answer->dump)) {
        machine.nginx = std::move(*parsed);
        machine.has_nginx = true;
    } else {
        problems.push_back("nginx -T: " + parsed.error().text);
    }
}

// Who listens where, and what nginx's names mean now: as the service asks.
void learn_around(bus::EventLoop& loop,
                  sandbox::Facts& facts,
                  app::Machine& machine,
                  std::vector<std::string>& problems) {
    struct Answers {
        std::size_t missing = 0;
        std::optional<core::Result<std::string>> look;
        std::map<std::string, std::vector<std::string>> resolved;
    };

    const auto answers = std::make_shared<Answers>();
    answers->missing = 1;
    facts.inspect("", "", [answers](core::Result<std::string> text) {
        answers->look.emplace(std::move(text));
        --answers->missing;
    });
    for (std::size_t i = 0; i < std::min(machine.nginx.names.size(), app::kMaxNames); ++i) {
        const std::string& host = machine.nginx.names[i].host;
        ++answers->missing;
        facts.probe(
            {core::ProbeKind::kResolve, parse::name_of_host(host), "", app::kResolveTimeout},
            [answers, host](const core::Result<std::string>& line) {
                answers->resolved[host] = parse::resolved_addresses(host, line);
                --answers->missing;
            });
    }
    turn_until(loop, [&answers] { return answers->missing == 0; });
    machine.resolved.insert(answers->resolved.begin(), answers->resolved.end());
    const auto look = answers->look && *answers->look
                          ? core::decode_inspection(**answers->look)
                          : core::Result<core::Inspection>{core::Error{"no answer"}};
    if (look) {
        machine.look.listeners = look->listeners;
    } else {
        problems.push_back("who listens where is not known: " + look.error().text);
    }
}

}  // namespace

core::Result<Machinery> open_machinery(bus::EventLoop& loop) {
    GATEMEND_TRY(connection, bus::Connection::open_system(loop, [&loop] { loop.exit(1); }));
    GATEMEND_TRY(systemd, bus::SystemdClient::open(*connection, loop));
    GATEMEND_TRY(runner, sandbox::ToolRunner::open(*connection, loop));
    Machinery machinery;
    machinery.facts = sandbox::Facts::make(*runner, *systemd);
    machinery.mender = sandbox::Mender::make(*runner);
    machinery.connection = std::move(connection);
    machinery.systemd = std::move(systemd);
    machinery.runner = std::move(runner);
    return machinery;
}

core::Topology learn_topology(bus::EventLoop& loop,
                              const Machinery& machinery,
                              const TopologySources& sources,
                              std::vector<std::string>& problems) {
    app::Machine machine;
    learn_nginx(loop, *machinery.facts, machine, problems);
    learn_around(loop, *machinery.facts, machine, problems);
    app::FpmFiles files = app::read_fpm_files(kEtc);
    machine.fpm = std::move(files.instances);
    problems.insert(problems.end(), files.problems.begin(), files.problems.end());
    app::resolve_aliases(machine);
    core::Topology last;
    if (const auto text = io::read_small_file(sources.remembered, app::kMaxTopologyFile)) {
        last = app::decode_topology(*text).value_or(core::Topology{});
    }
    return app::discover(machine, sources.settings, last);
}

}  // namespace gatemend::cli
