// SPDX-License-Identifier: MIT
#include "cli/audit_check.hpp"

#include "cli/audit_view.hpp"
#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/json_text.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace gatemend::cli {
namespace {

using sandbox::AuditFile;
using sandbox::JsonFields;
using sandbox::Sync;

core::TimePoint at(int second) {
    return core::TimePoint{} + std::chrono::seconds{1'795'000'000 + second};
}

// Both records of a machine, and its journal.
class AuditCheck : public testing::Test {
  public:
    AuditCheck() : audit_(dir_ / "audit.jsonl"), decisions_(dir_ / "decisions.jsonl") {
        records_.list = {{audit_, "gatemend-executor.service"}, {decisions_, "gatemend.service"}};
        records_.read_anchors = [this](const AuditRecord& record) {
            return core::Result<std::vector<sandbox::Anchor>>{journal_[record.path]};
        };
        for (int i = 1; i <= 4; ++i) {
            append(audit_, "intent", attempt(i));
            append(decisions_, "acted", attempt(i));
        }
    }

    static std::string attempt(int number) {
        return JsonFields{}.add_number("attempt", static_cast<std::uint64_t>(number)).text();
    }

    void append(const std::string& path, const std::string& kind, const std::string& fields) {
        auto file = AuditFile::open({.path = path});
        ASSERT_TRUE(file) << file.error().text;
        ASSERT_TRUE(file->append(at(++second_), kind, fields, Sync::kNo));
        journal_[path].push_back({file->next_seq() - 1, file->head(), at(second_)});
    }

    static std::string read(const std::string& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    static void write(const std::string& path, const std::string& text) {
        std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
    }

    static void cut_last_record(const std::string& path) {
        std::string text = read(path);
        text.pop_back();
        write(path, text.substr(0, text.rfind('\n') + 1));
    }

    static std::string named(const std::vector<sandbox::AuditFinding>& findings) {
        std::string list;
        for (const auto& finding : findings) {
            list += (list.empty() ? "{" : ",{") +
                    JsonFields{}.add("file", finding.file).add("key", finding.key).text() + "}";
        }
        return JsonFields{}.add_json("findings", "[" + list + "]").text();
    }

    void acknowledge(const std::vector<sandbox::AuditFinding>& findings) {
        append(audit_, "acknowledged", named(findings));
    }

    // By somebody who can write the file.
    void make_up(const std::vector<sandbox::AuditFinding>& findings) {
        append(audit_, "acknowledged", named(findings));
        journal_[audit_].pop_back();
    }

    const test::TempDir dir_;
    std::string audit_;
    std::string decisions_;
    AuditRecords records_;
    std::map<std::string, std::vector<sandbox::Anchor>> journal_;
    int second_ = 0;
};

TEST_F(AuditCheck, FindsNothingWhereNothingIs) {
    for (const CheckedRecord& checked : check_records(records_)) {
        EXPECT_TRUE(checked.is_good());
        EXPECT_EQ(checked.no_journal, "");
        EXPECT_EQ(checked.chain.records, 4U);
    }
    EXPECT_EQ(run_audit_verify(records_, true), 0);
}

TEST_F(AuditCheck, SaysWhenTheJournalHasNothing) {
    journal_.clear();
    EXPECT_NE(check_records(records_)[0].no_journal, "");
    records_.read_anchors = [](const AuditRecord&) -> core::Result<std::vector<sandbox::Anchor>> {
        return core::Error{"no permission"};
    };
    EXPECT_EQ(check_records(records_)[0].no_journal, "no permission");
    EXPECT_EQ(run_audit_verify(records_, false), 0) << "less is known, nothing is wrong";
}

TEST_F(AuditCheck, AMissingEndContradictsTheJournal) {
    cut_last_record(audit_);
    const auto checked = check_records(records_);
    ASSERT_FALSE(checked[0].open.empty());
    EXPECT_EQ(checked[0].open[0].problem, sandbox::AuditProblem::kMissing);
    EXPECT_EQ(checked[0].open[0].seq, 4U);
    EXPECT_TRUE(checked[1].is_good());
    EXPECT_EQ(run_audit_verify(records_, true), 1);
}

TEST_F(AuditCheck, APartOfTheChainIsNotVerified) {
    AuditOptions options;
    options.records = records_;
    options.is_verify = true;
    EXPECT_EQ(run_audit(options), 0);
    options.since = "1h";
    EXPECT_EQ(run_audit(options), 2);
    options.since = "";
    options.incident = 1;
    EXPECT_EQ(run_audit(options), 2);
}

TEST_F(AuditCheck, WhatTheWriterHasFoundIsAFailureUntilItIsAcknowledged) {
    append(audit_, "contradicted", JsonFields{}.add("problem", "another end").text());
    journal_.clear();
    const auto found = check_records(records_)[0].open;
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(run_audit_verify(records_, false), 1);
    acknowledge(found);
    EXPECT_EQ(run_audit_verify(records_, false), 0);
}

TEST_F(AuditCheck, AMissingEndContradictsTheOtherRecord) {
    journal_.clear();
    cut_last_record(audit_);
    const auto checked = check_records(records_);
    ASSERT_EQ(checked[0].open.size(), 1U);
    EXPECT_NE(checked[0].open[0].text.find("attempt 4 is missing"), std::string::npos);
}

TEST_F(AuditCheck, WhatWasAcknowledgedIsNamedAndIsNoFailure) {
    std::string text = read(decisions_);
    text[10] ^= 1;
    write(decisions_, text);
    const auto found = check_records(records_)[1].open;
    ASSERT_EQ(found.size(), 1U);
    acknowledge(found);
    const auto checked = check_records(records_);
    EXPECT_TRUE(checked[1].is_good());
    ASSERT_EQ(checked[1].acknowledged.size(), 1U);
    EXPECT_EQ(checked[1].acknowledged[0].line, 1U);
    text[10] ^= 2;  // the same line, once more
    write(decisions_, text);
    EXPECT_FALSE(check_records(records_)[1].is_good());
}

TEST_F(AuditCheck, AnAcknowledgedContradictionCoversNoLaterOne) {
    cut_last_record(audit_);
    acknowledge(check_records(records_)[0].open);
    EXPECT_TRUE(check_records(records_)[0].is_good());
    append(audit_, "intent", attempt(5));
    cut_last_record(audit_);
    EXPECT_FALSE(check_records(records_)[0].is_good());
}

TEST_F(AuditCheck, AMadeUpAcknowledgementCoversNothing) {
    cut_last_record(audit_);
    auto findings = check_records(records_)[0].open;
    ASSERT_EQ(findings.size(), 2U) << "a missing end, and an attempt that decisions.jsonl tells of";
    EXPECT_EQ(findings[0].key.size(), 64U);
    EXPECT_EQ(findings[1].key.size(), 64U);
    sandbox::AuditFinding nothing = findings[0];
    nothing.key = "";
    findings.push_back(nothing);
    make_up(findings);
    const auto checked = check_records(records_);
    EXPECT_EQ(checked[0].open.size(), 2U) << "the record behind does not hide it";
    EXPECT_TRUE(checked[0].acknowledged.empty());
    EXPECT_EQ(run_audit_verify(records_, false), 1);
    append(audit_, "start", "");
    EXPECT_EQ(run_audit_verify(records_, false), 1) << "nor does the executor that goes on";
    acknowledge(check_records(records_)[0].open);
    EXPECT_EQ(run_audit_verify(records_, false), 0);
}

TEST_F(AuditCheck, AnEmptyKeyCoversNothing) {
    cut_last_record(audit_);
    auto findings = check_records(records_)[0].open;
    for (sandbox::AuditFinding& finding : findings) {
        finding.key = "";
    }
    acknowledge(findings);
    EXPECT_FALSE(check_records(records_)[0].open.empty());
}

TEST_F(AuditCheck, AnAcknowledgementOutlivesItsOwnEntryInTheJournal) {
    std::string text = read(decisions_);
    text[10] ^= 1;
    write(decisions_, text);
    acknowledge(check_records(records_)[1].open);
    append(audit_, "intent", attempt(5));
    auto& anchors = journal_[audit_];
    anchors.erase(anchors.begin(), anchors.end() - 1);  // vacuumed
    const auto checked = check_records(records_)[1];
    EXPECT_TRUE(checked.is_good()) << "what follows it in the chain is named";
    EXPECT_FALSE(checked.is_unconfirmed);
    ASSERT_EQ(checked.acknowledged.size(), 1U);
}

TEST_F(AuditCheck, SaysWhereOnlyTheRecordTellsOfAnAcknowledgement) {
    std::string text = read(decisions_);
    text[10] ^= 1;
    write(decisions_, text);
    make_up(check_records(records_)[1].open);
    EXPECT_FALSE(check_records(records_)[1].is_good());
    journal_.clear();
    const auto checked = check_records(records_);
    EXPECT_TRUE(checked[1].is_good());
    EXPECT_TRUE(checked[1].is_unconfirmed);
}

// The agent owns the folder of its older parts.
TEST_F(AuditCheck, APipeOrALinkInPlaceOfAPartIsNeitherWaitedForNorRead) {
    const std::string part = sandbox::archive_path(decisions_, 1);
    const AuditOptions options{.records = records_,
                               .is_verify = false,
                               .is_json = true,
                               .since = "",
                               .incident = {},
                               .now = at(100)};
    std::filesystem::create_directory(sandbox::archive_folder(decisions_));
    ASSERT_EQ(mkfifo(part.c_str(), 0600), 0);
    EXPECT_EQ(run_audit(options), 1);
    EXPECT_EQ(run_audit_verify(records_, true), 1);
    std::filesystem::remove(part);
    std::filesystem::create_symlink(audit_, part);
    EXPECT_EQ(run_audit(options), 1);
    EXPECT_EQ(run_audit_verify(records_, true), 1);
    std::filesystem::remove(part);
    EXPECT_EQ(run_audit(options), 0);
}

}  // namespace
}  // namespace gatemend::cli
