// SPDX-License-Identifier: MIT
#include "sandbox/executor/log_opener.hpp"

#include "sandbox/inspect/identity.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

constexpr std::size_t kMaxPathBytes = 512;

bool is_canonical(const std::string& path) {
    return path.size() <= kMaxPathBytes && path.find('\0') == std::string::npos &&
           path.find("//") == std::string::npos && path.find("/./") == std::string::npos &&
           path.find("/../") == std::string::npos && !path.ends_with("/..") &&
           !path.ends_with("/.") && !path.ends_with('/');
}

Fault errno_fault(int error_number) {
    const std::string text = std::generic_category().message(error_number);
    return {error_number == ENOENT ? FaultKind::kNotFound : FaultKind::kNotAllowed,
            error_number == ELOOP ? "a symbolic link is on the way" : text};
}

// Of an open descriptor, also of one that is only a place.
inspect::FileAccess access_of(const bus::UniqueFd& fd, const struct stat& info) {
    constexpr std::size_t kMaxListBytes = 8192;
    const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
    std::string list(kMaxListBytes, '\0');
    const ssize_t size =
        getxattr(path.c_str(), "system.posix_acl_access", list.data(), list.size());
    list.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return {.mode = info.st_mode, .uid = info.st_uid, .gid = info.st_gid, .acl = std::move(list)};
}

// Who could go the way to the log, and who could put another file at its end.
class Way {
  public:
    enum class Depth { kBase, kBelow };

    explicit Way(const inspect::Identity& reader) : reader_(reader) {}

    void enter(const bus::UniqueFd& folder, Depth depth) {
        constexpr unsigned kOthersWrite = 022;

        struct stat info {};

        const bool is_seen = fstat(folder.get(), &info) == 0;
        is_searched_ =
            is_searched_ && is_seen &&
            inspect::is_granted(access_of(folder, info), reader_, inspect::Permission::kSearch);
        // /var/log itself is the system's, whatever group may write to it.
        const bool is_rooted = is_seen && info.st_uid == 0 && (info.st_mode & kOthersWrite) == 0;
        is_bent_ = is_bent_ || (depth == Depth::kBelow && !is_rooted);
    }

    [[nodiscard]] bool may_read(const bus::UniqueFd& file, const struct stat& info) const {
        return is_searched_ &&
               inspect::is_granted(access_of(file, info), reader_, inspect::Permission::kRead);
    }

    // A file of root's own that somebody else may have moved there proves nothing by its name.
    [[nodiscard]] bool is_name_true(const struct stat& info) const {
        return !is_bent_ || info.st_uid != 0;
    }

  private:
    const inspect::Identity& reader_;
    bool is_searched_ = true;
    bool is_bent_ = false;
};

// Step by step, because openat2() is missing on older kernels and in some containers. Each step is
// relative to the folder held open, so nothing can be moved under us, and follows no link.
Reply<bus::UniqueFd> open_below(bus::UniqueFd folder, std::string_view path, Way& way) {
    way.enter(folder, Way::Depth::kBase);
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/')) {
        const std::string step{path.substr(0, slash)};
        bus::UniqueFd next{
            openat(folder.get(), step.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (next.get() < 0) {
            return errno_fault(errno);
        }
        folder = std::move(next);
        way.enter(folder, Way::Depth::kBelow);
        path.remove_prefix(slash + 1);
    }
    // O_NONBLOCK: a FIFO put in the log's place must not hang us before we see what it is
    constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    bus::UniqueFd file{openat(folder.get(), std::string{path}.c_str(), kFlags)};
    if (file.get() < 0) {
        return errno_fault(errno);
    }
    return file;
}

}  // namespace

Reply<bus::UniqueFd> open_log(const std::string& base,
                              const std::string& path,
                              const LogRights& rights) {
    if (!is_canonical(path)) {
        return Fault{FaultKind::kBadArgument, "path: too long or not canonical"};
    }
    if (!path.starts_with(base + "/")) {
        return Fault{FaultKind::kNotAllowed, "path: not below " + base};
    }
    bus::UniqueFd folder{open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (folder.get() < 0) {
        return errno_fault(errno);
    }
    Way way{rights.reader};
    auto log = open_below(std::move(folder), std::string_view{path}.substr(base.size() + 1), way);
    if (std::holds_alternative<Fault>(log)) {
        return log;
    }

    struct stat info {};

    if (fstat(std::get<bus::UniqueFd>(log).get(), &info) < 0) {
        return errno_fault(errno);
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        return Fault{FaultKind::kNotAllowed, "not a regular file with one name"};
    }
    const bool is_allowed =
        way.may_read(std::get<bus::UniqueFd>(log), info) ||
        (way.is_name_true(info) && rights.is_configured && rights.is_configured(path));
    if (!is_allowed) {
        return Fault{FaultKind::kNotAllowed,
                     "not readable by the agent's groups, and no log of nginx's or PHP-FPM's "
                     "configuration"};
    }
    return log;
}

inspect::Identity agent_identity() {
    constexpr std::uint32_t kNobody = 65534;
    auto found = inspect::find_identity("gatemend");
    inspect::Identity agent =
        found ? *std::move(found) : inspect::Identity{.uid = kNobody, .groups = {}};
    for (const char* name : {"adm", "systemd-journal"}) {  // SupplementaryGroups= of its unit
        constexpr std::size_t kMaxEntryBytes = std::size_t{64} * 1024;
        std::vector<char> space(kMaxEntryBytes);
        group entry{};
        group* known = nullptr;
        if (getgrnam_r(name, &entry, space.data(), space.size(), &known) == 0 && known != nullptr) {
            agent.groups.push_back(known->gr_gid);
        }
    }
    return agent;
}

}  // namespace gatemend::sandbox
