// SPDX-License-Identifier: MIT
// What every fuzz target needs: its bytes as text, and a check that stops the run. Test code only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace gatemend::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// assert() would be gone in a release build.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

inline bool is_inside(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace gatemend::fuzz
