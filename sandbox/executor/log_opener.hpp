// SPDX-License-Identifier: MIT
// Opens a log for the agent, read-only. The folder may belong to the web server's user, so whatever
// is found there is hostile: no link is followed anywhere on the way, and only a regular file with
// one name is handed out. Called by fact_desk.
#pragma once

#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/executor/reply.hpp"

#include <string>

namespace gatemend::sandbox {

// `base`: the folder below which logs may lie, "/var/log" but in tests.
[[nodiscard]] Reply<bus::UniqueFd> open_log(const std::string& base, const std::string& path);

}  // namespace gatemend::sandbox
