// SPDX-License-Identifier: MIT
// nginx connects, and the answer does not come, or comes too late: stopped processes, a full queue,
// dying workers, slow work.
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"
#include "diagnosis/objections.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

bool is_queue_full(const core::Listener* listener) {
    return listener != nullptr && listener->backlog > 0 && listener->queue >= listener->backlog;
}

std::string queue_words(const core::Listener& listener) {
    return std::to_string(listener.queue) + " connections wait at " + listener.address +
           ", its backlog is " + std::to_string(listener.backlog);
}

// Nobody takes the next connection: the pool says so itself, or somebody waits for it.
bool is_everybody_busy(const Findings& findings) {
    const core::Listener* listener = find_own_listener(findings);
    return find_clue(findings, {core::Clue::kMaxChildren}) != nullptr ||
           (listener != nullptr && listener->queue > 0);
}

bool is_fatal_signal(int number) {
    return number == core::kSignalSegv || number == core::kSignalBus ||
           number == core::kSignalAbort || number == core::kSignalIll ||
           number == core::kSignalFpe || number == core::kSignalKill;
}

// The newest since the unit's last change: what ended an earlier run, or was ended by its restart,
// says nothing of this one. And systemd's own records are about main processes.
const Sighting* find_worker_signal(const Findings& findings) {
    const Sighting* newest = nullptr;
    for (const Sighting& item : findings.sightings) {
        const bool is_of_this_run = item.witness != core::Witness::kJournal &&
                                    (!findings.unit || item.last >= findings.unit_time);
        if (item.clue == core::Clue::kWorkerSignal && is_of_this_run &&
            (newest == nullptr || newest->last < item.last)) {
            newest = &item;
        }
    }
    return newest;
}

bool is_unanswered(const Findings& findings) {
    return findings.probe && core::is_slow(findings.probe->outcome);
}

// What the looks at the processes say, as evidence; nothing where there were none.
void add_work(CaseFile& file, const Findings& findings, bool supports) {
    if (const std::string words = work_words(findings); !words.empty()) {
        file.inspection(words, supports);
    }
}

// " to 120s"
std::string value_words(const std::vector<Suggestion>& suggestions) {
    return suggestions.empty() || suggestions.front().settings.empty()
               ? std::string{}
               : " to " + suggestions.front().settings.front().value;
}

std::string capacity_advice(const Findings& findings, const std::vector<Suggestion>& suggestions) {
    const std::string now = config_words("pm.max_children", findings.backend.fpm.max_children);
    const std::string known = now.empty() ? "" : now + ". ";
    if (suggestions.empty() || suggestions.front().settings.empty()) {
        return known +
               "Raise pm.max_children only as far as memory allows: the peak of one worker "
               "times their number must fit" +
               (suggestions.empty() ? "." : " (" + suggestions.front().text + ").");
    }
    return known + suggestions.front().text;
}

}  // namespace

// Hung is measured, never inferred from a probe without an answer: a busy pool answers no probe
// either, and a restart would cost everybody in it. The rule: no process of the unit has run, read,
// written, come or gone, and nobody has taken a connection out of an accept queue, while visitors
// wait at every backend of the unit, for twice the longest that nginx (in any location that leads
// there) or the pool itself lets anybody wait. A worker that waits for its database looks just the
// same. But then every visitor it could have served has long been turned away by nginx, and so has
// whoever came while those still waited; only who came later could be lost, behind work that has
// not moved all that time. Where the longest wait is not known, or too long, nothing is called
// hung. Processes that are all stopped, seen twice, serve nobody whatever anybody waits.
std::optional<Diagnosis> judge_hung(const Findings& findings) {
    if (!is_unit_up(findings) || !is_unanswered(findings) || !is_hung_for_certain(findings)) {
        return std::nullopt;
    }
    const bool is_stopped = is_stopped_for_certain(findings);
    CaseFile file(core::Cause::kBackendHung, findings);
    file.unit_up().probe_bad().sightings({core::Symptom::kResponseTimeout,
                                          core::Symptom::kConnectTimeout,
                                          core::Symptom::kBackendSaturated});
    if (is_stopped) {
        file.inspection("all processes of " + findings.unit_name +
                        " are stopped (state T), seen twice");
    } else {
        add_work(file, findings, true);
    }
    return file.close(
        findings.unit_name + " accepts connections on " + findings.backend.address +
            " but answers nobody" +
            (is_stopped ? std::string{": its processes are stopped."}
                        : ": nothing has moved for longer than anybody waits."),
        "`systemctl restart " + findings.unit_name +
            "` ends it. Before that, `cat /proc/PID/stack` and `gdb -p` show where it hangs" +
            (is_stopped ? "; or `kill -CONT` the processes if somebody stopped them for a reason."
                        : "."));
}

