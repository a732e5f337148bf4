// SPDX-License-Identifier: MIT
// From the audit file's records back to the ledger. Fed line by line with lines that have passed
// the chain; a record of a known kind that lacks what it must have makes the whole ledger
// unreadable.
#pragma once

#include "core/ledger.hpp"

#include <string>
#include <string_view>

namespace gatemend::sandbox {

class LedgerBuilder {
  public:
    void take(std::string_view line);

    [[nodiscard]] core::Ledger finish() &&;

  private:
    core::Ledger ledger_;
};

// One record's effect, shared by the builder and the live record so that they cannot differ.
void add_attempt(core::Ledger& ledger, core::Attempt attempt);
[[nodiscard]] core::Attempt* find_attempt(core::Ledger& ledger, std::uint64_t id);
void add_latch(core::Ledger& ledger, core::Latch latch);
void lift_latch(core::Ledger& ledger, const std::string& unit, core::TimePoint now);

}  // namespace gatemend::sandbox
