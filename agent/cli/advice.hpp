// SPDX-License-Identifier: MIT
// What `gatemend explain` says about a symptom without looking at the machine: which causes it can
// have, most likely first, and how they would be told apart. Cause names are the public
// identifiers, also of causes that are not diagnosed yet. Never used to decide anything.
#pragma once

#include "core/clue.hpp"
#include "core/symptom.hpp"
#include "parse/log_finding.hpp"

#include <span>
#include <string_view>

namespace gatemend::cli {

struct Advice {
    std::span<const std::string_view> causes;
    std::string_view checks;
};

[[nodiscard]] Advice advice_for(core::Symptom symptom);
// A clue may tell more than the symptom does.
[[nodiscard]] Advice advice_for(const parse::LogFinding& finding);

}  // namespace gatemend::cli
