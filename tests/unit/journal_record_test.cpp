// SPDX-License-Identifier: MIT
#include "parse/journal_record.hpp"

#include "parse/journal_stream.hpp"
#include "parse/symptom_event.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr std::string_view kUnit = "php8.2-fpm.service";

JournalRecord by_manager(const std::string& message_id, const std::string& message) {
    JournalRecord record;
    record.message = message;
    record.message_id = message_id;
    record.unit = kUnit;
    record.identifier = "systemd";
    record.pid = 1;
    record.transport = "journal";
    return record;
}

TEST(JournalRecord, GoesByTheMessageIdOfProcessOne) {
    struct Case {
        const char* id;
        Clue clue;
    };

    for (const Case& item : {Case{"d9b373ed55a64feb8242e02dbe79a49c", Clue::kUnitFailed},
                             Case{"be02cf6855d2428ba40df7e9d022f03d", Clue::kUnitFailed},
                             Case{"39f53479d3a045ac8e11786248231fbf", Clue::kUnitStarted},
                             Case{"9d1aaa27d60140bd96365438aad20286", Clue::kUnitStopped},
                             Case{"fe6faa94e7774663a0da52717891d8ef", Clue::kOomUnit}}) {
        const JournalRecord record = by_manager(item.id, "words of a version to come");
        const LogFinding finding = read_journal_record(record);
        EXPECT_EQ(finding.clue, item.clue) << item.id;
        EXPECT_EQ(finding.subject, kUnit);
        EXPECT_EQ(finding.source, LogSource::kSystemd);
        EXPECT_TRUE(finding.is_trusted);
    }
}

TEST(JournalRecord, AddsFromTheTextWhatTheIdDoesNotSay) {
    const JournalRecord exited =
        by_manager("98e322203f7a4ed290d09fe03c09fe15",
                   "php8.2-fpm.service: Main process exited, code=exited, status=78/CONFIG");
    EXPECT_EQ(read_journal_record(exited).clue, Clue::kWorkerExit);
    EXPECT_EQ(read_journal_record(exited).number, 78);
    const JournalRecord oom = by_manager("d9b373ed55a64feb8242e02dbe79a49c",
                                         "php8.2-fpm.service: Failed with result 'oom-kill'.");
    EXPECT_EQ(read_journal_record(oom).clue, Clue::kOomUnit);
    EXPECT_EQ(read_journal_record(oom).symptom, Symptom::kOomKill);
    const JournalRecord limit =
        by_manager("d9b373ed55a64feb8242e02dbe79a49c",
                   "php8.2-fpm.service: Failed with result 'start-limit-hit'.");
    EXPECT_EQ(read_journal_record(limit).clue, Clue::kUnitStartLimit);
}

TEST(JournalRecord, BelievesNoMessageIdOfAnotherProcess) {
    JournalRecord forged = by_manager("fe6faa94e7774663a0da52717891d8ef",
                                      "php8.2-fpm.service: A process of this unit has been killed "
                                      "by the OOM killer.");
    forged.pid = 4711;
    EXPECT_FALSE(read_journal_record(forged).is_trusted);
    EXPECT_TRUE(read_journal_record(forged).is_hearsay);
    EXPECT_EQ(symptom_seen(read_journal_record(forged), "").witness, core::Witness::kLog);
    forged.message = "hello";
    EXPECT_EQ(read_journal_record(forged).symptom, Symptom::kNone);
    EXPECT_EQ(read_journal_record(forged).clue, Clue::kNone);
}

TEST(JournalRecord, BelievesTheKernelByItsTransport) {
    JournalRecord record;
    record.message =
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        "oom_memcg=/a.slice,task_memcg=/system.slice/"
        "php8.2-fpm.service,task=php-fpm8.2,pid=7,uid=33";
    record.identifier = "kernel";
    EXPECT_FALSE(read_journal_record(record).is_trusted);
    record.transport = "kernel";
    const LogFinding finding = read_journal_record(record);
    EXPECT_TRUE(finding.is_trusted);
    EXPECT_EQ(finding.clue, Clue::kOomCgroup);
    EXPECT_EQ(finding.subject, "/system.slice/php8.2-fpm.service");
}

