// SPDX-License-Identifier: MIT
#include "cli/suggest_cases.hpp"

#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"
#include "diagnosis/pool_capacity.hpp"
#include "diagnosis/suggestions.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace gatemend::cli {

namespace {

using core::Cause;
using core::ServiceRole;

struct Row {
    Cause cause;
    diagnosis::Judge judge;
};

// In the order in which they are told: what explains others comes first.
constexpr std::array<Row, 6> kRows{{
    {Cause::kOomKilled, diagnosis::judge_oom_killed},
    {Cause::kNginxFdLimit, diagnosis::judge_nginx_limit},
    {Cause::kPoolSaturated, diagnosis::judge_saturated},
    {Cause::kHeaderTooBig, diagnosis::judge_header_too_big},
    {Cause::kScriptFatal, diagnosis::judge_script_fatal},
    {Cause::kSlowBackend, diagnosis::judge_slow},
}};

std::string queue_words(const diagnosis::Findings& findings) {
    const core::Listener* listener = diagnosis::find_own_listener(findings);
    return listener == nullptr
               ? std::string{"no record says that anybody was turned away"}
               : std::to_string(listener->queue) + " connections wait at " + listener->address +
                     ", where " + std::to_string(listener->backlog) +
                     " may, and no record says that anybody was turned away";
}

// Nothing shows. What would happen under full load is worth knowing, and no reason to change what
// runs well.
diagnosis::Suggestion well(const diagnosis::Findings& findings) {
    diagnosis::Suggestion suggestion = diagnosis::nothing(Cause::kUnknown, queue_words(findings));
    diagnosis::Capacity capacity = diagnosis::capacity_of(findings, 0);
    const auto now = core::config_number(findings.backend.fpm.max_children.value);
    if (!capacity.missing.empty()) {
        suggestion.text += "; what the pool may grow to is not measured: " + capacity.missing;
    } else if (now && capacity.workers < *now) {
        suggestion.text += "; but memory holds only " + std::to_string(capacity.workers) +
                           " of the " + std::to_string(*now) +
                           " workers that may run, if all become as large as they get";
    }
    suggestion.arithmetic = std::move(capacity.arithmetic);
    return suggestion;
}

// A record without an address may be any pool's, and what it says of itself selects nothing.
bool is_of_only_backend(const core::SymptomSeen& record, const core::Service& service) {
    return record.address.empty() && record.unit == service.unit && service.backends.size() == 1;
}

}  // namespace

bool is_askable(const diagnosis::Findings& findings, Cause cause) {
    const bool is_nginx = findings.role == ServiceRole::kNginx;
    const bool is_of_pools = cause == Cause::kPoolSaturated || cause == Cause::kScriptFatal;
    if (cause == Cause::kNginxFdLimit || is_nginx) {
        return cause == Cause::kNginxFdLimit && is_nginx;
    }
    return diagnosis::is_suggestible(cause) &&
           (!is_of_pools || findings.role == ServiceRole::kPhpFpm) &&
           (cause != Cause::kOomKilled || findings.role != ServiceRole::kUnowned);
}

std::vector<Cause> askable_causes() {
    std::vector<Cause> causes;
    causes.reserve(kRows.size());
    for (const Row& row : kRows) {
        causes.push_back(row.cause);
    }
    return causes;
}

std::vector<Cause> showing_causes(const diagnosis::Findings& findings) {
    std::vector<Cause> causes;
    for (const Row& row : kRows) {
        const auto diagnosis = is_askable(findings, row.cause) ? row.judge(findings) : std::nullopt;
        if (diagnosis && diagnosis->cause == row.cause) {
            causes.push_back(row.cause);
        }
    }
    return causes;
}

std::vector<diagnosis::Suggestion> suggestions_for(const diagnosis::Findings& findings,
                                                   std::optional<Cause> asked) {
    std::vector<Cause> causes = showing_causes(findings);
    if (asked) {
        causes.clear();
        if (is_askable(findings, *asked)) {
            causes.push_back(*asked);
        }
    }
    std::vector<diagnosis::Suggestion> all;
    for (const Cause cause : causes) {
        for (diagnosis::Suggestion& suggestion : diagnosis::suggest(findings, cause)) {
            all.push_back(std::move(suggestion));
        }
    }
    if (all.empty() && !asked && findings.role == ServiceRole::kPhpFpm) {
        all.push_back(well(findings));
    }
    return all;
}

std::vector<diagnosis::Sighting> sightings_of(const std::vector<core::SymptomSeen>& records,
                                              const core::Service& service,
                                              const core::Backend& backend) {
    diagnosis::Sightings sightings;
    for (const core::SymptomSeen& record : records) {
        const bool is_of_nginx =
            record.address.empty() && record.unit.empty() && service.role == ServiceRole::kNginx;
        const bool is_own = record.address == backend.address && !record.address.empty();
        if (is_own || is_of_only_backend(record, service) || is_of_nginx) {
            sightings.note(record, core::TimePoint{});
        }
    }
    return sightings.all();
}

}  // namespace gatemend::cli
