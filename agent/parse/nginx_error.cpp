// SPDX-License-Identifier: MIT
#include "parse/nginx_error.hpp"

#include "parse/nginx_messages.hpp"
#include "parse/record_context.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace gatemend::parse {
namespace {

using core::Symptom;

enum class Level : std::uint8_t { kEmerg, kAlert, kCrit, kError, kWarn, kNotice, kInfo, kDebug };

struct LevelName {
    std::string_view text;
    Level level;
};

// By frequency in real logs.
constexpr std::array<LevelName, 8> kLevels{{{"error] ", Level::kError},
                                            {"crit] ", Level::kCrit},
                                            {"notice] ", Level::kNotice},
                                            {"info] ", Level::kInfo},
                                            {"warn] ", Level::kWarn},
                                            {"alert] ", Level::kAlert},
                                            {"emerg] ", Level::kEmerg},
                                            {"debug] ", Level::kDebug}}};

struct ActionName {
    std::string_view text;
    UpstreamPhase phase;
};

constexpr std::array<ActionName, 6> kActions{{
    {"reading response header from upstream", UpstreamPhase::kHeader},
    {"connecting to upstream", UpstreamPhase::kConnect},
    {"reading upstream", UpstreamPhase::kBody},
    {"sending request to upstream", UpstreamPhase::kSend},
    {"SSL handshaking to upstream", UpstreamPhase::kHandshake},
    {"sending to client", UpstreamPhase::kClient},
}};

constexpr std::string_view kWhile = " while ";
constexpr std::string_view kClientField = ", client: ";
constexpr std::string_view kStampForm = "0000/00/00 00:00:00 [";
constexpr std::size_t kStampBytes = 19;
constexpr std::size_t kShortestHeader =
    32;  // a stamp, a level, "1#0: " and room for two word loads
constexpr std::size_t kLongestErrnoText = 96;
constexpr std::size_t kLongestAddress = 128;  // sun_path holds 108
constexpr std::size_t kLongestName = 255;

struct Header {
    Level level = Level::kDebug;
    std::string_view level_text;
    std::string_view message;
    bool has_connection = false;
};

// Compares eight bytes at once with a form in which '0' stands for any digit: after XOR a digit is
// 0..9 and everything else must be 0; adding carries into the top bit exactly where it is more.
template <std::size_t kAt>
bool matches_form(const char* bytes) {
    std::uint64_t word = 0;
    std::uint64_t form = 0;
    std::memcpy(&word, bytes + kAt, sizeof word);
    std::memcpy(&form, kStampForm.data() + kAt, sizeof form);
    std::array<unsigned char, 8> slack{};
    for (std::size_t i = 0; i < slack.size(); ++i) {
        slack[i] = kStampForm[kAt + i] == '0' ? 0x76 : 0x7F;
    }
    std::uint64_t add = 0;
    std::memcpy(&add, slack.data(), sizeof add);
    const std::uint64_t difference = word ^ form;
    return ((difference | (difference + add)) & 0x8080808080808080U) == 0;
}

// Digits at `at`; returns the position after them, or `at` when there are none or too many.
std::size_t skip_digits(std::string_view line, std::size_t at, std::size_t max) {
    const std::size_t end = std::min(line.size(), at + max);
    std::size_t i = at;
    while (i < end && is_digit(line[i])) {
        ++i;
    }
    return i;
}

// "21214#21214: *57 ": process, thread (0 in builds without threads), connection if there is one.
bool parse_ids(std::string_view line, std::size_t at, Header& header) {
    const std::size_t pid_end = skip_digits(line, at, 10);
    if (pid_end == at || pid_end + 1 >= line.size() || line[pid_end] != '#') {
        return false;
    }
    std::size_t end = skip_digits(line, pid_end + 1, 10);
    if (end == pid_end + 1 || end + 2 > line.size() || line[end] != ':' || line[end + 1] != ' ') {
        return false;
    }
    end += 2;
    if (end < line.size() && line[end] == '*') {
        const std::size_t connection_end = skip_digits(line, end + 1, 20);
        if (connection_end > end + 1 && connection_end < line.size() &&
            line[connection_end] == ' ') {
            header.has_connection = true;
            end = connection_end + 1;
        }
    }
    header.message = line.substr(end);
    return true;
}

bool parse_header(std::string_view line, Header& header) {
    if (line.size() < kShortestHeader || !matches_form<0>(line.data()) ||
        !matches_form<8>(line.data()) || !matches_form<13>(line.data())) {
        return false;
    }
    const std::string_view rest = line.substr(kStampForm.size());
    for (const LevelName& name : kLevels) {
        if (rest.starts_with(name.text)) {
            header.level = name.level;
            header.level_text = rest.substr(0, name.text.size() - 2);
            return parse_ids(line, kStampForm.size() + name.text.size(), header);
        }
    }
    return false;
}

// A message taken apart as far as its context.
struct Message {
    int error_number = 0;
    UpstreamPhase phase = UpstreamPhase::kNone;
    bool has_action = false;
    std::string_view address;  // of `connect() to ADDRESS`
    std::size_t size = 0;      // up to (errno), ` while ` or `, client: `
    bool is_known = false;     // of the row's form, whatever the context
    bool is_open = false;      // the context is on a later line
    bool is_tls_text = false;
    bool is_short_write = false;
    bool has_quote = false;  // quotes or odd bytes where somebody else chose them
};

// " (111: Connection refused)"; the text depends on the libc and is not looked at.
std::optional<int> parse_errno(TextScan& scan) {
    TextScan ahead = scan;
    if (!ahead.skip(" (")) {
        return std::nullopt;
    }
    const auto number = ahead.number(5);
    if (!number || !ahead.skip(": ") || !ahead.until(")", kLongestErrnoText) || !ahead.skip(")")) {
        return std::nullopt;
    }
    scan = ahead;
    return number;
}

// ` while ACTION` in front of `, client: `, or directly `, client: `, or the end of the line.
bool parse_action(TextScan& scan, Message& message) {
    if (scan.is_at_end() || scan.rest().starts_with(kClientField)) {
        return true;
    }
    if (!scan.skip(kWhile)) {
        return false;
    }
    message.has_action = true;
    for (const ActionName& action : kActions) {
        TextScan ahead = scan;
        if (ahead.skip(action.text) && ahead.rest().starts_with(kClientField)) {
            message.phase = action.phase;
            scan = ahead;
            return true;
        }
    }
    return false;
}

// Free text ends where the first known context begins.
bool parse_free(TextScan& scan, Message& message) {
    const std::string_view text = scan.rest();
    for (std::size_t at = 0; at < text.size(); ++at) {
        at = text.find_first_of(" ,", at);
        if (at == std::string_view::npos) {
            break;
        }
        TextScan ahead(text.substr(at));
        if (!ahead.rest().starts_with(kWhile) && !ahead.rest().starts_with(kClientField)) {
            continue;
        }
        if (parse_action(ahead, message)) {
            message.size += at;
            message.has_quote = text.substr(0, at).find('"') != std::string_view::npos;
            scan = ahead;
            return true;
        }
        message.has_action = false;
    }
    return false;
}

// "ADDRESS failed (N: text)" of connect() to, "ADDRESS) failed (N: text)" of bind().
bool parse_addressed(TextScan& scan, std::string_view separator, Message& message) {
    const auto address = scan.until(separator, kLongestAddress);
    if (!address || !scan.skip(separator)) {
        return false;
    }
    message.address = *address;
    const auto number = parse_errno(scan);
    message.error_number = number.value_or(0);
    return number.has_value();
}

bool parse_tls(TextScan& scan, Message& message) {
    if (const auto number = parse_errno(scan)) {
        message.error_number = *number;
        return true;
    }
    message.is_tls_text = true;
    return scan.skip(" (SSL: ") && scan.until(") while ", kNginxRecordBytes) && scan.skip(")");
}

bool parse_path(TextScan& scan, Message& message) {
    const auto path = scan.until("\" ", kNginxRecordBytes);
    if (!path || !scan.skip("\" ")) {
        return false;
    }
    message.has_quote = !std::ranges::all_of(*path, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
               c == '_' || c == '/' || c == '-';
    });
    if (scan.skip("has written only ")) {
        message.is_short_write = true;
        return scan.number() && scan.skip(" of ") && scan.number();
    }
    if (!scan.skip("failed")) {
        return false;
    }
    const auto number = parse_errno(scan);
    message.error_number = number.value_or(0);
    return number.has_value();
}

