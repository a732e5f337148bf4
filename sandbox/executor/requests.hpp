// SPDX-License-Identifier: MIT
// What comes over the bus, bounded and checked before anything else sees it. Pure: form only,
// nothing of the machine and nothing of the policy.
#pragma once

#include "actions/catalogue.hpp"
#include "sandbox/executor/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxUnitBytes = 255;
inline constexpr std::size_t kMaxTextBytes = 512;

struct PlanRequest {
    std::string act;
    std::string unit;
    std::string rule;
    std::string cause;
    std::string expected_active;
    std::string expected_invocation;
    std::uint64_t deadline_usec = 0;
    std::map<std::string, std::string> parameters{};
};

// The plan without its changes, or kBadArgument.
[[nodiscard]] Reply<actions::Plan> read_request(const PlanRequest& request);

[[nodiscard]] bool is_digest(std::string_view text);  // 64 lower-case hex digits
[[nodiscard]] Fault bad_argument(const std::string& what);

}  // namespace gatemend::sandbox
