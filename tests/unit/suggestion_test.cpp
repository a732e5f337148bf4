// SPDX-License-Identifier: MIT
// suggest(): the arithmetic, with what was measured on real workers; what is missing is said, and
// whatever comes out is something that the executor would write and the programs would take.
#include "diagnosis/suggestion.hpp"

#include "actions/settings.hpp"
#include "core/config_value.hpp"
#include "diagnosis/pool_capacity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::diagnosis {

using namespace core;

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kMiB = kMebibyte;
constexpr std::uint64_t kGiB = 1024 * kMiB;

Worker worker(std::uint64_t resident_peak, std::uint64_t shared, std::uint64_t own) {
    Worker worker;
    worker.pool = "www";
    worker.command = "php-fpm8.2";
    worker.peak_bytes = resident_peak;
    worker.shared_bytes = shared;
    worker.own_bytes = own;
    return worker;
}

// Idle again after a 60 MB request: 75 MB resident at its peak, 10.6 of that shared.
Worker warm_worker() {
    return worker(75 * kMiB, 10 * kMiB, 3 * kMiB);
}

Worker fresh_worker() {
    return worker(6 * kMiB, 6 * kMiB, 130 * 1024);
}

// Five workers of a pool on a machine with four gigabytes and two CPUs that have little to do.
Findings saturated() {
    Findings findings;
    findings.unit_name = "php8.2-fpm.service";
    findings.role = ServiceRole::kPhpFpm;
    Backend& backend = findings.backend;
    backend.address = "unix:/run/php/php8.2-fpm.sock";
    backend.pool = "www";
    backend.fpm.pm = {"static", "/etc/php/8.2/fpm/pool.d/www.conf:115"};
    backend.fpm.max_children = {"5", "/etc/php/8.2/fpm/pool.d/www.conf:120"};
    backend.read_timeout = {"60s", ""};
    backend.buffer_size = {"4k", ""};
    backend.buffers = {"8 4k", ""};
    backend.busy_buffers_size = {"8k", ""};
    findings.backends = {backend};
    Inspection& look = findings.inspection.emplace();
    look.workers.assign(5, warm_worker());
    look.nginx_use.emplace();
    MachineLoad& load = look.load.emplace();
    load.memory_bytes = 4 * kGiB;
    load.memory_available_bytes = 3 * kGiB;
    load.cpus = 2;
    load.load1_permille = 400;
    return findings;
}

Suggestion first(const Findings& findings, Cause cause = Cause::kPoolSaturated) {
    const auto all = suggest(findings, cause);
    return all.empty() ? Suggestion{} : all.front();
}

std::string value_of(const Suggestion& suggestion, std::string_view name) {
    for (const SuggestedSetting& setting : suggestion.settings) {
        if (setting.name == name) {
            return setting.value;
        }
    }
    return "";
}

std::string arithmetic_of(const Suggestion& suggestion) {
    std::string text;
    for (const std::string& line : suggestion.arithmetic) {
        text += line + "\n";
    }
    return text;
}

Sighting seen(Symptom symptom, Clue clue = Clue::kNone, int number = 0) {
    Sighting sighting;
    sighting.symptom = symptom;
    sighting.clue = clue;
    sighting.number = number;
    sighting.is_trusted = true;
    sighting.subject = "/srv/shop/export.php:41";
    return sighting;
}

TEST(PoolMeasure, TakesThePeakThatWasPrivateNotTheIdleSize) {
    const PoolMeasure pool = measure_pool(*saturated().inspection, "www");
    EXPECT_EQ(pool.workers, 5U);
    EXPECT_EQ(pool.warm, 5U);
    EXPECT_EQ(pool.p95_bytes, 65 * kMiB) << "75 resident at the peak, 10 of that shared";
    EXPECT_EQ(pool.held_bytes, 15 * kMiB);
}

TEST(PoolMeasure, LeavesOutFreshWorkersOtherPoolsAndTheMaster) {
    Inspection look;
    look.workers = {warm_worker(), fresh_worker(), warm_worker(), warm_worker()};
    look.workers[2].pool = "shop";
    look.workers[3].pool = "";
    const PoolMeasure pool = measure_pool(look, "www");
    EXPECT_EQ(pool.workers, 2U);
    EXPECT_EQ(pool.warm, 1U);
}

TEST(PoolMeasure, KnowsNothingOfAWorkerWhosePrivateMemoryCouldNotBeRead) {
    Inspection look;
    look.workers = {worker(75 * kMiB, 0, 0)};
    EXPECT_EQ(measure_pool(look, "www").warm, 0U);
}

TEST(SuggestWorkers, ShowsTheWholeArithmetic) {
    const Suggestion suggestion = first(saturated());
    EXPECT_EQ(value_of(suggestion, "pm.max_children"), "8");
    EXPECT_EQ(suggestion.pool, "www");
    EXPECT_THAT(
        suggestion.arithmetic,
        ElementsAre(
            "pm.max_children is 5 (/etc/php/8.2/fpm/pool.d/www.conf:120), pm is static",
            "workers of pool www: 5, of which 5 have served requests; peak of private memory: "
            "median 65 MiB, 95th percentile 65 MiB, largest 65 MiB (VmHWM less what is shared; not "
            "RSS, not idle)",
            "reckoned with 65 MiB per worker (the 95th percentile)",
            "machine of 4.0 GiB: 3.0 GiB available + 15 MiB that this pool holds - 409 MiB kept in "
            "reserve - 118 MiB the opcache may still take (128 MiB by default) = 2.4 GiB",
            "memory allows 2.4 GiB / 65 MiB = 39 workers",
            "CPU: load 0.40 on 2 CPUs",
            "at most 39: memory",
            "at most 8: one step, half as many again as the 5 of now",
            "at most 24: 12 waiting workers on each of 2 CPUs",
            "at most 10000: what FPM is built for",
            "pm is static: it has no spare servers to go with it",
            naive_rule_words()));
}

