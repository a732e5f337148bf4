// SPDX-License-Identifier: MIT
// Mender: runs gatemend-mend, the one program that changes files, as a transient unit that may
// write exactly where a plan says. preview() changes nothing and is what a dry run uses, too; the
// rest is the executor's, after the intent is on disk.
//
//   stage    old and new content into /var/lib/gatemend/snapshots/ATTEMPT, synced
//   commit   new content into place: temporary file beside it, fsync, rename, fsync of the folder
//   review   how each file is, and what undo would put back; an error where it would do nothing
//   undo     old content back into place, all or nothing, where the files are what commit left
//   forget   the snapshot is removed
//   keep     a copy of a unit's configuration, which has just passed its test, below kGoodRoot
//
// Every step may be repeated, also after a crash in its middle.
//
// A socket is given away only where it is shown to be the unit's own (own_socket.hpp): the machine
// is looked at before every preview and every stage, and gatemend-mend is told which socket it is.
#pragma once

#include "actions/catalogue.hpp"
#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr const char* kSnapshotRoot = "/var/lib/gatemend/snapshots";
inline constexpr const char* kGoodRoot = "/var/lib/gatemend/good";

struct UndoOrder {
    std::uint64_t attempt = 0;
    std::vector<std::string> paths;
    bool is_asked = false;      // by a person: what has been written again since counts, too
    bool is_performed = false;  // then there is a snapshot
};

class Mender {
  public:
    using Done = std::function<void(core::Result<actions::Mending>)>;

    [[nodiscard]] static std::unique_ptr<Mender> make(ToolRunner& runner, Facts& facts);
    virtual ~Mender();

    // `candidate`: of restore-config, which kept version: 0 the newest, 1 the one before ...
    virtual void preview(const actions::Plan& plan, unsigned candidate, Done done) = 0;
    // restore-config takes the version whose digest stands in the plan's change.
    virtual void stage(const actions::Plan& plan, std::uint64_t attempt, Done done) = 0;
    // `paths`: the files or sockets of the plan's changes; only their folders become writable.
    virtual void commit(std::uint64_t attempt,
                        const std::vector<std::string>& paths,
                        Done done) = 0;
    virtual void review(const UndoOrder& order, Done done) = 0;
    virtual void undo(const UndoOrder& order, Done done) = 0;
    virtual void forget(std::uint64_t attempt, Done done) = 0;
    virtual void keep(const std::string& unit, Done done) = 0;

  protected:
    Mender() = default;
};

}  // namespace gatemend::sandbox
