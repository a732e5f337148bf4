// SPDX-License-Identifier: MIT
#include "parse/envelope.hpp"

#include "parse/json_members.hpp"
#include "parse/shipped_message.hpp"
#include "parse/stamp_scan.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr int kMaxLayers = 8;
constexpr std::size_t kLongestName = 256;
constexpr std::string_view kBlanks = " \t\r\n";

bool is_name_byte(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '_' || c == '-';
}

// The bytes of `text` up to one that is no name's.
std::size_t name_size(std::string_view text) {
    const auto* end = std::find_if_not(text.begin(), text.end(), is_name_byte);
    return static_cast<std::size_t>(end - text.begin());
}

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(kBlanks);
    if (from == std::string_view::npos) {
        return {};
    }
    return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

class Layers {
  public:
    Layers(std::string_view line, LineBuffer& buffer) : buffer_(buffer) { envelope_.text = line; }

    Envelope open() {
        trim();
        for (int layer = 0; layer < kMaxLayers && !text().empty(); ++layer) {
            if (!peel_one()) {
                break;
            }
            envelope_.is_wrapped = true;
            trim();
        }
        return envelope_;
    }

  private:
    [[nodiscard]] std::string_view text() const { return envelope_.text; }

    void trim() {
        const std::string_view inner = trimmed(text());
        envelope_.is_wrapped = envelope_.is_wrapped || inner.size() != text().size();
        envelope_.text = inner;
    }

    bool keep(const TextScan& rest) {
        envelope_.text = rest.rest();
        return true;
    }

    bool keep(const TextScan& rest, std::string_view time) {
        envelope_.time = time;
        return keep(rest);
    }

    // The text moves into the buffer; what pointed there is gone.
    bool replace(std::string decoded) {
        buffer_.text = std::move(decoded);
        envelope_.text = buffer_.text;
        envelope_.time = {};
        has_no_colours_ = false;
        return true;
    }

    [[nodiscard]] std::string_view taken(const TextScan& rest) const {
        return text().substr(0, text().size() - rest.rest().size());
    }

    bool peel_one();
    bool peel_colours();
    bool peel_json();
    bool peel_json_bytes(std::string_view array);
    bool peel_priority();
    bool peel_rfc5424(TextScan scan);
    bool peel_iso_stamp();
    bool peel_month_stamp();
    bool peel_weekday_stamp();
    bool peel_seconds_stamp();
    bool peel_bracket_name();
    bool peel_bar_name();
    bool peel_pod_names();
    bool peel_grep();
    bool peel_quotes();
    bool peel_field();
    bool peel_tag(TextScan& scan);
    bool skip_stream(TextScan& scan) const;

    LineBuffer& buffer_;
    Envelope envelope_;
    bool has_no_colours_ = false;  // looked for, once for each text
};

bool Layers::peel_one() {
    if (!has_no_colours_) {
        has_no_colours_ = text().find('\x1b') == std::string_view::npos;
        if (!has_no_colours_) {
            return peel_colours();
        }
    }
    switch (text()[0]) {
        case '{':
            return peel_json();
        case '<':
            return peel_priority();
        case '[':
            return peel_bracket_name() || peel_seconds_stamp();
        case '>':
        case '`':
        case '\'':
        case '"':
        case '-':
        case '*':
        case '|':
        case '\xef':
            return peel_quotes();
        default:
            break;
    }
    if (is_digit(text()[0])) {
        return peel_iso_stamp() || peel_seconds_stamp() || peel_grep() || peel_bar_name();
    }
    return peel_month_stamp() || peel_weekday_stamp() || peel_field() || peel_bar_name() ||
           peel_grep() || peel_pod_names();
}

// "ESC [ … letter", wherever it stands.
bool Layers::peel_colours() {
    std::string plain;
    plain.reserve(text().size());
    for (std::size_t at = 0; at < text().size(); ++at) {
        if (text()[at] != '\x1b') {
            plain += text()[at];
            continue;
        }
        if (at + 1 < text().size() && text()[at + 1] == '[') {
            const std::size_t end = text().find_first_not_of("0123456789;?", at + 2);
            at = std::min(end, text().size() - 1);
        }
    }
    return replace(std::move(plain));
}

bool Layers::peel_json() {
    const auto message = find_shipped_message(text());
    if (!message) {
        return false;
    }
    if (envelope_.source == LogSource::kUnknown) {
        envelope_.source = message->source;
    }
    if (message->is_byte_list) {
        return peel_json_bytes(message->escaped);
    }
    if (message->escaped.find('\\') != std::string_view::npos) {
        return replace(unescape_json(message->escaped));
    }
    return keep(TextScan(message->escaped), message->time);
}

