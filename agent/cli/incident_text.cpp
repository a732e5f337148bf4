// SPDX-License-Identifier: MIT
#include "cli/incident_text.hpp"

#include "core/one_line.hpp"
#include "core/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

namespace gatemend::cli {

namespace {

constexpr std::size_t kMaxShown = std::size_t{128} * 1024;  // more than a preview has

// One line, whatever the agent has put into it: none that looks like ours, and no word to the
// terminal.
std::string shown(const Json& value) {
    const std::string words = value.is_string() ? value.get<std::string>() : value.dump();
    return core::sanitize(core::one_line(words), kMaxShown);
}

// The agent is ours, but a version apart is possible: what is missing reads as "".
std::string text(const Json& item, const char* key) {
    const auto found = item.is_object() ? item.find(key) : item.end();
    return !item.is_object() || found == item.end() || found->is_null() ? "" : shown(*found);
}

const Json& list(const Json& item, const char* key) {
    static const Json empty = Json::array();
    if (!item.is_object()) {
        return empty;
    }
    const auto found = item.find(key);
    return found != item.end() && found->is_array() ? *found : empty;
}

const Json& object(const Json& item, const char* key) {
    static const Json empty = Json::object();
    if (!item.is_object()) {
        return empty;
    }
    const auto found = item.find(key);
    return found != item.end() && found->is_object() ? *found : empty;
}

bool flag(const Json& item, const char* key) {
    return text(item, key) == "true";
}

std::string field(const std::string& name, const std::string& value) {
    constexpr std::size_t kColumn = 12;
    if (value.empty()) {
        return "";
    }
    return "  " + name + std::string(kColumn > name.size() ? kColumn - name.size() : 1, ' ') +
           value + "\n";
}

std::string evidence_text(const Json& incident) {
    std::string out;
    for (const Json& item : list(incident, "evidence")) {
        out += field(flag(item, "supports") ? "for" : "against",
                     text(item, "witness") + ": " + text(item, "text"));
    }
    return out;
}

std::string alternatives_text(const Json& incident) {
    std::string out;
    for (const Json& item : list(incident, "alternatives")) {
        out += field(
            "or",
            text(item, "cause") + ", confidence " + text(item, "confidence_permille") + " of 1000");
    }
    return out;
}

std::string decision_text(const Json& incident) {
    const Json& decision = object(incident, "decision");
    std::string what = text(decision, "kind");
    if (const std::string act = text(decision, "act"); !act.empty()) {
        what += " " + act;
    }
    std::string out = field("decision", what);
    out += field("rule", text(decision, "rule"));
    out += field("reason", text(decision, "reason"));
    for (const Json& hold : list(decision, "holds")) {
        const std::string until = text(hold, "until");
        out += field("held by",
                     text(hold, "owner") + " (" + text(hold, "kind") + "): " + text(hold, "text") +
                         (until.empty() ? "" : ", until " + until));
    }
    return out;
}

constexpr std::string_view kIndent = "    ";

// The lines of a text, with their tabs, behind an indent that sets them apart from ours.
std::string indented(const Json& value) {
    std::string out;
    bool is_at_start = true;
    std::string_view rest =
        value.is_string() ? std::string_view{value.get_ref<const std::string&>()} : "";
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find_first_of("\n\t"), rest.size());
        out += is_at_start ? kIndent : "";
        out += core::sanitize(rest.substr(0, end), kMaxShown);
        is_at_start = end == rest.size() || rest[end] == '\n';
        out += is_at_start ? '\n' : '\t';
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return is_at_start ? out : out + "\n";
}

std::string preview_text(const Json& plan) {
    return indented(plan.is_object() ? plan.value("preview", Json()) : Json());
}

std::string parameters_text(const Json& item) {
    std::string out;
    for (const auto& [name, value] : object(item, "parameters").items()) {
        out += (out.empty() ? " (" : ", ") + shown(name) + " " + shown(value);
    }
    return out.empty() ? "" : out + ")";
}

// What a person could say yes to.
std::string proposals_text(const Json& incident) {
    std::string out;
    for (const Json& item : list(incident, "proposals")) {
        out += proposal_text(item);
        if (!text(item, "digest").empty() && text(item, "problem").empty()) {
            out += field("",
                         "done by `gatemend approve " + text(incident, "id") + " " +
                             text(item, "number") + "`");
        }
    }
    return out;
}

std::string candidate_text(const Json& item) {
    const std::string act = text(item, "act");
    const std::string unit = text(item, "unit");
    std::string out = field(act.empty() ? "observe" : act,
                            (unit.empty() ? "" : unit + ", ") + "rule " + text(item, "rule") +
                                (text(item, "text").empty() ? "" : ": " + text(item, "text")));
    for (const Json& hold : list(item, "holds")) {
        out += "    held by " + text(hold, "owner") + " (" + text(hold, "kind") +
               "): " + text(hold, "text") + "\n";
    }
    return out;
}

std::string candidates_text(const Json& incident) {
    const Json& all = list(incident, "candidates");
    std::string out = all.empty() ? "" : "  what could have been done\n";
    for (const Json& item : all) {
        out += candidate_text(item);
    }
    return out;
}

std::string undo_hint(const std::string& attempt) {
    return "`gatemend audit` says why; `gatemend rollback --dry-run --attempt " + attempt +
           "` what it would do now, without --dry-run it is tried again; `gatemend audit "
           "acknowledge --attempt " +
           attempt + "` leaves everything as it is";
}

std::string acts_text(const Json& incident) {
    std::string out;
    for (const Json& act : list(incident, "acts")) {
        out += field("act", act_text(act));
    }
    return out;
}

std::string service_line(const Json& service) {
    std::string out = "  " + text(service, "unit") + "  ";
    const Json& state = object(service, "state");
    out += state.empty() ? "state not known" : text(state, "text");
    const Json& config = object(service, "config");
    if (!config.empty()) {
        out += ", configuration " + text(config, "verdict");
        const std::string file = text(config, "file");
        out += file.empty() ? "" : " (" + file + ":" + text(config, "line") + ")";
    }
    const Json& probe = object(service, "probe");
    if (!probe.empty()) {
        out += ", probe " + text(probe, "outcome");
    }
    const std::string incident = text(service, "incident");
    out += incident.empty() ? "" : ", incident " + incident;
    const std::string flapping = text(service, "flapping");
    out += (flapping.empty() ? "" : ", " + flapping) + "\n";
    for (const Json& backend : list(service, "backends")) {
        out += "      " + text(backend, "address") + "  (" + text(backend, "where") + ")\n";
    }
    return out;
}

}  // namespace

