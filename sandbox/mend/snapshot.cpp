// SPDX-License-Identifier: MIT
#include "sandbox/mend/snapshot.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/folder.hpp"
#include "sandbox/mend/place.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

Result<Manifest> manifest_of(const Machine& machine, const Draft& draft) {
    Manifest manifest;
    manifest.socket = draft.socket;
    const actions::Mending mending = mending_of(draft);
    for (std::size_t i = 0; i < draft.files.size(); ++i) {
        SavedFile file;
        file.change = mending.changes[i].change;
        const std::string& path = file.change.path;
        GATEMEND_TRY(folder, find_place(machine, path.substr(0, path.rfind('/'))));
        file.makes_folder = !folder.is_there;
        if (folder.is_there) {
            GATEMEND_TRY(place, find_place(machine, path));
            file.seconds = place.is_there ? place.info.st_mtim.tv_sec : 0;
            file.nanoseconds = place.is_there ? place.info.st_mtim.tv_nsec : 0;
        }
        manifest.files.push_back(std::move(file));
    }
    return manifest;
}

Status remove_entry(const bus::UniqueFd& folder, const std::string& name) {
    if (unlinkat(folder.get(), name.c_str(), 0) < 0 && errno != ENOENT) {
        return errno_error("remove " + name);
    }
    return Done{};
}

}  // namespace

std::string snapshot_folder(const Machine& machine, const std::string& attempt) {
    return machine.snapshots + "/" + attempt;
}

Result<Staging> Staging::open(const Machine& machine,
                              const std::string& attempt,
                              const Draft& draft) {
    Staging staging(machine, attempt, draft);
    GATEMEND_TRY(manifest, manifest_of(machine, draft));
    staging.manifest_ = std::move(manifest);
    GATEMEND_TRY(earlier, load_manifest(machine, snapshot_folder(machine, attempt)));
    if (earlier && manifest_text(*earlier) != manifest_text(staging.manifest_)) {
        return Error{"attempt " + attempt + " has a snapshot of something else"};
    }
    staging.is_complete_ = earlier.has_value();
    return staging;
}

Status Staging::save(const std::string& name, const std::string& bytes, CopyOf what) const {
    GATEMEND_TRY(folder, make_folders(machine_, machine_.snapshots, attempt_));
    auto written = write_whole(folder, name, bytes, what);
    return written ? std::move(written)
                   : written.error().within(snapshot_folder(machine_, attempt_));
}

Steps Staging::steps() const {
    Steps steps;
    if (is_complete_) {
        return steps;
    }
    for (std::size_t i = 0; i < draft_.files.size(); ++i) {
        const FileEdit& edit = draft_.files[i];
        const CopyOf what = edit.is_private ? CopyOf::kPrivateFile : CopyOf::kOpenFile;
        if (edit.before) {
            steps.push_back(
                {[this, &edit, i, what] { return save(old_name(i), *edit.before, what); }});
        }
        steps.push_back({[this, &edit, i, what] { return save(new_name(i), edit.after, what); }});
    }
    const auto sync = [this](const std::string& below) -> Status {
        GATEMEND_TRY(folder, make_folders(machine_, machine_.snapshots, below));
        return sync_folder(folder);
    };
    steps.push_back({[this, sync] { return sync(attempt_); }});
    steps.push_back(
        {[this] { return save(kManifestName, manifest_text(manifest_), CopyOf::kPrivateFile); }});
    steps.push_back({[this, sync] { return sync(attempt_); }});
    steps.push_back({[sync] { return sync(""); }});
    return steps;
}

actions::Mending Staging::outcome() const {
    actions::Mending mending = mending_of(draft_);
    for (std::size_t i = 0; i < draft_.files.size(); ++i) {
        mending.changes[i].staged = snapshot_folder(machine_, attempt_) + "/" + new_name(i);
    }
    return mending;
}

Status forget_manifest(const Machine& machine, const std::string& attempt) {
    GATEMEND_TRY(folder, make_folders(machine, machine.snapshots, attempt));
    GATEMEND_CHECK(remove_entry(folder, kManifestName));
    return sync_folder(folder);
}

Result<Steps> forget_steps(const Machine& machine, const std::string& attempt) {
    Steps steps;
    GATEMEND_TRY(own, find_place(machine, snapshot_folder(machine, attempt)));
    if (!own.is_there) {
        return steps;
    }
    std::vector<std::string> names = list_folder(machine, own.path);
    // The manifest first: what is left behind without it counts for nothing.
    (void)std::stable_partition(
        names.begin(), names.end(), [](const std::string& name) { return name == kManifestName; });
    for (const std::string& name : names) {
        steps.push_back({[&machine, attempt, name]() -> Status {
            GATEMEND_TRY(folder, make_folders(machine, machine.snapshots, attempt));
            return remove_entry(folder, name);
        }});
    }
    steps.push_back({[&machine, attempt]() -> Status {
        GATEMEND_TRY(place, find_place(machine, snapshot_folder(machine, attempt)));
        if (unlinkat(place.folder.get(), attempt.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
            return errno_error("remove snapshot " + attempt);
        }
        return Done{};
    }});
    return steps;
}

}  // namespace gatemend::mend
