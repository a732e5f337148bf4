// SPDX-License-Identifier: MIT
#include "cli/explain_output.hpp"

#include "cli/advice.hpp"
#include "core/text.hpp"
#include "parse/log_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace gatemend::cli {
namespace {

constexpr std::size_t kMaxTextBytes = parse::kLongestRecordBytes;
constexpr std::size_t kMaxUpstreamBytes = 256;
constexpr std::size_t kMaxTimeBytes = 64;

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kTops = 0x8080808080808080U;

constexpr std::uint64_t zero_bytes(std::uint64_t word) {
    return (word - kOnes) & ~word & kTops;
}

bool is_plain(char c) {
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

// How many bytes of `text` from `at` on are printable ASCII without quotes and backslashes; eight
// at a time, for this is where --json spends its day.
std::size_t plain_run(std::string_view text, std::size_t at) {
    const std::size_t from = at;
    for (; at + sizeof(std::uint64_t) <= text.size(); at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kTops;
        if ((word & kTops) != 0 || below_space != 0 || zero_bytes(word ^ kOnes * 0x7f) != 0 ||
            zero_bytes(word ^ kOnes * '"') != 0 || zero_bytes(word ^ kOnes * '\\') != 0) {
            break;
        }
    }
    while (at < text.size() && is_plain(text[at])) {
        ++at;
    }
    return at - from;
}

// False, with nothing done, when a byte of `text` must not be shown as it is.
bool is_shown_as_is(std::string_view text) {
    std::size_t at = 0;
    while ((at += plain_run(text, at)) < text.size()) {
        if (text[at] != '"' && text[at] != '\\') {
            return false;
        }
        ++at;
    }
    return true;
}

// `text` is fit to be shown; quotes and backslashes are left to do.
void append_quoted(OutputBuffer& out, std::string_view text) {
    out.append("\"");
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t run = plain_run(text, at);
        out.append(text.substr(at, run));
        at += run;
        if (at < text.size()) {
            out.append(text[at] == '"' || text[at] == '\\' ? "\\" : "");
            out.append(text.substr(at, 1));
            ++at;
        }
    }
    out.append("\"");
}

void append_string(OutputBuffer& out, std::string_view bytes, std::size_t limit) {
    if (bytes.size() <= limit && is_shown_as_is(bytes)) {
        append_quoted(out, bytes);
    } else {
        append_quoted(out, core::sanitize(bytes, limit));
    }
}

// Without a copy where nothing needs one.
void append_shown(OutputBuffer& out, std::string_view bytes, std::size_t limit) {
    if (bytes.size() <= limit && is_shown_as_is(bytes)) {
        out.append(bytes);
    } else {
        out.append(core::sanitize(bytes, limit));
    }
}

void append_number_or_null(OutputBuffer& out, int number) {
    if (number == 0) {
        out.append("null");
    } else {
        out.append(static_cast<std::uint64_t>(number));
    }
}

// A CDN's record is about a host, as its visitor named it; elsewhere the line is shown anyway.
std::string host_of(const parse::LogFinding& finding) {
    return finding.source == parse::LogSource::kEdge ? finding.visitor.shown().in_sentence("") : "";
}

// The optional keys: there only when the line says more than its symptom.
void append_clue(OutputBuffer& out, const parse::LogFinding& finding) {
    if (finding.clue != core::Clue::kNone) {
        out.append(",\"clue\":\"");
        out.append(core::clue_id(finding.clue));
        out.append("\"");
    }
    const std::string host = host_of(finding);
    if (const std::string_view subject = host.empty() ? finding.subject : host; !subject.empty()) {
        out.append(",\"subject\":");
        append_string(out, subject, kMaxUpstreamBytes);
    }
}

// "socket-missing 502 errno 2 backend unix:/run/php/php8.2-fpm.sock", "worker-signal 11 www"
void write_text_words(OutputBuffer& out, const parse::LogFinding& finding) {
    out.append(core::symptom_id(finding.symptom));
    if (finding.status != 0) {
        out.append(" ");
        out.append(static_cast<std::uint64_t>(finding.status));
    }
    if (finding.error_number != 0) {
        out.append(" errno ");
        out.append(static_cast<std::uint64_t>(finding.error_number));
    }
    if (!finding.upstream.empty()) {
        const std::string_view address = parse::backend_address(finding);
        out.append(" backend ");
        append_shown(out, address.empty() ? finding.upstream : address, kMaxUpstreamBytes);
    } else if (finding.source == parse::LogSource::kNginxError) {
        out.append(" backend unknown");
    }
    if (finding.clue != core::Clue::kNone) {
        out.append("; ");
        out.append(core::clue_id(finding.clue));
        if (finding.number > 0) {
            out.append(" ");
            out.append(static_cast<std::uint64_t>(finding.number));
        }
    }
    const std::string host = host_of(finding);
    if (const std::string_view subject = host.empty() ? finding.subject : host; !subject.empty()) {
        out.append(finding.clue == core::Clue::kNone ? "; " : " ");
        append_shown(out, subject, kMaxUpstreamBytes);
    }
}

}  // namespace

