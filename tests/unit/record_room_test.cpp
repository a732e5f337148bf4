// SPDX-License-Identifier: MIT
// A record whose disk is full. The disk here is the limit of this process's file sizes.
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/executor/gate.hpp"
#include "sandbox/executor/record.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

const core::TimePoint kNow = core::TimePoint{} + std::chrono::seconds{1'795'000'000};

// No file of this process grows beyond `bytes` meanwhile.
class FullDisk {
  public:
    explicit FullDisk(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &limit);
    }

    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

    ~FullDisk() {
        setrlimit(RLIMIT_FSIZE, &before_);
        (void)std::signal(SIGXFSZ, handler_);
    }

  private:
    void (*handler_)(int);
    rlimit before_{};
};

actions::Plan start_plan() {
    actions::Plan plan;
    plan.act = actions::ActId::kStartUnit;
    plan.unit = "a.service";
    plan.rule = "r";
    plan.expected_active = core::ActiveState::kFailed;
    return plan;
}

class RecordRoomTest : public testing::Test {
  protected:
    Record open() const { return Record::open(path_, spill_); }

    // Large enough that the spill may hold a few records while the record may not.
    void fill(Record& record) const {
        while (fs::file_size(path_) < 20'000) {
            ASSERT_TRUE(record.note_start(kNow, ""));
        }
    }

    [[nodiscard]] std::uint64_t size() const { return fs::file_size(path_); }

    std::size_t count(const std::string& words) const {
        std::size_t found = 0;
        const auto report = read_audit(path_, [&](std::string_view line) {
            found += line.find(words) == std::string_view::npos ? 0 : 1;
        });
        EXPECT_TRUE(report && report->problem == AuditProblem::kNone);
        return found;
    }

    test::TempDir dir_;
    std::string path_ = dir_ / "audit.jsonl";
    std::string spill_ = dir_ / "spill.jsonl";
};

TEST_F(RecordRoomTest, AnActGoesOnAndItsRecordFollowsWhenThereIsRoom) {
    Record record = open();
    fill(record);
    core::Ledger meanwhile;
    {
        const FullDisk full{size()};
        const auto id = record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"});
        ASSERT_TRUE(id) << id.error().text;
        ASSERT_TRUE(record.end_attempt(kNow, *id, core::ActOutcome::kSucceeded, "started"));
        EXPECT_EQ(record.ledger().unreadable, "") << "it may pass";
        EXPECT_EQ(record.spilled(), 2U);
        EXPECT_EQ(count("\"kind\":\"intent\""), 0U);
        meanwhile = record.ledger();
    }
    ASSERT_TRUE(record.confirm(kNow, 1, core::ActVerdict::kEffective, ""));
    EXPECT_EQ(record.spilled(), 0U);
    EXPECT_FALSE(fs::exists(spill_));
    EXPECT_EQ(count("\"kind\":\"intent\""), 1U);
    EXPECT_EQ(count("\"kind\":\"outcome\""), 1U);
    EXPECT_EQ(meanwhile.attempts.size(), 1U);
    const core::Ledger known = record.ledger();
    record = Record::open(dir_ / "another");  // lets go of the file
    EXPECT_EQ(open().ledger(), known);
}

