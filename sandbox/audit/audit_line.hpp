// SPDX-License-Identifier: MIT
// One line of an audit file: made here, taken apart here, so that writer and verifier cannot
// disagree. Used by audit_file, the readers and `audit --verify`.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

inline constexpr std::size_t kHashDigits = 64;
// The kind of the first record of every file but the first.
inline constexpr std::string_view kContinued = "continued";

// At a start the end of the record was not what the journal names: what follows stands on that.
inline constexpr std::string_view kContradicted = "contradicted";
// The file was moved, unlinked or replaced while it was written, and was put back.
inline constexpr std::string_view kPutBack = "replaced";

[[nodiscard]] std::string first_prev();  // 64 zeros

struct AuditLine {
    std::uint64_t seq = 0;
    core::TimePoint time{};
    std::string_view kind;
    std::string_view fields;  // as they were given
    std::string_view prev;
    std::string_view hash;
};

struct AuditLineParts {
    std::uint64_t seq = 0;
    core::TimePoint time{};
    std::string_view kind;
    std::string_view fields;
    std::string_view prev;
};

// Without the newline.
[[nodiscard]] std::string make_audit_line(const AuditLineParts& parts);

// nullopt when the form is wrong, it is not JSON, or the hash does not fit the text. The views
// point into `line`.
[[nodiscard]] std::optional<AuditLine> check_audit_line(std::string_view line);

// Can `rest`, which has no newline, be what a crash has left of record `seq`? A file system may
// have grown the file and not filled it: zeros at the end are no difference.
[[nodiscard]] bool is_torn_record(std::string_view rest, std::uint64_t seq);

}  // namespace gatemend::sandbox
