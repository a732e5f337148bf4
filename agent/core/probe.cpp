// SPDX-License-Identifier: MIT
#include "core/probe.hpp"

#include "core/closed_set.hpp"

#include <charconv>

namespace gatemend::core {

std::string_view probe_kind_id(ProbeKind value) {
    switch (value) {
        case ProbeKind::kConnect:
            return "connect";
        case ProbeKind::kFastcgi:
            return "fastcgi";
        case ProbeKind::kHttp:
            return "http";
        case ProbeKind::kHttps:
            return "https";
        case ProbeKind::kResolve:
            return "resolve";
    }
    return "?";
}

std::optional<ProbeKind> probe_kind_from_id(std::string_view id) {
    return find_by_id(id, ProbeKind::kResolve, probe_kind_id);
}

std::string_view probe_outcome_id(ProbeOutcome value) {
    switch (value) {
        case ProbeOutcome::kUnknown:
            return "unknown";
        case ProbeOutcome::kGood:
            return "good";
        case ProbeOutcome::kMissing:
            return "missing";
        case ProbeOutcome::kRefused:
            return "refused";
        case ProbeOutcome::kDenied:
            return "denied";
        case ProbeOutcome::kSaturated:
            return "saturated";
        case ProbeOutcome::kUnreachable:
            return "unreachable";
        case ProbeOutcome::kConnectTimeout:
            return "connect-timeout";
        case ProbeOutcome::kResponseTimeout:
            return "response-timeout";
        case ProbeOutcome::kClosedEarly:
            return "closed-early";
        case ProbeOutcome::kInvalidResponse:
            return "invalid-response";
        case ProbeOutcome::kTlsFailed:
            return "tls-failed";
        case ProbeOutcome::kUnresolved:
            return "unresolved";
    }
    return "?";
}

std::optional<ProbeOutcome> probe_outcome_from_id(std::string_view id) {
    return find_by_id(id, ProbeOutcome::kUnresolved, probe_outcome_id);
}

std::string_view tls_fault_id(TlsFault value) {
    switch (value) {
        case TlsFault::kNone:
            return "none";
        case TlsFault::kNotTls:
            return "not-tls";
        case TlsFault::kRefused:
            return "refused";
        case TlsFault::kExpired:
            return "expired";
        case TlsFault::kNotYetValid:
            return "not-yet-valid";
        case TlsFault::kWrongName:
            return "wrong-name";
        case TlsFault::kUntrusted:
            return "untrusted";
    }
    return "?";
}

std::optional<TlsFault> tls_fault_from_id(std::string_view id) {
    return find_by_id(id, TlsFault::kUntrusted, tls_fault_id);
}

std::string_view spoken_id(Spoken value) {
    switch (value) {
        case Spoken::kUnknown:
            return "unknown";
        case Spoken::kFastcgi:
            return "fastcgi";
        case Spoken::kHttp:
            return "http";
        case Spoken::kHttp2:
            return "http2";
        case Spoken::kTls:
            return "tls";
        case Spoken::kOther:
            return "other";
    }
    return "?";
}

std::optional<Spoken> spoken_from_id(std::string_view id) {
    return find_by_id(id, Spoken::kOther, spoken_id);
}

std::string encode(const ProbeResult& result) {
    std::string line = "outcome=";
    line += probe_outcome_id(result.outcome);
    line += " errno=" + std::to_string(result.error_number);
    line += " us=" + std::to_string(result.elapsed_us);
    line += '\n';
    return line;
}

namespace {

// Takes `prefix` and what follows up to the next space or newline off the front of `rest`.
std::optional<std::string_view> take_field(std::string_view& rest,
                                           std::string_view prefix,
                                           char terminator) {
    if (rest.substr(0, prefix.size()) != prefix) {
        return std::nullopt;
    }
    const std::size_t end = rest.find(terminator);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view value = rest.substr(prefix.size(), end - prefix.size());
    rest.remove_prefix(end + 1);
    return value;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::optional<ProbeResult> decode_probe_result(std::string_view line) {
    const auto outcome = take_field(line, "outcome=", ' ');
    const auto error_number = outcome ? take_field(line, "errno=", ' ') : std::nullopt;
    const auto elapsed = error_number ? take_field(line, "us=", '\n') : std::nullopt;
    if (!elapsed || !line.empty()) {
        return std::nullopt;
    }
    ProbeResult result;
    const auto known = probe_outcome_from_id(*outcome);
    if (!known || !read_number(*error_number, result.error_number) ||
        !read_number(*elapsed, result.elapsed_us) || result.error_number < 0) {
        return std::nullopt;
    }
    result.outcome = *known;
    return result;
}

std::string describe(const ProbeResult& result) {
    std::string text{probe_outcome_id(result.outcome)};
    if (result.error_number != 0) {
        text += " (errno " + std::to_string(result.error_number) + ")";
    }
    return text;
}

}  // namespace gatemend::core
