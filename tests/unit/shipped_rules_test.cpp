// SPDX-License-Identifier: MIT
// Every [[rule.test]] of the shipped policies, run with the real engine.
#include "engine/timeline.hpp"
#include "policies/toml_reader.hpp"

#include <gtest/gtest.h>

namespace gatemend::testing {
namespace {

policy::LoadedPolicy load_shipped() {
    policy::PolicyPaths paths;
    paths.settings = GATEMEND_SOURCE_DIR "/policies/gatemend.toml";
    paths.shipped = GATEMEND_SOURCE_DIR "/policies/rules";
    paths.overrides = "/nonexistent";
    return policy::load_policy(paths, policy::review);
}

TEST(ShippedRules, LoadWithoutErrorOrWarning) {
    const policy::LoadedPolicy loaded = load_shipped();
    for (const policy::Diagnostic& diagnostic : loaded.errors) {
        ADD_FAILURE() << policy::render(diagnostic);
    }
    for (const policy::Diagnostic& diagnostic : loaded.warnings) {
        ADD_FAILURE() << policy::render(diagnostic);
    }
}

TEST(ShippedRules, ShowExactlyTheDefaultsInTheSettingsFile) {
    EXPECT_EQ(load_shipped().policy.settings, policy::Settings{});
}

TEST(ShippedRules, PassTheirOwnTests) {
    const policy::LoadedPolicy loaded = load_shipped();
    std::size_t tests = 0;
    for (const policy::Rule& rule : loaded.policy.rules) {
        EXPECT_FALSE(rule.tests.empty()) << rule.name << " has no test";
        for (const policy::RuleTest& test : rule.tests) {
            const core::Status ran = engine::run_rule_test(loaded.policy, test);
            EXPECT_TRUE(ran.has_value()) << rule.origin << " test at line " << test.line << ": "
                                         << (ran ? "" : ran.error().text);
            ++tests;
        }
    }
    EXPECT_GE(tests, 10U);
}

TEST(ShippedRules, CoverEveryCause) {
    const policy::LoadedPolicy loaded = load_shipped();
    for (int i = 0; i <= static_cast<int>(core::kLastCause); ++i) {
        const auto cause = static_cast<core::Cause>(i);
        EXPECT_NE(policy::find_rule(loaded.policy, cause), nullptr) << core::cause_id(cause);
    }
}

}  // namespace
}  // namespace gatemend::testing
