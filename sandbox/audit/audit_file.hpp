// SPDX-License-Identifier: MIT
// The audit file: JSON Lines, each record chained to the one before by SHA-256. Written by the
// executor (audit.jsonl) and the agent (decisions.jsonl), read by the command line. Appending is
// one write() to an O_APPEND descriptor followed, where asked for, by fdatasync().
//
// A line is the compact JSON object
// {"seq":N,"time":"…Z","kind":"intent",<fields…>,"prev":"<hex>","hash":"<hex>"}; hash = SHA-256
// over the line up to and not including `,"hash"`. The first record's prev is 64 zeros.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxRecordBytes = std::size_t{64} * 1024;

enum class Sync { kNo, kYes };  // kYes: on disk before append() returns

class AuditFile {
  public:
    // Opens or creates; reads the tail to continue the chain. A torn last line (no newline: a crash
    // or power loss) is closed off and reported by torn_line(); a broken chain is an error.
    [[nodiscard]] static core::Result<AuditFile> open(const std::string& path, unsigned mode);

    AuditFile(AuditFile&&) noexcept;
    AuditFile& operator=(AuditFile&&) noexcept;
    ~AuditFile();

    // `fields`: the inside of a JSON object without braces, e.g. `"unit":"x.service","n":3` (may be
    // ""). Nothing is written when it fails part-way: a short write is truncated away again.
    [[nodiscard]] core::Status append(core::TimePoint time,
                                      std::string_view kind,
                                      std::string_view fields,
                                      Sync sync);

    [[nodiscard]] bool has_torn_line() const;
    [[nodiscard]] std::uint64_t next_seq() const;
    [[nodiscard]] const std::string& head() const;  // hash of the last record

  private:
    struct Impl;
    explicit AuditFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

enum class AuditProblem { kNone, kTornLastLine, kBadLine, kBrokenChain, kBadSequence };

struct AuditReport {
    std::uint64_t records = 0;
    AuditProblem problem = AuditProblem::kNone;
    std::uint64_t line = 0;  // 1-based, of the first problem
    std::string text;        // a sentence naming file and line
    std::string head;
};

// Reads a file line by line in constant memory; calls `each` with every well-formed line (without
// the newline), and verifies the chain. Never stops at the first problem: later lines are still
// given.
[[nodiscard]] core::Result<AuditReport> read_audit(
    const std::string& path, const std::function<void(std::string_view)>& each);

}  // namespace gatemend::sandbox
