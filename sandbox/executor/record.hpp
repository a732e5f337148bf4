// SPDX-License-Identifier: MIT
// The executor's record: the audit file and the ledger that follows from it, kept in step. Every
// change is on disk before the ledger shows it. An unreadable or unwritable record is said in
// ledger().unreadable, and then nothing is done any more. Where only room is missing, records wait
// in a second file on another file system (spill) and follow when there is room again.
#pragma once

#include "actions/catalogue.hpp"
#include "core/ledger.hpp"
#include "core/result.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/ledger_builder.hpp"
#include "sandbox/executor/refusal_log.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::sandbox {

// Kept free behind the record: an act is refused while this can no longer be had, so that the
// refusal, and the outcome of what runs, still fit.
inline constexpr std::uint64_t kReservedBytes = std::uint64_t{256} * 1024;
// With less than this set aside no act begins but those that kLast allows.
inline constexpr std::uint64_t kLeastReservedBytes = std::uint64_t{32} * 1024;
// So many records can wait for room.
inline constexpr std::size_t kMaxSpilled = 256;

// What the record has room for.
enum class RecordRoom {
    kAmple,
    kShort,  // of what was set aside there is enough for acts; what need not be recorded is not
    kLast,   // in the spill alone: to start what is down, and to make room
    kNone,
};
// So many confirmed acts can still be rolled back; the snapshots of older ones are removed.
inline constexpr std::size_t kMaxConfirmed = 20;

// Why an act was undone.
enum class UndoneBy {
    kDeadline,  // nobody confirmed it in time
    kTime,      // it was meant for a time only
    kVerdict,   // it did not cure, or did harm
    kAgent,
    kOperator,
    kStart,    // the executor had died in its middle
    kFailure,  // it failed on the way
};
[[nodiscard]] std::string_view undone_by_id(UndoneBy by);  // "deadline"

// One thing that `audit --verify` found, as an operator has seen it.
struct AuditMark {
    std::string file;
    std::string key;  // SHA-256
    std::string problem;
};

// All of an acknowledgement's text: it has to fit into one record.
inline constexpr std::size_t kMaxMarkBytes = std::size_t{24} * 1024;

struct Acknowledgement {
    std::string by;
    std::vector<AuditMark> findings;
};

struct Refusal {
    std::string act;
    std::string unit;
    std::string rule;
    std::string cause;
    std::string hold;  // HoldKind's identifier
    std::string text;
};

// A call that never became a plan: wrong, not this caller's, of something unknown, too much.
struct Denial {
    std::string method;  // of the interface
    std::string error;   // FaultKind's identifier
    std::string text;
};

class Record {
  public:
    // Never fails: what is wrong is in ledger().unreadable.
    // `spill`: a file on another file system, or "".
    [[nodiscard]] static Record open(const std::string& path,
                                     const std::string& spill = "",
                                     std::uint64_t rotate_bytes = kRotateBytes);

    [[nodiscard]] const core::Ledger& ledger() const { return books_.ledger; }

    [[nodiscard]] const Footprints& footprints() const { return books_.footprints; }

    // The end of the record, all of which is on disk then: what an anchor may name. Nothing where
    // there is no file, or the disk says no.
    [[nodiscard]] std::optional<Anchor> end();

    void note_anchored(std::uint64_t seq) { anchored_ = seq; }

    // Something is on record that no anchor names.
    [[nodiscard]] bool is_ahead_of_anchor() const;

    [[nodiscard]] const std::string& path() const { return path_; }

    // "" or why the file could not be rotated.
    [[nodiscard]] std::string rotation_problem() const;

    // Called after every record.
    void on_written(std::function<void()> then) { on_written_ = std::move(then); }

    // How long the machine has been running, for what may have to be undone after a restart.
    void measure_uptime(std::function<core::Duration()> uptime) { uptime_ = std::move(uptime); }

    // Is there room for an act, its outcome and more? What an earlier call has set aside stays.
    [[nodiscard]] RecordRoom check_room() const;

    // Records that wait for room.
    [[nodiscard]] std::size_t spilled() const { return spilled_.size(); }

    // Once, before anything is asked of the ledger: the clock may have been set back since.
    void settle_clock(core::TimePoint now);

    // Before anything is written: is the record's end what the journal names? "" or why not. After
    // an acknowledgement the journal's newest word is that. Never what the record says of itself.
    [[nodiscard]] std::string find_contradiction(const Anchor& anchor) const;
    // Nothing that the ledger says is believed from here on, also after a restart, until somebody
    // acknowledges it; but where there is no record at all it is only said.
    [[nodiscard]] core::Status note_contradiction(core::TimePoint now,
                                                  const Anchor& anchor,
                                                  const std::string& problem);
    // `not_compared`: why the end of the record was not compared with the journal; "" where it was.
    [[nodiscard]] core::Status note_start(core::TimePoint now, const std::string& not_compared);

