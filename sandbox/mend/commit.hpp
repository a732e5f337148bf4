// SPDX-License-Identifier: MIT
// A snapshot put into place, and taken back: all of it or nothing. Every file is looked at before
// the first is touched, everything that shall be in place is on disk before the first name changes,
// and where a later one fails the earlier ones go back. Both may be repeated, and either may follow
// the other, wherever it was interrupted.
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/file_swap.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/manifest.hpp"
#include "sandbox/mend/order.hpp"
#include "sandbox/mend/steps.hpp"

#include <string>
#include <vector>

namespace gatemend::mend {

// What both directions have in common.
class Change {
  public:
    // Nothing happens unless everything is as the snapshot says, or already as it shall be.
    [[nodiscard]] Steps steps() const;  // refers to this

    // steps(), and back again where one fails. The error says of each file how it is now.
    [[nodiscard]] core::Status run() const;

  protected:
    enum class Direction { kForward, kBackward };

    Change(const Machine& machine, Direction direction)
        : machine_(machine),
          direction_(direction) {}

    void take(Manifest manifest, std::vector<Swap> swaps);

    [[nodiscard]] const Manifest& manifest() const { return manifest_; }

    // Whether there is anything to do about this part, at open().
    [[nodiscard]] bool is_due(std::size_t file) const { return is_due_[file]; }

    [[nodiscard]] SocketState socket_state() const { return socket_state_; }

    [[nodiscard]] core::Status check() const;

    [[nodiscard]] const Machine& machine() const { return machine_; }

    // Nothing of it is as it shall be.
    [[nodiscard]] bool is_none_in_place() const;

  private:
    // A file's path and how it is, each.
    [[nodiscard]] std::vector<std::string> describe() const;
    void add_settling(Steps& steps) const;
    void add_changing(Steps& steps) const;
    void go_back() const;
    [[nodiscard]] core::Status give() const;
    [[nodiscard]] std::string words_of(FileState state) const;

    const Machine& machine_;
    Direction direction_;
    Manifest manifest_{};
    std::vector<Swap> swaps_{};
    std::vector<bool> is_due_{};
    SocketState socket_state_ = SocketState::kGone;
};

class Commit : public Change {
  public:
    // An error where the attempt has no complete snapshot.
    [[nodiscard]] static core::Result<Commit> open(const Machine& machine,
                                                   const std::string& attempt);

    // As Change::run(). A snapshot of which nothing is in place is one that was never used: its
    // manifest goes, and nobody has to undo it.
    [[nodiscard]] core::Status run() const;

    [[nodiscard]] actions::Mending outcome() const;

  private:
    explicit Commit(const Machine& machine) : Change(machine, Direction::kForward) {}

    std::string attempt_{};
};

class Undo : public Change {
  public:
    // Without a complete snapshot nothing was changed: then there are no steps. Unless the attempt
    // is known to have been performed: then that is an error.
    [[nodiscard]] static core::Result<Undo> open(const Machine& machine,
                                                 const std::string& attempt,
                                                 const UndoTerms& terms);

    // What run() would do; an error where it would do nothing, as of now.
    [[nodiscard]] core::Result<actions::Mending> review() const;

    // What was not as before at open(), before and after exchanged; notes about the rest.
    [[nodiscard]] actions::Mending outcome() const;

  private:
    explicit Undo(const Machine& machine) : Change(machine, Direction::kBackward) {}

    std::string folder_{};
    std::vector<std::string> notes_{};
};

}  // namespace gatemend::mend
