// SPDX-License-Identifier: MIT
// What `nginx -T` prints, without what the agent could not read itself: of files that are not open
// to all only the structure and the directives that discovery needs are left. Pure; called by the
// tools when there is such a file. Line numbers stay.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

struct DumpFiles {
    std::function<bool(const std::string& path)> is_open;
    // How many bytes the file holds: where its text ends is not to be believed to the text.
    std::function<std::optional<std::size_t>(const std::string& path)> size_of;
};

[[nodiscard]] std::string without_private_text(std::string dump, const DumpFiles& files);

// One file's text; braces stay balanced, whatever it holds.
[[nodiscard]] std::string plain_directives_of(std::string_view text);

// The same, line by line, for texts that nginx may not take: directives that stand in one line, and
// nothing where the text cannot be read to its end. Lines at the end may be missing.
[[nodiscard]] std::vector<std::string> plain_lines_of(std::string_view text);

// An argument of a plain directive as it may be shown: of an address without what stands behind
// it, no password in a URL, no query. Used for lines of previews, too.
[[nodiscard]] std::string plain_argument(std::string_view directive, std::string_view argument);

}  // namespace gatemend::sandbox
