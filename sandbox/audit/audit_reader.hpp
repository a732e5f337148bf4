// SPDX-License-Identifier: MIT
// Reads records back and finds every one that was changed, deleted, inserted, reordered or cut off.
// Used by both writers at their start (one file) and by the command line (the whole chain, checked
// against the journal). Reads only, in constant memory, and never stops at a problem: what follows
// is still given.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

using LineSink = std::function<void(std::string_view)>;

enum class AuditProblem {
    kNone,
    kTornLastLine,  // a crash: nobody was told of this record
    kBadLine,       // altered, or never a record
    kBrokenChain,   // does not follow from the one before
    kBadSequence,
    kMissing,  // whole records, or whole files
    kNotInJournal,
    kOnRecord,  // the writer has found it, and says so in a record of the chain
};

struct AuditReport {
    std::uint64_t records = 0;
    AuditProblem problem = AuditProblem::kNone;
    std::uint64_t line = 0;  // 1-based, of the first problem
    std::string text;        // a sentence naming file and line
    std::string head;
};

// One file; it may begin with record 1 or go on from an older part. `each` gets every well-formed
// line (without the newline).
[[nodiscard]] core::Result<AuditReport> read_audit(const std::string& path, const LineSink& each);

// What the journal says of one record.
struct Anchor {
    std::uint64_t seq = 0;
    std::string hash;
    core::TimePoint time{};
};

// The key of what it contradicts: a finding's, so that an acknowledgement names exactly that.
[[nodiscard]] std::string contradiction_key(const Anchor& anchor);

// "" where the record at `path`, over all its parts, holds what the journal names, or no longer
// reaches back so far; else a sentence.
[[nodiscard]] core::Result<std::string> find_contradiction(const std::string& path,
                                                           const Anchor& anchor);

struct AuditFinding {
    AuditProblem problem{};
    std::string file;  // path
    std::uint64_t line = 0;
    std::uint64_t seq = 0;  // of the first record that is bad or missing
    std::string text;       // a sentence naming all three
    std::string key;        // SHA-256 of what was found; an acknowledgement names it
};

struct ChainReport {
    std::uint64_t records = 0;
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::string head;
    std::vector<std::string> files;      // oldest first
    std::vector<AuditFinding> findings;  // in the order of the record, at most kMaxFindings
    std::uint64_t more_findings = 0;
    bool is_torn = false;  // the last line: no finding
    std::size_t anchors = 0;
};

inline constexpr std::size_t kMaxFindings = 100;

// Every part of the record at `path`, oldest first. A file that is rotated meanwhile is read again.
// `each` may get lines twice then: it is told to begin anew by `restart`.
struct ChainReaders {
    LineSink each{};
    std::function<void()> restart{};
};

[[nodiscard]] core::Result<ChainReport> read_chain(const std::string& path,
                                                   const std::vector<Anchor>& anchors,
                                                   const ChainReaders& readers);

// The files that hold the record at `path`, oldest first. Of a rotation that stopped half-way the
// copy or the original, whichever has the records.
[[nodiscard]] core::Result<std::vector<std::string>> chain_files(const std::string& path);

// Cuts a file into its lines, the newline left out, those longer than any record cut to
// kMaxRecordBytes; the result is what is behind the last newline.
[[nodiscard]] core::Result<std::string> read_lines(const std::string& path, const LineSink& take);

}  // namespace gatemend::sandbox
