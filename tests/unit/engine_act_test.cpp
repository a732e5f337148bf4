// SPDX-License-Identifier: MIT
// What becomes of acts: approval, turns, verdicts, refusals, giving up. Told as events.
#include "story.hpp"

namespace gatemend::testing {
namespace {

using actions::ActId;

const std::string kDead = "unix:/run/php/php7.4-fpm.sock";
const std::string kLiving = "unix:/run/php/php8.2-fpm.sock";
const std::string kDigest = "0123456789abcdef";

policy::LadderStep step_of(ActId act, actions::Parameters with = {}) {
    return policy::LadderStep{act, std::chrono::seconds{20}, std::move(with)};
}

policy::Rule rule_of(const std::string& name, core::Cause cause, policy::LadderStep step) {
    policy::Rule rule = start_rule(name, cause);
    rule.ladder = {std::move(step)};
    rule.limit.cooldown = std::chrono::seconds{1};
    return rule;
}

policy::Rule& rule_named(policy::Policy& policy, const std::string& name) {
    return *std::find_if(policy.rules.begin(), policy.rules.end(), [&name](const auto& rule) {
        return rule.name == name;
    });
}

policy::Policy asking_policy() {
    policy::Policy policy = small_policy();
    rule_named(policy, "start-crashed").mode = policy::Mode::kAsk;
    return policy;
}

// nginx still names the socket of a PHP that was replaced.
policy::Policy repointing_policy(policy::OnFailure on_failure = policy::OnFailure::kEscalate) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("repoint",
                core::Cause::kSocketPathMismatch,
                step_of(ActId::kRepointBackend, {{"from", kDead}, {"to", kLiving}}));
    rule.mode = policy::Mode::kAsk;
    rule.on_failure = on_failure;
    policy.rules.push_back(rule);
    return policy;
}

void upgrade_php(Story& story) {
    story.tell({"topology unowned " + kDead,
                "+10s log socket-missing " + kDead,
                "+12ms probe (" + kDead + ") missing errno=2",
                "+1s tick",
                "+12ms probe (" + kDead + ") missing errno=2",
                "+40ms inspect (" + kDead + ") listener " + kLiving +
                    " php-fpm8.2 php8.2-fpm.service ; step /run/php directory ; step "
                    "/run/php/php7.4-fpm.sock missing"});
}

void delete_socket(Story& story) {
    story.tell({"+10s log socket-missing " + kLiving,
                "+12ms probe php8.2-fpm.service missing errno=2",
                "+1s tick",
                "+12ms probe php8.2-fpm.service missing errno=2",
                "+40ms inspect php8.2-fpm.service listener " + kLiving +
                    " php-fpm8.2 php8.2-fpm.service deleted ; step /run directory ; step "
                    "/run/php directory"});
}

policy::Policy restarting_policy() {
    policy::Policy policy = small_policy();
    policy.rules.push_back(
        rule_of("restart", core::Cause::kSocketDeleted, step_of(ActId::kRestartUnit)));
    return policy;
}

TEST(Approval, IsAskedForOnceWithTheExactPlanAndLetsTheActHappen) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " start-unit php8.2-fpm.service",
                "+20s tick"});
    EXPECT_EQ(story.count("act "), 0U);
    EXPECT_EQ(story.count("propose start-unit php8.2-fpm.service rule=start-crashed"), 1U)
        << story.dump();
    EXPECT_TRUE(story.says("proposed " + kDigest)) << story.dump();
    story.tell({"approve"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_EQ(story.state().incidents.at(1).trial->plan.unit, "php8.2-fpm.service");
}

TEST(Approval, IsUsedUpByAnActWhoseReplyWasLost) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " words",
                "+1s approve",
                "act lost gone"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    story.tell({"ledger attempt 7 1 start-crashed start-unit php8.2-fpm.service pending"});
    EXPECT_TRUE(story.state().incidents.at(1).proposals.empty());
    EXPECT_EQ(story.state().acting, 1U) << "the executor is at it";
}

TEST(Approval, OfAnotherPlanIsNone) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " words",
                "ledger approved ffff"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
}

TEST(Approval, IsAskedForAgainWhenTheUnitHasChangedOrThePreviewIsOld) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " words",
                "+1s unit php8.2-fpm.service failed signal invocation=other",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_EQ(story.count("propose "), 2U) << story.dump();
    story.tell({"+5ms proposed aaaa words", "+11m config php8.2-fpm.service valid"});
    EXPECT_EQ(story.count("propose "), 3U) << story.dump();
}

// Only an executor that knows a plan can say to a person what it is.
TEST(Approval, IsAskedForAgainWhenTheExecutorHasStartedAnew) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " words"});
    ASSERT_EQ(story.count("propose "), 1U) << story.dump();
    story.feed(core::PolicyChanged{});
    EXPECT_EQ(story.count("propose "), 2U) << story.dump();
    EXPECT_EQ(story.state().incidents.at(1).proposals.front().digest, kDigest) << "until then";
    story.tell({"+5ms proposed " + kDigest + " words", "+1s config php8.2-fpm.service valid"});
    EXPECT_EQ(story.count("propose "), 2U) << story.dump();
}

TEST(Approval, OfFilesThatWereEditedMeanwhileIsAskedForAgain) {
    Story story(asking_policy());
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe php8.2-fpm.service refused",
                "+5ms proposed " + kDigest + " words",
                "approve",
                "+5ms act refused needs-approval: the files are others",
                "+2s tick"});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_EQ(story.count("propose "), 2U) << story.dump();
}

