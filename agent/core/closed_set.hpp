// SPDX-License-Identifier: MIT
// A closed set of identifiers: an enum whose values are 0..last and a switch that names each (no
// default, so that a new value breaks the build). This turns that one switch into the way back.
#pragma once

#include <optional>
#include <string_view>

namespace gatemend::core {

template <class Enum>
[[nodiscard]] std::optional<Enum> find_by_id(std::string_view id,
                                             Enum last,
                                             std::string_view (*id_of)(Enum)) {
    for (int value = 0; value <= static_cast<int>(last); ++value) {
        if (id_of(static_cast<Enum>(value)) == id) {
            return static_cast<Enum>(value);
        }
    }
    return std::nullopt;
}

}  // namespace gatemend::core
