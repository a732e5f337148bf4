// SPDX-License-Identifier: MIT
#include "diagnosis/case_file.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

// Two witnesses that agree make a cause near certain; one that contradicts makes it doubtful.
void weigh(Diagnosis& diagnosis) {
    constexpr std::uint32_t kOneWitness = 600;
    constexpr std::uint32_t kLogOnly = 300;
    constexpr std::uint32_t kPerFurtherWitness = 180;
    constexpr std::uint32_t kPerContradiction = 400;
    constexpr std::uint32_t kMost = 980;
    std::uint32_t contradictions = 0;
    bool has_support = false;
    for (const core::Evidence& item : diagnosis.evidence) {
        contradictions += item.supports ? 0U : 1U;
        has_support = has_support || item.supports;
    }
    const unsigned witnesses = core::count_witnesses(diagnosis.evidence);
    std::uint32_t permille = has_support ? kLogOnly : 0;
    if (witnesses > 0) {
        permille = kOneWitness + (witnesses - 1) * kPerFurtherWitness;
    }
    permille = std::min(permille, kMost);
    const std::uint32_t doubt = contradictions * kPerContradiction;
    diagnosis.confidence_permille = permille > doubt ? permille - doubt : 0;
}

template <class Value>
bool contains(std::initializer_list<Value> values, Value wanted) {
    return std::find(values.begin(), values.end(), wanted) != values.end();
}

bool matches(const Sighting& item,
             std::initializer_list<core::Symptom> symptoms,
             std::initializer_list<core::Clue> clues) {
    return (item.symptom != core::Symptom::kNone && contains(symptoms, item.symptom)) ||
           (item.clue != core::Clue::kNone && contains(clues, item.clue));
}

const Sighting* find_newest(const Findings& findings,
                            std::initializer_list<core::Symptom> symptoms,
                            std::initializer_list<core::Clue> clues) {
    const Sighting* newest = nullptr;
    for (const auto* list : {&findings.sightings, &findings.machine}) {
        for (const Sighting& item : *list) {
            if (matches(item, symptoms, clues) && (newest == nullptr || newest->last < item.last)) {
                newest = &item;
            }
        }
    }
    return newest;
}

// The numbers; not the paragraphs that explain how to reckon.
std::string arithmetic_words(const Suggestion& suggestion) {
    constexpr std::size_t kLongestLine = 240;
    std::string words;
    for (const std::string& line : suggestion.arithmetic) {
        if (line.size() <= kLongestLine) {
            words += (words.empty() ? " Arithmetic: " : "; ") + line;
        }
    }
    return words.empty() ? "" : words + ".";
}

}  // namespace

CaseFile::CaseFile(core::Cause cause, const Findings& findings) : findings_(findings) {
    diagnosis_.cause = cause;
}

void CaseFile::add(core::Witness witness, core::TimePoint time, std::string text, bool supports) {
    diagnosis_.evidence.push_back(core::Evidence{witness, time, std::move(text), supports});
}

CaseFile& CaseFile::unit_down() {
    if (findings_.unit) {
        add(core::Witness::kUnitState,
            findings_.unit_time,
            unit_sentence(findings_),
            core::is_down(*findings_.unit));
    }
    return *this;
}

CaseFile& CaseFile::unit_up() {
    if (findings_.unit) {
        add(core::Witness::kUnitState,
            findings_.unit_time,
            unit_sentence(findings_),
            core::is_up(*findings_.unit));
    }
    return *this;
}

CaseFile& CaseFile::probe_bad() {
    if (is_probe_bad(findings_) || is_probe_good(findings_)) {
        add(core::Witness::kProbe,
            findings_.probe_time,
            probe_sentence(findings_),
            is_probe_bad(findings_));
    }
    return *this;
}

CaseFile& CaseFile::probe_good() {
    if (is_probe_bad(findings_) || is_probe_good(findings_)) {
        add(core::Witness::kProbe,
            findings_.probe_time,
            probe_sentence(findings_),
            is_probe_good(findings_));
    }
    return *this;
}

