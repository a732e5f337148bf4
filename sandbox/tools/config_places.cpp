// SPDX-License-Identifier: MIT
#include "sandbox/tools/config_places.hpp"

#include "sandbox/tools/small_text.hpp"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr int kMaxLinks = 40;  // as the kernel
constexpr std::string_view kBlanks = " \t\r\n";

bool is_wild(std::string_view pattern) {
    return pattern.find_first_of("*?[") != std::string_view::npos;
}

std::vector<std::string> expand(const std::string& pattern) {
    if (!is_wild(pattern)) {
        return {pattern};
    }
    std::vector<std::string> paths;
    glob_t found{};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    globfree(&found);
    return paths;
}

bool is_roots(const std::string& path) {
    struct stat info {};

    return stat(path.c_str(), &info) == 0 && info.st_uid == 0;
}

// Lines that are nothing but a comment, of nginx (#) or of PHP (;), mean nothing.
std::string without_comments(std::string_view text) {
    std::string kept;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        const std::size_t begin = line.find_first_not_of(kBlanks);
        if (begin != std::string_view::npos && line[begin] != '#' && line[begin] != ';') {
            kept.append(line).push_back('\n');
        }
    }
    return kept;
}

// What stands behind each `include`: "include a/*.conf;", "include = a/*.conf".
std::vector<std::string> includes_of(std::string_view raw) {
    constexpr std::string_view kWord = "include";
    std::vector<std::string> words;
    const std::string text = without_comments(raw);
    for (std::size_t at = text.find(kWord); at != std::string::npos; at = text.find(kWord, at)) {
        const bool is_word =
            at == 0 || std::string_view{" \t\r\n;{}"}.find(text[at - 1]) != std::string_view::npos;
        at += kWord.size();
        const std::size_t begin = text.find_first_not_of(" \t\r\n=", at);
        if (!is_word || begin == at || begin == std::string::npos) {
            continue;
        }
        const bool is_quoted = text[begin] == '"' || text[begin] == '\'';
        const std::size_t end =
            is_quoted ? text.find(text[begin], begin + 1) : text.find_first_of(" \t\r\n;", begin);
        const std::size_t first = is_quoted ? begin + 1 : begin;
        words.push_back(text.substr(first, end == std::string::npos ? end : end - first));
    }
    return words;
}

class Search {
  public:
    explicit Search(std::string folder) : folder_(std::move(folder)) {}

    Status follow(std::vector<std::string> patterns) {
        std::set<std::string> seen;
        while (!patterns.empty()) {
            const std::string pattern = (fs::path{folder_} / patterns.back()).string();
            patterns.pop_back();
            if (!seen.insert(pattern).second) {
                continue;
            }
            for (const std::string& path : expand(pattern)) {
                add_file(path, patterns);
            }
            add_folders(pattern);
            if (files_.size() + seen.size() > kMaxConfigPlaces || bytes_ >= kMaxConfigText) {
                return Error{"the configuration is larger than what we read"};
            }
        }
        return Done{};
    }

    [[nodiscard]] std::vector<std::string> places() const {
        std::vector<std::string> all{files_.begin(), files_.end()};
        all.insert(all.end(), links_.begin(), links_.end());
        all.insert(all.end(), folders_.begin(), folders_.end());
        return all;
    }

  private:
    // Without links. Those on the way count as well: who points one elsewhere changes what is read.
    std::optional<std::string> resolve(std::string path) {
        std::size_t end = 0;
        for (int links = 0; links <= kMaxLinks;) {
            end = path.find('/', end + 1);
            const fs::path part = path.substr(0, end);

            struct stat info {};

            if (lstat(part.c_str(), &info) < 0) {
                return std::nullopt;
            }
            if (S_ISLNK(info.st_mode)) {
                std::error_code error;
                const fs::path target = part.parent_path() / fs::read_symlink(part, error);
                links_.insert(part.string());
                path = target.string() + (end == std::string::npos ? "" : path.substr(end));
                end = 0;
                ++links;
            } else if (end == std::string::npos) {
                return fs::path{path}.lexically_normal().string();  // no link is left in it
            }
        }
        return std::nullopt;
    }

    void add_file(const std::string& path, std::vector<std::string>& patterns) {
        const auto place = resolve(path);
        if (!place) {
            add_folder(fs::path{path}.parent_path().string());  // there it would come
            return;
        }
        if (!files_.insert(*place).second || bytes_ >= kMaxConfigText) {
            return;
        }
        std::error_code error;
        const std::uintmax_t size = fs::file_size(*place, error);
        const auto text =
            error
                ? std::nullopt
                : read_small_text(*place, std::min<std::uintmax_t>(size, kMaxConfigText - bytes_));
        if (text) {
            bytes_ += text->size();
            std::ranges::move(includes_of(*text), std::back_inserter(patterns));
        }
    }

    void add_folder(const std::string& path) {
        std::error_code error;
        if (const auto place = resolve(path); place && fs::is_directory(*place, error)) {
            folders_.insert(*place);
        }
    }

    // Of `a/*.conf` that is `a`; of `www/*/nginx.conf` it is `www` and, as far as they are root's,
    // the folders in it: what else comes and goes in a site's own folder is the site's.
    void add_folders(std::string pattern) {
        while (is_wild(pattern)) {
            const fs::path path{pattern};
            const bool is_any_name = is_wild(path.filename().string());
            pattern = path.parent_path().string();
            for (const std::string& folder : expand(pattern)) {
                if (is_any_name || is_roots(folder)) {
                    add_folder(folder);
                }
            }
        }
    }

    std::string folder_;  // of relative names
    std::size_t bytes_ = 0;
    std::set<std::string> files_;
    std::set<std::string> links_;
    std::set<std::string> folders_;
};

}  // namespace

Result<std::vector<std::string>> find_config_places(const std::vector<std::string>& first) {
    Search search{first.empty() ? "/" : fs::path{first.front()}.parent_path().string()};
    GATEMEND_CHECK(search.follow(first));
    return search.places();
}

}  // namespace gatemend::sandbox
