// SPDX-License-Identifier: MIT
#include "parse/nginx_messages.hpp"

#include "parse/message_detail.hpp"
#include "parse/nginx_stderr.hpp"
#include "parse/text_scan.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace gatemend::parse {
namespace {

using core::Symptom;
using enum MessageForm;
using enum MessageRule;

constexpr std::uint8_t kNowhere = phase_bit(UpstreamPhase::kNone);
constexpr std::uint8_t kConnecting = phase_bit(UpstreamPhase::kConnect);
constexpr std::uint8_t kHandshaking = phase_bit(UpstreamPhase::kHandshake);
constexpr std::uint8_t kSending = phase_bit(UpstreamPhase::kSend);
constexpr std::uint8_t kAwaitingHeader = phase_bit(UpstreamPhase::kHeader);
constexpr std::uint8_t kReadingBody = phase_bit(UpstreamPhase::kBody);
constexpr std::uint8_t kToClient = phase_bit(UpstreamPhase::kClient);
constexpr std::uint8_t kTalking = kSending | kAwaitingHeader | kReadingBody;
constexpr std::uint8_t kAnswering = kAwaitingHeader | kReadingBody | kToClient;

constexpr Symptom kNothing = Symptom::kNone;
constexpr std::uint8_t kClientText = kForeignText | kNoUpstream;

// Grouped by first byte (find_message() relies on it). Inside a group the frequent and the more
// specific come first. Look-alikes without kForeignText are here because they are known to carry no
// client's bytes in their message, so that they do not taint the lines beside them.
constexpr auto kMessages = std::to_array<MessageRow>({
    {"\"", kLookAlike, kNothing, 0, 0, kFixed, kClientText},  // "PATH" is not found / is forbidden

    {"FastCGI sent in stderr: \"Primary script unknown\"",
     kWhole,
     Symptom::kScriptNotFound,
     kAwaitingHeader,
     0,
     kFixed,
     kForeignText},
    {"FastCGI sent in stderr: \"Unable to open primary script: ",
     kStderr,
     Symptom::kScriptNotFound,
     kAwaitingHeader,
     0,
     kFixed,
     kForeignText},
    {kStderrPrefix, kStderr, Symptom::kScriptFatal, kAnswering, 500, kByStderr, kForeignText},

    {"SSL_do_handshake() failed", kTls, Symptom::kUpstreamTls, kHandshaking, 502},
    {"SSL_read() failed", kTls, Symptom::kUpstreamTls, kTalking, 502, kByIoErrno},
    {"SSL_write() failed", kTls, Symptom::kUpstreamTls, kTalking, 502, kByIoErrno},
    {"SSL_", kLookAlike},

    {"WSARecv() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},
    {"WSASend() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},

    {"accept4() failed",
     kErrno,
     Symptom::kNginxLimit,
     kNowhere,
     0,
     kByResourceErrno,
     kNoUpstream | kBare},
    {"accept() failed",
     kErrno,
     Symptom::kNginxLimit,
     kNowhere,
     0,
     kByResourceErrno,
     kNoUpstream | kBare},
    {"access forbidden by rule", kLookAlike},
    {"an upstream response is buffered to a temporary file", kLookAlike},
    {"a client request body is buffered to a temporary file", kLookAlike},
    {"auth request unexpected status: ", kLookAlike},

    {"bind(", kBind, Symptom::kUnreachable, kConnecting, 500},

    {"connect() failed", kErrno, kNothing, kConnecting, 502, kByConnectErrno},
    {"connect() to ", kConnectTo, kNothing, kConnecting, 502, kByConnectErrno},
    {"cache \"", kFree, Symptom::kConfigError, kNowhere, 500, kFixed, kClientText},
    {"client intended to send too large", kLookAlike},
    {"client prematurely closed connection", kLookAlike},
    {"client timed out", kLookAlike},
    {"client closed connection", kLookAlike},

    {"directory index of \"", kLookAlike, kNothing, 0, 0, kFixed, kClientText},

    {"epoll_wait() reported that client prematurely closed", kLookAlike},

    {"host not found in upstream \"",
     kFree,
     Symptom::kNameUnresolved,
     kNowhere,
     500,
     kFixed,
     kClientText},

    {"invalid header after joining FastCGI records",
     kWhole,
     Symptom::kInvalidResponse,
     kAwaitingHeader,
     500},
    {"invalid URL prefix in \"", kFree, Symptom::kConfigError, kNowhere, 500, kFixed, kClientText},
    {"invalid port in upstream \"",
     kFree,
     Symptom::kConfigError,
     kNowhere,
     500,
     kFixed,
     kClientText},
    {"invalid host in upstream \"",
     kFree,
     Symptom::kConfigError,
     kNowhere,
     500,
     kFixed,
     kClientText},

    {"kevent() reported that connect() failed",
     kErrno,
     kNothing,
     kConnecting,
     502,
     kByConnectErrno},

    {"limiting requests", kLookAlike},
    {"limiting connections", kLookAlike},

    {"memcached sent invalid ", kFree, Symptom::kInvalidResponse, kAnswering, 502},
    {"mkdir() \"",
     kPath,
     Symptom::kDiskFull,
     kNowhere | kReadingBody,
     500,
     kByResourceErrno,
     kNoUpstream},

    {"no live upstreams", kWhole, Symptom::kNoLiveUpstreams, kConnecting, 502},
    {"no resolver defined to resolve ",
     kName,
     Symptom::kNameUnresolved,
     kNowhere,
     502,
     kFixed,
     kNoUpstream},
    {"no port in upstream \"", kFree, Symptom::kConfigError, kNowhere, 500, kFixed, kClientText},
    {"no path in the unix domain socket in upstream \"",
     kFree,
     Symptom::kConfigError,
     kNowhere,
     500,
     kFixed,
     kClientText},
    {"no upstream configuration",
     kWhole,
     Symptom::kConfigError,
     kNowhere | kConnecting,
     500,
     kFixed,
     kNoUpstream},

    {"open() \"",
     kPath,
     Symptom::kDiskFull,
     kNowhere | kReadingBody,
     500,
     kByResourceErrno,
     kClientText},

    {"peer closed connection in SSL handshake",
     kMayErrno,
     Symptom::kUpstreamTls,
     kHandshaking,
     502},
    {"pwrite() \"",
     kPath,
     Symptom::kDiskFull,
     kNowhere | kReadingBody,
     500,
     kByResourceErrno,
     kNoUpstream},
    {"pwritev() \"",
     kPath,
     Symptom::kDiskFull,
     kNowhere | kReadingBody,
     500,
     kByResourceErrno,
     kNoUpstream},

    {"recv() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},
    {"readv() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},

    {"send() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},
    {"sendfile() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},
    {"socket() failed", kErrno, Symptom::kNginxLimit, kConnecting, 500, kByResourceErrno},

    {"the new socket has number ", kFree, Symptom::kNginxLimit, kConnecting, 500},

    {"upstream timed out",
     kErrno,
     kNothing,
     kConnecting | kHandshaking | kTalking | kToClient,
     504,
     kByPhase},
    {"upstream prematurely closed connection", kWhole, Symptom::kClosedEarly, kAnswering, 502},
    {"upstream sent too big header", kWhole, Symptom::kHeaderTooBig, kAwaitingHeader, 502},
    {"upstream sent no valid HTTP/1.0 header",
     kWhole,
     Symptom::kInvalidResponse,
     kAwaitingHeader,
     0},
    {"upstream sent more data than specified", kLookAlike},
    {"upstream sent data after ", kLookAlike},
    // 1.21.1 to 1.21.3 logged this one at `info`.
    {"upstream sent invalid header",
     kFree,
     Symptom::kInvalidResponse,
     kTalking,
     502,
     kFixed,
     kAnyLevel},
    // Every other complaint of the HTTP, FastCGI, uwsgi, SCGI and HTTP/2 modules.
    {"upstream sent ", kFree, Symptom::kInvalidResponse, kTalking, 502},
    {"upstream prematurely closed FastCGI ", kFree, Symptom::kClosedEarly, kAnswering, 502},
    {"upstream prematurely closed stream", kWhole, Symptom::kClosedEarly, kTalking, 502},
    {"upstream prematurely sent response", kWhole, Symptom::kInvalidResponse, kTalking, 502},
    {"upstream rejected request with error ", kFree, Symptom::kInvalidResponse, kTalking, 502},
    {"upstream violated ", kFree, Symptom::kInvalidResponse, kTalking, 502},
    {"upstream SSL certificate ", kFree, Symptom::kUpstreamTls, kHandshaking, 502},
    {"upstream server temporarily disabled", kLookAlike},
    {"user \"", kLookAlike, kNothing, 0, 0, kFixed, kClientText},

    {"writev() failed", kErrno, kNothing, kTalking, 502, kByIoErrno},

    {"zero length URI to proxy", kWhole, Symptom::kConfigError, kNowhere, 500, kFixed, kNoUpstream},
});

struct RowRange {
    std::uint8_t first = 0;
    std::uint8_t count = 0;
};

constexpr std::array<RowRange, 256> index_by_first_byte() {
    static_assert(kMessages.size() < 256);
    std::array<RowRange, 256> ranges{};
    for (std::size_t i = 0; i < kMessages.size(); ++i) {
        RowRange& range = ranges[static_cast<unsigned char>(kMessages[i].prefix[0])];
        if (range.count == 0) {
            range.first = static_cast<std::uint8_t>(i);
        }
        ++range.count;
    }
    return ranges;
}

constexpr std::array<RowRange, 256> kRanges = index_by_first_byte();

constexpr bool is_grouped() {
    for (std::size_t i = 0; i < kMessages.size(); ++i) {
        const RowRange range = kRanges[static_cast<unsigned char>(kMessages[i].prefix[0])];
        if (i < range.first || i >= static_cast<std::size_t>(range.first) + range.count) {
            return false;
        }
    }
    return true;
}

static_assert(is_grouped(), "rows with the same first byte must stand together");

constexpr MessageRow kWorkerConnections{
    " worker_connections are not enough",
    MessageForm::kWhole,
    Symptom::kNginxLimit,
    phase_bit(UpstreamPhase::kNone) | phase_bit(UpstreamPhase::kConnect),
    500,
    MessageRule::kFixed,
    kBare | kNoUpstream};
constexpr MessageRow kReusingConnections{" worker_connections are not enough, reusing connections",
                                         MessageForm::kWhole,
                                         Symptom::kNginxLimit,
                                         phase_bit(UpstreamPhase::kNone),
                                         0,
                                         MessageRule::kFixed,
                                         kBare | kNoUpstream | kAnyLevel};
constexpr MessageRow kNotResolved{" could not be resolved",
                                  MessageForm::kResolver,
                                  Symptom::kNameUnresolved,
                                  phase_bit(UpstreamPhase::kNone),
                                  502,
                                  MessageRule::kFixed,
                                  kNoUpstream};

std::uint64_t load(const char* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

// starts_with() in words and without a call: most lines of a log come through here.
bool has_prefix(std::string_view text, std::string_view prefix) {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    if (text.size() < prefix.size()) {
        return false;
    }
    if (prefix.size() < kWord) {
        return text.starts_with(prefix);
    }
    const std::size_t last = prefix.size() - kWord;
    if (load(text.data() + last) != load(prefix.data() + last)) {
        return false;
    }
    for (std::size_t at = 0; at < last; at += kWord) {
        if (load(text.data() + at) != load(prefix.data() + at)) {
            return false;
        }
    }
    return true;
}

}  // namespace

const MessageRow* find_message(std::string_view message) {
    if (message.empty()) {
        return nullptr;
    }
    const RowRange range = kRanges[static_cast<unsigned char>(message[0])];
    const MessageRow* row = kMessages.data() + range.first;
    for (const MessageRow* end = row + range.count; row != end; ++row) {
        if (has_prefix(message, row->prefix)) {
            return row;
        }
    }
    return nullptr;
}

const MessageRow* find_after_value(std::string_view message, std::size_t& value_size) {
    const std::size_t end = message.substr(0, kLongestHostName + 1).find(' ');
    if (end == std::string_view::npos || !is_host_name(message.substr(0, end))) {
        return nullptr;
    }
    value_size = end;
    for (const MessageRow* row : {&kReusingConnections, &kWorkerConnections, &kNotResolved}) {
        if (message.substr(end).starts_with(row->prefix)) {
            return row;
        }
    }
    return nullptr;
}

bool is_severe_enough(const MessageRow& row, Level level) {
    if ((row.traits & kAnyLevel) != 0) {
        return true;
    }
    // A missing static file is `error`; the errno of a path is ours only from `crit` on.
    return row.form == MessageForm::kPath ? level <= Level::kCrit : level <= Level::kError;
}

core::Symptom emergency_symptom(std::string_view message, int& error_number) {
    TextScan scan(message);
    if (scan.skip("malloc(") || scan.skip("posix_memalign(") || scan.skip("memalign(")) {
        return Symptom::kNone;
    }
    const Symptom symptom = scan.skip("host not found in upstream \"") ? Symptom::kNameUnresolved
                                                                       : Symptom::kConfigError;
    if (!scan.until(" failed (", kNginxRecordBytes) || !scan.skip(" failed (")) {
        return symptom;
    }
    error_number = scan.number(5).value_or(0);
    if (error_number == 28) {
        return Symptom::kDiskFull;
    }
    return error_number == 23 || error_number == 24 ? Symptom::kNginxLimit : symptom;
}

// Any other number still means that this address cannot be reached from here and that no unit is to
// blame.
core::Symptom connect_symptom(int error_number, bool is_unix) {
    switch (error_number) {
        case 111:
            return Symptom::kConnectRefused;
        case 2:
            return is_unix ? Symptom::kSocketMissing : Symptom::kUnreachable;
        case 13:
        case 1:
            return Symptom::kConnectDenied;
        case 11:
            return is_unix ? Symptom::kBackendSaturated : Symptom::kUnreachable;
        case 110:
            return Symptom::kConnectTimeout;
        case 104:
            return Symptom::kClosedEarly;
        case 23:
        case 24:
            return Symptom::kNginxLimit;
        case 28:
            return Symptom::kDiskFull;
        default:
            return Symptom::kUnreachable;
    }
}

core::Symptom io_symptom(int error_number) {
    switch (error_number) {
        case 110:
            return Symptom::kResponseTimeout;
        case 100:
        case 101:
        case 112:
        case 113:
            return Symptom::kUnreachable;
        case 28:
            return Symptom::kDiskFull;
        default:
            return Symptom::kClosedEarly;
    }
}

}  // namespace gatemend::parse
