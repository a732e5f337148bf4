// SPDX-License-Identifier: MIT
#include "core/text.hpp"
#include "policies/toml_reader.hpp"

#include <array>
#include <cstdint>

namespace gatemend::policy {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

// From large to small: each part must come after the one before it.
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::size_t kMaxDigits = 6;

// The leading run of characters that are digits, or that are not; taken off `rest`.
enum class Run { kDigits, kOthers };

std::string_view take_run(std::string_view& rest, Run wanted) {
    std::size_t length = 0;
    while (length < rest.size() &&
           (rest[length] >= '0' && rest[length] <= '9') == (wanted == Run::kDigits)) {
        ++length;
    }
    const std::string_view run = rest.substr(0, length);
    rest.remove_prefix(length);
    return run;
}

}  // namespace

core::Result<core::Duration> parse_duration(std::string_view text) {
    const core::Error bad{"\"" + core::sanitize(text, kMaxDigits * 10) +
                          "\" is not a duration (like \"250ms\", \"30s\" or \"1h30m\")"};
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    if (text.empty()) {
        return bad;
    }
    while (!text.empty()) {
        const std::string_view digits = take_run(text, Run::kDigits);
        const std::string_view name = take_run(text, Run::kOthers);
        while (next_unit < kUnits.size() && kUnits[next_unit].name != name) {
            ++next_unit;
        }
        if (digits.empty() || digits.size() > kMaxDigits || next_unit == kUnits.size()) {
            return bad;
        }
        std::int64_t value = 0;
        for (const char digit : digits) {
            value = value * 10 + (digit - '0');
        }
        total += value * kUnits[next_unit++].milliseconds;
    }
    return core::Duration{std::chrono::milliseconds{total}};
}

}  // namespace gatemend::policy
