// SPDX-License-Identifier: MIT
// `gatemend audit --verify` and `gatemend audit acknowledge`: both records, every older part of
// them, what the journal says of them, and what one says of the other. Verifying reads only;
// acknowledging tells the executor what a person has seen, which records it.
#pragma once

#include "core/result.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatemend::cli {

struct AuditRecord {
    std::string path;
    std::string unit;  // who writes it
};

using ReadAnchors = std::function<core::Result<std::vector<sandbox::Anchor>>(const AuditRecord&)>;

struct AuditRecords {
    std::vector<AuditRecord> list{{"/var/log/gatemend/audit.jsonl", "gatemend-executor.service"},
                                  {"/var/log/gatemend/decisions.jsonl", "gatemend.service"}};
    ReadAnchors read_anchors{};  // empty: from the journal
};

struct CheckedRecord {
    std::string path;
    std::string failure;     // it could not be read at all
    std::string no_journal;  // why it was not compared
    sandbox::ChainReport chain;
    std::vector<sandbox::AuditFinding> open;          // nobody has acknowledged them
    std::vector<sandbox::AuditFinding> acknowledged;  // already
    bool is_unconfirmed = false;  // some of that by the record alone: there is no journal

    [[nodiscard]] bool is_good() const { return failure.empty() && open.empty(); }
};

// The first is the executor's: acknowledgements and attempts stand there.
[[nodiscard]] std::vector<CheckedRecord> check_records(const AuditRecords& records);

[[nodiscard]] int run_audit_verify(const AuditRecords& records, bool is_json);

// `attempt`: one whose undoing failed; 0: all that --verify finds, and a record that holds acts
// back.
[[nodiscard]] int run_acknowledge(const AuditRecords& records, std::uint64_t attempt);

}  // namespace gatemend::cli
