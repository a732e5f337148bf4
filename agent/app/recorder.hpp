// SPDX-License-Identifier: MIT
// Recorder: the engine's records, in decisions.jsonl (hash-chained) and in the journal (with
// MESSAGE_ID and the chain's head, so that the file is anchored there). Used by the agent alone.
// A record that cannot be written is said in the journal and in status; the agent goes on. So it
// does when its file is broken: that is put aside, byte for byte, and --verify names it.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "engine/effect.hpp"
#include "sandbox/audit/audit_file.hpp"

#include <optional>
#include <string>

namespace gatemend::app {

class Recorder {
  public:
    Recorder(const std::string& path, core::TimePoint now);

    void write(core::TimePoint now, const engine::Record& record);

    // "" while the file is written, else why not.
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    std::optional<sandbox::AuditFile> file_;
    std::string problem_;
};

}  // namespace gatemend::app
