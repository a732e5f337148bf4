// SPDX-License-Identifier: MIT
#include "cli/audit_check.hpp"

#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "core/text.hpp"
#include "io/journal_anchors.hpp"
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace gatemend::cli {

namespace {

using Json = nlohmann::ordered_json;
using sandbox::AuditFinding;
using sandbox::AuditProblem;

constexpr std::chrono::seconds kDeadline{60};
constexpr std::chrono::seconds kJournalLag{1};
// What the executor takes at once; more is acknowledged by calling again.
constexpr std::size_t kMaxMarkBytes = std::size_t{24} * 1024;
constexpr std::size_t kMaxTextBytes = 512;

// What a person has said of the records before: keys of findings.
struct Known {
    std::set<std::string, std::less<>> keys;
    std::set<std::string, std::less<>> unconfirmed;  // the journal does not know who said so
    bool has_journal = false;

    [[nodiscard]] bool covers(const std::string& key) const {
        return keys.contains(key) || (!has_journal && unconfirmed.contains(key));
    }
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

std::vector<std::string> keys_of(std::string_view line) {
    std::vector<std::string> keys;
    const Json record = Json::parse(line, nullptr, false);
    const auto findings = record.is_object() ? record.find("findings") : record.end();
    if (!record.is_object() || findings == record.end() || !findings->is_array()) {
        return keys;
    }
    for (const Json& finding : *findings) {
        if (std::string key = text_of(finding, "key"); !key.empty()) {
            keys.push_back(std::move(key));
        }
    }
    return keys;
}

// Acknowledgements count where the journal names them: the executor tells it of each at once.
// Anybody who can write the file can make one up. Of those from before the journal begins the first
// record counts that it names behind them, in an unbroken chain.
class Acknowledgements {
  public:
    explicit Acknowledgements(const std::vector<sandbox::Anchor>& anchors) {
        for (const sandbox::Anchor& anchor : anchors) {
            anchored_.insert(anchor.hash);
        }
        known_.has_journal = !anchors.empty();
    }

    void take(std::string_view text) {
        const auto line = sandbox::check_audit_line(text);
        if (!line) {
            return;
        }
        if (line->prev != head_) {
            give_up_waiting();
        }
        head_ = std::string{line->hash};
        const bool is_anchored = anchored_.contains(line->hash);
        if (line->kind == "acknowledged") {
            auto& place = is_anchored ? known_.keys : is_begun_ ? known_.unconfirmed : waiting_;
            for (std::string& key : keys_of(text)) {
                place.insert(std::move(key));
            }
        }
        if (is_anchored) {
            known_.keys.merge(waiting_);
            waiting_.clear();
            is_begun_ = true;
        }
    }

    void restart() {
        known_.keys.clear();
        known_.unconfirmed.clear();
        waiting_.clear();
        head_.clear();
        is_begun_ = false;
    }

    [[nodiscard]] Known finish() && {
        give_up_waiting();
        return std::move(known_);
    }

  private:
    void give_up_waiting() {
        known_.unconfirmed.merge(waiting_);
        waiting_.clear();
    }

    std::set<std::string, std::less<>> anchored_;  // hashes
    std::set<std::string, std::less<>> waiting_;
    std::string head_;
    bool is_begun_ = false;  // the journal has named a record already
    Known known_;
};

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

Known known_of(const AuditRecords& records) {
    const AuditRecord& audit = records.list.front();
    const auto anchors = anchors_of(records, audit);
    Acknowledgements said{anchors ? *anchors : std::vector<sandbox::Anchor>{}};
    // A failure shows again when the record is checked.
    (void)sandbox::read_chain(
        audit.path,
        {},
        {.each = [&said](auto line) { said.take(line); }, .restart = [&said] { said.restart(); }});
    return std::move(said).finish();
}

// What an acknowledgement has named, and what the journal said before that.
void drop_acknowledged(std::vector<sandbox::Anchor>& anchors, const Known& known) {
    std::optional<core::TimePoint> until;
    for (const sandbox::Anchor& anchor : anchors) {
        if (known.covers(sandbox::contradiction_key(anchor))) {
            until = std::max(until.value_or(anchor.time), anchor.time);
        }
    }
    std::erase_if(anchors, [&until](const sandbox::Anchor& anchor) {
        return until && anchor.time <= *until;
    });
}

void sort_in(CheckedRecord& checked, AuditFinding finding, const Known& known) {
    if (known.covers(finding.key)) {
        checked.is_unconfirmed = checked.is_unconfirmed || !known.keys.contains(finding.key);
        checked.acknowledged.push_back(std::move(finding));
        return;
    }
    if (known.unconfirmed.contains(finding.key)) {
        finding.text +=
            " (a record says that it was acknowledged; the journal does not know of that record)";
    }
    checked.open.push_back(std::move(finding));
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
    drop_acknowledged(anchors, known);
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
        sort_in(checked, finding, known);
    }
    return checked;
}

// The agent speaks of an attempt only after the executor has told it its number.
void check_attempts(CheckedRecord& audit, const Known& known, Attempts own, Attempts told) {
    if (!audit.failure.empty() || told.last <= own.last) {
        return;
    }
    const std::string when = core::format_time(told.time);
    const std::string attempt = "attempt " + std::to_string(told.last);
    sort_in(audit,
            {AuditProblem::kMissing,
             audit.path,
             0,
             audit.chain.last_seq + 1,
             audit.path + ": " + attempt + " is missing: decisions.jsonl speaks of it at " + when,
             sandbox::sha256_hex(attempt + " " + when)},
            known);
}

void print_record(const CheckedRecord& checked) {
    for (const AuditFinding& finding : checked.acknowledged) {
        (void)std::printf("acknowledged: %s\n", core::sanitize(finding.text).c_str());
    }
    if (!checked.failure.empty()) {
        (void)std::fprintf(stderr, "gatemend: %s\n", core::sanitize(checked.failure).c_str());
        return;
    }
    if (checked.is_unconfirmed) {
        (void)std::fprintf(stderr,
                           "gatemend: %s: what is acknowledged is so by the record alone: the "
                           "journal does not name whoever said it\n",
                           checked.path.c_str());
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
    Known known = known_of(records);
    if (known.has_journal && !known.unconfirmed.empty() && !records.read_anchors) {
        std::this_thread::sleep_for(kJournalLag);  // said just now, it may be on its way there
        known = known_of(records);
    }
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
