// SPDX-License-Identifier: MIT
#include "engine/event_text.hpp"

#include "core/text.hpp"
#include "engine/context.hpp"
#include "engine/inspection_text.hpp"
#include "engine/tokens.hpp"

#include <algorithm>
#include <charconv>

namespace gatemend::engine {

namespace {

using core::Error;
using core::EventBody;
using core::Result;

Error wrong(std::string what) {
    return Error{std::move(what)};
}

Result<std::string> take_unit(Tokens& tokens) {
    const auto word = tokens.next();
    if (!word || !actions::is_unit_name(*word)) {
        return wrong("expected a unit name such as php8.2-fpm.service");
    }
    return std::string{*word};
}

const core::UnitState* known_state(const State& state, std::string_view unit) {
    const auto found = state.services.find(unit);
    return found == state.services.end() || !found->second.unit ? nullptr : &*found->second.unit;
}

// "i1", "i2" ...: a new run of a unit gets the next one.
std::string next_invocation(const std::string& invocation) {
    int number = 0;
    if (invocation.size() > 1 && invocation.front() == 'i') {
        (void)std::from_chars(invocation.data() + 1, invocation.data() + invocation.size(), number);
    }
    return "i" + std::to_string(number + 1);
}

// "done", or "done:1133" with the job's number
bool apply_ended(core::UnitState& unit, std::string_view word) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    unit.has_ended_job = true;
    unit.job_result = word.substr(0, colon);
    word.remove_prefix(std::min(colon + 1, word.size()));
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), unit.ended_job);
    return word.empty() || (error == std::errc{} && end == word.data() + word.size());
}

bool apply_word(core::UnitState& unit, std::string_view word) {
    if (word == "job") {
        unit.has_job = true;
    } else if (word == "unheard") {
        unit.has_missed_jobs = true;
    } else if (word.starts_with("ended=")) {
        return apply_ended(unit, word.substr(6));
    } else if (word == "masked") {
        unit.is_masked = true;
    } else if (word == "enabled") {
        unit.is_enabled = true;
    } else if (word == "perhaps-disabled") {
        unit.was_perhaps_disabled = true;
    } else if (word == "never") {
        unit.is_unstarted = true;
        unit.invocation_id.clear();
    } else if (word.starts_with("sub=")) {
        unit.sub = word.substr(4);
    } else if (word.starts_with("invocation=")) {
        unit.invocation_id = word.substr(11);
    } else if (word.starts_with("status=")) {
        const std::string_view digits = word.substr(7);
        (void)std::from_chars(digits.data(), digits.data() + digits.size(), unit.exec_main_status);
    } else if (const auto result = core::unit_result_from_id(word);
               result != core::UnitResult::kOther) {
        unit.result = result;
    } else {
        return false;
    }
    return true;
}

Result<EventBody> parse_unit(Tokens& tokens, const State& state) {
    GATEMEND_TRY(name, take_unit(tokens));
    const auto word = tokens.next();
    const auto active = core::active_state_from_id(word.value_or(""));
    if (!word || active == core::ActiveState::kUnknown) {
        return wrong("expected active, inactive, failed, activating, deactivating or reloading");
    }
    const core::UnitState* before = known_state(state, name);
    core::UnitState unit;
    unit.is_loaded = true;
    unit.active = active;
    unit.invocation_id = before == nullptr ? "i1" : before->invocation_id;
    const bool is_new_run = before != nullptr && core::is_down(*before) && !core::is_down(unit);
    if (is_new_run) {
        unit.invocation_id = next_invocation(before->invocation_id);
    }
    while (const auto extra = tokens.next()) {
        if (!apply_word(unit, *extra)) {
            return wrong("unknown word '" + std::string{*extra} + "' after the unit's state");
        }
    }
    constexpr int kExited = 1;
    constexpr int kKilled = 2;
    unit.exec_main_code = unit.result == core::UnitResult::kExitCode ? kExited
                          : unit.result == core::UnitResult::kSignal ? kKilled
                                                                     : 0;
    return EventBody{core::UnitSeen{std::move(name), std::move(unit)}};
}

// "backend" stands for whichever service has a probe under way.
const ServiceRecord* find_probed(const State& state, std::string_view name, std::string& unit) {
    for (const auto& [candidate, record] : state.services) {
        if (record.running_probe && (name == "backend" || name == candidate)) {
            unit = candidate;
            return &record;
        }
    }
    return nullptr;
}

