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

void tell_journal(const engine::Record& record, const sandbox::AuditFile* file) {
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
    if (file != nullptr) {
        add("AUDIT_FILE", file->path());
        add("AUDIT_SEQ", std::to_string(file->next_seq() - 1));
        add("AUDIT_HEAD", file->head());
    }
    if (record.incident != 0) {
        add("GATEMEND_INCIDENT", std::to_string(record.incident));
    }
    send(fields);
}

}  // namespace

Recorder::Recorder(const std::string& path, core::TimePoint now) {
    const auto read = sandbox::read_audit(path, [](std::string_view) {});
    const bool is_good = !read || read->problem == sandbox::AuditProblem::kNone ||
                         read->problem == sandbox::AuditProblem::kTornLastLine;
    auto opened = is_good ? sandbox::AuditFile::open({.path = path, .mode = kFileMode})
                          : core::Result<sandbox::AuditFile>{core::Error{read->text}};
    if (!opened) {
        const std::string problem = opened.error().text;
        opened = sandbox::AuditFile::start_over({.path = path, .mode = kFileMode}, now, problem);
    }
    if (opened) {
        file_ = std::move(*opened);
    } else {
        problem_ = opened.error().text;
    }
}

// Every record is in the journal with its place in the chain, so no clock is needed for that.
void Recorder::write(core::TimePoint now, const engine::Record& record) {
    bool is_written = false;
    if (file_) {
        const core::Status written = file_->append(
            now, engine::record_kind_id(record.kind), record_fields(record), sandbox::Sync::kNo);
        is_written = written.has_value();
        problem_ = is_written ? file_->rotation_problem() : written.error().text;
    }
    tell_journal(record, is_written ? &*file_ : nullptr);
}

}  // namespace gatemend::app
