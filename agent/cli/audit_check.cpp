// SPDX-License-Identifier: MIT
#include "cli/audit_check.hpp"

#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "core/text.hpp"
#include "io/journal_anchors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <set>
#include <utility>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;
using sandbox::AuditFinding;
using sandbox::AuditProblem;

constexpr std::chrono::seconds kDeadline{60};
// What the executor takes at once; more is acknowledged by calling again.
constexpr std::size_t kMaxMarkBytes = std::size_t{24} * 1024;
constexpr std::size_t kMaxTextBytes = 512;

// What a person has said of this record before.
struct Known {
    std::set<std::string, std::less<>> keys;
    std::optional<core::TimePoint> journal;  // what the journal contradicted until then
};

// What one record says of attempts.
struct Attempts {
    std::uint64_t last = 0;
    core::TimePoint time{};
};

std::optional<core::TimePoint> time_of(const Json& record) {
    const auto time = record.find("time");
    return time != record.end() && time->is_string() ? core::parse_time(time->get<std::string>())
                                                     : std::nullopt;
}

std::string text_of(const Json& item, const char* key) {
    const auto found = item.is_object() ? item.find(key) : item.end();
    return found != item.end() && found->is_string() ? found->get<std::string>() : "";
}

void note_known(Known& known, std::string_view line) {
    if (line.find("\"kind\":\"acknowledged\"") == std::string_view::npos) {
        return;  // cheaper than reading all of them
    }
    const Json record = Json::parse(line, nullptr, false);
    const auto findings = record.is_object() ? record.find("findings") : record.end();
    if (!record.is_object() || findings == record.end() || !findings->is_array()) {
        return;
    }
    for (const Json& finding : *findings) {
        const std::string key = text_of(finding, "key");
        if (key.empty()) {
            known.journal = time_of(record);
        } else {
            known.keys.insert(key);
        }
    }
}

void note_attempt(Attempts& attempts, std::string_view line) {
    if (line.find("\"attempt\":") == std::string_view::npos) {
        return;
    }
    const Json record = Json::parse(line, nullptr, false);
    const auto attempt = record.is_object() ? record.find("attempt") : record.end();
    if (record.is_object() && attempt != record.end() && attempt->is_number_unsigned() &&
        attempt->get<std::uint64_t>() > attempts.last) {
        attempts = {attempt->get<std::uint64_t>(), time_of(record).value_or(core::TimePoint{})};
    }
}

core::Result<std::vector<sandbox::Anchor>> anchors_of(const AuditRecords& records,
                                                      const AuditRecord& record) {
    return records.read_anchors ? records.read_anchors(record)
                                : io::read_anchors(record.path, record.unit);
}

Known known_of(const std::string& path) {
    Known known;
    // A failure shows again when the record is checked.
    (void)sandbox::read_chain(path,
                              {},
                              {.each = [&known](auto line) { note_known(known, line); },
                               .restart = [&known] { known = {}; }});
    return known;
}

CheckedRecord check_one(const AuditRecords& records,
                        const AuditRecord& record,
                        const Known& known,
                        Attempts& attempts) {
    CheckedRecord checked;
    checked.path = record.path;
    std::vector<sandbox::Anchor> anchors;
    // The journal first: what is written meanwhile is only in the file.
    if (auto read = anchors_of(records, record)) {
        anchors = std::move(*read);
        checked.no_journal = anchors.empty() ? "it says nothing about this record" : "";
    } else {
        checked.no_journal = read.error().text;
    }
    std::erase_if(anchors, [&known](const sandbox::Anchor& anchor) {
        return known.journal && anchor.time <= *known.journal;
    });
    auto chain = sandbox::read_chain(
        record.path,
        anchors,
        {.each = [&attempts](std::string_view line) { note_attempt(attempts, line); },
         .restart = [&attempts] { attempts = {}; }});
    if (!chain) {
        checked.failure = chain.error().text;
        return checked;
    }
    checked.chain = std::move(*chain);
    for (const AuditFinding& finding : checked.chain.findings) {
        (known.keys.contains(finding.key) ? checked.acknowledged : checked.open).push_back(finding);
    }
    return checked;
}

// The agent speaks of an attempt only after the executor has told it its number.
void check_attempts(CheckedRecord& audit, const Known& known, Attempts own, Attempts told) {
    if (!audit.failure.empty() || told.last <= own.last ||
        (known.journal && told.time <= *known.journal)) {
        return;
    }
    audit.open.push_back({AuditProblem::kMissing,
                          audit.path,
                          0,
                          audit.chain.last_seq + 1,
                          audit.path + ": attempt " + std::to_string(told.last) +
                              " is missing: decisions.jsonl speaks of it at " +
                              core::format_time(told.time),
                          ""});
}

