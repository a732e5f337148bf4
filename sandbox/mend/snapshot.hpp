// SPDX-License-Identifier: MIT
// Snapshots: old and new content of what an attempt changes, in a folder of its own below
// Machine::snapshots, on disk before anything is changed.
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/draft.hpp"
#include "sandbox/mend/folder.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/manifest.hpp"
#include "sandbox/mend/steps.hpp"

#include <string>

namespace gatemend::mend {

class Staging {
  public:
    // Refused where the attempt has a snapshot of something else.
    [[nodiscard]] static core::Result<Staging> open(const Machine& machine,
                                                    const std::string& attempt,
                                                    const Draft& draft);

    [[nodiscard]] Steps steps() const;  // refers to this

    // As a preview, with the paths of the new content.
    [[nodiscard]] actions::Mending outcome() const;

  private:
    Staging(const Machine& machine, std::string attempt, const Draft& draft)
        : machine_(machine),
          attempt_(std::move(attempt)),
          draft_(draft) {}

    [[nodiscard]] core::Status save(const std::string& name,
                                    const std::string& bytes,
                                    CopyOf what) const;

    const Machine& machine_;
    std::string attempt_;
    const Draft& draft_;
    Manifest manifest_;
    bool is_complete_ = false;  // from an earlier run
};

[[nodiscard]] std::string snapshot_folder(const Machine& machine, const std::string& attempt);

// From here on nothing is known to have been changed by the attempt.
[[nodiscard]] core::Status forget_manifest(const Machine& machine, const std::string& attempt);

// The manifest first; what is not there is no error.
[[nodiscard]] core::Result<Steps> forget_steps(const Machine& machine, const std::string& attempt);

}  // namespace gatemend::mend
