// SPDX-License-Identifier: MIT
// Incidents, services and plans as text for people, from the same JSON documents that --json
// prints, so that the two cannot disagree. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace gatemend::cli {

using Json = nlohmann::ordered_json;

[[nodiscard]] std::string status_text(const Json& status);
[[nodiscard]] std::string incident_line(const Json& incident);  // one line
[[nodiscard]] std::string incident_text(const Json& incident);  // everything
[[nodiscard]] std::string why_text(const Json& incident);       // why it acted or did not
[[nodiscard]] std::string services_text(const Json& services);
[[nodiscard]] std::string plan_text(const Json& plan);
[[nodiscard]] std::string proposal_text(const Json& proposal);
[[nodiscard]] std::string proposal_words(const Json& proposal);  // act, unit and parameters
[[nodiscard]] std::string act_text(const Json& act);             // one of an incident's, one line

}  // namespace gatemend::cli
