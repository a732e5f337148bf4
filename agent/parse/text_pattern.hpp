// SPDX-License-Identifier: MIT
// Log messages by pattern: the beginning of a text as a format string wrote it. Used by the readers
// of application logs, whose tables are lists of these. One pass without going back, so the time is
// linear whatever the text is; never look a symptom up in the middle of a line with it.
//   #   digits                     %n  digits, kept as the number
//   *   anything up to what follows  %e  digits, kept as the errno
//   %s  the same, kept as the subject; never empty
//   $   at the end of the pattern: the text ends here as well; %* and the like: the character
#pragma once

#include "core/clue.hpp"
#include "core/symptom.hpp"
#include "parse/log_finding.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace gatemend::parse {

struct PatternMatch {
    int number = 0;
    int error_number = 0;
    std::string_view subject;
};

[[nodiscard]] std::optional<PatternMatch> match_pattern(std::string_view pattern,
                                                        std::string_view text);

// Digits at the beginning of `text` (removed); what does not fit becomes the largest int.
[[nodiscard]] std::optional<int> take_number(std::string_view& text);

// Whose words fill the pattern's gaps.
enum class Words {
    kOwn,      // the program's: numbers, names out of its configuration
    kForeign,  // an application's, a client's
};

struct MessageMeaning {
    std::string_view pattern;
    core::Symptom symptom = core::Symptom::kNone;
    core::Clue clue = core::Clue::kNone;
    Words words = Words::kForeign;
    int number = 0;  // of the clue, where the text does not say it
};

// The first row that matches fills symptom, clue, numbers and subject. nullptr: none does.
const MessageMeaning* find_meaning(std::span<const MessageMeaning> table,
                                   std::string_view text,
                                   LogFinding& finding);

}  // namespace gatemend::parse
