// SPDX-License-Identifier: MIT
#include "sandbox/mend/commit.hpp"

#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/mend/snapshot.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

std::string temporary_name(const std::string& path, const std::string& attempt) {
    return "." + path.substr(path.rfind('/') + 1) + ".gatemend-" + attempt;
}

struct Saved {
    std::string bytes{};
    std::optional<timespec> time{};
};

// Of the snapshot's own file; nothing where it cannot be read, which the digest then tells.
Saved load_saved(const Machine& machine, const std::string& path) {
    const auto place = find_place(machine, path);
    if (!place) {
        return {};
    }
    auto content = read_content(machine, *place);
    return content ? Saved{std::move(content->bytes), content->info.st_mtim} : Saved{};
}

// What is put in place is as old as what was staged: by that it is known again, whoever writes the
// same once more.
std::vector<Swap> swaps_there(const Machine& machine,
                              const std::string& attempt,
                              const Manifest& manifest) {
    std::vector<Swap> swaps;
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
        const SavedFile& file = manifest.files[i];
        Saved saved = load_saved(machine, snapshot_folder(machine, attempt) + "/" + new_name(i));
        Swap swap;
        swap.path = file.change.path;
        swap.from = file.change.before;
        swap.to = file.change.after;
        swap.bytes = std::move(saved.bytes);
        swap.time = saved.time;
        swap.temporary = temporary_name(swap.path, attempt);
        swap.makes_folder = file.makes_folder;
        swaps.push_back(std::move(swap));
    }
    return swaps;
}

std::vector<Swap> swaps_back(const Machine& machine,
                             const std::string& attempt,
                             const Manifest& manifest,
                             const UndoTerms& terms) {
    const std::string folder = snapshot_folder(machine, attempt) + "/";
    std::vector<Swap> swaps;
    for (std::size_t i = 0; i < manifest.files.size(); ++i) {
        const SavedFile& file = manifest.files[i];
        Swap swap;
        swap.path = file.change.path;
        swap.from = file.change.after;
        swap.to = file.change.before;
        if (!swap.to.empty()) {
            swap.bytes = load_saved(machine, folder + old_name(i)).bytes;
        }
        if (!terms.is_asked) {
            swap.from_time = load_saved(machine, folder + new_name(i)).time.value_or(timespec{});
        }
        swap.time = timespec{file.seconds, file.nanoseconds};
        swap.temporary = temporary_name(swap.path, attempt);
        swap.makes_folder = file.makes_folder;
        swaps.push_back(std::move(swap));
    }
    return swaps;
}

std::string join(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) {
        text += (text.empty() ? "" : "; ") + part;
    }
    return text;
}

bool is_socket_blocked(SocketState state, bool is_forward) {
    return state == SocketState::kOther || (is_forward && state == SocketState::kGone);
}

