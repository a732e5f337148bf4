// SPDX-License-Identifier: MIT
// The members of a JSON text in the order they stand, whatever the nesting: enough to find the
// message a log shipper wrapped, or the fields of a JSON access log. Used by envelope and
// nginx_access. No tree, no copy, linear time; a text that is no JSON yields some nonsense members
// and then ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatemend::parse {

struct JsonMember {
    std::string_view key;    // as written, without its quotes
    std::string_view value;  // scalar; a string without its quotes, escapes as written
    bool is_string = false;
};

class JsonMembers {
  public:
    explicit JsonMembers(std::string_view text) : text_(text) {}

    // False: no more. Objects are entered, arrays are passed over unless objects are in them.
    bool next(JsonMember& member);

    // Where the value of the last member began.
    [[nodiscard]] std::size_t value_at() const { return value_at_; }

  private:
    std::string_view read_string();
    void skip_blanks();

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t value_at_ = 0;
};

// The text a JSON string stands for; `escaped` is without its quotes. Bad escapes stay as they are.
[[nodiscard]] std::string unescape_json(std::string_view escaped);

}  // namespace gatemend::parse