std::optional<Diagnosis> judge_saturated(const Findings& findings) {
    const core::Listener* listener = find_own_listener(findings);
    const bool is_full = is_queue_full(listener);
    const bool is_log_only =
        !findings.probe && find_symptom(findings, {core::Symptom::kBackendSaturated}) != nullptr;
    const bool is_turned_away =
        find_symptom(findings, {core::Symptom::kBackendSaturated}) != nullptr &&
        !is_probe_good(findings);
    const bool is_waited_for = is_unanswered(findings) && is_everybody_busy(findings);
    if (!is_unit_up(findings) ||
        (!is_full && !has_outcome(findings, {core::ProbeOutcome::kSaturated}) && !is_log_only &&
         !is_turned_away && !is_waited_for)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kPoolSaturated, findings);
    file.unit_up().probe_bad().sightings(
        {core::Symptom::kBackendSaturated, core::Symptom::kConnectTimeout},
        {core::Clue::kMaxChildren, core::Clue::kListenQueueFull});
    if (listener != nullptr) {
        file.inspection(queue_words(*listener), listener->queue > 0);
    }
    add_work(file, findings, true);
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kPoolSaturated);
    file.remedy(suggestions);
    const std::string pool =
        findings.backend.pool.empty() ? "" : " (pool " + findings.backend.pool + ")";
    return file.close(
        "All workers behind " + describe(findings.backend) + pool +
            (is_full ? " are busy and the accept queue is full; nginx is turned away at "
                       "once."
                     : " are busy; visitors wait in the accept queue or are turned away."),
        capacity_advice(findings, suggestions) +
            " If the workers wait for something slow, find that first (slowlog): "
            "more workers would only move the queue. A restart loses every request "
            "in it.");
}

std::optional<Diagnosis> judge_worker_crash(const Findings& findings) {
    const Sighting* sighting = find_worker_signal(findings);
    if (sighting == nullptr || !is_fatal_signal(sighting->number) || is_unit_down(findings)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kWorkerCrash, findings);
    file.sightings({core::Symptom::kClosedEarly}, {core::Clue::kWorkerSignal}).unit_up();
    const std::string who = sighting->subject.shown().in_sentence(" of ");
    return file.close("Workers" + who + " end on " + core::signal_words(sighting->number) +
                          " while they serve requests; each such request is a 502.",
                      sighting->number == core::kSignalKill
                          ? std::string{"Something killed them: look for an out-of-memory record "
                                        "(`journalctl -k`) or a person."}
                          : std::string{"`coredumpctl list` and the script of the request lead to "
                                        "the crashing extension or opcache setting."});
}

std::optional<Diagnosis> judge_slow(const Findings& findings) {
    const bool is_seen = find_symptom(findings, {core::Symptom::kResponseTimeout}) != nullptr;
    const bool is_timeout = has_outcome(findings, {core::ProbeOutcome::kResponseTimeout});
    if (is_unit_down(findings) || (!is_seen && !is_timeout)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kSlowBackend, findings);
    file.unit_up().sightings(
        {core::Symptom::kResponseTimeout},
        {core::Clue::kSlowRequest, core::Clue::kWorkerTimeout, core::Clue::kMaxChildren});
    if (is_timeout) {
        file.probe_bad();
    } else {
        file.probe_good();
    }
    if (const core::Listener* listener = find_own_listener(findings)) {
        file.inspection(queue_words(*listener));
    }
    add_work(file, findings, true);
    const std::string prefix = directive_prefix(findings.backend);
    const std::string now = config_words(prefix + "_read_timeout", findings.backend.read_timeout);
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kSlowBackend);
    file.remedy(suggestions);
    return file.close("Some requests to " + describe(findings.backend) +
                          " take longer than nginx waits; " +
                          (now.empty() ? prefix + "_read_timeout is 60s by default" : now) + ".",
                      "Find what is slow: request_slowlog_timeout and slowlog of the pool, the "
                      "database's slow-query log. Raising " +
                          prefix + "_read_timeout in that location" + value_words(suggestions) +
                          " is a stopgap.");
}

}  // namespace gatemend::diagnosis
