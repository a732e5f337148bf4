// SPDX-License-Identifier: MIT
// PHP-FPM's pool files, line by line as FPM reads them, with every position kept, and settings
// changed or added in them. Pure. The last assignment of a key in a section wins, sections may be
// opened again, also in another file, and their names and keys have no case.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/nginx_tree.hpp"
#include "sandbox/mend/text_edit.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

struct PoolLine {
    std::size_t file = 0;
    std::string section;      // lower case; "global" before the first
    std::string key;          // lower case
    std::string value;        // without quotes
    bool is_comment = false;  // ";key = value"
    std::size_t begin = 0;    // of the line
    std::size_t end = 0;      // without line ending
    std::size_t value_begin = 0;
    std::size_t value_end = 0;  // with quotes
    int number = 0;
};

struct PoolTree {
    std::vector<ConfigFile> files;
    std::vector<PoolLine> lines;
    std::vector<std::string> notes;

    // The assignment in effect.
    [[nodiscard]] const PoolLine* find(std::string_view section, std::string_view key) const;
    [[nodiscard]] std::string where(const PoolLine& line) const;
};

using PoolEdits = std::map<std::size_t, std::vector<Replacement>>;  // by file of the tree

// `section`: the one that is open at the beginning; at the end the one that is open then.
[[nodiscard]] std::vector<PoolLine> read_pool_lines(std::string_view text, std::string& section);

[[nodiscard]] core::Result<PoolTree> read_pools(ConfigSource& source, const std::string& main_file);

// As PHP-FPM, in every value: "$pool" is the pool's name.
[[nodiscard]] std::string expand_pool(std::string value, const std::string& pool);

// The section whose `listen` is this socket.
[[nodiscard]] core::Result<std::string> find_pool(const PoolTree& tree, std::string_view socket);

// The value in place of the one in effect; else a line of its own behind the commented one of that
// key, behind `listen` for keys that begin so, behind the last line of the section. An error where
// there is no such section. Nothing where it is so already.
[[nodiscard]] core::Status set_in_pool(const PoolTree& tree,
                                       const std::string& pool,
                                       const std::pair<std::string, std::string>& setting,
                                       PoolEdits& edits);

}  // namespace gatemend::mend
