// SPDX-License-Identifier: MIT
#include "parse/nginx_loose.hpp"

#include "parse/foreign_errno.hpp"
#include "parse/loose_header.hpp"
#include "parse/message_detail.hpp"
#include "parse/nginx_finding.hpp"
#include "parse/nginx_messages.hpp"
#include "parse/nginx_stderr.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>

namespace gatemend::parse {
namespace {

using core::Symptom;

constexpr std::string_view kWhile = " while ";
constexpr std::size_t kLongestErrnoText = 512;  // Windows explains itself, and in any language
constexpr std::size_t kLongestAddress = 256;
constexpr std::size_t kFarthestRecord = 320;
constexpr std::size_t kTellingPrefix = 4;  // a quote alone is no message

void skip_blanks(TextScan& scan) {
    while (scan.skip(" ")) {
    }
}

struct LooseMessage {
    MessageDetail detail;
    std::string_view words;    // the message itself
    std::string_view context;  // behind the action
    bool has_other_action = false;
};

// As much of an action as nobody else's begins with.
constexpr std::size_t kTellingBytes = 9;

// `text` begins behind ` while `; kNone: not an action of an upstream, or too little left of it.
UpstreamPhase action_phase(std::string_view text, std::size_t& size) {
    for (const ActionName& action : kUpstreamActions) {
        const std::string_view end = text.substr(0, action.text.size());
        const bool is_whole = end == action.text;
        if (is_whole &&
            (text.size() == end.size() ||
             std::string_view(", \"').;\t").find(text[end.size()]) != std::string_view::npos)) {
            size = end.size();
            return action.phase;
        }
        const bool is_cut = !is_whole && end.size() == text.size() && end.size() >= kTellingBytes &&
                            action.text.starts_with(end);
        if (is_cut) {
            size = end.size();
            return action.phase;
        }
    }
    return UpstreamPhase::kNone;
}

// " (111: Connection refused)", also cut, without its number, or in any language.
void read_errno(TextScan& scan, MessageDetail& detail) {
    TextScan ahead = scan;
    (void)ahead.skip("...");  // nginx's mark of a message it had to cut
    (void)ahead.skip(":");
    skip_blanks(ahead);
    if (!ahead.skip("(")) {
        return;
    }
    const std::string_view rest = ahead.rest();
    const auto number = ahead.number(6);
    const std::string_view text = ahead.rest();
    // "(10061: No connection could be made (…))": to the last bracket in front of the action.
    const std::size_t limit =
        std::min(text.find(kWhile), std::min(text.find(", client"), text.size()));
    const std::string_view inside = text.substr(0, std::min(limit, kLongestErrnoText));
    const std::size_t close = inside.rfind(')');
    if (number) {
        detail.error_number = *number;
    } else {
        detail.error_number =
            errno_of_text(rest.substr(0, close == std::string_view::npos ? inside.size() : close));
    }
    if (close == std::string_view::npos && limit != text.size()) {
        return;
    }
    ahead.advance(close == std::string_view::npos ? text.size() : close + 1);
    scan = ahead;
}

void read_addressed(TextScan& scan, std::string_view separator, MessageDetail& detail) {
    const auto address = scan.until(separator, kLongestAddress);
    if (address && scan.skip(separator)) {
        detail.address = *address;
        detail.is_known = true;
        read_errno(scan, detail);
    }
}

void read_path(TextScan& scan, MessageDetail& detail) {
    const std::size_t end = scan.rest().find("\" ");
    if (end == std::string_view::npos) {
        return;
    }
    scan.advance(end + 2);
    detail.is_short_write = scan.skip("has written only ");
    detail.is_known = detail.is_short_write || scan.skip("failed");
    read_errno(scan, detail);
}

void read_detail(const MessageRow& row, TextScan& scan, MessageDetail& detail) {
    switch (row.form) {
        case MessageForm::kWhole:
        case MessageForm::kFree:
        case MessageForm::kStderr:
        case MessageForm::kName:
        case MessageForm::kResolver:
            detail.is_known = true;
            return;
        case MessageForm::kErrno:
        case MessageForm::kMayErrno:
            detail.is_known = true;
            read_errno(scan, detail);
            return;
        case MessageForm::kTls:
            detail.is_tls_text = scan.rest().starts_with(" (SSL:") || scan.rest().empty();
            detail.is_known = true;
            if (!detail.is_tls_text) {
                read_errno(scan, detail);
            }
            return;
        case MessageForm::kConnectTo:
            read_addressed(scan, " failed", detail);
            return;
        case MessageForm::kBind:
            read_addressed(scan, ") failed", detail);
            return;
        case MessageForm::kPath:
            read_path(scan, detail);
            return;
        case MessageForm::kLookAlike:
            return;
    }
}

// Text of somebody else may stand in front of the action.
bool is_free_form(MessageForm form) {
    return form == MessageForm::kFree || form == MessageForm::kStderr ||
           form == MessageForm::kTls || form == MessageForm::kName ||
           form == MessageForm::kResolver;
}

void read_action(const MessageRow& row, TextScan& scan, LooseMessage& message) {
    std::string_view rest = scan.rest();
    message.context = rest;
    std::size_t at = is_free_form(row.form) ? rest.find(kWhile) : 0;
    while (at != std::string_view::npos && rest.substr(at).starts_with(kWhile)) {
        std::size_t size = 0;
        const UpstreamPhase phase = action_phase(rest.substr(at + kWhile.size()), size);
        if (phase != UpstreamPhase::kNone) {
            message.detail.phase = phase;
            message.detail.has_action = true;
            message.words = message.words.substr(0, message.words.size() - rest.size() + at);
            message.context = rest.substr(at + kWhile.size() + size);
            return;
        }
        message.has_other_action = true;
        at = is_free_form(row.form) ? rest.find(kWhile, at + 1) : std::string_view::npos;
    }
    const std::size_t context = rest.find(", client");
    if (context != std::string_view::npos) {
        message.words = message.words.substr(0, message.words.size() - rest.size() + context);
        message.context = rest.substr(context);
    }
}

struct QuotePair {
    std::string_view open;
    std::string_view close;
};

// What shippers, web pages and word processors make of a quotation mark.
constexpr std::array<QuotePair, 5> kQuotes{{{"\"", "\""},
                                            {"\\\"", "\\\""},
                                            {"'", "'"},
                                            {"&quot;", "&quot;"},
                                            {"\xe2\x80\x9c", "\xe2\x80\x9d"}}};

// A value whose end is missing, "" when that may have cost a part of the peer.
std::string_view without_cut_peer(std::string_view value) {
    const std::size_t scheme = value.find("://");
    if (scheme == std::string_view::npos) {
        return {};
    }
    const std::string_view peer = value.substr(scheme + 3);
    const bool is_unix = peer.starts_with("unix:");
    const std::size_t end = is_unix ? peer.find(':', 5) : peer.find('/');
    return end == std::string_view::npos ? std::string_view() : value;
}

// The value of `upstream: "…"`, the first behind the request.
std::string_view upstream_value(std::string_view context) {
    constexpr std::string_view kField = "upstream: ";
    const std::size_t request = context.find("request: ");
    const std::size_t at = context.find(kField, request == std::string_view::npos ? 0 : request);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = context.substr(at + kField.size());
    for (const QuotePair& quotes : kQuotes) {
        if (rest.starts_with(quotes.open)) {
            const std::string_view value = rest.substr(quotes.open.size());
            const std::size_t close = value.find(quotes.close);
            return close == std::string_view::npos ? without_cut_peer(value)
                                                   : value.substr(0, close);
        }
    }
    return rest.substr(0, rest.find_first_of(", "));
}

bool is_scheme_named(std::string_view upstream) {
    return upstream.find("://") != std::string_view::npos;
}

// stream{} and mail{}: no request, and the server is the address that was listened on.
bool is_session(std::string_view context, std::string_view upstream) {
    if (context.find("request: ") != std::string_view::npos || is_scheme_named(upstream)) {
        return false;
    }
    if (!upstream.empty() || context.find("bytes from/to client") != std::string_view::npos ||
        context.find("udp client: ") != std::string_view::npos) {
        return true;
    }
    TextScan scan(context);
    const std::size_t server = context.find("server: ");
    if (server == std::string_view::npos) {
        return false;
    }
    const std::string_view value = context.substr(server + 8);
    return !peer_address(value.substr(0, value.find_first_of(", "))).empty();
}

bool is_client_cut(const LooseMessage& message) {
    return message.context.find_first_not_of(" .,;'\"`)\\") == std::string_view::npos;
}

// Whether the place in the conversation is one where the message is a failure of an upstream.
bool is_in_place(const MessageRow& row, const LooseMessage& message, bool has_upstream) {
    if (message.detail.has_action) {
        return (row.phases & phase_bit(message.detail.phase)) != 0;
    }
    if (message.has_other_action) {
        return false;
    }
    if ((row.phases & phase_bit(UpstreamPhase::kNone)) != 0) {
        return true;
    }
    return has_upstream || is_client_cut(message) || row.form == MessageForm::kStderr;
}

UpstreamPhase only_phase(const MessageRow& row) {
    for (const ActionName& action : kUpstreamActions) {
        if (row.phases == phase_bit(action.phase)) {
            return action.phase;
        }
    }
    return UpstreamPhase::kNone;
}

Symptom loose_symptom(const MessageRow& row, const LooseMessage& message) {
    if (row.rule == MessageRule::kByStderr) {
        return has_fatal_message(stderr_text(message.words)) ? Symptom::kScriptFatal
                                                             : Symptom::kNone;
    }
    if (row.rule == MessageRule::kByPhase && message.detail.phase == UpstreamPhase::kNone) {
        return Symptom::kResponseTimeout;  // by far the most frequent place
    }
    MessageDetail detail = message.detail;
    if (row.rule == MessageRule::kByPhase) {
        detail.error_number = 110;  // whatever the system calls it
    }
    if (row.rule == MessageRule::kByConnectErrno && detail.error_number == 0) {
        return Symptom::kNone;
    }
    return choose_symptom(row, detail);
}

int loose_status(const MessageRow& row, const LooseMessage& message) {
    const UpstreamPhase phase = message.detail.phase;
    const bool has_header_gone = phase == UpstreamPhase::kBody || phase == UpstreamPhase::kClient;
    const bool is_subrequest = message.context.find("subrequest: ") != std::string_view::npos;
    // What nginx ran out of may not have been for a request.
    const bool is_nobodys = (row.traits & kBare) != 0 && !message.detail.has_action;
    return has_header_gone || is_subrequest || is_nobodys ? 0 : row.status;
}

void read_row(const MessageRow& row, std::size_t value_size, NginxError& record) {
    const std::string_view text = record.message;
    LooseMessage message;
    message.words = text;
    TextScan scan(text.substr(value_size + row.prefix.size()));
    read_detail(row, scan, message.detail);
    if (!message.detail.is_known) {
        return;
    }
    read_action(row, scan, message);
    const std::string_view upstream = upstream_value(message.context);
    if (is_session(message.context, upstream) ||
        !is_in_place(row, message, is_scheme_named(upstream))) {
        return;
    }
    if (!message.detail.has_action) {
        message.detail.phase = only_phase(row);
    }
    record.symptom = loose_symptom(row, message);
    record.message = message.words;
    if (record.symptom == Symptom::kNone) {
        return;
    }
    record.error_number = linux_errno(message.detail.error_number);
    record.phase = message.detail.phase;
    record.status = loose_status(row, message);
    record.upstream = (row.traits & kNoUpstream) != 0 ? std::string_view() : upstream;
}

bool is_emergency(const LooseHeader& header) {
    return header.has_level && header.severity == Level::kEmerg && !header.has_connection;
}

// The last words of `nginx -t`.
bool is_test_verdict(const LooseHeader& header) {
    return header.has_tag && (header.message.starts_with("configuration file ") ||
                              header.message.starts_with("the configuration file "));
}

NginxError read_record(const LooseHeader& header) {
    NginxError record;
    record.time = header.time;
    record.level = header.level;
    record.message = header.message;
    if (is_test_verdict(header)) {
        record.symptom =
            record.message.ends_with(" test failed") ? Symptom::kConfigError : Symptom::kNone;
        return record;
    }
    if (is_emergency(header)) {
        record.symptom = emergency_symptom(record.message, record.error_number);
        return record;
    }
    std::size_t value_size = 0;
    const MessageRow* row = find_message(record.message);
    if (row == nullptr) {
        row = find_after_value(record.message, value_size);
    }
    if (row != nullptr && row->form != MessageForm::kLookAlike &&
        (!header.has_level || is_severe_enough(*row, header.severity))) {
        read_row(*row, value_size, record);
    }
    return record;
}

bool is_known_message(std::string_view message) {
    std::size_t value_size = 0;
    const MessageRow* row = find_message(message);
    if (row == nullptr) {
        row = find_after_value(message, value_size);
    }
    return row != nullptr && row->prefix.size() >= kTellingPrefix;
}

bool is_record(const LooseHeader& header) {
    const int parts = (header.has_tag ? 1 : 0) + (header.time.empty() ? 0 : 1) +
                      (header.has_level ? 1 : 0) + (header.has_ids ? 1 : 0) +
                      (header.has_connection ? 1 : 0);
    if (is_test_verdict(header) || is_emergency(header)) {
        return true;
    }
    // Others write a date and a level too.
    const bool is_nginx_alone = header.has_tag || header.has_ids || header.has_connection;
    return parts >= 2 && (is_nginx_alone || is_known_message(header.message));
}

LogFinding untrusted(const NginxError& record) {
    LogFinding finding = nginx_finding(record);
    finding.is_trusted = false;
    return finding;
}

// "21214#0: *57 " in `front`, behind the columns of a control panel.
std::size_t find_ids(std::string_view front, std::string_view text) {
    for (std::size_t at = front.find('#'); at != std::string_view::npos;
         at = front.find('#', at + 1)) {
        std::size_t from = at;
        while (from > 0 && is_digit(front[from - 1])) {
            --from;
        }
        const LooseHeader header = read_loose_header(text.substr(from));
        if (header.has_ids && header.has_connection) {
            return from;
        }
    }
    return std::string_view::npos;
}

}  // namespace

std::optional<LogFinding> read_loose_record(std::string_view text) {
    const LooseHeader header = read_loose_header(text);
    if (!is_record(header)) {
        return std::nullopt;
    }
    return untrusted(read_record(header));
}

std::optional<LogFinding> read_bare_message(std::string_view text) {
    const LooseHeader header = read_loose_header(text);
    if (!is_known_message(header.message)) {
        return std::nullopt;
    }
    return untrusted(read_record(header));
}

std::optional<LogFinding> read_stderr_tail(std::string_view text) {
    const std::size_t quote = text.find("\" while ");
    std::size_t size = 0;
    if (quote == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view action = text.substr(quote + 1 + kWhile.size());
    const UpstreamPhase phase = action_phase(action, size);
    if (phase == UpstreamPhase::kNone || !action.substr(size).starts_with(", client: ")) {
        return std::nullopt;
    }
    NginxError record;
    record.message = text.substr(0, quote);
    const StderrText words = read_stderr(record.message);
    if (words.is_fatal) {
        record.symptom = Symptom::kScriptFatal;
        record.phase = phase;
        record.status = phase == UpstreamPhase::kHeader ? 500 : 0;
        record.upstream = upstream_value(action);
    }
    LogFinding finding = untrusted(record);
    finding.clue = words.clue;
    finding.number = words.number;
    finding.subject = words.subject;
    return finding;
}

std::size_t find_record(std::string_view text) {
    const std::string_view front = text.substr(0, std::min(kFarthestRecord, text.find('"')));
    for (std::size_t at = front.find('/'); at != std::string_view::npos;
         at = front.find('/', at + 1)) {
        if (at < 4) {
            continue;
        }
        const LooseHeader header = read_loose_header(text.substr(at - 4));
        if (!header.time.empty() && header.has_level && header.has_ids) {
            return at - 4;
        }
    }
    return find_ids(front, text);
}

}  // namespace gatemend::parse
