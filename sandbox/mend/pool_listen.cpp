// SPDX-License-Identifier: MIT
#include "sandbox/mend/pool_listen.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace gatemend::mend {
namespace {

using core::Error;
using core::Result;

constexpr unsigned kOwnerMayWrite = 0200;
constexpr unsigned kGroupMayWrite = 0020;
constexpr unsigned kOthersMayWrite = 0002;
constexpr const char* kRoot = "root";
constexpr const char* kUserList = "listen.acl_users";
constexpr const char* kGroupList = "listen.acl_groups";

// 0: not an octal number, which is what FPM makes of it, too.
unsigned mode_of(const std::string& text) {
    constexpr int kOctal = 8;
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, kOctal);
    return error == std::errc{} && end == text.data() + text.size() ? mode : 0;
}

std::string value_of(const PoolTree& tree, const std::string& pool, std::string_view key) {
    const PoolLine* line = tree.find(pool, key);
    return line == nullptr ? "" : expand_pool(line->value, pool);
}

// How the pool's file has it; "" where it says nothing.
struct Listen {
    std::string owner;
    std::string group;
    std::string mode;

    [[nodiscard]] unsigned mode_bits() const {
        return mode.empty() ? WantedOwner::kDefaultMode : mode_of(mode);
    }
};

bool is_owner(const Listen& listen, const Worker& worker) {
    return listen.owner == worker.name || listen.owner == std::to_string(worker.identity.uid);
}

// Without a group of its own it is the owner's primary one, and root's where there is no owner.
bool is_in_group(const Listen& listen, const Worker& worker) {
    if (listen.group.empty()) {
        return is_owner(listen, worker);
    }
    return std::ranges::any_of(
               worker.identity.groups,
               [&listen](std::uint32_t gid) { return listen.group == std::to_string(gid); }) ||
           std::ranges::find(worker.groups, listen.group) != worker.groups.end();
}

// As the kernel asks: the owner's bits for the owner, also where the group may more.
bool is_let_in(const Listen& listen, const Worker& worker) {
    const unsigned mode = listen.mode_bits();
    if (is_owner(listen, worker)) {
        return (mode & kOwnerMayWrite) != 0;
    }
    return (mode & (is_in_group(listen, worker) ? kGroupMayWrite : kOthersMayWrite)) != 0;
}

// An owner that is not root stays where the group's bits are enough: it may need its socket.
Listen let_in(Listen listen, const Worker& worker) {
    const bool has_owner = !listen.owner.empty() && listen.owner != kRoot;
    if (!has_owner || (listen.mode_bits() & kGroupMayWrite) == 0) {
        listen.owner = worker.name;
    }
    listen.group = worker.group;
    if (listen.mode.empty() || !is_let_in(listen, worker)) {
        listen.mode = "0660";
    }
    return listen;
}

// PHP-FPM does not look at owner and group then.
const PoolLine* find_access_list(const PoolTree& tree, const std::string& pool) {
    for (const char* key : {kUserList, kGroupList}) {
        const PoolLine* line = tree.find(pool, key);
        if (line != nullptr && !line->value.empty()) {
            return line;
        }
    }
    return nullptr;
}

// "www-data,deploy"
bool lists(std::string_view names, const std::string& name) {
    while (!name.empty() && !names.empty()) {
        const std::size_t end = std::min(names.find(','), names.size());
        if (names.substr(0, end) == name) {
            return true;
        }
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return false;
}

bool is_listed(const PoolTree& tree, const std::string& pool, const Worker& worker) {
    const std::string groups = value_of(tree, pool, kGroupList);
    return lists(value_of(tree, pool, kUserList), worker.name) ||
           std::ranges::any_of(
               worker.groups, [&groups](const std::string& group) { return lists(groups, group); });
}

}  // namespace

Result<WantedOwner> owner_of_listen(const PoolTree& tree,
                                    const std::string& pool,
                                    const Worker& worker) {
    if (const PoolLine* list = find_access_list(tree, pool)) {
        if (is_listed(tree, pool, worker)) {
            return WantedOwner{};
        }
        return Error{tree.where(*list) + ": " + list->key + " does not name " + worker.name +
                     ", and PHP-FPM does not look at listen.owner and listen.group then"};
    }
    const PoolLine* owner = tree.find(pool, "listen.owner");
    const PoolLine* group = tree.find(pool, "listen.group");
    const PoolLine* named = owner != nullptr ? owner : group;
    const Listen listen{value_of(tree, pool, "listen.owner"),
                        value_of(tree, pool, "listen.group"),
                        value_of(tree, pool, "listen.mode")};
    return WantedOwner{
        listen.owner, listen.group, listen.mode_bits(), named == nullptr ? "" : tree.where(*named)};
}

Result<Settings> open_to_worker(const PoolTree& tree,
                                const std::string& pool,
                                const Worker& worker) {
    if (const PoolLine* list = find_access_list(tree, pool)) {
        return Error{tree.where(*list) + ": with " + list->key +
                     " PHP-FPM does not look at listen.owner and listen.group"};
    }
    if (worker.name.empty() || worker.group.empty()) {
        return Error{"nginx's worker user " + std::to_string(worker.identity.uid) +
                     " has no name to write into a pool file"};
    }
    const Listen now{value_of(tree, pool, "listen.owner"),
                     value_of(tree, pool, "listen.group"),
                     value_of(tree, pool, "listen.mode")};
    if (is_let_in(now, worker)) {
        return Error{"pool " + pool + " lets " + worker.name + " in as it is written"};
    }
    const Listen then = let_in(now, worker);
    Settings settings;
    const auto add = [&settings](const char* key, const std::string& from, const std::string& to) {
        if (from != to) {
            settings.emplace_back(key, to);
        }
    };
    add("listen.owner", now.owner, then.owner);
    add("listen.group", now.group, then.group);
    add("listen.mode", now.mode, then.mode);
    return settings;
}

}  // namespace gatemend::mend
