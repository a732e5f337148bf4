// SPDX-License-Identifier: MIT
#include "app/discovery.hpp"

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

std::string_view port_of(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    return colon == std::string_view::npos ? "" : address.substr(colon + 1);
}

// A pool that listens on every interface also answers on loopback.
bool listens_on(const Machine& machine, const parse::FpmPool& pool, const std::string& address) {
    const std::string listen = real_address(machine, pool.listen);
    if (listen == real_address(machine, address)) {
        return true;
    }
    const bool is_wildcard = listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
    return is_wildcard && is_loopback(address) && port_of(listen) == port_of(address);
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

// Who had it before, as long as that unit is still installed and does not listen elsewhere now.
Owner remembered_owner(const Machine& machine,
                       const core::Topology& remembered,
                       const std::string& address) {
    const core::Service* service = remembered.find_by_address(address);
    if (service == nullptr || service->role != core::ServiceRole::kPhpFpm) {
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
    return remembered_owner(machine, remembered, address);
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
            add(topology,
                Owner{instance.unit, pool.name},
                core::Backend{pool.listen, pool.name, pool.where});
        }
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
    }
    for (const parse::ConfiguredBackend& backend : machine.nginx.backends) {
        if (topology.services.size() + topology.unowned.size() >= kMaxBackends) {
            break;
        }
        add(topology,
            owner_of(machine, settings, remembered, backend.address),
            core::Backend{backend.address, "", backend.where});
    }
    for (const policy::BackendOverride& item : settings.backends) {
        add(topology, Owner{item.unit, ""}, core::Backend{item.address, "", "gatemend.toml"});
    }
    std::sort(topology.services.begin(),
              topology.services.end(),
              [](const core::Service& a, const core::Service& b) { return a.unit < b.unit; });
    topology.error_logs = machine.nginx.error_logs;
    topology.worker_user = machine.nginx.user;
    return topology;
}

}  // namespace gatemend::app
