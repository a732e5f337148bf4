// SPDX-License-Identifier: MIT
#include "actions/catalogue.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::actions {
namespace {

TEST(Catalogue, FindsEachActByItsName) {
    for (const ActSpec& act : catalogue()) {
        EXPECT_EQ(act_from_name(act.name), act.id);
        EXPECT_EQ(spec(act.id).name, act.name);
    }
}

TEST(Catalogue, KnowsNoOtherNames) {
    EXPECT_FALSE(act_from_name("stop-unit"));
    EXPECT_FALSE(act_from_name(""));
    EXPECT_FALSE(act_from_name("start-unit "));
}

TEST(Catalogue, StatesTheWholeContractOfEachAct) {
    for (const ActSpec& act : catalogue()) {
        EXPECT_FALSE(act.precondition.empty());
        EXPECT_FALSE(act.postcondition.empty());
        EXPECT_FALSE(act.inverse.empty());
        EXPECT_GT(act.timeout, core::Duration::zero());
    }
}

TEST(CanonicalText, NamesEveryFieldInAFixedOrder) {
    const Plan plan{ActId::kStartUnit,
                    "php8.2-fpm.service",
                    core::ServiceRole::kPhpFpm,
                    "start-crashed-backend",
                    core::Cause::kUnitFailed,
                    core::ActiveState::kFailed,
                    "0123456789abcdef0123456789abcdef",
                    std::chrono::seconds{10}};
    EXPECT_EQ(canonical_text(plan),
              "gatemend-plan=1\n"
              "act=start-unit\n"
              "unit=php8.2-fpm.service\n"
              "role=php-fpm\n"
              "rule=start-crashed-backend\n"
              "cause=unit-failed\n"
              "expected_active=failed\n"
              "expected_invocation=0123456789abcdef0123456789abcdef\n"
              "deadline_usec=10000000\n");
}

TEST(IsUnitName, AcceptsServices) {
    for (const char* name : {"nginx.service",
                             "php8.2-fpm.service",
                             "app@site_1:2.service",
                             "a.service",
                             "x.mount.service"}) {
        EXPECT_TRUE(is_unit_name(name)) << name;
    }
}

TEST(IsUnitName, RefusesEverythingElse) {
    for (const char* name : {"",
                             ".service",
                             "-.service",
                             "..service",
                             ".x.service",
                             "-x.service",
                             "nginx",
                             "nginx.socket",
                             "nginx.service ",
                             "ngi nx.service",
                             "ngi/nx.service",
                             "ngi\\x2d.service",
                             "nginx.service\n",
                             "n\nginx.service",
                             "php*-fpm.service",
                             "\xc3\xbc.service"}) {
        EXPECT_FALSE(is_unit_name(name)) << name;
    }
}

TEST(IsUnitName, RefusesAByteOfZero) {
    EXPECT_FALSE(is_unit_name(std::string_view{"nginx\0.service", 14}));
}

TEST(IsUnitName, IsBoundedInLength) {
    const std::string suffix = ".service";
    EXPECT_TRUE(is_unit_name(std::string(200 - suffix.size(), 'a') + suffix));
    EXPECT_FALSE(is_unit_name(std::string(201 - suffix.size(), 'a') + suffix));
}

}  // namespace
}  // namespace gatemend::actions
