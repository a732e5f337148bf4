// SPDX-License-Identifier: MIT
// nginx's error log as a source of events for replay. There is no machine to ask, so each address
// the log names becomes a service of its own and every probe answers "unknown": what remains is
// exactly what a log can prove, which is when gatemend would have looked.
#pragma once

#include "core/result.hpp"
#include "engine/timeline.hpp"

#include <cstdint>
#include <istream>
#include <map>
#include <string>

namespace gatemend::cli {

struct LogSummary {
    std::map<std::string, std::uint64_t> symptoms_by_address;
};

// `head`: bytes of `input` that have been read already. The log's local times are read as UTC.
[[nodiscard]] core::Status replay_log(std::istream& input,
                                      std::string head,
                                      const std::string& name,
                                      engine::Timeline& timeline,
                                      LogSummary& summary);

}  // namespace gatemend::cli
