// SPDX-License-Identifier: MIT
// Diagnosis::remedy: the parameters of an act come from configuration and from the look at the
// machine, are set only where both ends are certain, and never contain what a record says.
#include "actions/settings.hpp"
#include "diagnosis/diagnosis.hpp"
#include "diagnosis/suggestion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>

namespace gatemend::diagnosis {

using namespace core;

namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::string kSocket = "unix:/run/php/php8.2-fpm.sock";

Findings fpm(ProbeOutcome outcome) {
    Findings findings;
    findings.unit_name = "php8.2-fpm.service";
    findings.role = ServiceRole::kPhpFpm;
    findings.backend.address = kSocket;
    findings.backend.pool = "www";
    findings.backend.where = "/etc/nginx/sites-enabled/default:57";
    findings.backend.read_timeout = {"60s", ""};
    findings.backend.buffer_size = {"4k", ""};
    findings.backend.buffers = {"8 4k", ""};
    findings.configured = {kSocket};
    UnitState& unit = findings.unit.emplace();
    unit.is_loaded = true;
    unit.active = ActiveState::kActive;
    findings.probe.emplace().outcome = outcome;
    findings.probe_address = kSocket;
    return findings;
}

Findings app(const std::string& address) {
    Findings findings = fpm(ProbeOutcome::kRefused);
    findings.unit_name = "shop.service";
    findings.role = ServiceRole::kOther;
    findings.backend.address = address;
    findings.backend.pool.clear();
    findings.backend.scheme = Scheme::kHttp;
    findings.configured = {address};
    findings.probe_address = address;
    return findings;
}

Listener& listen(Findings& findings, const std::string& address, const std::string& unit) {
    if (!findings.inspection) {
        findings.inspection.emplace();
    }
    if (!findings.inspection->listeners) {
        findings.inspection->listeners.emplace();
    }
    Listener listener;
    listener.address = address;
    listener.unit = unit;
    listener.command = unit.starts_with("php") ? "php-fpm8.4" : "gunicorn";
    listener.pid = 7;
    listener.is_main = true;
    findings.inspection->listeners->push_back(listener);
    return findings.inspection->listeners->back();
}

Sighting record(Symptom symptom, Clue clue = Clue::kNone) {
    Sighting sighting;
    sighting.symptom = symptom;
    sighting.clue = clue;
    sighting.is_trusted = true;
    sighting.source = "nginx-error";
    return sighting;
}

auto remedy(const Findings& findings) {
    return diagnose(findings).remedy;
}

TEST(Remedy, NamesTheSocketThatIsClosedAndNoDirectory) {
    Findings findings = fpm(ProbeOutcome::kDenied);
    auto& path = findings.inspection.emplace().path;
    path.push_back({.path = "/run/php", .kind = StepKind::kDirectory});
    path.push_back({.path = "/run/php/php8.2-fpm.sock", .kind = StepKind::kSocket});
    path.back().is_open = false;
    EXPECT_THAT(remedy(findings), IsEmpty()) << "whose it is was not seen";
    Listener listener;
    listener.address = kSocket;
    listener.unit = findings.unit_name;
    listener.is_main = true;
    findings.inspection->listeners = {listener};
    EXPECT_THAT(remedy(findings), UnorderedElementsAre(Pair("socket", kSocket)));
    path.front().is_open = false;
    EXPECT_EQ(diagnose(findings).cause, Cause::kSocketOwnership);
    EXPECT_THAT(remedy(findings), IsEmpty()) << "nobody's modes are widened but the socket's";
}

TEST(Remedy, PointsToTheLivingPoolThatNginxMayEnter) {
    Findings findings = fpm(ProbeOutcome::kMissing);
    Listener& pool = listen(findings, "unix:/run/php/php8.4-fpm.sock", "php8.4-fpm.service");
    EXPECT_THAT(
        remedy(findings),
        UnorderedElementsAre(Pair("from", kSocket), Pair("to", "unix:/run/php/php8.4-fpm.sock")));
    pool.is_open = false;
    EXPECT_EQ(diagnose(findings).cause, Cause::kSocketPathMismatch);
    EXPECT_THAT(remedy(findings), IsEmpty());
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("is closed to nginx's worker user"));
}

