// SPDX-License-Identifier: MIT
// What an act would change on this machine: found, not done. A preview prints it, stage() puts it
// into a snapshot. The same order on the same files makes the same draft.
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/order.hpp"
#include "sandbox/mend/socket_owner.hpp"
#include "sandbox/mend/worker.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::mend {

struct FileEdit {
    std::string path;  // links resolved
    std::optional<std::string> before;
    std::string after;
    std::string source{};     // restore-config: the file that has `after` already
    bool is_private = false;  // not everybody may read it, or what it is made from
    bool is_nginx = false;    // its grammar; else key = value
};

struct Draft {
    std::vector<FileEdit> files{};
    std::optional<SocketEdit> socket{};
    std::vector<std::string> notes{};
};

[[nodiscard]] core::Result<Draft> make_draft(const Machine& machine,
                                             const Order& order,
                                             const Worker& worker);

// With digests and diff, of private files masked; `staged` only where a file has the new content
// already.
[[nodiscard]] actions::Mending mending_of(const Draft& draft);

// Refused: what cannot be replaced without harm, such as a file with a second name.
[[nodiscard]] core::Status check_editable(const Machine& machine, const FileEdit& edit);

}  // namespace gatemend::mend
