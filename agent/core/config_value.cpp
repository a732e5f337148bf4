// SPDX-License-Identifier: MIT
#include "core/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace gatemend::core {
namespace {

constexpr std::uint64_t kKibi = 1024;
constexpr std::uint64_t kMebi = kKibi * 1024;
constexpr std::uint64_t kGibi = kMebi * 1024;

struct UnitName {
    std::string_view name;
    std::uint64_t factor;
};

// "ms" before "m": the first that fits is taken.
constexpr auto kTimeUnits = std::to_array<UnitName>({
    {"ms", 1},
    {"s", 1000},
    {"m", std::uint64_t{60} * 1000},
    {"h", std::uint64_t{3600} * 1000},
    {"d", std::uint64_t{24} * 3600 * 1000},
});

// At most nine digits, so that any factor fits; takes them off the text.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    constexpr std::size_t kMaxDigits = 9;
    const std::size_t length = std::min(text.find_first_not_of("0123456789"), text.size());
    std::uint64_t number = 0;
    if (length == 0 || length > kMaxDigits) {
        return std::nullopt;
    }
    (void)std::from_chars(text.data(), text.data() + length, number);  // digits only
    text.remove_prefix(length);
    return number;
}

std::optional<std::uint64_t> size_factor(std::string_view unit) {
    if (unit.empty()) {
        return 1;
    }
    if (unit == "k" || unit == "K") {
        return kKibi;
    }
    if (unit == "m" || unit == "M") {
        return kMebi;
    }
    return unit == "g" || unit == "G" ? std::optional{kGibi} : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> config_number(std::string_view text) {
    const auto number = take_number(text);
    return text.empty() ? number : std::nullopt;
}

std::optional<std::uint64_t> config_bytes(std::string_view text) {
    const auto number = take_number(text);
    const auto factor = size_factor(text);
    return number && factor ? std::optional{*number * *factor} : std::nullopt;
}

std::optional<std::uint64_t> config_milliseconds(std::string_view text) {
    std::uint64_t total = 0;
    while (const auto number = take_number(text)) {
        const auto* unit = std::ranges::find_if(
            kTimeUnits, [text](const UnitName& item) { return text.starts_with(item.name); });
        const bool is_bare = unit == kTimeUnits.end();
        text.remove_prefix(is_bare ? 0 : unit->name.size());
        text.remove_prefix(text.starts_with(' ') ? 1 : 0);
        total += *number * (is_bare ? 1000 : unit->factor);
        if (text.empty()) {
            return total;
        }
    }
    return std::nullopt;
}

std::string config_size(std::uint64_t bytes) {
    if (bytes >= kGibi && bytes % kGibi == 0) {
        return std::to_string(bytes / kGibi) + "G";
    }
    if (bytes >= kMebi && bytes % kMebi == 0) {
        return std::to_string(bytes / kMebi) + "M";
    }
    return bytes >= kKibi && bytes % kKibi == 0 ? std::to_string(bytes / kKibi) + "k"
                                                : std::to_string(bytes);
}

}  // namespace gatemend::core
