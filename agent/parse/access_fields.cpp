// SPDX-License-Identifier: MIT
#include "parse/access_fields.hpp"

#include "parse/json_members.hpp"
#include "parse/nginx_error.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace gatemend::parse {
namespace {

constexpr std::size_t kLongestFront = 512;  // host names, addresses, a user
constexpr std::size_t kMaxTokens = 64;

enum class Field {
    kUpstreamStatus,
    kUpstreamAddress,
    kConnectTime,
    kHeaderTime,
    kResponseTime,
    kResponseLength,
    kStatus,
    kRequest,
    kTime,
};

struct FieldName {
    std::string_view name;  // lower case, letters and digits only
    Field field;
};

// Exact names; longer ones may stand behind a prefix ("nginx.upstream_status").
constexpr std::array kNames = std::to_array<FieldName>({
    {"upstreamstatus", Field::kUpstreamStatus},
    {"upstreamaddr", Field::kUpstreamAddress},
    {"upstreamaddress", Field::kUpstreamAddress},
    {"upstreamhost", Field::kUpstreamAddress},
    {"upstreamconnecttime", Field::kConnectTime},
    {"upstreamheadertime", Field::kHeaderTime},
    {"upstreamresponsetime", Field::kResponseTime},
    {"upstreamresponselength", Field::kResponseLength},
    {"upstreamtime", Field::kResponseTime},
    {"us", Field::kUpstreamStatus},
    {"ustatus", Field::kUpstreamStatus},
    {"upsstatus", Field::kUpstreamStatus},
    {"ua", Field::kUpstreamAddress},
    {"u", Field::kUpstreamAddress},
    {"uaddr", Field::kUpstreamAddress},
    {"ups", Field::kUpstreamAddress},
    {"upsaddr", Field::kUpstreamAddress},
    {"upstream", Field::kUpstreamAddress},
    {"backend", Field::kUpstreamAddress},
    {"uct", Field::kConnectTime},
    {"upsct", Field::kConnectTime},
    {"uht", Field::kHeaderTime},
    {"upsht", Field::kHeaderTime},
    {"urt", Field::kResponseTime},
    {"ut", Field::kResponseTime},
    {"ul", Field::kResponseLength},
    {"upsrt", Field::kResponseTime},
    {"url", Field::kRequest},
    {"uri", Field::kRequest},
    {"request", Field::kRequest},
    {"requesturi", Field::kRequest},
    {"path", Field::kRequest},
    {"status", Field::kStatus},
    {"statuscode", Field::kStatus},
    {"httpstatus", Field::kStatus},
    {"httpstatuscode", Field::kStatus},
    {"responsestatus", Field::kStatus},
    {"responsestatuscode", Field::kStatus},
    {"httpresponsestatuscode", Field::kStatus},
    {"responsecode", Field::kStatus},
    {"timelocal", Field::kTime},
    {"timeiso8601", Field::kTime},
    {"time", Field::kTime},
    {"timestamp", Field::kTime},
});
constexpr std::size_t kPrefixableBytes = 12;  // "upstreamaddr" and longer

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_punctuation(char c) {
    return c == '_' || c == '-' || c == '.' || c == '$' || c == '@';
}

// Compares from the end, so that a prefix may be left over.
bool matches_name(std::string_view key, std::string_view name) {
    std::size_t at = key.size();
    std::size_t left = name.size();
    while (at > 0 && left > 0) {
        const char c = lower(key[at - 1]);
        if (!is_punctuation(c)) {
            if (c != name[left - 1]) {
                return false;
            }
            --left;
        }
        --at;
    }
    if (left > 0) {
        return false;
    }
    return name.size() >= kPrefixableBytes ||
           std::ranges::all_of(key.substr(0, at), is_punctuation);
}

std::optional<Field> field_of(std::string_view key) {
    if (key.empty() || key.size() > 64) {
        return std::nullopt;
    }
    for (const FieldName& row : kNames) {
        if (key.size() >= row.name.size() && matches_name(key, row.name)) {
            return row.field;
        }
    }
    return std::nullopt;
}

// The last entry of "502, 200" and "502 : 200".
std::string_view last_entry(std::string_view list) {
    const std::size_t comma = list.rfind(", ");
    const std::size_t colon = list.rfind(" : ");
    std::size_t from = comma == std::string_view::npos ? 0 : comma + 2;
    if (colon != std::string_view::npos && colon + 3 > from) {
        from = colon + 3;
    }
    list.remove_prefix(from);
    while (!list.empty() && list[0] == ' ') {
        list.remove_prefix(1);
    }
    return list.substr(0, list.find_last_not_of(" ,") + 1);
}

// nginx writes nothing for a variable without value in escape=json.
std::string_view or_dash(std::string_view value) {
    return value.empty() ? "-" : value;
}

int status_of(std::string_view text) {
    TextScan scan(text);
    const auto value = scan.number(3);
    return value && scan.is_at_end() && *value >= 100 && *value <= 599 ? *value : 0;
}

bool looks_like_peer(std::string_view value) {
    return value == "-" || value.empty() || !peer_address(last_entry(value)).empty() ||
           std::ranges::all_of(value, [](char c) {
               return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || is_punctuation(c);
           });
}

void set_field(AccessFields& fields, Field field, std::string_view value) {
    switch (field) {
        case Field::kUpstreamStatus:
            fields.upstream_status = or_dash(last_entry(value));
            return;
        case Field::kUpstreamAddress:
            // `ua` may as well be the user agent.
            if (looks_like_peer(last_entry(value))) {
                fields.upstream_address = or_dash(last_entry(value));
            }
            return;
        case Field::kConnectTime:
            fields.connect_time = or_dash(last_entry(value));
            return;
        case Field::kHeaderTime:
            fields.header_time = or_dash(last_entry(value));
            return;
        case Field::kResponseTime:
            fields.response_time = or_dash(last_entry(value));
            return;
        case Field::kResponseLength:
            fields.response_length = or_dash(last_entry(value));
            return;
        case Field::kStatus:
            fields.status = fields.status == 0 ? status_of(value) : fields.status;
            return;
        case Field::kRequest:
            fields.request = fields.request.is_empty() ? core::ClientView{value} : fields.request;
            return;
        case Field::kTime:
            fields.time = fields.time.empty() ? value : fields.time;
            return;
    }
}

// ---- JSON

std::optional<AccessFields> read_json(std::string_view line) {
    AccessFields fields;
    JsonMembers members(line);
    JsonMember member;
    bool has_client = false;
    while (members.next(member)) {
        has_client = has_client || member.key.find("addr") != std::string_view::npos ||
                     member.key.find("client") != std::string_view::npos ||
                     member.key.find("request") != std::string_view::npos;
        if (const auto field = field_of(member.key)) {
            set_field(fields, *field, member.value);
        }
    }
    if (fields.status == 0 || !has_client || fields.request.is_empty()) {
        return std::nullopt;
    }
    return fields;
}

// ---- text

// "21/Nov/2026:14:33:28 +0000" or "2026-11-21T14:33:28+00:00".
bool is_access_time(std::string_view text) {
    TextScan scan(text);
    if (scan.number(2) && scan.skip("/")) {
        scan.advance(std::min<std::size_t>(3, scan.rest().size()));
        return scan.skip("/") && scan.number(4) && scan.skip(":") && scan.number(2) &&
               scan.skip(":");
    }
    TextScan iso(text);
    return iso.number(4) && iso.skip("-") && iso.number(2) && iso.skip("-") && iso.number(2) &&
           iso.skip("T") && iso.number(2) && iso.skip(":");
}

struct Token {
    std::string_view key;  // of key=value and key="value"
    std::string_view value;
    bool is_quoted = false;
    bool is_bracketed = false;
};

// The end of a value that may be a list: "0.001, 0.002", "0.001 : 0.002".
std::size_t list_end(std::string_view text) {
    std::size_t end = std::min(text.find(' '), text.size());
    while (end < text.size()) {
        const bool goes_on = end > 1 && text[end - 1] == ',';
        const bool is_colon = text.substr(end).starts_with(" : ");
        if (!goes_on && !is_colon) {
            break;
        }
        end = std::min(text.find(' ', end + (is_colon ? 3 : 1)), text.size());
    }
    return end;
}

class Tokens {
  public:
    explicit Tokens(std::string_view text) : rest_(text) {}

