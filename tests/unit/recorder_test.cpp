// SPDX-License-Identifier: MIT
#include "app/recorder.hpp"

#include "app/incident_history.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

namespace gatemend::app {
namespace {

constexpr const char* kUnit = "php8.2-fpm.service";

engine::Record record(engine::RecordKind kind, std::uint64_t incident) {
    engine::Record result;
    result.kind = kind;
    result.incident = incident;
    result.unit = kUnit;
    result.text = "a \"quoted\" sentence";
    return result;
}

TEST(Recorder, WritesAChainThatVerifies) {
    const test::TempDir dir;
    Recorder recorder(dir / "decisions.jsonl", core::TimePoint{});
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 7));
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kDecided, 7));
    EXPECT_EQ(recorder.problem(), "");
    const auto report = sandbox::read_audit(dir / "decisions.jsonl", [](std::string_view) {});
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->records, 2U);
    EXPECT_EQ(report->problem, sandbox::AuditProblem::kNone);
}

TEST(Recorder, SaysWhenItCannotWrite) {
    const test::TempDir dir;
    EXPECT_NE(Recorder(dir / "absent/decisions.jsonl", core::TimePoint{}).problem(), "");
}

TEST(IncidentHistory, RestoresWhatWasOpenedAndNotClosed) {
    const test::TempDir dir;
    {
        Recorder recorder(dir / "decisions.jsonl", core::TimePoint{});
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 3));
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 4));
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kClosed, 3));
    }
    const auto history = load_history(dir / "decisions.jsonl");
    ASSERT_TRUE(history.has_value());
    EXPECT_EQ(history->last_incident, 4U);
    ASSERT_EQ(history->open.size(), 1U);
    EXPECT_EQ(history->open[0].incident, 4U);
    EXPECT_EQ(history->open[0].unit, kUnit);
}

TEST(IncidentHistory, RestoresIncidentsOfBackendsWithoutAUnit) {
    const IncidentHistory history = read_history(
        "{\"kind\":\"opened\",\"incident\":5,\"unit\":\"(unix:/run/php/php7.4-fpm.sock)\","
        "\"time\":\"2026-11-21T14:00:00Z\"}\n"
        "{\"kind\":\"opened\",\"incident\":6,\"unit\":\"(two words)\","
        "\"time\":\"2026-11-21T14:00:00Z\"}\n");
    ASSERT_EQ(history.open.size(), 1U);
    EXPECT_EQ(history.open[0].unit, "(unix:/run/php/php7.4-fpm.sock)");
}

TEST(IncidentHistory, SkipsLinesThatAreNoRecords) {
    const IncidentHistory history = read_history(
        "cut\n[]\n{\"kind\":\"opened\"}\n"
        "{\"kind\":\"opened\",\"incident\":1,\"unit\":\"../"
        "x\",\"time\":\"2026-11-21T14:00:00Z\"}\n");
    EXPECT_EQ(history.last_incident, 0U);
    EXPECT_TRUE(history.open.empty());
}

}  // namespace
}  // namespace gatemend::app
