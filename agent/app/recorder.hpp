// SPDX-License-Identifier: MIT
// Recorder: the engine's records, in decisions.jsonl (hash-chained) and in the journal (with
// MESSAGE_ID; the chain's head follows soon, so that the file is anchored there). Used by the agent
// alone. A record that cannot be written is said in the journal and in status; the agent goes on.
// So it does when its file is broken, or was exchanged while it was written: what lies there is put
// aside, byte for byte, and --verify names it.
#pragma once

#include "app/record_quota.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "engine/effect.hpp"
#include "sandbox/audit/audit_file.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::app {

// So long after a record, at most, its place in the chain is in the journal.
inline constexpr core::Duration kAnchorDelay = std::chrono::seconds{20};

class Recorder {
  public:
    Recorder(const std::string& path, core::TimePoint now);

    // Once, before anything is written: `newest` is what the journal says last of this file. A file
    // that ends otherwise is put aside.
    void compare(core::TimePoint now, const core::Result<std::vector<sandbox::Anchor>>& newest);

    void write(core::TimePoint now, const engine::Record& record);

    // Names the end of the file in the journal, after it is on disk: what the journal names is
    // never lost with the power. Does nothing where the journal knows it.
    void anchor();

    [[nodiscard]] bool is_ahead_of_anchor() const;

    // Records that were not written because there were too many like them.
    [[nodiscard]] std::uint64_t left_out() const { return quota_.left_out(); }

    // "" while the file is written, else why not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    void open(core::TimePoint now);
    void put_aside(core::TimePoint now, const std::string& problem);

    std::string path_;
    std::optional<sandbox::AuditFile> file_;
    std::uint64_t anchored_ = 0;  // the newest record that an anchor names
    RecordQuota quota_;
    std::string problem_;
};

}  // namespace gatemend::app
