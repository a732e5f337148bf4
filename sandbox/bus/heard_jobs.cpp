// SPDX-License-Identifier: MIT
#include "sandbox/bus/heard_jobs.hpp"

#include "core/intent.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>

namespace gatemend::bus {

namespace {

// Units that come in numbers (instances of a template, sessions, what systemd-run starts, our own
// tools) have the beginning of their names in common.
std::string_view family_of(std::string_view unit) {
    return unit.substr(0, unit.find_first_of("@0123456789"));
}

}  // namespace

void HeardJobs::note(const std::string& unit,
                     std::uint32_t id,
                     const std::string& result,
                     core::Duration now) {
    if (core::is_no_request(result)) {
        return;
    }
    if (jobs_.size() >= kMaxUnits && !jobs_.contains(unit)) {
        const auto oldest = find_dispensable();
        since_ = since_ ? std::optional{std::max(*since_, oldest->second.newest.ended)} : since_;
        jobs_.erase(oldest);
    }
    Heard& heard = jobs_[unit];
    heard.newest = Job{id, result, now};
    if (core::has_tried(result)) {
        heard.tried = heard.newest;
    }
}

// The oldest of the family that fills the table: a stop of a single unit outlives a flood of
// others.
HeardJobs::Jobs::iterator HeardJobs::find_dispensable() {
    std::map<std::string_view, std::ptrdiff_t> members;
    for (const auto& [unit, heard] : jobs_) {
        ++members[family_of(unit)];
    }
    return std::ranges::min_element(jobs_, {}, [&members](const auto& entry) {
        return std::tuple{-members[family_of(entry.first)], entry.second.newest.ended};
    });
}

void HeardJobs::tell(core::UnitState& state, core::Duration left_active) const {
    if (!core::is_down(state)) {
        return;
    }
    if (const auto heard = jobs_.find(state.id); heard != jobs_.end()) {
        const Job& job = find_answer(heard->second, left_active);
        if (is_telling(job, left_active)) {
            state.has_ended_job = true;
            state.ended_job = job.id;
            state.job_result = job.result;
        }
    }
    const bool is_dated = left_active > core::Duration::zero();
    state.has_missed_jobs = !since_ || !is_dated || *since_ > left_active;
}

// What somebody has stopped stays stopped although systemd has refused to start it since.
const HeardJobs::Job& HeardJobs::find_answer(const Heard& heard, core::Duration left_active) const {
    const bool is_stop = heard.tried.result == "done" || heard.tried.result == "canceled";
    return is_stop && is_telling(heard.tried, left_active) ? heard.tried : heard.newest;
}

// A job that has ended before the unit went down has not ended it. Of what was heard before a gap a
// stop stays in force (a newer start would be in the journal); that a start has failed does not: a
// stop may have been missed since.
bool HeardJobs::is_telling(const Job& job, core::Duration left_active) const {
    const bool is_newest = since_ && job.ended >= *since_;
    const bool is_failed_start = job.result == "failed" || job.result == "dependency";
    return job.ended >= left_active && (is_newest || !is_failed_start);
}

}  // namespace gatemend::bus
