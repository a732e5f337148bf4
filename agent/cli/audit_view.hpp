// SPDX-License-Identifier: MIT
// `gatemend audit`: both records (the executor's acts, the agent's decisions) with their older
// parts, merged by time, as text or as the records themselves. Reads only.
#pragma once

#include "cli/audit_check.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::cli {

struct AuditOptions {
    AuditRecords records;
    bool is_verify = false;
    bool is_json = false;
    std::string since;  // "2026-11-21T14:00:00Z" or a duration before `now`; "" = everything
    std::optional<std::uint64_t> incident;
    core::TimePoint now{};
};

[[nodiscard]] int run_audit(const AuditOptions& options);

}  // namespace gatemend::cli
