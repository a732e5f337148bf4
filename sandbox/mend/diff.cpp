// SPDX-License-Identifier: MIT
#include "sandbox/mend/diff.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace gatemend::mend {
namespace {

constexpr std::size_t kContext = 3;
constexpr std::size_t kNext = 1;  // lines that follow each other stay together
constexpr std::size_t kMaxCells = std::size_t{4} << 20U;

using Lines = std::vector<std::string_view>;  // each with its line ending

Lines split(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return lines;
}

struct Row {
    char kind;  // ' ', '-', '+'
    std::string_view line;
};

// What lies between the common beginning and end.
struct Middle {
    const Lines& before;
    const Lines& after;
    std::size_t begin = 0;
    std::size_t before_end = 0;
    std::size_t after_end = 0;
};

void add_rows(
    std::vector<Row>& rows, char kind, const Lines& lines, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
        rows.push_back(Row{kind, lines[i]});
    }
}

// By the table of common subsequences' lengths, from the end.
void add_middle(std::vector<Row>& rows, const Middle& middle) {
    const std::size_t height = middle.before_end - middle.begin;
    const std::size_t width = middle.after_end - middle.begin;
    if ((height + 1) * (width + 1) > kMaxCells) {
        add_rows(rows, '-', middle.before, middle.begin, middle.before_end);
        add_rows(rows, '+', middle.after, middle.begin, middle.after_end);
        return;
    }
    std::vector<std::uint32_t> common((height + 1) * (width + 1), 0);
    const auto cell = [&](std::size_t i, std::size_t j) -> std::uint32_t& {
        return common[i * (width + 1) + j];
    };
    const auto is_same = [&middle](std::size_t i, std::size_t j) {
        return middle.before[middle.begin + i] == middle.after[middle.begin + j];
    };
    for (std::size_t i = height; i-- > 0;) {
        for (std::size_t j = width; j-- > 0;) {
            cell(i, j) =
                is_same(i, j) ? cell(i + 1, j + 1) + 1 : std::max(cell(i + 1, j), cell(i, j + 1));
        }
    }
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < height || j < width) {
        if (i < height && j < width && is_same(i, j)) {
            rows.push_back(Row{' ', middle.before[middle.begin + i]});
            ++i;
            ++j;
        } else if (j == width || (i < height && cell(i + 1, j) >= cell(i, j + 1))) {
            rows.push_back(Row{'-', middle.before[middle.begin + i++]});
        } else {
            rows.push_back(Row{'+', middle.after[middle.begin + j++]});
        }
    }
}

std::vector<Row> compare(const Lines& before, const Lines& after) {
    Middle middle{before, after, 0, before.size(), after.size()};
    while (middle.begin < middle.before_end && middle.begin < middle.after_end &&
           before[middle.begin] == after[middle.begin]) {
        ++middle.begin;
    }
    while (middle.before_end > middle.begin && middle.after_end > middle.begin &&
           before[middle.before_end - 1] == after[middle.after_end - 1]) {
        --middle.before_end;
        --middle.after_end;
    }
    std::vector<Row> rows;
    add_rows(rows, ' ', before, 0, middle.begin);
    add_middle(rows, middle);
    add_rows(rows, ' ', before, middle.before_end, before.size());
    return rows;
}

std::string range(std::size_t begin, std::size_t count) {
    return std::to_string(count == 0 ? begin : begin + 1) + "," + std::to_string(count);
}

void add_line(std::string& text, const Row& row) {
    text += row.kind;
    text += row.line;
    if (!row.line.ends_with('\n')) {
        text += "\n\\ No newline at end of file\n";
    }
}

// Rows [begin, end), behind `before` lines of the old text and `after` of the new one.
struct Hunk {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t before = 0;
    std::size_t after = 0;
};

void add_hunk(std::string& text, const std::vector<Row>& rows, const Hunk& hunk) {
    std::size_t removed = 0;
    std::size_t added = 0;
    for (std::size_t i = hunk.begin; i < hunk.end; ++i) {
        removed += rows[i].kind != '+' ? 1 : 0;
        added += rows[i].kind != '-' ? 1 : 0;
    }
    text += "@@ -" + range(hunk.before, removed) + " +" + range(hunk.after, added) + " @@\n";
    for (std::size_t i = hunk.begin; i < hunk.end; ++i) {
        add_line(text, rows[i]);
    }
}

std::string hunks(const std::vector<Row>& rows, std::size_t context) {
    std::string text;
    Hunk hunk;
    std::size_t at = 0;
    const auto pass = [&](std::size_t to) {
        for (; at < to; ++at) {
            hunk.before += rows[at].kind != '+' ? 1 : 0;
            hunk.after += rows[at].kind != '-' ? 1 : 0;
        }
    };
    const auto is_change = [](const Row& row) { return row.kind != ' '; };
    auto next = std::find_if(rows.begin(), rows.end(), is_change);
    while (next != rows.end()) {
        const auto first = static_cast<std::size_t>(next - rows.begin());
        pass(std::max(at, first - std::min(first, context)));
        hunk.begin = at;
        // As long as less than twice the context is between two changes.
        std::size_t last = first;
        for (std::size_t i = first; i < rows.size() && i <= last + std::max(2 * context, kNext);
             ++i) {
            last = is_change(rows[i]) ? i : last;
        }
        hunk.end = std::min(last + 1 + context, rows.size());
        add_hunk(text, rows, hunk);
        pass(hunk.end);
        next = std::find_if(
            rows.begin() + static_cast<std::ptrdiff_t>(hunk.end), rows.end(), is_change);
    }
    return text;
}

std::string headers(const std::string& path, bool has_before, bool has_after) {
    return "--- " + (has_before ? path : "/dev/null") + "\n+++ " +
           (has_after ? path : "/dev/null") + "\n";
}

}  // namespace

std::string unified_diff(const std::string& path,
                         const std::optional<std::string>& before,
                         const std::optional<std::string>& after) {
    const std::string old_text = before.value_or("");
    const std::string new_text = after.value_or("");
    if (before.has_value() == after.has_value() && old_text == new_text) {
        return "";
    }
    return headers(path, before.has_value(), after.has_value()) +
           hunks(compare(split(old_text), split(new_text)), kContext);
}

std::string masked_diff(const std::string& path,
                        const std::optional<std::string>& before,
                        const std::optional<std::string>& after,
                        std::vector<std::string> (*shown)(std::string_view text)) {
    const std::string old_text = before.value_or("");
    const std::string new_text = after.value_or("");
    if (before.has_value() == after.has_value() && old_text == new_text) {
        return "";
    }
    std::vector<Row> rows = compare(split(old_text), split(new_text));
    const std::vector<std::string> old_lines = shown(old_text);
    const std::vector<std::string> new_lines = shown(new_text);
    std::size_t old_at = 0;
    std::size_t new_at = 0;
    std::deque<std::string> masked;  // what the rows point into
    for (Row& row : rows) {
        const std::string* line = nullptr;
        if (row.kind != '+') {
            line = old_at < old_lines.size() ? &old_lines[old_at] : nullptr;
            ++old_at;
        }
        if (row.kind != '-') {
            line = new_at < new_lines.size() ? &new_lines[new_at] : nullptr;
            ++new_at;
        }
        const bool has_end = row.line.ends_with('\n');
        masked.push_back((line == nullptr ? "" : *line) + (has_end ? "\n" : ""));
        row.line = masked.back();
    }
    return headers(path, before.has_value(), after.has_value()) + hunks(rows, 0);
}

}  // namespace gatemend::mend
