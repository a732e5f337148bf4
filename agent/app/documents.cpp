// SPDX-License-Identifier: MIT
#include "app/documents.hpp"

#include "app/candidates.hpp"
#include "policies/budget.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace gatemend::app {

namespace {

std::string text_of(std::string_view view) {
    return std::string(view);
}

Json time_or_null(const std::optional<core::TimePoint>& time) {
    return time ? Json(core::format_time(*time)) : Json(nullptr);
}

Json evidence_list(const std::vector<core::Evidence>& evidence) {
    Json list = Json::array();
    std::size_t number = 0;
    for (const core::Evidence& item : evidence) {
        list.push_back({{"id", "e" + std::to_string(++number)},
                        {"witness", text_of(core::witness_id(item.witness))},
                        {"time", core::format_time(item.time)},
                        {"text", item.text},
                        {"supports", item.supports}});
    }
    return list;
}

Json alternative_list(const std::vector<diagnosis::Alternative>& alternatives) {
    Json list = Json::array();
    for (const diagnosis::Alternative& item : alternatives) {
        list.push_back({{"cause", text_of(core::cause_id(item.cause))},
                        {"confidence_permille", item.confidence_permille}});
    }
    return list;
}

Json hold_list(const std::vector<core::Hold>& holds) {
    Json list = Json::array();
    for (const core::Hold& hold : holds) {
        list.push_back({{"kind", text_of(core::hold_kind_id(hold.kind))},
                        {"owner", hold.owner},
                        {"text", hold.text},
                        {"until", time_or_null(hold.until)}});
    }
    return list;
}

Json decision_object(const policy::Decision& decision) {
    return {{"kind", text_of(policy::decision_kind_id(decision.kind))},
            {"rule", decision.rule},
            {"act", decision.step ? text_of(actions::spec(decision.step->act).name) : ""},
            {"target", decision.target},
            {"reason", decision.reason},
            {"holds", hold_list(decision.holds)},
            {"retry_at", time_or_null(decision.retry_at)}};
}

Json parameter_object(const actions::Parameters& parameters) {
    Json object = Json::object();
    for (const auto& [name, value] : parameters) {
        object[name] = value;
    }
    return object;
}

// Of a restoring for which there is nothing to restore: nobody can ever approve it.
bool is_void(const engine::Proposal& item) {
    return item.digest.empty() && item.plan.act == actions::ActId::kRestoreConfig &&
           item.preview.find("no kept version") != std::string::npos;
}

std::string advice_of(const engine::Incident& incident) {
    const auto found = std::find_if(incident.proposals.begin(), incident.proposals.end(), is_void);
    if (found == incident.proposals.end()) {
        return engine::told_diagnosis(incident).advice;
    }
    const auto file = found->plan.parameters.find("file");
    const std::string name = file == found->plan.parameters.end() ? "the file" : file->second;
    return engine::told_diagnosis(incident).advice +
           (incident.diagnosis.advice.empty() ? "" : " ") + "No version of " + name +
           " is kept that has passed the test. Where the file is new since " + found->plan.unit +
           " last worked, move it away.";
}

Json proposal_list(const std::vector<engine::Proposal>& proposals) {
    Json list = Json::array();
    std::size_t number = 0;
    for (const engine::Proposal& item : proposals) {
        ++number;
        if (is_void(item)) {
            continue;
        }
        list.push_back({{"number", number},
                        {"digest", item.digest},
                        {"act", text_of(actions::spec(item.plan.act).name)},
                        {"unit", item.plan.unit},
                        {"rule", item.plan.rule},
                        {"suggested", item.is_offer},
                        {"parameters", parameter_object(item.plan.parameters)},
                        {"preview", item.preview}});
    }
    return list;
}

Json candidate_list(const std::vector<Candidate>& candidates) {
    Json list = Json::array();
    for (const Candidate& item : candidates) {
        list.push_back({{"rule", item.rule},
                        {"act", item.act},
                        {"unit", item.unit},
                        {"holds", hold_list(item.holds)},
                        {"text", item.text}});
    }
    return list;
}

// What the record knows of the incident's acts.
Json act_list(const engine::State& state, const engine::Incident& incident) {
    Json list = Json::array();
    for (const core::Attempt& item : state.ledger.attempts) {
        const bool is_ours =
            std::find(incident.attempts.begin(), incident.attempts.end(), item.id) !=
            incident.attempts.end();
        if (!is_ours) {
            continue;
        }
        const bool is_timed = item.undo_by > core::TimePoint{};
        list.push_back({{"attempt", item.id},
                        {"time", core::format_time(item.time)},
                        {"act", item.act},
                        {"unit", item.unit},
                        {"rule", item.rule},
                        {"outcome", text_of(core::act_outcome_id(item.outcome))},
                        {"verdict", text_of(core::act_verdict_id(item.verdict))},
                        {"undo", text_of(core::undo_state_id(item.undo))},
                        {"undo_by", is_timed ? Json(core::format_time(item.undo_by)) : Json()}});
    }
    return list;
}

// What a person can take in; `gatemend incidents` has all of them.
constexpr std::ptrdiff_t kMaxAttention = 20;

Json attention_entry(const engine::Incident& incident, const char* kind) {
    return Json{{"incident", incident.id},
                {"unit", incident.unit},
                {"kind", kind},
                {"text", incident.text}};
}

// Its incident may be over long since.
Json undo_attention(const core::Attempt& attempt) {
    return Json{{"incident", attempt.incident},
                {"attempt", attempt.id},
                {"unit", attempt.unit},
                {"kind", "undo-failed"},
                {"text", attempt.act + " could not be undone, a person has to look"}};
}

// What waits for a person: what could not be undone, where gatemend gave up, what could be
// approved.
Json attention_list(const engine::State& state) {
    Json not_undone = Json::array();
    for (const core::Attempt& attempt : state.ledger.attempts) {
        if (attempt.undo == core::UndoState::kUndoFailed) {
            not_undone.push_back(undo_attention(attempt));
        }
    }
    Json given_up = Json::array();
    Json asked = Json::array();
    for (const auto& [id, incident] : state.incidents) {
        if (incident.phase == engine::Phase::kClosed) {
            continue;
        }
        const bool can_approve = std::any_of(incident.proposals.begin(),
                                             incident.proposals.end(),
                                             [](const auto& item) { return !item.digest.empty(); });
        if (incident.is_escalated) {
            given_up.push_back(attention_entry(incident, "gave-up"));
        }
        if (can_approve) {
            asked.push_back(attention_entry(incident, "approval"));
        }
    }
    not_undone.insert(not_undone.end(), given_up.begin(), given_up.end());
    not_undone.insert(not_undone.end(), asked.begin(), asked.end());
    if (not_undone.size() > static_cast<std::size_t>(kMaxAttention)) {
        const std::size_t more = not_undone.size() - static_cast<std::size_t>(kMaxAttention);
        not_undone.erase(not_undone.begin() + kMaxAttention, not_undone.end());
        not_undone.push_back(Json{{"incident", 0},
                                  {"unit", ""},
                                  {"kind", "more"},
                                  {"text", "and " + std::to_string(more) + " more"}});
    }
    return not_undone;
}

Json unit_object(const engine::ServiceRecord* record) {
    if (record == nullptr || !record->unit) {
        return nullptr;
    }
    const core::UnitState& unit = *record->unit;
    return {{"active", text_of(core::active_state_id(unit.active))},
            {"sub", unit.sub},
            {"result", text_of(core::unit_result_id(unit.result))},
            {"invocation", unit.invocation_id},
            {"masked", unit.is_masked},
            {"text", core::describe(unit)}};
}

Json test_object(const engine::ServiceRecord* record) {
    if (record == nullptr || !record->test) {
        return nullptr;
    }
    const core::ConfigTest& test = *record->test;
    return {{"verdict", text_of(core::config_verdict_id(test.verdict))},
            {"file", test.file},
            {"line", test.line},
            {"message", test.message}};
}

Json probe_object(const engine::ServiceRecord* record) {
    if (record == nullptr || !record->probe) {
        return nullptr;
    }
    const core::ProbeResult& probe = *record->probe;
    return {{"address", record->probe_address},
            {"outcome", text_of(core::probe_outcome_id(probe.outcome))},
            {"errno", probe.error_number},
            {"elapsed_us", probe.elapsed_us},
            {"time", core::format_time(record->probe_time)}};
}

Json backend_list(const std::vector<core::Backend>& backends) {
    Json list = Json::array();
    for (const core::Backend& backend : backends) {
        list.push_back({{"address", backend.address},
                        {"scheme", text_of(core::scheme_id(backend.scheme))},
                        {"host", backend.host},
                        {"pool", backend.pool},
                        {"where", backend.where}});
    }
    return list;
}

Json log_list(const std::vector<LogStatus>& logs) {
    Json list = Json::array();
    for (const LogStatus& log : logs) {
        list.push_back({{"path", log.path},
                        {"lines", log.counters.lines},
                        {"bytes", log.counters.bytes},
                        {"skipped", log.counters.skipped},
                        {"gaps", log.counters.gaps},
                        {"rotations", log.counters.rotations},
                        {"problem", log.problem}});
    }
    return list;
}

Json latch_list(const core::Ledger& ledger) {
    Json list = Json::array();
    for (const core::Latch& latch : ledger.latches) {
        list.push_back({{"unit", latch.unit},
                        {"since", core::format_time(latch.since)},
                        {"reason", policy::with_clear_words(latch.reason, latch.unit)},
                        {"rule", latch.rule},
                        {"class", latch.act_class}});
    }
    return list;
}

Json pause_object(const core::Ledger& ledger) {
    if (!ledger.pause) {
        return nullptr;
    }
    return {{"until", core::format_time(ledger.pause->until)},
            {"reason", ledger.pause->reason},
            {"by", ledger.pause->by}};
}

Json counters_object(const engine::Counters& counters, std::uint64_t dropped) {
    return {{"symptoms", counters.symptoms},
            {"symptoms_untrusted", counters.symptoms_untrusted},
            {"symptoms_unmatched", counters.symptoms_unmatched},
            {"probes", counters.probes},
            {"acts", counters.acts},
            {"dropped_events", dropped}};
}

}  // namespace

