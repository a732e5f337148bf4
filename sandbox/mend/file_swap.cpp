// SPDX-License-Identifier: MIT
#include "sandbox/mend/file_swap.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/folder.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <vector>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr mode_t kNewFolderMode = 0755;
constexpr mode_t kModeBits = 07777;
constexpr std::size_t kMaxAttributeBytes = std::size_t{64} * 1024;
// Beside the file: written whole and synced; and, where the file system exchanges no names, what is
// in place for as long as it takes to rename twice.
constexpr const char* kReady = ".ready";
constexpr const char* kAside = ".old";
constexpr const char* kForeign = "changed by somebody else since";

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

// The place of the file itself, nullopt where not even its folder is there.
Result<std::optional<Place>> place_of(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(folder, find_place(machine, folder_of(swap.path)));
    if (!folder.is_there) {
        return std::optional<Place>{};
    }
    GATEMEND_TRY(place, find_place(machine, swap.path));
    if (place.path != swap.path) {
        return Error{swap.path + ": leads to " + place.path + " now"};
    }
    return std::optional{std::move(place)};
}

// As the text of an error begins.
std::string about(const std::string& path, const std::string& text) {
    return text.starts_with(path + ": ") ? text : path + ": " + text;
}

constexpr const char* kUnreadable = "?";