TEST(Approval, OfAnOfferDoesThatActBesideTheLadder) {
    policy::Policy policy = small_policy();
    policy::Rule& rule = rule_named(policy, "observe-unknown");
    rule.match.cause = core::Cause::kSlowBackend;
    rule.offers = {step_of(ActId::kDebugLog, {{"seconds", "60"}})};
    Story story(policy);
    story.tell({"+1s log response-timeout " + kLiving,
                "+1ms probe php8.2-fpm.service response-timeout",
                "+1s tick",
                "+1ms probe php8.2-fpm.service response-timeout",
                "+9ms inspect php8.2-fpm.service none"});
    EXPECT_EQ(story.count("propose debug-log nginx.service (seconds 60)"), 1U) << story.dump();
    EXPECT_EQ(story.count("act "), 0U);
    story.tell({"+5ms proposed " + kDigest + " error_log debug", "approve"});
    EXPECT_EQ(story.count("act debug-log nginx.service (seconds 60)"), 1U) << story.dump();
    story.tell({"+80ms act done 4 succeeded for 60s"});
    EXPECT_TRUE(story.says("confirm 4 effective")) << story.dump();
    EXPECT_EQ(story.count("closed"), 0U) << "evidence cures nothing";
    EXPECT_EQ(story.count("escalated"), 0U);
}

TEST(Repointing, IsVerifiedWhereTheBackendAnswersNowAndThenClosed) {
    Story story(repointing_policy());
    upgrade_php(story);
    EXPECT_EQ(story.count("propose repoint-backend nginx.service"), 1U) << story.dump();
    story.tell({"+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+200ms topology gone (" + kDead + ")",
                "+10ms act done 3 succeeded nginx has new workers"});
    EXPECT_EQ(story.count("closed"), 0U) << "out of the configuration, but not verified";
    EXPECT_EQ(story.all("probe (" + kDead + ")").back(),
              "probe (" + kDead + ") fastcgi " + kLiving);
    story.tell(
        {"+12ms probe (" + kDead + ") good", "+31s tick", "+12ms probe (" + kDead + ") good"});
    EXPECT_TRUE(story.says("confirm 3 effective")) << story.dump();
    EXPECT_TRUE(story.says("healed: " + kLiving + " answers")) << story.dump();
    EXPECT_EQ(story.state().topology.find_by_unit("(" + kDead + ")"), nullptr);
}

// nginx has its new configuration before anybody knows what the executor has done.
TEST(Repointing, WhoseReplyWasLostIsVerifiedAllTheSame) {
    for (const bool is_done : {true, false}) {
        Story story(repointing_policy());
        upgrade_php(story);
        story.tell({"+5ms proposed " + kDigest + " words",
                    "+1s approve",
                    "+10ms act lost gone",
                    "+200ms topology gone (" + kDead + ")"});
        EXPECT_EQ(story.count("closed"), 0U) << "the record will tell" << story.dump();
        if (!is_done) {
            story.tell({"+10ms ledger empty"});
            EXPECT_TRUE(story.says("gone: (" + kDead + ")")) << story.dump();
            continue;
        }
        story.tell(
            {"+10ms ledger attempt 3 1 repoint repoint-backend nginx.service succeeded from=" +
             kDead + " to=" + kLiving});
        EXPECT_EQ(story.all("probe (" + kDead + ")").back(),
                  "probe (" + kDead + ") fastcgi " + kLiving);
        story.tell(
            {"+12ms probe (" + kDead + ") good", "+31s tick", "+12ms probe (" + kDead + ") good"});
        EXPECT_TRUE(story.says("confirm 3 effective")) << story.dump();
    }
}

TEST(Repointing, ThatDoesNotHelpIsUndoneAndLeftToAPerson) {
    Story story(repointing_policy(policy::OnFailure::kRollBack));
    upgrade_php(story);
    story.tell({"+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "+200ms topology gone (" + kDead + ")",
                "+12ms probe (" + kDead + ") missing errno=2"});
    EXPECT_EQ(story.count("confirm "), 0U) << "it has its time";
    for (int i = 0; i < 30; ++i) {
        story.tell({"+250ms tick"});
        if (story.state().services.at("(" + kDead + ")").running_probe) {
            story.tell({"probe (" + kDead + ") missing errno=2"});
        }
    }
    EXPECT_TRUE(story.says("confirm 3 ineffective")) << story.dump();
    EXPECT_TRUE(story.says("the executor undoes it")) << story.dump();
    EXPECT_EQ(story.count("escalated"), 1U) << story.dump();
    story.forget();
    story.tell({"+5ms ledger lifted php7.4-fpm.service"});
    EXPECT_EQ(story.count("closed"), 0U) << "it is being undone" << story.dump();
    story.tell({"+1s topology unowned " + kDead, "+1m tick"});
    EXPECT_EQ(story.count("act "), 0U) << story.dump();
    EXPECT_EQ(story.count("escalated"), 0U) << "said once";
}

// Scripts and visitors can write names into records, and such a name is looked up.
TEST(Repointing, IsNotUndoneForANameThatARecordOfANeighbourMentions) {
    const std::string neighbour = "php8.2-fpm.service";
    const std::string forged = "log name-unresolved - unit=" + neighbour + " about=evil.example";
    Story story(repointing_policy(policy::OnFailure::kRollBack));
    story.tell({"+1s log connect-refused " + kLiving, "+5ms probe " + neighbour + " good"});
    upgrade_php(story);
    story.tell(
        {"+5ms proposed " + kDigest + " words", "+1s approve", "+10ms act done 3 succeeded"});
    story.tell(std::vector<std::string>(6, forged));
    bool is_looked_up = false;
    for (int i = 0; i < 160; ++i) {
        story.tell({"+250ms tick"});
        const engine::ServiceRecord& record = story.state().services.at(neighbour);
        if (record.running_probe && story.all("probe " + neighbour).back().ends_with(kLiving)) {
            story.tell({"probe " + neighbour + " good"});
        } else if (record.running_probe) {
            is_looked_up = true;
            core::ProbeAnswered answer{*record.running_probe, neighbour, "evil.example", {}};
            answer.result.outcome = core::ProbeOutcome::kUnresolved;
            story.feed(answer);
            story.tell({forged});
        }
        const auto repointed = story.state().services.find("(" + kDead + ")");
        if (repointed != story.state().services.end() && repointed->second.running_probe) {
            story.tell({"probe (" + kDead + ") good"});
        }
    }
    EXPECT_TRUE(is_looked_up) << story.dump();
    EXPECT_TRUE(story.says("confirm 3 effective")) << story.dump();
    EXPECT_FALSE(story.says("harmful")) << story.dump();
}