bool is_host_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName && std::ranges::all_of(name, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
               c == '_' || c == '-';
    });
}

bool parse_name(TextScan& scan) {
    const auto name = scan.until(kClientField, kLongestName);
    return name && is_host_name(*name);
}

// What stands between the prefix and the context.
bool parse_detail(const MessageRow& row, TextScan& scan, Message& message) {
    switch (row.form) {
        case MessageForm::kWhole:
            return true;
        case MessageForm::kErrno:
        case MessageForm::kMayErrno: {
            const auto number = parse_errno(scan);
            message.error_number = number.value_or(0);
            return number.has_value() || row.form == MessageForm::kMayErrno;
        }
        case MessageForm::kConnectTo:
            return parse_addressed(scan, " failed", message);
        case MessageForm::kBind:
            return parse_addressed(scan, ") failed", message);
        case MessageForm::kResolver:
            return parse_errno(scan).has_value();
        case MessageForm::kTls:
            return parse_tls(scan, message);
        case MessageForm::kPath:
            return parse_path(scan, message);
        case MessageForm::kName:
            return parse_name(scan);
        case MessageForm::kFree:
        case MessageForm::kStderr:
            return true;  // parse_free() finds the end
        case MessageForm::kLookAlike:
            return false;
    }
    return false;
}

