// SPDX-License-Identifier: MIT
// Intent: did somebody want the unit down? Told by its jobs: as whoever reads its state has heard
// them end, else as systemd has written them into its journal. Agent and executor ask the same
// functions. Never inferred from how the processes ended: a stop may end in any state.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "core/unit_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class Intent {
    kUnknown,   // neither heard nor written, or it may have been disabled while it was down
    kNobody,    // it was meant to run: nobody has asked for its end since it was started last
    kSomebody,  // somebody has, and nobody has started it since
};
[[nodiscard]] std::string_view intent_id(Intent intent);

enum class JobType {
    kNone,     // nothing is written about a job of the unit since the machine came up
    kStart,    // begun, done or failed; or a reload that was done: it ran, and was to go on
    kStop,     // likewise, also of a job that somebody has cancelled
    kRestart,  // stopped by a restart whose start has not begun
};
[[nodiscard]] std::string_view job_type_id(JobType type);

// What systemd's own journal entries tell of a unit's jobs.
struct LastJob {
    JobType type = JobType::kNone;  // the newest that starts or stops it
    std::uint32_t id = 0;           // of the newest of any kind that has_tried(); 0: not said
    bool has_ended_well = false;    // "Deactivated successfully", after that job
    TimePoint told{};               // of the newest entry about the unit, whatever it says
    // The run that the newest job belongs to, as UnitState::invocation_id; absent: not said.
    std::optional<std::string> run{};
    bool has_failed = false;  // that newest job: systemd itself ended what was left of the start

    friend bool operator==(const LastJob&, const LastJob&) = default;
};

// One journal entry that systemd (process 1) has written about a unit.
struct JobEntry {
    TimePoint time{};
    std::string message_id{};          // MESSAGE_ID
    std::string job_type{};            // JOB_TYPE, "" where it is not about a job
    std::string job_result{};          // JOB_RESULT
    std::string job_id{};              // JOB_ID
    std::optional<std::string> run{};  // INVOCATION_ID
};

// Takes in the next older entry. True: it told which job was the newest, and no older one matters.
[[nodiscard]] bool take_older(LastJob& job, const JobEntry& entry);

// The line that gatemend-inspect prints.
[[nodiscard]] std::string encode(const LastJob& job);
[[nodiscard]] std::optional<LastJob> decode_last_job(std::string_view line);

// Of a job's result, systemd's word: it started, stopped or changed something, or has tried. Not a
// start that systemd refuses before it begins ("assert", "unsupported" ...).
[[nodiscard]] bool has_tried(std::string_view job_result);
// It was neither a start nor a stop: a reload of what is down ("invalid"), a look whether it is up
// ("skipped").
[[nodiscard]] bool is_no_request(std::string_view job_result);

// What the jobs that were heard say; nothing: the journal has to be asked.
[[nodiscard]] std::optional<Intent> heard_intent(const UnitState& state);
// `job`: absent where the journal could not be read. A journal with gaps shows no later stop: what
// it tells of a start counts only of the run that has ended, and where it has written of that end.
[[nodiscard]] Intent intent_of(const UnitState& state, const std::optional<LastJob>& job);
// It ended by itself and without a fault, as `nginx -s quit` or a person's SIGTERM make it end:
// nobody asked systemd, and it did not crash either. Also where systemd calls it failed: Java and
// Node answer SIGTERM with exit code 143.
[[nodiscard]] bool has_ended_well(const UnitState& state, const std::optional<LastJob>& job);
// systemd's entries reach the journal a moment after its signals reach us. False: a stop may still
// be on its way there, ask again. `seen`: when the state was first seen.
[[nodiscard]] bool is_settled(const UnitState& state,
                              const LastJob& job,
                              TimePoint seen,
                              TimePoint now);
inline constexpr Duration kJournalLag = std::chrono::seconds{2};

}  // namespace gatemend::core
