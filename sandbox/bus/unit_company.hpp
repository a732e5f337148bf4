// SPDX-License-Identifier: MIT
// The other units that a job for one unit touches: what Wants=, Requires=, Conflicts=, PartOf= and
// their inverses make of it (systemd.unit(5)). Read by SystemdClient; pure.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gatemend::bus {

struct UnitCompany {
    std::vector<std::string> needed;     // Requires=, Requisite=, BindsTo=: not up
    std::vector<std::string> wanted;     // Wants=, Upholds=: not up; a start starts them
    std::vector<std::string> opposed;    // Conflicts= of either: up; a start stops them
    std::vector<std::string> followers;  // up; a restart restarts or stops them
    std::vector<std::string> reloaded;   // up; a reload reloads them
    bool has_job = false;                // somebody has queued a job for the unit itself
};

inline constexpr std::size_t kMaxCompany = 256;

// As ListUnitsByNames says.
struct ListedUnit {
    std::string name;
    std::string load;
    std::string active;
    bool has_job = false;
};

// Of the Unit interface's properties: whose states have to be known.
[[nodiscard]] std::set<std::string> company_names(
    const std::map<std::string, sdbus::Variant>& properties);

[[nodiscard]] UnitCompany company_of(const std::string& own,
                                     const std::map<std::string, sdbus::Variant>& properties,
                                     const std::vector<ListedUnit>& listed);

}  // namespace gatemend::bus
