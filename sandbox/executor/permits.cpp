// SPDX-License-Identifier: MIT
#include "sandbox/executor/permits.hpp"

#include <utility>

namespace gatemend::sandbox {

void PermitTable::grant(const std::string& digest, const actions::Plan& plan, core::TimePoint now) {
    std::erase_if(permits_, [&](const Permit& permit) { return permit.digest == digest; });
    if (permits_.size() >= kMaxPermits) {
        permits_.pop_front();
    }
    permits_.push_back({.digest = digest, .plan = plan, .granted = now});
}

std::optional<actions::Plan> PermitTable::take(std::string_view digest, core::TimePoint now) {
    std::optional<actions::Plan> found;
    std::erase_if(permits_, [&](Permit& permit) {
        const bool is_expired = now - permit.granted > kPermitLifetime || now < permit.granted;
        if (!is_expired && permit.digest == digest) {
            found = std::move(permit.plan);
            return true;
        }
        return is_expired;
    });
    return found;
}

}  // namespace gatemend::sandbox
