// SPDX-License-Identifier: MIT
#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

core::TimePoint at(int second) {
    return core::TimePoint{} + std::chrono::seconds{1'795'000'000 + second};
}

std::string read_file(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

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

// A record that rotates after a few lines.
class Chain : public testing::Test {
  public:
    Chain() : path_((dir_ / "audit.jsonl")) {}

    [[nodiscard]] AuditPlace place() const {
        return {.path = path_,
                .mode = 0600,
                .carry = carry_,
                .rotate_bytes = 1500,
                .max_archives = max_archives_};
    }

    void write_records(int count) {
        auto file = AuditFile::open(place());
        ASSERT_TRUE(file) << file.error().text;
        for (int i = 0; i < count; ++i) {
            append(*file);
        }
        ASSERT_EQ(file->rotation_problem(), "");
        head_ = file->head();
        last_seq_ = file->next_seq() - 1;
    }

    void append(AuditFile& file) {
        JsonFields fields;
        fields.add("unit", "x.service").add_number("n", static_cast<std::uint64_t>(++written_));
        ASSERT_TRUE(file.append(at(written_), "note", fields.text(), Sync::kNo));
        anchors_.push_back({file.next_seq() - 1, file.head(), at(written_)});
    }

    [[nodiscard]] ChainReport verify(const std::vector<Anchor>& anchors = {}) const {
        auto report = read_chain(path_, anchors, {});
        EXPECT_TRUE(report) << report.error().text;
        return report ? std::move(report).value() : ChainReport{};
    }

    [[nodiscard]] std::string part(std::uint64_t n) const { return archive_path(path_, n); }

    [[nodiscard]] Files files() const {
        Files result;
        const auto paths = chain_files(path_);
        for (const std::string& path : *paths) {
            result[path] = read_file(path);
        }
        return result;
    }

    void put_back(const Files& files) const {
        fs::remove_all(archive_folder(path_));
        fs::create_directory(archive_folder(path_));
        for (const auto& [path, text] : files) {
            write_file(path, text);
        }
    }

    const test::TempDir dir_;
    std::string path_;
    Carry carry_;
    std::size_t max_archives_ = 5;
    int written_ = 0;
    std::string head_;
    std::uint64_t last_seq_ = 0;
    std::vector<Anchor> anchors_;
};

TEST_F(Chain, GoesOnOverRotations) {
    write_records(18);
    const ChainReport report = verify(anchors_);
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().text;
    EXPECT_GE(report.files.size(), 3U);
    EXPECT_EQ(report.head, head_);
    EXPECT_EQ(report.first_seq, 1U);
    EXPECT_EQ(report.last_seq, last_seq_);
    EXPECT_EQ(report.records, last_seq_) << "a sequence without a gap";
    EXPECT_EQ(split_lines(read_file(path_))
                  .front()
                  .find(",\"kind\":\"continued\",\"file\":\"audit.jsonl."),
              split_lines(read_file(path_)).front().find(",\"kind\""));
}

TEST_F(Chain, StaysBoundedAndSaysWhereItBegins) {
    write_records(200);
    const ChainReport report = verify(anchors_);
    EXPECT_TRUE(report.findings.empty()) << report.findings.front().text;
    EXPECT_EQ(report.files.size(), max_archives_ + 1);
    EXPECT_GT(report.first_seq, 1U);
    std::uintmax_t bytes = 0;
    for (const auto& [path, text] : files()) {
        bytes += text.size();
    }
    EXPECT_LE(bytes, (max_archives_ + 1) * 1500);
}

TEST_F(Chain, AnOldPartMoreOrLessThanWasDroppedIsMissed) {
    write_records(200);
    const auto archives = list_archives(path_);
    fs::remove(part(archives->numbers.front()));
    const ChainReport report = verify();
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(report.findings.front().problem, AuditProblem::kMissing);
    EXPECT_NE(report.findings.front().text.find("at the beginning"), std::string::npos);
}

TEST_F(Chain, CarriesWhatTheWriterWants) {
    carry_ = [](const std::string& old) -> core::Result<std::vector<CarriedRecord>> {
        int records = 0;
        (void)read_audit(old, [&records](std::string_view) { ++records; });
        return std::vector<CarriedRecord>{{"carried", "\"records\":" + std::to_string(records)}};
    };
    write_records(8);
    const auto lines = split_lines(read_file(path_));
    const auto before = split_lines(read_file(part(1))).size();
    EXPECT_NE(lines[0].find("\"carried\":1"), std::string::npos);
    EXPECT_NE(lines[1].find("\"kind\":\"carried\",\"records\":" + std::to_string(before)),
              std::string::npos);
    EXPECT_TRUE(verify().findings.empty());
}

// Every state a crash can leave: with the copy in any length and the file in any.
TEST_F(Chain, ARotationThatIsInterruptedAnywhereLosesNothing) {
    write_records(8);
    const std::string old = read_file(part(1));
    const std::string fresh = read_file(path_);
    const std::string copy = unfinished_path(path_, 1);
    const auto check = [&](const std::string& copied, const std::string& live) {
        put_back({{copy, copied}, {path_, live}});
        const ChainReport meanwhile = verify();
        EXPECT_TRUE(meanwhile.findings.empty()) << meanwhile.findings.front().text;
        auto file = AuditFile::open(place());
        ASSERT_TRUE(file) << file.error().text;
        ASSERT_TRUE(file->append(at(99), "note", "", Sync::kNo));
        const ChainReport report = verify();
        EXPECT_TRUE(report.findings.empty()) << report.findings.front().text;
        EXPECT_GE(report.records, split_lines(old).size() + 1);
        EXPECT_FALSE(fs::exists(copy));
    };
    for (std::size_t size = 0; size <= old.size(); size += 61) {
        check(old.substr(0, size), old);  // copying
    }
    for (std::size_t size = 0; size <= fresh.size(); size += 5) {
        check(old, fresh.substr(0, size));  // beginning anew
    }
}

TEST_F(Chain, AnEmptiedFileIsNoRotation) {
    write_records(18);
    write_file(path_, "");
    EXPECT_FALSE(AuditFile::open(place()));
    EXPECT_FALSE(verify(anchors_).findings.empty());
}

TEST_F(Chain, AnOldPartInPlaceOfTheFileIsRefused) {
    write_records(18);
    write_file(path_, read_file(part(1)));
    EXPECT_FALSE(AuditFile::open(place()));
    write_file(path_, read_file(part(2)));
    EXPECT_FALSE(AuditFile::open(place()));
    EXPECT_FALSE(verify().findings.empty());
}

TEST_F(Chain, AFailingRotationLosesNothingAndEndsAtTwiceTheSize) {
    write_file(archive_folder(path_), "in the way");
    auto file = AuditFile::open(place());
    ASSERT_FALSE(file) << "what is not a folder is not overlooked";
    fs::remove(archive_folder(path_));
    carry_ = [](const std::string&) -> core::Result<std::vector<CarriedRecord>> {
        return core::Error{"no"};
    };
    file = AuditFile::open(place());
    ASSERT_TRUE(file);
    int count = 0;
    while (file->append(at(0), "note", "", Sync::kNo)) {
        ++count;
    }
    EXPECT_NE(file->rotation_problem(), "");
    EXPECT_GT(read_file(path_).size(), 1500U);
    EXPECT_LE(read_file(path_).size(), 3000U);
    EXPECT_EQ(verify().records, static_cast<std::uint64_t>(count));
    EXPECT_TRUE(verify().findings.empty());
}

TEST_F(Chain, PutsABrokenFileAsideAndGoesOn) {
    write_records(12);
    std::string text = read_file(path_);
    text[text.rfind("x.service")] = 'y';
    write_file(path_, text);
    ASSERT_FALSE(AuditFile::open(place()));
    {
        auto file = AuditFile::start_over(place(), at(50), "its last record was altered");
        ASSERT_TRUE(file) << file.error().text;
        ASSERT_TRUE(file->append(at(51), "note", "", Sync::kNo));
    }
    EXPECT_TRUE(AuditFile::open(place()));
    const auto numbers = list_archives(path_)->numbers;
    EXPECT_EQ(read_file(part(numbers.back())), text);
    const ChainReport report = verify();
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].text,
              part(numbers.back()) + ": was put aside as broken: its last record was altered");
    EXPECT_EQ(report.findings[0].key, *file_sha256_hex(part(numbers.back())));
    // what was put aside can no longer be changed
    write_file(part(numbers.back()), text + "more");
    EXPECT_GT(verify().findings.size(), 1U);
}

