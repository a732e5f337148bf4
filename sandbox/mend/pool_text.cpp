// SPDX-License-Identifier: MIT
#include "sandbox/mend/pool_text.hpp"

#include "sandbox/mend/place.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr std::size_t kMaxLines = 200'000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string lower(std::string_view text) {
    std::string result{text};
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

// A stretch of the text, by positions.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] std::string_view of(std::string_view text) const {
        return text.substr(begin, end - begin);
    }
};

Span trim(std::string_view text, Span span) {
    while (span.begin < span.end && is_blank(text[span.begin])) {
        ++span.begin;
    }
    while (span.begin < span.end && is_blank(text[span.end - 1])) {
        --span.end;
    }
    return span;
}

bool is_key(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"._[]-"}.find(c) != std::string_view::npos;
    });
}

// The value up to its `;` comment, which a quoted one may contain; sets value and its span.
void read_value(std::string_view text, Span rest, PoolLine& line) {
    rest = trim(text, rest);
    char quote = '\0';
    std::size_t kept = 0;  // blanks behind this are trailing
    std::size_t at = rest.begin;
    for (; at < rest.end && (quote != '\0' || text[at] != ';'); ++at) {
        const char c = text[at];
        if (quote == '"' && c == '\\' && at + 1 < rest.end) {
            line.value += text[++at];
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else {
            line.value += c;
        }
        kept = quote != '\0' || !is_blank(c) ? line.value.size() : kept;
    }
    line.value.resize(kept);
    const Span span = trim(text, Span{rest.begin, at});
    line.value_begin = span.begin;
    line.value_end = span.end;
}

// "key = value", also behind the `;` of a comment. False: something else.
bool read_assignment(std::string_view text, Span span, PoolLine& line) {
    const std::size_t equals = text.substr(0, span.end).find('=', span.begin);
    if (equals == std::string_view::npos) {
        return false;
    }
    const std::string_view key = trim(text, Span{span.begin, equals}).of(text);
    if (!is_key(key)) {
        return false;
    }
    line.key = lower(key);
    read_value(text, Span{equals + 1, span.end}, line);
    return true;
}

class PoolReader {
  public:
    PoolReader(ConfigSource& source, PoolTree& tree) : source_(source), tree_(tree) {}

    Status read(const std::string& pattern, std::size_t depth) {
        if (depth > kMaxIncludeDepth) {
            return Error{pattern + ": includes are nested too deep"};
        }
        for (ConfigFile& file : source_.find(pattern)) {
            GATEMEND_CHECK(read_file(std::move(file), depth));
        }
        return Done{};
    }

  private:
    Status read_file(ConfigFile file, std::size_t depth) {
        bytes_ += file.text.size();
        if (tree_.files.size() >= kMaxConfigFiles || bytes_ > kMaxConfigBytes ||
            tree_.lines.size() > kMaxLines) {
            return Error{"the configuration is larger than gatemend reads"};
        }
        const bool is_known =
            std::ranges::find(tree_.files, file.path, &ConfigFile::path) != tree_.files.end();
        if (is_known) {
            return Done{};  // FPM would read it again and find the same
        }
        tree_.files.push_back(std::move(file));
        const std::size_t index = tree_.files.size() - 1;
        for (PoolLine& line : read_pool_lines(tree_.files[index].text, section_)) {
            line.file = index;
            const std::string included =
                line.key == "include" && !line.is_comment ? line.value : std::string{};
            tree_.lines.push_back(std::move(line));
            if (!included.empty()) {
                section_ = tree_.lines.back().section;
                GATEMEND_CHECK(read(included, depth + 1));
            }
        }
        return Done{};
    }

    ConfigSource& source_;
    PoolTree& tree_;
    std::string section_ = "global";
    std::size_t bytes_ = 0;
};

const PoolLine* last_where(const PoolTree& tree, const auto& holds) {
    const auto found = std::find_if(tree.lines.rbegin(), tree.lines.rend(), holds);
    return found == tree.lines.rend() ? nullptr : &*found;
}

// Behind which line a new one belongs.
const PoolLine* find_anchor(const PoolTree& tree,
                            const std::string& section,
                            const std::string& key) {
    const auto in_section = [&section](const PoolLine& line) { return line.section == section; };
    if (const PoolLine* line = last_where(tree, [&](const PoolLine& item) {
            return in_section(item) && item.is_comment && item.key == key;
        })) {
        return line;
    }
    if (const PoolLine* line = tree.find(section, "listen");
        line != nullptr && key.starts_with("listen.")) {
        return line;
    }
    const std::string family = key.substr(0, key.find_first_of(".["));
    if (const PoolLine* line = last_where(tree, [&](const PoolLine& item) {
            return in_section(item) && !item.is_comment && item.key.starts_with(family);
        })) {
        return line;
    }
    return last_where(tree,
                      [&](const PoolLine& item) { return in_section(item) && !item.is_comment; });
}

std::string fault_of_two(const std::string& socket,
                         const std::string& pool,
                         const std::string& other) {
    std::string text = "two pools listen on ";
    return text.append(socket).append(": ").append(pool).append(" and ").append(other);
}

}  // namespace

