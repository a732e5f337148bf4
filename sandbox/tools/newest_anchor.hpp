// SPDX-License-Identifier: MIT
// What the journal says last of the executor's record, by the executor's own word: journald knows
// which unit and user an entry comes from, and nobody else can write as that unit. journalctl reads
// the journal's files, so that no privileged process of ours does. Called once, at a start.
#pragma once

#include "core/result.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

// Nothing: the journal has no such entry.
void read_newest_anchor(
    ToolRunner& runner,
    const std::string& record,
    const std::function<void(const core::Result<std::optional<Anchor>>&)>& done);

// One entry as `journalctl --output=export` prints it; "" is none.
[[nodiscard]] core::Result<std::optional<Anchor>> parse_anchor(std::string_view text);

}  // namespace gatemend::sandbox
