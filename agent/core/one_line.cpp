// SPDX-License-Identifier: MIT
#include "core/one_line.hpp"

namespace gatemend::core {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

std::string one_line(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::string_view words = trimmed(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (words.empty()) {
            continue;
        }
        if (!result.empty()) {
            const bool goes_on = result.back() == ':' || result.back() == ';' ||
                                 line.front() == ' ' || line.front() == '\t';
            result += goes_on ? " " : "; ";
        }
        result += words;
    }
    return result;
}

}  // namespace gatemend::core
