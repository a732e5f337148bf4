// SPDX-License-Identifier: MIT
#include "sandbox/audit/chain_checker.hpp"

#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gatemend::sandbox {
namespace {

using nlohmann::json;

std::string text_member(const json& record, const char* key) {
    const auto found = record.find(key);
    return found != record.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string missing_text(std::uint64_t first, std::uint64_t last) {
    return first == last ? "record " + std::to_string(first) + " is missing"
                         : "records " + std::to_string(first) + " to " + std::to_string(last) +
                               " are missing";
}

}  // namespace

ChainChecker::ChainChecker(const std::vector<Anchor>& anchors, const LineSink& each) : each_(each) {
    for (const Anchor& anchor : anchors) {
        anchors_.emplace(anchor.seq, anchor);
    }
    report_.anchors = anchors.size();
    report_.head = first_prev();
}

void ChainChecker::begin_file(const std::string& path) {
    previous_path_ = std::exchange(path_, path);
    findings_before_previous_ = std::exchange(findings_before_file_, report_.findings.size());
    line_number_ = 0;
}

void ChainChecker::take_line(std::string_view text) {
    ++line_number_;
    const auto line = text.size() < kMaxRecordBytes ? check_audit_line(text) : std::nullopt;
    if (line) {
        take_record(*line, text);
    } else {
        take_bad_line(text);
    }
}

void ChainChecker::take_bad_line(std::string_view text) {
    note(AuditProblem::kBadLine,
         report_.last_seq + 1,
         sha256_hex(text),
         "this record was altered or is no record");
    is_linked_ = false;
}

void ChainChecker::take_record(const AuditLine& line, std::string_view text) {
    if (is_after_put_aside(line, text)) {
        is_linked_ = true;
    } else if (report_.records == 0 && report_.findings.empty()) {
        check_beginning(line);
    } else if (is_linked_) {
        check_link(line);
    }
    if (line.kind == kContinued && line_number_ == 1) {
        note_continued(text);  // anywhere else no writer has put it
    }
    check_anchor(line);
    if (line.kind == kContradicted || line.kind == kPutBack) {
        note_told(line, text);
    }
    is_linked_ = true;
    report_.first_seq = report_.records == 0 ? line.seq : report_.first_seq;
    report_.head = std::string{line.hash};
    report_.last_seq = line.seq;
    ++report_.records;
    each_(text);
}

void ChainChecker::check_beginning(const AuditLine& line) {
    if (line.seq == 1 && line.prev == first_prev()) {
        return;
    }
    if (may_begin_anywhere_ && line.kind == kContinued) {
        return;
    }
    beginning_ = Place{line.seq, std::string{line.prev}};
    beginning_finding_ = {
        AuditProblem::kMissing, path_, line_number_, 1, "", std::string{line.hash}};
}

// The file before was put aside as it was: its finding is that, not each of its lines.
bool ChainChecker::is_after_put_aside(const AuditLine& line, std::string_view text) {
    if (line.kind != kContinued || line_number_ != 1 || previous_path_.empty()) {
        return false;
    }
    const json record = json::parse(text, nullptr, false);
    const std::string problem = text_member(record, "problem");
    if (problem.empty()) {
        return false;
    }
    const auto digest = file_sha256_hex(previous_path_);
    if (!digest || *digest != line.prev || line.seq <= report_.last_seq) {
        return false;
    }
    collapse_put_aside(problem);
    report_.findings.back().key = *digest;
    return true;
}

void ChainChecker::collapse_put_aside(const std::string& problem) {
    AuditFinding first{AuditProblem::kBadLine, previous_path_, 0, report_.last_seq + 1, "", ""};
    if (findings_before_previous_ < report_.findings.size()) {
        first = report_.findings[findings_before_previous_];
    }
    report_.findings.resize(std::min(findings_before_previous_, report_.findings.size()));
    first.text = previous_path_ + ": was put aside as broken: " + problem;
    report_.findings.push_back(std::move(first));
    findings_before_file_ = report_.findings.size();
}

void ChainChecker::check_link(const AuditLine& line) {
    const std::uint64_t expected = report_.last_seq + 1;
    if (line.prev == report_.head) {
        if (line.seq != expected) {
            note(AuditProblem::kBadSequence,
                 expected,
                 std::string{line.hash},
                 "this record is out of sequence");
        }
        return;
    }
    const std::string what = "this record does not follow from the record before it";
    if (line.seq > expected) {
        note(AuditProblem::kMissing,
             expected,
             std::string{line.hash},
             what + ": " + missing_text(expected, line.seq - 1));
    } else {
        note(AuditProblem::kBrokenChain, expected, std::string{line.hash}, what);
    }
}

void ChainChecker::check_anchor(const AuditLine& line) {
    const auto [first, last] = anchors_.equal_range(line.seq);
    const Anchor* newest = nullptr;
    for (auto anchor = first; anchor != last; ++anchor) {
        const bool is_newer = newest == nullptr || newest->time < anchor->second.time;
        newest = anchor->second.hash != line.hash && is_newer ? &anchor->second : newest;
    }
    if (newest != nullptr) {
        note(AuditProblem::kNotInJournal,
             line.seq,
             contradiction_key(*newest),
             "this is not the record that the journal of " + core::format_time(newest->time) +
                 " names");
    }
    anchors_.erase(first, last);
}

void ChainChecker::note_continued(std::string_view text) {
    const json record = json::parse(text, nullptr, false);
    const auto seq = record.find("start_seq");
    if (seq != record.end() && seq->is_number_unsigned()) {
        dropped_before_.emplace(seq->get<std::uint64_t>(), text_member(record, "start_prev"));
    }
}

void ChainChecker::note_told(const AuditLine& line, std::string_view text) {
    note(AuditProblem::kOnRecord,
         line.seq,
         std::string{line.hash},
         "this record tells of an edit: " +
             text_member(json::parse(text, nullptr, false), "problem"));
}

void ChainChecker::end_file(std::string_view rest, bool is_last) {
    if (rest.empty()) {
        return;
    }
    ++line_number_;
    if (is_last && is_torn_record(rest, report_.last_seq + 1)) {
        report_.is_torn = true;
        return;
    }
    note(AuditProblem::kBadLine,
         report_.last_seq + 1,
         sha256_hex(rest),
         is_last ? "what is behind the last record was not written by gatemend"
                 : "the last record of this file is cut off");
    is_linked_ = false;
}

void ChainChecker::check_what_is_left_of_anchors() {
    const auto missing = anchors_.upper_bound(report_.last_seq);
    if (missing == anchors_.end()) {
        return;  // those before the first record are of parts that were dropped
    }
    const auto last = std::prev(anchors_.end());
    const auto newest = std::max_element(missing, anchors_.end(), [](const auto& a, const auto& b) {
        return a.second.time < b.second.time;
    });
    note(AuditProblem::kMissing,
         report_.last_seq + 1,
         contradiction_key(newest->second),
         missing_text(report_.last_seq + 1, last->first) + " at the end: the journal of " +
             core::format_time(last->second.time) + " names record " + std::to_string(last->first));
}

void ChainChecker::note(AuditProblem problem,
                        std::uint64_t seq,
                        std::string key,
                        const std::string& what) {
    if (report_.findings.size() >= kMaxFindings) {
        ++report_.more_findings;
        return;
    }
    std::string text = path_ + ":" + std::to_string(line_number_) + ": " + what;
    if (what.find("record " + std::to_string(seq)) == std::string::npos) {
        text += " (record " + std::to_string(seq) + ")";
    }
    report_.findings.push_back(
        {problem, path_, line_number_, seq, std::move(text), std::move(key)});
}

ChainReport ChainChecker::finish() && {
    if (beginning_ && !dropped_before_.contains(*beginning_)) {
        beginning_finding_.text = beginning_finding_.file +
                                  ":1: " + missing_text(1, beginning_->first - 1) +
                                  " at the beginning, and no rotation has dropped them";
        // Where a first record of a file is bad, it may be the one that would say of a rotation.
        const bool may_be_told = std::ranges::any_of(
            report_.findings, [](const AuditFinding& finding) { return finding.line == 1; });
        report_.findings.insert(may_be_told ? report_.findings.end() : report_.findings.begin(),
                                beginning_finding_);
    }
    ++line_number_;
    check_what_is_left_of_anchors();
    return std::move(report_);
}

}  // namespace gatemend::sandbox
