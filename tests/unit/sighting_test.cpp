// SPDX-License-Identifier: MIT
// Sightings: what records said, counted by kind, within a window and a bound.
#include "diagnosis/sighting.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gatemend::diagnosis {

using namespace core;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours{1000}};

SymptomSeen refused(int error_number = 111) {
    SymptomSeen seen;
    seen.symptom = Symptom::kConnectRefused;
    seen.error_number = error_number;
    seen.address = "127.0.0.1:9000";
    seen.is_trusted = true;
    seen.source = "nginx-error";
    return seen;
}

TEST(Sightings, CountRecordsOfOneKindInOneEntry) {
    Sightings sightings;
    for (int i = 0; i < 10'000; ++i) {
        sightings.note(refused(), kStart + std::chrono::milliseconds{i});
    }
    ASSERT_EQ(sightings.all().size(), 1U);
    EXPECT_EQ(sightings.all().front().count, 10'000U);
    EXPECT_EQ(sightings.all().front().first, kStart);
    EXPECT_EQ(sightings.all().front().last, kStart + std::chrono::milliseconds{9'999});
}

TEST(Sightings, KeepKindsApart) {
    Sightings sightings;
    SymptomSeen other = refused();
    sightings.note(other, kStart);
    other.is_trusted = false;
    sightings.note(other, kStart);
    other.source = "php-fpm";
    sightings.note(other, kStart);
    other.address = "127.0.0.1:9001";
    sightings.note(other, kStart);
    other.clue = Clue::kWorkerSignal;
    sightings.note(other, kStart);
    other.number = 11;
    sightings.note(other, kStart);
    sightings.note(refused(61), kStart);
    EXPECT_EQ(sightings.all().size(), 7U);
}

TEST(Sightings, KeepTheNewestSubject) {
    Sightings sightings;
    SymptomSeen seen = refused();
    seen.subject = "old";
    sightings.note(seen, kStart);
    seen.subject = "new";
    sightings.note(seen, kStart + seconds{1});
    ASSERT_EQ(sightings.all().size(), 1U);
    EXPECT_EQ(sightings.all().front().subject, ClientText{"new"});
}

TEST(Sightings, BeginToCountAnewAfterAPause) {
    Sightings sightings;
    sightings.note(refused(), kStart);
    sightings.note(refused(), kStart + kSightingWindow);
    EXPECT_EQ(sightings.all().front().count, 2U) << "just within the window";
    const TimePoint later = kStart + 2 * kSightingWindow + seconds{1};
    sightings.note(refused(), later);
    EXPECT_EQ(sightings.all().front().count, 1U);
    EXPECT_EQ(sightings.all().front().first, later);
}

TEST(Sightings, AreRecentForOneWindow) {
    Sightings sightings;
    sightings.note(refused(), kStart);
    EXPECT_EQ(sightings.recent(kStart + kSightingWindow).size(), 1U);
    EXPECT_TRUE(sightings.recent(kStart + kSightingWindow + seconds{1}).empty());
}

TEST(Sightings, CanBeLookedUpFurtherBack) {
    Sightings sightings;
    sightings.note(refused(2), kStart);
    sightings.note(refused(13), kStart + minutes{5});
    EXPECT_EQ(sightings.since(kStart).size(), 2U);
    EXPECT_EQ(sightings.since(kStart + seconds{1}).size(), 1U);
}

TEST(Sightings, DropTheOldestKindWhenThereAreTooMany) {
    Sightings sightings;
    for (int i = 0; i < static_cast<int>(kMaxSightings) + 5; ++i) {
        sightings.note(refused(i), kStart + seconds{i});
    }
    ASSERT_EQ(sightings.all().size(), kMaxSightings);
    for (const Sighting& sighting : sightings.all()) {
        EXPECT_GE(sighting.error_number, 5);
    }
}

TEST(Sightings, DoNotGoBackInTime) {
    Sightings sightings;
    sightings.note(refused(), kStart + minutes{1});
    sightings.note(refused(), kStart);
    EXPECT_EQ(sightings.all().front().last, kStart + minutes{1});
}

TEST(Sightings, AreForgottenTogether) {
    Sightings sightings;
    sightings.note(refused(), kStart);
    sightings.forget();
    EXPECT_TRUE(sightings.all().empty());
}

TEST(Sighting, IsDescribedInOneSentence) {
    Sightings sightings;
    sightings.note(refused(), kStart);
    EXPECT_EQ(describe(sightings.all().front()), "nginx-error says connect-refused (errno 111)");
    SymptomSeen seen = refused(0);
    seen.clue = Clue::kWorkerSignal;
    seen.number = 11;
    seen.is_trusted = false;
    seen.subject = "www";
    sightings.note(seen, kStart);
    sightings.note(seen, kStart);
    EXPECT_EQ(describe(sightings.all().back()),
              "nginx-error says connect-refused, worker-signal 11: www, 2 times (could be forged)");
}

}  // namespace
}  // namespace gatemend::diagnosis