    bool next(Token& token) {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) {
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) {
            return false;
        }
        token = Token{};
        read_key(token);
        if (rest_.starts_with('"')) {
            token.is_quoted = true;
            take_until('"', token);
        } else if (is_bracketed_next()) {
            token.is_bracketed = true;
            take_until(']', token);
        } else {
            const std::size_t end = rest_.empty() ? 0 : list_end(rest_);
            token.value = rest_.substr(0, end);
            rest_.remove_prefix(end);
            while (!token.value.empty() && token.value.back() == ',') {
                token.value.remove_suffix(1);
            }
        }
        return true;
    }

    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    void read_key(Token& token) {
        const std::size_t end = rest_.find_first_of("=: \"[");
        if (end == std::string_view::npos || end == 0 || end > 64 ||
            !(rest_[end] == '=' || (rest_[end] == ':' && rest_.substr(end).starts_with(":\"")))) {
            return;
        }
        token.key = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
    }

    // "[default-app-80]", but not "[::1]:8080".
    [[nodiscard]] bool is_bracketed_next() const {
        const std::size_t close = rest_.starts_with('[') ? rest_.find(']') : std::string_view::npos;
        return close != std::string_view::npos &&
               (close + 1 == rest_.size() || rest_[close + 1] == ' ');
    }

    void take_until(char close, Token& token) {
        rest_.remove_prefix(1);
        const std::size_t end = std::min(rest_.find(close), rest_.size());
        token.value = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
    }

