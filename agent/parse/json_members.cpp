// SPDX-License-Identifier: MIT
#include "parse/json_members.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace gatemend::parse {
namespace {

std::optional<std::uint32_t> hex4(std::string_view text) {
    std::uint32_t value = 0;
    if (text.size() < 4) {
        return std::nullopt;
    }
    const auto result = std::from_chars(text.data(), text.data() + 4, value, 16);
    if (result.ec != std::errc() || result.ptr != text.data() + 4) {
        return std::nullopt;
    }
    return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
    if (code < 0x80) {
        byte(code);
    } else if (code < 0x800) {
        byte(0xC0U | (code >> 6U));
        byte(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        byte(0xE0U | (code >> 12U));
        byte(0x80U | ((code >> 6U) & 0x3FU));
        byte(0x80U | (code & 0x3FU));
    } else {
        byte(0xF0U | (code >> 18U));
        byte(0x80U | ((code >> 12U) & 0x3FU));
        byte(0x80U | ((code >> 6U) & 0x3FU));
        byte(0x80U | (code & 0x3FU));
    }
}

// `rest` begins behind "\u"; how many bytes of it were used, 0 when it is no code.
std::size_t append_code(std::string& out, std::string_view rest) {
    const auto high = hex4(rest);
    if (!high) {
        return 0;
    }
    if (*high >= 0xD800 && *high < 0xDC00 && rest.substr(4).starts_with("\\u")) {
        const auto low = hex4(rest.substr(6));
        if (low && *low >= 0xDC00 && *low < 0xE000) {
            append_utf8(out, 0x10000 + ((*high - 0xD800) << 10U) + (*low - 0xDC00));
            return 10;
        }
    }
    append_utf8(out, *high);
    return 4;
}

char simple_escape(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case 'r':
            return '\r';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case '"':
        case '\\':
        case '/':
            return c;
        default:
            return '\0';
    }
}

// An odd number of backslashes stands in front.
bool is_escaped(std::string_view text, std::size_t from, std::size_t at) {
    std::size_t first = at;
    while (first > from && text[first - 1] == '\\') {
        --first;
    }
    return (at - first) % 2 == 1;
}

bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '"';
}

}  // namespace

void JsonMembers::skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
        ++at_;
    }
}

// At the byte behind the opening quote; leaves behind the closing one.
std::string_view JsonMembers::read_string() {
    const std::size_t from = at_;
    std::size_t end = text_.find('"', from);
    while (end != std::string_view::npos && is_escaped(text_, from, end)) {
        end = text_.find('"', end + 1);
    }
    end = std::min(end, text_.size());
    at_ = end + 1;
    return text_.substr(from, end - from);
}

bool JsonMembers::next(JsonMember& member) {
    while (at_ < text_.size()) {
        if (text_[at_++] != '"') {
            continue;
        }
        member.key = read_string();
        skip_blanks();
        if (at_ >= text_.size() || text_[at_] != ':') {
            continue;
        }
        ++at_;
        skip_blanks();
        value_at_ = at_;
        if (at_ >= text_.size() || text_[at_] == '{' || text_[at_] == '[') {
            continue;
        }
        member.is_string = text_[at_] == '"';
        if (member.is_string) {
            ++at_;
            member.value = read_string();
            return true;
        }
        const std::size_t from = at_;
        while (at_ < text_.size() && !ends_scalar(text_[at_])) {
            ++at_;
        }
        member.value = text_.substr(from, at_ - from);
        return true;
    }
    return false;
}

std::string unescape_json(std::string_view escaped) {
    std::string out;
    out.reserve(escaped.size());
    for (std::size_t at = 0; at < escaped.size(); ++at) {
        const std::size_t plain_end = std::min(escaped.find('\\', at), escaped.size() - 1);
        out.append(escaped, at, plain_end - at);
        at = plain_end;
        if (escaped[at] != '\\' || at + 1 >= escaped.size()) {
            out += escaped[at];
            continue;
        }
        const char next = escaped[at + 1];
        if (next == 'u') {
            const std::size_t used = append_code(out, escaped.substr(at + 2));
            at += used == 0 ? 0 : used + 1;
            if (used == 0) {
                out += '\\';
            }
            continue;
        }
        const char plain = simple_escape(next);
        out += plain == '\0' ? '\\' : plain;
        at += plain == '\0' ? 0 : 1;
    }
    return out;
}

}  // namespace gatemend::parse