    struct Intent {
        actions::Plan plan;
        std::string digest;
        std::uint64_t incident = 0;
        core::TimePoint undo_by{};  // of acts that leave something to undo
    };

    // Uses up the approval of the digest, if there is one. On disk when it returns; the attempt's
    // number.
    [[nodiscard]] core::Result<std::uint64_t> begin_attempt(core::TimePoint now,
                                                            const Intent& intent);
    [[nodiscard]] core::Status end_attempt(core::TimePoint now,
                                           std::uint64_t attempt,
                                           core::ActOutcome outcome,
                                           const std::string& detail);
    [[nodiscard]] core::Status confirm(core::TimePoint now,
                                       std::uint64_t attempt,
                                       core::ActVerdict verdict,
                                       const std::string& detail);
    // The undoing is about to begin. Until note_undone() the record holds that it may have stopped
    // half-way; the ledger shows what was before.
    [[nodiscard]] core::Status note_undoing(core::TimePoint now,
                                            std::uint64_t attempt,
                                            UndoneBy by);

    struct Undoing {
        std::uint64_t attempt = 0;
        UndoneBy by{};
        core::UndoState state = core::UndoState::kUndone;  // or kUndoFailed
        std::string detail;
    };

    [[nodiscard]] core::Status note_undone(core::TimePoint now, const Undoing& undoing);
    // It can no longer be rolled back.
    [[nodiscard]] core::Status note_forgotten(core::TimePoint now, std::uint64_t attempt);

    [[nodiscard]] core::Status approve(core::TimePoint now, const core::Approval& approval);
    // `rule`: whose attempts tripped it, also where the latch is not for that rule alone.
    [[nodiscard]] core::Status latch(const core::Latch& latch, const std::string& rule);
    [[nodiscard]] core::Status lift(core::TimePoint now,
                                    const std::string& unit,
                                    const std::string& by);
    // Its unit has been brought up by somebody else and has stayed up.
    [[nodiscard]] core::Status rearm(core::TimePoint now,
                                     const std::string& unit,
                                     const std::string& why);
    [[nodiscard]] core::Status pause(const core::Pause& pause);
    [[nodiscard]] core::Status resume(core::TimePoint now, const std::string& by);
    [[nodiscard]] core::Status note_reload(core::TimePoint now, const std::string& problem);

    // Observes no longer: a file that cannot be read is put aside, and what can still be read of it
    // counts in the new one.
    [[nodiscard]] core::Status acknowledge(core::TimePoint now, const Acknowledgement& said);
    // A person has looked at what could not be undone; it is not tried again.
    [[nodiscard]] core::Status acknowledge_attempt(core::TimePoint now,
                                                   std::uint64_t attempt,
                                                   const std::string& by);

    // Both as RefusalLog has it: a flood is counted, not written.
    [[nodiscard]] core::Status note_refusal(core::TimePoint now, const Refusal& refusal);
    [[nodiscard]] core::Status note_denial(core::TimePoint now, const Denial& denial);

    // Attempts whose outcome is missing: the executor died in between.
    [[nodiscard]] std::vector<core::Attempt> unresolved() const;

  private:
    Record() = default;

    // A record as it was to be written.
    struct Spilled {
        core::TimePoint time{};
        std::string kind;
        std::string fields;
    };

    [[nodiscard]] core::Duration uptime() const;
    void take_file(AuditFile file);
    [[nodiscard]] core::Status take_spill();
    [[nodiscard]] core::Status spill(Spilled record);
    [[nodiscard]] core::Status settle_spill();
    void drop_spill();
    [[nodiscard]] core::Status write(core::TimePoint now,
                                     std::string_view kind,
                                     const std::string& fields,
                                     Sync sync);

    std::string path_;
    std::uint64_t rotate_bytes_ = kRotateBytes;
    std::string spill_path_;
    std::optional<AuditFile> file_;
    std::optional<AuditFile> spill_;  // open while something waits in it
    std::vector<Spilled> spilled_;
    std::uint64_t left_out_ = 0;  // unsynced records that were not written for want of room
    bool is_file_bad_ = false;    // it has to be put aside
    std::function<void()> on_written_;
    std::function<core::Duration()> uptime_;
    Books books_;
    std::uint64_t next_attempt_ = 1;
    std::uint64_t anchored_ = 0;  // the newest record that an anchor of ours names
    RefusalLog refusals_;
};

}  // namespace gatemend::sandbox
