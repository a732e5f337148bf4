// SPDX-License-Identifier: MIT
// `gatemend status`, `incidents`, `show ID`, `why ID`: what the running agent says, as text or as
// its own JSON. One blocking call each; changes nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>

namespace gatemend::cli {

enum class Output { kText, kJson };

[[nodiscard]] int run_status(Output output);
[[nodiscard]] int run_incidents(Output output);
[[nodiscard]] int run_show(std::uint64_t incident, Output output);
[[nodiscard]] int run_why(std::uint64_t incident, Output output);

// Hands the incident's document on, or says that there is none; returns the exit code.
[[nodiscard]] int with_incident(std::uint64_t incident,
                                const std::function<int(const nlohmann::ordered_json&)>& use);
// The same; to root its proposals are what the executor says they are (cli/revealed_plan.hpp).
[[nodiscard]] int with_revealed_incident(
    std::uint64_t incident, const std::function<int(const nlohmann::ordered_json&)>& use);

}  // namespace gatemend::cli