template <class Number>
bool read_number(std::string_view digits, Number& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size();
}

bool apply_probe_word(core::ProbeResult& result, std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (key == "errno") {
        return read_number(value, result.error_number);
    }
    if (key == "status") {
        return read_number(value, result.status);
    }
    if (key == "tls") {
        const auto fault = core::tls_fault_from_id(value);
        result.tls = fault.value_or(core::TlsFault::kNone);
        return fault.has_value();
    }
    const auto spoken = key == "spoken" ? core::spoken_from_id(value) : std::nullopt;
    result.spoken = spoken.value_or(core::Spoken::kUnknown);
    return spoken.has_value();
}

Result<EventBody> parse_probe(Tokens& tokens, const State& state) {
    const auto name = tokens.next();
    const auto word = tokens.next();
    const auto outcome = core::probe_outcome_from_id(word.value_or(""));
    if (!name || !outcome) {
        return wrong("expected: probe UNIT OUTCOME");
    }
    core::ProbeAnswered answer;
    const ServiceRecord* record = find_probed(state, *name, answer.unit);
    const core::Service* service = state.topology.find_by_unit(answer.unit);
    if (record == nullptr || service == nullptr || service->backends.empty()) {
        return wrong("no probe of " + std::string{*name} + " is under way");
    }
    answer.probe = *record->running_probe;
    const auto incident = state.incidents.find(record->incident.value_or(0));
    const std::string moved =
        incident == state.incidents.end() ? "" : new_address(incident->second);
    answer.address = moved.empty() ? service->backends.front().address : moved;
    answer.result.outcome = *outcome;
    while (const auto extra = tokens.next()) {
        if (!apply_probe_word(answer.result, *extra)) {
            return wrong("unknown word '" + core::sanitize(*extra) + "' after the outcome");
        }
    }
    return EventBody{std::move(answer)};
}

Result<EventBody> parse_config(Tokens& tokens) {
    GATEMEND_TRY(name, take_unit(tokens));
    const auto verdict = core::config_verdict_from_id(tokens.next().value_or(""));
    if (!verdict) {
        return wrong("expected: config UNIT valid|invalid|unknown [FILE:LINE words]");
    }
    core::ConfigTested tested;
    tested.unit = std::move(name);
    tested.test.verdict = *verdict;
    if (*verdict == core::ConfigVerdict::kInvalid) {
        const std::string_view place = tokens.next().value_or("");
        const std::size_t colon = place.rfind(':');
        tested.test.file = place.substr(0, colon);
        if (colon != std::string_view::npos) {
            const std::string_view digits = place.substr(colon + 1);
            (void)std::from_chars(digits.data(), digits.data() + digits.size(), tested.test.line);
        }
    }
    tested.test.message = core::sanitize(tokens.rest());
    return EventBody{std::move(tested)};
}

bool apply_log_word(core::SymptomSeen& seen, std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (word == "untrusted") {
        seen.is_trusted = false;
    } else if (key == "source") {
        seen.source = value;
        seen.witness = core::witness_of_source(value);
    } else if (key == "clue") {
        const auto clue = core::clue_from_id(value);
        seen.clue = clue.value_or(core::Clue::kNone);
        return clue.has_value();
    } else if (key == "unit") {
        seen.unit = value;
    } else if (key == "about") {
        seen.subject = value;
    } else if (key == "errno") {
        return read_number(value, seen.error_number);
    } else if (key == "number") {
        return read_number(value, seen.number);
    } else {
        return false;
    }
    return true;
}

Result<EventBody> parse_log(Tokens& tokens) {
    const auto symptom = core::symptom_from_id(tokens.next().value_or(""));
    const auto address = tokens.next();
    if (!symptom || !address) {
        return wrong(
            "expected: log SYMPTOM ADDRESS|- [untrusted] [clue=C] [source=S] "
            "[unit=U] [about=TEXT] [errno=N] [number=N]");
    }
    core::SymptomSeen seen;
    seen.symptom = *symptom;
    seen.address = *address == "-" ? "" : *address;
    seen.source = "nginx-error";
    seen.is_trusted = true;
    while (const auto extra = tokens.next()) {
        if (!apply_log_word(seen, *extra)) {
            return wrong("unknown word '" + core::sanitize(*extra) + "' after the address");
        }
    }
    return EventBody{std::move(seen)};
}

