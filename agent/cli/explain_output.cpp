// SPDX-License-Identifier: MIT
#include "cli/explain_output.hpp"

#include "cli/advice.hpp"
#include "core/text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace gatemend::cli {
namespace {

constexpr std::size_t kMaxTextBytes = parse::kLongestRecordBytes;
constexpr std::size_t kMaxUpstreamBytes = 256;

bool is_printable_ascii(char c) {
    return c >= 0x20 && c <= 0x7e;
}

// `text` is printable: sanitize() has run, or it was not needed.
void append_quoted(OutputBuffer& out, std::string_view text) {
    out.append("\"");
    std::size_t from = 0;
    while (true) {
        const std::size_t at = text.find_first_of("\"\\", from);
        out.append(text.substr(from, at - from));
        if (at == std::string_view::npos) {
            break;
        }
        out.append("\\");
        out.append(text.substr(at, 1));
        from = at + 1;
    }
    out.append("\"");
}

void append_string(OutputBuffer& out, std::string_view bytes, std::size_t limit) {
    if (bytes.size() <= limit && std::ranges::all_of(bytes, is_printable_ascii)) {
        append_quoted(out, bytes);
    } else {
        append_quoted(out, core::sanitize(bytes, limit));
    }
}

void append_number_or_null(OutputBuffer& out, int number) {
    if (number == 0) {
        out.append("null");
    } else {
        out.append(static_cast<std::uint64_t>(number));
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

void write_json_answer(OutputBuffer& out, const parse::NginxErrorAnswer& answer) {
    const parse::NginxError& record = answer.line.record;
    out.append("{\"line\":");
    out.append(answer.number);
    out.append(",\"source\":\"nginx-error\",\"symptom\":\"");
    out.append(core::symptom_id(record.symptom));
    out.append("\",\"status\":");
    append_number_or_null(out, record.status);
    out.append(",\"errno\":");
    append_number_or_null(out, record.error_number);
    out.append(",\"phase\":\"");
    out.append(parse::upstream_phase_id(record.phase));
    out.append("\",\"upstream\":");
    if (record.upstream.empty()) {
        out.append("null");
    } else {
        append_string(out, record.upstream, kMaxTextBytes);
    }
    out.append(record.is_trusted ? ",\"trusted\":true,\"causes\":["
                                 : ",\"trusted\":false,\"causes\":[");
    std::string_view separator = "\"";
    for (const std::string_view cause : advice_for(record.symptom).causes) {
        out.append(separator);
        out.append(cause);
        separator = "\",\"";
    }
    out.append(separator.size() == 1 ? "],\"text\":" : "\"],\"text\":");
    append_string(out, answer.text, kMaxTextBytes);
    out.append("}\n");
}

void write_text_answer(OutputBuffer& out,
                       std::string_view place,
                       const parse::NginxErrorAnswer& answer) {
    const parse::NginxError& record = answer.line.record;
    const Advice advice = advice_for(record.symptom);
    out.append(place);
    out.append(answer.number);
    out.append(": ");
    out.append(record.time);
    out.append(" ");
    out.append(core::symptom_id(record.symptom));
    if (record.status != 0) {
        out.append(" ");
        out.append(static_cast<std::uint64_t>(record.status));
    }
    if (record.error_number != 0) {
        out.append(" errno ");
        out.append(static_cast<std::uint64_t>(record.error_number));
    }
    const std::string_view address = parse::upstream_address(record.upstream);
    out.append(record.upstream.empty() ? " backend unknown" : " backend ");
    out.append(core::sanitize(address.empty() ? record.upstream : address, kMaxUpstreamBytes));
    out.append(record.is_trusted ? "\n    likely causes: "
                                 : " (could be forged)\n    likely causes: ");
    std::string_view separator;
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
