// SPDX-License-Identifier: MIT
#include "app/discovery.hpp"

#include "app/ownership.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::app {

namespace {

constexpr std::string_view kNginxUnit = "nginx.service";
constexpr std::size_t kMaxBackends = 4096;

core::ConfigLine line_of(const parse::Setting& setting) {
    return core::ConfigLine{setting.value, setting.where};
}

core::PoolSettings settings_of(const parse::FpmPool& pool) {
    const auto line = [&pool](parse::FpmSetting setting) {
        return line_of(pool.settings.of(setting));
    };
    using enum parse::FpmSetting;
    return core::PoolSettings{.pm = line(kPm),
                              .max_children = line(kMaxChildren),
                              .start_servers = line(kStartServers),
                              .min_spare_servers = line(kMinSpareServers),
                              .max_spare_servers = line(kMaxSpareServers),
                              .terminate_timeout = line(kRequestTerminateTimeout),
                              .control_timeout = {},
                              .slowlog_timeout = line(kRequestSlowlogTimeout),
                              .slowlog = line(kSlowlog),
                              .memory_limit = line(kPhpMemoryLimit),
                              .max_execution_time = line(kPhpMaxExecutionTime),
                              .catch_output = line(kCatchWorkersOutput),
                              .decorate_output = line(kDecorateWorkersOutput)};
}

core::PoolSettings settings_of(const Machine& machine, const Owner& owner) {
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            if (unit_of(machine, instance) == owner.unit && pool.name == owner.pool) {
                core::PoolSettings settings = settings_of(pool);
                settings.control_timeout = instance.control_timeout;
                return settings;
            }
        }
    }
    return {};
}

bool has_backend(const std::vector<core::Backend>& backends, std::string_view address) {
    return std::any_of(backends.begin(), backends.end(), [address](const core::Backend& item) {
        return item.address == address;
    });
}

void add(core::Topology& topology, const Owner& owner, core::Backend backend) {
    if (owner.unit.empty()) {
        if (!has_backend(topology.unowned, backend.address)) {
            topology.unowned.push_back(std::move(backend));
        }
        return;
    }
    auto service = std::find_if(topology.services.begin(),
                                topology.services.end(),
                                [&](const core::Service& item) { return item.unit == owner.unit; });
    if (service == topology.services.end()) {
        service = topology.services.insert(
            service, core::Service{owner.unit, core::role_of_unit(owner.unit), {}});
    }
    const auto known = std::find_if(
        service->backends.begin(), service->backends.end(), [&backend](const core::Backend& item) {
            return item.address == backend.address;
        });
    if (known == service->backends.end()) {
        backend.pool = owner.pool;
        service->backends.push_back(std::move(backend));
        return;
    }
    if (backend.longest_wait.value.empty()) {
        return;  // not by nginx: gatemend.toml
    }
    // Named twice, as in http:// and grpc://, or by a name: who waits longest counts.
    const parse::Setting wait{known->longest_wait.value, known->longest_wait.where};
    const parse::Setting other{backend.longest_wait.value, backend.longest_wait.where};
    known->longest_wait = line_of(parse::longer_of(wait, other));
}

// Of all locations that lead there. Where not all of them are known, of all there are.
core::ConfigLine longest_wait_of(const Machine& machine,
                                 const parse::ConfiguredBackend& configured) {
    const parse::NginxConfig& nginx = machine.nginx;
    const bool is_complete =
        nginx.skipped.empty() && configured.places.size() < parse::kMaxPlacesPerBackend;
    if (!is_complete || configured.places.empty()) {
        return line_of(nginx.longest_wait);
    }
    const parse::Setting* longest = nullptr;
    for (const std::size_t index : configured.places) {
        const auto& wait = nginx.places[index].settings.of(parse::PassSetting::kReadTimeout);
        longest = longest == nullptr ? &wait : &parse::longer_of(*longest, wait);
    }
    return line_of(*longest);
}

core::Backend backend_of(const Machine& machine, const parse::ConfiguredBackend& configured) {
    core::Backend backend;
    backend.address = configured.address;
    backend.where = configured.where;
    backend.scheme = configured.scheme;
    backend.host = configured.host;
    backend.longest_wait = longest_wait_of(machine, configured);
    if (!configured.places.empty()) {
        const parse::PassPlace& place = machine.nginx.places[configured.places.front()];
        backend.read_timeout = line_of(place.settings.of(parse::PassSetting::kReadTimeout));
        backend.buffer_size = line_of(place.settings.of(parse::PassSetting::kBufferSize));
        backend.buffers = line_of(place.settings.of(parse::PassSetting::kBuffers));
        backend.busy_buffers_size =
            line_of(place.settings.of(parse::PassSetting::kBusyBuffersSize));
    }
    return backend;
}

