// SPDX-License-Identifier: MIT
// Complaints: records that open an incident although the unit is up and its backend answers the
// probe. How many of one kind that takes is decided here and nowhere else. They never lead to an
// act by themselves: a log is no witness.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr std::uint32_t kNever = 0;
constexpr std::uint32_t kAtOnce = 1;
constexpr std::uint32_t kRepeated = 3;
// What anybody could have written must be frequent before it is worth a person's time.
constexpr std::uint32_t kUntrustedFactor = 2;
// Without a probe a short absence cannot be told from a restart; nor can connections that all close
// at once.
constexpr core::Duration kLongerThanRestart = std::chrono::seconds{15};
// Requests in flight die with a restart or a reload; so long after one that is no complaint.
constexpr core::Duration kAfterChange = std::chrono::minutes{1};

std::uint32_t needed_for_clue(const diagnosis::Sighting& sighting) {
    using core::Clue;
    if (sighting.clue == Clue::kWorkerSignal) {
        // TERM and QUIT are how workers are told to go; of a main process the unit's state tells.
        return sighting.witness == core::Witness::kJournal ||
                       sighting.number == core::kSignalTerm || sighting.number == core::kSignalQuit
                   ? kNever
                   : kAtOnce;
    }
    if (sighting.clue == Clue::kOomGlobal || sighting.clue == Clue::kOomCgroup ||
        sighting.clue == Clue::kOomUnit) {
        return kAtOnce;
    }
    const bool is_answer =
        sighting.clue == Clue::kAnsweredByUpstream || sighting.clue == Clue::kAnsweredByEdge;
    return is_answer ? kRepeated : kNever;
}

// A probe tests these directly and is believed rather than the log.
bool is_testable(core::Symptom symptom) {
    return symptom == core::Symptom::kConnectRefused || symptom == core::Symptom::kSocketMissing ||
           symptom == core::Symptom::kConnectDenied || symptom == core::Symptom::kConnectTimeout ||
           symptom == core::Symptom::kUnreachable || symptom == core::Symptom::kNoLiveUpstreams;
}

std::uint32_t needed_for_symptom(core::Symptom symptom) {
    using core::Symptom;
    switch (symptom) {
        case Symptom::kDiskFull:
        case Symptom::kOomKill:
            return kAtOnce;
        case Symptom::kConnectRefused:
        case Symptom::kSocketMissing:
        case Symptom::kConnectDenied:
        case Symptom::kConnectTimeout:
        case Symptom::kUnreachable:
        case Symptom::kNoLiveUpstreams:
        case Symptom::kBackendSaturated:
        case Symptom::kResponseTimeout:
        case Symptom::kClosedEarly:
        case Symptom::kScriptFatal:
        case Symptom::kHeaderTooBig:
        case Symptom::kInvalidResponse:
        case Symptom::kNameUnresolved:
        case Symptom::kUpstreamTls:
        case Symptom::kNginxLimit:
            return kRepeated;
        case Symptom::kNone:
        case Symptom::kScriptNotFound:  // a 404
        case Symptom::kConfigError:     // told by the configuration test
            return kNever;
    }
    return kNever;
}

bool is_recent(const diagnosis::Sighting& sighting, core::TimePoint now) {
    return now - sighting.last <= diagnosis::kSightingWindow;
}

// SELinux or AppArmor has refused nginx something lately: then no probe of ours, which is not
// nginx, can tell what nginx may do.
bool has_denial(const Context& context) {
    const core::Service* nginx = context.state.topology.find_nginx();
    const ServiceRecord* record = nginx == nullptr ? nullptr : context.find_service(nginx->unit);
    if (record == nullptr) {
        return false;
    }
    const auto& all = record->sightings.all();
    return std::any_of(all.begin(), all.end(), [&context](const diagnosis::Sighting& sighting) {
        return sighting.clue == core::Clue::kLsmDenied && is_recent(sighting, context.now);
    });
}