Result<EventBody> parse_inspection(Tokens& tokens) {
    const auto name = tokens.next();
    if (!name) {
        return wrong("expected: inspect UNIT none|THING ; THING ...");
    }
    GATEMEND_TRY(inspection, parse_inspection_text(tokens.rest()));
    return EventBody{core::Inspected{std::string{*name}, std::move(inspection)}};
}

// filter UNIT [the rule's words]
Result<EventBody> parse_filter(Tokens& tokens) {
    const auto name = tokens.next();
    if (!name) {
        return wrong("expected: filter UNIT [RULE]");
    }
    return EventBody{core::FilterRead{std::string{*name}, "", core::sanitize(tokens.rest())}};
}

// resolved UNIT [ADDRESS ...]
Result<EventBody> parse_resolved(Tokens& tokens) {
    core::NameResolved resolved;
    resolved.unit = tokens.next().value_or("");
    while (const auto address = tokens.next()) {
        resolved.addresses.emplace_back(*address);
    }
    return EventBody{std::move(resolved)};
}

// apps UNIT [NAME=STATUS ...]
Result<EventBody> parse_apps(Tokens& tokens) {
    GATEMEND_TRY(name, take_unit(tokens));
    core::AppsListed listed;
    listed.unit = std::move(name);
    while (const auto word = tokens.next()) {
        const std::size_t equals = word->find('=');
        if (equals == std::string_view::npos || listed.apps.size() == core::kMaxPm2Apps) {
            return wrong("expected: apps UNIT [NAME=online|errored|stopped ...]");
        }
        listed.apps.push_back({.name = core::sanitize(word->substr(0, equals)),
                               .status = core::pm2_status_from_id(word->substr(equals + 1))});
    }
    return EventBody{std::move(listed)};
}

Result<EventBody> parse_logs_read(Tokens& tokens) {
    return EventBody{core::LogsRead{std::string{tokens.next().value_or("")}}};
}

// journal UNIT [words]: the unit's last words have been read
Result<EventBody> parse_journal(Tokens& tokens) {
    const auto name = tokens.next();
    if (!name) {
        return wrong("expected: journal UNIT [words]");
    }
    core::JournalRead read{std::string{*name}, "", {}};
    if (const std::string line = core::sanitize(tokens.rest()); !line.empty()) {
        read.lines.push_back(line);
    }
    return EventBody{std::move(read)};
}

// What systemd has written about a unit's jobs, up to now or ("late") not yet.
Result<EventBody> parse_jobs(Tokens& tokens) {
    GATEMEND_TRY(name, take_unit(tokens));
    const std::string_view word = tokens.next().value_or("");
    if (word == "unreadable") {
        return EventBody{core::JobsRead{std::move(name), std::nullopt}};
    }
    core::LastJob job;
    bool is_known = false;
    for (const core::JobType type : {core::JobType::kNone,
                                     core::JobType::kStart,
                                     core::JobType::kStop,
                                     core::JobType::kRestart}) {
        if (core::job_type_id(type) == word) {
            job.type = type;
            is_known = true;
        }
    }
    std::string_view number = tokens.next().value_or("0");
    job.told = number == "late" ? core::TimePoint{} : core::TimePoint::max();
    number = number == "late" ? "0" : number;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), job.id);
    if (!is_known || error != std::errc{} || end != number.data() + number.size()) {
        return wrong("expected: jobs UNIT unreadable|none|start|stop|restart [N|late]");
    }
    return EventBody{core::JobsRead{std::move(name), job}};
}

Result<core::ServiceRole> role_of(std::string_view word) {
    using core::ServiceRole;
    const auto role = core::service_role_from_id(word);
    if (!role || *role == ServiceRole::kUnowned) {
        return wrong("expected php-fpm, nginx or other");
    }
    return *role;
}

// "unix:/run/x.sock" (FastCGI), "http://127.0.0.1:3000" or "http://app.lan:3000@127.0.0.1:3000"
core::Backend backend_of(std::string_view text) {
    core::Backend backend;
    const std::size_t mark = text.find("://");
    if (mark != std::string_view::npos) {
        backend.scheme = core::scheme_from_id(text.substr(0, mark)).value_or(core::Scheme::kHttp);
        text.remove_prefix(mark + 3);
    }
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos) {
        backend.host = text.substr(0, at);
        text.remove_prefix(at + 1);
    }
    backend.address = text;
    backend.longest_wait.value = "60s";
    return backend;
}

