// SPDX-License-Identifier: MIT
#include "sandbox/executor/notices.hpp"

#include <systemd/sd-journal.h>

#include <sys/uio.h>

#include <array>
#include <utility>
#include <vector>

namespace gatemend::sandbox {

Notices::~Notices() = default;

void JournalNotices::send(const Notice& notice) {
    std::vector<std::string> fields;
    fields.push_back("MESSAGE=" + notice.message);
    fields.push_back("MESSAGE_ID=" + std::string{notice.message_id});
    fields.push_back("PRIORITY=" + std::to_string(notice.priority));
    fields.push_back("SYSLOG_IDENTIFIER=gatemend-executor");
    if (!notice.unit.empty()) {
        fields.push_back("GATEMEND_UNIT=" + notice.unit);
    }
    if (!notice.audit_head.empty()) {
        fields.push_back("AUDIT_FILE=" + notice.audit_file);
        fields.push_back("AUDIT_SEQ=" + std::to_string(notice.audit_seq));
        fields.push_back("AUDIT_HEAD=" + notice.audit_head);
    }
    if (notice.incident != 0) {
        fields.push_back("INCIDENT=" + std::to_string(notice.incident));
    }
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (std::string& field : fields) {
        parts.push_back({field.data(), field.size()});
    }
    (void)sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));  // see the header
}

}  // namespace gatemend::sandbox
