// SPDX-License-Identifier: MIT
// Sighting: what records said about one service, counted: however many lines there are, one entry
// per kind of record. Kept by the engine, weighed by the judges. Bounded.
#pragma once

#include "core/event.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

struct Sighting {
    core::Symptom symptom = core::Symptom::kNone;
    core::Clue clue = core::Clue::kNone;
    core::Witness witness = core::Witness::kLog;
    int error_number = 0;
    int number = 0;
    bool is_trusted = false;
    std::string source;
    std::string address;
    core::ClientText subject;  // of the newest
    std::uint32_t count = 0;
    core::TimePoint first{};
    core::TimePoint last{};

    friend bool operator==(const Sighting&, const Sighting&) = default;
};

inline constexpr std::size_t kMaxSightings = 32;
// Records within this time of each other belong together.
inline constexpr core::Duration kSightingWindow = std::chrono::minutes{1};

class Sightings {
  public:
    // Adds to the entry of its kind, or makes one; the oldest goes when there are too many. A count
    // begins anew after a pause of kSightingWindow.
    void note(const core::SymptomSeen& seen, core::TimePoint now);

    void forget() { items_.clear(); }

    void forget(core::Symptom symptom) {
        std::erase_if(items_, [symptom](const Sighting& item) { return item.symptom == symptom; });
    }

    // Those whose last record is not older than kSightingWindow.
    [[nodiscard]] std::vector<Sighting> recent(core::TimePoint now) const {
        return since(now - kSightingWindow);
    }

    // Those whose last record is not older than `oldest`.
    [[nodiscard]] std::vector<Sighting> since(core::TimePoint oldest) const;

    [[nodiscard]] const std::vector<Sighting>& all() const { return items_; }

  private:
    std::vector<Sighting> items_;
};

// "nginx-error says closed-early (errno 104) 12 times"
[[nodiscard]] std::string describe(const Sighting& sighting);

}  // namespace gatemend::diagnosis
