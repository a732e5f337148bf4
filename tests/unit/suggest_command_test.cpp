// SPDX-License-Identifier: MIT
// What `gatemend suggest` looks into, the plan it makes of a suggestion, and what it prints.
#include "actions/settings.hpp"
#include "cli/recent_symptoms.hpp"
#include "cli/suggest.hpp"
#include "cli/suggest_cases.hpp"
#include "cli/suggest_plan.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::cli {
namespace {

using core::Cause;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kFpm = "php8.2-fpm.service";
constexpr const char* kSocket = "unix:/run/php/php8.2-fpm.sock";
constexpr std::uint64_t kMiB = std::uint64_t{1024} * 1024;

core::Service fpm_service() {
    core::Backend backend;
    backend.address = kSocket;
    backend.pool = "www";
    backend.fpm.pm.value = "static";
    backend.fpm.max_children = {"5", "/etc/php/8.2/fpm/pool.d/www.conf:120"};
    backend.buffer_size.value = "4k";
    backend.buffers.value = "8 4k";
    return core::Service{kFpm, core::ServiceRole::kPhpFpm, {backend}};
}

diagnosis::Findings healthy_pool() {
    const core::Service service = fpm_service();
    diagnosis::Findings findings;
    findings.unit_name = service.unit;
    findings.role = service.role;
    findings.backend = service.backends.front();
    findings.backends = service.backends;
    core::UnitState& unit = findings.unit.emplace();
    unit.is_loaded = true;
    unit.active = core::ActiveState::kActive;
    core::Inspection& look = findings.inspection.emplace();
    core::Worker worker;
    worker.pool = "www";
    worker.peak_bytes = 75 * kMiB;
    worker.shared_bytes = 10 * kMiB;
    worker.own_bytes = 3 * kMiB;
    look.workers.assign(5, worker);
    core::Listener listener;
    listener.address = kSocket;
    listener.backlog = 511;
    look.listeners.emplace().push_back(listener);
    look.nginx_use.emplace();
    core::MachineLoad& load = look.load.emplace();
    load.memory_bytes = 4096 * kMiB;
    load.memory_available_bytes = 3072 * kMiB;
    load.cpus = 2;
    return findings;
}

diagnosis::Sighting seen(core::Symptom symptom) {
    diagnosis::Sighting sighting;
    sighting.symptom = symptom;
    sighting.is_trusted = true;
    return sighting;
}

TEST(SuggestCases, NothingShowsAtAPoolThatIsWell) {
    const diagnosis::Findings findings = healthy_pool();
    EXPECT_THAT(showing_causes(findings), IsEmpty());
    const auto all = suggestions_for(findings, std::nullopt);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_THAT(all[0].settings, IsEmpty());
    EXPECT_THAT(all[0].text, HasSubstr("0 connections wait at unix:/run/php/php8.2-fpm.sock"));
    EXPECT_THAT(all[0].arithmetic, Not(IsEmpty())) << "what it may grow to is told all the same";
}

TEST(SuggestCases, SaysWhenMoreWorkersMayRunThanMemoryHolds) {
    diagnosis::Findings findings = healthy_pool();
    findings.backend.fpm.max_children.value = "200";
    EXPECT_THAT(suggestions_for(findings, std::nullopt).at(0).text,
                HasSubstr("memory holds only 39 of the 200 workers"));
}

TEST(SuggestCases, TellsEveryCauseThatShows) {
    diagnosis::Findings findings = healthy_pool();
    findings.inspection->listeners->front().queue = 511;
    findings.sightings = {seen(core::Symptom::kHeaderTooBig)};
    EXPECT_THAT(showing_causes(findings), ElementsAre(Cause::kPoolSaturated, Cause::kHeaderTooBig));
    const auto all = suggestions_for(findings, std::nullopt);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].settings.at(0).value, "8");
    EXPECT_EQ(all[1].settings.at(0).value, "16k");
}

