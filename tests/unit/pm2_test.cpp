// SPDX-License-Identifier: MIT
// Applications under pm2, from its list to the diagnosis: what is read of hostile bytes, when the
// list is asked for, and which application is named.
#include "diagnosis/diagnosis.hpp"
#include "parse/fact_event.hpp"
#include "parse/pm2_list.hpp"
#include "story.hpp"

#include <algorithm>

namespace gatemend::testing {
namespace {

using core::Pm2App;
using core::Pm2Status;

// As pm2 5.4 prints it.
const std::string kList =
    "+--- shop\nnamespace : default\nversion : N/A\npid : 0\npm2 id : 0\nstatus : errored\n"
    "mode : fork\nrestarted : 3\nuptime : 0\nmemory usage : 0b\n"
    "error log : /srv/pm2/.pm2/logs/shop-error.log\nwatching : no\n"
    "PID file : /srv/pm2/.pm2/pids/shop-0.pid\n\n"
    "+--- worker\nnamespace : default\nstatus : online\nrestarted : 0\n\n";

TEST(Pm2List, IsReadAsPm2PrintsIt) {
    EXPECT_EQ(
        parse::read_pm2_list(kList),
        (std::vector<Pm2App>{{"shop", Pm2Status::kErrored, 3}, {"worker", Pm2Status::kOnline, 0}}));
    EXPECT_EQ(parse::read_pm2_list("[PM2] Spawning PM2 daemon\n" + kList).size(), 2U);
    EXPECT_TRUE(parse::read_pm2_list("").empty());
}

TEST(Pm2List, HostileBytesStayBoundedAndPrintable) {
    const auto apps = parse::read_pm2_list(
        "status : online\n+--- \x1B[31mshop\x7F\xFF\nstatus : online : errored\n"
        "restarted : 99999999999999999999\n+--- " +
        std::string(10'000, 'x') + "\nrestarted : -1");
    ASSERT_EQ(apps.size(), 2U);
    EXPECT_EQ(apps[0], (Pm2App{"\\x1B[31mshop\\x7F\\xFF", Pm2Status::kOther, 0}));
    EXPECT_LT(apps[1].name.size(), 200U);
    std::string many;
    for (std::size_t i = 0; i < 2 * core::kMaxPm2Apps; ++i) {
        many += "+--- a\n";
    }
    EXPECT_EQ(parse::read_pm2_list(many).size(), core::kMaxPm2Apps);
}

TEST(Pm2List, ThatCannotBeHadIsAnEmptyOneWithAReason) {
    std::string problem;
    EXPECT_TRUE(
        parse::apps_listed("pm2-shop.service", core::Error{"no answer"}, problem).apps.empty());
    EXPECT_EQ(problem, "applications under pm2-shop.service: no answer");
}

TEST(Pm2Names, ArePlainOnlyWhenPm2TakesThemForAnApplication) {
    for (const char* name : {"shop", "shop-2", "api.v2", "A_b", "2shops", "allshops"}) {
        EXPECT_TRUE(core::is_plain_pm2_name(name)) << name;
    }
    for (const char* name :
         {"", "all", "1", "1.5", "-x", ".x", "a.json", "b.yml.old", "é", "a b"}) {
        EXPECT_FALSE(core::is_plain_pm2_name(name)) << name;
    }
    EXPECT_FALSE(core::is_plain_pm2_name(std::string(65, 'a')));
}

diagnosis::Diagnosis diagnose_with(std::vector<Pm2App> apps) {
    diagnosis::Findings findings;
    findings.unit_name = "pm2-shop.service";
    findings.backend.address = "127.0.0.1:3000";
    findings.backend.scheme = core::Scheme::kHttp;
    findings.unit.emplace().active = core::ActiveState::kActive;
    findings.probe.emplace().outcome = core::ProbeOutcome::kRefused;
    findings.probe_address = findings.backend.address;
    findings.inspection.emplace().listeners.emplace();
    findings.apps = std::move(apps);
    return diagnosis::diagnose(findings);
}

TEST(DiagnosePm2, NamesTheOneThatPm2HasGivenUpOn) {
    const auto diagnosis =
        diagnose_with({{"worker", Pm2Status::kOnline, 0}, {"shop", Pm2Status::kErrored, 15}});
    EXPECT_EQ(diagnosis.cause, core::Cause::kAppDown);
    EXPECT_NE(diagnosis.text.find("given up on the application shop"), std::string::npos);
    EXPECT_EQ(diagnosis.remedy,
              (decltype(diagnosis.remedy){{"address", "127.0.0.1:3000"}, {"app", "shop"}}));
    EXPECT_EQ(diagnose_with({{"shop", Pm2Status::kErrored, 3}, {"shop", Pm2Status::kErrored, 3}})
                  .remedy.at("app"),
              "shop")
        << "two instances of one application";
}

TEST(DiagnosePm2, NeverRevivesWhatAPersonStoppedAndNeverGuesses) {
    using Apps = std::vector<Pm2App>;
    for (const Apps& apps : {Apps{{"shop", Pm2Status::kStopped, 0}},
                             Apps{{"shop", Pm2Status::kLaunching, 2}},
                             Apps{{"shop", Pm2Status::kOnline, 0}},
                             Apps{{"a", Pm2Status::kErrored, 3}, {"b", Pm2Status::kErrored, 3}},
                             Apps{{"a", Pm2Status::kErrored, 3}, {"a", Pm2Status::kOnline, 0}},
                             Apps{{"all", Pm2Status::kErrored, 3}},
                             Apps{{"x; reboot", Pm2Status::kErrored, 3}},
                             Apps{}}) {
        const auto diagnosis = diagnose_with(apps);
        EXPECT_EQ(diagnosis.cause, core::Cause::kAppDown);
        EXPECT_FALSE(diagnosis.remedy.contains("app")) << diagnosis.text;
        EXPECT_NE(diagnosis.advice.find("pm2 restart NAME"), std::string::npos);
    }
}

// What was left down long ago has nothing to do with an application that is down for a deploy.
TEST(DiagnosePm2, LeavesWhatIsErroredAloneWhileAnythingElseIsDown) {
    for (const Pm2Status status : {Pm2Status::kStopped,
                                   Pm2Status::kLaunching,
                                   Pm2Status::kWaitingRestart,
                                   Pm2Status::kStopping,
                                   Pm2Status::kOther}) {
        const auto diagnosis =
            diagnose_with({{"shop", status, 0}, {"worker", Pm2Status::kErrored, 15}});
        EXPECT_EQ(diagnosis.cause, core::Cause::kAppDown);
        EXPECT_FALSE(diagnosis.remedy.contains("app")) << diagnosis.text;
        EXPECT_NE(diagnosis.text.find("shop (" + std::string{core::pm2_status_id(status)} +
                                      "), worker (errored, 15 restarts)"),
                  std::string::npos)
            << diagnosis.text;
    }
}

class Pm2Story : public ::testing::Test {
  protected:
    Pm2Story() {
        story_.tell({"topology pm2-shop.service other http://127.0.0.1:3000",
                     "unit pm2-shop.service active"});
        story_.forget();
    }

    void fail_twice() {
        story_.tell({"+1m log connect-refused 127.0.0.1:3000",
                     "+10ms probe pm2-shop.service refused",
                     "+1s tick",
                     "+10ms probe pm2-shop.service refused",
                     "+10ms inspect pm2-shop.service nobody",
                     "+10ms filter pm2-shop.service"});
    }

    [[nodiscard]] const engine::Incident& incident() const {
        return story_.state().incidents.begin()->second;
    }

    Story story_;
};

TEST_F(Pm2Story, ThePm2ListIsWaitedForAndNamesTheApplication) {
    fail_twice();
    ASSERT_EQ(story_.count("list-apps pm2-shop.service"), 1U) << story_.dump();
    EXPECT_EQ(story_.count("diagnosed"), 0U) << story_.dump();
    story_.tell({"+300ms apps pm2-shop.service worker=online shop=errored"});
    EXPECT_EQ(incident().diagnosis.remedy.at("app"), "shop") << story_.dump();
}

TEST_F(Pm2Story, AListThatDoesNotComeIsNotWaitedForLong) {
    fail_twice();
    story_.tell({"+11s tick"});
    EXPECT_EQ(incident().diagnosis.cause, core::Cause::kAppDown) << story_.dump();
    EXPECT_FALSE(incident().diagnosis.remedy.contains("app"));
}

TEST_F(Pm2Story, AskedAgainWhilePm2StillTries) {
    fail_twice();
    story_.tell({"+300ms apps pm2-shop.service shop=launching"});
    EXPECT_FALSE(incident().diagnosis.remedy.contains("app"));
    story_.tell({"+16s probe pm2-shop.service refused",
                 "+10ms inspect pm2-shop.service nobody",
                 "+300ms apps pm2-shop.service shop=errored"});
    EXPECT_EQ(story_.count("list-apps"), 2U) << story_.dump();
    EXPECT_EQ(incident().diagnosis.remedy.at("app"), "shop") << story_.dump();
}

TEST_F(Pm2Story, NothingIsConcludedFromAnOldListWhileItIsRenewed) {
    fail_twice();
    story_.tell({"+300ms apps pm2-shop.service shop=launching"});
    const diagnosis::Diagnosis before = incident().diagnosis;
    story_.tell({"+16s probe pm2-shop.service refused", "+10ms inspect pm2-shop.service nobody"});
    ASSERT_EQ(story_.count("list-apps"), 2U) << story_.dump();
    EXPECT_EQ(incident().diagnosis, before) << story_.dump();
    story_.tell({"+300ms apps pm2-shop.service shop=stopped"});
    EXPECT_NE(incident().diagnosis.text, before.text) << story_.dump();
    EXPECT_FALSE(incident().diagnosis.remedy.contains("app")) << story_.dump();
}

TEST(EngineApps, OtherUnitsAreNotAsked) {
    Story story;
    story.tell({"topology shop.service other http://127.0.0.1:3000",
                "unit shop.service active",
                "+1m log connect-refused 127.0.0.1:3000",
                "+10ms probe shop.service refused",
                "+1s tick",
                "+10ms probe shop.service refused",
                "+10ms inspect shop.service nobody",
                "+10ms filter shop.service",
                "apps shop.service x=errored"});
    EXPECT_EQ(story.count("list-apps"), 0U) << story.dump();
    EXPECT_FALSE(story.state().incidents.begin()->second.diagnosis.remedy.contains("app"));
}

}  // namespace
}  // namespace gatemend::testing