Json incident_document(const engine::State& state, const engine::Incident& incident) {
    return {{"id", incident.id},
            {"unit", incident.unit},
            {"phase", text_of(engine::phase_id(incident.phase))},
            {"opened", core::format_time(incident.opened)},
            {"closed", time_or_null(incident.closed)},
            {"outcome", incident.outcome},
            {"cause", text_of(core::cause_id(engine::told_diagnosis(incident).cause))},
            {"cause_text", text_of(core::cause_sentence(engine::told_diagnosis(incident).cause))},
            {"confidence_permille", engine::told_diagnosis(incident).confidence_permille},
            {"diagnosis", engine::told_diagnosis(incident).text},
            {"advice", advice_of(incident)},
            {"alternatives", alternative_list(engine::told_diagnosis(incident).alternatives)},
            {"evidence", evidence_list(engine::told_diagnosis(incident).evidence)},
            {"decision", decision_object(incident.decision)},
            {"candidates", candidate_list(candidates_of(state, incident))},
            {"proposals", proposal_list(incident.proposals)},
            {"attempts", incident.attempts},
            {"acts", act_list(state, incident)},
            {"journal", incident.journal},
            {"text", incident.text}};
}

Json incidents_document(const engine::State& state, Reader reader) {
    Json list = Json::array();
    for (auto item = state.incidents.rbegin(); item != state.incidents.rend(); ++item) {
        Json document = incident_document(state, item->second);
        if (reader == Reader::kGroup && !item->second.journal.empty()) {
            document["journal"] = Json::array({std::to_string(item->second.journal.size()) +
                                               " lines for whoever may read them: `journalctl -u " +
                                               item->second.unit + "`"});
        }
        list.push_back(std::move(document));
    }
    return {{"incidents", std::move(list)}};
}