TEST(SuggestCases, AnswersWhatIsAskedWhetherItShowsOrNot) {
    const diagnosis::Findings findings = healthy_pool();
    const auto all = suggestions_for(findings, Cause::kPoolSaturated);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0].settings.at(0).name, "pm.max_children");
    EXPECT_THAT(suggestions_for(findings, Cause::kNginxFdLimit), IsEmpty()) << "that is nginx's";
}

TEST(SuggestCases, AsksEachServiceForItsOwn) {
    diagnosis::Findings findings = healthy_pool();
    EXPECT_TRUE(is_askable(findings, Cause::kOomKilled));
    EXPECT_FALSE(is_askable(findings, Cause::kNginxFdLimit));
    EXPECT_FALSE(is_askable(findings, Cause::kUnitFailed));
    findings.role = core::ServiceRole::kNginx;
    EXPECT_TRUE(is_askable(findings, Cause::kNginxFdLimit));
    EXPECT_FALSE(is_askable(findings, Cause::kSlowBackend));
    findings.role = core::ServiceRole::kUnowned;
    EXPECT_TRUE(is_askable(findings, Cause::kSlowBackend));
    EXPECT_FALSE(is_askable(findings, Cause::kPoolSaturated));
    EXPECT_FALSE(is_askable(findings, Cause::kOomKilled));
}

TEST(SuggestCases, GivesEachBackendItsOwnRecords) {
    const core::Service service = fpm_service();
    const auto record = [](core::Symptom symptom,
                           const std::string& address,
                           const std::string& unit,
                           const std::string& subject) {
        core::SymptomSeen seen;
        seen.symptom = symptom;
        seen.address = address;
        seen.unit = unit;
        seen.subject = subject;
        return seen;
    };
    const std::vector<core::SymptomSeen> records{
        record(core::Symptom::kHeaderTooBig, kSocket, "", ""),
        record(core::Symptom::kClosedEarly, "unix:/run/php/other.sock", "", ""),
        record(core::Symptom::kBackendSaturated, "", kFpm, "[pool www]"),
        record(core::Symptom::kOomKill, "", "mariadb.service", ""),
        record(core::Symptom::kNginxLimit, "", "", "")};
    const auto alone = sightings_of(records, service, service.backends.front());
    ASSERT_THAT(alone, SizeIs(2));
    EXPECT_EQ(alone[0].symptom, core::Symptom::kHeaderTooBig);
    EXPECT_EQ(alone[1].symptom, core::Symptom::kBackendSaturated);

    // of several pools a record without an address may be any one's
    core::Service crowded = service;
    crowded.backends.push_back(crowded.backends.front());
    crowded.backends.back().address = "unix:/run/php/shop.sock";
    EXPECT_THAT(sightings_of(records, crowded, crowded.backends.front()), SizeIs(1));
}

TEST(RecentFpmSymptoms, AreThoseOfTheAskedTime) {
    const test::TempDir folder;
    const auto line = [](std::time_t time) {
        std::tm parts{};
        (void)::localtime_r(&time, &parts);
        std::array<char, 64> stamp{};
        (void)std::strftime(stamp.data(), stamp.size(), "[%d-%b-%Y %H:%M:%S]", &parts);
        return std::string{stamp.data()} +
               " WARNING: [pool www] server reached pm.max_children setting (5), consider raising "
               "it\n";
    };
    const std::time_t now = 1'800'000'000;
    test::overwrite(folder / "fpm.log", line(now - 7200) + line(now - 60) + "[torn");
    core::Service fpm{.unit = kFpm, .backends = {}, .log = folder / "fpm.log"};
    const auto found = recent_fpm_symptoms(fpm, now - 3600);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].symptom, core::Symptom::kBackendSaturated);
    EXPECT_EQ(found[0].unit, kFpm);
    EXPECT_EQ(found[0].number, 5);
    EXPECT_TRUE(found[0].is_trusted);
    EXPECT_EQ(found[0].witness, core::Witness::kServiceLog);

    // What scripts print stands there as well, and looks as it likes.
    core::Backend pool;
    pool.fpm = {.catch_output = {"Yes", ""}, .decorate_output = {"off", ""}};
    fpm.backends = {pool};
    const auto doubtful = recent_fpm_symptoms(fpm, now - 3600);
    ASSERT_THAT(doubtful, SizeIs(1));
    EXPECT_FALSE(doubtful[0].is_trusted);
    EXPECT_EQ(doubtful[0].witness, core::Witness::kLog);

    fpm.log = folder / "absent.log";
    EXPECT_THAT(recent_fpm_symptoms(fpm, 0), IsEmpty());
    fpm.log = "";
    EXPECT_THAT(recent_fpm_symptoms(fpm, 0), IsEmpty());
}