// A new agent: nginx is reloaded and names the living socket alone.
engine::Timeline reborn(std::vector<std::string>& said) {
    return engine::Timeline(repointing_policy(policy::OnFailure::kRollBack),
                            [&said](core::TimePoint, const engine::Effect& effect) {
                                said.push_back(engine::describe(effect));
                            });
}

void tell(engine::Timeline& timeline, const std::vector<std::string>& events) {
    for (const std::string& event : events) {
        const core::Status fed = timeline.feed_text(event);
        EXPECT_TRUE(fed.has_value()) << event << ": " << (fed ? "" : fed.error().text);
    }
}

bool has_said(const std::vector<std::string>& said, const std::string& part) {
    return std::any_of(said.begin(), said.end(), [&part](const std::string& line) {
        return line.find(part) != std::string::npos;
    });
}

const std::string kRepointed =
    "ledger attempt 3 7 repoint repoint-backend nginx.service succeeded from=" + kDead +
    " to=" + kLiving;
const std::string kRepointing =
    "ledger attempt 3 7 repoint repoint-backend nginx.service pending from=" + kDead +
    " to=" + kLiving;
const std::vector<std::string> kAtRebirth{
    "2026-11-21T14:00:00Z topology php8.2-fpm.service php-fpm " + kLiving,
    "topology nginx.service nginx 127.0.0.1:80",
    "config nginx.service valid",
    "config php8.2-fpm.service valid",
    "unit nginx.service active",
    "unit php8.2-fpm.service active"};

TEST(Rebirth, VerifiesARepointingWhoseServiceIsGoneFromTheConfiguration) {
    for (const bool is_record_late : {false, true}) {
        std::vector<std::string> said;
        engine::Timeline timeline = reborn(said);
        tell(timeline, kAtRebirth);
        const std::string restored = "restored 7 (" + kDead + ")";
        tell(timeline, {is_record_late ? restored : kRepointed});
        tell(timeline, {is_record_late ? kRepointed : restored});
        EXPECT_TRUE(has_said(said, "probe (" + kDead + ") fastcgi " + kLiving));
        tell(timeline, {"+12ms probe (" + kDead + ") good"});
        tell(timeline, {"+31s tick", "+12ms probe (" + kDead + ") good"});
        EXPECT_TRUE(has_said(said, "confirm 3 effective"));
        EXPECT_TRUE(has_said(said, "healed: " + kLiving + " answers"));
        EXPECT_EQ(timeline.state().topology.find_by_unit("(" + kDead + ")"), nullptr);
    }
}

TEST(Rebirth, KnowsTheServiceFromTheCacheUntilTheConfigurationIsReadAgain) {
    std::vector<std::string> said;
    engine::Timeline timeline = reborn(said);
    tell(timeline, kAtRebirth);
    tell(timeline,
         {"topology unowned " + kDead,
          "restored 7 (" + kDead + ")",
          "topology gone (" + kDead + ")",
          "+10ms " + kRepointed});
    EXPECT_FALSE(has_said(said, "closed")) << "why it is gone, the record tells";
    EXPECT_TRUE(has_said(said, "probe (" + kDead + ") fastcgi " + kLiving));
    tell(timeline,
         {"+12ms probe (" + kDead + ") good", "+31s tick", "+12ms probe (" + kDead + ") good"});
    EXPECT_TRUE(has_said(said, "confirm 3 effective"));
}

TEST(Rebirth, WaitsForAnActThatIsStillRunning) {
    std::vector<std::string> said;
    engine::Timeline timeline = reborn(said);
    tell(timeline, kAtRebirth);
    tell(timeline,
         {"topology unowned " + kDead, kRepointing, "restored 7 (" + kDead + ")", "+5s tick"});
    EXPECT_EQ(timeline.state().acting, 7U);
    tell(timeline, {"topology gone (" + kDead + ")", "+10ms " + kRepointed});
    EXPECT_EQ(timeline.state().acting, std::nullopt);
    tell(timeline,
         {"+12ms probe (" + kDead + ") good", "+31s tick", "+12ms probe (" + kDead + ") good"});
    EXPECT_TRUE(has_said(said, "confirm 3 effective"));
}

TEST(Rebirth, LetsOthersActWhenTheRunningActIsNoLongerOnRecord) {
    std::vector<std::string> said;
    engine::Timeline timeline = reborn(said);
    tell(timeline, kAtRebirth);
    tell(timeline,
         {"topology unowned " + kDead, kRepointing, "restored 7 (" + kDead + ")", "ledger empty"});
    EXPECT_EQ(timeline.state().acting, std::nullopt);
    tell(timeline,
         {"+1s unit php8.2-fpm.service failed signal", "+10ms probe php8.2-fpm.service refused"});
    EXPECT_TRUE(has_said(said, "act start-unit php8.2-fpm.service"));
}