Json services_document(const engine::State& state, core::TimePoint now) {
    Json list = Json::array();
    for (const core::Service& service : state.topology.services) {
        if (service.role == core::ServiceRole::kUnowned) {
            continue;  // told apart, in "unowned"
        }
        const auto found = state.services.find(service.unit);
        const engine::ServiceRecord* record =
            found == state.services.end() ? nullptr : &found->second;
        const bool has_incident = record != nullptr && record->incident;
        list.push_back(
            {{"unit", service.unit},
             {"role", text_of(core::service_role_id(service.role))},
             {"state", unit_object(record)},
             {"config", test_object(record)},
             {"probe", probe_object(record)},
             {"incident", has_incident ? Json(*record->incident) : Json(nullptr)},
             {"flapping",
              now == core::TimePoint{} ? ""
                                       : policy::flapping_words(service.unit, state.ledger, now)},
             {"backends", backend_list(service.backends)}});
    }
    return list;
}

Json status_document(const engine::State& state, const StatusExtras& extras) {
    const policy::Policy& policy = state.policy;
    return {{"version", extras.version},
            {"mode", text_of(policy::mode_id(policy.settings.mode))},
            {"attention", attention_list(state)},
            {"problems", extras.problems},
            {"pause", pause_object(state.ledger)},
            {"latches", latch_list(state.ledger)},
            {"services", services_document(state, extras.now)},
            {"unowned", backend_list(state.topology.unowned)},
            {"logs", log_list(extras.logs)},
            {"policy", {{"rules", policy.rules.size()}, {"files", extras.policy_files}}},
            {"unwatched_directories", extras.unwatched_directories},
            {"counters", counters_object(state.counters, extras.dropped_events)}};
}

