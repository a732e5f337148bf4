// SPDX-License-Identifier: MIT
#include "sandbox/inspect/identity.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace gatemend::inspect {

core::Result<Identity> find_identity(const std::string& user) {
    constexpr int kMaxGroups = 1024;
    constexpr std::size_t kMaxEntryBytes = std::size_t{64} * 1024;
    std::uint32_t uid = 0;
    const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), uid);
    const bool is_number = error == std::errc{} && end == user.data() + user.size();
    std::vector<char> space(kMaxEntryBytes);
    passwd entry{};
    passwd* found = nullptr;
    const int failed = is_number
                           ? getpwuid_r(uid, &entry, space.data(), space.size(), &found)
                           : getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found);
    if (failed != 0 || found == nullptr) {
        // A number without an entry is still somebody, without groups.
        return is_number ? core::Result<Identity>{Identity{.uid = uid, .groups = {}}}
                         : core::Error{"no such user"};
    }
    std::vector<gid_t> groups(kMaxGroups);
    int count = kMaxGroups;
    (void)getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count);  // more: the first ones
    groups.resize(static_cast<std::size_t>(std::min(count, kMaxGroups)));
    return Identity{.uid = entry.pw_uid, .groups = {groups.begin(), groups.end()}};
}

}  // namespace gatemend::inspect