TEST_F(Chain, PuttingAsideMayBeInterruptedToo) {
    write_records(12);
    std::string text = read_file(path_);
    text[text.rfind("x.service")] = 'y';
    write_file(path_, "");
    write_file(unfinished_path(path_, list_archives(path_)->numbers.back() + 1), text);
    ASSERT_FALSE(AuditFile::open(place()));
    EXPECT_TRUE(AuditFile::start_over(place(), at(50), "broken"));
    EXPECT_EQ(verify().findings.size(), 1U);
    EXPECT_TRUE(AuditFile::open(place()));
}

TEST_F(Chain, NamesFileLineAndSequence) {
    write_records(18);
    auto lines = split_lines(read_file(part(2)));
    const std::string seq = std::to_string(split_lines(read_file(part(1))).size() + 3);
    lines[2][20] = '!';
    write_file(part(2), join_lines(lines));
    const ChainReport report = verify();
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].file, part(2));
    EXPECT_EQ(report.findings[0].line, 3U);
    EXPECT_EQ(std::to_string(report.findings[0].seq), seq);
    EXPECT_EQ(report.findings[0].text,
              part(2) + ":3: this record was altered or is no record (record " + seq + ")");
}

TEST_F(Chain, WhatIsMissingAtTheEndContradictsTheJournal) {
    write_records(18);
    auto lines = split_lines(read_file(path_));
    lines.pop_back();
    write_file(path_, join_lines(lines));
    EXPECT_TRUE(verify().findings.empty());
    const ChainReport report = verify({anchors_.back()});
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].problem, AuditProblem::kMissing);
    EXPECT_EQ(report.findings[0].seq, last_seq_);
    EXPECT_EQ(report.findings[0].line, lines.size() + 1);
}