TEST(Rebirth, CallsARepointingIneffectiveThatDidNotHelp) {
    std::vector<std::string> said;
    engine::Timeline timeline = reborn(said);
    tell(timeline, kAtRebirth);
    tell(timeline, {kRepointed, "restored 7 (" + kDead + ")"});
    for (int i = 0; i < 60; ++i) {
        tell(timeline, {"+250ms tick"});
        const auto record = timeline.state().services.find("(" + kDead + ")");
        if (record != timeline.state().services.end() && record->second.running_probe) {
            tell(timeline, {"probe (" + kDead + ") missing errno=2"});
        }
    }
    EXPECT_TRUE(has_said(said, "confirm 3 ineffective"));
}

TEST(Rebirth, EndsAnIncidentWhoseServiceIsGoneWithoutAnAct) {
    for (const bool is_record_late : {false, true}) {
        std::vector<std::string> said;
        engine::Timeline timeline = reborn(said);
        tell(timeline, kAtRebirth);
        const std::string restored = "restored 7 (" + kDead + ")";
        tell(timeline, {is_record_late ? restored : "ledger empty"});
        tell(timeline, {is_record_late ? "ledger empty" : restored});
        EXPECT_TRUE(has_said(said, "gone"));
        EXPECT_EQ(timeline.state().incidents.at(7).phase, engine::Phase::kClosed);
    }
}

// What nginx got for the name when it was reloaded, an earlier agent knew.
TEST(Rebirth, VerifiesAReloadAtTheAddressThatTheNameHasNow) {
    std::vector<std::string> said;
    engine::Timeline timeline = reborn(said);
    tell(timeline, kAtRebirth);
    core::Topology topology = timeline.state().topology;
    core::Backend backend{"127.0.0.2:3000", "", ""};
    backend.host = "shop.lan:3000";
    topology.unowned.push_back(backend);
    timeline.feed({*core::parse_time("2026-11-21T14:00:00Z"), core::TopologyLearnt{topology}});
    const std::string unit = "(127.0.0.2:3000)";
    tell(timeline,
         {"ledger attempt 3 7 reload-for-name reload-unit nginx.service succeeded",
          "restored 7 " + unit});
    EXPECT_TRUE(has_said(said, "resolve " + unit + " shop.lan:3000"));
    EXPECT_FALSE(has_said(said, "probe " + unit));
    tell(timeline, {"+10ms resolved " + unit + " 127.0.0.1:3000"});
    EXPECT_TRUE(has_said(said, "probe " + unit + " fastcgi 127.0.0.1:3000"));
    tell(timeline, {"+12ms probe " + unit + " good", "+31s tick", "+12ms probe " + unit + " good"});
    EXPECT_TRUE(has_said(said, "confirm 3 effective"));
}

