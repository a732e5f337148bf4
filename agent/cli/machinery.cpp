// SPDX-License-Identifier: MIT
#include "cli/machinery.hpp"

#include "actions/catalogue.hpp"
#include "app/discovery.hpp"
#include "app/machine_files.hpp"
#include "app/standings.hpp"
#include "app/topology_file.hpp"
#include "app/topology_source.hpp"
#include "cli/await.hpp"
#include "cli/recent_symptoms.hpp"
#include "core/text.hpp"
#include "io/small_file.hpp"
#include "parse/fact_event.hpp"
#include "parse/nginx_config.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace gatemend::cli {

namespace {

constexpr const char* kEtc = "/etc";

// Runs nginx -T; what it said wrong goes to `problems`.
void learn_nginx(bus::EventLoop& loop,
                 sandbox::Facts& facts,
                 app::Machine& machine,
                 std::vector<std::string>& problems) {
    machine.is_nginx_installed = app::is_nginx_installed();
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

// Who listens where: whose a backend is that is no pool's.
void learn_listeners(bus::EventLoop& loop,
                     sandbox::Facts& facts,
                     app::Machine& machine,
                     std::vector<std::string>& problems) {
    const auto answer = await<std::string>(loop, kFactDeadline, [&facts](Answer<std::string> done) {
        facts.inspect("", "", std::move(done));
    });
    const auto look =
        answer ? core::decode_inspection(*answer) : core::Result<core::Inspection>{answer.error()};
    if (look) {
        machine.look.listeners = look->listeners;
    } else {
        problems.push_back("who listens where is not known: " + look.error().text);
    }
}

// What the names of nginx's configuration mean now. All are asked at once: a resolver that does not
// answer is waited for once.
void learn_names(bus::EventLoop& loop, sandbox::Facts& facts, app::Machine& machine) {
    using Names = std::map<std::string, std::vector<std::string>>;
    const std::size_t count = std::min(machine.nginx.names.size(), app::kMaxNames);
    if (count == 0) {
        return;
    }
    auto names = await<Names>(loop, kFactDeadline, [&](const Answer<Names>& done) {
        const auto found = std::make_shared<Names>();
        const auto missing = std::make_shared<std::size_t>(count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string& host = machine.nginx.names[i].host;
            facts.probe(
                {core::ProbeKind::kResolve, parse::name_of_host(host), "", app::kResolveTimeout},
                [found, missing, done, host](const core::Result<std::string>& line) {
                    (*found)[host] = parse::resolved_addresses(host, line);
                    if (--*missing == 0) {
                        done(std::move(*found));
                    }
                });
        }
    });
    if (names) {
        machine.resolved = std::move(*names);
    }
}

// Who of those that listen is a unit's main process, and which of the units that pool files name is
// in use.
void learn_units(bus::EventLoop& loop,
                 bus::SystemdClient& systemd,
                 app::Machine& machine,
                 const core::Topology& remembered) {
    std::set<std::string> units;
    for (const app::FpmInstance& instance : machine.fpm) {
        units.insert(instance.unit);
    }
    for (const core::Seen& seen : remembered.seen) {
        units.insert(seen.unit);
    }
    for (const core::Service& service : remembered.services) {
        units.insert(service.unit);
    }
    for (const core::Listener& listener :
         machine.look.listeners.value_or(std::vector<core::Listener>{})) {
        units.insert(listener.unit);
    }
    std::erase_if(units, [](const std::string& unit) { return !actions::is_unit_name(unit); });
    auto answer =
        await<app::Standings>(loop, kFactDeadline, [&](const Answer<app::Standings>& done) {
            app::read_standings(systemd, units, done);
        });
    if (answer) {
        machine.units = *std::move(answer);
        app::note_main_processes(machine.look, machine.units);
    }
}

std::vector<core::Backend> all_backends(const core::Topology& topology) {
    std::vector<core::Backend> all = topology.unowned;
    for (const core::Service& service : topology.services) {
        all.insert(all.end(), service.backends.begin(), service.backends.end());
    }
    return all;
}

// nginx keeps what a name meant when it read its configuration. Where its log complains about the
// address that the service remembers, that one is in use, whatever the name means now.
void keep_addresses_in_use(app::Machine& machine, const core::Topology& remembered) {
    const auto records = recent_symptoms(machine.nginx.error_logs, std::time(nullptr));
    for (const core::Backend& backend : all_backends(remembered)) {
        const auto found = machine.resolved.find(backend.host);
        const bool is_complained_about =
            std::ranges::find(records, backend.address, &core::SymptomSeen::address) !=
            records.end();
        if (found != machine.resolved.end() && is_complained_about &&
            std::ranges::find(found->second, backend.address) == found->second.end()) {
            found->second.push_back(backend.address);
        }
    }
}

}  // namespace

core::Result<Machinery> open_machinery(bus::EventLoop& loop) {
    GATEMEND_TRY(connection, bus::Connection::open_system(loop, [&loop] { loop.exit(1); }));
    GATEMEND_TRY(systemd, bus::SystemdClient::open(*connection, loop));
    GATEMEND_TRY(runner, sandbox::ToolRunner::open(*connection, loop));
    Machinery machinery;
    machinery.facts = sandbox::Facts::make(*runner, *systemd);
    machinery.mender = sandbox::Mender::make(*runner, *machinery.facts);
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
    learn_listeners(loop, *machinery.facts, machine, problems);
    learn_names(loop, *machinery.facts, machine);
    app::FpmFiles files = app::read_fpm_files(kEtc);
    machine.fpm = std::move(files.instances);
    problems.insert(problems.end(), files.problems.begin(), files.problems.end());
    app::resolve_aliases(machine);
    core::Topology last;
    if (const auto text = io::read_small_file(sources.remembered, app::kMaxTopologyFile)) {
        last = app::decode_topology(*text).value_or(core::Topology{});
    }
    keep_addresses_in_use(machine, last);
    learn_units(loop, *machinery.systemd, machine, last);
    return app::discover(machine, sources.settings, last);
}

}  // namespace gatemend::cli
