// SPDX-License-Identifier: MIT
// What SELinux or AppArmor refused, out of one audit record: `type=AVC …`, `apparmor="DENIED" …`,
// as auditd, the kernel log and the journal write it. Called by read_audit_log and by whoever
// advises. The values are the machine's, still hostile (a process chooses its name); the advice
// names the usual switch and must never be run unread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::parse {

enum class LsmKind { kSelinux, kApparmor };

// Views into the record; "" where it does not say.
struct LsmDenial {
    LsmKind kind = LsmKind::kSelinux;
    std::string_view operation;  // "name_connect", "connect"
    std::string_view comm;
    std::string_view profile;      // AppArmor
    std::string_view path;         // of a file or socket
    std::string_view port;         // SELinux: dest or src
    std::string_view source_type;  // "httpd_t"
    std::string_view target_type;  // "http_cache_port_t"
    std::string_view target_class;
    bool is_permissive = false;  // logged, not refused
};

[[nodiscard]] std::optional<LsmDenial> parse_lsm_denial(std::string_view record);

// nginx, or the domain it runs in, was kept from a backend.
[[nodiscard]] bool is_connect_denial(const LsmDenial& denial);

// What a person would do about it, as commands to read first; "" when we know nothing better than
// to look. Sanitized.
[[nodiscard]] std::string lsm_advice(const LsmDenial& denial);

}  // namespace gatemend::parse
