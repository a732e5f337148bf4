// SPDX-License-Identifier: MIT
#include "sandbox/executor/ports.hpp"

#include "core/text.hpp"
#include "sandbox/audit/message_ids.hpp"

#include <syslog.h>

#include <utility>

namespace gatemend::sandbox {

void announce(const ExecutorPorts& ports, Record& record, Announcement announcement) {
    const Anchor end = record.end().value_or(Anchor{});
    record.note_anchored(end.seq);
    ports.notices.send({.message_id = announcement.message_id,
                        .priority = announcement.priority,
                        .message = std::move(announcement.text),
                        .unit = std::move(announcement.unit),
                        .audit_file = record.path(),
                        .audit_seq = end.seq,
                        .audit_head = end.hash,
                        .incident = announcement.incident});
}

Fault record_failed(const ExecutorPorts& ports, const core::Error& error) {
    ports.notices.send({.message_id = message_id::kRecordFailed,
                        .priority = LOG_CRIT,
                        .message = "the record cannot be written, nothing will be done: " +
                                   core::sanitize(error.text)});
    ports.ledger_changed();  // it is unreadable from now on, and status says so
    return {FaultKind::kRecordFailed, core::sanitize(error.text)};
}

}  // namespace gatemend::sandbox