TEST(SuggestWorkers, CountsAtLeastThirtyTwoMebibytesForEach) {
    Findings findings = saturated();
    findings.inspection->workers.assign(5, worker(14 * kMiB, 10 * kMiB, 3 * kMiB));
    EXPECT_THAT(arithmetic_of(first(findings)),
                HasSubstr("reckoned with 32 MiB per worker (the least that is reckoned with)"));
}

TEST(SuggestWorkers, StopsWhereMemoryEnds) {
    Findings findings = saturated();
    findings.inspection->load->memory_available_bytes = 990 * kMiB;
    // 990 + 15 - 409 - 118 = 477 MiB for workers of 65 MiB
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "7");
    findings.inspection->load->memory_available_bytes = 700 * kMiB;
    const Suggestion none = first(findings);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("the limit is memory: 2 workers"));
}

TEST(SuggestWorkers, CountsTheControlGroupWhereThatIsTighter) {
    Findings findings = saturated();
    UnitUse& use = findings.inspection->use.emplace();
    use.memory_limit_bytes = kGiB;
    use.memory_bytes = 345 * kMiB;
    // 679 left + 15 - 128 - 118 = 448 MiB
    const Suggestion suggestion = first(findings);
    EXPECT_EQ(value_of(suggestion, "pm.max_children"), "6");
    EXPECT_THAT(arithmetic_of(suggestion),
                HasSubstr("control group of php8.2-fpm.service, limit 1.0 GiB: 679 MiB left"));
}

TEST(SuggestWorkers, CountsWhatThePoolLetsEachTake) {
    Findings findings = saturated();
    findings.backend.fpm.memory_limit = {"512M", "/etc/php/8.2/fpm/pool.d/www.conf:300"};
    const Suggestion none = first(findings);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("with each at its memory_limit of 512 MiB: 4 workers"));
    findings.backend.fpm.memory_limit.value = "128M";
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "8");
}

TEST(SuggestWorkers, LeavesRoomForTheGrowthOfOtherPools) {
    Findings findings = saturated();
    Backend shop = findings.backend;
    shop.address = "unix:/run/php/shop.sock";
    shop.pool = "shop";
    shop.fpm.max_children.value = "30";
    findings.backends.push_back(shop);
    findings.backends.push_back(shop);  // named twice in nginx, and there once
    const Suggestion suggestion = first(findings);
    EXPECT_THAT(arithmetic_of(suggestion), HasSubstr("1.9 GiB other pools may still grow by"));
    EXPECT_EQ(value_of(suggestion, "pm.max_children"), "8");
    findings.backends[1].fpm.max_children.value = "300";
    EXPECT_THAT(first(findings).settings, IsEmpty());
}

TEST(SuggestWorkers, SuggestsNothingWhereTheCpuIsTheLimit) {
    Findings findings = saturated();
    findings.inspection->load->load1_permille = 2600;
    EXPECT_THAT(first(findings).settings, IsEmpty());
    EXPECT_THAT(first(findings).text, HasSubstr("the CPU is the limit (load 2.60 on 2 CPUs)"));
    findings.inspection->load->load1_permille = 100;
    findings.inspection->load->cpu_some10_permille = 700;
    EXPECT_THAT(first(findings).settings, IsEmpty());
}

TEST(SuggestWorkers, GoesNoFurtherThanWaitingWorkersPerCpu) {
    Findings findings = saturated();
    findings.backend.fpm.max_children.value = "20";
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "24");
    findings.backend.fpm.max_children.value = "24";
    EXPECT_THAT(first(findings).text, HasSubstr("12 waiting workers on each of 2 CPUs"));
    EXPECT_THAT(first(findings).settings, IsEmpty());
}

TEST(SuggestWorkers, GoesNoFurtherThanTasksMax) {
    Findings findings = saturated();
    UnitUse& use = findings.inspection->use.emplace();
    use.tasks = 6;
    use.tasks_limit = 7;
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "6");
}

TEST(SuggestWorkers, MeasuresTheOnlyWorkerOfASmallPool) {
    Findings findings = saturated();
    findings.backend.fpm.max_children.value = "1";
    findings.inspection->workers.assign(1, fresh_worker());
    EXPECT_THAT(first(findings).settings, IsEmpty());
    EXPECT_THAT(first(findings).text, HasSubstr("1 run, 0 have served requests, 1 is needed"));
    findings.inspection->workers.assign(1, warm_worker());
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "2");
}

TEST(SuggestWorkers, SaysWhatIsMissingRatherThanGuess) {
    Findings findings = saturated();
    findings.inspection->workers.assign(5, fresh_worker());
    findings.inspection->workers[0] = warm_worker();
    EXPECT_THAT(first(findings).settings, IsEmpty());
    EXPECT_THAT(first(findings).text, HasSubstr("5 run, 1 have served requests, 2 are needed"));
    findings.inspection->workers.clear();
    EXPECT_THAT(first(findings).text, HasSubstr("0 run"));
    findings.inspection.reset();
    EXPECT_THAT(first(findings).text, HasSubstr("memory could not be read"));
    findings = saturated();
    findings.backend.fpm.max_children = {};
    EXPECT_THAT(first(findings).text, HasSubstr("pm.max_children of the pool is not known"));
    findings.backend.pool.clear();
    EXPECT_THAT(first(findings).text, HasSubstr("which pool serves"));
}

