// SPDX-License-Identifier: MIT
// What `gatemend suggest` looks into: which causes show at a backend, and what settings would do
// about each; where nothing shows, the numbers of its pool all the same. Pure.
#pragma once

#include "diagnosis/suggestion.hpp"

#include <optional>
#include <vector>

namespace gatemend::cli {

// All that settings help against.
[[nodiscard]] std::vector<core::Cause> askable_causes();
// The causes that settings help against and that show in these findings.
[[nodiscard]] std::vector<core::Cause> showing_causes(const diagnosis::Findings& findings);

// Does it make sense to ask this service for that cause?
[[nodiscard]] bool is_askable(const diagnosis::Findings& findings, core::Cause cause);

// `asked`: only that cause, whether it shows or not. Suggestions without settings say why.
[[nodiscard]] std::vector<diagnosis::Suggestion> suggestions_for(
    const diagnosis::Findings& findings, std::optional<core::Cause> asked);

// The records that are about this backend: by its address, its unit or its pool's name.
[[nodiscard]] std::vector<diagnosis::Sighting> sightings_of(
    const std::vector<core::SymptomSeen>& records,
    const core::Service& service,
    const core::Backend& backend);

}  // namespace gatemend::cli
