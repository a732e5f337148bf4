// SPDX-License-Identifier: MIT
// What both programs of the probe have in common: five arguments in, one line out. Called by their
// main()s; everything is checked again here, whoever started us.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"
#include "sandbox/probe/address.hpp"

#include <span>
#include <string_view>

namespace gatemend::probe {

struct Task {
    core::ProbeQuestion question;
    Reach reach{};
};

// PROGRAM KIND ADDRESS TIMEOUT_USEC local|remote NAME; NAME may be empty.
[[nodiscard]] core::Result<Task> parse_arguments(std::span<char* const> arguments);

[[nodiscard]] bool print(const core::ProbeResult& result);
void complain(std::string_view problem);

}  // namespace gatemend::probe