TEST(Remedy, PointsNowhereWhereSeveralWouldDo) {
    Findings findings = fpm(ProbeOutcome::kMissing);
    Topology topology;
    topology.pools = {{"php8.4-fpm.service", "www", "unix:/run/php/a.sock", ""},
                      {"php8.4-fpm.service", "www", "unix:/run/php/b.sock", ""}};
    findings.topology = &topology;
    listen(findings, "unix:/run/php/a.sock", "php8.4-fpm.service");
    listen(findings, "unix:/run/php/b.sock", "php8.4-fpm.service");
    EXPECT_EQ(diagnose(findings).cause, Cause::kSocketPathMismatch);
    EXPECT_THAT(remedy(findings), IsEmpty());
    findings.inspection->listeners->pop_back();
    EXPECT_THAT(remedy(findings), Contains(Pair("to", "unix:/run/php/a.sock")));
    findings.inspection->is_listeners_cut = true;
    EXPECT_THAT(remedy(findings), IsEmpty()) << "there may be another";
}

// -- only where it belongs

// PHP 8.1 is gone; pool shop of user shop was its, and listens at 8.4's now, beside others.
struct MovedPool {
    Topology topology;
    Findings findings = fpm(ProbeOutcome::kMissing);

    MovedPool() {
        const std::string unit = "php8.4-fpm.service";
        topology.pools = {{unit, "shop", "unix:/run/php/shop-8.4.sock", "shop"},
                          {unit, "www", "unix:/run/php/php8.4-fpm.sock", "www-data"},
                          {unit, "admin", "unix:/run/php/admin.sock", "padmin"}};
        topology.seen = {{"unix:/run/php/shop-8.1.sock", "php8.1-fpm.service", "shop", "shop"}};
        findings.topology = &topology;
        findings.unit_name = "(unix:/run/php/shop-8.1.sock)";
        findings.role = ServiceRole::kUnowned;
        findings.unit.reset();
        findings.backend.pool.clear();
        findings.backend.address = "unix:/run/php/shop-8.1.sock";
        findings.configured = {findings.backend.address};
        for (const Pool& pool : topology.pools) {
            listen(findings, pool.address, pool.unit);
        }
    }

    [[nodiscard]] std::string to() const {
        const auto found = remedy(findings);
        return found.contains("to") ? found.find("to")->second : "";
    }
};

TEST(Remedy, FollowsThePoolThatWasSeenAndNoOther) {
    MovedPool moved;
    EXPECT_EQ(moved.to(), "unix:/run/php/shop-8.4.sock");
    moved.topology.pools[0].name = "blog";
    EXPECT_EQ(moved.to(), "") << "another pool at the same path but for the version";
    moved.topology.pools[0].name = "shop";
    moved.topology.pools[0].user = "mallory";
    EXPECT_EQ(moved.to(), "") << "another user's pool of the same name";
}

TEST(Remedy, FollowsThePoolThatALeftOverFileDefines) {
    MovedPool moved;
    moved.topology.seen.clear();
    moved.topology.pools.push_back(
        {"php8.1-fpm.service", "admin", "unix:/run/php/shop-8.1.sock", "padmin"});
    EXPECT_EQ(moved.to(), "unix:/run/php/admin.sock");
    moved.topology.pools.back().name = "gone";
    EXPECT_EQ(moved.to(), "");
}