void add_configured(core::Topology& topology,
                    const Machine& machine,
                    const policy::Settings& settings,
                    const core::Topology& remembered,
                    core::Backend backend) {
    if (topology.services.size() + topology.unowned.size() < kMaxBackends) {
        const std::string real = real_address(machine, backend.address);
        backend.real = real == backend.address ? "" : real;
        const Owner owner = owner_of(machine, settings, remembered, backend.address);
        backend.fpm = settings_of(machine, owner);
        add(topology, owner, std::move(backend));
    }
}

// Names that only a resolver knows count as the addresses they mean now.
void add_names(core::Topology& topology,
               const Machine& machine,
               const policy::Settings& settings,
               const core::Topology& remembered) {
    for (const parse::ConfiguredBackend& name : machine.nginx.names) {
        const auto found = machine.resolved.find(name.host);
        if (found == machine.resolved.end()) {
            continue;
        }
        for (const std::string& address : found->second) {
            core::Backend backend = backend_of(machine, name);
            backend.address = address;
            add_configured(topology, machine, settings, remembered, std::move(backend));
        }
    }
}

void add_logs(core::Topology& topology, const Machine& machine) {
    topology.error_logs = machine.nginx.error_logs;
    for (const parse::LogPlace& log : machine.nginx.access_logs) {
        const bool is_telling = log.text.find("$upstream_status") != std::string::npos;
        const bool is_known =
            std::find(topology.access_logs.begin(), topology.access_logs.end(), log.path) !=
            topology.access_logs.end();
        if (is_telling && !is_known && log.path.starts_with('/')) {
            topology.access_logs.push_back(log.path);
        }
    }
    for (core::Service& service : topology.services) {
        for (const FpmInstance& instance : machine.fpm) {
            if (unit_of(machine, instance) == service.unit) {
                service.log = instance.log;
            }
        }
    }
}

void add_nginx(core::Topology& topology, const Machine& machine) {
    core::Service service{std::string(kNginxUnit), core::ServiceRole::kNginx, {}};
    const auto listen = std::find_if(
        machine.nginx.listens.begin(), machine.nginx.listens.end(), [](const std::string& item) {
            return core::is_loopback(item);
        });
    if (listen != machine.nginx.listens.end()) {
        service.backends.push_back(core::Backend{*listen, "", "nginx"});
    }
    topology.services.push_back(std::move(service));
}

// Without nginx's word: what the pools themselves say, so that at least their units are watched.
void add_pools(core::Topology& topology,
               const Machine& machine,
               const policy::Settings& settings,
               const core::Topology& remembered) {
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            const Owner owner = owner_of(machine, settings, remembered, pool.listen);
            if (owner.unit != unit_of(machine, instance)) {
                continue;  // another's, or left behind by a version that is gone
            }
            core::Backend backend{pool.listen, pool.name, pool.where};
            backend.fpm = settings_of(pool);
            add(topology, owner, std::move(backend));
        }
    }
}

void add_known_pools(core::Topology& topology, const Machine& machine) {
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            if (topology.pools.size() < core::kMaxPools) {
                topology.pools.push_back({unit_of(machine, instance),
                                          pool.name,
                                          real_address(machine, pool.listen),
                                          pool.settings.of(parse::FpmSetting::kUser).value});
            }
        }
    }
}

// What is true of any nginx: it can crash, and be started. Where it listens is not known.
void add_unread_nginx(core::Topology& topology, const Machine& machine) {
    if (machine.is_nginx_installed) {
        topology.services.push_back(
            core::Service{std::string(kNginxUnit), core::ServiceRole::kNginx, {}});
    }
}

}  // namespace

core::Topology discover(const Machine& machine,
                        const policy::Settings& settings,
                        const core::Topology& remembered) {
    if (!machine.has_nginx && !remembered.services.empty()) {
        return remembered;
    }
    core::Topology topology;
    if (machine.has_nginx) {
        add_nginx(topology, machine);
    } else {
        add_pools(topology, machine, settings, remembered);
        add_unread_nginx(topology, machine);
    }
    for (const parse::ConfiguredBackend& configured : machine.nginx.backends) {
        add_configured(topology, machine, settings, remembered, backend_of(machine, configured));
    }
    add_names(topology, machine, settings, remembered);
    for (const policy::BackendOverride& item : settings.backends) {
        add(topology,
            owner_of(machine, settings, remembered, item.address),
            core::Backend{item.address, "", "gatemend.toml"});
    }
    std::sort(topology.services.begin(),
              topology.services.end(),
              [](const core::Service& a, const core::Service& b) { return a.unit < b.unit; });
    add_logs(topology, machine);
    add_known_pools(topology, machine);
    topology.seen = seen_after(machine, topology, remembered);
    topology.worker_user = machine.nginx.user;
    if (machine.has_nginx) {
        topology.limits = {
            .worker_processes = line_of(machine.nginx.global.worker_processes),
            .worker_connections = line_of(machine.nginx.global.worker_connections),
            .worker_rlimit_nofile = line_of(machine.nginx.global.worker_rlimit_nofile)};
    }
    return topology;
}

}  // namespace gatemend::app
