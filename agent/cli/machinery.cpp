// SPDX-License-Identifier: MIT
#include "cli/machinery.hpp"

#include "app/discovery.hpp"
#include "app/machine_files.hpp"
#include "app/topology_file.hpp"
#include "cli/await.hpp"
#include "core/text.hpp"
#include "io/small_file.hpp"
#include "parse/nginx_config.hpp"

namespace gatemend::cli {

namespace {

constexpr const char* kEtc = "/etc";

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