TEST(SuggestWorkers, OneMeasuredWorkerIsEnoughWhereThereIsOnlyOne) {
    Findings findings = saturated();
    findings.backend.fpm.max_children.value = "1";
    findings.inspection->workers.assign(1, warm_worker());
    EXPECT_EQ(value_of(first(findings), "pm.max_children"), "2");
}

TEST(SuggestWorkers, MovesTheSpareServersWithIt) {
    Findings findings = saturated();
    PoolSettings& pool = findings.backend.fpm;
    pool.pm.value = "Dynamic";
    pool.max_children.value = "12";
    pool.start_servers.value = "2";
    pool.min_spare_servers.value = "1";
    pool.max_spare_servers.value = "3";
    const Suggestion suggestion = first(findings);
    EXPECT_EQ(settings_words(suggestion),
              "pm.max_children = 18 (now 12), pm.start_servers = 4 (now 2), pm.min_spare_servers = "
              "2 (now 1), pm.max_spare_servers = 6 (now 3)");
    pool.start_servers.value = "";
    EXPECT_EQ(value_of(first(findings), "pm.start_servers"), "") << "FPM chooses it rightly";
}

TEST(SuggestAfterOom, LowersWhatDoesNotFit) {
    Findings findings = saturated();
    PoolSettings& pool = findings.backend.fpm;
    pool.pm.value = "dynamic";
    pool.max_children.value = "50";
    pool.start_servers.value = "20";
    pool.min_spare_servers.value = "10";
    pool.max_spare_servers.value = "40";
    findings.inspection->load->memory_available_bytes = 990 * kMiB;
    const Suggestion suggestion = first(findings, Cause::kOomKilled);
    EXPECT_EQ(settings_words(suggestion),
              "pm.max_children = 7 (now 50), pm.start_servers = 1 (now 20), pm.min_spare_servers = "
              "1 (now 10), pm.max_spare_servers = 2 (now 40)");
}

TEST(SuggestAfterOom, ReckonsWithTheLimitOfARequestWhereThePoolSaysOne) {
    Findings findings = saturated();
    findings.backend.fpm.memory_limit = {"512M", "/etc/php/8.2/fpm/pool.d/www.conf:300"};
    findings.inspection->workers.clear();
    const Suggestion suggestion = first(findings, Cause::kOomKilled);
    EXPECT_EQ(value_of(suggestion, "pm.max_children"), "4");
    EXPECT_THAT(arithmetic_of(suggestion),
                HasSubstr("reckoned with 512 MiB per worker (memory_limit"));
}

TEST(SuggestAfterOom, SaysSoWhereNotOneWorkerFits) {
    Findings findings = saturated();
    findings.backend.fpm.max_children.value = "50";
    findings.inspection->load->memory_bytes = 512 * kMiB;
    findings.inspection->load->memory_available_bytes = 88 * kMiB;
    const Suggestion none = first(findings, Cause::kOomKilled);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("not one worker of 65 MiB fits"));
    EXPECT_THAT(arithmetic_of(none), testing::Not(HasSubstr("0 workers")));
    EXPECT_THAT(first(findings).text, HasSubstr("not one worker fits"));
    EXPECT_THAT(first(findings).settings, IsEmpty());
}

TEST(SuggestAfterOom, RaisesTheUnitsLimitNoFurtherThanThoseAbove) {
    Findings findings = saturated();
    UnitUse& use = findings.inspection->use.emplace();
    use.memory_limit_bytes = 400 * kMiB;
    use.memory_bytes = 390 * kMiB;
    use.is_memory_limit_own = true;
    use.memory_above_left_bytes = 100 * kMiB;
    EXPECT_EQ(settings_words(suggest(findings, Cause::kOomKilled)[1]),
              "MemoryMax = 500M (now 400M)");
    use.memory_above_left_bytes = 20 * kMiB;
    EXPECT_THAT(suggest(findings, Cause::kOomKilled), SizeIs(1));
}

TEST(SuggestAfterOom, DoesNotInventWhatTheKilledWorkerHadTaken) {
    const Suggestion none = first(saturated(), Cause::kOomKilled);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("its peak went with it"));
}

TEST(SuggestAfterOom, KeepsTheUnitWhenOneWorkerIsKilled) {
    Findings findings = saturated();
    findings.unit.emplace().result = UnitResult::kOomKill;
    const auto all = suggest(findings, Cause::kOomKilled);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(settings_words(all[1]), "OOMPolicy = continue");
}

TEST(SuggestAfterOom, RaisesOnlyTheUnitsOwnLimit) {
    Findings findings = saturated();
    UnitUse& use = findings.inspection->use.emplace();
    use.memory_limit_bytes = 400 * kMiB;
    use.memory_bytes = 390 * kMiB;
    EXPECT_THAT(suggest(findings, Cause::kOomKilled), SizeIs(1)) << "it may be an ancestor's";
    use.is_memory_limit_own = true;
    const auto all = suggest(findings, Cause::kOomKilled);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(settings_words(all[1]), "MemoryMax = 600M (now 400M)");
    findings.inspection->load->memory_available_bytes = 300 * kMiB;
    EXPECT_THAT(suggest(findings, Cause::kOomKilled), SizeIs(1)) << "the machine has none to give";
}

