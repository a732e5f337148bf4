// SPDX-License-Identifier: MIT
// `gatemend approve` and `gatemend rollback`: an operator says yes to exactly one plan, or has an
// act undone. The executor checks that it comes from root and records it; these only carry it
// there, and tell what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatemend::cli {

struct ApproveOptions {
    std::uint64_t incident = 0;
    std::size_t number = 0;  // of the incident's proposals; 0: the only one
};

// Shows the change, approves it, and waits for the agent to do it and verify it, at most
// kApprovalPatience.
[[nodiscard]] int run_approve(const ApproveOptions& options);

struct RollbackOptions {
    std::uint64_t incident = 0;  // its newest act that can be undone
    std::uint64_t attempt = 0;   // or exactly this one
    bool is_dry_run = false;     // says what would be done now
};

[[nodiscard]] int run_rollback(const RollbackOptions& options);

// What undoing an attempt would do now, and how each file is: lines, as the executor sees it. For
// root; "" where that is not known.
[[nodiscard]] std::string review_rollback(std::uint64_t attempt);

// An act in the executor's record.
struct RecordedAttempt {
    std::uint64_t id = 0;
    std::string act{};
    std::string unit{};
    std::uint64_t incident = 0;
    std::string outcome{};
    std::string verdict{};
    std::string undo{};
};

// Oldest first; on failure says why and returns the exit code.
[[nodiscard]] int read_attempts(std::vector<RecordedAttempt>& attempts);

// Passes one person's yes to the executor; on failure says why and returns the exit code.
[[nodiscard]] int approve_digest(const std::string& digest);

}  // namespace gatemend::cli
