// SPDX-License-Identifier: MIT
#include "sandbox/mend/text_edit.hpp"

#include <algorithm>

namespace gatemend::mend {
namespace {

constexpr std::size_t kMaxReplacements = 4096;

}  // namespace

core::Result<std::string> edited(std::string_view text, std::vector<Replacement> replacements) {
    if (replacements.size() > kMaxReplacements) {
        return core::Error{"too many places to change"};
    }
    std::ranges::stable_sort(replacements, {}, &Replacement::begin);
    std::string result;
    std::size_t at = 0;
    for (auto it = replacements.begin(); it != replacements.end(); ++it) {
        if (std::find(replacements.begin(), it, *it) != it) {
            continue;
        }
        if (it->begin < at || it->end < it->begin || it->end > text.size()) {
            return core::Error{"two changes of the same place"};
        }
        result.append(text.substr(at, it->begin - at)).append(it->text);
        at = it->end;
    }
    return result.append(text.substr(at));
}

std::size_t line_begin(std::string_view text, std::size_t at) {
    const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    return before == std::string_view::npos ? 0 : before + 1;
}

std::size_t line_end(std::string_view text, std::size_t at) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const bool has_return =
        end < text.size() && end > line_begin(text, at) && text[end - 1] == '\r';
    return has_return ? end - 1 : end;
}

std::string line_ending(std::string_view text, std::size_t at) {
    const std::size_t end = line_end(text, at);
    if (end < text.size()) {
        return text[end] == '\r' ? "\r\n" : "\n";
    }
    // The last line has none: as the one before ends.
    const std::size_t before = text.rfind('\n');
    return before != std::string_view::npos && before > 0 && text[before - 1] == '\r' ? "\r\n"
                                                                                      : "\n";
}

std::string indentation(std::string_view text, std::size_t at) {
    const std::size_t begin = line_begin(text, at);
    std::size_t end = begin;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) {
        ++end;
    }
    return std::string{text.substr(begin, end - begin)};
}

}  // namespace gatemend::mend
