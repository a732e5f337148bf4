// SPDX-License-Identifier: MIT
// A snapshot put into place, and taken back. Both may be repeated, and either may follow the other,
// wherever it was interrupted.
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/file_swap.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/manifest.hpp"
#include "sandbox/mend/steps.hpp"

#include <string>
#include <vector>

namespace gatemend::mend {

class Commit {
  public:
    // An error where the attempt has no complete snapshot.
    [[nodiscard]] static core::Result<Commit> open(const Machine& machine,
                                                   const std::string& attempt);

    // Nothing happens unless every file is as the snapshot found it, or already new.
    [[nodiscard]] Steps steps() const;  // refers to this

    // steps(), and what is left beside the files is removed where one fails.
    [[nodiscard]] core::Status run() const;

    [[nodiscard]] actions::Mending outcome() const;

  private:
    explicit Commit(const Machine& machine) : machine_(machine) {}

    [[nodiscard]] core::Status check() const;

    const Machine& machine_;
    Manifest manifest_;
    std::vector<Swap> swaps_;
};

class Undo {
  public:
    // Without a complete snapshot nothing was changed: then there are no steps.
    [[nodiscard]] static core::Result<Undo> open(const Machine& machine,
                                                 const std::string& attempt);

    // A part for each file. One that is neither old nor new is left alone and told.
    [[nodiscard]] Steps steps() const;  // refers to this

    [[nodiscard]] core::Status run() const { return run_every_part(steps()); }

    // before and after exchanged; a note where nothing was to be done.
    [[nodiscard]] actions::Mending outcome() const;

  private:
    explicit Undo(const Machine& machine) : machine_(machine) {}

    const Machine& machine_;
    Manifest manifest_;
    std::vector<Swap> swaps_;
    std::vector<std::string> notes_;
};

}  // namespace gatemend::mend
