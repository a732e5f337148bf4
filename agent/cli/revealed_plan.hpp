// SPDX-License-Identifier: MIT
// What the executor knows of a digest. An approval is for a digest, and the executor does what that
// stands for, whatever the agent says of it: so root is told the executor's words.
#pragma once

#include "core/result.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <string>

namespace gatemend::cli {

struct RevealedPlan {
    std::string act{};
    std::string unit{};
    std::string rule{};
    std::map<std::string, std::string> parameters{};
    std::string preview{};  // as the agent has got it
    std::string whole{};    // for root; "": `preview` is all there is
};

using Reveal = std::function<core::Result<RevealedPlan>(const std::string& digest)>;

// One blocking call; the executor answers root alone.
[[nodiscard]] core::Result<RevealedPlan> reveal_plan(const std::string& digest);

// Puts the executor's words in the place of the agent's in each proposal that has a digest, and
// beside them as `problem` why that digest must not be approved, or "".
void reveal_proposals(nlohmann::ordered_json& incident, const Reveal& reveal = reveal_plan);

}  // namespace gatemend::cli
