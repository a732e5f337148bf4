// SPDX-License-Identifier: MIT
// Which of the engine's records are written, so that no flood of one kind flushes the history of
// another out of the files that are kept. Used by the recorder alone; no I/O, no clock.
//
// What was done, and what became of it, is always written. Of the rest: the same once more with
// growing spacing; so many an hour of one service; so many of all suspicions, and of all backends
// without a unit, which anybody who can configure a dead upstream or forge a line can multiply.
// What is left out is counted, and the next record of the service says how many there were.
#pragma once

#include "core/time.hpp"
#include "engine/effect.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gatemend::app {

// An hour of each of these, at most; as many at once after an hour of silence.
inline constexpr double kSuspicionsPerHour = 120;
inline constexpr double kUnownedRecordsPerHour = 240;
inline constexpr double kRecordsPerServiceAndHour = 120;
inline constexpr double kRecordsPerUnownedAndHour = 20;
// The same sentence again: after ten seconds, then twice as long each time, up to an hour.
inline constexpr core::Duration kFirstSpacing = std::chrono::seconds{10};
inline constexpr core::Duration kLongestSpacing = std::chrono::hours{1};
inline constexpr std::size_t kMaxSentences = 32;  // of one service

class RecordQuota {
  public:
    struct Verdict {
        bool is_written = false;
        std::uint64_t left_out = 0;  // of the same service, since its last one that was written
    };

    [[nodiscard]] Verdict take(core::TimePoint now, const engine::Record& record);

    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  private:
    // Fills up by the hour.
    struct Bucket {
        double per_hour = 0;
        double level = 0;
        core::TimePoint filled{};

        [[nodiscard]] bool has(core::TimePoint now);
    };

    struct Sentence {
        std::string words;
        core::TimePoint written{};
        core::Duration spacing{};
    };

    struct Service {
        Bucket bucket;
        std::vector<Sentence> sentences;  // oldest first
        std::uint64_t left_out = 0;
    };

    [[nodiscard]] bool is_due(core::TimePoint now, Service& service, const engine::Record& record);
    [[nodiscard]] bool fits(core::TimePoint now, Service& service, const engine::Record& record);
    [[nodiscard]] Service& service_of(const engine::Record& record, core::TimePoint now);

    std::map<std::string, Service, std::less<>> services_;
    std::set<std::uint64_t> opened_;  // incidents whose opening was written, and not their end
    Bucket suspicions_{kSuspicionsPerHour, kSuspicionsPerHour, {}};
    Bucket unowned_{kUnownedRecordsPerHour, kUnownedRecordsPerHour, {}};
    std::uint64_t left_out_ = 0;
};

}  // namespace gatemend::app
