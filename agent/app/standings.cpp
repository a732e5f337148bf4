// SPDX-License-Identifier: MIT
#include "app/standings.hpp"

#include "app/discovery.hpp"

#include <memory>
#include <utility>

namespace gatemend::app {

void read_standings(bus::SystemdClient& systemd,
                    const std::set<std::string>& units,
                    std::function<void(Standings)> done) {
    struct Reading {
        Standings found;
        std::size_t missing = 0;
        std::function<void(Standings)> done;
    };

    if (units.empty()) {
        done({});
        return;
    }
    const auto reading = std::make_shared<Reading>();
    reading->missing = units.size();
    reading->done = std::move(done);
    for (const std::string& unit : units) {
        systemd.read_standing(unit, [reading, unit](core::Result<core::UnitStanding> standing) {
            if (standing) {
                reading->found.emplace(unit, *std::move(standing));
            }
            if (--reading->missing == 0) {
                reading->done(std::move(reading->found));
            }
        });
    }
}

void note_main_processes(core::Inspection& look, const Standings& units) {
    if (!look.listeners) {
        return;
    }
    for (core::Listener& listener : *look.listeners) {
        const auto unit = units.find(listener.unit);
        listener.is_main = listener.is_main || (listener.pid != 0 && unit != units.end() &&
                                                unit->second.main_pid == listener.pid);
    }
}

void identify(bus::SystemdClient& systemd,
              const core::Topology& topology,
              core::Inspection look,
              std::function<void(core::Inspection)> done) {
    constexpr std::size_t kMaxUnits = 64;
    std::set<std::string> units;
    for (const core::Listener& listener : look.listeners.value_or(std::vector<core::Listener>{})) {
        const bool is_concerned = core::role_of_unit(listener.unit) == core::ServiceRole::kPhpFpm ||
                                  topology.find_by_unit(listener.unit) != nullptr;
        if (is_concerned && units.size() < kMaxUnits) {
            units.insert(listener.unit);
        }
    }
    read_standings(systemd,
                   units,
                   [look = std::move(look), done = std::move(done)](const Standings& standings) {
                       core::Inspection identified = look;
                       note_main_processes(identified, standings);
                       done(std::move(identified));
                   });
}

}  // namespace gatemend::app