TEST(Remedy, WithoutAnyMemoryTakesTheSamePathOfTheUnitsOwnVersion) {
    MovedPool moved;
    moved.topology.seen.clear();
    EXPECT_EQ(moved.to(), "unix:/run/php/shop-8.4.sock");
    moved.findings.backend.address = "unix:/run/php/shop.sock";
    EXPECT_EQ(moved.to(), "") << "a path near by proves nothing";
    moved.findings.backend.address = "unix:/run/php/shop-8.1.sock";
    moved.topology.pools[0].address = "unix:/run/php/shop-8.3.sock";
    moved.findings.inspection->listeners->front().address = "unix:/run/php/shop-8.3.sock";
    EXPECT_EQ(moved.to(), "") << "not the version of its unit";
}

TEST(Remedy, NeverPointsAnythingButFastcgiAtPhp) {
    for (const Scheme scheme : {Scheme::kUwsgi,
                                Scheme::kScgi,
                                Scheme::kHttp,
                                Scheme::kHttps,
                                Scheme::kGrpc,
                                Scheme::kMemcached}) {
        MovedPool moved;
        moved.findings.backend.scheme = scheme;
        EXPECT_EQ(moved.to(), "") << scheme_id(scheme);
        EXPECT_NE(diagnose(moved.findings).cause, Cause::kSocketPathMismatch);
    }
}

TEST(Remedy, TakesAScriptInTheServersGroupForNoPool) {
    MovedPool moved;
    moved.findings.inspection->listeners->front().is_main = false;
    EXPECT_EQ(moved.to(), "");
    MovedPool status;  // pm.status_listen: held by the master, and no pool's
    status.topology.pools.erase(status.topology.pools.begin());
    EXPECT_EQ(status.to(), "");
}

TEST(Remedy, TakesNothingThatNginxNamesAlready) {
    MovedPool moved;
    moved.findings.configured.emplace_back("unix:/run/php/shop-8.4.sock");
    EXPECT_EQ(diagnose(moved.findings).cause, Cause::kSocketPathMismatch);
    EXPECT_EQ(moved.to(), "");
    EXPECT_THAT(diagnose(moved.findings).advice, HasSubstr("for something else"));
    Findings app_moved = app("127.0.0.1:8000");
    listen(app_moved, "0.0.0.0:8080", "shop.service");
    app_moved.configured.emplace_back("10.0.0.5:8080");
    EXPECT_THAT(remedy(app_moved), Not(Contains(Key("to")))) << "the machine's own address";
}

TEST(Remedy, WhatAnAppWasIsNoPool) {
    MovedPool moved;
    moved.topology.seen = {{"unix:/run/php/shop-8.1.sock", "shop.service", "", ""}};
    EXPECT_EQ(moved.to(), "");
    EXPECT_EQ(diagnose(moved.findings).cause, Cause::kAppDown);
    EXPECT_THAT(diagnose(moved.findings).text, HasSubstr("shop.service served it before"));
}

TEST(Remedy, SaysWhereFilesNameAnAddressThatIsNobodys) {
    MovedPool moved;
    moved.topology.seen.clear();
    moved.topology.pools = {{"php7.4-fpm.service", "a", moved.findings.backend.address, ""},
                            {"php8.4-fpm.service", "b", moved.findings.backend.address, ""}};
    EXPECT_EQ(diagnose(moved.findings).cause, Cause::kAppDown);
    EXPECT_THAT(diagnose(moved.findings).text,
                HasSubstr("of php7.4-fpm.service and of php8.4-fpm.service name it"));
}

TEST(Remedy, PointsToNoPortOfAnotherUnit) {
    Findings findings = app("127.0.0.1:3000");
    listen(findings, "127.0.0.1:3001", "php8.2-fpm.service").command = "node";
    listen(findings, "127.0.0.1:8443", "admin.service");
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to"))));
    findings.unit_name = "(127.0.0.1:3000)";
    findings.role = ServiceRole::kUnowned;
    findings.unit.reset();
    EXPECT_EQ(diagnose(findings).cause, Cause::kAppDown) << "nothing near by is advised";
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to"))));
}

