// SPDX-License-Identifier: MIT
#include "app/ownership.hpp"

#include "actions/catalogue.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace gatemend::app {

namespace {

using core::ServiceRole;
using core::UnitStanding;

const UnitStanding* standing_of(const Machine& machine, const std::string& unit) {
    const auto found = machine.units.find(unit);
    return found == machine.units.end() ? nullptr : &found->second;
}

// A pool that listens on every interface also answers on loopback.
bool listens_on(const Machine& machine, const parse::FpmPool& pool, const std::string& address) {
    const std::string listen = real_address(machine, pool.listen);
    if (listen == real_address(machine, address)) {
        return true;
    }
    const bool is_wildcard = listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
    return is_wildcard && core::is_loopback(address) &&
           core::port_of(listen) == core::port_of(address);
}

// Units that run other people's programs: what listens in their group is not what they are for.
bool is_launcher(std::string_view unit) {
    constexpr std::array<std::string_view, 10> kLaunchers{"nginx.service",
                                                          "docker.service",
                                                          "containerd.service",
                                                          "podman.service",
                                                          "cron.service",
                                                          "crond.service",
                                                          "atd.service",
                                                          "ssh.service",
                                                          "sshd.service",
                                                          "fcgiwrap.service"};
    return unit.starts_with("user@") ||
           std::find(kLaunchers.begin(), kLaunchers.end(), unit) != kLaunchers.end();
}

// A container's port is held by a proxy of the container engine, which is not the application.
bool is_application(const core::Listener& listener) {
    return actions::is_unit_name(listener.unit) && !is_launcher(listener.unit) &&
           !listener.command.starts_with("docker-proxy") && !listener.command.starts_with("conmon");
}

template <class Fitting>
const core::Listener* find_listener(const Machine& machine,
                                    const std::string& address,
                                    Fitting fitting) {
    if (!core::is_local(address) || !machine.look.listeners) {
        return nullptr;
    }
    const std::string real = real_address(machine, address);
    const core::Listener* found = nullptr;
    for (const core::Listener& listener : *machine.look.listeners) {
        if (!core::is_answered_by(real, listener) || !is_application(listener) ||
            !fitting(listener)) {
            continue;
        }
        if (listener.address == real) {
            return &listener;
        }
        found = found == nullptr ? &listener : found;
    }
    return found;
}

// Whoever else holds a socket of this address, a script in the server's group or one that was bound
// in its place, hides the unit's own process as little as it passes for it.
const core::Listener* find_proven(const Machine& machine, const std::string& address) {
    return find_listener(
        machine, address, [](const core::Listener& listener) { return listener.is_main; });
}

// A child of the unit's main process, as under npm, pm2 or supervisord. PHP-FPM itself listens:
// whatever else does so in its group is a site's script.
const core::Listener* find_inside(const Machine& machine, const std::string& address) {
    return find_listener(machine, address, [](const core::Listener& listener) {
        return core::role_of_unit(listener.unit) == ServiceRole::kOther;
    });
}

Owner owner_by(const Machine& machine, const std::string& unit, const std::string& address) {
    const parse::FpmPool* pool = find_pool(machine, unit, address);
    return Owner{unit, pool == nullptr ? "" : pool->name};
}

// In use: systemd has it, and somebody means it to run or it has run since boot.
bool is_in_use(const UnitStanding& unit) {
    return unit.is_loaded && !unit.is_masked &&
           (unit.is_enabled || unit.last_active > core::TimePoint{});
}

// When it last ran; the epoch: not since boot.
core::TimePoint last_use(const UnitStanding& unit) {
    const bool is_running = unit.active == core::ActiveState::kActive ||
                            unit.active == core::ActiveState::kReloading ||
                            unit.active == core::ActiveState::kActivating;
    if (is_running) {
        return core::TimePoint::max();
    }
    return unit.last_active == core::TimePoint{} ? core::TimePoint{}
                                                 : std::max(unit.last_active, unit.left_active);
}

// Of the units whose files name the address, the one that systemd has in use; with a choice, the
// one that ran last. Two that did not run since boot, or that both run: nobody knows.
Owner file_owner(const Machine& machine, const std::string& address) {
    std::string best;
    core::TimePoint best_use{};
    bool is_tie = false;
    for (const FpmInstance& instance : machine.fpm) {
        const std::string unit = unit_of(machine, instance);
        const UnitStanding* standing = standing_of(machine, instance.unit);
        if (standing == nullptr || !is_in_use(*standing) ||
            find_pool(machine, unit, address) == nullptr || unit == best) {
            continue;
        }
        const core::TimePoint use = last_use(*standing);
        is_tie = !best.empty() && (use == best_use || (is_tie && use < best_use));
        if (best.empty() || use > best_use) {
            best = unit;
            best_use = use;
        }
    }
    return best.empty() || is_tie ? Owner{} : owner_by(machine, best, address);
}

// Nobody means to run it any more. What is not known is no reason to say so.
bool is_retired(const UnitStanding* unit) {
    return unit != nullptr && !unit->is_masked && !unit->is_enabled &&
           unit->active == core::ActiveState::kInactive;
}

bool is_there(const UnitStanding* unit) {
    return unit == nullptr || unit->is_loaded || unit->is_masked;
}

// The pool that was seen there is defined by the same unit with another address.
bool has_moved(const Machine& machine, const Owner& owner, const std::string& address) {
    if (owner.pool.empty()) {
        return false;
    }
    for (const FpmInstance& instance : machine.fpm) {
        const bool is_elsewhere = std::any_of(
            instance.pools.begin(), instance.pools.end(), [&](const parse::FpmPool& pool) {
                return pool.name == owner.pool && !listens_on(machine, pool, address);
            });
        if (unit_of(machine, instance) == owner.unit && is_elsewhere) {
            return true;
        }
    }
    return false;
}

struct Memory {
    Owner owner;
    bool is_certain = false;  // nothing speaks for another
};

// Who was seen there, as long as that unit is still there. The pool files may have changed since.
Memory seen_owner(const Machine& machine,
                  const core::Topology& remembered,
                  const std::string& address) {
    const core::Seen* seen = remembered.find_seen(real_address(machine, address));
    if (seen == nullptr || seen->is_beside) {
        return {};
    }
    const UnitStanding* standing = standing_of(machine, seen->unit);
    if (!is_there(standing)) {
        return {};
    }
    if (find_pool(machine, seen->unit, address) != nullptr) {
        return {owner_by(machine, seen->unit, address), !is_retired(standing)};
    }
    const Owner owner{seen->unit, seen->pool};
    if (has_moved(machine, owner, address)) {
        return {};
    }
    const bool is_fpm = core::role_of_unit(seen->unit) == ServiceRole::kPhpFpm;
    const bool is_given_away = is_fpm && !file_owner(machine, address).unit.empty();
    return {owner, !is_retired(standing) && !is_given_away};
}

// What the last topology said, without anybody seen to listen: while files cannot be read.
Owner last_owner(const Machine& machine,
                 const core::Topology& remembered,
                 const std::string& address) {
    const core::Service* service = remembered.find_by_address(address);
    if (service == nullptr || service->role == ServiceRole::kNginx ||
        !is_there(standing_of(machine, service->unit))) {
        return {};
    }
    const auto backend = std::find_if(
        service->backends.begin(), service->backends.end(), [&](const core::Backend& item) {
            return item.address == address;
        });
    const Owner owner{service->unit, backend->pool};
    const bool is_installed =
        service->role == ServiceRole::kOther ||
        std::any_of(machine.fpm.begin(), machine.fpm.end(), [&](const FpmInstance& instance) {
            return unit_of(machine, instance) == service->unit;
        });
    return is_installed && !has_moved(machine, owner, address) ? owner : Owner{};
}

using SeenByAddress = std::map<std::string, core::Seen>;

void note_owner(const Machine& machine, const core::Listener& listener, SeenByAddress& seen) {
    const parse::FpmPool* pool = find_pool(machine, listener.unit, listener.address);
    core::Seen& entry = seen[listener.address];
    if (entry.unit != listener.unit || pool != nullptr) {
        entry.pool = pool == nullptr ? "" : pool->name;
        entry.user = pool == nullptr ? "" : pool->settings.of(parse::FpmSetting::kUser).value;
    }
    entry.address = listener.address;
    entry.unit = listener.unit;
    entry.is_beside = false;
}

// What an application has open beside the backends it serves; nothing is learnt while one of them
// is missing, for then the other may be where that has gone.
void note_beside(const Machine& machine, const core::Service& service, SeenByAddress& seen) {
    const auto is_served = [&](const core::Backend& backend) {
        const core::Listener* listener = find_inside(machine, backend.address);
        return listener != nullptr && listener->unit == service.unit;
    };
    if (service.role != ServiceRole::kOther ||
        !std::all_of(service.backends.begin(), service.backends.end(), is_served)) {
        return;
    }
    for (const core::Listener& listener : *machine.look.listeners) {
        const bool is_backend = std::any_of(
            service.backends.begin(), service.backends.end(), [&](const core::Backend& backend) {
                return core::is_answered_by(real_address(machine, backend.address), listener);
            });
        if (listener.unit == service.unit && !is_backend && !seen.contains(listener.address)) {
            seen[listener.address] = core::Seen{listener.address, service.unit, "", "", true};
        }
    }
}

bool is_configured(const Machine& machine, const core::Topology& topology, const core::Seen& seen) {
    const auto names = [&](const core::Backend& backend) {
        return real_address(machine, backend.address) == seen.address;
    };
    return std::any_of(topology.services.begin(), topology.services.end(), [&](const auto& item) {
        return std::any_of(item.backends.begin(), item.backends.end(), names);
    });
}

}  // namespace

