// SPDX-License-Identifier: MIT
// The audit file: JSON Lines, each record chained to the one before by SHA-256. Written by the
// executor (audit.jsonl) and the agent (decisions.jsonl), read by the command line. Appending is
// one write() to an O_APPEND descriptor followed, where asked for, by fdatasync().
//
// A line is the compact JSON object
// {"seq":N,"time":"…Z","kind":"intent",<fields…>,"prev":"<hex>","hash":"<hex>"}; hash = SHA-256
// over the line up to and not including `,"hash"`. The first record's prev is 64 zeros.
//
// A full file is rotated by its writer: what it held becomes an older part (archives.hpp), and the
// first record of the new one, "continued", names that part and goes on with its chain. The oldest
// part goes when there are too many, and "continued" says from which record on the chain is kept.
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
// With all older parts at most 40 MiB.
inline constexpr std::uint64_t kRotateBytes = std::uint64_t{4} * 1024 * 1024;
inline constexpr std::size_t kMaxArchives = 9;

enum class Sync { kNo, kYes };  // kYes: on disk before append() returns

// What the writer wants to find again at the beginning of the new file.
struct CarriedRecord {
    std::string kind;
    std::string fields;
};

// Reads a whole part; what it says must follow from the part alone.
using Carry = std::function<core::Result<std::vector<CarriedRecord>>(const std::string& part)>;

struct AuditPlace {
    std::string path;
    unsigned mode = 0640;
    Carry carry{};
    std::uint64_t rotate_bytes = kRotateBytes;
    std::size_t max_archives = kMaxArchives;
    // The folder is the writer's own: a file that was moved away is put back.
    bool is_put_back = false;
};

// What lay at the path of a record that was put back: the newest one.
[[nodiscard]] std::string found_path(const std::string& path);  // "/x/audit.old/audit.jsonl.found"

class AuditFile {
  public:
    // Opens or creates; finishes a rotation that was interrupted; reads the tail to continue the
    // chain. A torn last line (no newline: a crash or power loss) is closed off and reported by
    // has_torn_line(); a broken chain is an error.
    [[nodiscard]] static core::Result<AuditFile> open(AuditPlace place);
    // Puts a file aside that open() or its reader refuses, as an older part and byte for byte as it
    // is, and begins a new one: "continued" with `problem` and the SHA-256 of what was put aside.
    [[nodiscard]] static core::Result<AuditFile> start_over(AuditPlace place,
                                                            core::TimePoint time,
                                                            const std::string& problem);

    AuditFile(AuditFile&&) noexcept;
    AuditFile& operator=(AuditFile&&) noexcept;
    ~AuditFile();

    // `fields`: the inside of a JSON object without braces, e.g. `"unit":"x.service","n":3` (may be
    // ""). Nothing is written when it fails part-way: a short write is truncated away again. A full
    // file is rotated first; when that fails it may grow to twice its size.
    [[nodiscard]] core::Status append(core::TimePoint time,
                                      std::string_view kind,
                                      std::string_view fields,
                                      Sync sync);

    // Takes `bytes` of disk behind the end of the file, so that the next records fit whatever
    // others write meanwhile. What was taken before stays when there is no more: how much there is
    // now.
    [[nodiscard]] core::Result<std::uint64_t> reserve(std::uint64_t bytes) const;

    // The last append() failed for want of room (full, over quota, read-only), which may pass.
    [[nodiscard]] bool is_out_of_room() const;

    // All records so far are on disk when it returns. What is named elsewhere has to be.
    [[nodiscard]] core::Status sync();

    // Is the file still what the path names, and as long as we have made it? Where the place says
    // so, one that was moved away, unlinked or replaced is put back from the descriptor, whole;
    // what lay there instead is kept beside the older parts (found_path()), and the next record is
    // "replaced". Else, and where somebody wrote into it, an error. Part of every append().
    [[nodiscard]] core::Status check_place();

    [[nodiscard]] bool has_torn_line() const;
    [[nodiscard]] std::uint64_t next_seq() const;
    [[nodiscard]] const std::string& head() const;  // hash of the last record
    [[nodiscard]] const std::string& path() const;
    // "" or why the last rotation failed.
    [[nodiscard]] const std::string& rotation_problem() const;

  private:
    struct Impl;
    explicit AuditFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatemend::sandbox
