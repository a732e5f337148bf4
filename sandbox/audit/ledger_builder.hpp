// SPDX-License-Identifier: MIT
// From the audit file's records back to the ledger, and to what it takes to undo an attempt. Fed
// line by line with lines that have passed the chain; a record of a known kind that lacks what it
// must have makes the whole ledger unreadable.
#pragma once

#include "actions/catalogue.hpp"
#include "core/ledger.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

// What an attempt has left behind, or may have: enough of its plan to undo it.
struct Footprint {
    actions::Trace trace{};
    actions::Plan plan;                              // act, unit, parameters, changes
    std::optional<core::TimePoint> undoing_since{};  // begun, and its end is not on record
    core::Duration uptime{};  // of the machine when act or undoing began: no clock that can be set

    friend bool operator==(const Footprint&, const Footprint&) = default;
};

// By attempt; only of those that still can, or must, be undone.
using Footprints = std::map<std::uint64_t, Footprint>;

// The ledger and the footprints change together.
struct Books {
    core::Ledger ledger;
    Footprints footprints;
    // The journal has named another end of the record, and nobody has acknowledged it: why nothing
    // that the ledger says is believed.
    std::string contradiction;
};

[[nodiscard]] std::string_view trace_id(actions::Trace trace);  // "provisional"
[[nodiscard]] bool is_undoable(actions::Trace trace);

class LedgerBuilder {
  public:
    void take(std::string_view line);

    [[nodiscard]] core::Ledger finish() &&;
    [[nodiscard]] Books finish_books() &&;

  private:
    Books books_;
};

// One record's effect, shared by the builder and the live record so that they cannot differ.
void add_attempt(Books& books, core::Attempt attempt);
void add_footprint(Books& books, std::uint64_t attempt, Footprint footprint);
void set_outcome(Books& books, core::Attempt& attempt, core::ActOutcome outcome);
void set_verdict(Books& books, core::Attempt& attempt, core::ActVerdict verdict);
void set_undo(Books& books, core::Attempt& attempt, core::UndoState undo);
void set_undoing(Books& books,
                 const core::Attempt& attempt,
                 core::TimePoint since,
                 core::Duration uptime);
// A second approval of the same digest renews the first; the oldest gives way.
void add_approval(core::Ledger& ledger, core::Approval approval);
// True: there was one, and at `time` it was good.
bool use_approval(core::Ledger& ledger, std::string_view digest, core::TimePoint time);
[[nodiscard]] core::Attempt* find_attempt(core::Ledger& ledger, std::uint64_t id);
void add_latch(core::Ledger& ledger, core::Latch latch);
void lift_latch(core::Ledger& ledger, const std::string& unit, core::TimePoint now);
// As if nothing had been tried yet. What did harm stays demoted.
void rearm(core::Ledger& ledger, const std::string& unit);

}  // namespace gatemend::sandbox
