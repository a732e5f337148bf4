// SPDX-License-Identifier: MIT
// What names were resolved to, just now and before: nginx logs the address that it got for a name
// when it read its configuration, and that address stands nowhere. nginx goes on with it when we
// start anew, so it is kept in a file. Called by fact_desk.
#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

// Bounded; the oldest is forgotten.
class ResolvedNames {
  public:
    // Something of it is new.
    bool remember(const std::string& name, std::vector<std::string> addresses);

    // The addresses "NAME:PORT" that may stand in the configuration for this "IP:PORT".
    [[nodiscard]] std::vector<std::string> aliases(std::string_view address) const;

    // One name a line, with its addresses behind it.
    [[nodiscard]] std::string encode() const;
    // What was encoded last; a line that encode() does not write is nobody's, and skipped.
    [[nodiscard]] static ResolvedNames decode(std::string_view text);

  private:
    struct Entry {
        std::string name;
        std::vector<std::string> addresses;
    };

    std::vector<Entry> entries_;
};

inline constexpr std::size_t kMaxNamesFile = std::size_t{128} * 1024;

}  // namespace gatemend::sandbox