TEST(Harm, IsAnNginxThatIsDownAfterItsConfigurationWasChanged) {
    Story story(repointing_policy());
    upgrade_php(story);
    story.tell({"+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "+1s unit nginx.service failed exit-code"});
    EXPECT_TRUE(story.says("confirm 3 harmful \"nginx.service was up before the act"))
        << story.dump();
    EXPECT_EQ(story.count("escalated"), 1U);
}

TEST(Harm, IsAnotherBackendThatNginxAsksElsewhereNowAndInVain) {
    Story story(repointing_policy());
    upgrade_php(story);
    story.tell({"probe php8.2-fpm.service good",
                "+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "topology php8.2-fpm.service php-fpm 127.0.0.9:9000",
                "+10ms probe php8.2-fpm.service refused",
                "+1s tick",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_TRUE(
        story.says("confirm 3 harmful \"php8.2-fpm.service answered before the act; now "
                   "nginx asks 127.0.0.9:9000"))
        << story.dump();
}

TEST(Harm, IsNoneWhereAnotherBackendFallsSilentByItself) {
    Story story(repointing_policy());
    upgrade_php(story);
    story.tell({"probe php8.2-fpm.service good",
                "+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "+10ms probe php8.2-fpm.service refused",
                "+1s tick",
                "+10ms probe php8.2-fpm.service refused"});
    EXPECT_FALSE(story.says("harmful")) << story.dump();
}

// Its start is no reason for what others do afterwards, and no reason to leave it down next time.
TEST(Harm, IsNeverDoneByBringingUpWhatWasDown) {
    policy::Policy policy = small_policy();
    policy.rules.push_back(
        rule_of("start-nginx", core::Cause::kNginxDown, step_of(ActId::kStartUnit)));
    Story story(policy);
    story.tell({"+1s log invalid-response " + kLiving,
                "+1ms probe php8.2-fpm.service good",
                "unit nginx.service failed signal status=9",
                "+10ms probe nginx.service refused",
                "+10ms act done 3 succeeded",
                "unit nginx.service active"});
    ASSERT_EQ(story.count("act start-unit nginx.service"), 1U) << story.dump();
    EXPECT_EQ(story.count("probe php8.2-fpm.service"), 1U)
        << "no neighbour is asked" << story.dump();
}

TEST(Harm, IsAUnitThatWasUpAndDoesNotComeBackFromItsRestart) {
    Story story(restarting_policy());
    delete_socket(story);
    ASSERT_EQ(story.count("act restart-unit"), 1U) << story.dump();
    story.tell(
        {"+60ms unit php8.2-fpm.service failed exit-code", "+1ms act done 5 failed job failed"});
    EXPECT_TRUE(story.says("confirm 5 harmful")) << story.dump();
    EXPECT_EQ(story.count("escalated"), 1U) << story.dump();
}

// The executor looks up no name that nginx's configuration does not have.
TEST(Verification, AsksTheBackendWhateverNameIsInALog) {
    Story story(small_policy());
    story.tell({"+1s log name-unresolved " + kLiving + " about=evil.example",
                "+1s unit php8.2-fpm.service failed signal status=9"});
    EXPECT_EQ(story.count("probe php8.2-fpm.service resolve"), 0U) << story.dump();
    story.tell({"+5ms probe php8.2-fpm.service refused errno=111",
                "+60ms act done 5 succeeded",
                "+1ms unit php8.2-fpm.service active"});
    EXPECT_EQ(story.count("probe php8.2-fpm.service fastcgi " + kLiving), 2U) << story.dump();
}

TEST(Harm, IsSeenAlsoWhenNewsOfTheUnitComesAfterTheFailure) {
    Story story(restarting_policy());
    delete_socket(story);
    story.tell({"+60ms act done 5 failed job failed"});
    EXPECT_FALSE(story.says("confirm 5")) << story.dump();
    story.tell({"+40ms unit php8.2-fpm.service failed exit-code"});
    EXPECT_TRUE(story.says("confirm 5 harmful \"job failed\"")) << story.dump();
}

TEST(Harm, IsNoneWhenTheFailedActHasLeftTheUnitUp) {
    Story story(restarting_policy());
    delete_socket(story);
    story.tell({"+60ms act done 5 failed job failed", "+2s tick"});
    EXPECT_TRUE(story.says("confirm 5 ineffective \"job failed\"")) << story.dump();
}

// Anybody can write those: a script through error_log(), a visitor through a query.
TEST(Verdict, IsNotChangedByWhatALogSays) {
    for (const std::string symptom : {"script-fatal", "closed-early", "invalid-response"}) {
        Story story(small_policy());
        story.tell({"+1s unit php8.2-fpm.service failed signal status=9",
                    "+5ms probe php8.2-fpm.service refused errno=111",
                    "+60ms act done 5 succeeded",
                    "+1ms unit php8.2-fpm.service active",
                    "+1ms probe php8.2-fpm.service good"});
        const std::string line = "+2s log " + symptom + " " + kLiving;
        story.tell({line, line, line, line, line, line, line, line});
        story.tell({"+20s tick", "+1ms probe php8.2-fpm.service good"});
        if (symptom != "script-fatal") {  // the others are a reason to probe, before the last one
            story.tell({"+1ms probe php8.2-fpm.service good"});
        }
        EXPECT_TRUE(story.says("confirm 5 effective")) << symptom << story.dump();
    }
}

TEST(Verdict, OfAnActAgainstSlowAnswersIsTheProbes) {
    policy::Policy policy = small_policy();
    policy::Rule rule = rule_of("fewer", core::Cause::kSlowBackend, step_of(ActId::kReloadUnit));
    rule.witnesses = 1;
    rule_named(policy, "observe-unknown") = rule;
    Story story(policy);
    story.tell({"+1s log response-timeout " + kLiving,
                "+1ms probe php8.2-fpm.service response-timeout",
                "+1s tick",
                "+1ms probe php8.2-fpm.service response-timeout",
                "+9ms inspect php8.2-fpm.service none",
                "+1s act done 2 succeeded",
                "+1s tick",
                "+1ms probe php8.2-fpm.service good"});
    ASSERT_EQ(story.count("verifying"), 1U) << story.dump();
    story.tell({"+10s log response-timeout " + kLiving,
                "+1s log response-timeout " + kLiving,
                "+1s log response-timeout " + kLiving,
                "+20s tick",
                "+1ms probe php8.2-fpm.service good"});
    story.tell({"+1ms probe php8.2-fpm.service good"});
    EXPECT_TRUE(story.says("confirm 2 effective")) << story.dump();
}

TEST(Ladder, MakesRoomAndThenStartsWhatTheFullDiskTookDown) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("make-room",
                core::Cause::kDiskFull,
                step_of(ActId::kVacuumJournal, {{"keep_bytes", "1"}, {"keep_seconds", "1"}}));
    rule.ladder.push_back(step_of(ActId::kStartUnit));
    policy.rules.push_back(rule);
    Story story(policy);
    story.tell({"+1s log disk-full - errno=28",
                "probe nginx.service good",
                "inspect nginx.service disk /var free",
                "+1s unit php8.2-fpm.service failed exit-code status=70",
                "+10ms probe php8.2-fpm.service missing",
                "+40ms inspect php8.2-fpm.service disk /var full ; disk /var/log/journal full"});
    ASSERT_EQ(story.count("act vacuum-journal systemd-journald.service"), 1U) << story.dump();
    story.tell({"+1s act done 6 succeeded 512 MiB freed",
                "+40ms inspect php8.2-fpm.service disk /var free"});
    EXPECT_TRUE(story.says("confirm 6 effective")) << story.dump();
    ASSERT_EQ(story.count("act start-unit php8.2-fpm.service"), 1U) << story.dump();
    EXPECT_EQ(story.count("closed"), 0U);
    // What is left to do is no news about what had happened.
    story.tell({"+80ms unit php8.2-fpm.service active",
                "+1ms act done 7 succeeded",
                "+10ms probe php8.2-fpm.service good",
                "+31s tick",
                "+10ms probe php8.2-fpm.service good"});
    EXPECT_EQ(story.count("closed #2 php8.2-fpm.service cause=disk-full"), 1U) << story.dump();
}

TEST(Ladder, DoesNotWaitForRoomThatCannotBeMade) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("make-room",
                core::Cause::kDiskFull,
                step_of(ActId::kVacuumJournal, {{"keep_bytes", "1"}, {"keep_seconds", "1"}}));
    rule.ladder.push_back(step_of(ActId::kStartUnit));
    policy.rules.push_back(rule);
    Story story(policy);
    story.tell({"+1s unit php8.2-fpm.service failed exit-code status=70",
                "log disk-full - errno=28 unit=php8.2-fpm.service",
                "+10ms probe php8.2-fpm.service missing",
                "+40ms inspect php8.2-fpm.service disk /var full ; disk /var/log/journal full"});
    ASSERT_EQ(story.count("act vacuum-journal"), 1U) << story.dump();
    story.tell({"+1s act refused executor-refused: nothing to vacuum above the floor"});
    EXPECT_EQ(story.count("act start-unit php8.2-fpm.service"), 1U) << story.dump();
}

// The socket was exchanged between the look at it and the change, which was taken back at once.
TEST(Ladder, TriesAgainWhatNeverCameIntoForce) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("owner", core::Cause::kSocketOwnership, step_of(ActId::kFixSocketOwner));
    rule.on_failure = policy::OnFailure::kRollBack;
    policy.rules.push_back(rule);
    Story story(policy);
    const std::vector<std::string> denied{
        "+1s log connect-denied " + kLiving,
        "+12ms probe php8.2-fpm.service denied errno=13",
        "+1s tick",
        "+12ms probe php8.2-fpm.service denied errno=13",
        "+40ms inspect php8.2-fpm.service listener " + kLiving +
            " php-fpm8.2 php8.2-fpm.service ; step /run directory ; step "
            "/run/php/php8.2-fpm.sock socket closed"};
    story.tell(denied);
    ASSERT_EQ(story.count("act fix-socket-owner"), 1U) << story.dump();
    story.tell({"+10ms act done 3 failed it was exchanged meanwhile; undone", "+2s tick"});
    EXPECT_TRUE(story.says("confirm 3 ineffective")) << story.dump();
    EXPECT_FALSE(story.says("leaves the rest to a person")) << story.dump();
    EXPECT_EQ(story.count("escalated"), 0U) << story.dump();
    story.tell({"+1m tick"});
    EXPECT_EQ(story.count("act fix-socket-owner"), 2U) << story.dump();
}

policy::Policy app_policy() {
    policy::Policy policy = small_policy();
    policy::Rule rule = rule_of("app", core::Cause::kAppDown, step_of(ActId::kStartUnit));
    rule.ladder.push_back(step_of(ActId::kRestartUnit));
    policy.rules.push_back(rule);
    policy.settings.units.push_back("shop.service");
    return policy;
}

// It has crashed and is started; whether it answers then.
void start_app(Story& story) {
    story.tell({"topology shop.service other http://127.0.0.1:8000",
                "+1s unit shop.service failed signal",
                "journal shop.service",
                "+10ms probe shop.service refused"});
    ASSERT_EQ(story.count("act start-unit shop.service"), 1U) << story.dump();
    story.tell({"+1s unit shop.service active", "+1ms act done 3 succeeded"});
}

void pass(Story& story, std::chrono::seconds time, const std::string& answer) {
    for (int i = 0; i < time.count() * 4; ++i) {
        story.tell({"+250ms tick"});
        if (story.state().services.at("shop.service").running_probe) {
            story.tell({"probe shop.service " + answer});
        }
    }
}

TEST(Ladder, LetsAnApplicationLoadBeforeItListens) {
    Story story(app_policy());
    start_app(story);
    pass(story, std::chrono::seconds{30}, "refused");
    EXPECT_EQ(story.count("confirm "), 0U) << story.dump();
    pass(story, std::chrono::seconds{40}, "good");
    EXPECT_TRUE(story.says("confirm 3 effective")) << story.dump();
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
}

TEST(Ladder, DoesNotRestartAnApplicationThatIsUpAndDoesNotListenYet) {
    Story story(app_policy());
    start_app(story);
    pass(story, std::chrono::seconds{75}, "refused");
    EXPECT_TRUE(story.says("confirm 3 ineffective")) << story.dump();
    const std::string look =
        "inspect shop.service listener 127.0.0.1:9999 node other.service ; worker S 2";
    story.tell({look, "filter shop.service", "+15s " + look, "+15s " + look});
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_TRUE(story.says("does not listen yet")) << story.dump();
}

TEST(Refusal, OfTheRulesStepDoesNotHoldUpWhatAPersonHasApproved) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("owner", core::Cause::kSocketOwnership, step_of(ActId::kFixSocketOwner));
    rule.offers = {step_of(ActId::kSetPoolListen)};
    policy.rules.push_back(rule);
    Story story(policy);
    story.tell({"+10s log connect-denied " + kLiving,
                "+12ms probe php8.2-fpm.service denied errno=13",
                "+1s tick",
                "+12ms probe php8.2-fpm.service denied errno=13",
                "+40ms inspect php8.2-fpm.service listener " + kLiving +
                    " php-fpm8.2 php8.2-fpm.service ; step /run directory ; step "
                    "/run/php/php8.2-fpm.sock socket closed"});
    ASSERT_EQ(story.count("act fix-socket-owner"), 1U) << story.dump();
    story.tell({"+1ms act refused executor-refused: the pool file gives the socket to root",
                "+1ms proposed " + kDigest + " words"});
    EXPECT_TRUE(story.says("the pool file gives the socket to root")) << story.dump();
    EXPECT_EQ(story.count("act "), 1U) << "its own step waits a while: " << story.dump();
    story.tell({"+1ms approve"});
    EXPECT_EQ(story.count("act set-pool-listen"), 1U) << story.dump();
}

