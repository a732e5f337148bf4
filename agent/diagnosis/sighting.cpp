// SPDX-License-Identifier: MIT
#include "diagnosis/sighting.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

bool is_same_kind(const Sighting& item, const core::SymptomSeen& seen) {
    return item.symptom == seen.symptom && item.clue == seen.clue &&
           item.error_number == seen.error_number && item.number == seen.number &&
           item.is_trusted == seen.is_trusted && item.source == seen.source &&
           item.address == seen.address;
}

Sighting first_of(const core::SymptomSeen& seen, core::TimePoint now) {
    Sighting item;
    item.symptom = seen.symptom;
    item.clue = seen.clue;
    item.witness = seen.witness;
    item.error_number = seen.error_number;
    item.number = seen.number;
    item.is_trusted = seen.is_trusted;
    item.source = seen.source;
    item.address = seen.address;
    item.first = now;
    return item;
}

}  // namespace

void Sightings::note(const core::SymptomSeen& seen, core::TimePoint now) {
    auto item = std::find_if(items_.begin(), items_.end(), [&seen](const Sighting& known) {
        return is_same_kind(known, seen);
    });
    if (item == items_.end()) {
        if (items_.size() >= kMaxSightings) {
            items_.erase(std::min_element(
                items_.begin(), items_.end(), [](const Sighting& a, const Sighting& b) {
                    return a.last < b.last;
                }));
        }
        item = items_.insert(items_.end(), first_of(seen, now));
    } else if (now - item->last > kSightingWindow) {
        item->first = now;
        item->count = 0;
    }
    item->last = std::max(item->last, now);
    item->subject = seen.subject;
    item->count += item->count == UINT32_MAX ? 0U : 1U;
}

std::vector<Sighting> Sightings::since(core::TimePoint oldest) const {
    std::vector<Sighting> found;
    std::copy_if(
        items_.begin(), items_.end(), std::back_inserter(found), [oldest](const auto& item) {
            return item.last >= oldest;
        });
    return found;
}

std::string describe(const Sighting& sighting) {
    std::string text = sighting.source + " says ";
    if (sighting.symptom != core::Symptom::kNone) {
        text += core::symptom_id(sighting.symptom);
    }
    if (sighting.clue != core::Clue::kNone) {
        text += sighting.symptom == core::Symptom::kNone ? "" : ", ";
        text += core::clue_id(sighting.clue);
        text += sighting.number == 0 ? "" : " " + std::to_string(sighting.number);
    }
    if (sighting.error_number != 0) {
        text += " (errno " + std::to_string(sighting.error_number) + ")";
    }
    text += sighting.subject.shown().in_sentence(": ");
    if (sighting.count > 1) {
        text += ", " + std::to_string(sighting.count) + " times";
    }
    return text + (sighting.is_trusted ? "" : " (could be forged)");
}

}  // namespace gatemend::diagnosis