TEST(SuggestTimeout, GoesOneStepUp) {
    Findings findings = saturated();
    EXPECT_EQ(settings_words(first(findings, Cause::kSlowBackend)),
              "fastcgi_read_timeout = 120s (now 60s)");
    findings.backend.read_timeout = {"1s", "/etc/nginx/nginx.conf:9"};
    EXPECT_EQ(value_of(first(findings, Cause::kSlowBackend), "fastcgi_read_timeout"), "30s");
    EXPECT_EQ(first(findings, Cause::kSlowBackend).merit, Merit::kBandAid);
    findings.backend.read_timeout.value = "5m";
    EXPECT_THAT(first(findings, Cause::kSlowBackend).settings, IsEmpty());
    findings.backend.read_timeout.value = "60";
    findings.backend.scheme = Scheme::kHttp;
    EXPECT_EQ(value_of(first(findings, Cause::kSlowBackend), "proxy_read_timeout"), "120s");
    findings.backend.scheme = Scheme::kGrpc;
    EXPECT_THAT(first(findings, Cause::kSlowBackend).settings, IsEmpty());
}

TEST(SuggestTimeout, StaysAboveTheTimeThatFpmGives) {
    Findings findings = saturated();
    findings.backend.fpm.terminate_timeout.value = "2m";
    EXPECT_EQ(value_of(first(findings, Cause::kSlowBackend), "fastcgi_read_timeout"), "125s");
    findings.backend.fpm.terminate_timeout.value = "90s";
    EXPECT_EQ(value_of(first(findings, Cause::kSlowBackend), "fastcgi_read_timeout"), "120s");
    findings.backend.fpm.terminate_timeout.value = "1h";
    EXPECT_THAT(first(findings, Cause::kSlowBackend).settings, IsEmpty());
}

TEST(SuggestTimeout, OpensTheSlowlogWithinFpmsRules) {
    Findings findings = saturated();
    const auto slowlog = [&findings] { return suggest(findings, Cause::kSlowBackend).at(1); };
    EXPECT_EQ(settings_words(slowlog()),
              "request_slowlog_timeout = 5s, slowlog = /var/log/php-fpm-slow.log");
    EXPECT_EQ(slowlog().merit, Merit::kFix);
    findings.backend.fpm.terminate_timeout.value = "3s";
    findings.backend.fpm.slowlog.value = "/var/log/php-fpm/www-slow.log";
    EXPECT_EQ(settings_words(slowlog()), "request_slowlog_timeout = 3s");
    findings.backend.fpm.slowlog_timeout.value = "2s";
    EXPECT_THAT(slowlog().settings, IsEmpty());
}

TEST(SuggestBuffers, GoesUpInPowersOfTwo) {
    Findings findings = saturated();
    EXPECT_EQ(settings_words(first(findings, Cause::kHeaderTooBig)),
              "fastcgi_buffer_size = 16k (now 4k), fastcgi_buffers = 8 16k (now 8 4k), "
              "fastcgi_busy_buffers_size = 32k (now 8k)");
    findings.backend.buffer_size.value = "16k";
    findings.backend.buffers.value = "16 16k";
    findings.backend.busy_buffers_size.value = "100k";
    EXPECT_EQ(settings_words(first(findings, Cause::kHeaderTooBig)),
              "fastcgi_buffer_size = 32k (now 16k), fastcgi_buffers = 16 32k (now 16 16k), "
              "fastcgi_busy_buffers_size = 100k (now 100k)");
    findings.backend.buffer_size.value = "64k";
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).text, HasSubstr("no header should be"));
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, IsEmpty());
}

TEST(SuggestBuffers, StopWhereAllConnectionsAtOnceDoNotFit) {
    Findings findings = saturated();
    findings.nginx_limits.worker_connections = {"4096", ""};
    findings.nginx_limits.worker_processes = {"auto", ""};
    EXPECT_THAT(arithmetic_of(first(findings, Cause::kHeaderTooBig)),
                HasSubstr("4096 requests at once"));
    findings.inspection->load->memory_available_bytes = 600 * kMiB;
    const Suggestion none = first(findings, Cause::kHeaderTooBig);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("do not fit"));
    findings.inspection->load.reset();
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, IsEmpty());
}

TEST(SuggestPhpLimits, GoesOneStepUpFromWhatThePoolSays) {
    Findings findings = saturated();
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kMemoryLimit, 134'217'728)};
    const Suggestion suggestion = first(findings, Cause::kScriptFatal);
    EXPECT_EQ(settings_words(suggestion), "php_admin_value[memory_limit] = 256M");
    EXPECT_THAT(suggestion.text, HasSubstr("/srv/shop/export.php:41"));
    EXPECT_THAT(arithmetic_of(suggestion), HasSubstr("at worst 5 workers x 256 MiB = 1.2 GiB"));
    findings.backend.fpm.memory_limit = {"300M", "/etc/php/8.2/fpm/pool.d/www.conf:300"};
    findings.inspection->load->memory_available_bytes = 3900 * kMiB;
    EXPECT_EQ(value_of(first(findings, Cause::kScriptFatal), "php_admin_value[memory_limit]"),
              "512M");
    findings.backend.fpm.memory_limit.value = "2G";
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
}

TEST(SuggestPhpLimits, TakesNoNumberFromALineThatCouldBeForged) {
    Findings findings = saturated();
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kMemoryLimit, 134'217'728)};
    findings.sightings[0].is_trusted = false;
    EXPECT_EQ(value_of(first(findings, Cause::kScriptFatal), "php_admin_value[memory_limit]"),
              "256M");
    // php.ini may say so, and then 256M would be less than there is.
    findings.sightings[0].number = 900'000'000;
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
    EXPECT_THAT(first(findings, Cause::kScriptFatal).text, HasSubstr("is not known"));
}

