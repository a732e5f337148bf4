// SPDX-License-Identifier: MIT
// The messages of nginx's error log we know, as one table: how each begins, what may follow, where
// in the upstream conversation it may stand and what it means. Used by parse_nginx_error only. A
// message that is not here never means anything. Order inside a first letter matters: first match
// wins.
#pragma once

#include "core/symptom.hpp"
#include "parse/nginx_error.hpp"
#include "parse/record_header.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatemend::parse {

// What follows the prefix, up to the context (` while ACTION, client: ` or `, client: `).
enum class MessageForm : std::uint8_t {
    kWhole,      // nothing
    kErrno,      // " (N: text)"
    kMayErrno,   // nothing or " (N: text)"
    kConnectTo,  // ADDRESS " failed (N: text)"
    kBind,       // ADDRESS ") failed (N: text)"
    kResolver,   // " (N: text)" whose number is the resolver's, no errno
    kTls,        // " (SSL: text)" or " (N: text)"
    kFree,       // text of the backend or of OpenSSL
    kName,       // a host name
    kPath,       // PATH `" failed (N: text)`: the path may be the client's
    kStderr,     // text of the application; the context may be on a later line
    kLookAlike,  // anything: not a failure of an upstream
};

// How the symptom is chosen.
enum class MessageRule : std::uint8_t {
    kFixed,
    kByConnectErrno,
    kByIoErrno,
    kByPhase,
    kByResourceErrno,
    kByStderr  // nothing unless the quoted text says that a script ended
};

enum MessageTrait : std::uint8_t {
    kPlain = 0,
    kForeignText = 1,  // taints its neighbours and is never trusted
    kNoUpstream = 2,   // the record has no `upstream:` field of nginx's own
    kAnyLevel = 4,     // also below `error`
    kBare = 8,         // also without a client
};

constexpr std::uint8_t phase_bit(UpstreamPhase phase) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(phase));
}

struct MessageRow {
    std::string_view prefix;
    MessageForm form = MessageForm::kLookAlike;
    core::Symptom symptom = core::Symptom::kNone;
    std::uint8_t phases = 0;  // phase_bit()s; kNone: no ` while ` clause
    int status = 0;           // while no header has been sent
    MessageRule rule = MessageRule::kFixed;
    std::uint8_t traits = kPlain;
};

// nullptr: not in the table.
[[nodiscard]] const MessageRow* find_message(std::string_view message);

// Messages that begin with a value: "512 worker_connections …", "NAME could not be resolved …". The
// row's prefix begins at `value_size`.
[[nodiscard]] const MessageRow* find_after_value(std::string_view message, std::size_t& value_size);

// Whether a record of this level can be a failure at all.
[[nodiscard]] bool is_severe_enough(const MessageRow& row, Level level);

// "host not found in upstream …" or any other complaint of `[emerg]` outside a request.
[[nodiscard]] core::Symptom emergency_symptom(std::string_view message, int& error_number);

// What the number means for connect(), and for reading or writing an established connection.
[[nodiscard]] core::Symptom connect_symptom(int error_number, bool is_unix);
[[nodiscard]] core::Symptom io_symptom(int error_number);

}  // namespace gatemend::parse
