// SPDX-License-Identifier: MIT
// Opens a log for the agent, read-only. The folder may belong to the web server's user, so whatever
// is found there is hostile: no link is followed anywhere on the way, and only a regular file with
// one name is handed out, and only one that the agent may read itself, or that the configuration of
// nginx or PHP-FPM names as a log. Called by fact_desk.
#pragma once

#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/executor/reply.hpp"
#include "sandbox/inspect/permission.hpp"

#include <functional>
#include <string>

namespace gatemend::sandbox {

struct LogRights {
    inspect::Identity reader{};  // the agent with its groups
    // Does nginx's or PHP-FPM's configuration say that it is a log? Asked only where the reader
    // could not open it. Believed where nobody but root can put another file under the name, or
    // where the file is not root's.
    std::function<bool(const std::string& path)> is_configured{};
};

// `base`: the folder below which logs may lie, "/var/log" but in tests.
[[nodiscard]] Reply<bus::UniqueFd> open_log(const std::string& base,
                                            const std::string& path,
                                            const LogRights& rights);

// User gatemend with the groups that its unit gives it.
[[nodiscard]] inspect::Identity agent_identity();

}  // namespace gatemend::sandbox