Findings out_of_memory_limit(const char* limit, const char* children) {
    Findings findings = saturated();
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kMemoryLimit, 536'870'912)};
    findings.backend.fpm.memory_limit = {limit, "/etc/php/8.2/fpm/pool.d/www.conf:300"};
    findings.backend.fpm.max_children.value = children;
    return findings;
}

TEST(SuggestPhpLimits, DoesNotGoBeyondTheMachine) {
    Findings findings = out_of_memory_limit("512M", "20");
    MachineLoad& load = *findings.inspection->load;
    load.memory_bytes = 512 * kMiB;
    load.memory_available_bytes = 88 * kMiB;
    const Suggestion none = first(findings, Cause::kScriptFatal);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("20 workers x 1.0 GiB = 20.0 GiB do not fit"));
    EXPECT_THAT(arithmetic_of(none), HasSubstr("not one fits"));
    EXPECT_THAT(arithmetic_of(none), testing::Not(HasSubstr("= 0 workers")));
}

TEST(SuggestPhpLimits, CountsAllWorkersAtOnceAndNotOne) {
    Findings findings = out_of_memory_limit("512M", "2");
    findings.inspection->load->memory_bytes = 8 * kGiB;
    findings.inspection->load->memory_available_bytes = 6 * kGiB;
    EXPECT_EQ(value_of(first(findings, Cause::kScriptFatal), "php_admin_value[memory_limit]"),
              "1G");
    findings.backend.fpm.max_children.value = "20";
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
}

TEST(SuggestPhpLimits, CountsTheControlGroup) {
    Findings findings = out_of_memory_limit("128M", "2");
    UnitUse& use = findings.inspection->use.emplace();
    use.memory_limit_bytes = 300 * kMiB;
    use.memory_bytes = 100 * kMiB;
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
    EXPECT_THAT(arithmetic_of(first(findings, Cause::kScriptFatal)), HasSubstr("control group"));
}

TEST(SuggestPhpLimits, NamesNoNumberWhereMemoryIsNotKnown) {
    for (const auto forget : {0, 1, 2, 3}) {
        Findings findings = out_of_memory_limit("128M", forget == 3 ? "" : "5");
        if (forget == 0) {
            findings.inspection.reset();
        } else if (forget == 1) {
            findings.inspection->load.reset();
        } else if (forget == 2) {
            findings.inspection->load->memory_available_bytes = 0;
        }
        EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty()) << forget;
    }
}

TEST(SuggestPhpLimits, GivesAScriptNoMoreTimeThanSomebodyElseDoes) {
    Findings findings = saturated();
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kExecutionTime, 60)};
    const Suggestion none = first(findings, Cause::kScriptFatal);
    EXPECT_THAT(none.settings, IsEmpty());
    EXPECT_THAT(none.text, HasSubstr("nginx waits 60s"));
    findings.backend.read_timeout.value = "300s";
    EXPECT_EQ(settings_words(first(findings, Cause::kScriptFatal)),
              "php_admin_value[max_execution_time] = 120");
    findings.backend.fpm.terminate_timeout.value = "90s";
    EXPECT_THAT(first(findings, Cause::kScriptFatal).text, HasSubstr("request_terminate_timeout"));
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
}

TEST(SuggestPhpLimits, RaisesTheTimeAndLeavesOtherErrorsToTheScript) {
    Findings findings = saturated();
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kExecutionTime, 30)};
    EXPECT_EQ(settings_words(first(findings, Cause::kScriptFatal)),
              "php_admin_value[max_execution_time] = 60");
    findings.sightings = {seen(Symptom::kScriptFatal, Clue::kUncaught)};
    EXPECT_THAT(first(findings, Cause::kScriptFatal).text, HasSubstr("the script itself fails"));
    EXPECT_THAT(first(findings, Cause::kScriptFatal).settings, IsEmpty());
}

Findings out_of_files(std::uint32_t limit, std::uint32_t hard_limit) {
    Findings findings;
    findings.unit_name = "nginx.service";
    findings.role = ServiceRole::kNginx;
    findings.nginx_limits.worker_connections = {"768", "/etc/nginx/nginx.conf:7"};
    Worker nginx;
    nginx.is_nginx = true;
    nginx.open_files_limit = limit;
    nginx.open_files_hard_limit = hard_limit;
    Inspection& look = findings.inspection.emplace();
    look.workers = {nginx};
    look.nginx_use.emplace();
    MachineLoad& load = look.load.emplace();
    load.memory_bytes = 4 * kGiB;
    load.memory_available_bytes = 3 * kGiB;
    load.cpus = 2;
    findings.sightings = {seen(Symptom::kNginxLimit)};
    return findings;
}