void print_record(const CheckedRecord& checked) {
    for (const AuditFinding& finding : checked.acknowledged) {
        (void)std::printf("acknowledged: %s\n", core::sanitize(finding.text).c_str());
    }
    if (!checked.failure.empty()) {
        (void)std::fprintf(stderr, "gatemend: %s\n", core::sanitize(checked.failure).c_str());
        return;
    }
    for (const AuditFinding& finding : checked.open) {
        (void)std::fprintf(stderr, "gatemend: %s\n", core::sanitize(finding.text).c_str());
    }
    if (checked.chain.more_findings != 0) {
        (void)std::fprintf(stderr,
                           "gatemend: %s: and %llu more\n",
                           checked.path.c_str(),
                           static_cast<unsigned long long>(checked.chain.more_findings));
    }
    if (checked.open.empty()) {
        (void)std::printf("%s: %llu records, chain intact, head %s\n",
                          checked.path.c_str(),
                          static_cast<unsigned long long>(checked.chain.records),
                          checked.chain.head.c_str());
    }
    if (checked.chain.is_torn) {
        (void)std::printf("%s: the last record was cut off by a crash; the next start says so\n",
                          checked.path.c_str());
    }
    if (!checked.no_journal.empty()) {
        (void)std::printf("%s: not compared with the journal: %s\n",
                          checked.path.c_str(),
                          core::sanitize(checked.no_journal).c_str());
    }
}

Json finding_object(const AuditFinding& finding, bool is_acknowledged) {
    return {{"file", finding.file},
            {"line", finding.line},
            {"seq", finding.seq},
            {"problem", core::sanitize(finding.text)},
            {"acknowledged", is_acknowledged}};
}

Json record_object(const CheckedRecord& checked) {
    Json findings = Json::array();
    for (const AuditFinding& finding : checked.open) {
        findings.push_back(finding_object(finding, false));
    }
    for (const AuditFinding& finding : checked.acknowledged) {
        findings.push_back(finding_object(finding, true));
    }
    const AuditFinding* first = checked.open.empty() ? nullptr : &checked.open.front();
    const std::string problem = first == nullptr ? checked.failure : first->text;
    return {{"file", checked.path},
            {"ok", checked.is_good()},
            {"records", checked.chain.records},
            {"line", first == nullptr ? 0 : first->line},
            {"head", checked.chain.head},
            {"problem", core::sanitize(problem)},
            {"parts", checked.chain.files},
            {"anchors", checked.chain.anchors},
            {"not_compared", checked.no_journal},
            {"torn", checked.chain.is_torn},
            {"findings", std::move(findings)}};
}

using Mark = sdbus::Struct<std::string, std::string, std::string>;

}  // namespace

std::vector<CheckedRecord> check_records(const AuditRecords& records) {
    std::vector<CheckedRecord> result;
    if (records.list.empty()) {
        return result;
    }
    const Known known = known_of(records.list.front().path);
    std::vector<Attempts> attempts(records.list.size());
    for (std::size_t i = 0; i < records.list.size(); ++i) {
        result.push_back(check_one(records, records.list[i], known, attempts[i]));
    }
    for (std::size_t i = 1; i < attempts.size(); ++i) {
        check_attempts(result.front(), known, attempts.front(), attempts[i]);
    }
    return result;
}

int run_audit_verify(const AuditRecords& records, bool is_json) {
    const std::vector<CheckedRecord> checked = check_records(records);
    const bool is_good = std::ranges::all_of(checked, &CheckedRecord::is_good);
    Json files = Json::array();
    for (const CheckedRecord& record : checked) {
        if (is_json) {
            files.push_back(record_object(record));
        } else {
            print_record(record);
        }
    }
    if (is_json) {
        const Json document = {{"ok", is_good}, {"files", std::move(files)}};
        (void)std::printf("%s\n",
                          document.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    }
    return is_good ? kExitOk : kExitFailed;
}

int run_acknowledge(const AuditRecords& records, std::uint64_t attempt) {
    std::vector<Mark> marks;
    std::size_t bytes = 0;
    if (attempt == 0) {
        for (const CheckedRecord& record : check_records(records)) {
            for (const AuditFinding& finding : record.open) {
                const std::string text = core::sanitize(finding.text);
                (void)std::printf("%s\n", text.c_str());
                bytes += finding.file.size() + finding.key.size() + text.size();
                if (bytes <= kMaxMarkBytes && marks.size() < sandbox::kMaxFindings) {
                    marks.emplace_back(finding.file.substr(0, kMaxTextBytes),
                                       finding.key,
                                       text.substr(0, kMaxTextBytes));
                }
            }
        }
    }
    const int code = call_service(kExecutor, [&](sdbus::IProxy& executor) {
        executor.callMethod("Acknowledge")
            .onInterface(kExecutor.interface)
            .withTimeout(kDeadline)
            .withArguments(attempt, marks);
    });
    if (code == kExitOk) {
        (void)std::printf("acknowledged\n");
    }
    return code;
}

}  // namespace gatemend::cli
