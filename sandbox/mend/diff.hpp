// SPDX-License-Identifier: MIT
// A unified diff of two texts, for people. Pure and bounded: where a longest common subsequence
// would cost too much, all between the first and the last difference counts as changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::mend {

// nullopt: the file does not exist (/dev/null in the header). "" when nothing differs.
[[nodiscard]] std::string unified_diff(const std::string& path,
                                       const std::optional<std::string>& before,
                                       const std::optional<std::string>& after);

// The same for those who may not read the file: the changed lines alone, each as `shown`, which
// gets the whole text, has it.
[[nodiscard]] std::string masked_diff(const std::string& path,
                                      const std::optional<std::string>& before,
                                      const std::optional<std::string>& after,
                                      std::vector<std::string> (*shown)(std::string_view text));

}  // namespace gatemend::mend