OutputBuffer::OutputBuffer(int descriptor) : descriptor_(descriptor) {
    bytes_.reserve(2 * kFlushBytes);
}

void OutputBuffer::append(std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

void OutputBuffer::flush() {
    std::string_view rest = bytes_;
    while (!rest.empty() && error_number_ == 0) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            error_number_ = errno;
        }
    }
    bytes_.clear();
}

void write_json_answer(OutputBuffer& out, const parse::LogAnswer& answer) {
    const parse::LogFinding& finding = answer.finding;
    out.append("{\"line\":");
    out.append(answer.number);
    out.append(",\"source\":\"");
    out.append(parse::log_source_id(finding.source));
    out.append("\",\"symptom\":\"");
    out.append(core::symptom_id(finding.symptom));
    out.append("\",\"status\":");
    append_number_or_null(out, finding.status);
    out.append(",\"errno\":");
    append_number_or_null(out, finding.error_number);
    out.append(",\"phase\":\"");
    out.append(parse::upstream_phase_id(finding.phase));
    out.append("\",\"upstream\":");
    if (finding.upstream.empty()) {
        out.append("null");
    } else {
        append_string(out, finding.upstream, kMaxTextBytes);
    }
    out.append(finding.is_trusted ? ",\"trusted\":true,\"causes\":["
                                  : ",\"trusted\":false,\"causes\":[");
    std::string_view separator = "\"";
    for (const std::string_view cause : advice_for(finding).causes) {
        out.append(separator);
        out.append(cause);
        separator = "\",\"";
    }
    out.append(separator.size() == 1 ? "]" : "\"]");
    append_clue(out, finding);
    out.append(",\"text\":");
    append_string(out, answer.text, kMaxTextBytes);
    out.append("}\n");
}

void write_text_answer(OutputBuffer& out, std::string_view place, const parse::LogAnswer& answer) {
    const parse::LogFinding& finding = answer.finding;
    out.append(place);
    out.append(answer.number);
    out.append(": ");
    if (!finding.time.empty()) {
        append_shown(out, finding.time, kMaxTimeBytes);
        out.append(" ");
    }
    write_text_words(out, finding);
    const Advice advice = advice_for(finding);
    out.append(finding.is_trusted ? "\n" : " (could be forged)\n");
    if (advice.causes.empty()) {
        return;
    }
    std::string_view separator = "    likely causes: ";
    for (const std::string_view cause : advice.causes) {
        out.append(separator);
        out.append(cause);
        separator = ", ";
    }
    out.append("\n    would check:   ");
    out.append(advice.checks);
    out.append("\n");
}

}  // namespace gatemend::cli
