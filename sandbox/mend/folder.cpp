// SPDX-License-Identifier: MIT
#include "sandbox/mend/folder.hpp"

#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr mode_t kOwnFolder = 0700;
constexpr mode_t kOwnFile = 0600;
constexpr mode_t kOpenCopy = 0400;

}  // namespace

std::vector<std::string> list_folder(const Machine& machine, const std::string& path) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entries{machine.root + path, error};
    while (!error && entries != std::filesystem::directory_iterator{}) {
        names.push_back(entries->path().filename().string());
        entries.increment(error);
    }
    std::ranges::sort(names);
    return names;
}

Result<bus::UniqueFd> open_folder(const bus::UniqueFd& at, const std::string& name) {
    bus::UniqueFd fd{
        openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd.is_open()) {
        return errno_error("folder " + name);
    }
    return fd;
}

Result<bus::UniqueFd> make_folders(const Machine& machine,
                                   const std::string& top,
                                   const std::string& below) {
    GATEMEND_TRY(place, find_place(machine, top));
    bus::UniqueFd folder = std::move(place.folder);
    const std::string whole = place.path + "/" + below;
    std::string rest = place.name + "/" + below;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        const std::string name = rest.substr(0, end);
        rest.erase(0, end + 1);
        if (name.empty()) {
            continue;
        }
        if (mkdirat(folder.get(), name.c_str(), kOwnFolder) < 0 && errno != EEXIST) {
            return errno_error("make " + whole);
        }
        GATEMEND_TRY(next, open_folder(folder, name));
        folder = std::move(next);
    }
    return folder;
}

Status sync_folder(const bus::UniqueFd& folder) {
    if (fsync(folder.get()) < 0) {
        return errno_error("sync a folder");
    }
    return Done{};
}

mode_t copy_mode(CopyOf what) {
    return what == CopyOf::kOpenFile ? kOpenCopy : kOwnFile;
}

bool is_copy_of_open_file(mode_t mode) {
    constexpr mode_t kAll = 07777;
    return (mode & kAll) == kOpenCopy;
}

Status write_whole(const bus::UniqueFd& folder,
                   const std::string& name,
                   const std::string& bytes,
                   CopyOf what) {
    const std::string temporary = "." + name + ".gatemend";
    const bus::UniqueFd fd{openat(folder.get(),
                                  temporary.c_str(),
                                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                                  kOwnFile)};
    if (!fd.is_open()) {
        return errno_error("make " + name);
    }
    if (Status written = write_all(fd.get(), bytes); !written) {
        (void)unlinkat(folder.get(), temporary.c_str(), 0);  // room is what is missing
        return written.error().within(name);
    }
    if (fchmod(fd.get(), copy_mode(what)) < 0 || fsync(fd.get()) < 0 ||
        renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) < 0) {
        return errno_error("write " + name);
    }
    return Done{};
}

}  // namespace gatemend::mend