TEST(Remedy, PointsToNoPortThatWasOpenBesideBefore) {
    Findings findings = app("127.0.0.1:8000");
    Topology topology;
    topology.seen = {{"127.0.0.1:8081", "shop.service", "", "", true}};
    findings.topology = &topology;
    listen(findings, "127.0.0.1:8081", "shop.service");
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to")))) << "its own console";
    listen(findings, "127.0.0.1:9229", "shop.service");
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to")))) << "a debugger";
    listen(findings, "127.0.0.1:8080", "shop.service");
    EXPECT_THAT(remedy(findings), Contains(Pair("to", "127.0.0.1:8080")));
}

TEST(Remedy, OffersNoChangeWhereTheProtocolCannotBeAsked) {
    for (const Scheme scheme : {Scheme::kUwsgi, Scheme::kScgi, Scheme::kGrpc, Scheme::kFastcgi}) {
        Findings findings = app("127.0.0.1:8000");
        findings.backend.scheme = scheme;
        listen(findings, "127.0.0.1:8080", "shop.service");
        EXPECT_EQ(diagnose(findings).cause, Cause::kPortMismatch) << scheme_id(scheme);
        EXPECT_THAT(remedy(findings), Not(Contains(Key("to")))) << scheme_id(scheme);
    }
}

TEST(Remedy, NamesAPortInTheFormThatNginxConnectsTo) {
    struct Case {
        const char* listens;
        bool is_dual;
        const char* to;
    };

    for (const Case& item : {Case{"127.0.0.1:8080", false, "127.0.0.1:8080"},
                             Case{"0.0.0.0:8080", false, "127.0.0.1:8080"},
                             Case{"[::]:8080", true, "127.0.0.1:8080"},
                             Case{"[::]:8080", false, "[::1]:8080"},
                             Case{"192.168.7.2:8080", false, "192.168.7.2:8080"}}) {
        Findings findings = app("127.0.0.1:8000");
        listen(findings, item.listens, "shop.service").is_dual_stack = item.is_dual;
        EXPECT_THAT(remedy(findings),
                    UnorderedElementsAre(Pair("from", "127.0.0.1:8000"),
                                         Pair("to", item.to),
                                         Pair("address", "127.0.0.1:8000")))
            << item.listens;
    }
}

TEST(Remedy, PointsNowhereWhereNginxWasGivenAName) {
    Findings findings = app("127.0.0.1:8000");
    findings.backend.host = "shop.internal:8000";
    listen(findings, "127.0.0.1:8080", "shop.service");
    EXPECT_EQ(diagnose(findings).cause, Cause::kPortMismatch);
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to"))));
}

// As `node --inspect=127.0.0.1:0` opens one beside a server that does not listen yet.
TEST(Remedy, PointsToNoPortThatTheKernelChose) {
    Findings findings = app("127.0.0.1:8000");
    listen(findings, "127.0.0.1:38211", "shop.service");
    EXPECT_EQ(diagnose(findings).cause, Cause::kPortMismatch);
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to"))));
}

TEST(Remedy, LeavesThePortToAPersonWhereTheUnitHasTwo) {
    Findings findings = app("127.0.0.1:8000");
    listen(findings, "127.0.0.1:8080", "shop.service");
    listen(findings, "127.0.0.1:8081", "shop.service");
    EXPECT_EQ(diagnose(findings).cause, Cause::kPortMismatch);
    EXPECT_THAT(remedy(findings), Not(Contains(Key("to"))));
}