// What the configurations say of all the service's backends so far; "wait=" alone: it is not known.
bool apply_topology_word(core::Service& service, std::string_view word) {
    const std::size_t equals = std::min(word.find('='), word.size() - 1);
    const std::string_view key = word.substr(0, equals);
    if (key != "wait" && key != "children") {
        return false;
    }
    for (core::Backend& backend : service.backends) {
        core::ConfigLine& line = key == "wait" ? backend.longest_wait : backend.fpm.max_children;
        line.value = word.substr(equals + 1);
        backend.pool = key == "wait" ? backend.pool : "www";
    }
    return true;
}

// "pool UNIT NAME ADDRESS [USER]"
bool read_pool(Tokens& tokens, core::Topology& topology) {
    core::Pool pool;
    pool.unit = tokens.next().value_or("");
    pool.name = tokens.next().value_or("");
    pool.address = tokens.next().value_or("");
    pool.user = tokens.next().value_or("");
    topology.pools.push_back(pool);
    return actions::is_unit_name(pool.unit) && !pool.address.empty();
}

// "seen ADDRESS UNIT [beside] [pool=NAME] [user=NAME]"
bool read_seen(Tokens& tokens, core::Topology& topology) {
    core::Seen seen;
    seen.address = tokens.next().value_or("");
    seen.unit = tokens.next().value_or("");
    while (const auto word = tokens.next()) {
        if (*word == "beside") {
            seen.is_beside = true;
        } else if (word->starts_with("pool=")) {
            seen.pool = word->substr(5);
        } else if (word->starts_with("user=")) {
            seen.user = word->substr(5);
        } else {
            return false;
        }
    }
    const bool is_whole = actions::is_unit_name(seen.unit);
    std::erase_if(topology.seen, [&](const auto& known) { return known.address == seen.address; });
    topology.seen.push_back(std::move(seen));
    std::ranges::sort(topology.seen, {}, &core::Seen::address);
    return is_whole;
}

// Adds one service, one backend without a unit, or what is known of addresses, to the topology so
// far.
Result<EventBody> parse_topology(Tokens& tokens, const State& state) {
    if (Tokens ahead = tokens; ahead.next() == "unowned") {
        core::Topology topology = state.topology;
        topology.unowned.push_back(backend_of(ahead.next().value_or("")));
        return EventBody{core::TopologyLearnt{std::move(topology)}};
    }
    if (Tokens ahead = tokens; ahead.next() == "pool") {
        core::Topology topology = state.topology;
        return read_pool(ahead, topology)
                   ? Result<EventBody>{core::TopologyLearnt{std::move(topology)}}
                   : wrong("expected: topology pool UNIT NAME ADDRESS [USER]");
    }
    if (Tokens ahead = tokens; ahead.next() == "seen") {
        core::Topology topology = state.topology;
        return read_seen(ahead, topology)
                   ? Result<EventBody>{core::TopologyLearnt{std::move(topology)}}
                   : wrong("expected: topology seen ADDRESS UNIT [beside] [pool=P] [user=U]");
    }
    if (Tokens ahead = tokens; ahead.next() == "gone") {
        core::Topology topology = state.topology;
        const std::string_view name = ahead.next().value_or("");
        std::erase_if(topology.services, [name](const auto& known) { return known.unit == name; });
        std::erase_if(topology.unowned, [name](const auto& backend) {
            return name == core::unowned_service(backend).unit;
        });
        return EventBody{core::TopologyLearnt{std::move(topology)}};
    }
    core::Service service;
    GATEMEND_TRY(name, take_unit(tokens));
    GATEMEND_TRY(role, role_of(tokens.next().value_or("")));
    service.unit = std::move(name);
    service.role = role;
    while (const auto word = tokens.next()) {
        if (!apply_topology_word(service, *word)) {
            service.backends.push_back(backend_of(*word));
        }
    }
    core::Topology topology = state.topology;
    std::erase_if(topology.services, [&](const auto& known) { return known.unit == service.unit; });
    topology.services.push_back(std::move(service));
    return EventBody{core::TopologyLearnt{std::move(topology)}};
}