TEST(SuggestNginxLimits, FilesAreTwiceTheConnectionsAndSomeMore) {
    Findings findings = out_of_files(200, 524'288);
    findings.sightings[0].error_number = 24;
    const auto all = suggest(findings, Cause::kNginxFdLimit);
    ASSERT_THAT(all, SizeIs(1)) << "the hard limit is far away";
    EXPECT_EQ(settings_words(all[0]), "worker_rlimit_nofile = 1664 (now 200)");
    EXPECT_THAT(arithmetic_of(all[0]), HasSubstr("2 x 768 + 128 (logs, sockets) = 1664"));
}

TEST(SuggestNginxLimits, RaisesTheUnitsLimitWhereThatIsLower) {
    Findings findings = out_of_files(1024, 1024);
    findings.sightings[0].error_number = 24;
    const auto all = suggest(findings, Cause::kNginxFdLimit);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(settings_words(all[0]), "worker_rlimit_nofile = 2048 (now 1024)");
    EXPECT_EQ(settings_words(all[1]), "LimitNOFILE = 2048 (now 1024)");
    findings.role = ServiceRole::kPhpFpm;
    EXPECT_THAT(suggest(findings, Cause::kNginxFdLimit), SizeIs(1)) << "not in another's unit";
}

TEST(SuggestNginxLimits, GivesConnectionsTheFilesTheyNeedFirst) {
    EXPECT_EQ(settings_words(first(out_of_files(1024, 524'288), Cause::kNginxFdLimit)),
              "worker_rlimit_nofile = 3200 (now 1024)");
    EXPECT_EQ(settings_words(first(out_of_files(3200, 524'288), Cause::kNginxFdLimit)),
              "worker_connections = 1536 (now 768)");
}

TEST(SuggestNginxLimits, GoNoFurtherThanTheKernelAllows) {
    Findings findings = out_of_files(200, 524'288);
    findings.sightings[0].error_number = 24;
    findings.inspection->load->open_files_most = 1024;
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, IsEmpty());
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).text, HasSubstr("fs.nr_open"));
    findings.inspection->load->open_files_most = 1'048'576;
    findings.inspection->load->open_files_left = 1000;
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, IsEmpty());
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).text, HasSubstr("fs.file-max"));
    findings.inspection->load->open_files_left = 100'000;
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, SizeIs(1));
}

// Of nginx, whosever backend sends the header.
TEST(SuggestBuffers, CountTheControlGroupOfNginx) {
    Findings findings = saturated();
    UnitUse& use = *findings.inspection->nginx_use;
    use.memory_limit_bytes = kGiB;
    use.memory_bytes = 100 * kMiB;
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, SizeIs(3));
    use.memory_limit_bytes = 120 * kMiB;
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, IsEmpty());
    EXPECT_THAT(arithmetic_of(first(findings, Cause::kHeaderTooBig)),
                HasSubstr("nginx's control group, limit 120 MiB: 20 MiB left"));
    findings.inspection->nginx_use.reset();
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, SizeIs(3)) << "nobody limits it";
}

TEST(SuggestNginxLimits, GoNoFurtherThanMemory) {
    Findings findings = out_of_files(65'536, 524'288);
    EXPECT_EQ(settings_words(first(findings, Cause::kNginxFdLimit)),
              "worker_connections = 1536 (now 768)");
    findings.inspection->load->memory_bytes = 512 * kMiB;
    findings.inspection->load->memory_available_bytes = 88 * kMiB;
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, IsEmpty());
}

TEST(Suggest, PutsNothingInThePlaceOfAValueThatNobodyKnows) {
    Findings findings = saturated();
    findings.backend.read_timeout = {};
    findings.backend.buffers = {};
    EXPECT_THAT(first(findings, Cause::kSlowBackend).settings, IsEmpty());
    EXPECT_THAT(first(findings, Cause::kHeaderTooBig).settings, IsEmpty());
    findings = out_of_files(1024, 1024);
    findings.inspection.reset();
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, IsEmpty());
    findings = out_of_files(1024, 1024);
    findings.nginx_limits = {};
    EXPECT_THAT(first(findings, Cause::kNginxFdLimit).settings, IsEmpty());
}

TEST(Suggest, HasNothingForOtherCauses) {
    const Findings findings = saturated();
    for (const Cause cause : {Cause::kUnitFailed, Cause::kSocketDeleted, Cause::kUnknown}) {
        EXPECT_FALSE(is_suggestible(cause));
        EXPECT_THAT(suggest(findings, cause), IsEmpty());
    }
}

TEST(Suggest, LooksAtThePoolFileOfASocketOnly) {
    Findings findings = saturated();
    findings.backend.address = "unix:/run/php/a.sock";
    ASSERT_TRUE(suggest_listen(findings));
    EXPECT_EQ(remedy_of(*suggest_listen(findings)).at("socket"), "unix:/run/php/a.sock");
    findings.backend.address = "127.0.0.1:9000";
    EXPECT_FALSE(suggest_listen(findings));
    findings.backend.address = "unix:/run/app.sock";
    findings.role = ServiceRole::kOther;
    EXPECT_FALSE(suggest_listen(findings));
}

TEST(RemedyOf, NumbersItsPairsAndNamesThePlace) {
    Findings findings = saturated();
    findings.backend.fpm.pm.value = "dynamic";
    const auto remedy = remedy_of(first(findings));
    EXPECT_EQ(remedy.at("setting"), "pm.max_children");
    EXPECT_EQ(remedy.at("value2"), "1");
    EXPECT_EQ(remedy.at("pool"), "www");
    EXPECT_FALSE(remedy.contains("backend"));
    EXPECT_THAT(remedy_of(Suggestion{}), IsEmpty());
}

// --- whatever the machine looks like ---

class Chance {
  public:
    explicit Chance(std::uint32_t seed) : engine_(seed) {}

    std::uint64_t below(std::uint64_t limit) {
        return std::uniform_int_distribution<std::uint64_t>{0, limit - 1}(engine_);
    }

    bool is_true() { return below(2) == 1; }

    template <std::size_t kSize>
    std::string one_of(const std::array<const char*, kSize>& values) {
        return values[below(kSize)];
    }

  private:
    std::mt19937 engine_;
};

// A number that is small, sensible, or out of all bounds.
std::uint64_t some_number(Chance& chance) {
    constexpr std::array<std::uint64_t, 5> kLimits{3, 60, 5000, kGiB, ~std::uint64_t{0}};
    return chance.below(kLimits[chance.below(kLimits.size())]);
}

