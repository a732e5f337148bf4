// SPDX-License-Identifier: MIT
// The permit table: what may be executed now. Plan grants one Execute of one digest for a short
// time; taking a permit uses it up. Pure; time comes from the caller.
#pragma once

#include "actions/catalogue.hpp"
#include "core/time.hpp"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

inline constexpr core::Duration kPermitLifetime = std::chrono::seconds{30};
inline constexpr std::size_t kMaxPermits = 32;

class PermitTable {
  public:
    // A second grant of the same digest renews the first; the oldest gives way when the table is
    // full.
    void grant(const std::string& digest, const actions::Plan& plan, core::TimePoint now);

    // The plan, once. nullopt: never granted, used already, or too old.
    [[nodiscard]] std::optional<actions::Plan> take(std::string_view digest, core::TimePoint now);

    void clear() { permits_.clear(); }

  private:
    struct Permit {
        std::string digest;
        actions::Plan plan;
        core::TimePoint granted{};
    };

    std::deque<Permit> permits_;
};

}  // namespace gatemend::sandbox
