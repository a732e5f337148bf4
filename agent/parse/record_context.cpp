// SPDX-License-Identifier: MIT
#include "parse/record_context.hpp"

#include "parse/text_scan.hpp"

#include <algorithm>
#include <cstddef>

namespace gatemend::parse {
namespace {

constexpr std::string_view kClient = ", client: ";
constexpr std::string_view kServer = ", server: ";
constexpr std::string_view kRequest = ", request: \"";
constexpr std::string_view kSubrequest = "\", subrequest: \"";
constexpr std::string_view kUpstream = "\", upstream: \"";
constexpr std::string_view kHost = "\", host: \"";
constexpr std::string_view kReferrer = "\", referrer: \"";
constexpr std::size_t kLongestClient = 64;
constexpr std::size_t kLongestServer = 1024;

bool is_client_address(std::string_view text) {
    if (text == "unix:") {
        return true;
    }
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
    });
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

// nginx 1.21.1 and later refuse anything else with 400; older ones let spaces into the target, and
// with them forged fields.
bool is_plain_request(std::string_view line) {
    if (std::ranges::any_of(line, is_control)) {
        return false;
    }
    const std::size_t method_end = line.find(' ');
    if (method_end == 0 || method_end == std::string_view::npos) {
        return false;
    }
    const std::string_view rest = line.substr(method_end + 1);
    const std::size_t target_end = rest.find(' ');
    if (target_end == std::string_view::npos) {
        return !rest.empty();  // HTTP/0.9
    }
    const std::string_view protocol = rest.substr(target_end + 1);
    return target_end > 0 && protocol.starts_with("HTTP/") &&
           protocol.find_first_of(" \"") == std::string_view::npos;
}

// The first of the fields that may follow a quoted value; npos when the value is the record's last.
std::size_t value_end(std::string_view text) {
    std::size_t from = 0;
    while (true) {
        const std::size_t quote = text.find('"', from);
        if (quote == std::string_view::npos) {
            return text.size();
        }
        const std::string_view rest = text.substr(quote);
        if (rest.size() == 1 || rest.starts_with(kHost) || rest.starts_with(kReferrer) ||
            rest.starts_with(kUpstream) || rest.starts_with(kSubrequest)) {
            return quote;
        }
        from = quote + 1;
    }
}

}  // namespace

RecordContext parse_record_context(std::string_view text) {
    RecordContext context;
    TextScan scan(text);
    if (!scan.skip(kClient)) {
        return context;
    }
    const auto client = scan.until(kServer, kLongestClient);
    if (!client || !is_client_address(*client) || !scan.skip(kServer)) {
        return context;
    }
    // stream{} records have no request; their `upstream:` names no scheme either.
    if (!scan.until(kRequest, kLongestServer) || !scan.skip(kRequest)) {
        return context;
    }
    context.is_http = true;
    context.is_complete = scan.rest().ends_with('"') && scan.rest().size() > 1;

    const std::string_view fields = scan.rest();
    const std::size_t request_end = value_end(fields);
    context.is_plain = is_plain_request(fields.substr(0, request_end));
    const std::size_t upstream_at = fields.find(kUpstream, request_end);
    const std::size_t subrequest_at = fields.find(kSubrequest, request_end);
    context.has_subrequest = subrequest_at != std::string_view::npos && subrequest_at < upstream_at;
    if (upstream_at == std::string_view::npos) {
        return context;
    }
    const std::string_view value = fields.substr(upstream_at + kUpstream.size());
    const std::size_t upstream_end = value_end(value);
    if (upstream_end < value.size()) {
        context.upstream = value.substr(0, upstream_end);
    }
    context.is_plain =
        context.is_plain && value.find(kUpstream, upstream_end) == std::string_view::npos;
    return context;
}

}  // namespace gatemend::parse
