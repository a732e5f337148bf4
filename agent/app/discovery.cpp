// SPDX-License-Identifier: MIT
#include "app/discovery.hpp"

#include "actions/catalogue.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::app {

namespace {

constexpr std::string_view kNginxUnit = "nginx.service";
constexpr std::size_t kMaxBackends = 4096;

std::string real_address(const Machine& machine, const std::string& address) {
    const auto alias = machine.aliases.find(address);
    return alias == machine.aliases.end() ? address : alias->second;
}

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address.starts_with("[::1]:");
}

// A pool that listens on every interface also answers on loopback.
bool listens_on(const Machine& machine, const parse::FpmPool& pool, const std::string& address) {
    const std::string listen = real_address(machine, pool.listen);
    if (listen == real_address(machine, address)) {
        return true;
    }
    const bool is_wildcard = listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
    return is_wildcard && is_loopback(address) && core::port_of(listen) == core::port_of(address);
}

struct Owner {
    std::string unit;  // "" = nobody
    std::string pool;
};

Owner pool_owner(const Machine& machine, const std::string& address) {
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            if (listens_on(machine, pool, address)) {
                return Owner{instance.unit, pool.name};
            }
        }
    }
    return {};
}

// A container's port is held by a proxy of the container engine, which is not the application.
bool is_application(const core::Listener& listener) {
    return actions::is_unit_name(listener.unit) && listener.unit != kNginxUnit &&
           !listener.command.starts_with("docker-proxy") &&
           !listener.command.starts_with("systemd") && !listener.command.starts_with("conmon") &&
           !listener.command.starts_with("nginx");
}

Owner listening_owner(const Machine& machine, const std::string& address) {
    const core::Listener* listener =
        core::is_local(address) ? machine.look.find_listener(real_address(machine, address))
                                : nullptr;
    return listener != nullptr && is_application(*listener) ? Owner{listener->unit, ""} : Owner{};
}

// Who had it before, as long as that unit is still installed and does not listen elsewhere now.
Owner remembered_owner(const Machine& machine,
                       const core::Topology& remembered,
                       const std::string& address) {
    const core::Service* service = remembered.find_by_address(address);
    if (service == nullptr) {
        return {};
    }
    if (service->role == core::ServiceRole::kOther) {
        return Owner{service->unit, ""};
    }
    if (service->role != core::ServiceRole::kPhpFpm) {
        return {};
    }
    const auto backend = std::find_if(
        service->backends.begin(), service->backends.end(), [&](const core::Backend& item) {
            return item.address == address;
        });
    for (const FpmInstance& instance : machine.fpm) {
        const bool has_moved =
            std::any_of(instance.pools.begin(), instance.pools.end(), [&](const auto& pool) {
                return pool.name == backend->pool;
            });
        if (instance.unit == service->unit && !has_moved) {
            return Owner{service->unit, backend->pool};
        }
    }
    return {};
}

Owner owner_of(const Machine& machine,
               const policy::Settings& settings,
               const core::Topology& remembered,
               const std::string& address) {
    for (const policy::BackendOverride& item : settings.backends) {
        if (item.address == address) {
            return Owner{item.unit, ""};
        }
    }
    if (Owner owner = pool_owner(machine, address); !owner.unit.empty()) {
        return owner;
    }
    if (Owner owner = listening_owner(machine, address); !owner.unit.empty()) {
        return owner;
    }
    return remembered_owner(machine, remembered, address);
}

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
            if (instance.unit == owner.unit && pool.name == owner.pool) {
                return settings_of(pool);
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
        service =
            topology.services.insert(service, core::Service{owner.unit, role_of(owner.unit), {}});
    }
    if (!has_backend(service->backends, backend.address)) {
        backend.pool = owner.pool;
        service->backends.push_back(std::move(backend));
    }
}

core::Backend backend_of(const Machine& machine, const parse::ConfiguredBackend& configured) {
    core::Backend backend;
    backend.address = configured.address;
    backend.where = configured.where;
    backend.scheme = configured.scheme;
    backend.host = configured.host;
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
        Owner owner = owner_of(machine, settings, remembered, backend.address);
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
            if (instance.unit == service.unit) {
                service.log = instance.log;
            }
        }
    }
}

void add_nginx(core::Topology& topology, const Machine& machine) {
    core::Service service{std::string(kNginxUnit), core::ServiceRole::kNginx, {}};
    const auto listen = std::find_if(machine.nginx.listens.begin(),
                                     machine.nginx.listens.end(),
                                     [](const std::string& item) { return is_loopback(item); });
    if (listen != machine.nginx.listens.end()) {
        service.backends.push_back(core::Backend{*listen, "", "nginx"});
    }
    topology.services.push_back(std::move(service));
}

// Without nginx's word: what the pools themselves say, so that at least their units are watched.
void add_pools(core::Topology& topology, const Machine& machine) {
    for (const FpmInstance& instance : machine.fpm) {
        for (const parse::FpmPool& pool : instance.pools) {
            core::Backend backend{pool.listen, pool.name, pool.where};
            backend.fpm = settings_of(pool);
            add(topology, Owner{instance.unit, pool.name}, std::move(backend));
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

core::ServiceRole role_of(std::string_view unit) {
    if (unit == kNginxUnit) {
        return core::ServiceRole::kNginx;
    }
    const bool is_fpm = unit.starts_with("php") && unit.ends_with("fpm.service");
    return is_fpm ? core::ServiceRole::kPhpFpm : core::ServiceRole::kOther;
}

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
        add_pools(topology, machine);
        add_unread_nginx(topology, machine);
    }
    for (const parse::ConfiguredBackend& configured : machine.nginx.backends) {
        add_configured(topology, machine, settings, remembered, backend_of(machine, configured));
    }
    add_names(topology, machine, settings, remembered);
    for (const policy::BackendOverride& item : settings.backends) {
        add(topology, Owner{item.unit, ""}, core::Backend{item.address, "", "gatemend.toml"});
    }
    std::sort(topology.services.begin(),
              topology.services.end(),
              [](const core::Service& a, const core::Service& b) { return a.unit < b.unit; });
    add_logs(topology, machine);
    topology.worker_user = machine.nginx.user;
    if (machine.has_nginx) {
        topology.limits = {
            .worker_connections = line_of(machine.nginx.global.worker_connections),
            .worker_rlimit_nofile = line_of(machine.nginx.global.worker_rlimit_nofile)};
    }
    return topology;
}

}  // namespace gatemend::app
