// SPDX-License-Identifier: MIT
// A pm2 unit stays up while an application under it is down: pm2 alone knows which one. Asked while
// nobody listens, again and again, because pm2 tries a few times before it gives up.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr core::Duration kListAge = std::chrono::seconds{15};
// A list that does not come is not waited for any longer.
constexpr core::Duration kListPatience = std::chrono::seconds{10};

bool is_worth_asking(const core::Service& service, const ServiceRecord& record) {
    using core::ProbeOutcome;
    return service.role == core::ServiceRole::kOther && core::is_pm2_unit(service.unit) &&
           record.unit && core::is_up(*record.unit) && has_fresh_probe(record) &&
           (record.probe->outcome == ProbeOutcome::kRefused ||
            record.probe->outcome == ProbeOutcome::kMissing);
}

// What was said before this is of another time.
core::TimePoint oldest_of_use(const ServiceRecord& record, const Incident& incident) {
    return std::max(
        {incident.opened, record.unit_seen, incident.acted_at.value_or(record.unit_seen)});
}

}  // namespace

bool gather_apps(Context& context,
                 const core::Service& service,
                 ServiceRecord& record,
                 const Incident& incident) {
    if (!is_worth_asking(service, record)) {
        return true;
    }
    const bool is_old = record.apps_time < oldest_of_use(record, incident) ||
                        context.now - record.apps_time >= kListAge;
    if (is_old && !record.is_listing_apps) {
        record.is_listing_apps = true;
        record.apps_asked = context.now;
        context.emit(ReadApps{service.unit});
    }
    const core::TimePoint patience_ends = record.apps_asked + kListPatience;
    // Nothing is concluded from an old list while it is renewed: somebody may have stopped the
    // application meanwhile.
    if (!is_old || context.now >= patience_ends) {
        return true;
    }
    context.wake(service.unit, record, patience_ends);
    return false;
}

void on_apps_listed(Context& context, const core::AppsListed& listed) {
    ServiceRecord* record = context.find_service(listed.unit);
    if (record == nullptr) {
        return;
    }
    record->is_listing_apps = false;
    record->apps = listed.apps;
    record->apps_time = context.now;
    evaluate(context, listed.unit);
}

}  // namespace gatemend::engine
