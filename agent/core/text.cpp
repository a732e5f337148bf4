// SPDX-License-Identifier: MIT
#include "core/text.hpp"

#include <cstdint>

namespace gatemend::core {

namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;  // 0: not valid UTF-8 here
};

std::size_t expected_length(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

CodePoint decode_utf8(std::string_view bytes) {
    const auto lead = static_cast<unsigned char>(bytes.front());
    const std::size_t length = expected_length(lead);
    if (length == 0 || length > bytes.size()) {
        return {};
    }
    std::uint32_t value = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(bytes[i]);
        if ((next & 0xC0U) != 0x80U) {
            return {};
        }
        value = (value << 6U) | (next & 0x3FU);
    }
    const bool is_overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (is_overlong || is_surrogate || value > 0x10FFFF) {
        return {};
    }
    return {value, length};
}

// Control characters, line separators and the marks that reorder or hide what follows.
bool is_unshowable(std::uint32_t value) {
    return value < 0x20 || (value >= 0x7F && value <= 0x9F) || value == 0xAD || value == 0x61C ||
           (value >= 0x200B && value <= 0x200F) || (value >= 0x2028 && value <= 0x202E) ||
           (value >= 0x2060 && value <= 0x206F) || value == 0xFEFF ||
           (value >= 0xFFF9 && value <= 0xFFFB) || (value >= 0xE0000 && value <= 0xE007F);
}

void append_escaped(std::string& text, std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += "\\x";
        text += kDigits[value >> 4U];
        text += kDigits[value & 0xFU];
    }
}

}  // namespace

std::string sanitize(std::string_view bytes, std::size_t limit) {
    const bool is_cut = bytes.size() > limit;
    std::string_view rest = bytes.substr(0, limit);
    std::string text;
    text.reserve(rest.size());
    while (!rest.empty()) {
        const CodePoint point = decode_utf8(rest);
        const std::size_t length = point.length == 0 ? 1 : point.length;
        if (point.length == 0 || is_unshowable(point.value)) {
            append_escaped(text, rest.substr(0, length));
        } else {
            text += rest.substr(0, length);
        }
        rest.remove_prefix(length);
    }
    if (is_cut) {
        text += "...";
    }
    return text;
}

}  // namespace gatemend::core
