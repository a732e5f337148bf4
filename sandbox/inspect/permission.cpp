// SPDX-License-Identifier: MIT
#include "sandbox/inspect/permission.hpp"

#include <algorithm>

namespace gatemend::inspect {
namespace {

// linux/posix_acl_xattr.h: version, then (tag, permissions, id), little-endian.
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kEntryBytes = 8;
constexpr std::uint32_t kOwner = 0x01;
constexpr std::uint32_t kNamedUser = 0x02;
constexpr std::uint32_t kOwningGroup = 0x04;
constexpr std::uint32_t kNamedGroup = 0x08;
constexpr std::uint32_t kMask = 0x10;
constexpr std::uint32_t kOther = 0x20;

struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t permissions = 0;
    std::uint32_t id = 0;
};

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

std::vector<Entry> read_acl(std::string_view acl) {
    if (acl.size() < kHeaderBytes || (acl.size() - kHeaderBytes) % kEntryBytes != 0 ||
        little_endian(acl.substr(0, kHeaderBytes)) != kVersion) {
        return {};
    }
    std::vector<Entry> entries;
    for (acl.remove_prefix(kHeaderBytes); !acl.empty(); acl.remove_prefix(kEntryBytes)) {
        entries.push_back({little_endian(acl.substr(0, 2)),
                           little_endian(acl.substr(2, 2)),
                           little_endian(acl.substr(4, 4))});
    }
    return entries;
}

bool is_member(const Identity& who, std::uint32_t gid) {
    return std::ranges::find(who.groups, gid) != who.groups.end();
}

std::uint32_t permissions_of(const std::vector<Entry>& entries, std::uint32_t tag) {
    const auto found = std::ranges::find(entries, tag, &Entry::tag);
    return found == entries.end() ? 0 : found->permissions;
}

bool is_granted_by_acl(const std::vector<Entry>& entries,
                       const FileAccess& file,
                       const Identity& who,
                       std::uint32_t bit) {
    if (file.uid == who.uid) {
        return (permissions_of(entries, kOwner) & bit) != 0;
    }
    const bool has_mask = std::ranges::find(entries, kMask, &Entry::tag) != entries.end();
    const std::uint32_t mask = has_mask ? permissions_of(entries, kMask) : ~0U;
    bool is_in_a_group = false;
    for (const Entry& entry : entries) {
        if (entry.tag == kNamedUser && entry.id == who.uid) {
            return (entry.permissions & mask & bit) != 0;
        }
    }
    for (const Entry& entry : entries) {
        const bool is_here = (entry.tag == kOwningGroup && is_member(who, file.gid)) ||
                             (entry.tag == kNamedGroup && is_member(who, entry.id));
        if (is_here && (entry.permissions & mask & bit) != 0) {
            return true;
        }
        is_in_a_group = is_in_a_group || is_here;
    }
    return !is_in_a_group && (permissions_of(entries, kOther) & bit) != 0;
}

}  // namespace

bool is_granted(const FileAccess& file, const Identity& who, Permission wanted) {
    const auto bit = static_cast<std::uint32_t>(wanted);
    if (who.uid == 0) {
        return true;
    }
    if (const auto entries = read_acl(file.acl); !entries.empty()) {
        return is_granted_by_acl(entries, file, who, bit);
    }
    constexpr unsigned kOwnerShift = 6;
    constexpr unsigned kGroupShift = 3;
    if (file.uid == who.uid) {
        return ((file.mode >> kOwnerShift) & bit) != 0;
    }
    return ((is_member(who, file.gid) ? file.mode >> kGroupShift : file.mode) & bit) != 0;
}

}  // namespace gatemend::inspect
