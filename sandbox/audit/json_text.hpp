// SPDX-License-Identifier: MIT
// Writes the inside of one flat JSON object, in the order given. For records: what is hashed is
// text, so its exact bytes are ours and not a library's. Never reads JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::sandbox {

// "text" with quotes, escaped. Bytes that are not valid UTF-8 become U+FFFD.
[[nodiscard]] std::string json_quote(std::string_view text);

class JsonFields {
  public:
    JsonFields& add(std::string_view key, std::string_view value);
    JsonFields& add_number(std::string_view key, std::uint64_t value);
    // `json`: a whole JSON value, made with this class.
    JsonFields& add_json(std::string_view key, std::string_view json);
    // Left out when empty.
    JsonFields& add_if(std::string_view key, std::string_view value);

    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void begin(std::string_view key);
    std::string text_;
};

}  // namespace gatemend::sandbox
