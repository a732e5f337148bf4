// SPDX-License-Identifier: MIT
// Words of a line, separated by spaces. Internal to the text forms of agent/engine.
#pragma once

#include <optional>
#include <string_view>

namespace gatemend::engine {

class Tokens {
  public:
    explicit Tokens(std::string_view line) : rest_(line) {}

    std::optional<std::string_view> next() {
        skip_spaces();
        if (rest_.empty()) {
            return std::nullopt;
        }
        const std::size_t end = rest_.find(' ');
        const std::string_view word = rest_.substr(0, end);
        rest_.remove_prefix(word.size());
        return word;
    }

    std::string_view rest() {
        skip_spaces();
        return rest_;
    }

  private:
    void skip_spaces() {
        while (!rest_.empty() && rest_.front() == ' ') {
            rest_.remove_prefix(1);
        }
    }

    std::string_view rest_;
};

}  // namespace gatemend::engine