std::string services_text(const Json& services) {
    std::string out;
    for (const Json& service : services) {
        out += service_line(service);
    }
    return out.empty() ? "  none\n" : out;
}

constexpr std::size_t kMaxUnownedShown = 20;

std::string status_text(const Json& status) {
    std::string out =
        "gatemend " + text(status, "version") + ", mode " + text(status, "mode") + "\n";
    for (const Json& item : list(status, "attention")) {
        if (text(item, "kind") == "undo-failed") {
            out += "  NOT UNDONE: attempt " + text(item, "attempt") + ", " + text(item, "unit") +
                   ", incident " + text(item, "incident") + ": " + text(item, "text") + "; " +
                   undo_hint(text(item, "attempt")) + "\n";
            continue;
        }
        if (text(item, "kind") == "more") {
            out += "  " + text(item, "text") + ": see `gatemend incidents`\n";
            continue;
        }
        const bool has_given_up = text(item, "kind") == "gave-up";
        out += (has_given_up ? "  GAVE UP on " : "  asks about ") + text(item, "unit") +
               ", incident " + text(item, "incident") + ": " + text(item, "text") + "\n";
    }
    for (const Json& problem : list(status, "problems")) {
        const std::string lines = indented(problem);
        out += "  problem: " + lines.substr(std::min(kIndent.size(), lines.size()));
    }
    const Json& pause = object(status, "pause");
    if (!pause.empty()) {
        out += "  paused until " + text(pause, "until") + " by " + text(pause, "by") + ": " +
               text(pause, "reason") + "\n";
    }
    for (const Json& latch : list(status, "latches")) {
        out += "  latched: " + text(latch, "unit") + " since " + text(latch, "since") + ": " +
               text(latch, "reason") + "\n";
    }
    out += "services\n" + services_text(list(status, "services"));
    std::size_t shown = 0;
    const Json& unowned = list(status, "unowned");
    for (const Json& backend : unowned) {
        if (++shown > kMaxUnownedShown) {
            out += "  and " + std::to_string(unowned.size() - kMaxUnownedShown) +
                   " more that no unit is known for (`gatemend status --json` has all)\n";
            break;
        }
        out += "  no unit known for " + text(backend, "address") + "  (" + text(backend, "where") +
               ")\n";
    }
    out += "logs\n";
    for (const Json& log : list(status, "logs")) {
        const std::string problem = text(log, "problem");
        out += "  " + text(log, "path") + "  " + text(log, "lines") + " lines, " +
               text(log, "skipped") + " skipped, " + text(log, "gaps") + " gaps" +
               (problem.empty() ? "" : "; " + problem) + "\n";
    }
    return out;
}

