// SPDX-License-Identifier: MIT
// A CDN's own log, as it is pushed to its customers: one JSON object per request (Cloudflare
// Logpush, dataset http_requests). Used by the front door only. Says one thing: the edge reported a
// gateway error that the origin, this machine, did not send.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nullopt: not such a line. Fields as documented for the dataset: EdgeResponseStatus,
// OriginResponseStatus (0: the origin was not reached or not asked), EdgeStartTimestamp,
// ClientRequestHost.
[[nodiscard]] std::optional<LogFinding> read_edge_log(std::string_view line);

}  // namespace gatemend::parse