TEST(Remedy, NamesTheFileOfTheFailingTestBelowEtcOnly) {
    Findings findings = fpm(ProbeOutcome::kMissing);
    findings.unit->active = ActiveState::kFailed;
    findings.unit->result = UnitResult::kExitCode;
    ConfigTest& test = findings.test.emplace();
    test.verdict = ConfigVerdict::kInvalid;
    test.file = "/etc/php/8.2/fpm/pool.d/www.conf";
    EXPECT_THAT(remedy(findings),
                UnorderedElementsAre(Pair("file", "/etc/php/8.2/fpm/pool.d/www.conf")));
    for (const char* file : {"", "www.conf", "/home/dev/www.conf", "/etc/../home/dev/www.conf"}) {
        test.file = file;
        EXPECT_EQ(diagnose(findings).cause, Cause::kFpmConfigInvalid);
        EXPECT_THAT(remedy(findings), IsEmpty()) << file;
    }
    findings.test.reset();
    findings.sightings = {record(Symptom::kConfigError, Clue::kConfigRejected)};
    findings.sightings[0].subject = "/etc/shadow:1";
    EXPECT_EQ(diagnose(findings).cause, Cause::kFpmConfigInvalid);
    EXPECT_THAT(remedy(findings), IsEmpty()) << "a record is no test";
}

TEST(Remedy, TakesTheSettingsFromTheSuggestion) {
    Findings findings = fpm(ProbeOutcome::kGood);
    findings.backend.fpm.max_children.value = "5";
    findings.sightings = {record(Symptom::kScriptFatal, Clue::kMemoryLimit)};
    EXPECT_THAT(remedy(findings), IsEmpty()) << "memory is not known";
    MachineLoad& load = findings.inspection.emplace().load.emplace();
    findings.inspection->nginx_use.emplace();
    load.memory_bytes = std::uint64_t{8} << 30U;
    load.memory_available_bytes = std::uint64_t{6} << 30U;
    findings.sightings = {record(Symptom::kHeaderTooBig)};
    const Diagnosis header = diagnose(findings);
    EXPECT_EQ(header.remedy, remedy_of(suggest(findings, Cause::kHeaderTooBig).front()));
    EXPECT_THAT(header.advice, HasSubstr("fastcgi_buffers 8 16k"));
    findings.sightings = {record(Symptom::kScriptFatal, Clue::kMemoryLimit)};
    EXPECT_THAT(remedy(findings), Contains(Pair("setting", "php_admin_value[memory_limit]")));
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("to 256M"));
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("5 workers x 256 MiB = 1.2 GiB"));
    load.memory_available_bytes = std::uint64_t{1} << 30U;
    EXPECT_THAT(remedy(findings), IsEmpty());
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("do not fit"));
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("memory allows"));
    findings.sightings = {record(Symptom::kResponseTimeout)};
    EXPECT_THAT(remedy(findings), Contains(Pair("value", "120s")));
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("to 120s"));
}

TEST(Remedy, RaisesNothingWhereNothingWasMeasured) {
    Findings findings = fpm(ProbeOutcome::kSaturated);
    findings.backend.fpm.max_children.value = "5";
    EXPECT_EQ(diagnose(findings).cause, Cause::kPoolSaturated);
    EXPECT_THAT(remedy(findings), IsEmpty());
    EXPECT_THAT(diagnose(findings).advice, HasSubstr("memory could not be read"));
}

TEST(Remedy, OffersALookAtTheWireForLocalPortsOnly) {
    EXPECT_THAT(remedy(app("127.0.0.1:8000")), Contains(Pair("address", "127.0.0.1:8000")));
    EXPECT_THAT(remedy(app("10.0.0.7:8000")), Not(Contains(Key("address"))));
    EXPECT_THAT(remedy(fpm(ProbeOutcome::kGood)), IsEmpty());
}