TEST_F(Chain, AWholeNewRecordContradictsTheJournal) {
    write_records(5);
    const auto anchors = anchors_;
    fs::remove(path_);
    written_ = 50;
    write_records(9);
    EXPECT_TRUE(verify().findings.empty());
    ASSERT_FALSE(verify(anchors).findings.empty());
    EXPECT_EQ(verify(anchors).findings[0].problem, AuditProblem::kNotInJournal);
}

// Random edits of every kind, anywhere in any part: each is found, in the files or, where whole
// records are missing at the end, with the journal's newest anchor.
class Tampering : public Chain {
  protected:
    static void flip_bit(char& byte, std::mt19937::result_type bit) {
        byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
    }

    std::size_t pick(std::size_t size) { return random_() % size; }

    void edit_lines(std::string& text) {
        auto lines = split_lines(text);
        const std::size_t a = pick(lines.size());
        const std::size_t b = pick(lines.size());
        const auto place = lines.begin() + static_cast<std::ptrdiff_t>(a);
        switch (random_() % 6) {
            case 0:
                flip_bit(lines[a][pick(lines[a].size())], random_() % 8);
                break;
            case 1:
                lines.erase(place);
                break;
            case 2: {
                const std::string copy = lines[b];
                lines.insert(place, copy);
                break;
            }
            case 3:
                std::swap(lines[a], lines[b]);
                break;
            case 4:
                lines[a].erase(pick(lines[a].size()), 1 + pick(5));
                break;
            default:
                lines[a].insert(pick(lines[a].size()), 1, static_cast<char>(random_()));
                break;
        }
        text = join_lines(lines);
    }