// Leaves `scan` at the context.
bool parse_message(const MessageRow& row, TextScan& scan, Message& message) {
    const std::size_t whole = scan.rest().size();
    scan.advance(row.prefix.size());
    message.is_known = parse_detail(row, scan, message);
    if (!message.is_known) {
        return false;
    }
    message.size = whole - scan.rest().size();
    if (row.form == MessageForm::kFree || row.form == MessageForm::kStderr) {
        message.is_known = parse_free(scan, message);
        if (!message.is_known) {
            message.is_open = row.form == MessageForm::kStderr;
            return message.is_open;
        }
        return true;
    }
    return parse_action(scan, message);
}

Symptom phase_symptom(UpstreamPhase phase) {
    switch (phase) {
        case UpstreamPhase::kConnect:
            return Symptom::kConnectTimeout;
        case UpstreamPhase::kHandshake:
            return Symptom::kUpstreamTls;
        case UpstreamPhase::kSend:
        case UpstreamPhase::kHeader:
        case UpstreamPhase::kBody:
        case UpstreamPhase::kClient:
            return Symptom::kResponseTimeout;
        case UpstreamPhase::kNone:
            return Symptom::kNone;
    }
    return Symptom::kNone;
}

Symptom choose_symptom(const MessageRow& row, const Message& message) {
    switch (row.rule) {
        case MessageRule::kFixed:
            return row.symptom;
        case MessageRule::kByConnectErrno:
            return connect_symptom(message.error_number, message.address.starts_with("unix:"));
        case MessageRule::kByIoErrno:
            return message.is_tls_text ? row.symptom : io_symptom(message.error_number);
        case MessageRule::kByPhase:
            return message.error_number == 110 || message.error_number == 60
                       ? phase_symptom(message.phase)
                       : Symptom::kNone;
        case MessageRule::kByResourceErrno:
            if (message.error_number == 23 || message.error_number == 24) {
                return Symptom::kNginxLimit;
            }
            return message.error_number == 28 || message.is_short_write ? Symptom::kDiskFull
                                                                        : Symptom::kNone;
    }
    return Symptom::kNone;
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

bool is_overlong(std::string_view line) {
    return line.size() + 1 >= kNginxRecordBytes;
}

// "2026/13/45 25:61:61" has the form, but no nginx wrote it.
bool is_calendar_time(std::string_view time) {
    const auto two = [time](std::size_t at) {
        return (time[at] - '0') * 10 + (time[at + 1] - '0');
    };
    return two(5) >= 1 && two(5) <= 12 && two(8) >= 1 && two(8) <= 31 && two(11) <= 23 &&
           two(14) <= 59 && two(17) <= 60;
}

int client_status(const MessageRow& row, const Message& message, const RecordContext& context) {
    const bool has_header_gone =
        message.phase == UpstreamPhase::kBody || message.phase == UpstreamPhase::kClient;
    return has_header_gone || context.has_subrequest || !context.is_http ? 0 : row.status;
}

bool is_row_trusted(const MessageRow& row, const Message& message, const RecordContext& context) {
    if ((row.traits & kForeignText) != 0 || message.has_quote) {
        return false;
    }
    if (!context.is_http) {
        return true;  // no client in it at all
    }
    if (!context.is_complete || !context.is_plain) {
        return false;
    }
    if ((row.traits & kNoUpstream) != 0) {
        return true;
    }
    return !context.upstream.empty() && (row.form != MessageForm::kConnectTo ||
                                         upstream_address(context.upstream) == message.address);
}

bool is_severe_enough(const MessageRow& row, Level level) {
    if ((row.traits & kAnyLevel) != 0) {
        return true;
    }
    // A missing static file is `error`; the errno of a path is ours only from `crit` on.
    return row.form == MessageForm::kPath ? level <= Level::kCrit : level <= Level::kError;
}

// A row of the table that may be a symptom.
void read_candidate(const MessageRow& row, const Header& header, NginxErrorLine& answer) {
    NginxError& record = answer.record;
    TextScan scan(header.message);
    Message message;
    const bool is_read = parse_message(row, scan, message);
    answer.is_tainting = (row.traits & kForeignText) != 0 || !message.is_known;
    if (!is_read || !is_severe_enough(row, header.level) ||
        (!message.is_open && (row.phases & phase_bit(message.phase)) == 0) ||
        (message.has_action && message.phase == UpstreamPhase::kNone)) {
        record.is_trusted = !answer.is_tainting;
        return;
    }
    const bool is_bare = scan.is_at_end() && (row.traits & kBare) != 0;
    const RecordContext context = parse_record_context(scan.rest());
    if (!context.is_http && !is_bare && !message.is_open) {
        return;  // stream{}, or cut too early to tell
    }
    if (!is_calendar_time(record.time)) {
        answer.shape = LineShape::kFragment;
        answer.is_tainting = true;
        return;
    }
    record.symptom = choose_symptom(row, message);
    record.error_number = message.error_number;
    record.phase = message.phase;
    record.is_trusted = is_row_trusted(row, message, context);
    if (message.is_open || (context.is_http && !context.is_complete)) {
        answer.shape = LineShape::kTruncated;
    }
    if (record.symptom == Symptom::kNone) {
        return;
    }
    record.status = client_status(row, message, context);
    record.upstream = (row.traits & kNoUpstream) != 0 ? std::string_view() : context.upstream;
    record.message = header.message.substr(0, message.size);
}

void read_look_alike(const MessageRow& row, std::string_view line, NginxErrorLine& answer) {
    answer.is_tainting = (row.traits & kForeignText) != 0;
    if (answer.is_tainting && !line.ends_with('"')) {
        answer.shape = LineShape::kTruncated;
    }
    answer.record.is_trusted = !answer.is_tainting;
}

// `[emerg]` outside a request: a configuration that nginx did not accept, or could not carry out.
void read_emergency(const Header& header, NginxErrorLine& answer) {
    NginxError& record = answer.record;
    answer.is_tainting = false;
    record.is_trusted = std::ranges::none_of(header.message, is_control);
    TextScan scan(header.message);
    if (scan.skip("malloc(") || scan.skip("posix_memalign(") || scan.skip("memalign(")) {
        return;
    }
    record.symptom = scan.skip("host not found in upstream \"") ? Symptom::kNameUnresolved
                                                                : Symptom::kConfigError;
    if (!scan.until(" failed (", kNginxRecordBytes) || !scan.skip(" failed (")) {
        return;
    }
    record.error_number = scan.number(5).value_or(0);
    if (record.error_number == 28) {
        record.symptom = Symptom::kDiskFull;
    } else if (record.error_number == 23 || record.error_number == 24) {
        record.symptom = Symptom::kNginxLimit;
    }
}

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

// Messages that begin with a value: "512 worker_connections…", "NAME could not be resolved…".
const MessageRow* find_after_value(std::string_view message, std::size_t& value_size) {
    const std::size_t end = message.substr(0, kLongestName + 1).find(' ');
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

void read_unlisted(const Header& header, NginxErrorLine& answer) {
    std::size_t value_size = 0;
    if (const MessageRow* row = find_after_value(header.message, value_size)) {
        Header behind = header;
        behind.message.remove_prefix(value_size);
        read_candidate(*row, behind, answer);
        return;
    }
    // Modules and scripts log a client's bytes with the request's connection number; what the
    // processes say about themselves has none.
    answer.is_tainting = header.has_connection;
    answer.record.is_trusted = !answer.is_tainting;
}

}  // namespace

std::string_view upstream_phase_id(UpstreamPhase phase) {
    switch (phase) {
        case UpstreamPhase::kNone:
            return "none";
        case UpstreamPhase::kConnect:
            return "connect";
        case UpstreamPhase::kHandshake:
            return "handshake";
        case UpstreamPhase::kSend:
            return "send";
        case UpstreamPhase::kHeader:
            return "header";
        case UpstreamPhase::kBody:
            return "body";
        case UpstreamPhase::kClient:
            return "client";
    }
    return "none";
}

NginxErrorLine parse_nginx_error(std::string_view line) {
    NginxErrorLine answer;
    Header header;
    if (!parse_header(line, header)) {
        return answer;
    }
    answer.shape = LineShape::kRecord;
    answer.record.time = line.substr(0, kStampBytes);
    answer.record.level = header.level_text;
    answer.record.message = header.message;
    if (header.level == Level::kEmerg && !header.has_connection) {
        read_emergency(header, answer);
    } else if (const MessageRow* row = find_message(header.message); row == nullptr) {
        read_unlisted(header, answer);
    } else if (row->form == MessageForm::kLookAlike) {
        read_look_alike(*row, line, answer);
    } else {
        read_candidate(*row, header, answer);
    }
    if (is_overlong(line)) {
        answer.shape = LineShape::kTruncated;
        answer.is_tainting = true;
    }
    answer.record.is_trusted = answer.record.is_trusted && answer.shape == LineShape::kRecord;
    return answer;
}

}  // namespace gatemend::parse
