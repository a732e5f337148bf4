// SPDX-License-Identifier: MIT
#include "actions/catalogue.hpp"

#include <algorithm>
#include <array>

namespace gatemend::actions {
namespace {

constexpr std::size_t kMaxUnitNameBytes = 200;

// In the order of ActId: spec() indexes it.
constexpr std::array kCatalogue{
    ActSpec{ActId::kStartUnit,
            "start-unit",
            Risk::kNone,
            "the unit is inactive or failed, nobody stopped it, its configuration test passes",
            "the unit is active",
            "none: a started unit leaves nothing behind to undo",
            std::chrono::seconds{60}},
    ActSpec{ActId::kRestartUnit,
            "restart-unit",
            Risk::kDisruptive,
            "the unit is as it was when the plan was made, its configuration test passes",
            "the unit is active with a new invocation",
            "none: requests in flight are lost and cannot be brought back",
            std::chrono::seconds{120}},
};

constexpr bool is_indexed_by_id() {
    for (std::size_t i = 0; i < kCatalogue.size(); ++i) {
        if (static_cast<std::size_t>(kCatalogue[i].id) != i) {
            return false;
        }
    }
    return true;
}

static_assert(is_indexed_by_id());

constexpr std::string_view kServiceSuffix = ".service";

// No <cctype>: it depends on the locale.
constexpr bool is_unit_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{":_.@-"}.find(c) != std::string_view::npos;
}

}  // namespace

std::span<const ActSpec> catalogue() {
    return kCatalogue;
}

const ActSpec& spec(ActId id) {
    switch (id) {  // a new act without a row does not build
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
            break;
    }
    return kCatalogue[static_cast<std::size_t>(id)];
}

std::optional<ActId> act_from_name(std::string_view name) {
    const auto* found = std::ranges::find(kCatalogue, name, &ActSpec::name);
    if (found == kCatalogue.end()) {
        return std::nullopt;
    }
    return found->id;
}

std::string canonical_text(const Plan& plan) {
    std::string text = "gatemend-plan=1\n";
    const auto add = [&text](std::string_view key, std::string_view value) {
        text.append(key).append("=").append(value).append("\n");
    };
    add("act", spec(plan.act).name);
    add("unit", plan.unit);
    add("role", core::service_role_id(plan.role));
    add("rule", plan.rule);
    add("cause", core::cause_id(plan.cause));
    add("expected_active", core::active_state_id(plan.expected_active));
    add("expected_invocation", plan.expected_invocation);
    add("deadline_usec", std::to_string(plan.deadline.count()));
    return text;
}

bool is_unit_name(std::string_view name) {
    if (name.size() > kMaxUnitNameBytes || !name.ends_with(kServiceSuffix)) {
        return false;
    }
    const std::string_view stem = name.substr(0, name.size() - kServiceSuffix.size());
    return !stem.empty() && stem.front() != '.' && stem.front() != '-' &&
           std::ranges::all_of(stem, is_unit_char);
}

}  // namespace gatemend::actions
