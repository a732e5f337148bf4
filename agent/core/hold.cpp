// SPDX-License-Identifier: MIT
#include "core/hold.hpp"

#include "core/closed_set.hpp"

#include <bit>

namespace gatemend::core {

// NOLINTNEXTLINE(readability-function-size): one table
std::string_view hold_kind_id(HoldKind value) {
    switch (value) {
        case HoldKind::kAdminStopped:
            return "admin-stopped";
        case HoldKind::kMasked:
            return "masked";
        case HoldKind::kJobQueued:
            return "job-queued";
        case HoldKind::kRestartPending:
            return "restart-pending";
        case HoldKind::kShuttingDown:
            return "shutting-down";
        case HoldKind::kConfigInvalid:
            return "config-invalid";
        case HoldKind::kConfigUnknown:
            return "config-unknown";
        case HoldKind::kPaused:
            return "paused";
        case HoldKind::kCoolingDown:
            return "cooling-down";
        case HoldKind::kBudgetExhausted:
            return "budget-exhausted";
        case HoldKind::kLatched:
            return "latched";
        case HoldKind::kSingleWitness:
            return "single-witness";
        case HoldKind::kObserveOnly:
            return "observe-only";
        case HoldKind::kNeedsApproval:
            return "needs-approval";
        case HoldKind::kActRunning:
            return "act-running";
        case HoldKind::kNoRule:
            return "no-rule";
        case HoldKind::kUnitNotAllowed:
            return "unit-not-allowed";
        case HoldKind::kRecordUnreadable:
            return "record-unreadable";
        case HoldKind::kRecordDiskFull:
            return "record-disk-full";
        case HoldKind::kLadderExhausted:
            return "ladder-exhausted";
        case HoldKind::kExecutorRefused:
            return "executor-refused";
        case HoldKind::kUnitIsUp:
            return "unit-is-up";
        case HoldKind::kPackageManager:
            return "package-manager";
        case HoldKind::kBooting:
            return "booting";
        case HoldKind::kDeploying:
            return "deploying";
        case HoldKind::kStartBudget:
            return "start-budget";
        case HoldKind::kMaintenance:
            return "maintenance";
        case HoldKind::kPressure:
            return "pressure";
        case HoldKind::kCauseElsewhere:
            return "cause-elsewhere";
        case HoldKind::kTooBrief:
            return "too-brief";
        case HoldKind::kTooUncertain:
            return "too-uncertain";
        case HoldKind::kDemoted:
            return "demoted";
        case HoldKind::kNoTarget:
            return "no-target";
        case HoldKind::kContraryEvidence:
            return "contrary-evidence";
        case HoldKind::kIntentUnknown:
            return "intent-unknown";
    }
    return "?";
}

std::optional<HoldKind> hold_kind_from_id(std::string_view id) {
    return find_by_id(id, HoldKind::kIntentUnknown, hold_kind_id);
}

std::string_view witness_id(Witness value) {
    switch (value) {
        case Witness::kLog:
            return "log";
        case Witness::kUnitState:
            return "unit-state";
        case Witness::kProbe:
            return "probe";
        case Witness::kConfigTest:
            return "config-test";
        case Witness::kJournal:
            return "journal";
        case Witness::kKernel:
            return "kernel";
        case Witness::kServiceLog:
            return "service-log";
        case Witness::kInspection:
            return "inspection";
        case Witness::kPacketFilter:
            return "packet-filter";
    }
    return "?";
}

bool is_forgeable(Witness witness) {
    return witness == Witness::kLog;
}

Witness witness_of_source(std::string_view source) {
    if (source == "kernel" || source == "audit") {
        return Witness::kKernel;
    }
    if (source == "php-fpm" || source == "php-slowlog") {
        return Witness::kServiceLog;
    }
    return source == "systemd" ? Witness::kJournal : Witness::kLog;
}

unsigned count_witnesses(const std::vector<Evidence>& evidence) {
    unsigned for_kinds = 0;  // one bit per kind
    unsigned against_kinds = 0;
    bool has_unforgeable = false;
    for (const Evidence& item : evidence) {
        unsigned& kinds = item.supports ? for_kinds : against_kinds;
        kinds |= 1U << static_cast<unsigned>(item.witness);
        has_unforgeable = has_unforgeable || (item.supports && !is_forgeable(item.witness));
    }
    const int balance = std::popcount(for_kinds) - std::popcount(against_kinds);
    return has_unforgeable && balance > 0 ? static_cast<unsigned>(balance) : 0U;
}

}  // namespace gatemend::core