std::string expand_pool(std::string value, const std::string& pool) {
    constexpr std::string_view kPool = "$pool";
    constexpr std::size_t kMaxValueBytes = 1024;
    std::size_t at = 0;
    while ((at = value.find(kPool, at)) != std::string::npos && value.size() < kMaxValueBytes) {
        value.replace(at, kPool.size(), pool);
        at += pool.size();
    }
    return value;
}

const PoolLine* PoolTree::find(std::string_view section, std::string_view key) const {
    return last_where(*this, [&](const PoolLine& line) {
        return !line.is_comment && line.section == section && line.key == key;
    });
}

std::string PoolTree::where(const PoolLine& line) const {
    return files[line.file].path + ":" + std::to_string(line.number);
}

std::vector<PoolLine> read_pool_lines(std::string_view text, std::string& section) {
    std::vector<PoolLine> lines;
    std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    for (int number = 1; at < text.size(); ++number) {
        PoolLine line;
        line.begin = at;
        line.end = line_end(text, at);
        line.number = number;
        at = std::min(text.find('\n', at), text.size() - 1) + 1;
        Span span = trim(text, Span{line.begin, line.end});
        const std::string_view content = span.of(text);
        if (content.starts_with('[')) {
            const std::size_t close = std::min(content.find(']'), content.size());
            const Span name = trim(text, Span{span.begin + 1, span.begin + close});
            section = lower(name.of(text));
            continue;
        }
        line.section = section;
        line.is_comment = content.starts_with(';');
        if (line.is_comment) {
            span.begin += std::min(content.find_first_not_of(';'), content.size());
        }
        if (read_assignment(text, span, line)) {
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

Result<PoolTree> read_pools(ConfigSource& source, const std::string& main_file) {
    PoolTree tree;
    GATEMEND_CHECK(PoolReader(source, tree).read(main_file, 0));
    tree.notes = source.notes();
    if (tree.files.empty()) {
        return Error{tree.notes.empty() ? main_file + ": there is no such file"
                                        : tree.notes.front()};
    }
    return tree;
}

Result<std::string> find_pool(const PoolTree& tree, std::string_view socket) {
    const std::string wanted = without_var_run(std::string{socket});
    std::string found;
    for (const PoolLine& line : tree.lines) {
        if (line.is_comment || line.key != "listen" || line.section == found ||
            tree.find(line.section, "listen") != &line ||
            without_var_run(expand_pool(line.value, line.section)) != wanted) {
            continue;
        }
        if (!found.empty()) {
            return Error{fault_of_two(wanted, found, line.section)};
        }
        found = line.section;
    }
    if (found.empty()) {
        return Error{"no pool listens on " + wanted};
    }
    return found;
}

Status set_in_pool(const PoolTree& tree,
                   const std::string& pool,
                   const std::pair<std::string, std::string>& setting,
                   PoolEdits& edits) {
    const std::string section = lower(pool);
    const std::string key = lower(setting.first);
    if (const PoolLine* line = tree.find(section, key)) {
        if (line->value != setting.second) {
            const bool has_blank = line->value_begin > line->begin &&
                                   (line->value_begin < line->value_end ||
                                    is_blank(tree.files[line->file].text[line->value_begin - 1]));
            edits[line->file].push_back(Replacement{
                line->value_begin, line->value_end, (has_blank ? "" : " ") + setting.second});
        }
        return Done{};
    }
    const PoolLine* anchor = find_anchor(tree, section, key);
    if (anchor == nullptr) {
        return Error{"there is no pool " + pool};
    }
    const std::string& text = tree.files[anchor->file].text;
    edits[anchor->file].push_back(Replacement{anchor->end,
                                              anchor->end,
                                              line_ending(text, anchor->begin) +
                                                  indentation(text, anchor->begin) + setting.first +
                                                  " = " + setting.second});
    return Done{};
}

}  // namespace gatemend::mend
