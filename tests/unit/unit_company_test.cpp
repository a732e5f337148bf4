// SPDX-License-Identifier: MIT
#include "sandbox/bus/unit_company.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gatemend::bus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

sdbus::Variant names(const Names& list) {
    return sdbus::Variant{list};
}

TEST(UnitCompany, IsWhatAJobWouldTouchAsItIsNow) {
    const std::map<std::string, sdbus::Variant> properties{
        {"Requires", names({"system.slice", "cache.service"})},
        {"Wants", names({"network-online.target", "absent.service", "mail.service"})},
        {"Conflicts", names({"shutdown.target", "maintenance.service"})},
        {"ConflictedBy", names({"backup.service"})},
        {"ConsistsOf", names({"queue.service", "idle.service"})},
        {"BoundBy", names({"exporter.service"})},
        {"PropagatesReloadTo", names({"queue.service"})},
        {"Id", sdbus::Variant{std::string{"php8.2-fpm.service"}}},
    };
    EXPECT_EQ(company_names(properties).size(), 11U);
    const UnitCompany company = company_of("php8.2-fpm.service",
                                           properties,
                                           {{"system.slice", "loaded", "active"},
                                            {"cache.service", "loaded", "failed"},
                                            {"network-online.target", "loaded", "inactive"},
                                            {"absent.service", "not-found", "inactive"},
                                            {"mail.service", "loaded", "active"},
                                            {"shutdown.target", "loaded", "inactive"},
                                            {"maintenance.service", "loaded", "activating"},
                                            {"backup.service", "loaded", "deactivating"},
                                            {"queue.service", "loaded", "active"},
                                            {"idle.service", "loaded", "inactive"},
                                            {"exporter.service", "loaded", "reloading"}});
    EXPECT_THAT(company.needed, ElementsAre("cache.service"));
    EXPECT_THAT(company.wanted, ElementsAre("network-online.target"));
    EXPECT_THAT(company.opposed, ElementsAre("maintenance.service"));
    EXPECT_THAT(company.followers, ElementsAre("exporter.service", "queue.service"));
    EXPECT_FALSE(company.has_job);
    EXPECT_TRUE(company_of("a.service", {}, {{"a.service", "loaded", "failed", true}}).has_job);
    EXPECT_THAT(company.reloaded, ElementsAre("queue.service"));
}

TEST(UnitCompany, IsNobodyWhereNothingIsSaid) {
    const UnitCompany company = company_of("a.service", {{"Requires", sdbus::Variant{true}}}, {});
    EXPECT_THAT(company.needed, IsEmpty());
    EXPECT_THAT(company_names({}), IsEmpty());
}

}  // namespace
}  // namespace gatemend::bus