TEST(JournalRecord, ReadsAProgramByItsNameAndNamesItsUnit) {
    JournalRecord record;
    record.identifier = "php-fpm8.2";
    record.unit = kUnit;
    record.pid = 48;
    record.transport = "stdout";
    record.message =
        "[21-Nov-2026 14:29:41] ERROR: unable to bind listening socket for address "
        "'127.0.0.1:9000': Address already in use (98)";
    EXPECT_EQ(read_journal_record(record).clue, Clue::kAddressInUse);
    EXPECT_EQ(read_journal_record(record).subject, "127.0.0.1:9000");
    record.message = "[21-Nov-2026 14:29:41] ERROR: FPM initialization failed";
    EXPECT_EQ(read_journal_record(record).clue, Clue::kBootFailed);
    EXPECT_EQ(read_journal_record(record).subject, kUnit);
}

TEST(JournalRecord, ReadsWhatNginxSaidWhenItsStartFailed) {
    JournalRecord record;
    record.identifier = "nginx";
    record.unit = "nginx.service";
    record.pid = 77;
    record.message = "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)";
    const LogFinding finding = read_journal_record(record);
    EXPECT_EQ(finding.source, LogSource::kNginxError);
    EXPECT_EQ(finding.symptom, Symptom::kConfigError);
    EXPECT_EQ(finding.error_number, 98);
    EXPECT_FALSE(finding.is_trusted);
    record.message =
        "2026/11/21 14:33:28 [crit] 7#7: *57 connect() to unix:/run/php/x.sock failed (2: No such "
        "file or directory) while connecting to upstream, client: 192.0.2.7, server: example.com, "
        "request: \"GET / HTTP/1.1\", upstream: \"fastcgi://unix:/run/php/x.sock:\", host: "
        "\"example.com\"";
    EXPECT_EQ(read_journal_record(record).symptom, Symptom::kSocketMissing);
    EXPECT_FALSE(read_journal_record(record).is_trusted);
}

std::string export_entries() {
    std::string text =
        "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795271830123456\nPRIORITY=5\n_PID=1\n"
        "_TRANSPORT=journal\nSYSLOG_IDENTIFIER=systemd\nUNIT=php8.2-fpm.service\n"
        "_SYSTEMD_UNIT=init.scope\nMESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\n"
        "MESSAGE=php8.2-fpm.service: Failed with result 'signal'.\n\n"
        "__REALTIME_TIMESTAMP=1795271830123457\n_PID=48\n_SYSTEMD_UNIT=app.service\n"
        "UNIT=forged.service\n_TRANSPORT=stdout\nMESSAGE\n";
    text.append("\x0b\0\0\0\0\0\0\0", 8);
    text += "two\n\nlines=\n\n";
    return text;
}

TEST(JournalExportReader, ReadsEntriesInPiecesOfAnySize) {
    const std::string text = export_entries();
    for (std::size_t size = 1; size <= text.size(); ++size) {
        JournalExportReader reader;
        std::vector<JournalRecord> records;
        for (std::size_t at = 0; at < text.size(); at += size) {
            reader.feed(std::string_view(text).substr(at, size), records);
        }
        reader.finish(records);
        ASSERT_EQ(records.size(), 2U) << size;
        EXPECT_EQ(records[0].unit, kUnit);
        EXPECT_EQ(records[0].realtime_usec, 1795271830123456);
        EXPECT_EQ(records[0].priority, 5);
        EXPECT_EQ(records[1].message, "two\n\nlines=");
        EXPECT_EQ(records[1].unit, "app.service");
    }
}

TEST(JournalExportReader, KeepsNoMoreThanItsLimit) {
    JournalExportReader reader;
    std::vector<JournalRecord> records;
    reader.feed("MESSAGE=", records);
    for (int i = 0; i < 100; ++i) {
        reader.feed(std::string(4096, 'x'), records);
    }
    reader.finish(records);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].message.size(), kMaxJournalFieldBytes);
}

TEST(JournalJson, ReadsALine) {
    const auto record = read_journal_json(
        R"({"__REALTIME_TIMESTAMP":"1795271830123456","_PID":"1","UNIT":"app.service",)"
        R"("MESSAGE":"app.service: Failed with result 'exit-code'.","_TRANSPORT":"journal",)"
        R"("_SYSTEMD_UNIT":"init.scope","X":["a","b"],"N":null})");
    ASSERT_TRUE(record);
    EXPECT_EQ(record->unit, "app.service");
    EXPECT_EQ(record->pid, 1);
    EXPECT_EQ(read_journal_record(*record).clue, Clue::kUnitFailed);
    EXPECT_FALSE(read_journal_json("{\"log\":\"x\"}"));
    EXPECT_FALSE(read_journal_json(""));
}

}  // namespace
}  // namespace gatemend::parse
