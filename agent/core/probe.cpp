// SPDX-License-Identifier: MIT
#include "core/probe.hpp"

#include "core/closed_set.hpp"

#include <charconv>
#include <utility>

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

bool is_slow(ProbeOutcome outcome) {
    return outcome == ProbeOutcome::kResponseTimeout || outcome == ProbeOutcome::kConnectTimeout ||
           outcome == ProbeOutcome::kSaturated;
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

namespace {

constexpr std::uint32_t kMinStatus = 100;
constexpr std::uint32_t kMaxStatus = 999;
constexpr std::size_t kMaxNumericAddress = 45;  // the longest IPv6 address as text

// The next word of the line: "name=value" for a known name, up to a space or the end.
std::optional<std::string_view> take_field(std::string_view& rest, std::string_view name) {
    if (rest.substr(0, name.size()) != name) {
        return std::nullopt;
    }
    const std::size_t end = rest.find(' ');
    const std::string_view value = rest.substr(name.size(), end - name.size());
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return value;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::optional<std::vector<std::string>> split_addresses(std::string_view list) {
    std::vector<std::string> addresses;
    for (;;) {
        const std::size_t comma = list.find(',');
        const std::string_view address = list.substr(0, comma);
        if (!is_numeric_address(address) || addresses.size() == kMaxResolvedAddresses ||
            (!addresses.empty() && addresses.back() >= address)) {
            return std::nullopt;
        }
        addresses.emplace_back(address);
        if (comma == std::string_view::npos) {
            return addresses;
        }
        list.remove_prefix(comma + 1);
    }
}

bool read_status(std::string_view text, ProbeResult& result) {
    return read_number(text, result.status) && result.status >= kMinStatus &&
           result.status <= kMaxStatus;
}

bool read_until(std::string_view text, ProbeResult& result) {
    result.certificate_until = parse_time(text);
    return result.certificate_until.has_value();
}

// Takes what is there of the optional words; false when one of them is wrong.
bool read_optional_fields(std::string_view& rest, ProbeResult& result) {
    if (const auto text = take_field(rest, "status="); text && !read_status(*text, result)) {
        return false;
    }
    if (const auto text = take_field(rest, "tls=")) {
        const auto fault = tls_fault_from_id(*text);
        result.tls = fault.value_or(TlsFault::kNone);
    }
    if (const auto text = take_field(rest, "until="); text && !read_until(*text, result)) {
        return false;
    }
    if (const auto text = take_field(rest, "spoken=")) {
        const auto spoken = spoken_from_id(*text);
        result.spoken = spoken.value_or(Spoken::kUnknown);
    }
    if (const auto text = take_field(rest, "addresses=")) {
        auto addresses = split_addresses(*text);
        result.addresses = std::move(addresses).value_or(std::vector<std::string>{});
    }
    return true;
}

std::string_view tls_sentence(TlsFault fault) {
    switch (fault) {
        case TlsFault::kNone:
            return "";
        case TlsFault::kNotTls:
            return "the peer does not speak TLS";
        case TlsFault::kRefused:
            return "no TLS session was agreed on";
        case TlsFault::kExpired:
            return "the certificate has expired";
        case TlsFault::kNotYetValid:
            return "the certificate is not yet valid";
        case TlsFault::kWrongName:
            return "the certificate is for another name";
        case TlsFault::kUntrusted:
            return "the certificate's authority is not known here";
    }
    return "";
}

}  // namespace

bool is_numeric_address(std::string_view text) {
    return !text.empty() && text.size() <= kMaxNumericAddress &&
           text.find_first_not_of("0123456789abcdef.:") == std::string_view::npos;
}

std::string encode(const ProbeResult& result) {
    std::string line = "outcome=";
    line += probe_outcome_id(result.outcome);
    line += " errno=" + std::to_string(result.error_number);
    line += " us=" + std::to_string(result.elapsed_us);
    if (result.status != 0) {
        line += " status=" + std::to_string(result.status);
    }
    if (result.tls != TlsFault::kNone) {
        line.append(" tls=").append(tls_fault_id(result.tls));
    }
    if (result.certificate_until) {
        line += " until=" + format_time(*result.certificate_until);
    }
    if (result.spoken != Spoken::kUnknown) {
        line.append(" spoken=").append(spoken_id(result.spoken));
    }
    std::string_view separator = " addresses=";
    for (const std::string& address : result.addresses) {
        line.append(separator).append(address);
        separator = ",";
    }
    line += '\n';
    return line;
}

std::optional<ProbeResult> decode_probe_result(std::string_view line) {
    std::string_view rest = line;
    if (rest.empty() || rest.back() != '\n') {
        return std::nullopt;
    }
    rest.remove_suffix(1);
    const auto outcome = take_field(rest, "outcome=");
    const auto error_number = outcome ? take_field(rest, "errno=") : std::nullopt;
    const auto elapsed = error_number ? take_field(rest, "us=") : std::nullopt;
    const auto known = elapsed ? probe_outcome_from_id(*outcome) : std::nullopt;
    ProbeResult result;
    if (!known || !read_number(*error_number, result.error_number) ||
        !read_number(*elapsed, result.elapsed_us) || result.error_number < 0 ||
        !read_optional_fields(rest, result)) {
        return std::nullopt;
    }
    result.outcome = *known;
    // One form only: whatever was skipped, padded or out of order does not come back the same.
    return encode(result) == line ? std::optional{result} : std::nullopt;
}

std::string describe(const ProbeResult& result) {
    std::string details;
    const auto add = [&details](std::string_view detail) {
        details.append(details.empty() ? "" : ", ").append(detail);
    };
    if (result.error_number != 0) {
        add("errno " + std::to_string(result.error_number));
    }
    if (result.status != 0) {
        add("status " + std::to_string(result.status));
    }
    if (result.tls != TlsFault::kNone) {
        add(tls_sentence(result.tls));
    }
    if (result.certificate_until &&
        (result.tls == TlsFault::kExpired || result.tls == TlsFault::kNotYetValid)) {
        add("valid until " + format_time(*result.certificate_until));
    }
    if (result.spoken != Spoken::kUnknown) {
        add("it speaks " + std::string{spoken_id(result.spoken)});
    }
    for (const std::string& address : result.addresses) {
        add(address);
    }
    std::string text{probe_outcome_id(result.outcome)};
    return details.empty() ? text : text + " (" + details + ")";
}

}  // namespace gatemend::core
