// SPDX-License-Identifier: MIT
#include "core/client_text.hpp"

#include <algorithm>

namespace gatemend::core {

std::string ClientText::name_to_look_up() const {
    constexpr std::size_t kMaxNameBytes = 253;
    const bool is_name = !printable_.empty() && printable_.size() <= kMaxNameBytes &&
                         printable_.front() != '-' && std::ranges::all_of(printable_, [](char c) {
                             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                    (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
                         });
    return is_name ? printable_ : "";
}

}  // namespace gatemend::core
