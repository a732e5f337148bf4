// SPDX-License-Identifier: MIT
// The rules of the chain, fed line by line and file by file. Used by audit_reader, and by the fuzz
// target with any bytes. Opens a file only to compare a part that was put aside with its SHA-256.
//
// A chain may begin with record 1, or where a later "continued" says that older parts were dropped.
// Behind a broken place the next good record is taken as it is, so that one edit is one finding.
#pragma once

#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <map>
#include <set>
#include <utility>

namespace gatemend::sandbox {

class ChainChecker {
  public:
    ChainChecker(const std::vector<Anchor>& anchors, const LineSink& each);

    // What comes first may be a part whose predecessors are not read.
    void begin_in_the_middle() { may_begin_anywhere_ = true; }

    void begin_file(const std::string& path);
    void take_line(std::string_view text);
    // `rest`: what is behind the last newline.
    void end_file(std::string_view rest, bool is_last);

    [[nodiscard]] ChainReport finish() &&;

  private:
    // seq and prev of a record
    using Place = std::pair<std::uint64_t, std::string>;

    void take_bad_line(std::string_view text);
    void take_record(const AuditLine& line, std::string_view text);
    void check_beginning(const AuditLine& line);
    void check_link(const AuditLine& line);
    void check_anchor(const AuditLine& line);
    void note_continued(std::string_view text);
    void note_told(const AuditLine& line, std::string_view text);
    [[nodiscard]] bool is_after_put_aside(const AuditLine& line, std::string_view text);
    void collapse_put_aside(const std::string& problem);
    void note(AuditProblem problem, std::uint64_t seq, std::string key, const std::string& what);
    void check_what_is_left_of_anchors();

    const LineSink& each_;
    std::multimap<std::uint64_t, Anchor> anchors_;
    ChainReport report_;
    std::optional<Place> beginning_;  // of a chain that does not begin with record 1
    AuditFinding beginning_finding_;
    std::set<Place> dropped_before_;
    std::string path_;
    std::string previous_path_;
    std::uint64_t line_number_ = 0;
    std::size_t findings_before_file_ = 0;  // the previous one's come after these
    std::size_t findings_before_previous_ = 0;
    bool is_linked_ = false;  // the next record has to follow from the last
    bool may_begin_anywhere_ = false;
};

}  // namespace gatemend::sandbox