// --- the plan ---

struct Machine {
    policy::Policy policy;
    core::Topology topology;
    std::map<std::string, core::UnitState> units;

    Machine() {
        topology.services = {core::Service{"nginx.service", core::ServiceRole::kNginx, {}},
                             fpm_service()};
        for (const char* name : {"nginx.service", kFpm}) {
            core::UnitState& state = units[name];
            state.active = core::ActiveState::kActive;
            state.invocation_id = std::string{"run of "} + name;
        }
        for (const Cause cause : {Cause::kPoolSaturated, Cause::kHeaderTooBig}) {
            policy::Rule rule;
            rule.name = "report-" + std::string{core::cause_id(cause)};
            rule.match.cause = cause;
            rule.offers.push_back({actions::ActId::kApplySuggestion, std::chrono::seconds{60}, {}});
            policy.rules.push_back(rule);
        }
    }

    [[nodiscard]] core::Result<actions::Plan> plan(Cause cause) const {
        const diagnosis::Findings findings = healthy_pool();
        return plan_of(
            {policy, topology, units, {}}, findings, diagnosis::suggest(findings, cause).front());
    }
};

TEST(SuggestPlan, IsWhatThePoliciesOffer) {
    const auto plan = Machine{}.plan(Cause::kPoolSaturated);
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->act, actions::ActId::kApplySuggestion);
    EXPECT_EQ(plan->unit, kFpm);
    EXPECT_EQ(plan->rule, "report-pool-saturated");
    EXPECT_EQ(plan->role, core::ServiceRole::kPhpFpm);
    EXPECT_EQ(plan->deadline, std::chrono::seconds{60});
    EXPECT_EQ(plan->expected_invocation, std::string{"run of "} + kFpm);
    EXPECT_EQ(
        plan->parameters,
        (actions::Parameters{{"setting", "pm.max_children"}, {"value", "8"}, {"pool", "www"}}));
}

TEST(SuggestPlan, NamesNginxForItsSettings) {
    const auto plan = Machine{}.plan(Cause::kHeaderTooBig);
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->unit, "nginx.service");
    EXPECT_EQ(plan->role, core::ServiceRole::kNginx);
    EXPECT_EQ(plan->parameters.at("backend"), kSocket);
}

TEST(SuggestPlan, OfASocketIsItsPoolFiles) {
    Machine machine;
    policy::Rule rule;
    rule.name = "mend-socket-owner";
    rule.match.cause = Cause::kSocketOwnership;
    rule.offers.push_back({actions::ActId::kSetPoolListen, std::chrono::seconds{60}, {}});
    machine.policy.rules.push_back(rule);
    const diagnosis::Findings findings = healthy_pool();
    const auto suggestion = diagnosis::suggest_listen(findings);
    ASSERT_TRUE(suggestion);
    const auto plan =
        plan_of({machine.policy, machine.topology, machine.units, {}}, findings, *suggestion);
    ASSERT_TRUE(plan) << plan.error().text;
    EXPECT_EQ(plan->act, actions::ActId::kSetPoolListen);
    EXPECT_EQ(plan->parameters, (actions::Parameters{{"socket", kSocket}}));
}

