// SPDX-License-Identifier: MIT
#include "app/recorder.hpp"

#include "app/incident_history.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

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

std::string text_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

sandbox::Anchor end_of(const std::string& path) {
    const auto report = sandbox::read_chain(path, {}, {});
    return {report->last_seq, report->head, core::TimePoint{}};
}

using Anchors = core::Result<std::vector<sandbox::Anchor>>;

TEST(Recorder, AFileThatEndsOtherwiseThanTheJournalSaysIsPutAside) {
    for (const bool is_torn : {false, true}) {
        const test::TempDir dir;
        const std::string path = dir / "decisions.jsonl";
        {
            Recorder recorder(path, core::TimePoint{});
            recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 7));
            recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 7));
        }
        const sandbox::Anchor end = end_of(path);
        const std::string text = text_of(path);
        const std::size_t last = text.rfind('\n', text.size() - 2) + 1;
        std::ofstream{path, std::ios::trunc} << text.substr(0, last + (is_torn ? 20 : 0));
        Recorder recorder(path, core::TimePoint{});
        recorder.compare(core::TimePoint{}, Anchors{{end}});
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 8));
        const auto report = sandbox::read_chain(path, {}, {});
        ASSERT_EQ(report->findings.size(), 1U) << "also without the journal";
        EXPECT_NE(report->findings[0].text.find("record 2"), std::string::npos);
        EXPECT_EQ(recorder.problem(), "");
    }
}

TEST(Recorder, ACrashIsNoContradiction) {
    const test::TempDir dir;
    const std::string path = dir / "decisions.jsonl";
    sandbox::Anchor end;
    {
        Recorder recorder(path, core::TimePoint{});
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 7));
        EXPECT_TRUE(recorder.is_ahead_of_anchor());
        recorder.anchor();
        EXPECT_FALSE(recorder.is_ahead_of_anchor()) << "nothing wakes anybody any more";
        end = end_of(path);
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 7));
    }
    std::ofstream{path, std::ios::app} << "{\"seq\":3,\"ti";
    Recorder recorder(path, core::TimePoint{});
    recorder.compare(core::TimePoint{}, Anchors{{end}});
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 8));
    EXPECT_TRUE(sandbox::read_chain(path, {end}, {})->findings.empty());
}

TEST(Recorder, GoesOnInAFileThatWasReplacedAndSaysSo) {
    const test::TempDir dir;
    const std::string path = dir / "decisions.jsonl";
    Recorder recorder(path, core::TimePoint{});
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kOpened, 7));
    std::ofstream{dir / "edited"} << text_of(path);
    std::filesystem::rename(dir / "edited", path);  // as sed -i does
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 7));
    EXPECT_NE(text_of(path).find("\"kind\":\"acted\""), std::string::npos);
    const auto report = sandbox::read_chain(path, {}, {});
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_NE(report->findings[0].text.find("replaced"), std::string::npos);
}

TEST(Recorder, SaysHowManyRecordsItLeftOut) {
    const test::TempDir dir;
    const std::string path = dir / "decisions.jsonl";
    Recorder recorder(path, core::TimePoint{});
    for (int i = 0; i < 5; ++i) {
        recorder.write(core::TimePoint{}, record(engine::RecordKind::kSuspicion, 0));
    }
    recorder.write(core::TimePoint{}, record(engine::RecordKind::kActed, 7));
    EXPECT_EQ(end_of(path).seq, 2U);
    EXPECT_NE(text_of(path).find("\"left_out\":4"), std::string::npos);
    EXPECT_EQ(recorder.left_out(), 4U);
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

std::string decided(const char* hold, int minute) {
    return std::string{R"({"kind":"decided","incident":5,"unit":")"} + kUnit +
           R"(","time":"2026-11-21T14:0)" + std::to_string(minute) + R"(:00Z","holds":[{"kind":")" +
           hold + "\"}]}\n";
}

// What the job is for shows when it has ended.
TEST(IncidentHistory, AJobThatWasUnderWayErasesNoStop) {
    const std::string stopped = decided("admin-stopped", 1) + decided("job-queued", 2);
    const IncidentHistory history = read_history(stopped);
    ASSERT_EQ(history.open.size(), 1U);
    EXPECT_EQ(history.open[0].stopped, core::parse_time("2026-11-21T14:01:00Z"));
    EXPECT_FALSE(read_history(stopped + decided("cooling-down", 3)).open[0].stopped);
    EXPECT_FALSE(read_history(decided("job-queued", 1)).open[0].stopped);
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