bool is_complaint(const ServiceRecord& record,
                  const diagnosis::Sighting& sighting,
                  core::TimePoint now) {
    const bool has_probe = record.probe && record.probe->outcome != core::ProbeOutcome::kUnknown;
    const bool may_be_restart = sighting.last - sighting.first < kLongerThanRestart;
    const bool is_of_past_run = sighting.last < record.unit_seen;
    if (is_testable(sighting.symptom) && (has_probe || may_be_restart || is_of_past_run)) {
        return false;
    }
    const bool is_restart = sighting.symptom == core::Symptom::kClosedEarly &&
                            sighting.clue == core::Clue::kNone &&
                            (may_be_restart || now - record.unit_seen < kAfterChange);
    if (is_restart) {
        return false;
    }
    std::uint32_t needed = needed_for_clue(sighting);
    needed = needed == kNever ? needed_for_symptom(sighting.symptom) : needed;
    // A script's own words are never nginx's, and an access log's format is the administrator's:
    // trust says nothing about those.
    const bool is_always_untrusted = sighting.symptom == core::Symptom::kScriptFatal ||
                                     sighting.clue == core::Clue::kAnsweredByUpstream ||
                                     sighting.clue == core::Clue::kAnsweredByEdge;
    const bool is_doubtful = !sighting.is_trusted && !is_always_untrusted;
    return needed != kNever && sighting.count >= needed * (is_doubtful ? kUntrustedFactor : 1);
}

}  // namespace

namespace {

std::optional<diagnosis::Sighting> newest_complaint(
    const Context& context,
    const ServiceRecord& record,
    const std::vector<diagnosis::Sighting>& sightings) {
    std::optional<diagnosis::Sighting> newest;
    for (const diagnosis::Sighting& sighting : sightings) {
        if (!is_recent(sighting, context.now) || (newest && sighting.last <= newest->last)) {
            continue;
        }
        const bool is_denied = sighting.symptom == core::Symptom::kConnectDenied &&
                               sighting.clue == core::Clue::kNone && has_denial(context);
        if (is_denied || is_complaint(record, sighting, context.now)) {
            newest = sighting;
        }
    }
    return newest;
}

// Counted from the same beginning.
bool is_same_row(const diagnosis::Sighting& a, const diagnosis::Sighting& b) {
    return a.symptom == b.symptom && a.clue == b.clue && a.error_number == b.error_number &&
           a.number == b.number && a.is_trusted == b.is_trusted && a.source == b.source &&
           a.address == b.address && a.first == b.first;
}

}  // namespace

std::optional<diagnosis::Sighting> find_complaint(const Context& context,
                                                  const ServiceRecord& record) {
    return newest_complaint(context, record, record.sightings.all());
}

std::optional<diagnosis::Sighting> find_complaint_since(
    const Context& context,
    const ServiceRecord& record,
    const std::vector<diagnosis::Sighting>& before) {
    std::vector<diagnosis::Sighting> since = record.sightings.all();
    for (diagnosis::Sighting& sighting : since) {
        const auto known = std::find_if(
            before.begin(), before.end(), [&sighting](const diagnosis::Sighting& item) {
                return is_same_row(item, sighting);
            });
        if (known != before.end()) {
            sighting.count -= std::min(sighting.count, known->count);
            sighting.first = known->last;
        }
    }
    std::erase_if(since, [](const diagnosis::Sighting& sighting) { return sighting.count == 0; });
    return newest_complaint(context, record, since);
}

void note_bad_look(ServiceRecord& record, core::TimePoint now) {
    constexpr core::Duration kOneLook = std::chrono::seconds{1};
    if (!record.bad_looks.empty() && now - record.bad_looks.back() < kOneLook) {
        return;
    }
    if (record.bad_looks.size() >= kMaxBadLooks) {
        record.bad_looks.erase(record.bad_looks.begin());
    }
    record.bad_looks.push_back(now);
}

}  // namespace gatemend::engine
