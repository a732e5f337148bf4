// SPDX-License-Identifier: MIT
// Who may connect to a pool's socket, by its file, and what listen.owner, listen.group and
// listen.mode have to be so that nginx's worker user may. Pure.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/nginx_places.hpp"
#include "sandbox/mend/pool_text.hpp"
#include "sandbox/mend/socket_owner.hpp"
#include "sandbox/mend/worker.hpp"

#include <string>

namespace gatemend::mend {

// What has to be written for it, in order; an error when nothing has to, or when an access list
// decides instead.
[[nodiscard]] core::Result<Settings> open_to_worker(const PoolTree& tree,
                                                    const std::string& pool,
                                                    const Worker& worker);

// Whose the socket is by its pool's file; nobody's where an access list with the worker decides,
// and an error where one without it does.
[[nodiscard]] core::Result<WantedOwner> owner_of_listen(const PoolTree& tree,
                                                        const std::string& pool,
                                                        const Worker& worker);

}  // namespace gatemend::mend
