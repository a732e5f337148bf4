// SPDX-License-Identifier: MIT
#include "sandbox/mend/moved_pool.hpp"

#include "core/inspection.hpp"
#include "sandbox/mend/backend_word.hpp"
#include "sandbox/mend/nginx_places.hpp"

#include <algorithm>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Status;

struct DefinedPool {
    std::string name;
    std::string user;
    std::string where;
};

// As FPM reads `listen`: a path, a port, or an address with a port.
bool is_listen(const std::string& value, const std::string& address) {
    if (value.starts_with('/')) {
        return canonical_backend("unix:" + value, 0) == address;
    }
    const bool is_port =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    const std::string port{is_port ? value : std::string{core::port_of(value)}};
    return !port.empty() && port == core::port_of(address);
}

std::vector<DefinedPool> pools_at(const std::vector<PoolTree>& trees, const std::string& address) {
    std::vector<DefinedPool> found;
    for (const PoolTree& tree : trees) {
        for (const PoolLine& line : tree.lines) {
            if (line.is_comment || line.key != "listen" || !is_listen(line.value, address) ||
                tree.find(line.section, "listen") != &line) {
                continue;
            }
            const PoolLine* user = tree.find(line.section, "user");
            found.push_back({line.section, user == nullptr ? "" : user->value, tree.where(line)});
        }
    }
    return found;
}

bool is_same(const DefinedPool& a, const DefinedPool& b) {
    return a.name == b.name && (a.user.empty() || b.user.empty() || a.user == b.user);
}

}  // namespace

Status check_new_backend(const NginxTree& nginx,
                         const std::vector<PoolTree>& pools,
                         const std::string& from,
                         const std::string& to) {
    if (const std::string where = place_of_backend(nginx, to); !where.empty()) {
        return Error{where + " names " + to + " already, for something else"};
    }
    if (const auto mentions = other_mentions(nginx, to); !mentions.empty()) {
        return Error{mentions.front().substr(0, mentions.front().find(',')) +
                     ": it serves something else"};
    }
    if (pools_at(pools, canonical_backend(to, 0)).empty()) {
        return Done{};
    }
    for (const Pass& pass : passes_to(nginx, from)) {
        if (pass.directive != "fastcgi_pass") {
            return Error{pass.where + ": " + pass.directive + " cannot be pointed at " + to +
                         ", which is a pool of PHP-FPM"};
        }
    }
    return Done{};
}

Status check_same_pool(const std::vector<PoolTree>& pools,
                       const std::string& from,
                       const std::string& to) {
    const auto before = pools_at(pools, canonical_backend(from, 0));
    const auto after = pools_at(pools, canonical_backend(to, 0));
    for (const DefinedPool& old_one : before) {
        for (const DefinedPool& new_one : after) {
            if (is_same(old_one, new_one)) {
                return Done{};
            }
        }
    }
    if (before.empty() || after.empty()) {
        return Done{};
    }
    return Error{after.front().where + ": " + to + " is another pool's or another user's than " +
                 from + " was (" + before.front().where + ")"};
}

}  // namespace gatemend::mend
