// SPDX-License-Identifier: MIT
// Replacing pieces of a text while every other byte stays. Pure; used by all editors.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

struct Replacement {
    std::size_t begin = 0;
    std::size_t end = 0;  // behind the last byte; begin == end inserts
    std::string text;

    friend bool operator==(const Replacement&, const Replacement&) = default;
};

// Those at one place keep their order; the same one twice (a file that is included twice) counts
// once. Two that overlap are an error.
[[nodiscard]] core::Result<std::string> edited(std::string_view text,
                                               std::vector<Replacement> replacements);

// The first byte of the line that `at` is in, its end without line ending, and what ends it ("\n"
// for a last line without one).
[[nodiscard]] std::size_t line_begin(std::string_view text, std::size_t at);
[[nodiscard]] std::size_t line_end(std::string_view text, std::size_t at);
[[nodiscard]] std::string line_ending(std::string_view text, std::size_t at);

// Blanks and tabs at the beginning of the line that `at` is in.
[[nodiscard]] std::string indentation(std::string_view text, std::size_t at);

}  // namespace gatemend::mend
