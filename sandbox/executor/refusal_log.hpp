// SPDX-License-Identifier: MIT
// Which refusals are written to the record: each kind at once, then at most every ten seconds with
// the number of those between, and all kinds together at most as fast as a disk can bear for years.
// What a flood keeps out is counted and told with the next that is written. Pure; used by Record.
#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gatemend::sandbox {

inline constexpr core::Duration kRefusalInterval = std::chrono::seconds{10};
inline constexpr std::size_t kMaxRefusalKinds = 64;
// So many at once; a further one every kRefusalRefill: some four megabytes a day.
inline constexpr std::uint64_t kMaxRefusalBurst = 100;
inline constexpr core::Duration kRefusalRefill = std::chrono::seconds{10};

struct RefusalTally {
    std::uint64_t count = 1;   // of this kind since the last on record, this one included
    std::uint64_t others = 0;  // of any kind that no record tells of
};

class RefusalLog {
  public:
    // nullopt: counted, not to be written now.
    [[nodiscard]] std::optional<RefusalTally> note(const std::string& kind, core::TimePoint now);

  private:
    struct Kind {
        core::TimePoint written{};
        std::uint64_t suppressed = 0;
    };

    [[nodiscard]] bool has_room(core::TimePoint now);
    [[nodiscard]] bool take_token(core::TimePoint now);

    std::map<std::string, Kind> kinds_;
    std::uint64_t tokens_ = kMaxRefusalBurst;
    core::TimePoint refilled_{};
    std::uint64_t others_ = 0;
};

}  // namespace gatemend::sandbox
