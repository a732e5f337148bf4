// SPDX-License-Identifier: MIT
#include "app/record_quota.hpp"

#include "core/topology.hpp"
#include "engine/state.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gatemend::app {

namespace {

using engine::RecordKind;

// What somebody did, or gave up to do, and its end.
bool is_always_written(const engine::Record& record) {
    switch (record.kind) {
        case RecordKind::kActed:
        case RecordKind::kVerifying:
        case RecordKind::kConfirmed:
        case RecordKind::kEscalated:
        case RecordKind::kRestored:
            return true;
        case RecordKind::kSuspicion:
        case RecordKind::kOpened:
        case RecordKind::kDiagnosed:
        case RecordKind::kDecided:
        case RecordKind::kClosed:
            return false;
    }
    return false;
}

std::string words_of(const engine::Record& record) {
    const std::string incident = std::to_string(record.incident);
    std::string words{engine::record_kind_id(record.kind)};
    for (const std::string* part :
         {&incident, &record.cause, &record.decision, &record.rule, &record.act, &record.text}) {
        words.append("\n").append(*part);
    }
    return words;
}

}  // namespace

bool RecordQuota::Bucket::has(core::TimePoint now) {
    const auto passed = std::chrono::duration<double, std::ratio<3600>>(now - filled).count();
    // A clock that was set back fills nothing.
    level = std::min(per_hour, level + per_hour * std::clamp(passed, 0.0, 1.0));
    filled = now;
    return level >= 1;
}

RecordQuota::Service& RecordQuota::service_of(const engine::Record& record, core::TimePoint now) {
    const auto found = services_.find(record.unit);
    if (found != services_.end()) {
        return found->second;
    }
    if (services_.size() >= engine::kMaxServices) {
        for (auto item = services_.begin(); item != services_.end();) {
            Bucket& bucket = item->second.bucket;
            const bool is_idle = bucket.has(now) && bucket.level >= bucket.per_hour;
            item = is_idle ? services_.erase(item) : std::next(item);
        }
    }
    const double most =
        core::is_unowned_name(record.unit) ? kRecordsPerUnownedAndHour : kRecordsPerServiceAndHour;
    Service service;
    service.bucket = {most, most, now};
    return services_.emplace(record.unit, std::move(service)).first->second;
}

bool RecordQuota::is_due(core::TimePoint now, Service& service, const engine::Record& record) {
    const bool is_once = record.kind == RecordKind::kOpened || record.kind == RecordKind::kClosed;
    if (is_once) {
        return true;
    }
    auto& all = service.sentences;
    const std::string words = words_of(record);
    const auto known = std::find_if(
        all.begin(), all.end(), [&words](const Sentence& item) { return item.words == words; });
    if (known == all.end()) {
        if (all.size() >= kMaxSentences) {
            all.erase(all.begin());
        }
        all.push_back({words, now, kFirstSpacing});
        return true;
    }
    if (now - known->written < known->spacing && now >= known->written) {
        return false;
    }
    // Long silent: it is news again.
    const bool is_old = now - known->written >= 2 * known->spacing;
    known->spacing =
        is_old ? kFirstSpacing : std::min<core::Duration>(known->spacing * 2, kLongestSpacing);
    known->written = now;
    std::rotate(known, known + 1, all.end());
    return true;
}

bool RecordQuota::fits(core::TimePoint now, Service& service, const engine::Record& record) {
    const bool is_unowned = core::is_unowned_name(record.unit);
    const bool is_suspicion = record.kind == RecordKind::kSuspicion;
    std::vector<Bucket*> buckets{&service.bucket};
    if (is_unowned) {
        buckets.push_back(&unowned_);
    }
    if (is_suspicion) {
        buckets.push_back(&suspicions_);
    }
    const bool has_room =
        std::all_of(buckets.begin(), buckets.end(), [now](Bucket* item) { return item->has(now); });
    for (Bucket* bucket : buckets) {
        bucket->level -= has_room ? 1 : 0;
    }
    return has_room;
}

RecordQuota::Verdict RecordQuota::take(core::TimePoint now, const engine::Record& record) {
    Service& service = service_of(record, now);
    // An incident of which nothing is known needs no end; one that was opened has to have it.
    const bool is_end = record.kind == RecordKind::kClosed && opened_.contains(record.incident);
    const bool is_written = is_always_written(record) || is_end ||
                            (is_due(now, service, record) && fits(now, service, record));
    if (!is_written) {
        ++service.left_out;
        ++left_out_;
        return {};
    }
    if (record.kind == RecordKind::kClosed) {
        opened_.erase(record.incident);
    } else if (record.incident != 0) {
        opened_.insert(record.incident);
    }
    return {true, std::exchange(service.left_out, 0)};
}

}  // namespace gatemend::app