// The journal writes a message that is no UTF-8 as the list of its bytes.
bool Layers::peel_json_bytes(std::string_view array) {
    std::string bytes;
    TextScan scan(array);
    while (const auto byte = scan.number(3)) {
        bytes += static_cast<char>(static_cast<unsigned char>(*byte & 0xFF));
        if (!scan.skip(",")) {
            break;
        }
        (void)scan.skip(" ");  // there may be no blank
    }
    return replace(std::move(bytes));
}

// "HOST TAG[PID]: ", "TAG: ", or with the second host name nginx puts in front of its tag.
bool Layers::peel_tag(TextScan& scan) {
    TextScan ahead = scan;
    if (begins_record(scan.rest())) {
        return false;
    }
    for (int word = 0; word < 4; ++word) {
        const std::string_view rest = ahead.rest();
        const std::size_t end = rest.substr(0, kLongestName).find(' ');
        const std::string_view token = rest.substr(0, std::min(end, rest.size()));
        if (token.empty() || token.find('"') != std::string_view::npos) {
            return false;
        }
        ahead.advance(std::min(token.size() + 1, rest.size()));
        if (token.ends_with(':')) {
            const LogSource source = program_source(token);
            envelope_.source = source == LogSource::kUnknown ? envelope_.source : source;
            scan = ahead;
            return true;
        }
        if (end == std::string_view::npos) {
            return false;
        }
    }
    return false;
}

// RFC 5424 behind its version: "STAMP HOST APP PROCID MSGID SD MSG".
bool Layers::peel_rfc5424(TextScan scan) {
    const std::string_view time = scan.rest().substr(0, scan.rest().find(' '));
    for (int field = 0; field < 5; ++field) {
        const std::size_t end = scan.rest().substr(0, kLongestName).find(' ');
        if (end == std::string_view::npos) {
            return false;
        }
        if (field == 2) {
            envelope_.source = program_source(scan.rest().substr(0, end));
        }
        scan.advance(end + 1);
    }
    if (scan.skip("[")) {
        const std::size_t end = scan.rest().find("] ");
        if (end == std::string_view::npos) {
            return false;
        }
        scan.advance(end + 2);
    } else if (!scan.skip("- ")) {
        return false;
    }
    (void)scan.skip("\xef\xbb\xbf");  // the standard's own mark of UTF-8
    return keep(scan, time);
}

// "<187>", with what syslog writes behind it. The kernel's "<4>" stays for who knows it.
bool Layers::peel_priority() {
    TextScan scan(text());
    if (!scan.skip("<") || !skip_digits(scan, 1, 3) || !scan.skip(">")) {
        return false;
    }
    TextScan versioned = scan;
    if (versioned.skip("1 ") && peel_rfc5424(versioned)) {
        return true;
    }
    return keep(scan);
}

// CRI's "stdout F " behind the stamp, P for a part of a line.
bool Layers::skip_stream(TextScan& scan) const {
    TextScan ahead = scan;
    if ((ahead.skip("stdout ") || ahead.skip("stderr ")) &&
        (ahead.skip("F ") || ahead.skip("P "))) {
        scan = ahead;
        return true;
    }
    return false;
}

// "2026-11-21T14:33:28.123Z " of containers, "… HOST TAG: " of rsyslog and journalctl. An ISO date
// in front of a level is the program's own.
bool Layers::peel_iso_stamp() {
    TextScan scan(text());
    if (!skip_iso_date(scan) || !scan.skip("T") || !skip_clock(scan) || !skip_offset(scan)) {
        return false;
    }
    const std::string_view time = taken(scan);
    if (!scan.skip(" ") && !scan.skip("\t")) {
        return false;
    }
    if (scan.rest().starts_with("[")) {
        const std::string_view level = scan.rest().substr(1, scan.rest().find(']') - 1);
        if (level == "error" || level == "crit" || level == "alert" || level == "emerg" ||
            level == "warn" || level == "notice" || level == "info") {
            return false;
        }
    }
    if (!skip_stream(scan)) {
        (void)peel_tag(scan);  // a container's stamp has none
    }
    return keep(scan, time);
}

// "Nov 21 14:38:44 HOST TAG: ", also with microseconds or a year.
bool Layers::peel_month_stamp() {
    TextScan scan(text());
    if (!skip_month(scan) || !scan.skip(" ")) {
        return false;
    }
    (void)scan.skip(" ");  // days below ten
    if (!skip_digits(scan, 1, 2) || !scan.skip(" ")) {
        return false;
    }
    TextScan year = scan;
    if (skip_digits(year, 4, 4) && year.skip(" ")) {
        scan = year;
    }
    if (!skip_clock(scan)) {
        return false;
    }
    const std::string_view time = taken(scan);
    return scan.skip(" ") && peel_tag(scan) && keep(scan, time);
}