std::string some_count(Chance& chance) {
    return chance.below(8) == 0
               ? chance.one_of<6>({"", "x", "-1", "${N}", "007", "99999999999999999999"})
               : std::to_string(some_number(chance));
}

std::string some_size(Chance& chance) {
    return some_count(chance) + chance.one_of<6>({"", "k", "K", "M", "g", "kb"});
}

std::string some_time(Chance& chance) {
    return some_count(chance) + chance.one_of<6>({"", "s", "m", "h", "ms", "off"});
}

void furnish_backend(Chance& chance, Backend& backend) {
    PoolSettings& pool = backend.fpm;
    pool.pm.value = chance.one_of<5>({"static", "dynamic", "ondemand", "DYNAMIC", ""});
    const std::uint64_t most = chance.below(2000) + 1;
    const std::uint64_t most_spare = chance.below(most) + 1;
    const std::uint64_t least_spare = chance.below(most_spare) + 1;
    pool.max_children.value = std::to_string(most);
    pool.max_spare_servers.value = std::to_string(most_spare);
    pool.min_spare_servers.value = std::to_string(least_spare);
    if (chance.is_true()) {
        const std::uint64_t range = most_spare - least_spare + 1;
        pool.start_servers.value = std::to_string(least_spare + chance.below(range));
    }
    for (ConfigLine* line : {&pool.max_children,
                             &pool.start_servers,
                             &pool.min_spare_servers,
                             &pool.max_spare_servers,
                             &pool.max_execution_time}) {
        line->value = chance.below(20) == 0 ? some_count(chance) : line->value;
    }
    pool.memory_limit.value = chance.is_true() ? some_size(chance) : "";
    pool.terminate_timeout.value = some_time(chance);
    pool.slowlog_timeout.value = some_time(chance);
    backend.read_timeout.value = some_time(chance);
    backend.buffer_size.value = some_size(chance);
    backend.buffers.value = some_count(chance) + " " + some_size(chance);
    backend.busy_buffers_size.value = some_size(chance);
}

Findings some_machine(Chance& chance) {
    Findings findings = saturated();
    constexpr std::array kRoles{
        ServiceRole::kPhpFpm, ServiceRole::kNginx, ServiceRole::kOther, ServiceRole::kUnowned};
    findings.role = kRoles[chance.below(kRoles.size())];
    findings.backend.scheme = static_cast<Scheme>(chance.below(5));
    findings.backend.pool = chance.below(6) == 0 ? "" : "www";
    furnish_backend(chance, findings.backend);
    findings.backends.push_back(findings.backend);
    findings.backends.back().pool = "shop";
    findings.nginx_limits = {
        .worker_processes = {chance.is_true() ? "auto" : some_count(chance), ""},
        .worker_connections = {some_count(chance), ""},
        .worker_rlimit_nofile = {some_count(chance), ""}};
    if (chance.is_true()) {
        findings.unit.emplace().result = UnitResult::kOomKill;
    }
    Inspection& look = *findings.inspection;
    for (Worker& worker : look.workers) {
        worker.is_nginx = chance.below(4) == 0;
        worker.pool = chance.below(5) == 0 ? "shop" : "www";
        worker.own_bytes = some_number(chance);
        worker.shared_bytes = some_number(chance);
        worker.peak_bytes = some_number(chance);
        worker.open_files_limit = static_cast<std::uint32_t>(some_number(chance));
        worker.open_files_hard_limit = static_cast<std::uint32_t>(some_number(chance));
    }
    MachineLoad& load = *look.load;
    load.memory_bytes = some_number(chance);
    load.memory_available_bytes = some_number(chance);
    load.cpus = static_cast<std::uint32_t>(chance.below(200));
    load.open_files_most = some_number(chance);
    load.open_files_left = some_number(chance);
    load.load1_permille = static_cast<std::uint32_t>(chance.below(3000));
    if (chance.is_true()) {
        look.nginx_use =
            UnitUse{.memory_bytes = some_number(chance), .memory_limit_bytes = some_number(chance)};
    }
    if (chance.is_true()) {
        look.use = UnitUse{.memory_bytes = some_number(chance),
                           .memory_limit_bytes = some_number(chance),
                           .is_memory_limit_own = chance.is_true(),
                           .memory_above_left_bytes = some_number(chance),
                           .oom_kills = 1,
                           .tasks = some_number(chance),
                           .tasks_limit = some_number(chance)};
    }
    constexpr std::array kClues{Clue::kMemoryLimit, Clue::kExecutionTime, Clue::kUncaught};
    findings.sightings = {seen(Symptom::kScriptFatal,
                               kClues[chance.below(kClues.size())],
                               static_cast<int>(some_number(chance))),
                          seen(Symptom::kNginxLimit)};
    findings.sightings[0].is_trusted = chance.is_true();
    findings.sightings[1].error_number = chance.is_true() ? 24 : 0;
    return findings;
}

std::uint64_t in_force(const Suggestion& suggestion, const char* name, const ConfigLine& now) {
    const std::string value = value_of(suggestion, name);
    return config_number(value.empty() ? now.value : value).value_or(0);
}

