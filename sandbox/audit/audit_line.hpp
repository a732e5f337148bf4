// SPDX-License-Identifier: MIT
// One line of an audit file: made here, taken apart here, so that writer and verifier cannot
// disagree. Used by audit_file and audit_reader only.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

inline constexpr std::size_t kHashDigits = 64;

[[nodiscard]] std::string first_prev();  // 64 zeros

struct AuditLine {
    std::uint64_t seq = 0;
    std::string_view kind;
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

}  // namespace gatemend::sandbox
