// SPDX-License-Identifier: MIT
#include "sandbox/mend/commit.hpp"

#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/mend/snapshot.hpp"

#include <utility>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr std::size_t kSocketPart = ~std::size_t{0};

std::string temporary_name(const std::string& path, const std::string& attempt) {
    return "." + path.substr(path.rfind('/') + 1) + ".gatemend-" + attempt;
}

enum class Direction { kForward, kBackward };

// Of the snapshot's own file; "" where it cannot be read, which the digest then tells.
std::string load_saved(const Machine& machine, const std::string& path) {
    const auto place = find_place(machine, path);
    if (!place) {
        return "";
    }
    auto content = read_content(machine, *place);
    return content ? std::move(content->bytes) : std::string{};
}

std::vector<Swap> make_swaps(const Machine& machine,
                             const std::string& attempt,
                             const Manifest& manifest,
                             Direction direction) {
    const bool is_forward = direction == Direction::kForward;
    std::vector<Swap> swaps;
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
        const SavedFile& file = manifest.files[i];
        Swap swap;
        swap.path = file.change.path;
        swap.from = is_forward ? file.change.before : file.change.after;
        swap.to = is_forward ? file.change.after : file.change.before;
        if (!swap.to.empty()) {
            swap.bytes = load_saved(
                machine,
                snapshot_folder(machine, attempt) + "/" + (is_forward ? new_name(i) : old_name(i)));
        }
        swap.temporary = temporary_name(swap.path, attempt);
        if (!is_forward) {
            swap.time = timespec{file.seconds, file.nanoseconds};
        }
        swap.makes_folder = file.makes_folder;
        swaps.push_back(std::move(swap));
    }
    return swaps;
}

Status give_forward(const Machine& machine, const SocketEdit& edit) {
    const HeldSocket socket = hold_socket(machine, edit);
    switch (socket.state) {
        case SocketState::kBefore:
            return give_socket(machine, socket, edit, edit.after);
        case SocketState::kAfter:
            return Done{};
        case SocketState::kOther:
        case SocketState::kGone:
            break;
    }
    return Error{edit.path + ": not as it was found; changed by somebody else since"};
}

// A socket that was made anew since is nobody's change to take back.
Status give_back(const Machine& machine, const SocketEdit& edit) {
    const HeldSocket socket = hold_socket(machine, edit);
    switch (socket.state) {
        case SocketState::kAfter:
            return give_socket(machine, socket, edit, edit.before);
        case SocketState::kBefore:
        case SocketState::kGone:
            return Done{};
        case SocketState::kOther:
            break;
    }
    return Error{edit.path + ": changed by somebody else since"};
}

}  // namespace

Result<Commit> Commit::open(const Machine& machine, const std::string& attempt) {
    Commit commit(machine);
    GATEMEND_TRY(manifest, load_manifest(machine, snapshot_folder(machine, attempt)));
    if (!manifest) {
        return Error{"attempt " + attempt + " has no complete snapshot"};
    }
    commit.manifest_ = std::move(*manifest);
    commit.swaps_ = make_swaps(machine, attempt, commit.manifest_, Direction::kForward);
    return commit;
}

Status Commit::check() const {
    for (const Swap& swap : swaps_) {
        GATEMEND_TRY(state, state_of(machine_, swap));
        if (state == FileState::kOther) {
            return Error{swap.path + ": changed by somebody else since"};
        }
    }
    return Done{};
}

Steps Commit::steps() const {
    Steps steps{{0, [this] { return check(); }}};
    for (std::size_t i = 0; i < swaps_.size(); ++i) {
        const Swap& swap = swaps_[i];
        steps.push_back({i, [this, &swap] { return make_folder(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return write_temporary(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return put_in_place(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return remove_temporary(machine_, swap); }});
    }
    if (manifest_.socket) {
        steps.push_back(
            {kSocketPart, [this] { return give_forward(machine_, *manifest_.socket); }});
    }
    return steps;
}

Status Commit::run() const {
    Status done = run_steps(steps());
    if (!done) {
        for (const Swap& swap : swaps_) {
            (void)remove_temporary(machine_, swap);  // undo does it again
        }
    }
    return done;
}

actions::Mending Commit::outcome() const {
    actions::Mending mending;
    for (const SavedFile& file : manifest_.files) {
        mending.changes.push_back({file.change, ""});
    }
    if (manifest_.socket) {
        mending.changes.push_back({change_of(*manifest_.socket), ""});
    }
    return mending;
}

Result<Undo> Undo::open(const Machine& machine, const std::string& attempt) {
    Undo undo(machine);
    GATEMEND_TRY(manifest, load_manifest(machine, snapshot_folder(machine, attempt)));
    if (!manifest) {
        undo.notes_.push_back("attempt " + attempt + " was not staged: nothing to undo");
        return undo;
    }
    undo.manifest_ = std::move(*manifest);
    undo.swaps_ = make_swaps(machine, attempt, undo.manifest_, Direction::kBackward);
    return undo;
}

Steps Undo::steps() const {
    Steps steps;
    for (std::size_t i = 0; i < swaps_.size(); ++i) {
        const Swap& swap = swaps_[i];
        steps.push_back({i, [this, &swap] { return remove_temporary(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return write_temporary(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return put_in_place(machine_, swap); }});
        steps.push_back({i, [this, &swap] { return remove_folder(machine_, swap); }});
    }
    if (manifest_.socket) {
        steps.push_back({kSocketPart, [this] { return give_back(machine_, *manifest_.socket); }});
    }
    return steps;
}

actions::Mending Undo::outcome() const {
    actions::Mending mending;
    mending.notes = notes_;
    const auto add = [&mending](const actions::FileChange& change) {
        mending.changes.push_back(
            {actions::FileChange{change.path, change.after, change.before}, ""});
    };
    for (const SavedFile& file : manifest_.files) {
        add(file.change);
    }
    if (manifest_.socket) {
        add(change_of(*manifest_.socket));
    }
    return mending;
}

}  // namespace gatemend::mend