Json plan_document(const actions::Plan& plan,
                   const std::string& digest,
                   const std::string& preview) {
    return {{"digest", digest},
            {"act", text_of(actions::spec(plan.act).name)},
            {"unit", plan.unit},
            {"role", text_of(core::service_role_id(plan.role))},
            {"rule", plan.rule},
            {"cause", text_of(core::cause_id(plan.cause))},
            {"expected_active", text_of(core::active_state_id(plan.expected_active))},
            {"expected_invocation", plan.expected_invocation},
            {"deadline", core::format_duration(plan.deadline)},
            {"parameters", parameter_object(plan.parameters)},
            {"preview", preview},
            {"precondition", text_of(actions::spec(plan.act).precondition)},
            {"postcondition", text_of(actions::spec(plan.act).postcondition)},
            {"inverse", text_of(actions::spec(plan.act).inverse)}};
}

std::string record_fields(const engine::Record& record, std::uint64_t left_out) {
    Json fields = {{"incident", record.incident}, {"unit", record.unit}};
    const auto add = [&fields](const char* key, const std::string& value) {
        if (!value.empty()) {
            fields[key] = value;
        }
    };
    add("cause", record.cause);
    add("decision", record.decision);
    add("rule", record.rule);
    add("act", record.act);
    if (record.attempt != 0) {
        fields["attempt"] = record.attempt;
    }
    if (!record.evidence.empty()) {
        fields["evidence"] = evidence_list(record.evidence);
    }
    if (!record.holds.empty()) {
        fields["holds"] = hold_list(record.holds);
    }
    if (left_out != 0) {
        fields["left_out"] = left_out;
    }
    fields["text"] = record.text;
    const std::string object = dump(fields);
    return object.substr(1, object.size() - 2);
}

std::string dump(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gatemend::app
