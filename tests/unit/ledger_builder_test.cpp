// SPDX-License-Identifier: MIT
#include "sandbox/audit/ledger_builder.hpp"

#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/ledger_carry.hpp"
#include "sandbox/executor/record.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::UndoState;

const std::string kOldIntent =
    R"({"seq":1,"time":"2026-11-21T10:00:00.000000Z","kind":"intent","attempt":1,"incident":2,)"
    R"("rule":"r","act":"start-unit","unit":"nginx.service","cause":"nginx-down","digest":"d",)"
    R"("expected":"failed","deadline_usec":5})";

std::string intent(const std::string& trace, const std::string& more) {
    return R"({"seq":1,"time":"2026-11-21T10:00:00.000000Z","kind":"intent","attempt":1,)"
           R"("incident":2,"rule":"r","act":"repoint-backend","unit":"nginx.service","digest":"d",)"
           R"("trace":")" +
           trace + "\"" + more + "}";
}

const std::string kFootprint = R"(,"parameters":{"from":"unix:/a","to":"unix:/b"},)"
                               R"("changes":[{"path":"/etc/nginx/a","before":"1","after":"2"}],)"
                               R"("undo_by":"2026-11-21T10:05:00.000000Z")";

std::string record(const std::string& kind, const std::string& more) {
    return R"({"seq":2,"time":"2026-11-21T10:00:01.000000Z","kind":")" + kind + R"(","attempt":1)" +
           more + "}";
}

Books read(const std::vector<std::string>& lines) {
    LedgerBuilder builder;
    for (const std::string& line : lines) {
        builder.take(line);
    }
    return std::move(builder).finish_books();
}

UndoState undo_after(const std::vector<std::string>& lines) {
    std::vector<std::string> all{intent("provisional", kFootprint)};
    all.insert(all.end(), lines.begin(), lines.end());
    const Books books = read(all);
    EXPECT_EQ(books.ledger.unreadable, "");
    return books.ledger.attempts.at(0).undo;
}

TEST(LedgerBuilder, ReadsRecordsFromBeforeActsLeftTraces) {
    const Books books = read({kOldIntent, record("outcome", R"(,"outcome":"succeeded")")});
    EXPECT_EQ(books.ledger.unreadable, "");
    EXPECT_EQ(books.ledger.attempts.at(0).undo, UndoState::kNothing);
    EXPECT_TRUE(books.footprints.empty());
}

TEST(LedgerBuilder, KnowsWhatItTakesToUndo) {
    const Books books = read({intent("provisional", kFootprint)});
    const Footprint& footprint = books.footprints.at(1);
    EXPECT_EQ(footprint.plan.act, actions::ActId::kRepointBackend);
    EXPECT_EQ(footprint.plan.unit, "nginx.service");
    EXPECT_EQ(footprint.plan.parameters.at("to"), "unix:/b");
    EXPECT_EQ(footprint.plan.changes,
              (std::vector<actions::FileChange>{{"/etc/nginx/a", "1", "2"}}));
    EXPECT_EQ(core::format_time(books.ledger.attempts.at(0).undo_by),
              "2026-11-21T10:05:00.000000Z");
}

TEST(LedgerBuilder, KeepsTheParametersUntilThereIsAVerdict) {
    const Books open = read({intent("provisional", kFootprint)});
    EXPECT_EQ(open.ledger.attempts.at(0).parameters.at("to"), "unix:/b");
    const Books closed = read({intent("provisional", kFootprint),
                               record("outcome", R"(,"outcome":"succeeded")"),
                               record("confirm", R"(,"verdict":"effective")")});
    EXPECT_EQ(closed.ledger.attempts.at(0).parameters.at("to"), "unix:/b")
        << "of a repointing also later: the same is not offered again";
}

TEST(LedgerBuilder, FollowsAnActUntilItIsConfirmedOrUndone) {
    const std::string succeeded = record("outcome", R"(,"outcome":"succeeded")");
    const std::string effective = record("confirm", R"(,"verdict":"effective")");
    const std::string undoing = record("undoing", R"(,"by":"verdict")");
    const std::string undone = record("undone", R"(,"outcome":"succeeded","by":"verdict")");
    EXPECT_EQ(undo_after({}), UndoState::kNothing);
    EXPECT_EQ(undo_after({succeeded}), UndoState::kProvisional);
    EXPECT_EQ(undo_after({succeeded, effective}), UndoState::kConfirmed);
    EXPECT_EQ(undo_after({succeeded, record("confirm", R"(,"verdict":"harmful")")}),
              UndoState::kProvisional);
    EXPECT_EQ(undo_after({succeeded, undoing}), UndoState::kUndoFailed) << "stopped half-way";
    EXPECT_EQ(undo_after({succeeded, undoing, undone}), UndoState::kUndone);
    EXPECT_EQ(undo_after({record("undone", R"(,"outcome":"failed","by":"failure")"),
                          record("outcome", R"(,"outcome":"failed")")}),
              UndoState::kUndoFailed);
    EXPECT_EQ(undo_after({undoing, undone, record("outcome", R"(,"outcome":"interrupted")")}),
              UndoState::kUndone);
    EXPECT_EQ(undo_after({succeeded, effective, record("forgotten", "")}), UndoState::kNothing);
}