std::string real_address(const Machine& machine, const std::string& address) {
    const auto alias = machine.aliases.find(address);
    return alias == machine.aliases.end() ? address : alias->second;
}

std::string unit_of(const Machine& machine, const FpmInstance& instance) {
    const UnitStanding* standing = standing_of(machine, instance.unit);
    const bool is_alias = standing != nullptr && actions::is_unit_name(standing->name) &&
                          core::role_of_unit(standing->name) == ServiceRole::kPhpFpm;
    return is_alias ? standing->name : instance.unit;
}

const parse::FpmPool* find_pool(const Machine& machine,
                                std::string_view unit,
                                const std::string& address) {
    for (const FpmInstance& instance : machine.fpm) {
        if (unit_of(machine, instance) != unit) {
            continue;
        }
        for (const parse::FpmPool& pool : instance.pools) {
            if (listens_on(machine, pool, address)) {
                return &pool;
            }
        }
    }
    return nullptr;
}

Owner owner_of(const Machine& machine,
               const policy::Settings& settings,
               const core::Topology& remembered,
               const std::string& address) {
    for (const policy::BackendOverride& item : settings.backends) {
        if (item.address == address) {
            return owner_by(machine, item.unit, address);
        }
    }
    if (const core::Listener* listener = find_proven(machine, address)) {
        return owner_by(machine, listener->unit, address);
    }
    Memory memory = seen_owner(machine, remembered, address);
    if (memory.is_certain) {
        return memory.owner;
    }
    if (const core::Listener* listener = find_inside(machine, address)) {
        return Owner{listener->unit, ""};
    }
    if (Owner owner = file_owner(machine, address); !owner.unit.empty()) {
        return owner;
    }
    return memory.owner.unit.empty() ? last_owner(machine, remembered, address) : memory.owner;
}