// "" where there is nothing of that name, kUnreadable where it is nothing that we would read.
std::string digest_at(const Machine& machine, const Place& folder, const std::string& name) {
    const bus::UniqueFd fd{
        openat(folder.folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd.is_open() && errno == ENOENT) {
        return "";
    }
    auto own = open_folder(folder.folder, ".");
    Place place;
    place.name = name;
    place.path = name;
    place.is_there = true;
    if (!fd.is_open() || !own || fstat(fd.get(), &place.info) < 0) {
        return kUnreadable;
    }
    place.folder = std::move(*own);
    const auto content = read_content(machine, place);
    return content ? sandbox::sha256_hex(content->bytes) : kUnreadable;
}

bool is_same_file(const Place& folder, const std::string& one, const std::string& other) {
    struct stat a {};

    struct stat b {};

    const int at = folder.folder.get();
    return fstatat(at, one.c_str(), &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(at, other.c_str(), &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

// A file system may keep whole seconds only.
bool is_same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || a.tv_nsec == 0 || b.tv_nsec == 0);
}

// chattr +i, +a: nothing takes its place.
bool is_held_fast(const Place& place) {
    const bus::UniqueFd fd{openat(place.folder.get(),
                                  place.name.c_str(),
                                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    int flags = 0;
    return fd.is_open() && ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0 &&
           (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0;
}

// Whoever is writing to what has come out of its place would lose it. Readers do not matter; where
// the file system has no leases nobody can tell.
bool is_being_written(const Place& place, const std::string& name) {
    const bus::UniqueFd fd{openat(place.folder.get(),
                                  name.c_str(),
                                  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    if (!fd.is_open()) {
        return false;
    }
    const bool is_free = fcntl(fd.get(), F_SETLEASE, F_RDLCK) == 0;
    if (is_free) {
        (void)fcntl(fd.get(), F_SETLEASE, F_UNLCK);  // gone with the descriptor in any case
    }
    return !is_free && errno == EAGAIN;
}

std::optional<std::string> attribute(int fd, const char* name) {
    std::string value(kMaxAttributeBytes, '\0');
    const ssize_t size = fgetxattr(fd, name, value.data(), value.size());
    if (size < 0) {
        return std::nullopt;
    }
    value.resize(static_cast<std::size_t>(size));
    return value;
}

// What the new file has of itself (a label that the folder gives) need not be set.
Status copy_attributes(int from, int to) {
    std::string names(kMaxAttributeBytes, '\0');
    const ssize_t size = flistxattr(from, names.data(), names.size());
    if (size < 0) {
        return errno == ENOTSUP ? Status{Done{}} : errno_error("read its attributes");
    }
    names.resize(static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
        const char* name = names.c_str() + at;
        const auto value = attribute(from, name);
        if (!value || attribute(to, name) == value) {
            continue;
        }
        if (fsetxattr(to, name, value->data(), value->size(), 0) < 0) {
            return errno_error("keep its attribute " + std::string{name});
        }
    }
    return Done{};
}

// As the file in place; a new one is for everybody to read, as configuration is.
Status dress(const Place& place, int fd) {
    if (!place.is_there) {
        return fchmod(fd, kNewFileMode) < 0 ? errno_error("set its mode") : Status{Done{}};
    }
    const bus::UniqueFd old{openat(place.folder.get(),
                                   place.name.c_str(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};

    struct stat info {};

    if (!old.is_open() || fstat(old.get(), &info) < 0) {
        return errno_error("look at it");
    }
    if (fchown(fd, info.st_uid, info.st_gid) < 0 || fchmod(fd, info.st_mode & kModeBits) < 0) {
        return errno_error("keep its owner and mode");
    }
    return copy_attributes(old.get(), fd);
}

Status write_to(const Place& place, const Swap& swap, int fd) {
    GATEMEND_CHECK(write_all(fd, swap.bytes));
    GATEMEND_CHECK(dress(place, fd));
    if (swap.time) {
        const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, *swap.time};
        if (futimens(fd, times.data()) < 0) {
            return errno_error("set its time");
        }
    }
    return fsync(fd) < 0 ? errno_error("sync it") : Status{Done{}};
}

Status sync_folder_of(const Place& place) {
    GATEMEND_TRY(folder, open_folder(place.folder, "."));
    return sync_folder(folder);
}

Status drop(const Place& place, const std::string& name) {
    if (unlinkat(place.folder.get(), name.c_str(), 0) == 0) {
        return sync_folder_of(place);
    }
    return errno == ENOENT ? Status{Done{}} : errno_error("remove " + name);
}

std::string ready_name(const Swap& swap) {
    return swap.temporary + kReady;
}

bool has_no_such_rename() {
    return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP;
}

// The other name must be free.
Status move_to(const Machine& machine,
               const Place& place,
               const std::string& from,
               const std::string& to) {
    const int at = place.folder.get();
    if (machine.has_rename_flags &&
        renameat2(at, from.c_str(), at, to.c_str(), RENAME_NOREPLACE) == 0) {
        return sync_folder_of(place);
    }
    if (machine.has_rename_flags && !has_no_such_rename()) {
        return errno_error("move " + from);
    }
    if (linkat(at, from.c_str(), at, to.c_str(), 0) < 0 || unlinkat(at, from.c_str(), 0) < 0) {
        return errno_error("move " + from);
    }
    return sync_folder_of(place);
}

// Both names are there, before and after.
Status exchange(const Machine& machine, const Place& place, const Swap& swap) {
    const int at = place.folder.get();
    const std::string ready = ready_name(swap);
    const char* name = place.name.c_str();
    if (machine.has_rename_flags && renameat2(at, ready.c_str(), at, name, RENAME_EXCHANGE) == 0) {
        return sync_folder_of(place);
    }
    if (machine.has_rename_flags && !has_no_such_rename()) {
        return errno_error("put the new one in its place");
    }
    // A save between the first two of these is lost; nothing else is at any moment.
    const std::string aside = swap.temporary + kAside;
    if (linkat(at, name, at, aside.c_str(), 0) < 0 || renameat(at, ready.c_str(), at, name) < 0 ||
        renameat(at, aside.c_str(), at, ready.c_str()) < 0) {
        return errno_error("put the new one in its place");
    }
    return sync_folder_of(place);
}

Status swap_names(const Machine& machine, const Place& place, const Swap& swap) {
    if (swap.from.empty()) {
        return move_to(machine, place, ready_name(swap), place.name);
    }
    return swap.to.empty() ? move_to(machine, place, place.name, ready_name(swap))
                           : exchange(machine, place, swap);
}

bool is_ours(const std::string& digest, const Swap& swap) {
    return digest == swap.to || digest == swap.from;
}

// One name beside the file.
Status settle_name(const Machine& machine,
                   const Place& place,
                   const Swap& swap,
                   const std::string& name) {
    const std::string digest = digest_at(machine, place, name);
    if (digest.empty()) {
        return Done{};
    }
    if (is_ours(digest, swap) || is_same_file(place, name, place.name)) {
        return drop(place, name);
    }
    const std::string there = digest_at(machine, place, place.name);
    if (!there.empty() && !is_ours(there, swap)) {
        return Error{swap.path + ": " + name + " beside it holds an earlier content, left there"};
    }
    const int at = place.folder.get();
    if (renameat(at, name.c_str(), at, place.name.c_str()) < 0) {
        return errno_error(swap.path + ": put back what somebody had saved");
    }
    return sync_folder_of(place);
}

// A file that is to be is moved away again; unless somebody has written to it.
Status move_away(const Machine& machine, const Place& place, const Swap& swap) {
    if (digest_at(machine, place, place.name) != swap.to) {
        return Done{};
    }
    return move_to(machine, place, place.name, ready_name(swap));
}

}  // namespace

Sight look_at(const Machine& machine, const Swap& swap) {
    const auto other = [&swap](const std::string& problem) {
        return Sight{FileState::kOther, about(swap.path, problem)};
    };
    const auto place = place_of(machine, swap);
    if (!place) {
        return other(place.error().text);
    }
    const bool is_there = *place && (*place)->is_there;
    if (!is_there) {
        if (swap.to.empty()) {
            return {FileState::kTo};
        }
        return swap.from.empty() ? Sight{FileState::kFrom} : other("is gone");
    }
    const auto content = find_content(machine, **place);
    if (!content) {
        return other(content.error().text);
    }
    const std::string digest = sandbox::sha256_hex((*content)->bytes);
    if (digest == swap.to) {
        return {FileState::kTo};
    }
    if (digest != swap.from) {
        return other(kForeign);
    }
    Sight sight{FileState::kFrom};
    if (swap.from_time && !is_same_time((*content)->info.st_mtim, *swap.from_time)) {
        sight.problem = about(swap.path, "written again by somebody else since");
    } else if (is_held_fast(**place)) {
        sight.problem = about(swap.path, "must not be changed (chattr +i or +a)");
    } else if (!swap.to.empty() && sandbox::sha256_hex(swap.bytes) != swap.to) {
        sight.problem = about(swap.path, "what the snapshot has of it is damaged or missing");
    }
    return sight;
}

Status settle(const Machine& machine, const Swap& swap) {
    const auto place = place_of(machine, swap);
    if (!place || !*place) {
        return Done{};  // look_at() tells
    }
    GATEMEND_CHECK(drop(**place, swap.temporary));
    GATEMEND_CHECK(settle_name(machine, **place, swap, swap.temporary + kAside));
    return settle_name(machine, **place, swap, ready_name(swap));
}

Status make_folder(const Machine& machine, const Swap& swap) {
    if (!swap.makes_folder) {
        return Done{};
    }
    GATEMEND_TRY(folder, find_place(machine, folder_of(swap.path)));
    const char* name = folder.name.c_str();
    if (!folder.is_there && mkdirat(folder.folder.get(), name, kNewFolderMode) < 0) {
        return errno_error("make " + folder.path);
    }
    return sync_folder_of(folder);
}

Status prepare(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    if (!place || swap.to.empty() || look_at(machine, swap).state != FileState::kFrom) {
        return Done{};
    }
    const int at = place->folder.get();
    const bus::UniqueFd fd{openat(at,
                                  swap.temporary.c_str(),
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                  S_IRUSR | S_IWUSR)};
    if (!fd.is_open()) {
        return errno_error(swap.path + ": make a file beside it");
    }
    if (const Status written = write_to(*place, swap, fd.get()); !written) {
        return written.error().within(swap.path);
    }
    if (renameat(at, swap.temporary.c_str(), at, ready_name(swap).c_str()) < 0) {
        return errno_error(swap.path + ": make a file beside it");
    }
    return sync_folder_of(*place);
}

Status put_in_place(const Machine& machine, const Swap& swap) {
    const Sight sight = look_at(machine, swap);
    if (sight.state == FileState::kTo) {
        return Done{};
    }
    if (!sight.problem.empty()) {
        return Error{sight.problem};
    }
    GATEMEND_TRY(place, place_of(machine, swap));
    if (!place) {
        return Error{swap.path + ": its folder is gone"};
    }
    if (const Status swapped = swap_names(machine, *place, swap); !swapped) {
        return swapped.error().within(swap.path);
    }
    if (swap.from.empty()) {
        return Done{};
    }
    const std::string ready = ready_name(swap);
    const bool is_written = is_being_written(*place, ready);
    if (!is_written && digest_at(machine, *place, ready) == swap.from) {
        return Done{};
    }
    GATEMEND_CHECK(take_back(machine, swap));
    return Error{about(swap.path, is_written ? "somebody is writing to it" : kForeign)};
}

Status take_back(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    if (!place) {
        return Done{};
    }
    const std::string ready = ready_name(swap);
    const std::string digest = digest_at(machine, *place, ready);
    if (digest.empty()) {
        return swap.from.empty() ? move_away(machine, *place, swap) : Status{Done{}};
    }
    if (digest == swap.to) {
        return Done{};  // was never in its place
    }
    if (const Status swapped = swap.to.empty() ? move_to(machine, *place, ready, place->name)
                                               : exchange(machine, *place, swap);
        !swapped) {
        return swapped.error().within(swap.path);
    }
    const std::string came_out = digest_at(machine, *place, ready);
    if (came_out.empty() || came_out == swap.to) {
        return Done{};
    }
    // Somebody has saved a moment ago: the latest stays in its place.
    return exchange(machine, *place, swap);
}

Status clean_up(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    if (!place) {
        return Done{};
    }
    GATEMEND_CHECK(drop(*place, swap.temporary));
    if (const std::string aside = swap.temporary + kAside;
        is_same_file(*place, aside, place->name)) {
        GATEMEND_CHECK(drop(*place, aside));
    }
    if (!is_ours(digest_at(machine, *place, ready_name(swap)), swap)) {
        return Done{};  // there is none, or settle() has to find it
    }
    return drop(*place, ready_name(swap));
}

Status remove_folder(const Machine& machine, const Swap& swap) {
    if (!swap.makes_folder) {
        return Done{};
    }
    GATEMEND_TRY(folder, find_place(machine, folder_of(swap.path)));
    if (!folder.is_there) {
        return Done{};
    }
    // Somebody put something else into it: then it stays.
    if (unlinkat(folder.folder.get(), folder.name.c_str(), AT_REMOVEDIR) < 0 &&
        errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT) {
        return errno_error("remove " + folder.path);
    }
    return sync_folder_of(folder);
}

}  // namespace gatemend::mend
