// SPDX-License-Identifier: MIT
#include "app/recorder.hpp"

#include "app/documents.hpp"
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

void tell_journal(const engine::Record& record, std::string_view hash) {
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
    add("GATEMEND_HASH", hash);
    if (record.incident != 0) {
        add("GATEMEND_INCIDENT", std::to_string(record.incident));
    }
    send(fields);
}

}  // namespace

Recorder::Recorder(const std::string& path) {
    auto opened = sandbox::AuditFile::open(path, kFileMode);
    if (opened) {
        file_ = std::move(*opened);
    } else {
        problem_ = opened.error().text;
    }
}

void Recorder::write(core::TimePoint now, const engine::Record& record) {
    std::string_view hash;
    if (file_) {
        const core::Status written = file_->append(
            now, engine::record_kind_id(record.kind), record_fields(record), sandbox::Sync::kNo);
        problem_ = written ? "" : written.error().text;
        hash = file_->head();
    }
    tell_journal(record, hash);
}

}  // namespace gatemend::app
