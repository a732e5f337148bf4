// SPDX-License-Identifier: MIT
#include "sandbox/mend/keep.hpp"

#include "sandbox/mend/config_files.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/folder.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/secrecy/readable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr mode_t kModeBits = 07777;
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxListed = 20'000;

enum class Kind { kFile, kFolder, kOther };

Kind kind_of(const Machine& machine, const std::string& path) {
    struct stat info {};

    if (lstat((machine.root + path).c_str(), &info) < 0) {
        return Kind::kOther;
    }
    if (S_ISDIR(info.st_mode)) {
        return Kind::kFolder;
    }
    return S_ISREG(info.st_mode) ? Kind::kFile : Kind::kOther;
}

// Regular files at and below a path; links are not followed.
void list_files(const Machine& machine,
                const std::string& path,
                int depth,
                std::vector<std::string>& files) {
    switch (kind_of(machine, path)) {
        case Kind::kFile:
            files.push_back(path);
            break;
        case Kind::kFolder:
            if (depth < kMaxDepth && files.size() < kMaxListed) {
                const std::string folder = path + "/";
                for (const std::string& name : list_folder(machine, path)) {
                    list_files(machine, folder + name, depth + 1, files);
                }
            }
            break;
        case Kind::kOther:
            break;
    }
}

class Keeper {
  public:
    Keeper(const Machine& machine, const std::string& unit)
        : machine_(machine),
          folder_(machine.good + "/" + unit) {}

    Status keep(const std::vector<std::string>& files);
    Status prune();

    [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

  private:
    Status copy(const std::string& path, const std::string& bytes, CopyOf what);

    const Machine& machine_;
    std::string folder_;
    std::set<std::string> kept_;
    std::size_t bytes_ = 0;
    std::vector<std::string> notes_;
};

Status Keeper::copy(const std::string& path, const std::string& bytes, CopyOf what) {
    const std::size_t slash = path.rfind('/');
    const std::string below = folder_.substr(machine_.good.size() + 1) + path.substr(0, slash);
    const std::string name = path.substr(slash + 1);
    GATEMEND_TRY(folder, make_folders(machine_, machine_.good, below));
    GATEMEND_TRY(place, find_place(machine_, folder_ + path));
    const auto known = find_content(machine_, place);
    const bool is_known = known && *known && (*known)->bytes == bytes;
    if (is_known && ((*known)->info.st_mode & kModeBits) == copy_mode(what)) {
        // It passed again: that is as of when it is good.
        if (utimensat(folder.get(), name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) < 0) {
            return errno_error("date the copy of " + path);
        }
        return Done{};
    }
    auto written = write_whole(folder, name, bytes, what);
    return written ? std::move(written) : written.error().within("copy of " + path);
}

Status Keeper::keep(const std::vector<std::string>& files) {
    for (const std::string& path : files) {
        const auto place = find_place(machine_, path);
        if (!place || place->path != path) {
            continue;
        }
        const auto content = read_content(machine_, *place);
        if (!content || content->bytes.starts_with("-----BEGIN ")) {
            continue;
        }
        bytes_ += content->bytes.size();
        if (kept_.size() >= kMaxKeptFiles || bytes_ > kMaxKeptBytes) {
            notes_.push_back("too much configuration: kept without " + path +
                             " and what comes behind it");
            return Done{};
        }
        const bool is_open = sandbox::is_open_to_all(path, machine_.root);
        GATEMEND_CHECK(
            copy(path, content->bytes, is_open ? CopyOf::kOpenFile : CopyOf::kPrivateFile));
        kept_.insert(path);
    }
    return Done{};
}

// What is no configuration any more, and what an interrupted copy left.
Status Keeper::prune() {
    std::vector<std::string> copies;
    list_files(machine_, folder_, 0, copies);
    for (const std::string& copy : copies) {
        if (kept_.contains(copy.substr(folder_.size()))) {
            continue;
        }
        GATEMEND_TRY(place, find_place(machine_, copy));
        if (unlinkat(place.folder.get(), place.name.c_str(), 0) < 0 && errno != ENOENT) {
            return errno_error("remove " + copy);
        }
    }
    return Done{};
}

}  // namespace

Result<std::vector<std::string>> keep_good(const Machine& machine, const std::string& unit) {
    const auto paths = config_paths(unit);
    if (!paths) {
        return Error{unit + " has no configuration that gatemend knows"};
    }
    std::vector<std::string> files;
    for (const std::string& path : paths->below) {
        list_files(machine, path, 0, files);
    }
    Keeper keeper(machine, unit);
    GATEMEND_CHECK(keeper.keep(files));
    GATEMEND_CHECK(keeper.prune());
    return keeper.take_notes();
}

}  // namespace gatemend::mend