TEST(Ladder, DoesNotStartWhatWasStoppedMeanwhile) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("make-room",
                core::Cause::kDiskFull,
                step_of(ActId::kVacuumJournal, {{"keep_bytes", "1"}, {"keep_seconds", "1"}}));
    rule.ladder.push_back(step_of(ActId::kStartUnit));
    policy.rules.push_back(rule);
    Story story(policy);
    story.tell({"+1s unit php8.2-fpm.service failed exit-code status=70",
                "log disk-full - errno=28 unit=php8.2-fpm.service",
                "+10ms probe php8.2-fpm.service missing",
                "+40ms inspect php8.2-fpm.service disk /var full 1 ; disk /var/log/journal full 1",
                // `systemctl stop` of what has failed already
                "+1s unit php8.2-fpm.service failed exit-code status=70 ended=done:9",
                "+1s act done 6 succeeded 512 MiB freed",
                "+40ms inspect php8.2-fpm.service disk /var free 1 ; disk /var/log/journal free 1",
                "+1ms jobs php8.2-fpm.service start 8",
                "+10m tick"});
    ASSERT_EQ(story.count("act vacuum-journal"), 1U) << story.dump();
    EXPECT_EQ(story.count("act "), 1U) << story.dump();
    EXPECT_TRUE(story.says("admin-stopped")) << story.dump();
}