// "Sat 2026-11-21 14:33:28 UTC HOST TAG: " of journalctl -o short-full.
bool Layers::peel_weekday_stamp() {
    TextScan scan(text());
    if (name_size(text()) != 3) {
        return false;
    }
    scan.advance(3);
    if (!scan.skip(" ") || !skip_iso_date(scan) || !scan.skip(" ") || !skip_clock(scan)) {
        return false;
    }
    const std::string_view time = taken(scan).substr(4);
    return scan.skip(" ") && peel_tag(scan) && keep(scan, time);
}

// "1763735608.123456 HOST TAG: " and "[12345.678901] HOST TAG: " of journalctl.
bool Layers::peel_seconds_stamp() {
    TextScan scan(text());
    const bool has_bracket = scan.skip("[");
    while (has_bracket && scan.skip(" ")) {
    }
    if (!skip_digits(scan, 1, 12) || !scan.skip(".") || !skip_digits(scan, 3, 9) ||
        (has_bracket && !scan.skip("]")) || !scan.skip(" ")) {
        return false;
    }
    return peel_tag(scan) && keep(scan);
}

// kubectl logs --prefix: "[pod/NAME/CONTAINER] ".
bool Layers::peel_bracket_name() {
    TextScan scan(text());
    return scan.skip("[pod/") && scan.until("] ", kLongestName) && scan.skip("] ") && keep(scan);
}

// docker compose: "web-1  | ".
bool Layers::peel_bar_name() {
    const std::size_t size = name_size(text());
    if (size == 0 || size > kLongestName) {
        return false;
    }
    TextScan scan(text().substr(size));
    while (scan.skip(" ")) {
    }
    if (!scan.skip("|")) {
        return false;
    }
    if (envelope_.source == LogSource::kUnknown) {
        const LogSource named = program_source(text().substr(0, size));
        envelope_.source = named == LogSource::kNginxError ? named : LogSource::kUnknown;
    }
    return keep(scan);
}

// stern: "web-5c9d8f7b6-x2x4z nginx ", and kail's "default/web-…[nginx]: ".
bool Layers::peel_pod_names() {
    const std::size_t pod = name_size(text());
    const std::size_t dash = text().substr(0, pod).rfind('-');
    if (pod > kLongestName || dash == std::string_view::npos || pod - dash - 1 < 4) {
        return false;
    }
    TextScan scan(text().substr(pod));
    if (!scan.skip(" ")) {
        return false;
    }
    const std::size_t container = name_size(scan.rest());
    if (container == 0) {
        return false;
    }
    scan.advance(container);
    // Only in front of a stamp or a bracket: two plain words may begin any sentence.
    return scan.skip(" ") && !scan.is_at_end() &&
           (is_digit(scan.rest()[0]) || scan.rest()[0] == '[') && keep(scan);
}

// "error.log:123:", "/var/log/nginx/error.log:", "123:", "123-", and the numbers of cat -n.
bool Layers::peel_grep() {
    TextScan scan(text());
    if (skip_digits(scan, 1, 9) &&
        (scan.skip(":") || scan.skip("-") || scan.skip("\t") || scan.skip(" "))) {
        while (scan.skip(" ")) {
        }
        return begins_record(scan.rest()) && keep(scan);
    }
    const std::size_t end = text().substr(0, kLongestName).find_first_of(": \"|");
    if (end == std::string_view::npos || end == 0 || text()[end] != ':') {
        return false;
    }
    const std::string_view name = text().substr(0, end);
    if (name.find_first_of("./") == std::string_view::npos && name != "error" && name != "access") {
        return false;
    }
    TextScan rest(text().substr(end + 1));
    TextScan numbered = rest;
    if (skip_digits(numbered, 1, 9) && (numbered.skip(":") || numbered.skip("-"))) {
        rest = numbered;
    }
    while (rest.skip(" ")) {
    }
    return begins_record(rest.rest()) && keep(rest);
}

// Quotations of mail and Markdown, list bullets, a byte order mark.
bool Layers::peel_quotes() {
    TextScan scan(text());
    if (scan.skip("\xef\xbb\xbf") || scan.skip("> ") || scan.skip(">") || scan.skip("- ") ||
        scan.skip("* ") || scan.skip("| ")) {
        return keep(scan);
    }
    const char quote = text()[0];
    if (quote != '`' && quote != '\'' && quote != '"') {
        return false;
    }
    std::string_view inner = text();
    while (!inner.empty() && inner[0] == quote) {
        inner.remove_prefix(1);
    }
    while (!inner.empty() && inner.back() == quote && quote != '"') {
        inner.remove_suffix(1);
    }
    // `"PATH" is not found` is a message of nginx's own.
    if (quote == '"' && !begins_record(inner)) {
        return false;
    }
    return keep(TextScan(inner));
}

// journalctl -o export, and logfmt's msg="…".
bool Layers::peel_field() {
    TextScan scan(text());
    return scan.skip("MESSAGE=") && keep(scan);
}

}  // namespace

Envelope open_envelope(std::string_view line, LineBuffer& buffer) {
    return Layers(line, buffer).open();
}

}  // namespace gatemend::parse
