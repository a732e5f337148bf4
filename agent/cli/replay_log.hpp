// SPDX-License-Identifier: MIT
// Kept logs as a source of events for replay: any number of them, merged by time. There is no
// machine to ask, so every probe answers "unknown", no look can be had and no act is done: what
// remains is exactly what records can prove. A journal among them tells unit states; without one
// each address the logs name becomes a service of its own.
#pragma once

#include "cli/replay_source.hpp"
#include "core/result.hpp"
#include "engine/timeline.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gatemend::cli {

struct LogSummary {
    bool is_log = false;  // logs are being replayed, not events
    std::map<std::string, std::uint64_t> symptoms_by_address;
    std::uint64_t skipped = 0;  // events that meant nothing to this engine, but to another did
};

// An engine that is told everything, and what there is to say about the records themselves.
struct ReplayTarget {
    engine::Timeline& timeline;
    LogSummary& summary;
};

// Each record goes to all targets before the next one is read. Records of the same moment come in
// the order of the sources.
[[nodiscard]] core::Status replay_logs(std::vector<std::unique_ptr<ReplaySource>> sources,
                                       const std::vector<ReplayTarget>& targets);

}  // namespace gatemend::cli