// A passing test allows an act but does not witness a failure, so it never counts as support.
CaseFile& CaseFile::config(bool supports) {
    if (findings_.test && findings_.test->verdict == core::ConfigVerdict::kInvalid) {
        add(core::Witness::kConfigTest,
            findings_.test_time,
            "configuration test fails: " + core::describe(*findings_.test),
            supports);
    }
    return *this;
}

void CaseFile::add_sightings(const std::vector<Sighting>& sightings,
                             std::initializer_list<core::Symptom> symptoms,
                             std::initializer_list<core::Clue> clues) {
    for (const Sighting& item : sightings) {
        if (matches(item, symptoms, clues)) {
            add(item.witness, item.last, diagnosis::describe(item), true);
        }
    }
}

CaseFile& CaseFile::sightings(std::initializer_list<core::Symptom> symptoms,
                              std::initializer_list<core::Clue> clues) {
    add_sightings(findings_.sightings, symptoms, clues);
    add_sightings(findings_.machine, symptoms, clues);
    return *this;
}

CaseFile& CaseFile::inspection(std::string text, bool supports) {
    add(core::Witness::kInspection, findings_.inspection_time, std::move(text), supports);
    return *this;
}

CaseFile& CaseFile::packet_filter(std::string text) {
    add(core::Witness::kPacketFilter, findings_.packet_time, std::move(text), true);
    return *this;
}

CaseFile& CaseFile::nginx_valid() {
    const bool is_own = findings_.role == core::ServiceRole::kNginx;
    const auto& test = is_own ? findings_.test : findings_.nginx_test;
    if (test && test->verdict == core::ConfigVerdict::kValid) {
        add(core::Witness::kConfigTest,
            is_own ? findings_.test_time : findings_.nginx_test_time,
            "nginx's configuration passes its test",
            true);
    }
    return *this;
}

CaseFile& CaseFile::remedy(std::string_view name, std::string value) {
    if (!value.empty()) {
        diagnosis_.remedy.insert_or_assign(std::string{name}, std::move(value));
    }
    return *this;
}

CaseFile& CaseFile::remedy(const std::vector<Suggestion>& suggestions) {
    const auto best =
        std::find_if(suggestions.begin(), suggestions.end(), [](const Suggestion& suggestion) {
            return !suggestion.settings.empty();
        });
    if (best != suggestions.end()) {
        diagnosis_.remedy = remedy_of(*best);
        reckoned_ = arithmetic_words(*best);
    } else if (!suggestions.empty() && !suggestions.front().arithmetic.empty()) {
        reckoned_ = " No value is suggested: " + suggestions.front().text + "." +
                    arithmetic_words(suggestions.front());
    }
    return *this;
}

Diagnosis CaseFile::close(std::string text, std::string advice) {
    diagnosis_.text = std::move(text);
    diagnosis_.advice = std::move(advice) + reckoned_;
    weigh(diagnosis_);
    return std::move(diagnosis_);
}

bool is_unit_down(const Findings& findings) {
    return findings.unit && core::is_down(*findings.unit);
}

bool is_unit_up(const Findings& findings) {
    return findings.unit ? core::is_up(*findings.unit)
                         : findings.role == core::ServiceRole::kUnowned;
}

bool is_probe_bad(const Findings& findings) {
    return findings.probe && findings.probe->outcome != core::ProbeOutcome::kGood &&
           findings.probe->outcome != core::ProbeOutcome::kUnknown;
}

bool is_probe_good(const Findings& findings) {
    return findings.probe && findings.probe->outcome == core::ProbeOutcome::kGood;
}

bool has_outcome(const Findings& findings, std::initializer_list<core::ProbeOutcome> any) {
    return findings.probe && contains(any, findings.probe->outcome);
}

const Sighting* find_symptom(const Findings& findings,
                             std::initializer_list<core::Symptom> symptoms) {
    return find_newest(findings, symptoms, {});
}

