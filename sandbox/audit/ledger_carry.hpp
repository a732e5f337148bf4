// SPDX-License-Identifier: MIT
// What a rotated audit file begins with: the ledger and the footprints of all that was before, so
// that budgets, breakers and what is still to be undone never depend on an older part. Used by the
// executor's record; read back by ledger_builder.
#pragma once

#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/ledger_builder.hpp"

#include <string>
#include <vector>

namespace gatemend::sandbox {

[[nodiscard]] std::vector<CarriedRecord> carry_books(const Books& books);

// Members of an intent, and of a carried attempt.
[[nodiscard]] std::string parameters_json(const actions::Parameters& parameters);
[[nodiscard]] std::string changes_json(const std::vector<actions::FileChange>& changes);

}  // namespace gatemend::sandbox
