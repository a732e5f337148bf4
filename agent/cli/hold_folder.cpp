// SPDX-License-Identifier: MIT
#include "cli/hold_folder.hpp"

#include "sandbox/bus/event_loop.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace gatemend::cli {

namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kMarkerMode = 0644;

Error failure(const std::string& what, int error_number) {
    return Error{what + ": " + std::generic_category().message(error_number) +
                 (error_number == EACCES || error_number == EPERM ? " (this is for root)" : "")};
}

// tmpfiles makes it at boot; not every boot has gatemend installed.
Status make_folder(const std::string& folder) {
    const std::string above = folder.substr(0, folder.rfind('/'));
    for (const std::string& path : {above, folder}) {
        if (::mkdir(path.c_str(), kFolderMode) == 0) {
            (void)::chmod(path.c_str(), kFolderMode);  // whatever the umask; it is checked below
        } else if (errno != EEXIST) {
            return failure(path, errno);
        }
    }
    return Done{};
}

Result<bus::UniqueFd> open_folder(const std::string& folder) {
    bus::UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd.is_open()) {
        return failure(folder, errno);
    }
    return fd;
}

Status write_all(int fd, std::string_view text, const std::string& what) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno != EINTR) {
            return failure(what, errno);
        }
        text.remove_prefix(put < 0 ? 0 : static_cast<std::size_t>(put));
    }
    return Done{};
}

Status put(int folder, const std::string& name, const std::string& text) {
    const std::string fresh = "." + name + ".new";  // the guards skip it
    (void)::unlinkat(folder, fresh.c_str(), 0);     // of a process of this number that died here
    const bus::UniqueFd fd{::openat(
        folder, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kMarkerMode)};
    if (!fd.is_open() || ::fchmod(fd.get(), kMarkerMode) != 0) {
        return failure(name, errno);
    }
    // Not synced: /run does not outlive the machine's memory either.
    if (Status status = write_all(fd.get(), text, name); !status) {
        (void)::unlinkat(folder, fresh.c_str(), 0);
        return status;
    }
    if (::renameat(folder, fresh.c_str(), folder, name.c_str()) != 0) {
        return failure(name, errno);
    }
    return Done{};
}

}  // namespace

Status write_hold(const std::string& folder,
                  const std::string& name,
                  const sandbox::HoldMarker& marker,
                  uid_t owner) {
    GATEMEND_CHECK(make_folder(folder));
    GATEMEND_TRY(fd, open_folder(folder));
    GATEMEND_CHECK(put(fd.get(), name, sandbox::encode_marker(marker)));
    // As the guards will see it: a hold that is none must not look like one.
    const auto holds = sandbox::read_holds(folder, bus::wall_clock(), owner);
    const auto found = std::ranges::find(holds.markers, name, &sandbox::FoundMarker::name);
    if (found == holds.markers.end() || !found->is_in_force) {
        (void)::unlinkat(fd.get(), name.c_str(), 0);
        return Error{folder + "/" + name + " " +
                     (found == holds.markers.end() ? "is not there" : describe(*found))};
    }
    return Done{};
}

Status remove_hold(const std::string& folder, const std::string& name) {
    GATEMEND_TRY(fd, open_folder(folder));
    if (::unlinkat(fd.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        return failure(folder + "/" + name, errno);
    }
    return Done{};
}

}  // namespace gatemend::cli
