// SPDX-License-Identifier: MIT
// "Did you mean": the candidate that is closest to a mistyped word, if any is close enough.
// Called where words of people are refused. Pure; the cost is bounded by kMaxWordBytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatemend::policy {

inline constexpr std::size_t kMaxWordBytes = 64;  // longer words are nobody's typing mistake

// Insertions, deletions, substitutions and swaps of neighbours between two words.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The first of the closest candidates; nullopt when more than a third of the word would be wrong.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

// `did you mean "cooldown"?` or "".
[[nodiscard]] std::string suggest(std::string_view word,
                                  std::span<const std::string_view> candidates);

}  // namespace gatemend::policy
