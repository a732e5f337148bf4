// SPDX-License-Identifier: MIT
// Candidates: every act that could have been chosen for an incident, and what stands in the way of
// each: steps of the ladder, what the rule suggests, and rules that were passed over. For
// `gatemend why`; decides nothing.
#pragma once

#include "engine/state.hpp"

#include <string>
#include <vector>

namespace gatemend::app {

struct Candidate {
    std::string rule;
    std::string act;   // "" where the rule only observes
    std::string unit;  // the target, "" when it is not known
    std::vector<core::Hold> holds;
    std::string text;  // why not, where that is no hold
};

[[nodiscard]] std::vector<Candidate> candidates_of(const engine::State& state,
                                                   const engine::Incident& incident);

}  // namespace gatemend::app