// "[KIND: words]": what the executor names as the hold
void take_hold(Tokens& tokens, core::ActAnswered& answer) {
    const std::string_view rest = tokens.rest();
    answer.hold = core::hold_kind_from_id(rest.substr(0, rest.find(':')));
    if (answer.hold) {
        (void)tokens.next();
    }
}

Result<EventBody> parse_act(Tokens& tokens, const State& state) {
    if (!state.acting) {
        return wrong("no act is under way");
    }
    core::ActAnswered answer;
    answer.incident = *state.acting;
    const std::string_view word = tokens.next().value_or("");
    if (word == "refused" || word == "lost") {
        answer.reply = word == "refused" ? core::ActReply::kRefused : core::ActReply::kLost;
        take_hold(tokens, answer);
    } else if (word == "done") {
        answer.reply = core::ActReply::kDone;
        const std::string_view number = tokens.next().value_or("");
        (void)std::from_chars(number.data(), number.data() + number.size(), answer.attempt);
        const auto outcome = core::act_outcome_from_id(tokens.next().value_or(""));
        if (!outcome || answer.attempt == 0) {
            return wrong("expected: act done ATTEMPT succeeded|failed [words]");
        }
        answer.outcome = *outcome;
    } else {
        return wrong("expected: act done|refused|lost");
    }
    answer.detail = core::sanitize(tokens.rest());
    return EventBody{std::move(answer)};
}

// The newest plan that was asked for.
const Proposal* find_proposal(const State& state, std::uint64_t& incident) {
    const Proposal* newest = nullptr;
    for (const auto& [id, candidate] : state.incidents) {
        for (const Proposal& proposal : candidate.proposals) {
            if (newest == nullptr || proposal.id > newest->id) {
                newest = &proposal;
                incident = id;
            }
        }
    }
    return newest;
}

// proposed DIGEST|- words of the preview
Result<EventBody> parse_proposed(Tokens& tokens, const State& state) {
    core::ActProposed proposed;
    const Proposal* proposal = find_proposal(state, proposed.incident);
    const auto digest = tokens.next();
    if (proposal == nullptr || !digest) {
        return wrong(proposal == nullptr ? "no plan was asked for"
                                         : "expected: proposed DIGEST|- words");
    }
    proposed.proposal = proposal->id;
    proposed.digest = *digest == "-" ? "" : *digest;
    proposed.preview = core::sanitize(tokens.rest());
    return EventBody{std::move(proposed)};
}

// approve: a person says yes to what was proposed last
Result<EventBody> parse_approval(const State& state) {
    std::uint64_t incident = 0;
    const Proposal* proposal = find_proposal(state, incident);
    if (proposal == nullptr || proposal->digest.empty()) {
        return wrong("no plan was proposed");
    }
    core::LedgerLearnt learnt{state.ledger};
    learnt.ledger.approvals.push_back(
        core::Approval{proposal->digest, core::TimePoint::max(), "root"});
    return EventBody{std::move(learnt)};
}

// undone ATTEMPT [words]: the executor has undone it
Result<EventBody> parse_undone(Tokens& tokens, const State& state) {
    core::LedgerLearnt learnt{state.ledger};
    std::uint64_t number = 0;
    const bool is_number = read_number(tokens.next().value_or(""), number);
    const auto attempt = std::find_if(learnt.ledger.attempts.begin(),
                                      learnt.ledger.attempts.end(),
                                      [number](const auto& item) { return item.id == number; });
    if (!is_number || attempt == learnt.ledger.attempts.end()) {
        return wrong("expected: undone ATTEMPT, one that was done");
    }
    attempt->undo = core::UndoState::kUndone;
    return EventBody{std::move(learnt)};
}

