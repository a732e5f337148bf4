// SPDX-License-Identifier: MIT
// seccomp filters by intent: what a program of ours has no business doing kills it. Installed once,
// early in main(), and never lifted. The unit files restrict further; this holds without them, too.
// Allow by default for now: an allowlist comes when what is needed is known on all supported
// systems.
#pragma once

#include "core/result.hpp"

namespace gatemend::sandbox {

// No new program, no debugging, no mounts, namespaces, kernel modules, clocks, io_uring.
[[nodiscard]] core::Status install_executor_filter();
[[nodiscard]] core::Status install_agent_filter();

// The same, and: no process, no file opened for writing, no listening socket, no change of
// identity.
[[nodiscard]] core::Status install_probe_filter();

// The same, and: no connection to anybody.
[[nodiscard]] core::Status install_inspect_filter();

// No new program and process, no socket, no link, no change of identity; files are changed by
// descriptor, or by name in a folder that is held.
[[nodiscard]] core::Status install_mend_filter();

// The same, but bind(): the C library's resolver binds a netlink socket to learn which families of
// addresses this machine has.
[[nodiscard]] core::Status install_resolver_filter();

}  // namespace gatemend::sandbox
