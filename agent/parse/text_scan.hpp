// SPDX-License-Identifier: MIT
// A cursor over one line: each step consumes what it matched, or nothing and says false. Used by
// the parsers of this folder; never reads past the end and never allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace gatemend::parse {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class TextScan {
  public:
    explicit TextScan(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::string_view rest() const { return rest_; }

    [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

    bool skip(std::string_view literal) {
        if (!rest_.starts_with(literal)) {
            return false;
        }
        rest_.remove_prefix(literal.size());
        return true;
    }

    // 1 to `max_digits` digits (at most 9, so that the value fits).
    std::optional<int> number(std::size_t max_digits = 9) {
        std::size_t length = 0;
        int value = 0;
        while (length < rest_.size() && length < max_digits && is_digit(rest_[length])) {
            value = value * 10 + (rest_[length] - '0');
            ++length;
        }
        if (length == 0 || (length < rest_.size() && is_digit(rest_[length]))) {
            return std::nullopt;
        }
        rest_.remove_prefix(length);
        return value;
    }

    // Everything up to `stop`, which stays; nullopt when it does not come within `limit` bytes.
    std::optional<std::string_view> until(std::string_view stop, std::size_t limit) {
        const std::size_t at = rest_.substr(0, limit + stop.size()).find(stop);
        if (at == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view taken = rest_.substr(0, at);
        rest_.remove_prefix(at);
        return taken;
    }

    void advance(std::size_t count) { rest_.remove_prefix(count); }

  private:
    std::string_view rest_;
};

}  // namespace gatemend::parse
