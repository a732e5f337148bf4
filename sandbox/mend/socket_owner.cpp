// SPDX-License-Identifier: MIT
#include "sandbox/mend/socket_owner.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/mend/socket_proof.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <optional>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr std::uint32_t kPermissionBits = 07777;

// O_PATH descriptors have no fgetxattr; the kernel's link to them does.
std::string access_list_of(int fd) {
    std::array<char, 4096> value{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size =
        getxattr(link.c_str(), "system.posix_acl_access", value.data(), value.size());
    return {value.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

Result<bus::UniqueFd> open_socket(const Machine& machine,
                                  const std::string& path,
                                  struct stat& info) {
    GATEMEND_TRY(fd, open_without_links(machine, path));
    if (fstat(fd.get(), &info) < 0) {
        return errno_error(path);
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Error{path + ": is no socket"};
    }
    return std::move(fd);
}

Status change_owner(int fd, const SocketEdit& edit, const SocketOwner& owner) {
    if (fchownat(fd, "", owner.uid, owner.gid, AT_EMPTY_PATH) < 0) {
        return errno_error(edit.path + ": change its owner");
    }
    return Done{};
}

bool may_connect(inspect::FileAccess file, const SocketOwner& owner, const Worker& worker) {
    file.uid = owner.uid;
    file.gid = owner.gid;
    return inspect::is_granted(file, worker.identity, inspect::Permission::kWrite);
}

// As FPM: what is all digits is the number itself.
std::optional<std::uint32_t> find_number(const std::map<std::string, std::uint32_t>& names,
                                         const std::string& name) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) {
        return number;
    }
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional{found->second};
}

// As FPM: an owner brings its primary group unless there is a group, root's where nothing is set.
std::optional<SocketOwner> wanted_owner(const LocalNames& names, const WantedOwner& wanted) {
    SocketOwner result;
    if (!wanted.owner.empty()) {
        const auto uid = find_number(names.users, wanted.owner);
        if (!uid) {
            return std::nullopt;
        }
        const auto primary = names.primary_groups.find(wanted.owner);
        result = {*uid, primary == names.primary_groups.end() ? 0 : primary->second};
    }
    if (!wanted.group.empty()) {
        const auto gid = find_number(names.groups, wanted.group);
        if (!gid) {
            return std::nullopt;
        }
        result.gid = *gid;
    }
    return result;
}

// Whom the pool's file gives the socket to, if anybody. An error where it shuts the worker out:
// that is configuration, and no socket is opened against it.
Result<std::optional<SocketOwner>> owner_in_file(const Machine& machine,
                                                 const WantedOwner& wanted,
                                                 const Worker& worker) {
    if (!wanted.is_named()) {
        return std::optional<SocketOwner>{};
    }
    const auto owner = wanted_owner(read_local_names(machine.root), wanted);
    const std::string words = "the pool file (" + wanted.place + ") gives the socket to " +
                              (wanted.owner.empty() ? "root" : wanted.owner) +
                              (wanted.group.empty() ? "" : ":" + wanted.group);
    if (!owner) {
        return Error{words + ", which is not in /etc/passwd and /etc/group"};
    }
    if (!may_connect({wanted.mode, 0, 0, ""}, *owner, worker)) {
        return Error{words + ", mode " + octal(wanted.mode) + ", which shuts " +
                     (worker.name.empty() ? "nginx's worker user" : worker.name) +
                     " out; set-pool-listen or `gatemend suggest` changes that"};
    }
    return owner;
}

std::string identity_text(const SocketEdit& edit, const SocketOwner& owner) {
    return std::to_string(owner.uid) + ":" + std::to_string(owner.gid) + ":" + octal(edit.mode) +
           ":" + std::to_string(edit.device) + ":" + std::to_string(edit.inode) + ":" +
           std::to_string(edit.cookie);
}

}  // namespace