TEST(SuggestPlan, SaysWhyThereIsNone) {
    Machine machine;
    machine.units.erase("nginx.service");
    EXPECT_THAT(machine.plan(Cause::kHeaderTooBig).error().text,
                HasSubstr("state of nginx.service is not known"));
    machine.policy.settings.units = {"nginx.service"};
    EXPECT_THAT(machine.plan(Cause::kPoolSaturated).error().text,
                HasSubstr("its unit may not be acted on"));
    machine.policy.rules.clear();
    EXPECT_THAT(machine.plan(Cause::kPoolSaturated).error().text,
                HasSubstr("no rule is about pool-saturated"));
}

// --- the text ---

TEST(SuggestText, ShowsSettingsArithmeticDiffAndHowToApply) {
    const auto document = nlohmann::ordered_json::parse(R"json({
        "problems": ["nginx -T: no answer in time"],
        "places": [{"unit": "php8.2-fpm.service", "pool": "www", "address": "unix:/run/a.sock",
            "now": ["pm.max_children is 5 (www.conf:120)"],
            "suggestions": [{"cause": "pool-saturated", "merit": "fix", "text": "Raise it.",
                "settings": [{"name": "pm.max_children", "value": "8", "now": "5",
                              "where": "www.conf:120"}],
                "arithmetic": ["2.4 GiB / 65 MiB = 39"], "next": "Measure again.",
                "diff": "--- a\n+++ b\n-pm.max_children = 5\n+pm.max_children = 8\n",
                "digest": "abc", "problem": ""}]}]
})json");
    EXPECT_EQ(suggest_text(document),
              "problem: nginx -T: no answer in time\n"
              "\n"
              "php8.2-fpm.service, pool www, unix:/run/a.sock\n"
              "  now         pm.max_children is 5 (www.conf:120)\n"
              "  because     pool-saturated\n"
              "  suggest     pm.max_children = 8, now 5 (www.conf:120)\n"
              "              Raise it.\n"
              "    2.4 GiB / 65 MiB = 39\n"
              "  then        Measure again.\n"
              "  diff\n"
              "    --- a\n"
              "    +++ b\n"
              "    -pm.max_children = 5\n"
              "    +pm.max_children = 8\n"
              "  apply with  gatemend apply abc\n");
}

TEST(SuggestText, ShowsADiffWithoutSettings) {
    const auto document = nlohmann::ordered_json::parse(R"json({
        "problems": [],
        "places": [{"unit": "u", "pool": "www", "address": "unix:/run/a.sock", "now": [],
            "suggestions": [{"cause": "socket-ownership", "merit": "fix", "text": "Shut out.",
                "settings": [], "arithmetic": [], "next": "", "diff": "+listen.owner = www-data\n",
                "digest": "abc", "problem": ""}]}]
})json");
    EXPECT_EQ(suggest_text(document),
              "u, pool www, unix:/run/a.sock\n"
              "  because     socket-ownership\n"
              "              Shut out.\n"
              "  diff\n"
              "    +listen.owner = www-data\n"
              "  apply with  gatemend apply abc\n");
}

TEST(SuggestText, SaysWhyThereIsNothingAndNoDiff) {
    const auto document = nlohmann::ordered_json::parse(R"json({
        "problems": [],
        "places": [{"unit": "u", "pool": "", "address": "a", "now": [],
            "suggestions": [
                {"cause": "", "merit": "", "text": "nobody waits", "settings": [],
                 "arithmetic": [], "next": "", "diff": "", "digest": "", "problem": ""},
                {"cause": "slow-backend", "merit": "band-aid", "text": "Wait longer.",
                 "settings": [{"name": "x", "value": "1", "now": "", "where": ""}],
                 "arithmetic": [], "next": "", "diff": "", "digest": "",
                 "problem": "gatemend-mend is not installed"}]}]})json");
    const std::string text = suggest_text(document);
    EXPECT_THAT(text, HasSubstr("  nothing to suggest: nobody waits\n"));
    EXPECT_THAT(text, HasSubstr("slow-backend (a band-aid, not the fix)"));
    EXPECT_THAT(text, HasSubstr("  no diff     gatemend-mend is not installed\n"));
    EXPECT_THAT(text, Not(HasSubstr("apply with")));
}

}  // namespace
}  // namespace gatemend::cli
