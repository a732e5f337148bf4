// SPDX-License-Identifier: MIT
// find_complaint(): how many records of which kind are worth a person's time.
#include "engine/context.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace gatemend::engine {
namespace {

using core::Clue;
using core::Symptom;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr core::TimePoint kStart{std::chrono::hours{1000}};
constexpr core::TimePoint kNow = kStart + seconds{20};

std::optional<diagnosis::Sighting> complaint_of(const ServiceRecord& record, core::TimePoint now) {
    State state;
    Effects effects;
    return find_complaint(Context{state, now, effects}, record);
}

core::SymptomSeen seen(Symptom symptom, Clue clue = Clue::kNone) {
    core::SymptomSeen item;
    item.symptom = symptom;
    item.clue = clue;
    item.is_trusted = true;
    item.source = "nginx-error";
    return item;
}

// A unit that has been up for an hour, and `count` records over twenty seconds.
ServiceRecord told(const core::SymptomSeen& item, int count) {
    ServiceRecord record;
    record.unit_seen = kStart - std::chrono::hours{1};
    for (int i = 0; i < count; ++i) {
        record.sightings.note(item, i + 1 == count ? kNow : kStart);
    }
    return record;
}

bool is_complaint(const core::SymptomSeen& item, int count) {
    return complaint_of(told(item, count), kNow).has_value();
}

core::SymptomSeen untrusted(core::SymptomSeen item) {
    item.is_trusted = false;
    return item;
}

void answer_probe(ServiceRecord& record, core::ProbeOutcome outcome) {
    record.probe.emplace().outcome = outcome;
}

TEST(Complaint, OfAVisitorTakesThree) {
    for (const Symptom symptom : {Symptom::kResponseTimeout,
                                  Symptom::kClosedEarly,
                                  Symptom::kHeaderTooBig,
                                  Symptom::kInvalidResponse,
                                  Symptom::kBackendSaturated,
                                  Symptom::kNameUnresolved,
                                  Symptom::kUpstreamTls,
                                  Symptom::kNginxLimit}) {
        EXPECT_FALSE(is_complaint(seen(symptom), 2)) << core::symptom_id(symptom);
        EXPECT_TRUE(is_complaint(seen(symptom), 3)) << core::symptom_id(symptom);
    }
}

TEST(Complaint, ThatAnybodyCouldHaveWrittenTakesTwiceAsMany) {
    const core::SymptomSeen item = untrusted(seen(Symptom::kResponseTimeout));
    EXPECT_FALSE(is_complaint(item, 5));
    EXPECT_TRUE(is_complaint(item, 6));
    EXPECT_FALSE(is_complaint(untrusted(seen(Symptom::kDiskFull)), 1));
    EXPECT_TRUE(is_complaint(untrusted(seen(Symptom::kDiskFull)), 2));
}

TEST(Complaint, OfAFullDiskOrMissingMemoryTakesOne) {
    EXPECT_TRUE(is_complaint(seen(Symptom::kDiskFull), 1));
    EXPECT_TRUE(is_complaint(seen(Symptom::kOomKill, Clue::kOomCgroup), 1));
    EXPECT_TRUE(is_complaint(seen(Symptom::kOomKill, Clue::kOomGlobal), 1));
}

TEST(Complaint, IsNeverA404OrAConfigurationError) {
    EXPECT_FALSE(is_complaint(seen(Symptom::kScriptNotFound), 1000));
    EXPECT_FALSE(is_complaint(seen(Symptom::kConfigError), 1000));
    EXPECT_FALSE(is_complaint(seen(Symptom::kNone, Clue::kSlowRequest), 1000));
}

TEST(Complaint, OfAScriptCountsAlikeTrustedOrNot) {
    EXPECT_FALSE(is_complaint(untrusted(seen(Symptom::kScriptFatal)), 2));
    EXPECT_TRUE(is_complaint(untrusted(seen(Symptom::kScriptFatal)), 3));
    const auto answered = untrusted(seen(Symptom::kNone, Clue::kAnsweredByUpstream));
    EXPECT_FALSE(is_complaint(answered, 2));
    EXPECT_TRUE(is_complaint(answered, 3));
}

TEST(Complaint, OfWhatAProbeTestsIsDroppedWhenThereIsAProbe) {
    for (const Symptom symptom : {Symptom::kConnectRefused,
                                  Symptom::kSocketMissing,
                                  Symptom::kConnectDenied,
                                  Symptom::kConnectTimeout,
                                  Symptom::kUnreachable,
                                  Symptom::kNoLiveUpstreams}) {
        ServiceRecord record = told(seen(symptom), 1000);
        EXPECT_TRUE(complaint_of(record, kNow).has_value()) << core::symptom_id(symptom);
        answer_probe(record, core::ProbeOutcome::kUnknown);
        EXPECT_TRUE(complaint_of(record, kNow).has_value()) << "a probe that could not run";
        answer_probe(record, core::ProbeOutcome::kGood);
        EXPECT_FALSE(complaint_of(record, kNow).has_value()) << core::symptom_id(symptom);
    }
}

TEST(Complaint, WithoutAProbeMustLastLongerThanARestart) {
    ServiceRecord record;
    record.unit_seen = kStart - std::chrono::hours{1};
    for (int i = 0; i < 1000; ++i) {
        record.sightings.note(seen(Symptom::kConnectRefused),
                              kStart + std::chrono::milliseconds{14 * i});
    }
    EXPECT_FALSE(complaint_of(record, kStart + seconds{14}).has_value());
    record.sightings.note(seen(Symptom::kConnectRefused), kStart + seconds{15});
    EXPECT_TRUE(complaint_of(record, kStart + seconds{15}).has_value());
}

TEST(Complaint, OfAClosedConnectionIsNoneShortlyAfterTheUnitChanged) {
    ServiceRecord record = told(seen(Symptom::kClosedEarly), 100);
    record.unit_seen = kNow - seconds{59};
    EXPECT_FALSE(complaint_of(record, kNow).has_value());
    record.unit_seen = kNow - minutes{1};
    EXPECT_TRUE(complaint_of(record, kNow).has_value());
}

TEST(Complaint, OfConnectionsThatAllCloseAtOnceIsNone) {
    ServiceRecord record;
    record.unit_seen = kStart - std::chrono::hours{1};
    for (int i = 0; i < 100; ++i) {
        record.sightings.note(seen(Symptom::kClosedEarly), kNow);
    }
    EXPECT_FALSE(complaint_of(record, kNow).has_value()) << "a restart is about to be told";
    record.sightings.note(seen(Symptom::kClosedEarly), kNow + seconds{15});
    EXPECT_TRUE(complaint_of(record, kNow + seconds{15}).has_value());
}

TEST(Complaint, OfADyingWorkerDependsOnItsSignalAndOnWhoSaysSo) {
    core::SymptomSeen item = seen(Symptom::kClosedEarly, Clue::kWorkerSignal);
    item.witness = core::Witness::kServiceLog;
    item.number = core::kSignalSegv;
    EXPECT_TRUE(is_complaint(item, 1));
    for (const int number : {core::kSignalTerm, core::kSignalQuit}) {
        item.number = number;
        item.symptom = Symptom::kNone;
        EXPECT_FALSE(is_complaint(item, 1000)) << "that is how workers are told to go";
    }
    item.number = core::kSignalKill;
    item.witness = core::Witness::kJournal;
    EXPECT_FALSE(is_complaint(item, 1000)) << "of a main process the unit's state tells";
}

TEST(Complaint, OfADeniedConnectionStandsAgainstAGoodProbeWhenTheKernelDeniedNginxSomething) {
    State state;
    state.topology.services = {core::Service{"nginx.service", core::ServiceRole::kNginx, {}}};
    Effects effects;
    const Context context{state, kNow, effects};
    ServiceRecord record = told(seen(Symptom::kConnectDenied), 1);
    answer_probe(record, core::ProbeOutcome::kGood);
    EXPECT_FALSE(find_complaint(context, record).has_value());
    core::SymptomSeen denial = seen(Symptom::kConnectDenied, Clue::kLsmDenied);
    denial.source = "audit";
    denial.witness = core::Witness::kKernel;
    state.services["nginx.service"].sightings.note(denial, kNow);
    EXPECT_TRUE(find_complaint(context, record).has_value());
}

TEST(Complaint, IsOverAfterAMinute) {
    const ServiceRecord record = told(seen(Symptom::kResponseTimeout), 3);
    EXPECT_TRUE(complaint_of(record, kNow + diagnosis::kSightingWindow).has_value());
    EXPECT_FALSE(complaint_of(record, kNow + diagnosis::kSightingWindow + seconds{1}).has_value());
}

TEST(Complaint, IsTheNewestOfSeveral) {
    ServiceRecord record = told(seen(Symptom::kDiskFull), 1);
    record.sightings.note(seen(Symptom::kOomKill), kNow + seconds{1});
    const auto complaint = complaint_of(record, kNow + seconds{1});
    ASSERT_TRUE(complaint.has_value());
    EXPECT_EQ(complaint->symptom, Symptom::kOomKill);
}

TEST(Complaint, FromBeforeTheUnitsLastChangeIsOverWhereAProbeWouldTest) {
    ServiceRecord record = told(seen(Symptom::kConnectRefused), 100);
    record.unit_seen = kNow + seconds{1};
    EXPECT_FALSE(complaint_of(record, kNow + seconds{2}).has_value());
}

}  // namespace
}  // namespace gatemend::engine