std::vector<core::Seen> seen_after(const Machine& machine,
                                   const core::Topology& topology,
                                   const core::Topology& remembered) {
    SeenByAddress seen;
    for (const core::Seen& entry : remembered.seen) {
        seen[entry.address] = entry;
    }
    if (!machine.look.listeners) {
        return remembered.seen;
    }
    for (const core::Service& service : topology.services) {
        for (const core::Backend& backend : service.backends) {
            const core::Listener* proven = find_proven(machine, backend.address);
            const core::Listener* listener =
                proven != nullptr ? proven : find_inside(machine, backend.address);
            if (listener != nullptr && listener->unit == service.unit) {
                core::Listener exact = *listener;
                exact.address = real_address(machine, backend.address);
                note_owner(machine, exact, seen);
            }
        }
    }
    for (const core::Service& service : topology.services) {
        note_beside(machine, service, seen);
    }
    std::vector<core::Seen> all;
    for (const bool is_wanted : {true, false}) {
        for (const auto& [address, entry] : seen) {
            if (is_configured(machine, topology, entry) == is_wanted &&
                all.size() < core::kMaxSeen) {
                all.push_back(entry);
            }
        }
    }
    std::sort(all.begin(), all.end(), [](const core::Seen& a, const core::Seen& b) {
        return a.address < b.address;
    });
    return all;
}

}  // namespace gatemend::app
