// SPDX-License-Identifier: MIT
// Journal entries with a MESSAGE_ID for what an administrator must be able to find, and as an
// anchor of the audit outside its file (AUDIT_FILE, AUDIT_SEQ, AUDIT_HEAD). Called by the executor;
// failing to write one is ignored, because the audit file is the record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

struct Notice {
    std::string_view message_id;
    int priority = 6;       // syslog's
    std::string message{};  // already sanitized
    std::string unit{};
    std::string audit_file{};  // with what follows: the anchor
    std::uint64_t audit_seq = 0;
    std::string audit_head{};
    std::uint64_t incident = 0;
};

class Notices {
  public:
    virtual ~Notices();
    virtual void send(const Notice& notice) = 0;

  protected:
    Notices() = default;
};

class JournalNotices final : public Notices {
  public:
    void send(const Notice& notice) override;
};

}  // namespace gatemend::sandbox
