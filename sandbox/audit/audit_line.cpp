// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_line.hpp"

#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace gatemend::sandbox {
namespace {

constexpr std::string_view kSeqKey = "{\"seq\":";
constexpr std::string_view kTimeKey = ",\"time\":\"";
constexpr std::string_view kKindKey = "\",\"kind\":\"";
constexpr std::string_view kPrevKey = ",\"prev\":\"";
constexpr std::string_view kHashKey = ",\"hash\":\"";
constexpr std::string_view kEnd = "\"}";
// What a file system adds to a torn record is at most a page, or a block.
constexpr std::size_t kMaxTornBytes = std::size_t{128} * 1024;

bool is_hash(std::string_view text) {
    return text.size() == kHashDigits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// Takes `expected` off the front.
bool take(std::string_view& rest, std::string_view expected) {
    if (!rest.starts_with(expected)) {
        return false;
    }
    rest.remove_prefix(expected.size());
    return true;
}

// Takes `key`, a hash and `end` off the back; the hash, or "".
std::string_view take_hash_at_end(std::string_view& rest,
                                  std::string_view key,
                                  std::string_view end) {
    const std::size_t size = key.size() + kHashDigits + end.size();
    if (rest.size() < size || !rest.ends_with(end)) {
        return {};
    }
    const std::string_view tail = rest.substr(rest.size() - size);
    const std::string_view hash = tail.substr(key.size(), kHashDigits);
    if (!tail.starts_with(key) || !is_hash(hash)) {
        return {};
    }
    rest.remove_suffix(size);
    return hash;
}

// Canonical decimal: no sign, no leading zero.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{} || rest.front() == '0') {
        return std::nullopt;
    }
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
}

}  // namespace

std::string first_prev() {
    return std::string(kHashDigits, '0');
}

std::string make_audit_line(const AuditLineParts& parts) {
    std::string line{kSeqKey};
    line.append(std::to_string(parts.seq));
    line.append(kTimeKey).append(core::format_time(parts.time)).append("\",\"kind\":");
    line.append(json_quote(parts.kind));
    if (!parts.fields.empty()) {
        line.append(",").append(parts.fields);
    }
    line.append(kPrevKey).append(parts.prev).append("\"");
    const std::string hash = sha256_hex(line);
    return line.append(kHashKey).append(hash).append(kEnd);
}

std::optional<AuditLine> check_audit_line(std::string_view line) {
    AuditLine result;
    std::string_view hashed = line;
    result.hash = take_hash_at_end(hashed, kHashKey, kEnd);
    if (result.hash.empty() || sha256_hex(hashed) != result.hash) {
        return std::nullopt;
    }
    std::string_view body = hashed;
    result.prev = take_hash_at_end(body, kPrevKey, "\"");
    std::string_view rest = body;
    if (result.prev.empty() || !take(rest, kSeqKey)) {
        return std::nullopt;
    }
    const auto seq = take_number(rest);
    if (!seq || !take(rest, kTimeKey)) {
        return std::nullopt;
    }
    result.seq = *seq;
    const std::size_t time_end = rest.find('"');
    const auto time = core::parse_time(rest.substr(0, time_end));
    if (time_end == std::string_view::npos || !time) {
        return std::nullopt;
    }
    result.time = *time;
    rest.remove_prefix(time_end);
    if (!take(rest, kKindKey) || rest.find('"') == std::string_view::npos) {
        return std::nullopt;
    }
    result.kind = rest.substr(0, rest.find('"'));
    rest.remove_prefix(result.kind.size() + 1);
    result.fields = rest.empty() ? rest : rest.substr(1);
    if (!nlohmann::json::accept(line)) {
        return std::nullopt;
    }
    return result;
}

bool is_torn_record(std::string_view rest, std::uint64_t seq) {
    // substr of npos + 1: nothing but zeros
    const std::string_view text = rest.substr(0, rest.find_last_not_of('\0') + 1);
    const std::string begin = std::string{kSeqKey}.append(std::to_string(seq)).append(kTimeKey);
    const std::size_t both = std::min(text.size(), begin.size());
    return rest.size() <= kMaxTornBytes && text.substr(0, both) == begin.substr(0, both);
}

}  // namespace gatemend::sandbox
