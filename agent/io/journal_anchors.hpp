// SPDX-License-Identifier: MIT
// What the journal says of a record: sequence and hash of its last line, at many moments. Used by
// `gatemend audit --verify`. Only entries of the service that writes the record count: anybody may
// write to the journal, but nobody else as that unit.
#pragma once

#include "core/result.hpp"
#include "sandbox/audit/audit_reader.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatemend::io {

inline constexpr std::size_t kMaxAnchors = 20000;

// The newest `most`, newest first. None is not an error: the journal may be younger than the
// record.
[[nodiscard]] core::Result<std::vector<sandbox::Anchor>> read_anchors(
    const std::string& record, const std::string& unit, std::size_t most = kMaxAnchors);

}  // namespace gatemend::io
