// SPDX-License-Identifier: MIT
#include "sandbox/executor/refusal_log.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

// A clock that was set back must not silence the log until it has caught up.
bool is_past(core::TimePoint since, core::Duration interval, core::TimePoint now) {
    return now < since || now - since >= interval;
}

}  // namespace

std::optional<RefusalTally> RefusalLog::note(const std::string& kind, core::TimePoint now) {
    const auto found = kinds_.find(kind);
    if (found != kinds_.end() && !is_past(found->second.written, kRefusalInterval, now)) {
        ++found->second.suppressed;
        return std::nullopt;
    }
    if ((found == kinds_.end() && !has_room(now)) || !take_token(now)) {
        ++others_;
        return std::nullopt;
    }
    Kind& entry = kinds_[kind];
    entry.written = now;
    return RefusalTally{.count = std::exchange(entry.suppressed, 0) + 1,
                        .others = std::exchange(others_, 0)};
}

// A kind that has gone quiet makes room; what it still had to tell is told with the others.
bool RefusalLog::has_room(core::TimePoint now) {
    if (kinds_.size() >= kMaxRefusalKinds) {
        std::erase_if(kinds_, [this, now](const auto& entry) {
            const bool is_quiet = is_past(entry.second.written, kRefusalInterval, now);
            others_ += is_quiet ? entry.second.suppressed : 0;
            return is_quiet;
        });
    }
    return kinds_.size() < kMaxRefusalKinds;
}

bool RefusalLog::take_token(core::TimePoint now) {
    if (tokens_ == kMaxRefusalBurst || now < refilled_) {
        refilled_ = now;
    }
    const auto due = static_cast<std::uint64_t>((now - refilled_) / kRefusalRefill);
    tokens_ = std::min(kMaxRefusalBurst, tokens_ + due);
    refilled_ += kRefusalRefill * static_cast<std::int64_t>(due);
    if (tokens_ == 0) {
        return false;
    }
    --tokens_;
    return true;
}

}  // namespace gatemend::sandbox