// attempt ID INCIDENT RULE ACT UNIT OUTCOME [NAME=VALUE ...]: new, or what became of it
Result<core::Attempt> parse_attempt(Tokens& tokens) {
    core::Attempt attempt;
    const bool is_numbered = read_number(tokens.next().value_or(""), attempt.id) &&
                             read_number(tokens.next().value_or(""), attempt.incident);
    attempt.rule = tokens.next().value_or("");
    attempt.act = tokens.next().value_or("");
    GATEMEND_TRY(unit, take_unit(tokens));
    const auto outcome = core::act_outcome_from_id(tokens.next().value_or(""));
    if (!is_numbered || !actions::act_from_name(attempt.act) || !outcome) {
        return wrong("expected: attempt ID INCIDENT RULE ACT UNIT OUTCOME [NAME=VALUE ...]");
    }
    attempt.unit = std::move(unit);
    attempt.outcome = *outcome;
    while (const auto word = tokens.next()) {
        const std::size_t equals = std::min(word->find('='), word->size() - 1);
        attempt.parameters[std::string{word->substr(0, equals)}] = word->substr(equals + 1);
    }
    return attempt;
}

void replace_attempt(core::Ledger& ledger, core::Attempt attempt) {
    std::erase_if(ledger.attempts,
                  [&attempt](const core::Attempt& item) { return item.id == attempt.id; });
    ledger.attempts.push_back(std::move(attempt));
}

// restored INCIDENT UNIT [stopped]: from before a restart of the agent
Result<EventBody> parse_restored(Tokens& tokens) {
    core::IncidentRestored restored;
    const bool is_numbered = read_number(tokens.next().value_or(""), restored.incident);
    restored.unit = tokens.next().value_or("");
    if (!is_numbered || restored.unit.empty()) {
        return wrong("expected: restored INCIDENT UNIT [stopped]");
    }
    if (tokens.next().value_or("") == "stopped") {
        restored.stopped = core::TimePoint::max();
    }
    return EventBody{std::move(restored)};
}

// ledger empty | ledger attempt ... | ledger latched UNIT words | ledger lifted UNIT |
// ledger rearmed UNIT |
// ledger paused UNTIL words | ledger approved DIGEST
Result<EventBody> parse_ledger(Tokens& tokens, const State& state) {
    core::LedgerLearnt learnt{state.ledger};
    const std::string_view word = tokens.next().value_or("");
    if (word == "empty") {
        learnt.ledger = core::Ledger{};
    } else if (word == "attempt") {
        GATEMEND_TRY(attempt, parse_attempt(tokens));
        replace_attempt(learnt.ledger, std::move(attempt));
    } else if (word == "latched") {
        GATEMEND_TRY(unit, take_unit(tokens));
        learnt.ledger.latches.push_back(core::Latch{unit, {}, core::sanitize(tokens.rest())});
    } else if (word == "lifted") {
        GATEMEND_TRY(unit, take_unit(tokens));
        learnt.ledger.forgiven.emplace_back(unit, core::TimePoint::max());
    } else if (word == "rearmed") {
        GATEMEND_TRY(unit, take_unit(tokens));
        std::erase_if(learnt.ledger.latches,
                      [&unit](const core::Latch& latch) { return latch.unit == unit; });
        for (core::Attempt& attempt : learnt.ledger.attempts) {
            attempt.is_uncounted = attempt.is_uncounted || attempt.unit == unit;
        }
    } else if (word == "paused") {
        const auto until = core::parse_time(tokens.next().value_or(""));
        if (!until) {
            return wrong("expected: ledger paused TIME words");
        }
        learnt.ledger.pause = core::Pause{*until, core::sanitize(tokens.rest()), "root"};
    } else if (word == "approved") {
        const std::string_view digest = tokens.next().value_or("");
        if (digest.empty()) {
            return wrong("expected: ledger approved DIGEST");
        }
        learnt.ledger.approvals.push_back(
            core::Approval{std::string{digest}, core::TimePoint::max(), "root"});
    } else {
        return wrong("expected: ledger empty|attempt|latched|lifted|rearmed|paused|approved");
    }
    return EventBody{std::move(learnt)};
}

std::string quoted(const std::string& text) {
    return text.empty() ? "" : " \"" + text + "\"";
}

std::string holds_text(const std::vector<core::Hold>& holds) {
    std::string text;
    for (const core::Hold& hold : holds) {
        text += text.empty() ? " holds=" : ",";
        text += core::hold_kind_id(hold.kind);
    }
    return text;
}

struct EffectText {
    std::string operator()(const StartProbe& effect) const {
        return "probe " + effect.unit + " " + std::string{core::probe_kind_id(effect.kind)} + " " +
               effect.address;
    }

    std::string operator()(const TestConfig& effect) const { return "test-config " + effect.unit; }

