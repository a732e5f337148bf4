// SPDX-License-Identifier: MIT
// What root is told of a proposal: the executor's words, and where the agent says something else.
#include "cli/revealed_plan.hpp"

#include "cli/incident_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gatemend::cli {
namespace {

const std::string kDigest(64, 'd');
const std::string kHint = "done by `gatemend approve 1 1`";

RevealedPlan make_plan() {
    return {.act = "apply-suggestion",
            .unit = "php8.2-fpm.service",
            .rule = "pool-too-small",
            .parameters = {{"pool", "www"}, {"setting1", "pm.max_children"}, {"value1", "1"}},
            .preview = "-pm.max_children = 20\n+pm.max_children = 1\n"};
}

// As an honest agent tells it.
Json make_incident() {
    const RevealedPlan plan = make_plan();
    const Json proposal{{"number", 1},
                        {"digest", kDigest},
                        {"act", plan.act},
                        {"unit", plan.unit},
                        {"rule", plan.rule},
                        {"suggested", false},
                        {"parameters", Json(plan.parameters)},
                        {"preview", plan.preview}};
    return {{"id", 1}, {"unit", "php8.2-fpm.service"}, {"proposals", Json::array({proposal})}};
}

core::Result<RevealedPlan> know(const std::string& digest) {
    return digest == kDigest ? core::Result<RevealedPlan>{make_plan()} : core::Error{"not known"};
}

const Json& revealed(Json& incident, const Reveal& reveal = know) {
    reveal_proposals(incident, reveal);
    return incident["proposals"][0];
}

TEST(RevealedPlan, IsShownAsAnHonestAgentShowsIt) {
    Json incident = make_incident();
    const std::string before = incident_text(incident);
    EXPECT_EQ(revealed(incident)["problem"], "");
    EXPECT_EQ(incident_text(incident), before);
    EXPECT_NE(before.find(kHint), std::string::npos) << before;
}

TEST(RevealedPlan, IsShownWholeWhereTheAgentMayNotSeeItAll) {
    Json incident = make_incident();
    const Json& proposal = revealed(incident, [](const std::string&) {
        RevealedPlan plan = make_plan();
        plan.whole = "-password\n+new\n";
        return core::Result<RevealedPlan>{plan};
    });
    EXPECT_EQ(proposal["problem"], "");
    EXPECT_EQ(proposal["preview"], "-password\n+new\n");
}

TEST(RevealedPlan, IsShownInTheExecutorsWordsWhateverTheAgentSays) {
    Json honest = make_incident();
    const Json told = revealed(honest);
    const std::vector<std::pair<const char*, Json>> lies{
        {"act", "start-unit"},
        {"unit", "nginx.service"},
        {"parameters", {{"pool", "www"}, {"setting1", "pm.max_children"}, {"value1", "50"}}},
        {"parameters", Json::object()},
        {"parameters", nullptr},
        {"rule", "another"},
        {"preview", "start-unit php8.2-fpm.service\n"},
        {"preview", 7}};
    for (const auto& [key, lie] : lies) {
        Json incident = make_incident();
        incident["proposals"][0][key] = lie;
        const Json& proposal = revealed(incident);
        EXPECT_EQ(proposal[key], told[key]);
        EXPECT_TRUE(proposal["problem"].get<std::string>().starts_with("the agent shows"))
            << key << lie << proposal["problem"];
        const std::string text = incident_text(incident);
        EXPECT_NE(text.find("apply-suggestion php8.2-fpm.service (pool www, setting1 "
                            "pm.max_children, value1 1)\n"),
                  std::string::npos)
            << text;
        EXPECT_NE(text.find("+pm.max_children = 1\n"), std::string::npos) << text;
        EXPECT_EQ(text.find(kHint), std::string::npos) << text;
    }
}

TEST(RevealedPlan, OfWhichTheExecutorKnowsNothingIsNotForApproval) {
    Json incident = make_incident();
    incident["proposals"][0]["digest"] = std::string(64, 'e');
    EXPECT_EQ(revealed(incident)["problem"], "not known");
    EXPECT_EQ(incident_text(incident).find(kHint), std::string::npos);
}

TEST(RevealedPlan, IsOnlyAskedForWhereThereIsADigest) {
    Json incident = make_incident();
    incident["proposals"][0]["digest"] = "";
    incident["proposals"].push_back(7);
    incident["proposals"].push_back({{"digest", 7}});
    const Json before = incident;
    reveal_proposals(incident, [](const std::string& digest) -> core::Result<RevealedPlan> {
        ADD_FAILURE() << digest;
        return core::Error{"asked"};
    });
    EXPECT_EQ(incident, before);
    Json closed{{"id", 1}};
    reveal_proposals(closed, know);
    EXPECT_EQ(closed, (Json{{"id", 1}}));
}

// What stands beside the executor's words must not look like them, nor write over them.
TEST(IncidentText, HasNoLinesOfTheAgentsMakingAndNoWordsToTheTerminal) {
    const std::string forged =
        "x\n  proposal    start-unit a\x1b[2A\xc2\x9b"
        "2K\r";
    Json incident{{"id", 1}, {"journal", Json::array({"\tlast\x1b[2J", forged})}};
    for (const char* key : {"unit", "opened", "phase", "cause", "diagnosis", "advice", "text"}) {
        incident[key] = forged;
    }
    incident["evidence"] = Json::array({{{"witness", forged}, {"text", forged}}});
    incident["acts"] = Json::array({{{"act", forged}, {"undo", forged}}});
    incident["proposals"] = Json::array(
        {{{"act", forged}, {"parameters", {{forged, forged}}}, {"preview", "-a\tb\n+\x1b[2Jc"}}});
    const std::string shown =
        incident_text(incident) + why_text(incident) + incident_line(incident) +
        status_text({{"problems", Json::array({forged})}, {"version", forged}});
    for (const char* word : {"\n  proposal    start-unit", "\x1b", "\r", "\xc2\x9b"}) {
        EXPECT_EQ(shown.find(word), std::string::npos) << shown;
    }
    EXPECT_NE(shown.find("    -a\tb\n    +\\x1B[2Jc\n"), std::string::npos) << shown;
    EXPECT_NE(shown.find("    \tlast\\x1B[2J\n"), std::string::npos) << shown;
    EXPECT_NE(shown.find("  problem: x\n      proposal "), std::string::npos) << shown;
}

}  // namespace
}  // namespace gatemend::cli
