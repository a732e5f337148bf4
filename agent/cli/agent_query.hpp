// SPDX-License-Identifier: MIT
// `gatemend status`, `incidents`, `show ID`, `why ID`: what the running agent says, as text or as
// its own JSON. One blocking call each; changes nothing.
#pragma once

#include <cstdint>

namespace gatemend::cli {

enum class Output { kText, kJson };

[[nodiscard]] int run_status(Output output);
[[nodiscard]] int run_incidents(Output output);
[[nodiscard]] int run_show(std::uint64_t incident, Output output);
[[nodiscard]] int run_why(std::uint64_t incident, Output output);

}  // namespace gatemend::cli