std::string words_of_socket(SocketState state) {
    switch (state) {
        case SocketState::kBefore:
            return "as before";
        case SocketState::kAfter:
            return "as the act left it";
        case SocketState::kOther:
            return "changed by somebody else since";
        case SocketState::kGone:
            break;
    }
    return "gone, or another one by now";
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

void Change::take(Manifest manifest, std::vector<Swap> swaps) {
    manifest_ = std::move(manifest);
    swaps_ = std::move(swaps);
    for (const Swap& swap : swaps_) {
        is_due_.push_back(look_at(machine_, swap).state != FileState::kTo);
    }
    if (manifest_.socket) {
        socket_state_ = hold_socket(machine_, *manifest_.socket).state;
    }
}

std::string Change::words_of(FileState state) const {
    const bool is_forward = direction_ == Direction::kForward;
    switch (state) {
        case FileState::kFrom:
            return is_forward ? "as before" : "as the act left it";
        case FileState::kTo:
            return is_forward ? "as the act leaves it" : "as before";
        case FileState::kOther:
            break;
    }
    return "?";
}

std::vector<std::string> Change::describe() const {
    std::vector<std::string> words;
    for (const Swap& swap : swaps_) {
        const Sight sight = look_at(machine_, swap);
        words.push_back(sight.problem.empty() ? swap.path + ": " + words_of(sight.state)
                                              : sight.problem);
    }
    if (manifest_.socket) {
        SocketState state = hold_socket(machine_, *manifest_.socket).state;
        const bool is_blocked = is_socket_blocked(state, direction_ == Direction::kForward);
        state = is_blocked ? SocketState::kOther : state;
        words.push_back(manifest_.socket->path + ": " + words_of_socket(state));
    }
    return words;
}

Status Change::check() const {
    const bool is_fine = std::ranges::all_of(
        swaps_, [this](const Swap& swap) { return look_at(machine_, swap).problem.empty(); });
    const bool is_socket_fine =
        !manifest_.socket || !is_socket_blocked(hold_socket(machine_, *manifest_.socket).state,
                                                direction_ == Direction::kForward);
    if (is_fine && is_socket_fine) {
        return Done{};
    }
    return Error{join(describe())};
}

bool Change::is_none_in_place() const {
    const bool is_socket_given =
        manifest_.socket && hold_socket(machine_, *manifest_.socket).state == SocketState::kAfter;
    return !is_socket_given && std::ranges::none_of(swaps_, [this](const Swap& swap) {
        return look_at(machine_, swap).state == FileState::kTo;
    });
}

Status Change::give() const {
    return direction_ == Direction::kForward ? give_forward(machine_, *manifest_.socket)
                                             : give_back(machine_, *manifest_.socket);
}

void Change::add_settling(Steps& steps) const {
    for (const Swap& swap : swaps_) {
        steps.push_back({[this, &swap] { return settle(machine_, swap); }});
    }
}

void Change::add_changing(Steps& steps) const {
    for (const Swap& swap : swaps_) {
        if (direction_ == Direction::kForward) {
            steps.push_back({[this, &swap] { return make_folder(machine_, swap); }});
        }
        steps.push_back({[this, &swap] { return prepare(machine_, swap); }});
    }
    for (const Swap& swap : swaps_) {
        steps.push_back({[this, &swap] { return put_in_place(machine_, swap); }});
    }
    if (manifest_.socket) {
        steps.push_back({[this] { return give(); }});
    }
    // From here on it is done: what cannot be cleaned up the next run finds.
    for (const Swap& swap : swaps_) {
        steps.push_back({[this, &swap]() -> Status {
            (void)clean_up(machine_, swap);
            if (direction_ == Direction::kBackward) {
                (void)remove_folder(machine_, swap);
            }
            return Done{};
        }});
    }
}

Steps Change::steps() const {
    Steps steps;
    add_settling(steps);
    steps.push_back({[this] { return check(); }});
    add_changing(steps);
    return steps;
}

// What fails here is told by how the files are afterwards.
void Change::go_back() const {
    for (auto swap = swaps_.rbegin(); swap != swaps_.rend(); ++swap) {
        (void)take_back(machine_, *swap);
        (void)clean_up(machine_, *swap);
        if (direction_ == Direction::kForward) {
            (void)remove_folder(machine_, *swap);
        }
    }
}

Status Change::run() const {
    Steps before;
    add_settling(before);
    GATEMEND_CHECK(run_steps(before));
    GATEMEND_CHECK(check());
    Steps changing;
    add_changing(changing);
    const Status done = run_steps(changing);
    if (done) {
        return done;
    }
    go_back();
    return Error{done.error().text + " (now " + join(describe()) + ")"};
}

Result<Commit> Commit::open(const Machine& machine, const std::string& attempt) {
    Commit commit(machine);
    GATEMEND_TRY(manifest, load_manifest(machine, snapshot_folder(machine, attempt)));
    if (!manifest) {
        return Error{"attempt " + attempt + " has no complete snapshot"};
    }
    std::vector<Swap> swaps = swaps_there(machine, attempt, *manifest);
    commit.take(std::move(*manifest), std::move(swaps));
    commit.attempt_ = attempt;
    return commit;
}

Status Commit::run() const {
    Status done = Change::run();
    if (!done && is_none_in_place()) {
        (void)forget_manifest(machine(), attempt_);  // then the undoing looks at each file again
    }
    return done;
}

actions::Mending Commit::outcome() const {
    actions::Mending mending;
    for (const SavedFile& file : manifest().files) {
        mending.changes.push_back({file.change, ""});
    }
    if (manifest().socket) {
        mending.changes.push_back({change_of(*manifest().socket), ""});
    }
    return mending;
}

Result<Undo> Undo::open(const Machine& machine,
                        const std::string& attempt,
                        const UndoTerms& terms) {
    Undo undo(machine);
    undo.folder_ = snapshot_folder(machine, attempt);
    GATEMEND_TRY(manifest, load_manifest(machine, undo.folder_));
    if (!manifest && terms.is_performed) {
        return Error{"the snapshot of attempt " + attempt +
                     " is gone: what it has changed cannot be put back"};
    }
    if (!manifest) {
        undo.notes_.push_back("attempt " + attempt + " was not staged: nothing to undo");
        return undo;
    }
    std::vector<Swap> swaps = swaps_back(machine, attempt, *manifest, terms);
    undo.take(std::move(*manifest), std::move(swaps));
    return undo;
}

Result<actions::Mending> Undo::review() const {
    GATEMEND_CHECK(check());
    return outcome();
}

actions::Mending Undo::outcome() const {
    actions::Mending mending;
    mending.notes = notes_;
    const auto add = [&mending](const actions::FileChange& change, const std::string& staged) {
        mending.changes.push_back(
            {actions::FileChange{change.path, change.after, change.before}, staged});
    };
    for (std::size_t i = 0; i < manifest().files.size(); ++i) {
        const actions::FileChange& change = manifest().files[i].change;
        if (is_due(i)) {
            add(change, change.before.empty() ? "" : folder_ + "/" + old_name(i));
        } else {
            mending.notes.push_back(change.path + ": as before already");
        }
    }
    if (manifest().socket && socket_state() == SocketState::kAfter) {
        add(change_of(*manifest().socket), "");
    } else if (manifest().socket) {
        mending.notes.push_back(manifest().socket->path + ": " + words_of_socket(socket_state()));
    }
    return mending;
}

}  // namespace gatemend::mend
