// SPDX-License-Identifier: MIT
#include "policies/toml_diagnostic.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <tuple>

namespace gatemend::policy {
namespace {

constexpr std::size_t kMaxBytesBeforeCaret = 100;
constexpr std::size_t kMaxBytesAfterCaret = 60;

bool is_continuation_byte(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::size_t count_code_points(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char byte) { return !is_continuation_byte(byte); }));
}

std::string_view line_at(std::string_view text, int line) {
    for (int i = 1; i < line; ++i) {
        const std::size_t end = text.find('\n');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    std::string_view found = text.substr(0, text.find('\n'));
    if (found.ends_with('\r')) {
        found.remove_suffix(1);
    }
    return found;
}

// How many bytes of `line` stand before the code point number `column`.
std::size_t bytes_before(std::string_view line, int column) {
    std::size_t bytes = 0;
    for (int i = 1; i < column && bytes < line.size(); ++i) {
        do {
            ++bytes;
        } while (bytes < line.size() && is_continuation_byte(line[bytes]));
    }
    return bytes;
}

// Tabs would move the caret away from what it points at.
std::string shown(std::string_view bytes, std::size_t limit) {
    std::string text{bytes};
    std::ranges::replace(text, '\t', ' ');
    return core::sanitize(text, limit);
}

void add_bounded(std::vector<Diagnostic>& list, Diagnostic diagnostic) {
    if (list.size() < kMaxDiagnostics) {
        list.push_back(std::move(diagnostic));
    } else if (list.size() == kMaxDiagnostics) {
        diagnostic.message = "more findings follow, not shown";
        diagnostic.suggestion.clear();
        list.push_back(std::move(diagnostic));
    }
}

}  // namespace

Reporter::Reporter(std::string_view text, std::string file, LoadedPolicy& out)
    : text_{text},
      file_{std::move(file)},
      out_{out},
      first_error_{out.errors.size()},
      first_warning_{out.warnings.size()} {}

Diagnostic Reporter::point(Position at, std::string message, std::string suggestion) const {
    Diagnostic diagnostic;
    diagnostic.file = core::sanitize(file_);
    diagnostic.line = at.line;
    diagnostic.column = at.column;
    diagnostic.message = std::move(message);
    diagnostic.suggestion = std::move(suggestion);
    if (at.line < 1) {
        return diagnostic;
    }
    const std::string_view line = line_at(text_, at.line);
    std::string_view before = line.substr(0, bytes_before(line, at.column));
    const std::string_view after = line.substr(before.size());
    if (before.size() > kMaxBytesBeforeCaret) {
        before.remove_prefix(before.size() - kMaxBytesBeforeCaret);
        diagnostic.source_line = "...";
    }
    diagnostic.source_line += shown(before, kMaxBytesBeforeCaret);
    diagnostic.caret = count_code_points(diagnostic.source_line);
    diagnostic.source_line += shown(after, kMaxBytesAfterCaret);
    return diagnostic;
}

void Reporter::error(Position at, std::string message, std::string suggestion) {
    add_bounded(out_.errors, point(at, std::move(message), std::move(suggestion)));
}

void Reporter::warning(Position at, std::string message, std::string suggestion) {
    Diagnostic diagnostic = point(at, std::move(message), std::move(suggestion));
    diagnostic.severity = Severity::kWarning;
    add_bounded(out_.warnings, std::move(diagnostic));
}

void Reporter::note(std::string key, Position at) {
    places_.insert_or_assign(std::move(key), at);
}

std::optional<Position> Reporter::find(std::string_view key) const {
    const auto place = places_.find(key);
    return place == places_.end() ? std::nullopt : std::optional{place->second};
}

Places Reporter::take_places() {
    Places places;
    for (const auto& [key, at] : places_) {
        places.emplace(key, core::sanitize(file_) + ":" + std::to_string(std::max(1, at.line)));
    }
    places_.clear();
    return places;
}

void Reporter::sort_by_position() {
    const auto sort_from = [](std::vector<Diagnostic>& list, std::size_t first) {
        std::stable_sort(list.begin() + static_cast<std::ptrdiff_t>(first),
                         list.end(),
                         [](const Diagnostic& a, const Diagnostic& b) {
                             return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                         });
    };
    sort_from(out_.errors, first_error_);
    sort_from(out_.warnings, first_warning_);
}

void add_file_error(LoadedPolicy& out, const std::string& file, std::string message) {
    Diagnostic diagnostic;
    diagnostic.file = core::sanitize(file);
    diagnostic.message = std::move(message);
    add_bounded(out.errors, std::move(diagnostic));
}

std::string render(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file + ":";
    if (diagnostic.line > 0) {
        text += std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) + ":";
    }
    text += diagnostic.severity == Severity::kError ? " error: " : " warning: ";
    text += diagnostic.message + "\n";
    if (diagnostic.line > 0) {
        text += "    " + diagnostic.source_line + "\n";
        text += "    " + std::string(diagnostic.caret, ' ') + "^\n";
    }
    if (!diagnostic.suggestion.empty()) {
        text += "    " + diagnostic.suggestion + "\n";
    }
    return text;
}

}  // namespace gatemend::policy
