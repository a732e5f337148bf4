// SPDX-License-Identifier: MIT
#include "sandbox/mend/place.hpp"

#include <climits>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <deque>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr int kMaxLinks = 40;  // as the kernel
constexpr std::size_t kMaxPending = 256;
constexpr std::size_t kMaxPathBytes = 1024;

std::vector<std::string> components_of(std::string_view path) {
    std::vector<std::string> components;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".") {
            components.emplace_back(path.substr(0, end));
        }
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return components;
}

Status check_path(const std::string& path) {
    const bool is_printable = std::ranges::all_of(
        path, [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
    if (!path.starts_with('/') || path.size() > kMaxPathBytes || !is_printable) {
        return Error{"not a path to follow"};
    }
    return Done{};
}

Result<bus::UniqueFd> open_root(const Machine& machine) {
    const std::string root = machine.root.empty() ? "/" : machine.root;
    bus::UniqueFd fd{open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!fd.is_open()) {
        return errno_error("open /");
    }
    return fd;
}

class Walker {
  public:
    // `is_last_free`: the last folder may be anybody's; nothing but a link of root's that is
    // written out in full leads on from there.
    explicit Walker(const Machine& machine, bool is_last_free = false)
        : machine_(machine),
          is_last_free_(is_last_free) {}

    Result<Place> go(const std::string& path);

  private:
    struct Level {
        bus::UniqueFd fd;
        std::string path;
        bool is_roots = true;
    };

    Status restart();
    Status push(std::string_view path);
    Result<bool> enter(Place& place, const std::string& name);
    Status follow(const bus::UniqueFd& link, const std::string& path);
    [[nodiscard]] Status check_owner(const struct stat& info, const std::string& path) const;
    [[nodiscard]] Status check_folder(const struct stat& info, const std::string& path) const;
    Place take(Place place, const std::string& name);

    const Machine& machine_;
    bool is_last_free_;
    std::vector<Level> levels_;        // from the root to where we stand
    std::deque<std::string> pending_;  // components still to go
    int links_ = 0;
};

Status Walker::check_owner(const struct stat& info, const std::string& path) const {
    if (info.st_uid != machine_.owner) {
        return Error{path + " does not belong to root"};
    }
    return Done{};
}

Status Walker::check_folder(const struct stat& info, const std::string& path) const {
    GATEMEND_CHECK(check_owner(info, path));
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return Error{path + " may be written by others than root"};
    }
    return Done{};
}

Status Walker::restart() {
    GATEMEND_TRY(root, open_root(machine_));

    struct stat info {};

    if (fstat(root.get(), &info) < 0) {
        return errno_error("look at /");
    }
    GATEMEND_CHECK(check_folder(info, "/"));
    levels_.clear();
    levels_.push_back(Level{std::move(root), ""});
    return Done{};
}

// Before what is already pending: the target of a link comes first.
Status Walker::push(std::string_view path) {
    const std::vector<std::string> components = components_of(path);
    pending_.insert(pending_.begin(), components.begin(), components.end());
    if (pending_.size() > kMaxPending) {
        return Error{"the path is too long"};
    }
    return Done{};
}

Status Walker::follow(const bus::UniqueFd& link, const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlinkat(link.get(), "", target.data(), target.size());
    if (size <= 0 || ++links_ > kMaxLinks) {
        return Error{path + ": a link that leads nowhere"};
    }
    const std::string_view text{target.data(), static_cast<std::size_t>(size)};
    if (!levels_.back().is_roots && text.front() != '/') {
        return Error{path + ": a link that means something else elsewhere, in a folder of others"};
    }
    GATEMEND_CHECK(push(text));
    return text.front() == '/' ? restart() : Status{Done{}};
}

Place Walker::take(Place place, const std::string& name) {
    place.path = levels_.back().path + "/" + name;
    place.name = name;
    place.folder = std::move(levels_.back().fd);
    return place;
}

// True: `place` is what was looked for.
Result<bool> Walker::enter(Place& place, const std::string& name) {
    if (name == "..") {
        if (levels_.size() > 1) {
            levels_.pop_back();
        }
        return false;
    }
    const std::string path = levels_.back().path + "/" + name;
    bus::UniqueFd fd{
        openat(levels_.back().fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd.is_open()) {
        if (errno == ENOENT && pending_.empty()) {
            place = take(std::move(place), name);
            return true;
        }
        return errno_error(path);
    }
    if (fstat(fd.get(), &place.info) < 0) {
        return errno_error(path);
    }
    if (S_ISLNK(place.info.st_mode)) {
        GATEMEND_CHECK(check_owner(place.info, path));
        GATEMEND_CHECK(follow(fd, path));
        return false;
    }
    if (pending_.empty()) {
        place.is_there = true;
        place = take(std::move(place), name);
        return true;
    }
    if (!S_ISDIR(place.info.st_mode)) {
        return Error{path + " is no folder"};
    }
    const Status trust = check_folder(place.info, path);
    if (!trust && (!is_last_free_ || !levels_.back().is_roots)) {
        return trust.error();
    }
    if (!levels_.back().is_roots) {
        return Error{path + " is in a folder that may be written by others than root"};
    }
    levels_.push_back(Level{std::move(fd), path, trust.has_value()});
    return false;
}

Result<Place> Walker::go(const std::string& path) {
    GATEMEND_CHECK(check_path(path));
    GATEMEND_CHECK(restart());
    GATEMEND_CHECK(push(path));
    Place place;
    while (!pending_.empty()) {
        const std::string name = std::move(pending_.front());
        pending_.pop_front();
        GATEMEND_TRY(is_found, enter(place, name));
        if (is_found) {
            GATEMEND_CHECK(check_path(place.path));
            return place;
        }
    }
    return Error{"a folder, not a file"};
}

// RestrictSUIDSGID= forbids openat2 (a filter cannot look into its argument), so under systemd this
// is the way that is taken; O_NOFOLLOW at every step says the same.
Result<bus::UniqueFd> walk_without_links(const Machine& machine, const std::string& path) {
    GATEMEND_TRY(fd, open_root(machine));
    std::string so_far;
    for (const std::string& name : components_of(path)) {
        so_far += "/" + name;
        bus::UniqueFd next{openat(fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};

        struct stat info {};

        if (name == ".." || !next.is_open() || fstat(next.get(), &info) < 0) {
            return errno_error(so_far);
        }
        if (S_ISLNK(info.st_mode)) {
            return Error{so_far + " is a link"};
        }
        fd = std::move(next);
    }
    return std::move(fd);
}

}  // namespace

core::Error errno_error(const std::string& what) {
    return Error{what + ": " + std::generic_category().message(errno)};
}

std::string without_var_run(const std::string& path) {
    constexpr std::string_view kVar = "/var";
    return path.starts_with("/var/run/") ? path.substr(kVar.size()) : path;
}

Result<Place> find_place(const Machine& machine, const std::string& path) {
    auto place = Walker{machine}.go(path);
    return place ? std::move(place) : place.error().within(path);
}

Result<std::string> end_of_roots_links(const Machine& machine, const std::string& path) {
    auto place = Walker{machine, true}.go(path);
    return place ? Result<std::string>{std::move(place->path)} : place.error().within(path);
}

Result<bus::UniqueFd> open_without_links(const Machine& machine, const std::string& path) {
    GATEMEND_CHECK(check_path(path));
    GATEMEND_TRY(root, open_root(machine));
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH;
    const std::string below = path.substr(1);
    const long number = syscall(SYS_openat2, root.get(), below.c_str(), &how, sizeof how);
    if (number >= 0) {
        return bus::UniqueFd{static_cast<int>(number)};
    }
    if (errno == ENOSYS || errno == EPERM) {
        return walk_without_links(machine, path);
    }
    if (errno == ELOOP) {
        return Error{path + ": there is a link on the way"};
    }
    return errno_error(path);
}

std::string octal(std::uint32_t mode) {
    constexpr int kOctal = 8;
    std::array<char, 16> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), mode, kOctal);
    return "0" + std::string{digits.data(), error == std::errc{} ? end : digits.data()};
}

}  // namespace gatemend::mend
