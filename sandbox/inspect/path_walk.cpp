// SPDX-License-Identifier: MIT
#include "sandbox/inspect/path_walk.hpp"

#include "sandbox/bus/unique_fd.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <string_view>
#include <utility>

namespace gatemend::inspect {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel
constexpr std::size_t kMaxPending = 256;
constexpr mode_t kPermissionBits = 07777;

struct Place {
    bus::UniqueFd fd;
    std::string path;
};

// O_PATH descriptors have no fgetxattr; the kernel's link to them does.
std::string read_acl_of(int fd) {
    std::array<char, 4096> value{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size =
        getxattr(link.c_str(), "system.posix_acl_access", value.data(), value.size());
    return {value.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

core::StepKind kind_of(mode_t mode) {
    if (S_ISDIR(mode)) {
        return core::StepKind::kDirectory;
    }
    return S_ISSOCK(mode) ? core::StepKind::kSocket : core::StepKind::kOther;
}

class Walker {
  public:
    Walker(const std::string& root, const Identity& who) : root_(root), who_(who) {}

    Walk go(std::string_view path);

  private:
    enum class Way { kGoesOn, kEnds };

    bool restart();
    void push_components(std::string_view path);
    Way enter(const std::string& name);
    Way follow(const bus::UniqueFd& link);
    void note(const Place& place, const struct stat& info);

    const std::string& root_;
    const Identity& who_;
    std::vector<Place> places_;        // from the root to where we stand
    std::deque<std::string> pending_;  // components still to go
    int links_ = 0;
    Walk walk_;
};

bool Walker::restart() {
    Place place;
    place.fd = bus::UniqueFd{open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const bool is_open = place.fd.is_open();
    places_.clear();
    places_.push_back(std::move(place));
    return is_open;
}

// Before what is already pending: the target of a link comes first.
void Walker::push_components(std::string_view path) {
    std::vector<std::string> components;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".") {
            components.emplace_back(path.substr(0, end));
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    pending_.insert(pending_.begin(), components.begin(), components.end());
}

void Walker::note(const Place& place, const struct stat& info) {
    FileAccess file;
    file.mode = info.st_mode & kPermissionBits;
    file.uid = info.st_uid;
    file.gid = info.st_gid;
    file.acl = read_acl_of(place.fd.get());
    core::PathStep step;
    step.path = place.path.empty() ? "/" : place.path;
    step.kind = kind_of(info.st_mode);
    step.mode = file.mode;
    step.uid = file.uid;
    step.gid = file.gid;
    step.has_acl = !file.acl.empty();
    step.is_open =
        is_granted(file, who_, S_ISDIR(info.st_mode) ? Permission::kSearch : Permission::kWrite);
    const bool is_known = std::ranges::find(walk_.steps, step.path, &core::PathStep::path) !=
                          walk_.steps.end();  // a link led through here before
    if (!is_known) {
        walk_.steps.push_back(std::move(step));
    }
}

Walker::Way Walker::follow(const bus::UniqueFd& link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlinkat(link.get(), "", target.data(), target.size());
    if (size <= 0 || ++links_ > kMaxLinks) {
        return Way::kEnds;
    }
    const std::string_view text{target.data(), static_cast<std::size_t>(size)};
    push_components(text);
    if (pending_.size() > kMaxPending || (text.front() == '/' && !restart())) {
        return Way::kEnds;
    }
    return Way::kGoesOn;
}

Walker::Way Walker::enter(const std::string& name) {
    if (name == "..") {
        if (places_.size() > 1) {
            places_.pop_back();
        }
        return Way::kGoesOn;
    }
    Place place;
    place.path = places_.back().path + "/" + name;
    place.fd = bus::UniqueFd{
        openat(places_.back().fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!place.fd.is_open()) {
        if (errno == ENOENT || errno == ENOTDIR) {
            core::PathStep missing;
            missing.path = place.path;
            missing.is_open = false;
            walk_.steps.push_back(std::move(missing));
        }
        return Way::kEnds;
    }

    struct stat info {};

    if (fstat(place.fd.get(), &info) < 0) {
        return Way::kEnds;
    }
    if (S_ISLNK(info.st_mode)) {
        return follow(place.fd);
    }
    note(place, info);
    if (S_ISSOCK(info.st_mode) && pending_.empty()) {
        walk_.socket_inode = info.st_ino;
        walk_.socket_device = info.st_dev;
    }
    places_.push_back(std::move(place));
    return walk_.steps.size() < core::kMaxPathSteps ? Way::kGoesOn : Way::kEnds;
}

Walk Walker::go(std::string_view path) {
    if (!restart()) {
        return walk_;
    }

    struct stat info {};

    if (fstat(places_.back().fd.get(), &info) == 0) {
        note(places_.back(), info);
    }
    push_components(path);
    while (!pending_.empty()) {
        const std::string name = std::move(pending_.front());
        pending_.pop_front();
        if (enter(name) == Way::kEnds) {
            break;
        }
    }
    return std::move(walk_);
}

}  // namespace

Walk walk_to(const std::string& root, const std::string& path, const Identity& who) {
    return Walker{root, who}.go(path);
}

}  // namespace gatemend::inspect