const Sighting* find_clue(const Findings& findings, std::initializer_list<core::Clue> any) {
    return find_newest(findings, {}, any);
}

std::string describe(const core::Backend& backend) {
    std::string text =
        backend.host.empty() ? backend.address : backend.host + " (" + backend.address + ")";
    if (!backend.where.empty()) {
        text += ", named at " + backend.where;
    }
    return text;
}

std::string unit_sentence(const Findings& findings) {
    return findings.unit ? findings.unit_name + " is " + describe(*findings.unit)
                         : "no unit is known for " + findings.backend.address;
}

std::string probe_sentence(const Findings& findings) {
    return "probe of " + findings.probe_address + ": " + describe(*findings.probe);
}

namespace {

// Anybody who may write the folder can bind another socket to a name that is taken. The main
// process's is the unit's own; where none is, the one that the name leads to.
const core::Listener* find_bound(const std::vector<core::Listener>& listeners,
                                 const std::string& address) {
    const core::Listener* found = nullptr;
    for (const core::Listener& listener : listeners) {
        if (listener.address != address) {
            continue;
        }
        const bool is_better =
            found == nullptr || (listener.is_main && !found->is_main) ||
            (listener.is_main == found->is_main && listener.is_reachable && !found->is_reachable);
        found = is_better ? &listener : found;
    }
    return found;
}

}  // namespace

const core::Listener* find_own_listener(const Findings& findings) {
    if (!findings.inspection || !findings.inspection->listeners) {
        return nullptr;
    }
    const std::string& address = findings.backend.address;
    const auto& all = *findings.inspection->listeners;
    // The unit's own process is not hidden by what was bound in its place.
    const auto own = std::find_if(all.begin(), all.end(), [&](const core::Listener& item) {
        return item.is_main && item.unit == findings.unit_name &&
               core::is_answered_by(address, item);
    });
    const core::Listener* listener = own != all.end() ? &*own : find_bound(all, address);
    if (listener == nullptr) {
        listener = findings.inspection->find_listener(address);
    }
    // The other end of a symbolic link, where the way to the socket led.
    if (listener == nullptr && !findings.inspection->path.empty()) {
        listener =
            findings.inspection->find_listener("unix:" + findings.inspection->path.back().path);
    }
    // A wildcard listener here says nothing about the same port of another machine.
    const bool is_here =
        listener == nullptr || core::is_local(address) || listener->address == address;
    return is_here ? listener : nullptr;
}

bool has_no_listener(const Findings& findings) {
    return findings.inspection && findings.inspection->listeners &&
           find_own_listener(findings) == nullptr;
}

std::string config_words(const std::string& directive, const core::ConfigLine& line) {
    if (line.value.empty()) {
        return "";
    }
    return directive + " is " + line.value + " (" +
           (line.where.empty() ? "the default" : line.where) + ")";
}

std::string directive_prefix(const core::Backend& backend) {
    switch (backend.scheme) {
        case core::Scheme::kFastcgi:
            return "fastcgi";
        case core::Scheme::kUwsgi:
            return "uwsgi";
        case core::Scheme::kScgi:
            return "scgi";
        case core::Scheme::kGrpc:
        case core::Scheme::kGrpcs:
            return "grpc";
        case core::Scheme::kMemcached:
            return "memcached";
        case core::Scheme::kHttp:
        case core::Scheme::kHttps:
            break;
    }
    return "proxy";
}

CaseFile connect_case(core::Cause cause, const Findings& findings) {
    CaseFile file(cause, findings);
    file.probe_bad().sightings({core::Symptom::kConnectRefused,
                                core::Symptom::kSocketMissing,
                                core::Symptom::kConnectDenied,
                                core::Symptom::kConnectTimeout,
                                core::Symptom::kUnreachable,
                                core::Symptom::kNoLiveUpstreams});
    return file;
}

}  // namespace gatemend::diagnosis