    std::string operator()(const ReadJournal& effect) const {
        return "read-journal " + effect.unit;
    }

    std::string operator()(const ReadJobs& effect) const { return "read-jobs " + effect.unit; }

    std::string operator()(const ReadLogs& effect) const { return "read-logs " + effect.unit; }

    std::string operator()(const Inspect& effect) const {
        return "inspect " + effect.unit + " " + effect.address;
    }

    std::string operator()(const ReadFilter& effect) const {
        return "read-filter " + effect.unit + " " + effect.address;
    }

    std::string operator()(const ResolveName& effect) const {
        return "resolve " + effect.unit + " " + effect.host;
    }

    std::string operator()(const ReadApps& effect) const { return "list-apps " + effect.unit; }

    std::string operator()(const RequestAct& effect) const {
        const actions::Plan& plan = effect.plan;
        return "act " + actions::describe(plan) + " rule=" + plan.rule +
               " cause=" + std::string{core::cause_id(plan.cause)} +
               " within=" + core::format_duration(plan.deadline);
    }

    std::string operator()(const ProposeAct& effect) const {
        return "propose " + actions::describe(effect.plan) + " rule=" + effect.plan.rule;
    }

    std::string operator()(const UndoAct& effect) const {
        return "undo " + std::to_string(effect.attempt);
    }

    std::string operator()(const LatchBreaker& effect) const {
        return "latch " + effect.unit + " rule=" + effect.rule;
    }

    std::string operator()(const ConfirmAct& effect) const {
        return "confirm " + std::to_string(effect.attempt) + " " +
               std::string{core::act_verdict_id(effect.verdict)} + quoted(effect.detail);
    }

    std::string operator()(const SetTimer& effect) const {
        return "timer " + core::format_time(effect.at);
    }

    std::string operator()(const Record& effect) const {
        std::string text{record_kind_id(effect.kind)};
        text += effect.incident == 0 ? "" : " #" + std::to_string(effect.incident);
        text += " " + effect.unit;
        text += effect.cause.empty() || effect.cause == "unknown" ? "" : " cause=" + effect.cause;
        text += effect.decision.empty() ? "" : " decision=" + effect.decision;
        text += effect.rule.empty() ? "" : " rule=" + effect.rule;
        return text + holds_text(effect.holds) + quoted(effect.text);
    }
};

}  // namespace

core::Result<core::EventBody> parse_event(std::string_view line, const State& state) {
    Tokens tokens{line};
    const std::string_view word = tokens.next().value_or("");
    if (word == "unit") {
        return parse_unit(tokens, state);
    }
    if (word == "probe") {
        return parse_probe(tokens, state);
    }
    if (word == "config") {
        return parse_config(tokens);
    }
    if (word == "log") {
        return parse_log(tokens);
    }
    if (word == "inspect") {
        return parse_inspection(tokens);
    }
    if (word == "filter") {
        return parse_filter(tokens);
    }
    if (word == "resolved") {
        return parse_resolved(tokens);
    }
    if (word == "apps") {
        return parse_apps(tokens);
    }
    if (word == "logs-read") {
        return parse_logs_read(tokens);
    }
    if (word == "journal") {
        return parse_journal(tokens);
    }
    if (word == "jobs") {
        return parse_jobs(tokens);
    }
    if (word == "topology") {
        return parse_topology(tokens, state);
    }
    if (word == "act") {
        return parse_act(tokens, state);
    }
    if (word == "proposed") {
        return parse_proposed(tokens, state);
    }
    if (word == "approve") {
        return parse_approval(state);
    }
    if (word == "undone") {
        return parse_undone(tokens, state);
    }
    if (word == "ledger" || word == "restored") {
        return word == "ledger" ? parse_ledger(tokens, state) : parse_restored(tokens);
    }
    if (word == "tick") {
        return EventBody{core::TimerFired{0}};  // no such timer: only the time moves on
    }
    return wrong("unknown event '" + core::sanitize(word) +
                 "'; expected unit, probe, config, log, inspect, filter, journal, logs-read, "
                 "resolved, apps, topology, act, "
                 "proposed, approve, undone, ledger, restored or tick");
}

std::string describe(const Effect& effect) {
    return std::visit(EffectText{}, effect);
}

}  // namespace gatemend::engine