TEST(Remedy, AMovedNameHasThreeWitnessesWhereNginxWouldTakeAReload) {
    Findings findings = app("10.0.0.7:8080");
    findings.backend.host = "app.lan:8080";
    findings.resolved = {"10.0.0.9:8080"};
    EXPECT_EQ(diagnose(findings).cause, Cause::kNameUnresolved);
    EXPECT_EQ(count_witnesses(diagnose(findings).evidence), 2U);
    findings.nginx_test.emplace().verdict = ConfigVerdict::kValid;
    EXPECT_EQ(count_witnesses(diagnose(findings).evidence), 3U);
    findings.nginx_test->verdict = ConfigVerdict::kInvalid;
    EXPECT_EQ(count_witnesses(diagnose(findings).evidence), 2U);
    findings.nginx_test->verdict = ConfigVerdict::kValid;
    findings.resolved = {"10.0.0.7:8080"};
    EXPECT_NE(diagnose(findings).cause, Cause::kNameUnresolved) << "it means what it meant";
    findings.resolved.clear();
    findings.sightings = {record(Symptom::kNameUnresolved)};
    EXPECT_EQ(diagnose(findings).cause, Cause::kNameUnresolved);
    EXPECT_LT(count_witnesses(diagnose(findings).evidence), 3U) << "a reload would change nothing";
}

// --- hostile records ---

class Chance {
  public:
    explicit Chance(std::uint32_t seed) : engine_(seed) {}

    template <class Values>
    auto one_of(const Values& values) {
        return values[std::uniform_int_distribution<std::size_t>{0, values.size() - 1}(engine_)];
    }

    bool is_true() { return one_of(std::array{true, false}); }

  private:
    std::mt19937 engine_;
};

// Every text of a record is the attacker's.
Sighting forged(Chance& chance) {
    constexpr std::array kTexts{"unix:/tmp/evil.sock",
                                "evil.example:31337",
                                "/etc/evil.conf:1",
                                "evil; memory_limit = 9999M",
                                "evil\nsetting=pm.max_children"};
    Sighting sighting = record(static_cast<Symptom>(chance.one_of(
                                   std::array{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})),
                               chance.one_of(std::array{Clue::kNone,
                                                        Clue::kMemoryLimit,
                                                        Clue::kExecutionTime,
                                                        Clue::kConfigRejected,
                                                        Clue::kMaxChildren,
                                                        Clue::kAddressInUse}));
    sighting.address = chance.one_of(kTexts);
    sighting.subject = chance.one_of(kTexts);
    sighting.source = chance.one_of(kTexts);
    sighting.number = 31337;
    sighting.is_trusted = chance.is_true();
    return sighting;
}

Findings attacked(Chance& chance) {
    constexpr std::array kOutcomes{ProbeOutcome::kGood,
                                   ProbeOutcome::kMissing,
                                   ProbeOutcome::kRefused,
                                   ProbeOutcome::kDenied,
                                   ProbeOutcome::kSaturated,
                                   ProbeOutcome::kResponseTimeout};
    Findings findings = chance.is_true() ? fpm(chance.one_of(kOutcomes)) : app("127.0.0.1:8000");
    findings.sightings = {forged(chance), forged(chance), forged(chance)};
    findings.machine = {forged(chance)};
    listen(findings, "127.0.0.1:8080", "shop.service");
    listen(findings, "unix:/run/php/php8.4-fpm.sock", "php8.4-fpm.service");
    if (chance.is_true()) {
        findings.unit->active = ActiveState::kFailed;
        findings.unit->result = chance.one_of(
            std::array{UnitResult::kExitCode, UnitResult::kOomKill, UnitResult::kSignal});
    }
    return findings;
}

TEST(Remedy, NothingThatARecordSaysGetsIntoIt) {
    std::size_t remedies = 0;
    for (std::uint32_t seed = 0; seed < 5'000 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Chance chance{seed};
        for (const auto& [name, value] : remedy(attacked(chance))) {
            EXPECT_THAT(value, Not(HasSubstr("evil"))) << name;
            EXPECT_THAT(value, Not(HasSubstr("31337"))) << name;
            ++remedies;
        }
    }
    EXPECT_GT(remedies, 5'000U);
}

}  // namespace
}  // namespace gatemend::diagnosis
