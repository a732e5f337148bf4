// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_file.hpp"

#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

core::Result<AuditFile> open_file(const std::string& path) {
    return AuditFile::open({.path = path, .mode = 0600});
}

class AuditFolder : public testing::Test {
  public:
    AuditFolder() {
        std::string pattern = (fs::temp_directory_path() / "gatemend-audit-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        path_ = folder_ / "audit.jsonl";
    }

    ~AuditFolder() override { fs::remove_all(folder_); }

    void write_records(int count) const {
        auto file = open_file(path_);
        ASSERT_TRUE(file) << file.error().text;
        for (int i = 0; i < count; ++i) {
            JsonFields fields;
            fields.add("unit", "x.service").add_number("n", static_cast<std::uint64_t>(i));
            ASSERT_TRUE(file->append(at(i), "note", fields.text(), Sync::kNo));
        }
    }

    static core::TimePoint at(int second) {
        return core::TimePoint{} + std::chrono::seconds{1'795'000'000 + second};
    }

    [[nodiscard]] std::string read() const {
        std::ifstream file{path_, std::ios::binary};
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    void write(const std::string& text) const {
        std::ofstream{path_, std::ios::binary | std::ios::trunc} << text;
    }

    [[nodiscard]] AuditReport verify() const {
        auto report = read_audit(path_, [](std::string_view) {});
        EXPECT_TRUE(report);
        return std::move(report).value();
    }

    fs::path folder_;
    std::string path_;
};

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream{text};
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string join_lines(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text.append(line).push_back('\n');
    }
    return text;
}

TEST(Digest, IsTheStandardOne) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(JsonText, EscapesWhatWouldEndAStringAndReplacesInvalidUtf8) {
    EXPECT_EQ(json_quote("a\"b\\c\nd\x01"), "\"a\\\"b\\\\c\\nd\\u0001\"");
    EXPECT_EQ(json_quote("\xC3\xA4"), "\"\xC3\xA4\"");
    EXPECT_EQ(json_quote("\xC3"), "\"\xEF\xBF\xBD\"");
    EXPECT_EQ(json_quote("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_F(AuditFolder, ContinuesTheChainAfterReopening) {
    write_records(3);
    write_records(2);
    const AuditReport report = verify();
    EXPECT_EQ(report.problem, AuditProblem::kNone) << report.text;
    EXPECT_EQ(report.records, 5U);
    EXPECT_EQ(open_file(path_)->head(), report.head);
}

TEST_F(AuditFolder, ClosesOffATornLineAndKeepsItsText) {
    write_records(2);
    write(read() + "{\"seq\":3,\"time\":\"20");
    EXPECT_EQ(verify().problem, AuditProblem::kTornLastLine);
    auto file = open_file(path_);
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->has_torn_line());
    ASSERT_TRUE(file->append(at(9), "note", "", Sync::kYes));
    const AuditReport report = verify();
    EXPECT_EQ(report.problem, AuditProblem::kNone) << report.text;
    EXPECT_EQ(report.records, 4U);
    EXPECT_NE(read().find("\"kind\":\"torn\",\"bytes\":19"), std::string::npos);
}

TEST_F(AuditFolder, TornAtEveryByteIsRecovered) {
    write_records(2);
    const std::string whole = read();
    const std::size_t first = whole.find('\n') + 1;
    for (std::size_t size = 1; size < whole.size(); ++size) {
        write(whole.substr(0, size));
        auto file = open_file(path_);
        ASSERT_TRUE(file) << size;
        EXPECT_EQ(file->has_torn_line(), size != first) << size;
        ASSERT_TRUE(file->append(at(9), "note", "", Sync::kNo));
        EXPECT_EQ(verify().problem, AuditProblem::kNone) << size;
    }
}

TEST_F(AuditFolder, RefusesToContinueAnAlteredLastRecord) {
    write_records(2);
    std::string text = read();
    text[text.rfind("x.service")] = 'y';
    write(text);
    EXPECT_FALSE(open_file(path_));
}

TEST_F(AuditFolder, HasOneWriter) {
    auto first = open_file(path_);
    ASSERT_TRUE(first);
    EXPECT_FALSE(open_file(path_));
}

TEST_F(AuditFolder, RefusesALinkAndAFolder) {
    fs::create_symlink("/dev/null", path_);
    EXPECT_FALSE(open_file(path_));
    EXPECT_FALSE(open_file(folder_));
}

TEST_F(AuditFolder, RefusesFieldsThatAreNotJson) {
    auto file = open_file(path_);
    ASSERT_TRUE(file);
    EXPECT_FALSE(file->append(at(0), "note", "\"a\":", Sync::kNo));
    EXPECT_FALSE(file->append(at(0), "note", "\"a\":1}\n{\"b\":2", Sync::kNo));
    EXPECT_FALSE(file->append(at(0), "no\"te", "", Sync::kNo));
    EXPECT_FALSE(file->append(
        at(0), "note", "\"a\":\"" + std::string(kMaxRecordBytes, 'x') + "\"", Sync::kNo));
    EXPECT_EQ(read(), "");
}

// A full disk as the kernel shows it: a write that is cut short.
TEST_F(AuditFolder, LeavesNothingHalfWrittenWhenTheDiskIsFull) {
    write_records(2);
    const std::string before = read();
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{before.size() + 50, before.size() + 50};
        auto file = open_file(path_);
        const bool is_limited = file && setrlimit(RLIMIT_FSIZE, &limit) == 0;
        const bool is_refused = is_limited && !file->append(at(5), "note", "", Sync::kYes);
        const bool is_refused_again = is_refused && !file->append(at(6), "note", "", Sync::kYes);
        _exit(is_refused_again ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(read(), before);
    EXPECT_EQ(verify().problem, AuditProblem::kNone);
}

TEST_F(AuditFolder, NamesTheLineOfTheFirstProblem) {
    write_records(5);
    auto lines = split_lines(read());
    lines.erase(lines.begin() + 2);
    write(join_lines(lines));
    const AuditReport report = verify();
    EXPECT_EQ(report.problem, AuditProblem::kMissing);
    EXPECT_EQ(report.line, 3U);
    EXPECT_EQ(
        report.text,
        path_ + ":3: this record does not follow from the record before it: record 3 is missing");
}

TEST_F(AuditFolder, TakesNothingForTornThatACrashCouldNotLeave) {
    write_records(2);
    const std::string whole = read();
    for (const std::string& rest : {std::string{"x"},
                                    std::string{"{\"seq\":4,"},
                                    std::string{"{\"seq\":3,\"kind\""},
                                    std::string{"\0{", 2}}) {
        write(whole + rest);
        EXPECT_EQ(verify().problem, AuditProblem::kBadLine) << rest;
        EXPECT_FALSE(open_file(path_)) << rest;
    }
    // a file system that has grown the file, and not written what belongs there
    write(whole + std::string(4096, '\0'));
    EXPECT_EQ(verify().problem, AuditProblem::kTornLastLine);
    write(whole + "{\"seq\":3,\"time\":" + std::string(100, '\0'));
    EXPECT_EQ(verify().problem, AuditProblem::kTornLastLine);
    EXPECT_TRUE(open_file(path_));
}

TEST_F(AuditFolder, WhatIsReservedIsThereAndNotPartOfTheFile) {
    auto file = open_file(path_);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append(at(0), "note", "", Sync::kYes));
    const std::string before = read();
    ASSERT_TRUE(file->reserve(std::uint64_t{64} * 1024));
    EXPECT_EQ(read(), before);

    struct stat info {};

    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_GE(info.st_blocks * 512, 64 * 1024);
    ASSERT_TRUE(file->append(at(1), "note", "", Sync::kYes));
    EXPECT_EQ(verify().problem, AuditProblem::kNone);
}

class OwnFolder : public AuditFolder {
  public:
    OwnFolder() {
        auto opened = AuditFile::open({.path = path_, .mode = 0640, .is_put_back = true});
        EXPECT_TRUE(opened) << opened.error().text;
        file_.emplace(std::move(*opened));
        note(0);
    }

    void note(int n) {
        const core::Status status = file_->append(at(n), "note", "\"n\":1", Sync::kYes);
        EXPECT_TRUE(status) << status.error().text;
    }

    [[nodiscard]] std::size_t lines() const {
        const std::string text = read();
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    std::optional<AuditFile> file_;
};

TEST_F(OwnFolder, ARecordThatWasMovedAwayIsPutBackWhole) {
    const std::string before = read();
    fs::rename(path_, folder_ / "elsewhere");
    note(1);
    EXPECT_EQ(read().substr(0, before.size()), before);
    EXPECT_EQ(lines(), 3U) << "with a record of what happened";
    EXPECT_NE(read().find("\"kind\":\"replaced\""), std::string::npos);
    EXPECT_FALSE(open_file(path_)) << "it is locked as before";
    note(2);
    EXPECT_EQ(lines(), 4U) << "said once";
    EXPECT_EQ(verify().problem, AuditProblem::kNone);
}

TEST_F(OwnFolder, ARecordThatWasUnlinkedIsPutBackWhole) {
    fs::remove(path_);
    note(1);
    EXPECT_EQ(lines(), 3U);

    struct stat info {};

    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0640U);
}

TEST_F(OwnFolder, WhateverLiesInItsPlaceIsKeptAside) {
    fs::remove(path_);
    fs::create_symlink("/etc/hostname", path_);
    note(1);
    EXPECT_FALSE(fs::is_symlink(path_));
    EXPECT_TRUE(fs::is_symlink(found_path(path_)));
    fs::remove(path_);
    fs::create_directory(path_);
    EXPECT_TRUE(file_->append(at(2), "note", "", Sync::kYes)) << "a folder in its place";
    EXPECT_TRUE(fs::is_regular_file(path_));
    EXPECT_EQ(lines(), 5U);
    EXPECT_EQ(verify().problem, AuditProblem::kNone);
}

TEST_F(OwnFolder, IsPutBackBeforeAnActBegins) {
    fs::remove(path_);
    EXPECT_TRUE(file_->check_place());
    EXPECT_TRUE(fs::exists(path_));
}

TEST_F(OwnFolder, NothingIsWrittenBehindWhatSomebodyElseWrote) {
    const std::string before = read();
    std::ofstream{path_, std::ios::app} << "x\n";
    EXPECT_FALSE(file_->append(at(1), "note", "", Sync::kYes));
    fs::resize_file(path_, before.size());
    EXPECT_TRUE(file_->append(at(1), "note", "", Sync::kYes)) << "it is as it was again";
    fs::resize_file(path_, 0);
    EXPECT_FALSE(file_->append(at(2), "note", "", Sync::kYes));
}

TEST_F(AuditFolder, InAFolderOfOthersAMovedRecordIsAnError) {
    auto file = open_file(path_);
    ASSERT_TRUE(file->append(at(0), "note", "", Sync::kNo));
    fs::rename(path_, folder_ / "elsewhere");
    const core::Status status = file->append(at(1), "note", "", Sync::kNo);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().text.find("moved away"), std::string::npos);
    EXPECT_FALSE(fs::exists(path_));
}

}  // namespace
}  // namespace gatemend::sandbox