TEST(Ladder, DoesNotGoOnWhileTheDiskIsStillFull) {
    policy::Policy policy = small_policy();
    policy::Rule rule =
        rule_of("make-room",
                core::Cause::kDiskFull,
                step_of(ActId::kVacuumJournal, {{"keep_bytes", "1"}, {"keep_seconds", "1"}}));
    policy.rules.push_back(rule);
    Story story(policy);
    story.tell({"+1s unit php8.2-fpm.service failed exit-code status=70",
                "log disk-full - errno=28 unit=php8.2-fpm.service",
                "+10ms probe php8.2-fpm.service missing",
                "+40ms inspect php8.2-fpm.service disk /var full ; disk /var/log/journal full"});
    ASSERT_EQ(story.count("act vacuum-journal"), 1U) << story.dump();
    story.tell({"+1s act done 6 succeeded nothing to free",
                "+40ms inspect php8.2-fpm.service disk /var full ; disk /var/log/journal full"});
    EXPECT_TRUE(story.says("confirm 6 ineffective")) << story.dump();
}

TEST(Ladder, GivesUpAfterThreeActsWithoutEffectAndIsSilentThen) {
    policy::Policy policy = restarting_policy();
    Story story(policy);
    delete_socket(story);
    for (int round = 0; round < 400; ++round) {
        if (story.state().acting) {
            story.tell({"+50ms act done " + std::to_string(story.count("act ")) + " succeeded"});
        }
        if (story.state().services.at("php8.2-fpm.service").running_probe) {
            story.tell({"+10ms probe php8.2-fpm.service missing errno=2"});
        }
        if (story.state().services.at("php8.2-fpm.service").is_inspecting) {
            story.tell({"+10ms inspect php8.2-fpm.service listener " + kLiving +
                        " php-fpm8.2 php8.2-fpm.service deleted ; step /run directory ; step "
                        "/run/php missing"});
        }
        story.tell({"+1s tick"});
    }
    EXPECT_EQ(story.count("act restart-unit"), 3U) << story.dump();
    EXPECT_GE(story.count("latch php8.2-fpm.service"), 1U) << "until the record shows it";
    EXPECT_EQ(story.count("escalated"), 1U);
    EXPECT_TRUE(story.says("clear with `gatemend resume php8.2-fpm.service`"));
}

TEST(Turns, TheMostCertainGoesFirstOnceAllHaveWaited) {
    Story story;
    story.tell({"topology php8.4-fpm.service php-fpm unix:/run/php/php8.4-fpm.sock",
                "config php8.4-fpm.service valid",
                "unit php8.4-fpm.service active",
                "topology php8.1-fpm.service php-fpm unix:/run/php/php8.1-fpm.sock",
                "config php8.1-fpm.service valid",
                "unit php8.1-fpm.service active",
                // the first one acts
                "+1s unit nginx.service failed signal",
                "probe nginx.service refused",
                "unit php8.1-fpm.service failed signal",
                "probe php8.1-fpm.service refused",
                // more certain: a visitor has met it, too
                "log connect-refused unix:/run/php/php8.4-fpm.sock",
                "unit php8.4-fpm.service failed signal",
                "probe php8.4-fpm.service refused"});
    ASSERT_EQ(story.count("act "), 1U) << story.dump();
    const auto certainty = [&story](const std::string& unit) {
        const auto incident = *story.state().services.find(unit)->second.incident;
        return story.state().incidents.at(incident).diagnosis.confidence_permille;
    };
    ASSERT_GT(certainty("php8.4-fpm.service"), certainty("php8.1-fpm.service"));
    story.tell({"+100ms unit nginx.service active", "act done 1 succeeded"});
    EXPECT_EQ(story.count("act "), 1U) << "its first probe is not in yet";
    story.tell({"+5ms probe nginx.service good"});
    ASSERT_EQ(story.count("act "), 2U) << story.dump();
    EXPECT_TRUE(story.all("act ").back().starts_with("act start-unit php8.4-fpm.service"));
    EXPECT_TRUE(story.says("the most certain of 2")) << story.dump();
}

TEST(Turns, AreNotLostWhenTheFirstProbeDoesNotCome) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "probe php8.2-fpm.service refused",
                "unit nginx.service failed signal",
                "probe nginx.service refused",
                "+100ms unit php8.2-fpm.service active",
                "act done 1 succeeded",
                "+6s tick"});
    EXPECT_EQ(story.count("act "), 2U) << story.dump();
}