// fpm_conf.c, fpm_conf_process_all_pools(), in its order.
void expect_fpm_takes(const Suggestion& suggestion, const PoolSettings& pool) {
    const std::uint64_t most = in_force(suggestion, "pm.max_children", pool.max_children);
    ASSERT_GE(most, 1U);
    if (pool.pm.value != "dynamic" && pool.pm.value != "DYNAMIC") {
        return;
    }
    const std::uint64_t least =
        in_force(suggestion, "pm.min_spare_servers", pool.min_spare_servers);
    const std::uint64_t spare =
        in_force(suggestion, "pm.max_spare_servers", pool.max_spare_servers);
    const std::uint64_t start = in_force(suggestion, "pm.start_servers", pool.start_servers);
    EXPECT_GE(least, 1U);
    EXPECT_GE(spare, 1U);
    EXPECT_LE(least, most);
    EXPECT_LE(spare, most);
    EXPECT_GE(spare, least);
    if (start > 0) {
        EXPECT_GE(start, least);
        EXPECT_LE(start, spare);
    }
}

// ngx_http_fastcgi_merge_loc_conf()
void expect_nginx_takes(const Suggestion& suggestion) {
    const std::string prefix =
        suggestion.settings[0].name.substr(0, suggestion.settings[0].name.find("buffer_size"));
    const std::string both = value_of(suggestion, prefix + "buffers");
    const std::size_t blank = both.find(' ');
    const auto count = config_number(both.substr(0, blank)).value_or(0);
    const auto each = config_bytes(both.substr(blank + 1)).value_or(0);
    const auto size = config_bytes(suggestion.settings[0].value).value_or(0);
    const auto busy = config_bytes(value_of(suggestion, prefix + "busy_buffers_size")).value_or(0);
    EXPECT_GE(count, 2U);
    EXPECT_GE(busy, std::max(size, each));
    EXPECT_LE(busy, (count - 1) * each);
}

void expect_acceptable(const Suggestion& suggestion, const Findings& findings) {
    ASSERT_LE(suggestion.settings.size(), kMaxSuggestedSettings);
    EXPECT_FALSE(suggestion.text.empty());
    if (suggestion.settings.empty()) {
        return;
    }
    const actions::Parameters parameters = remedy_of(suggestion);
    EXPECT_EQ(actions::find_setting_fault(parameters), std::nullopt) << settings_words(suggestion);
    EXPECT_EQ(actions::find_fault(actions::ActId::kApplySuggestion, parameters), std::nullopt);
    const std::string& name = suggestion.settings[0].name;
    if (name.ends_with("buffer_size")) {
        expect_nginx_takes(suggestion);
    } else if (name == "pm.max_children") {
        expect_fpm_takes(suggestion, findings.backend.fpm);
    } else if (name.ends_with("read_timeout")) {
        const auto fpm = config_milliseconds(findings.backend.fpm.terminate_timeout.value);
        EXPECT_GT(config_milliseconds(suggestion.settings[0].value), fpm.value_or(0));
    }
}

// All at once, and nothing else needs less for it.
void expect_fits(const Suggestion& suggestion, const Findings& findings) {
    if (suggestion.settings.empty()) {
        return;
    }
    const MachineLoad& load = *findings.inspection->load;
    const auto& use = findings.inspection->use;
    const std::uint64_t held = measure_pool(*findings.inspection, findings.backend.pool).held_bytes;
    std::uint64_t room = load.memory_available_bytes;
    if (use && use->memory_limit_bytes > 0) {
        room = std::min(
            room, use->memory_limit_bytes - std::min(use->memory_limit_bytes, use->memory_bytes));
    }
    room = held > ~room ? ~std::uint64_t{0} : room + held;
    const SuggestedSetting& setting = suggestion.settings[0];
    if (setting.name == "php_admin_value[memory_limit]") {
        const auto children = config_number(findings.backend.fpm.max_children.value);
        ASSERT_TRUE(children);
        EXPECT_LE(saturating_product(*children, config_bytes(setting.value).value_or(0)), room);
    } else if (setting.name == "MemoryMax") {
        EXPECT_LE(config_bytes(setting.value).value_or(0) - use->memory_limit_bytes,
                  std::min(load.memory_available_bytes, use->memory_above_left_bytes));
    } else if (setting.name == "worker_rlimit_nofile" && load.open_files_most > 0) {
        EXPECT_LE(config_number(setting.value), load.open_files_most);
    }
}

constexpr std::uint32_t kMachines = 5'000;

TEST(SuggestProperty, WhateverComesOutIsAcceptedByWhoeverReadsIt) {
    std::size_t settings = 0;
    for (std::uint32_t seed = 0; seed < kMachines && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Chance chance{seed};
        const Findings findings = some_machine(chance);
        for (int cause = 0; cause <= static_cast<int>(kLastCause); ++cause) {
            for (const Suggestion& suggestion : suggest(findings, static_cast<Cause>(cause))) {
                expect_acceptable(suggestion, findings);
                expect_fits(suggestion, findings);
                settings += suggestion.settings.size();
            }
        }
    }
    EXPECT_GT(settings, kMachines) << "the machines have nothing to suggest";
}

TEST(SuggestProperty, NeverFewerWorkersThanNowUnlessMemoryHasRunOut) {
    std::size_t raised = 0;
    for (std::uint32_t seed = 0; seed < kMachines && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Chance chance{seed};
        const Findings findings = some_machine(chance);
        const auto now = config_number(findings.backend.fpm.max_children.value);
        const std::string more = value_of(first(findings), "pm.max_children");
        if (!more.empty()) {
            EXPECT_GT(config_number(more), now);
            ++raised;
        }
        const std::string less = value_of(first(findings, Cause::kOomKilled), "pm.max_children");
        if (!less.empty()) {
            EXPECT_LT(config_number(less), now);
        }
    }
    EXPECT_GT(raised, 0U);
}

}  // namespace
}  // namespace gatemend::diagnosis
