// SPDX-License-Identifier: MIT
// The output of `nginx -T` as files: where each begins, and which of them an include names. Used by
// parse_nginx_dump. A comment inside a file may look like the header of a next one, so a header
// counts only when some include reaches it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

struct DumpedFile {
    std::string_view name;
    std::string_view text;
};

class NginxDump {
  public:
    explicit NginxDump(std::string_view dump);

    // In the order of the dump; the first is the main file. Empty: this is no dump.
    [[nodiscard]] const std::vector<DumpedFile>& files() const { return files_; }

    // Indices of the files that `include PATTERN` means, in the order nginx reads them.
    [[nodiscard]] const std::vector<std::size_t>& find(const std::string& pattern);

    // Gives the text of the first file that is not marked back to the file in front of it, as the
    // comment it was. The dump is in the order of opening, so only of the first can that be said.
    // False when every file is marked.
    [[nodiscard]] bool join_first_unreached(const std::vector<bool>& is_reached);

  private:
    void index_names();

    std::vector<DumpedFile> files_;
    std::map<std::string_view, std::size_t> by_name_;
    std::map<std::string, std::vector<std::size_t>> found_;
    std::vector<std::size_t> nothing_;
};

// glob(3) over one path: `*`, `?` and `[…]` do not match a slash, nor a dot that begins a name.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view path);

}  // namespace gatemend::parse