std::string incident_line(const Json& incident) {
    const std::string outcome = text(incident, "outcome");
    return text(incident, "id") + "  " + text(incident, "opened") + "  " + text(incident, "unit") +
           "  " + text(incident, "cause") + "  " +
           (outcome.empty() ? text(incident, "phase") : outcome) + ": " + text(incident, "text") +
           "\n";
}

std::string incident_text(const Json& incident) {
    std::string out = "incident " + text(incident, "id") + ": " + text(incident, "unit") + "\n";
    out += field("opened", text(incident, "opened"));
    out += field("closed", text(incident, "closed"));
    out += field("phase", text(incident, "phase"));
    out += field("outcome", text(incident, "outcome"));
    out += field("cause", text(incident, "cause") + ": " + text(incident, "cause_text"));
    out += field("diagnosis", text(incident, "diagnosis"));
    out += field("what to do", text(incident, "advice"));
    out += evidence_text(incident) + alternatives_text(incident) + decision_text(incident);
    out += proposals_text(incident) + acts_text(incident);
    out += field("now", text(incident, "text"));
    if (const Json& journal = list(incident, "journal"); !journal.empty()) {
        out += "  last words of the unit\n";
        for (const Json& line : journal) {
            out += indented(line);
        }
    }
    return out;
}

std::string why_text(const Json& incident) {
    std::string out = "incident " + text(incident, "id") + ": " + text(incident, "unit") + ", " +
                      text(incident, "cause_text") + "\n";
    out += field("diagnosis", text(incident, "diagnosis"));
    out += field("what to do", text(incident, "advice"));
    return out + evidence_text(incident) + alternatives_text(incident) + decision_text(incident) +
           candidates_text(incident) + acts_text(incident) + field("now", text(incident, "text"));
}

std::string proposal_text(const Json& proposal) {
    const std::string digest = text(proposal, "digest");
    return field("proposal", proposal_words(proposal)) +
           field("plan",
                 !digest.empty()                     ? digest
                 : text(proposal, "preview").empty() ? "not made yet"
                                                     : "none:") +
           field("but", text(proposal, "problem")) + preview_text(proposal);
}

std::string proposal_words(const Json& proposal) {
    return text(proposal, "act") + " " + text(proposal, "unit") + parameters_text(proposal);
}

std::string act_text(const Json& act) {
    const std::string undo = text(act, "undo");
    return "attempt " + text(act, "attempt") + ", " + text(act, "act") + " " + text(act, "unit") +
           ": " + text(act, "outcome") + ", verdict " + text(act, "verdict") +
           (undo == "nothing" ? "" : ", " + undo) +
           (undo == "undo-failed" ? "; " + undo_hint(text(act, "attempt")) : "");
}

std::string plan_text(const Json& plan) {
    return "plan " + text(plan, "digest") + "\n" +
           field("act", text(plan, "act") + " " + text(plan, "unit") + parameters_text(plan)) +
           field("because", text(plan, "cause") + ", rule " + text(plan, "rule")) +
           field("only if", text(plan, "precondition")) +
           field("then", text(plan, "postcondition")) + field("undo", text(plan, "inverse")) +
           field("within", text(plan, "deadline")) + preview_text(plan);
}

}  // namespace gatemend::cli
