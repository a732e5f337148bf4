// SPDX-License-Identifier: MIT
#include "actions/mending.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace gatemend::actions {
namespace {

using core::Error;
using core::Result;

constexpr std::string_view kNone = "-";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";
constexpr std::size_t kDigestBytes = 64;
constexpr std::size_t kMaxNotes = 64;

bool is_printable(char c) {
    return c >= ' ' && c <= '~';
}

std::string escape(std::string_view text, std::string_view also) {
    std::string result;
    for (const char c : text) {
        if (is_printable(c) && c != '%' && also.find(c) == std::string_view::npos) {
            result.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            result.push_back('%');
            result.push_back(kHexDigits[byte >> 4U]);
            result.push_back(kHexDigits[byte & 0x0fU]);
        }
    }
    return result;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_printable(text[i])) {
            return std::nullopt;
        }
        if (text[i] != '%') {
            result.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size()) {
            return std::nullopt;
        }
        const std::size_t high = kHexDigits.find(text[i + 1]);
        const std::size_t low = kHexDigits.find(text[i + 2]);
        if (high == std::string_view::npos || low == std::string_view::npos) {
            return std::nullopt;
        }
        result.push_back(static_cast<char>(high * kHexDigits.size() + low));
        i += 2;
    }
    return result;
}

std::string or_none(const std::string& digest) {
    return digest.empty() ? std::string{kNone} : digest;
}

// Takes one word off the front.
std::string_view take_word(std::string_view& line) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

std::optional<std::string> digest_of(std::string_view word) {
    if (word == kNone) {
        return std::string{};
    }
    const bool is_hex = std::ranges::all_of(
        word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return word.size() == kDigestBytes && is_hex ? std::optional{std::string{word}} : std::nullopt;
}

std::optional<StagedChange> read_change(std::string_view line) {
    const auto path = unescape(take_word(line));
    auto before = digest_of(take_word(line));
    auto after = digest_of(take_word(line));
    auto staged = unescape(take_word(line));
    if (!path || !path->starts_with('/') || !before || !after || !staged || !line.empty()) {
        return std::nullopt;
    }
    return StagedChange{FileChange{*path, *before, *after}, std::move(*staged)};
}

bool read_line(Mending& mending, std::string_view line) {
    const std::string_view word = take_word(line);
    if (word == "change" && mending.changes.size() < kMaxChanges) {
        auto change = read_change(line);
        if (change) {
            mending.changes.push_back(std::move(*change));
        }
        return change.has_value();
    }
    auto text = unescape(line);
    if (!text) {
        return false;
    }
    if (word == "note" && mending.notes.size() < kMaxNotes) {
        mending.notes.push_back(std::move(*text));
        return true;
    }
    std::string* diff = word == "diff" ? &mending.diff : word == "full" ? &mending.full : nullptr;
    if (diff != nullptr && diff->size() + text->size() < kMaxDiffBytes) {
        diff->append(*text).push_back('\n');
        return true;
    }
    return false;
}

void append_lines(std::string& text, const char* word, std::string_view lines) {
    while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        text += word + escape(lines.substr(0, end), "") + "\n";
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
}

}  // namespace

std::string encode(const Mending& mending) {
    std::string text;
    for (const StagedChange& item : mending.changes) {
        text += "change " + escape(item.change.path, " ") + " " + or_none(item.change.before) +
                " " + or_none(item.change.after);
        text += item.staged.empty() ? "\n" : " " + escape(item.staged, " ") + "\n";
    }
    for (const std::string& note : mending.notes) {
        text += "note " + escape(note, "") + "\n";
    }
    append_lines(text, "diff ", mending.diff);
    append_lines(text, "full ", mending.full);
    return text + "end\n";
}

Result<Mending> decode_mending(std::string_view text) {
    if (text.size() > kMaxMendingBytes) {
        return Error{"gatemend-mend: too much output"};
    }
    Mending mending;
    int number = 0;
    while (!text.empty()) {
        ++number;
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line == "end" && end != std::string_view::npos) {
            return text.empty() ? Result<Mending>{std::move(mending)}
                                : Result<Mending>{Error{"gatemend-mend: text behind the end"}};
        }
        if (!read_line(mending, line)) {
            return Error{"gatemend-mend: line " + std::to_string(number) + " is not understood"};
        }
    }
    return Error{"gatemend-mend: no end"};
}

}  // namespace gatemend::actions
