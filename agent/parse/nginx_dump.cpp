// SPDX-License-Identifier: MIT
#include "parse/nginx_dump.hpp"

#include <algorithm>
#include <cstddef>

namespace gatemend::parse {
namespace {

constexpr std::string_view kHeader = "# configuration file ";
constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxFiles = 16384;
constexpr std::size_t kMaxPatterns = 512;

// The path a header line names, "" when the line is none.
std::string_view header_path(std::string_view line) {
    if (!line.starts_with(kHeader) || !line.ends_with(':')) {
        return {};
    }
    line.remove_prefix(kHeader.size());
    line.remove_suffix(1);
    return line.starts_with('/') && line.size() <= kMaxPathBytes ? line : std::string_view();
}

// What a `[…]` at the front of `pattern` says about `c`; its length is 0 when it never closes.
struct Bracket {
    std::size_t length = 0;
    bool is_match = false;
};

Bracket read_bracket(std::string_view pattern, char c) {
    std::size_t at = 1;
    const bool is_negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
    at += is_negated ? 1 : 0;
    bool is_listed = false;
    for (const std::size_t first = at; at < pattern.size(); ++at) {
        if (pattern[at] == ']' && at > first) {
            return {at + 1, is_listed != is_negated};
        }
        if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
            is_listed = is_listed || (pattern[at] <= c && c <= pattern[at + 2]);
            at += 2;
        } else {
            is_listed = is_listed || pattern[at] == c;
        }
    }
    return {};
}

// How many bytes of `pattern` match the one byte `c`; 0 when they do not.
std::size_t match_one(std::string_view pattern, char c, bool begins_name) {
    if (pattern.empty()) {
        return 0;
    }
    const bool is_hidden = c == '/' || (c == '.' && begins_name);
    switch (pattern[0]) {
        case '?':
            return is_hidden ? 0 : 1;
        case '[': {
            const Bracket bracket = read_bracket(pattern, c);
            if (bracket.length == 0) {
                return c == '[' ? 1 : 0;
            }
            return bracket.is_match && !is_hidden ? bracket.length : 0;
        }
        case '\\':
            return pattern.size() > 1 && pattern[1] == c ? 2 : 0;
        default:
            return pattern[0] == c ? 1 : 0;
    }
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view path) {
    std::size_t in_pattern = 0;
    std::size_t in_path = 0;
    std::size_t star = std::string_view::npos;  // where to try again, one byte further
    std::size_t star_path = 0;
    while (in_path < path.size()) {
        const bool begins_name = in_path == 0 || path[in_path - 1] == '/';
        const std::string_view rest = pattern.substr(in_pattern);
        if (rest.starts_with('*')) {
            if (begins_name && path[in_path] == '.') {
                return false;
            }
            star = in_pattern++;
            star_path = in_path;
            continue;
        }
        if (const std::size_t used = match_one(rest, path[in_path], begins_name); used > 0) {
            in_pattern += used;
            ++in_path;
            continue;
        }
        // A later star has seen everything an earlier one could, so only the last is tried again.
        if (star == std::string_view::npos || path[star_path] == '/') {
            return false;
        }
        in_pattern = star + 1;
        in_path = ++star_path;
    }
    return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

NginxDump::NginxDump(std::string_view dump) {
    std::size_t at = 0;
    while (at < dump.size()) {
        const std::size_t end = std::min(dump.find('\n', at), dump.size());
        const std::string_view path = header_path(dump.substr(at, end - at));
        const std::size_t next = std::min(end + 1, dump.size());
        if (!path.empty() && !by_name_.contains(path) && files_.size() < kMaxFiles) {
            if (!files_.empty()) {
                const char* begin = files_.back().text.data();
                files_.back().text =
                    std::string_view(begin, static_cast<std::size_t>(dump.data() + at - begin));
            }
            by_name_.emplace(path, files_.size());
            files_.push_back(DumpedFile{path, dump.substr(next)});
        } else if (files_.empty() && end > at) {
            return;  // the first line must be a header
        }
        at = next;
    }
}

void NginxDump::index_names() {
    by_name_.clear();
    found_.clear();
    for (std::size_t i = 0; i < files_.size(); ++i) {
        by_name_.emplace(files_[i].name, i);
    }
}

const std::vector<std::size_t>& NginxDump::find(const std::string& pattern) {
    const auto known = found_.find(pattern);
    if (known != found_.end()) {
        return known->second;
    }
    if (found_.size() >= kMaxPatterns || pattern.size() > kMaxPathBytes) {
        return nothing_;
    }
    std::vector<std::size_t> files;
    if (pattern.find_first_of("*?[") == std::string::npos) {
        if (const auto file = by_name_.find(pattern); file != by_name_.end()) {
            files.push_back(file->second);
        }
    } else {
        for (const auto& [name, index] : by_name_) {  // in the order glob() sorts
            if (matches_glob(pattern, name)) {
                files.push_back(index);
            }
        }
    }
    return found_.emplace(pattern, std::move(files)).first->second;
}

bool NginxDump::join_first_unreached(const std::vector<bool>& is_reached) {
    const auto found = std::ranges::find(is_reached, false);
    const auto index = static_cast<std::size_t>(found - is_reached.begin());
    if (found == is_reached.end() || index == 0) {
        return false;
    }
    DumpedFile& front = files_[index - 1];
    const std::string_view joined = files_[index].text;
    front.text = std::string_view(
        front.text.data(),
        static_cast<std::size_t>(joined.data() + joined.size() - front.text.data()));
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(index));
    index_names();
    return true;
}

}  // namespace gatemend::parse
