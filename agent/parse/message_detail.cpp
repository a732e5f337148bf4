// SPDX-License-Identifier: MIT
#include "parse/message_detail.hpp"

#include "parse/foreign_errno.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace gatemend::parse {
namespace {

using core::Symptom;

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

constexpr std::string_view kWhile = " while ";
constexpr std::string_view kClientField = ", client: ";
constexpr std::size_t kLongestErrnoText = 96;
constexpr std::size_t kLongestAddress = 128;  // sun_path holds 108

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
bool parse_action(TextScan& scan, MessageDetail& message) {
    if (scan.is_at_end() || scan.rest().starts_with(kClientField)) {
        return true;
    }
    if (!scan.skip(kWhile)) {
        return false;
    }
    message.has_action = true;
    for (const ActionName& action : kUpstreamActions) {
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
bool parse_free(TextScan& scan, MessageDetail& message) {
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
bool parse_addressed(TextScan& scan, std::string_view separator, MessageDetail& message) {
    const auto address = scan.until(separator, kLongestAddress);
    if (!address || !scan.skip(separator)) {
        return false;
    }
    message.address = *address;
    const auto number = parse_errno(scan);
    message.error_number = number.value_or(0);
    return number.has_value();
}

bool parse_tls(TextScan& scan, MessageDetail& message) {
    if (const auto number = parse_errno(scan)) {
        message.error_number = *number;
        return true;
    }
    message.is_tls_text = true;
    return scan.skip(" (SSL: ") && scan.until(") while ", kNginxRecordBytes) && scan.skip(")");
}

bool parse_path(TextScan& scan, MessageDetail& message) {
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

bool parse_name(TextScan& scan) {
    const auto name = scan.until(kClientField, kLongestHostName);
    return name && is_host_name(*name);
}

// What stands between the prefix and the context.
bool parse_detail(const MessageRow& row, TextScan& scan, MessageDetail& message) {
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

}  // namespace

bool parse_message(const MessageRow& row, TextScan& scan, MessageDetail& message) {
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

core::Symptom choose_symptom(const MessageRow& row, const MessageDetail& message) {
    const int number = linux_errno(message.error_number);
    switch (row.rule) {
        case MessageRule::kFixed:
        case MessageRule::kByStderr:
            return row.symptom;
        case MessageRule::kByConnectErrno:
            return connect_symptom(number, message.address.starts_with("unix:"));
        case MessageRule::kByIoErrno:
            return message.is_tls_text ? row.symptom : io_symptom(number);
        case MessageRule::kByPhase:
            return number == 110 ? phase_symptom(message.phase) : Symptom::kNone;
        case MessageRule::kByResourceErrno:
            if (number == 23 || number == 24) {
                return Symptom::kNginxLimit;
            }
            return number == 28 || message.is_short_write ? Symptom::kDiskFull : Symptom::kNone;
    }
    return Symptom::kNone;
}

bool is_host_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestHostName &&
           std::ranges::all_of(name, [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == '_' || c == '-';
           });
}

}  // namespace gatemend::parse
