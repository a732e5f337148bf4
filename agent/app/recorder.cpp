// SPDX-License-Identifier: MIT
#include "app/recorder.hpp"

#include "app/documents.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/message_ids.hpp"

#include <systemd/sd-journal.h>

#include <sys/uio.h>
#include <syslog.h>

#include <string_view>
#include <utility>
#include <vector>

namespace gatemend::app {

namespace {

constexpr unsigned kFileMode = 0640;

struct JournalClass {
    int priority = LOG_INFO;
    std::string_view message_id;  // "" = none
};

JournalClass journal_class(const engine::Record& record) {
    namespace id = sandbox::message_id;
    switch (record.kind) {
        case engine::RecordKind::kSuspicion:
            return {LOG_DEBUG, ""};  // anybody can cause these
        case engine::RecordKind::kOpened:
            return {LOG_WARNING, id::kIncidentOpened};
        case engine::RecordKind::kDecided:
            if (record.decision == "hold") {
                return {LOG_NOTICE, id::kIncidentHeld};
            }
            return {LOG_NOTICE, ""};
        case engine::RecordKind::kEscalated:
            return {LOG_CRIT, id::kIncidentEscalated};
        case engine::RecordKind::kClosed:
            return {LOG_NOTICE, id::kIncidentClosed};
        case engine::RecordKind::kDiagnosed:
        case engine::RecordKind::kActed:
        case engine::RecordKind::kVerifying:
        case engine::RecordKind::kConfirmed:
        case engine::RecordKind::kRestored:
            return {LOG_INFO, ""};
    }
    return {};
}

std::string message_of(const engine::Record& record) {
    std::string message;
    if (record.incident != 0) {
        message += "incident=" + std::to_string(record.incident) + " ";
    }
    message += "unit=" + record.unit;
    if (!record.cause.empty()) {
        message += " cause=" + record.cause;
    }
    return message + ": " + record.text;
}

void send(const std::vector<std::string>& fields) {
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (const std::string& field : fields) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): writev's type, read only
        parts.push_back(iovec{const_cast<char*>(field.data()), field.size()});
    }
    // Without journald there is nobody to tell: the file has the record.
    (void)sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

void tell_journal(const engine::Record& record, std::uint64_t left_out) {
    const JournalClass kind = journal_class(record);
    std::vector<std::string> fields{
        "MESSAGE=" + message_of(record),
        "PRIORITY=" + std::to_string(kind.priority),
        "GATEMEND_RECORD=" + std::string(engine::record_kind_id(record.kind)),
        "GATEMEND_UNIT=" + record.unit,
    };
    const auto add = [&fields](std::string_view key, std::string_view value) {
        if (!value.empty()) {
            fields.push_back(std::string(key) + "=" + std::string(value));
        }
    };
    add("MESSAGE_ID", kind.message_id);
    add("GATEMEND_CAUSE", record.cause);
    add("GATEMEND_DECISION", record.decision);
    add("GATEMEND_RULE", record.rule);
    if (left_out != 0) {
        add("GATEMEND_LEFT_OUT", std::to_string(left_out));
    }
    if (record.incident != 0) {
        add("GATEMEND_INCIDENT", std::to_string(record.incident));
    }
    send(fields);
}

}  // namespace

Recorder::Recorder(const std::string& path, core::TimePoint now) : path_(path) {
    open(now);
}

void Recorder::open(core::TimePoint now) {
    const auto read = sandbox::read_audit(path_, [](std::string_view) {});
    const bool is_good = !read || read->problem == sandbox::AuditProblem::kNone ||
                         read->problem == sandbox::AuditProblem::kTornLastLine;
    auto opened = is_good ? sandbox::AuditFile::open({.path = path_, .mode = kFileMode})
                          : core::Result<sandbox::AuditFile>{core::Error{read->text}};
    if (opened) {
        file_ = std::move(*opened);
        problem_.clear();
    } else {
        put_aside(now, opened.error().text);
    }
}

void Recorder::put_aside(core::TimePoint now, const std::string& problem) {
    file_.reset();  // its lock
    auto fresh = sandbox::AuditFile::start_over({.path = path_, .mode = kFileMode}, now, problem);
    problem_ = fresh ? "" : problem + "; " + fresh.error().text;
    if (fresh) {
        file_ = std::move(*fresh);
        anchored_ = 0;
    }
    send({"MESSAGE=decisions.jsonl: " + problem + (fresh ? "; put aside, a new one begins" : ""),
          "PRIORITY=" + std::to_string(LOG_ERR),
          "MESSAGE_ID=" + std::string{sandbox::message_id::kRecordFailed}});
}

void Recorder::compare(core::TimePoint now,
                       const core::Result<std::vector<sandbox::Anchor>>& newest) {
    if (!file_ || !newest || newest->empty()) {
        return;  // `audit --verify` says so
    }
    const auto problem = sandbox::find_contradiction(path_, newest->front());
    const std::string text = problem ? *problem : problem.error().text;
    if (!text.empty()) {
        put_aside(now, text);
        anchor();
    }
}

bool Recorder::is_ahead_of_anchor() const {
    return file_ && file_->next_seq() > anchored_ + 1;
}

void Recorder::anchor() {
    if (!is_ahead_of_anchor()) {
        return;
    }
    if (const core::Status synced = file_->sync(); !synced) {
        problem_ = synced.error().text;
        return;
    }
    anchored_ = file_->next_seq() - 1;
    send({"MESSAGE=the record of decisions stands at " + file_->head(),
          "PRIORITY=" + std::to_string(LOG_INFO),
          "MESSAGE_ID=" + std::string{sandbox::message_id::kAnchored},
          "AUDIT_FILE=" + file_->path(),
          "AUDIT_SEQ=" + std::to_string(anchored_),
          "AUDIT_HEAD=" + file_->head()});
}

void Recorder::write(core::TimePoint now, const engine::Record& record) {
    const RecordQuota::Verdict verdict = quota_.take(now, record);
    if (!verdict.is_written) {
        return;
    }
    if (!file_) {
        open(now);  // it may be back
    } else if (const core::Status placed = file_->check_place(); !placed) {
        put_aside(now, placed.error().text);
    }
    if (file_) {
        const core::Status written = file_->append(now,
                                                   engine::record_kind_id(record.kind),
                                                   record_fields(record, verdict.left_out),
                                                   sandbox::Sync::kNo);
        problem_ = written ? file_->rotation_problem() : written.error().text;
    }
    tell_journal(record, verdict.left_out);
}

}  // namespace gatemend::app