    std::string_view rest_;
};

bool is_whole_number(std::string_view value) {
    return value == "-" || (!value.empty() && std::ranges::all_of(value, is_digit));
}

bool is_decimal(std::string_view value) {
    return value == "-" || (!value.empty() && is_digit(value[0]) &&
                            value.find_first_not_of("0123456789.") == std::string_view::npos);
}

// ingress-nginx: "[group] [alternative] ADDRESS LENGTH TIME STATUS REQUEST-ID".
bool read_ingress(const std::vector<Token>& tokens, std::size_t at, AccessFields& fields) {
    if (at + 5 >= tokens.size() || !tokens[at].is_bracketed || !tokens[at + 1].is_bracketed) {
        return false;
    }
    const std::string_view address = last_entry(tokens[at + 2].value);
    const std::string_view length = last_entry(tokens[at + 3].value);
    const std::string_view time = last_entry(tokens[at + 4].value);
    const std::string_view status = last_entry(tokens[at + 5].value);
    if (!looks_like_peer(address) || !is_whole_number(length) || !is_decimal(time) ||
        !(status == "-" || status_of(status) != 0)) {
        return false;
    }
    fields.is_ingress = true;
    fields.upstream_address = address;
    fields.response_length = length;
    fields.response_time = time;
    fields.upstream_status = status;
    return true;
}

// A peer and a status side by side, in either order: "127.0.0.1:9000" "502".
bool read_pair(const std::vector<Token>& tokens, std::size_t at, AccessFields& fields) {
    if (at + 1 >= tokens.size() || !tokens[at].key.empty() || !tokens[at + 1].key.empty()) {
        return false;
    }
    for (const auto& [peer, status] :
         {std::pair(tokens[at], tokens[at + 1]), std::pair(tokens[at + 1], tokens[at])}) {
        const std::string_view address = last_entry(peer.value);
        const std::string_view answer = last_entry(status.value);
        if (!peer_address(address).empty() && status_of(answer) != 0) {
            fields.upstream_address = address;
            fields.upstream_status = answer;
            return true;
        }
    }
    return false;
}

void read_extras(std::string_view text, AccessFields& fields) {
    Tokens scan(text);
    std::vector<Token> tokens;
    for (Token token; tokens.size() < kMaxTokens && scan.next(token);) {
        tokens.push_back(token);
    }
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        const auto field = field_of(tokens[at].key);
        if (field) {
            set_field(fields, *field, tokens[at].value);
        } else if (fields.upstream_status.empty() && !read_ingress(tokens, at, fields)) {
            (void)read_pair(tokens, at, fields);  // nothing found is normal
        }
    }
}

// `502 "REQUEST"`, as some charts have it.
bool read_early_status(std::string_view rest, AccessFields& fields) {
    const std::size_t from = std::min(rest.find_first_not_of(' '), rest.size());
    if (!rest.substr(std::min(from + 3, rest.size())).starts_with(" \"")) {
        return false;
    }
    fields.status = status_of(rest.substr(from, 3));
    return fields.status != 0;
}

// `"REQUEST" 502` or `"REQUEST" (502)`; where the rest begins. With escape=none a request may hold
// quotes: the first one with a status behind it ends it.
std::size_t read_request_and_status(std::string_view rest, AccessFields& fields) {
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) {
        return quote;
    }
    for (std::size_t end = rest.find("\" ", quote + 1); end != std::string_view::npos;
         end = rest.find("\" ", end + 1)) {
        const std::size_t at = end + (rest.substr(end + 2).starts_with('(') ? 3 : 2);
        const std::string_view digits = rest.substr(at, 3);
        const char next = at + 3 < rest.size() ? rest[at + 3] : ' ';
        if (status_of(digits) != 0 && (next == ' ' || next == ',' || next == ')')) {
            fields.request = core::ClientView{rest.substr(quote + 1, end - quote - 1)};
            fields.status = status_of(digits);
            return std::min(at + 4, rest.size());
        }
    }
    return std::string_view::npos;
}

// ADDRESS … [time] "REQUEST" STATUS BYTES …
std::optional<AccessFields> read_text(std::string_view line) {
    AccessFields fields;
    const std::size_t open = line.substr(0, kLongestFront).find('[');
    if (open == std::string_view::npos || !is_access_time(line.substr(open + 1))) {
        return std::nullopt;
    }
    const std::size_t close = line.find(']', open);
    if (close == std::string_view::npos) {
        return std::nullopt;
    }
    fields.time = line.substr(open + 1, close - open - 1);
    const std::string_view rest = line.substr(close + 1);
    const std::size_t end =
        read_early_status(rest, fields) ? rest.find('"') : read_request_and_status(rest, fields);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    read_extras(rest.substr(end), fields);
    return fields;
}

}  // namespace

std::optional<AccessFields> read_access_fields(std::string_view line) {
    return line.starts_with('{') ? read_json(line) : read_text(line);
}

}  // namespace gatemend::parse