    void edit_files(Files& files) {
        const auto any = [&] {
            return std::next(files.begin(), static_cast<std::ptrdiff_t>(pick(files.size())));
        };
        const auto a = any();
        const auto b = any();
        switch (random_() % 8) {
            case 0:
                a->second.resize(pick(a->second.size()));
                break;
            case 1:
                a->second.erase(0, 1 + pick(a->second.size()));
                break;
            case 2:
                a->second = b->second;
                break;
            case 3:
                std::swap(a->second, b->second);
                break;
            case 4:
                if (a->first != path_) {
                    files.erase(a);
                }
                break;
            case 5:
                a->second += b->second;
                break;
            default:
                edit_lines(a->second);
                break;
        }
    }

    std::mt19937 random_{20261121};
};

TEST_F(Tampering, IsAlwaysFound) {
    max_archives_ = 3;
    write_records(60);
    const Files original = files();
    const std::vector<Anchor> anchor{anchors_.back()};
    ASSERT_TRUE(verify(anchor).findings.empty());
    ASSERT_EQ(original.size(), 4U);
    int edits = 0;
    for (int i = 0; i < 3000; ++i) {
        Files changed = original;
        edit_files(changed);
        if (changed == original) {
            continue;
        }
        ++edits;
        put_back(changed);
        const ChainReport report = verify(anchor);
        ASSERT_FALSE(report.findings.empty()) << "edit " << i;
        EXPECT_NE(report.findings.front().text, "");
        EXPECT_NE(report.findings.front().seq, 0U);
    }
    EXPECT_GT(edits, 2000);
}

// One edit of one line is found where it is.
TEST_F(Tampering, IsNamedWhereItIs) {
    max_archives_ = 3;
    write_records(60);
    const Files original = files();
    for (int i = 0; i < 500; ++i) {
        Files changed = original;
        const auto file =
            std::next(changed.begin(), static_cast<std::ptrdiff_t>(pick(changed.size())));
        auto lines = split_lines(file->second);
        const std::size_t line = pick(lines.size());
        char& byte = lines[line][pick(lines[line].size())];
        flip_bit(byte, random_() % 8);
        if (byte == '\n') {
            continue;  // makes two lines of one
        }
        file->second = join_lines(lines);
        put_back(changed);
        const ChainReport report = verify();
        ASSERT_FALSE(report.findings.empty());
        EXPECT_EQ(report.findings[0].file, file->first);
        EXPECT_EQ(report.findings[0].line, line + 1) << report.findings[0].text;
    }
}

TEST(Archives, CountsOnlyItsOwnParts) {
    const test::TempDir dir;
    const std::string path = dir / "audit.jsonl";
    fs::create_directory(archive_folder(path));
    for (const char* name : {"audit.jsonl.2",
                             "audit.jsonl.10",
                             "audit.jsonl.03",
                             "audit.jsonl.x",
                             "audit.jsonl.",
                             "other.jsonl.4",
                             "audit.jsonl.11.new",
                             "audit.jsonl.0"}) {
        write_file(archive_folder(path) + "/" + name, "");
    }
    const auto archives = list_archives(path);
    ASSERT_TRUE(archives);
    EXPECT_EQ(archives->numbers, (std::vector<std::uint64_t>{2, 10}));
    EXPECT_EQ(archives->unfinished, 11U);
}

TEST(Archives, ALinkInPlaceOfAPartIsNotFollowed) {
    const test::TempDir dir;
    const std::string path = dir / "audit.jsonl";
    write_file(path, "");
    fs::create_directory(archive_folder(path));
    fs::create_symlink("/etc/passwd", archive_path(path, 1));
    EXPECT_FALSE(read_chain(path, {}, {}));
    EXPECT_FALSE(read_beginning(archive_path(path, 1), 10));
}

