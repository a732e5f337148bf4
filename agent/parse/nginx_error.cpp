// SPDX-License-Identifier: MIT
#include "parse/nginx_error.hpp"

#include "parse/message_detail.hpp"
#include "parse/nginx_messages.hpp"
#include "parse/nginx_stderr.hpp"
#include "parse/record_context.hpp"
#include "parse/record_header.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>

namespace gatemend::parse {
namespace {

using core::Symptom;

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

bool is_overlong(std::string_view line) {
    return line.size() + 1 >= kNginxRecordBytes;
}

int client_status(const MessageRow& row,
                  const MessageDetail& message,
                  const RecordContext& context) {
    const bool has_header_gone =
        message.phase == UpstreamPhase::kBody || message.phase == UpstreamPhase::kClient;
    return has_header_gone || context.has_subrequest || !context.is_http ? 0 : row.status;
}

bool is_row_trusted(const MessageRow& row,
                    const MessageDetail& message,
                    const RecordContext& context) {
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

// A row of the table that may be a symptom.
void read_candidate(const MessageRow& row,
                    const RecordHeader& header,
                    std::string_view text,
                    NginxErrorLine& answer) {
    NginxError& record = answer.record;
    TextScan scan(text);
    MessageDetail message;
    const bool is_read = parse_message(row, scan, message);
    answer.is_tainting = (row.traits & kForeignText) != 0 || !message.is_known;
    if (!is_read || (!message.is_open && (row.phases & phase_bit(message.phase)) == 0) ||
        (message.has_action && message.phase == UpstreamPhase::kNone)) {
        answer.is_undecided = true;
        record.is_trusted = !answer.is_tainting;
        return;
    }
    const bool is_bare = scan.is_at_end() && (row.traits & kBare) != 0;
    const RecordContext context = parse_record_context(scan.rest());
    if (!context.is_http && !is_bare && !message.is_open) {
        answer.is_undecided = true;  // stream{}, or cut too early to tell
        return;
    }
    if (!is_calendar_time(record.time)) {
        answer.shape = LineShape::kFragment;
        answer.is_tainting = true;
        return;
    }
    record.symptom = choose_symptom(row, message);
    record.error_number = message.error_number;
    record.phase = message.phase;
    // Nobody is served without a connection.
    record.is_trusted =
        is_row_trusted(row, message, context) && (header.has_connection || !context.is_http);
    if (message.is_open || (context.is_http && !context.is_complete)) {
        answer.shape = LineShape::kTruncated;
    }
    if (record.symptom == Symptom::kNone) {
        return;
    }
    record.status = client_status(row, message, context);
    if (message.is_open) {
        record.status = row.status;
        return;  // the rest of the line is the application's
    }
    record.upstream = (row.traits & kNoUpstream) != 0 ? std::string_view() : context.upstream;
    const std::size_t value_size = record.message.size() - text.size();
    record.message = record.message.substr(0, value_size + message.size);
}

bool is_look_alike(const MessageRow& row, std::string_view message) {
    return row.form == MessageForm::kLookAlike ||
           (row.rule == MessageRule::kByStderr && !has_fatal_message(stderr_text(message)));
}

void read_look_alike(const MessageRow& row,
                     const RecordHeader& header,
                     std::string_view line,
                     NginxErrorLine& answer) {
    const bool is_client_text = (row.traits & kForeignText) != 0;
    answer.is_tainting =
        is_client_text || (row.form != MessageForm::kLookAlike && header.has_connection);
    if (is_client_text && !line.ends_with('"')) {
        answer.shape = LineShape::kTruncated;
    }
    answer.record.is_trusted = !answer.is_tainting;
}

// `[emerg]` outside a request: a configuration that nginx did not accept, or could not carry out.
void read_emergency(NginxErrorLine& answer) {
    NginxError& record = answer.record;
    answer.is_tainting = false;
    record.is_trusted = std::ranges::none_of(record.message, is_control);
    record.symptom = emergency_symptom(record.message, record.error_number);
}

void read_unlisted(const RecordHeader& header, NginxErrorLine& answer) {
    std::size_t value_size = 0;
    if (const MessageRow* row = find_after_value(answer.record.message, value_size)) {
        read_candidate(*row, header, answer.record.message.substr(value_size), answer);
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

Glance glance_at_nginx_error(std::string_view line) {
    const RecordHeader header = parse_record_header(line);
    if (header.message_at == 0) {
        return Glance::kForeign;
    }
    const MessageRow* row = find_message(line.substr(header.message_at));
    if (row == nullptr || header.level == Level::kEmerg) {
        return Glance::kLook;
    }
    const bool is_harmless = is_look_alike(*row, line.substr(header.message_at));
    if (!is_harmless && is_severe_enough(*row, header.level)) {
        return Glance::kLook;
    }
    const bool is_tainting = (row->traits & kForeignText) != 0 || is_overlong(line) ||
                             (!is_harmless && header.has_connection);
    return is_tainting ? Glance::kTainting : Glance::kClean;
}

NginxErrorLine parse_nginx_error(std::string_view line) {
    NginxErrorLine answer;
    parse_nginx_error(line, answer);
    return answer;
}

void parse_nginx_error(std::string_view line, NginxErrorLine& answer) {
    answer = NginxErrorLine{};
    const RecordHeader header = parse_record_header(line);
    if (header.message_at == 0) {
        return;
    }
    const std::string_view message = line.substr(header.message_at);
    answer.shape = LineShape::kRecord;
    answer.record.time = line.substr(0, kStampBytes);
    answer.record.level = line.substr(kLevelAt, header.level_size);
    answer.record.message = message;
    if (header.level == Level::kEmerg && !header.has_connection) {
        read_emergency(answer);
    } else if (const MessageRow* row = find_message(message); row == nullptr) {
        read_unlisted(header, answer);
    } else if (is_look_alike(*row, message) || !is_severe_enough(*row, header.level)) {
        read_look_alike(*row, header, line, answer);
    } else {
        read_candidate(*row, header, message, answer);
    }
    if (is_overlong(line)) {
        answer.shape = LineShape::kTruncated;
        answer.is_tainting = true;
    }
    answer.record.is_trusted = answer.record.is_trusted && answer.shape == LineShape::kRecord;
}

}  // namespace gatemend::parse
