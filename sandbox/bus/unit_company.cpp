// SPDX-License-Identifier: MIT
#include "sandbox/bus/unit_company.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace gatemend::bus {
namespace {

using Properties = std::map<std::string, sdbus::Variant>;
using Names = std::vector<std::string>;

struct Relation {
    const char* property;
    Names UnitCompany::*place;
    bool is_about_up;  // concerns units that are up; else those that are not
};

constexpr std::array kRelations{
    Relation{"Requires", &UnitCompany::needed, false},
    Relation{"Requisite", &UnitCompany::needed, false},
    Relation{"BindsTo", &UnitCompany::needed, false},
    Relation{"Wants", &UnitCompany::wanted, false},
    Relation{"Upholds", &UnitCompany::wanted, false},
    Relation{"Conflicts", &UnitCompany::opposed, true},
    Relation{"ConflictedBy", &UnitCompany::opposed, true},
    Relation{"RequiredBy", &UnitCompany::followers, true},
    Relation{"RequisiteOf", &UnitCompany::followers, true},
    Relation{"BoundBy", &UnitCompany::followers, true},
    Relation{"ConsistsOf", &UnitCompany::followers, true},
    Relation{"PropagatesStopTo", &UnitCompany::followers, true},
    Relation{"PropagatesReloadTo", &UnitCompany::reloaded, true},
};

Names names_of(const Properties& properties, const char* name) {
    const auto found = properties.find(name);
    return found != properties.end() && found->second.containsValueOfType<Names>()
               ? found->second.get<Names>()
               : Names{};
}

// Coming up counts as up, going down does not.
bool is_up(const ListedUnit& unit) {
    return unit.active == "active" || unit.active == "reloading" || unit.active == "activating" ||
           unit.active == "refreshing";
}

}  // namespace

std::set<std::string> company_names(const Properties& properties) {
    std::set<std::string> all;
    for (const Relation& relation : kRelations) {
        for (std::string& name : names_of(properties, relation.property)) {
            all.insert(std::move(name));
        }
    }
    return all;
}

UnitCompany company_of(const std::string& own,
                       const Properties& properties,
                       const std::vector<ListedUnit>& listed) {
    UnitCompany company;
    const auto itself = std::ranges::find(listed, own, &ListedUnit::name);
    company.has_job = itself != listed.end() && itself->has_job;
    for (const Relation& relation : kRelations) {
        Names& place = company.*relation.place;
        for (const std::string& name : names_of(properties, relation.property)) {
            const auto unit = std::ranges::find(listed, name, &ListedUnit::name);
            const bool is_unit_up = unit != listed.end() && is_up(*unit);
            // What is wanted and not there is passed over by systemd.
            const bool is_there = unit != listed.end() && unit->load == "loaded";
            const bool is_concerned = is_unit_up == relation.is_about_up &&
                                      (is_there || relation.place != &UnitCompany::wanted);
            if (is_concerned && std::ranges::find(place, name) == place.end()) {
                place.push_back(name);
            }
        }
    }
    return company;
}

}  // namespace gatemend::bus