TEST_F(RecordRoomTest, WhatWaitsIsKnownAfterARestart) {
    {
        Record record = open();
        fill(record);
        const FullDisk full{size()};
        ASSERT_TRUE(record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"}));
    }
    Record record = open();
    ASSERT_EQ(record.ledger().attempts.size(), 1U);
    EXPECT_EQ(record.unresolved().size(), 1U) << "it was interrupted, and that is known";
    EXPECT_EQ(record.spilled(), 1U);
    const auto next = record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"});
    ASSERT_TRUE(next);
    EXPECT_EQ(*next, 2U) << "no number is used twice";
    EXPECT_EQ(count("\"kind\":\"intent\""), 2U);
    EXPECT_EQ(record.spilled(), 0U);
}

TEST_F(RecordRoomTest, WhatWasMovedAlreadyIsNotTakenTwice) {
    const std::string copy = dir_ / "copy";
    {
        Record record = open();
        fill(record);
        const FullDisk full{size()};
        ASSERT_TRUE(record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"}));
        fs::copy_file(spill_, copy);
    }
    {
        Record record = open();
        ASSERT_TRUE(record.end_attempt(kNow, 1, core::ActOutcome::kInterrupted, ""));
    }
    fs::rename(copy, spill_);  // killed between the last record and the removal
    Record record = open();
    EXPECT_EQ(record.ledger().unreadable, "");
    EXPECT_EQ(record.spilled(), 0U);
    EXPECT_EQ(record.ledger().attempts.size(), 1U);
    ASSERT_TRUE(record.note_start(kNow, ""));
    EXPECT_EQ(count("\"kind\":\"intent\""), 1U);
}

TEST_F(RecordRoomTest, ASpillThatWasChangedHoldsAllActs) {
    {
        Record record = open();
        fill(record);
        const FullDisk full{size()};
        ASSERT_TRUE(record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"}));
    }
    std::ifstream file{spill_};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    text[text.find("a.service")] = 'b';
    test::overwrite(spill_, text);
    EXPECT_NE(open().ledger().unreadable, "");
}

TEST_F(RecordRoomTest, WithoutASecondPlaceNothingIsDoneAndNothingIsUnreadable) {
    Record record = Record::open(path_);
    fill(record);
    {
        const FullDisk full{size()};
        EXPECT_FALSE(record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"}));
        EXPECT_TRUE(record.ledger().attempts.empty());
    }
    EXPECT_EQ(record.ledger().unreadable, "");
    EXPECT_TRUE(record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"}));
}

TEST_F(RecordRoomTest, OnlySoManyRecordsCanWait) {
    Record record = open();
    fill(record);
    while (fs::file_size(path_) < 400'000) {
        ASSERT_TRUE(record.note_start(kNow, ""));
    }
    const FullDisk full{size()};
    std::size_t acts = 0;
    while (acts < 2 * kMaxSpilled &&
           record.begin_attempt(kNow, {.plan = start_plan(), .digest = "d"})) {
        ++acts;
    }
    EXPECT_EQ(acts, kMaxSpilled);
}

core::HoldKind kind_of(const actions::Plan& plan, RecordRoom room) {
    const auto hold = check_record_room(plan, room);
    return hold ? hold->kind : core::HoldKind::kNoRule;
}

TEST(GateRoom, StartsWhatIsDownWhileTheRecordsDiskIsFull) {
    using core::HoldKind;
    actions::Plan plan = start_plan();
    EXPECT_EQ(kind_of(plan, RecordRoom::kLast), HoldKind::kNoRule);
    EXPECT_EQ(kind_of(plan, RecordRoom::kNone), HoldKind::kRecordDiskFull);
    plan.act = actions::ActId::kRestartUnit;
    EXPECT_EQ(kind_of(plan, RecordRoom::kLast), HoldKind::kNoRule) << "it is down";
    plan.expected_active = core::ActiveState::kActive;
    EXPECT_EQ(kind_of(plan, RecordRoom::kLast), HoldKind::kRecordDiskFull);
    EXPECT_EQ(kind_of(plan, RecordRoom::kShort), HoldKind::kNoRule);
    plan.act = actions::ActId::kRestoreConfig;
    EXPECT_EQ(kind_of(plan, RecordRoom::kLast), HoldKind::kRecordDiskFull) << "needs a snapshot";
    plan.act = actions::ActId::kVacuumJournal;
    EXPECT_EQ(kind_of(plan, RecordRoom::kLast), HoldKind::kNoRule) << "that makes room";
}

}  // namespace
}  // namespace gatemend::sandbox
