// SPDX-License-Identifier: MIT
// The catalogue: every act gatemend can perform, as a closed set with its contract. Pure data, read
// by the planner, the policy compiler and the executor alike. An act that is not here cannot
// happen.
#pragma once

#include "core/cause.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatemend::actions {

enum class ActId { kStartUnit, kRestartUnit };

enum class Risk {
    kNone,        // the unit is down anyway
    kDisruptive,  // in-flight requests may be lost
};

struct ActSpec {
    ActId id;
    std::string_view name;  // "start-unit": policies, audit, JSON
    Risk risk;
    std::string_view precondition;   // for people
    std::string_view postcondition;  // for people
    std::string_view inverse;        // "none: ..." where nothing is left behind
    core::Duration timeout;          // upper limit, also where a policy says more
};

[[nodiscard]] std::span<const ActSpec> catalogue();
[[nodiscard]] const ActSpec& spec(ActId id);
[[nodiscard]] std::optional<ActId> act_from_name(std::string_view name);

// A plan: one act on one target with what was seen when it was made. The executor performs it only
// while that still holds. The incident's number is not part of it, so a dry run's digest is the
// same.
struct Plan {
    ActId act{};
    std::string unit;
    core::ServiceRole role{};
    std::string rule;
    core::Cause cause{};
    core::ActiveState expected_active{};
    std::string expected_invocation;
    core::Duration deadline{};

    friend bool operator==(const Plan&, const Plan&) = default;
};

// The text whose SHA-256 is the plan's digest. One `key=value` per line, fixed order; refuses
// nothing: every field is validated before it gets here (units by is_unit_name).
[[nodiscard]] std::string canonical_text(const Plan& plan);

// "php8.2-fpm.service": [A-Za-z0-9:_.@-]{1,200} ending in ".service", not starting with "." or "-".
[[nodiscard]] bool is_unit_name(std::string_view name);

}  // namespace gatemend::actions