std::string contradiction(const std::string& path, const Anchor& anchor) {
    const auto found = find_contradiction(path, anchor);
    return found ? *found : "error: " + found.error().text;
}

TEST_F(Chain, ContradictsNoAnchorOfItsOwn) {
    write_records(18);
    for (const Anchor& anchor : anchors_) {
        EXPECT_EQ(contradiction(path_, anchor), "") << anchor.seq << ", whichever part it is in";
    }
}

TEST_F(Chain, AnchorsOfPartsThatWereDroppedProveNothing) {
    max_archives_ = 1;
    write_records(30);
    EXPECT_EQ(contradiction(path_, anchors_.front()), "");
    EXPECT_EQ(contradiction(path_, anchors_.back()), "");
}

TEST_F(Chain, ContradictsAnAnchorOfWhatWasCutOffOrChanged) {
    write_records(4);
    const Anchor last = anchors_.back();
    const auto lines = split_lines(read_file(path_));
    write_file(path_, join_lines({lines.begin(), lines.end() - 1}));
    EXPECT_NE(contradiction(path_, last).find("record 4 is missing"), std::string::npos);
    write_file(path_, join_lines({lines.begin(), lines.end() - 1}) + lines.back().substr(0, 60));
    EXPECT_NE(contradiction(path_, last), "") << "torn below what was named is cut";
    write_file(path_, join_lines(lines));
    Anchor other = last;
    other.hash = std::string(64, 'b');
    EXPECT_NE(contradiction(path_, other).find("record 4 is not the one"), std::string::npos);
    write_file(path_, "");
    EXPECT_NE(contradiction(path_, last).find("record 4 is missing"), std::string::npos);
}

// Whoever cuts the beginning off may say behind it that a rotation has done so.
TEST_F(Chain, OnlyTheFirstLineOfAFileSaysWhatARotationHasDropped) {
    write_records(3);
    const auto lines = split_lines(read_file(path_));
    const auto second = check_audit_line(lines[1]);
    const auto last = check_audit_line(lines.back());
    ASSERT_TRUE(second && last);
    const std::string fields =
        "\"start_seq\":2,\"start_prev\":\"" + std::string{second->prev} + "\"";
    const std::string forged = make_audit_line({.seq = last->seq + 1,
                                                .time = last->time,
                                                .kind = kContinued,
                                                .fields = fields,
                                                .prev = last->hash});
    write_file(path_, join_lines({lines.begin() + 1, lines.end()}) + forged + "\n");
    const ChainReport report = verify();
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].problem, AuditProblem::kMissing);
}

TEST_F(Chain, TellsOfEditsThatTheWriterHasFound) {
    {
        auto file = AuditFile::open(place());
        ASSERT_TRUE(file->append(at(1), "note", "", Sync::kNo));
        ASSERT_TRUE(file->append(at(2), kContradicted, "\"problem\":\"another end\"", Sync::kNo));
        ASSERT_TRUE(file->append(at(3), kPutBack, "\"problem\":\"moved\"", Sync::kNo));
    }
    const ChainReport report = verify();
    ASSERT_EQ(report.findings.size(), 2U);
    EXPECT_EQ(report.findings[0].problem, AuditProblem::kOnRecord);
    EXPECT_NE(report.findings[0].text.find("another end"), std::string::npos);
    EXPECT_EQ(report.findings[0].key.size(), 64U) << "somebody can acknowledge exactly this";
    EXPECT_NE(report.findings[0].key, report.findings[1].key);
    const auto one = read_audit(path_, [](std::string_view) {});
    EXPECT_EQ(one->problem, AuditProblem::kNone) << "the chain itself is whole";
}

}  // namespace
}  // namespace gatemend::sandbox