TEST(Refusal, ByAGuardNamesItAndIsTriedAgainEveryFiveSeconds) {
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal",
                "+10ms probe backend refused",
                "+1ms act refused package-manager: apt-get (pid 812) holds dpkg's lock"});
    const policy::Decision& decision = story.state().incidents.at(1).decision;
    ASSERT_EQ(decision.holds.size(), 1U) << story.dump();
    EXPECT_EQ(decision.holds.front().kind, core::HoldKind::kPackageManager);
    EXPECT_EQ(decision.holds.front().owner, "package manager");
    for (int i = 0; i < 5; ++i) {
        story.tell({"+5s tick"});
        ASSERT_TRUE(story.state().acting) << story.dump();
        story.tell({"+1ms act refused package-manager: apt-get (pid 812) holds dpkg's lock"});
    }
    EXPECT_EQ(story.count("act "), 6U);
    EXPECT_EQ(story.count("acted "), 1U) << "the same refusal is written once: " << story.dump();
    story.tell({"+5s tick", "+80ms unit php8.2-fpm.service active", "act done 1 succeeded"});
    EXPECT_EQ(story.count("acted "), 2U);
}

TEST(Refusal, ForVisitorsWhoStayIsSaidLoudlyAfterMinutes) {
    const std::string refusal = "+1ms act refused contrary-evidence: it serves visitors";
    Story story;
    story.tell({"+1s unit php8.2-fpm.service failed signal", "+10ms probe backend refused"});
    std::size_t refusals = 0;
    for (int i = 0; i < 600; ++i) {
        if (story.state().acting) {
            story.tell({refusal});
            ++refusals;
        }
        ASSERT_EQ(story.says("which a person may end"), refusals >= 120) << refusals;
        story.tell({"+5s tick"});
        if (story.state().services.at("php8.2-fpm.service").running_probe) {
            story.tell({"+1ms probe php8.2-fpm.service refused"});
        }
        if (story.state().services.at("nginx.service").running_probe) {
            story.tell({"probe nginx.service good"});
        }
    }
    EXPECT_GE(refusals, 120U) << "it is tried all the same";
    EXPECT_TRUE(story.says("still tried: it serves visitors"));
}

TEST(Undoing, BeforeTheVerdictEndsTheAttempt) {
    Story story(repointing_policy());
    upgrade_php(story);
    story.tell({"+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "+200ms topology gone (" + kDead + ")",
                "+1s undone 3"});
    EXPECT_FALSE(story.state().incidents.at(1).unverified_attempt) << story.dump();
    EXPECT_EQ(story.count("closed"), 0U) << "news of nginx's configuration is on its way";
    story.tell({"+1s topology unowned " + kDead});
    EXPECT_EQ(story.count("closed"), 0U) << story.dump();
}

void complain_again(Story& story) {
    story.tell({"+60m log socket-missing " + kDead,
                "+12ms probe (" + kDead + ") missing errno=2",
                "+1s tick",
                "+12ms probe (" + kDead + ") missing errno=2",
                "+40ms inspect (" + kDead + ") listener " + kLiving +
                    " php-fpm8.2 php8.2-fpm.service ; step /run/php directory"});
}

TEST(Undoing, OfARepointIsThatPersonsWordUntilSheTakesItBack) {
    Story story(repointing_policy());
    upgrade_php(story);
    story.tell({"+5ms proposed " + kDigest + " words",
                "+1s approve",
                "+10ms act done 3 succeeded",
                "+12ms probe (" + kDead + ") good",
                "+31s tick",
                "+12ms probe (" + kDead + ") good"});
    ASSERT_TRUE(story.says("confirm 3 effective")) << story.dump();
    ASSERT_EQ(story.count("closed"), 1U) << story.dump();
    story.tell({"+60m undone 3"});
    complain_again(story);
    ASSERT_EQ(story.count("opened"), 2U) << story.dump();
    EXPECT_EQ(story.count("propose "), 1U) << "the very same is not offered: " << story.dump();
    EXPECT_TRUE(story.says("attempt 3 did exactly this and was undone")) << story.dump();
    EXPECT_TRUE(story.says("gatemend resume nginx.service")) << "and says what brings it back";
    story.tell({"+1s ledger lifted nginx.service", "+5s tick"});
    EXPECT_EQ(story.count("propose "), 2U) << story.dump();
}

TEST(Undoing, OfOneRepointForbidsNoOther) {
    Story story(repointing_policy());
    story.tell({"ledger attempt 3 1 repoint repoint-backend nginx.service succeeded from=" + kDead +
                    " to=unix:/run/php/other.sock",
                "undone 3"});
    upgrade_php(story);
    EXPECT_EQ(story.count("propose "), 1U) << story.dump();
}

TEST(Undoing, IsAskedForWhenAnUnverifiedActIsLeftBehind) {
    policy::Policy policy = small_policy();
    policy::Rule rule = rule_of("owner",
                                core::Cause::kSocketDeleted,
                                step_of(ActId::kSetPoolListen, {{"socket", kLiving}}));
    policy.rules.push_back(rule);
    Story story(policy);
    delete_socket(story);
    ASSERT_EQ(story.count("act set-pool-listen"), 1U) << story.dump();
    story.tell({"+10ms act done 8 succeeded",
                "topology gone php8.2-fpm.service",
                "+1s probe php8.2-fpm.service missing",
                "+10s tick"});
    EXPECT_EQ(story.count("undo 8") + story.count("confirm 8 ineffective"), 1U) << story.dump();
}

TEST(Question, KeepsABoundedHistoryOfBadLooks) {
    Story story(asking_policy());
    for (std::size_t i = 0; i < 3 * engine::kMaxBadLooks; ++i) {
        story.tell({"+10s unit php8.2-fpm.service failed signal invocation=" + std::to_string(i)});
        if (story.state().services.at("php8.2-fpm.service").running_probe) {
            story.tell({"probe php8.2-fpm.service missing"});
        }
    }
    EXPECT_EQ(story.state().services.at("php8.2-fpm.service").bad_looks.size(),
              engine::kMaxBadLooks);
}

}  // namespace
}  // namespace gatemend::testing
