// SPDX-License-Identifier: MIT
#include "policies/toml_document.hpp"

#include "core/text.hpp"

namespace gatemend::policy {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// toml++ frees nested tables recursively. Its own nesting limit does not count dotted keys, so a
// key a.a.a.… could exhaust the stack; nothing here needs more than one dot per line outside
// strings. Strings are told by their quotes within one line, which is enough for a guard.
constexpr int kMaxDotsPerLine = 16;

// What a byte is depends on the quote or comment it stands in; '\0' is neither.
char quote_after(char quote, char byte, bool is_escaped) {
    if (byte == '\n') {
        return '\0';
    }
    if (quote == '\0') {
        return byte == '"' || byte == '\'' || byte == '#' ? byte : '\0';
    }
    return byte == quote && quote != '#' && !is_escaped ? '\0' : quote;
}

Position find_excessive_dots(std::string_view text) {
    Position at{1, 0};
    int dots = 0;
    char quote = '\0';
    bool is_escaped = false;
    for (const char byte : text) {
        at.column += (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U ? 0 : 1;
        dots += quote == '\0' && byte == '.' ? 1 : 0;
        if (dots > kMaxDotsPerLine) {
            return at;
        }
        quote = quote_after(quote, byte, is_escaped);
        is_escaped = quote == '"' && byte == '\\' && !is_escaped;
        if (byte == '\n') {
            at = {at.line + 1, 0};
            dots = 0;
        }
    }
    return {};
}

}  // namespace

std::optional<toml::table> parse_document(std::string_view text, Reporter& reporter) {
    if (const Position at = find_excessive_dots(text); at.line > 0) {
        reporter.error(at, "too many dots on one line");
        return std::nullopt;
    }
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& failure) {
        const auto& at = failure.source().begin;
        reporter.error({static_cast<int>(at.line), static_cast<int>(at.column)},
                       "TOML: " + core::sanitize(failure.description()));
    }
    return std::nullopt;
}

std::optional<Found<Mode>> read_mode(TableReader& reader) {
    constexpr Mode kModes[] = {Mode::kObserve, Mode::kAsk, Mode::kAct};
    std::vector<std::string_view> words;
    for (const Mode mode : kModes) {
        words.push_back(mode_id(mode));
    }
    const auto found = reader.word("mode", words);
    if (!found) {
        return std::nullopt;
    }
    return Found<Mode>{kModes[found->value], found->at};
}

Limit read_limit(const toml::table& table, std::string name, Limit defaults, Reporter& reporter) {
    std::string path = name + ".";
    TableReader reader{table, std::move(name), reporter, std::move(path)};
    Limit limit = defaults;
    if (const auto max = reader.integer("max", {1, 100})) {
        limit.max = static_cast<std::uint32_t>(max->value);
    }
    if (const auto per = reader.duration("per", {seconds{1}, hours{24}})) {
        limit.per = per->value;
    }
    if (const auto cooldown = reader.duration("cooldown", {milliseconds{0}, hours{1}})) {
        limit.cooldown = cooldown->value;
    }
    if (const auto backoff = reader.integer("backoff", {1, 10})) {
        limit.backoff = static_cast<std::uint32_t>(backoff->value);
    }
    reader.finish();
    return limit;
}

}  // namespace gatemend::policy