TEST(LedgerBuilder, AnApprovalIsUsedUpByItsIntent) {
    const auto approved = [](const std::string& digest) {
        return R"({"seq":1,"time":"2026-11-21T09:59:00.000000Z","kind":"approved","digest":")" +
               digest + R"(","until":"2026-11-21T10:09:00.000000Z","by":"uid 0"})";
    };
    const Books books = read({approved("d"), approved("e"), approved("d"), kOldIntent});
    ASSERT_EQ(books.ledger.approvals.size(), 1U);
    EXPECT_EQ(books.ledger.approvals[0].digest, "e");
}

TEST(LedgerBuilder, AnIncompleteFootprintMakesTheRecordUnreadable) {
    const std::vector<std::string> broken{
        intent("provisional", ""),
        intent("somehow", kFootprint),
        intent("provisional", R"(,"parameters":{"from":1},"changes":[])"),
        intent("provisional", R"(,"parameters":[],"changes":[])"),
        intent("provisional", R"(,"parameters":{},"changes":[{"path":"/a","before":"1"}])"),
        intent("provisional", R"(,"parameters":{},"changes":["x"])"),
        intent("provisional", R"(,"parameters":{},"changes":[],"undo_by":"soon")"),
    };
    for (const std::string& line : broken) {
        EXPECT_NE(read({line}).ledger.unreadable, "") << line;
    }
}

// As the lines of a new file would have it.
Books carried(const Books& books) {
    LedgerBuilder builder;
    for (const CarriedRecord& record : carry_books(books)) {
        builder.take("{\"kind\":\"" + record.kind + "\"," + record.fields + "}");
    }
    return std::move(builder).finish_books();
}

TEST(LedgerCarry, BringsBackAllThatWasBefore) {
    const core::TimePoint now = core::TimePoint{} + std::chrono::seconds{1'795'000'000};
    const auto operator_said = [](const char* kind, const std::string& more) {
        return R"({"time":"2026-11-21T10:00:01.000000Z","kind":")" + std::string{kind} + "\"," +
               more + "}";
    };
    Books books = read({
        intent("provisional", kFootprint),
        record("outcome", R"(,"outcome":"succeeded")"),
        operator_said("latched", R"("unit":"a.service","rule":"r","reason":"\"twice\"")"),
        operator_said("lifted", R"("unit":"a.service","by":"uid 0")"),
        operator_said("latched", R"("unit":"a.service","rule":"r","reason":"again")"),
        operator_said("paused",
                      R"("until":"2026-11-21T12:00:00.000000Z","reason":"x","by":"uid 0")"),
        operator_said("approved",
                      R"("digest":"d2","until":"2026-11-21T12:00:00.000000Z","by":"uid 0")"),
    });
    for (std::uint64_t id = 2; id <= 50; ++id) {
        core::Attempt attempt{.id = id,
                              .time = now,
                              .rule = "r",
                              .act = "start-unit",
                              .unit = "b.service",
                              .incident = 3,
                              .undo_by = {}};
        attempt.outcome = static_cast<core::ActOutcome>(id % 4);
        attempt.verdict = static_cast<core::ActVerdict>(id % 4);
        attempt.undo = static_cast<UndoState>(id % 5);
        add_attempt(books, attempt);
    }
    ASSERT_EQ(books.ledger.unreadable, "");
    const Books again = carried(books);
    EXPECT_EQ(again.ledger, books.ledger);
    EXPECT_EQ(again.footprints, books.footprints);
    EXPECT_EQ(again.footprints.size(), 1U);
    EXPECT_EQ(again.ledger.latches.size(), 1U);
}

TEST(LedgerCarry, WhatIsNotKnownMakesItUnreadable) {
    LedgerBuilder builder;
    builder.take(R"({"kind":"carried","what":"budget"})");
    EXPECT_NE(std::move(builder).finish().unreadable, "");
}

// A record that rotates again and again: nothing of it is forgotten, and no number is used twice.
TEST(LedgerCarry, TheLedgerOutlivesRotations) {
    const test::TempDir dir;
    const std::string path = dir / "audit.jsonl";
    core::TimePoint now = core::TimePoint{} + std::chrono::seconds{1'795'000'000};
    constexpr std::uint64_t kRotateOften = 8000;
    core::Ledger before;
    for (int start = 0; start < 8; ++start) {
        Record record = Record::open(path, "", kRotateOften);
        if (start > 0) {
            EXPECT_EQ(record.ledger(), before) << start;
        }
        for (std::uint64_t i = 0; i < 5; ++i) {
            now += std::chrono::seconds{1};
            actions::Plan plan;
            plan.act = actions::ActId::kStartUnit;
            plan.unit = "b.service";
            plan.rule = "r";
            const auto id = record.begin_attempt(now, {.plan = plan, .digest = "d"});
            ASSERT_TRUE(id) << id.error().text;
            EXPECT_EQ(*id, static_cast<std::uint64_t>(start) * 5 + i + 1);
            ASSERT_TRUE(record.end_attempt(now, *id, core::ActOutcome::kSucceeded, ""));
            ASSERT_TRUE(record.latch({"u" + std::to_string(*id) + ".service", now, "x"}, "r"));
        }
        EXPECT_EQ(record.rotation_problem(), "");
        before = record.ledger();
    }
    const auto report = read_chain(path, {}, {});
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->findings.empty());
    EXPECT_GT(report->files.size(), 2U);
    EXPECT_EQ(before.latches.size(), 40U);
}

}  // namespace
}  // namespace gatemend::sandbox
