// SPDX-License-Identifier: MIT
#include "sandbox/audit/json_text.hpp"

#include <cstddef>

namespace gatemend::sandbox {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

unsigned char byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

bool is_continuation(std::string_view text, std::size_t at) {
    return at < text.size() && (byte_at(text, at) & 0xC0U) == 0x80U;
}

// Length of the well-formed UTF-8 sequence at `at` (Unicode table 3-7), 0 when there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const unsigned char lead = byte_at(text, at);
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4 || !is_continuation(text, at + 1)) {
        return 0;
    }
    if (lead < 0xE0) {
        return 2;
    }
    const unsigned char second = byte_at(text, at + 1);
    const bool is_overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool is_outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    if (is_overlong || is_outside || !is_continuation(text, at + 2)) {
        return 0;
    }
    if (lead < 0xF0) {
        return 3;
    }
    return is_continuation(text, at + 3) ? 4 : 0;
}

void append_ascii(std::string& out, unsigned char c) {
    if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(static_cast<char>(c));
    } else if (c == '\n') {
        out.append("\\n");
    } else if (c < 0x20 || c == 0x7F) {
        out.append("\\u00");
        out.push_back(kHexDigits[c >> 4U]);
        out.push_back(kHexDigits[c & 0x0FU]);
    } else {
        out.push_back(static_cast<char>(c));
    }
}

}  // namespace

std::string json_quote(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    out.push_back('"');
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(text, at);
        if (length == 0) {
            out.append("\xEF\xBF\xBD");
            ++at;
        } else if (length == 1) {
            append_ascii(out, byte_at(text, at));
            ++at;
        } else {
            out.append(text.substr(at, length));
            at += length;
        }
    }
    out.push_back('"');
    return out;
}

void JsonFields::begin(std::string_view key) {
    if (!text_.empty()) {
        text_.push_back(',');
    }
    text_.append(json_quote(key)).push_back(':');
}

JsonFields& JsonFields::add(std::string_view key, std::string_view value) {
    begin(key);
    text_.append(json_quote(value));
    return *this;
}

JsonFields& JsonFields::add_number(std::string_view key, std::uint64_t value) {
    begin(key);
    text_.append(std::to_string(value));
    return *this;
}

JsonFields& JsonFields::add_json(std::string_view key, std::string_view json) {
    begin(key);
    text_.append(json);
    return *this;
}

JsonFields& JsonFields::add_if(std::string_view key, std::string_view value) {
    return value.empty() ? *this : add(key, value);
}

}  // namespace gatemend::sandbox
