// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_reader.hpp"

#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/chain_checker.hpp"
#include "sandbox/audit/digest.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace gatemend::sandbox {
namespace {

using core::Result;

// A reading that rotations disturb is begun again so often.
constexpr int kMaxReadings = 3;

class LineCutter {
  public:
    explicit LineCutter(const LineSink& take) : take_(take) {}

    void add(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::size_t newline = bytes.find('\n');
            const std::string_view part = bytes.substr(0, newline);
            // one byte more than a record can have: that is enough to see that it is none
            pending_.append(
                part.substr(0, kMaxRecordBytes - std::min(pending_.size(), kMaxRecordBytes)));
            if (newline == std::string_view::npos) {
                return;
            }
            bytes.remove_prefix(newline + 1);
            take_(pending_);
            pending_.clear();
        }
    }

    [[nodiscard]] std::string rest() && { return std::move(pending_); }

  private:
    const LineSink& take_;
    std::string pending_;
};

core::Status read_file(ChainChecker& checker, const std::string& path, bool is_last) {
    checker.begin_file(path);
    GATEMEND_TRY(rest,
                 read_lines(path, [&checker](std::string_view line) { checker.take_line(line); }));
    checker.end_file(rest, is_last);
    return core::Done{};
}

// Nothing: the files changed while they were read.
Result<std::optional<ChainReport>> try_to_read(const std::string& path,
                                               const std::vector<Anchor>& anchors,
                                               const LineSink& each) {
    GATEMEND_TRY(files, chain_files(path));
    ChainChecker checker{anchors, each};
    core::Status status = core::Done{};
    for (std::size_t i = 0; status && i < files.size(); ++i) {
        status = read_file(checker, files[i], i + 1 == files.size());
    }
    GATEMEND_TRY(files_now, chain_files(path));
    if (files_now != files) {
        return std::optional<ChainReport>{};
    }
    if (!status) {
        return status.error();
    }
    ChainReport report = std::move(checker).finish();
    report.files = files;
    return std::optional<ChainReport>{std::move(report)};
}

}  // namespace

Result<std::string> read_lines(const std::string& path, const LineSink& take) {
    LineCutter cutter{take};
    GATEMEND_CHECK(read_pieces(path, [&cutter](std::string_view piece) { cutter.add(piece); }));
    return std::move(cutter).rest();
}

Result<AuditReport> read_audit(const std::string& path, const LineSink& each) {
    ChainChecker checker{{}, each};
    checker.begin_in_the_middle();
    GATEMEND_CHECK(read_file(checker, path, true));
    const ChainReport chain = std::move(checker).finish();
    AuditReport report;
    report.records = chain.records;
    report.head = chain.head;
    // What a record tells of is no fault of this file's chain; what follows from it, its reader
    // says.
    const auto first = std::ranges::find_if(chain.findings, [](const AuditFinding& finding) {
        return finding.problem != AuditProblem::kOnRecord;
    });
    if (first != chain.findings.end()) {
        report.problem = first->problem;
        report.line = first->line;
        report.text = first->text;
    } else if (chain.is_torn) {
        report.problem = AuditProblem::kTornLastLine;
        report.text = path + ": the last record has no end: the writer was interrupted";
    }
    return report;
}

std::string contradiction_key(const Anchor& anchor) {
    return sha256_hex("journal " + std::to_string(anchor.seq) + " " + anchor.hash);
}

Result<std::string> find_contradiction(const std::string& path, const Anchor& anchor) {
    GATEMEND_TRY(files, chain_files(path));
    const std::string record = "record " + std::to_string(anchor.seq);
    const std::string named = ", which the journal of " + core::format_time(anchor.time) + " names";
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        std::uint64_t first = 0;
        std::string found;
        GATEMEND_TRY(rest, read_lines(*file, [&](std::string_view text) {
                         const auto line = check_audit_line(text);
                         first = line && first == 0 ? line->seq : first;
                         if (line && line->seq == anchor.seq) {
                             found = std::string{line->hash};
                         }
                     }));
        (void)rest;  // no whole record
        if (!found.empty()) {
            return found == anchor.hash ? std::string{} : record + " is not the one" + named;
        }
        if (first != 0 && first <= anchor.seq) {
            return record + " is missing" + named;
        }
    }
    // Older than all that is kept; or there is nothing at all, where there was something.
    GATEMEND_TRY(newest, read_end(path, 1));
    return newest.empty() ? record + " is missing" + named : std::string{};
}

Result<std::vector<std::string>> chain_files(const std::string& path) {
    GATEMEND_TRY(archives, list_archives(path));
    std::vector<std::string> files;
    files.reserve(archives.numbers.size() + 2);
    for (const std::uint64_t number : archives.numbers) {
        files.push_back(archive_path(path, number));
    }
    if (archives.unfinished) {
        const std::string copy = unfinished_path(path, *archives.unfinished);
        const auto is_whole = is_still_whole(path, copy);
        if (is_whole && !*is_whole) {
            files.push_back(copy);
        }
    }
    files.push_back(path);
    return files;
}

Result<ChainReport> read_chain(const std::string& path,
                               const std::vector<Anchor>& anchors,
                               const ChainReaders& readers) {
    const LineSink each = readers.each ? readers.each : [](std::string_view) {};
    for (int reading = 0; reading < kMaxReadings; ++reading) {
        if (reading > 0 && readers.restart) {
            readers.restart();
        }
        GATEMEND_TRY(report, try_to_read(path, anchors, each));
        if (report) {
            return std::move(*report);
        }
    }
    return core::Error{"'" + path + "' is rotated faster than it can be read"};
}

}  // namespace gatemend::sandbox