Result<SocketEdit> plan_socket_owner(const Machine& machine,
                                     const WantedSocket& socket,
                                     const Worker& worker,
                                     const WantedOwner& wanted) {
    struct stat info {};

    SocketEdit edit;
    edit.path = without_var_run(socket.path);
    edit.cookie = socket.cookie;
    GATEMEND_TRY(fd, open_socket(machine, edit.path, info));
    GATEMEND_CHECK(prove_listener(machine, {fd.get(), edit.path, edit.cookie}));
    edit.device = info.st_dev;
    edit.inode = info.st_ino;
    edit.mode = info.st_mode & kPermissionBits;
    edit.before = {info.st_uid, info.st_gid};
    const inspect::FileAccess file{edit.mode, info.st_uid, info.st_gid, access_list_of(fd.get())};
    if (may_connect(file, edit.before, worker)) {
        return Error{edit.path + ": nginx's worker user may write to it already"};
    }
    GATEMEND_TRY(owner, owner_in_file(machine, wanted, worker));
    if (owner && may_connect(file, *owner, worker)) {
        edit.after = *owner;
        return edit;
    }
    // It was given to that group by configuration that is no pool file: SocketGroup=, chown-socket.
    const bool is_others_group = edit.before.gid != 0 && (edit.mode & S_IWGRP) != 0;
    if (!wanted.is_named() && is_others_group) {
        return Error{edit.path + ": group " +
                     name_of(read_local_names(machine.root).groups, edit.before.gid) +
                     " may write to it and would be shut out; add nginx's worker user to that "
                     "group, or change SocketGroup= or the application's own setting"};
    }
    edit.after = {edit.before.uid, worker.gid};
    if (!worker.name.empty() && may_connect(file, edit.after, worker)) {
        return edit;
    }
    edit.after = {worker.identity.uid, edit.before.gid};
    if (may_connect(file, edit.after, worker)) {
        return edit;
    }
    return Error{edit.path + ": mode " + octal(edit.mode) +
                 " would have to be widened, which gatemend does not do"};
}

actions::FileChange change_of(const SocketEdit& edit) {
    return {edit.path,
            sandbox::sha256_hex(identity_text(edit, edit.before)),
            sandbox::sha256_hex(identity_text(edit, edit.after))};
}

std::string describe(const Machine& machine, const SocketEdit& edit) {
    const LocalNames names = read_local_names(machine.root);
    const auto shown = [&names](const SocketOwner& owner) {
        return name_of(names.users, owner.uid) + ":" + name_of(names.groups, owner.gid);
    };
    return "owner " + shown(edit.before) + " -> " + shown(edit.after) + ", mode " +
           octal(edit.mode) + " kept";
}

HeldSocket hold_socket(const Machine& machine, const SocketEdit& edit) {
    struct stat info {};

    auto fd = open_socket(machine, edit.path, info);
    if (!fd || info.st_dev != edit.device || info.st_ino != edit.inode ||
        !prove_listener(machine, {fd->get(), edit.path, edit.cookie})) {
        return {{}, SocketState::kGone};
    }
    const SocketOwner owner{info.st_uid, info.st_gid};
    SocketState state = SocketState::kOther;
    if ((info.st_mode & kPermissionBits) == edit.mode) {
        if (owner == edit.before) {
            state = SocketState::kBefore;
        } else if (owner == edit.after) {
            state = SocketState::kAfter;
        }
    }
    return {std::move(*fd), state};
}

Status give_socket(const Machine& machine,
                   const HeldSocket& socket,
                   const SocketEdit& edit,
                   const SocketOwner& owner) {
    struct stat info {};

    const int fd = socket.fd.get();
    if (fstat(fd, &info) < 0) {
        return errno_error(edit.path);
    }
    GATEMEND_CHECK(change_owner(fd, edit, owner));
    const Status proof = prove_listener(machine, {fd, edit.path, edit.cookie});
    if (!proof) {
        const Status back = change_owner(fd, edit, {info.st_uid, info.st_gid});
        return Error{proof.error().text +
                     (back ? "; its owner is as it was" : "; and " + back.error().text)};
    }
    return Done{};
}

}  // namespace gatemend::mend
