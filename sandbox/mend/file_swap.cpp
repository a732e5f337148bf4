// SPDX-License-Identifier: MIT
#include "sandbox/mend/file_swap.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/folder.hpp"

#include <fcntl.h>
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

constexpr mode_t kNewFileMode = 0644;
constexpr mode_t kNewFolderMode = 0755;
constexpr mode_t kModeBits = 07777;
constexpr std::size_t kMaxAttributeBytes = std::size_t{64} * 1024;

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

std::string digest_of(const std::optional<Content>& content) {
    return content ? sandbox::sha256_hex(content->bytes) : std::string{};
}

FileState state_by(const std::string& digest, const Swap& swap) {
    if (digest == swap.to) {
        return FileState::kTo;
    }
    return digest == swap.from ? FileState::kFrom : FileState::kOther;
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

Status drop(const Place& place, const std::string& name) {
    if (unlinkat(place.folder.get(), name.c_str(), 0) < 0 && errno != ENOENT) {
        return errno_error("remove " + name);
    }
    return Done{};
}

Status sync_folder_of(const Place& place) {
    GATEMEND_TRY(folder, open_folder(place.folder, "."));
    return sync_folder(folder);
}

}  // namespace

Result<FileState> state_of(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    if (!place) {
        return state_by("", swap);
    }
    GATEMEND_TRY(content, find_content(machine, *place));
    return state_by(digest_of(content), swap);
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

Status write_temporary(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    GATEMEND_TRY(state, state_of(machine, swap));
    if (state == FileState::kOther) {
        return Error{swap.path + ": changed by somebody else since"};
    }
    if (!place || state == FileState::kTo || swap.to.empty()) {
        return Done{};
    }
    if (sandbox::sha256_hex(swap.bytes) != swap.to) {
        return Error{swap.path + ": what the snapshot has of it is damaged"};
    }
    GATEMEND_CHECK(drop(*place, swap.temporary));
    const bus::UniqueFd fd{openat(place->folder.get(),
                                  swap.temporary.c_str(),
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                  S_IRUSR | S_IWUSR)};
    if (!fd.is_open()) {
        return errno_error(swap.path + ": make a file beside it");
    }
    if (const Status written = write_to(*place, swap, fd.get()); !written) {
        (void)drop(*place, swap.temporary);  // the first error is the one to tell
        return written.error().within(swap.path);
    }
    return Done{};
}

Status put_in_place(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    GATEMEND_TRY(state, state_of(machine, swap));
    if (state == FileState::kOther) {
        return Error{swap.path + ": changed by somebody else since"};
    }
    if (!place || state == FileState::kTo) {
        return Done{};
    }
    if (swap.to.empty()) {
        GATEMEND_CHECK(drop(*place, place->name));
        return sync_folder_of(*place);
    }
    const int folder = place->folder.get();
    if (renameat(folder, swap.temporary.c_str(), folder, place->name.c_str()) < 0) {
        return errno_error(swap.path + ": put the new one in its place");
    }
    return sync_folder_of(*place);
}

Status remove_folder(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(folder, find_place(machine, folder_of(swap.path)));
    if (!swap.makes_folder || !folder.is_there) {
        return Done{};
    }
    // Somebody put something else into it: then it stays.
    if (unlinkat(folder.folder.get(), folder.name.c_str(), AT_REMOVEDIR) < 0 &&
        errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT) {
        return errno_error("remove " + folder.path);
    }
    return sync_folder_of(folder);
}

Status remove_temporary(const Machine& machine, const Swap& swap) {
    GATEMEND_TRY(place, place_of(machine, swap));
    return place ? drop(*place, swap.temporary) : Status{Done{}};
}

}  // namespace gatemend::mend
