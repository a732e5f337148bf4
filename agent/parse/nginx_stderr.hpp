// SPDX-License-Identifier: MIT
// What a FastCGI application wrote to stderr, as nginx quotes it: one or several messages of PHP in
// one record. Used by the readers of nginx's error log. The text is the application's, and so
// anybody's: it never makes a record trusted. Linear time.
#pragma once

#include "core/clue.hpp"

#include <string_view>

namespace gatemend::parse {

inline constexpr std::string_view kStderrPrefix = "FastCGI sent in stderr: \"";

// What is between the quotes of a message that begins with kStderrPrefix; behind the closing quote
// the client writes along.
[[nodiscard]] std::string_view stderr_text(std::string_view message);

struct StderrText {
    bool is_fatal = false;  // one of the messages ended the script
    core::Clue clue = core::Clue::kNone;
    int number = 0;            // of the limit, where it fits
    std::string_view subject;  // "FILE:LINE", or as PHP says it: "FILE on line LINE"
};

// The strongest message wins; of equals the first.
[[nodiscard]] StderrText read_stderr(std::string_view text);

// The cheap half of it.
[[nodiscard]] bool has_fatal_message(std::string_view text);

}  // namespace gatemend::parse
