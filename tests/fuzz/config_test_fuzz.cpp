// SPDX-License-Identifier: MIT
// Any bytes as the words of a failed configuration test: what reaches a person is sanitized, and
// only "invalid" can become invalid.
#include "core/text.hpp"
#include "parse/fpm_pool.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using gatemend::core::ConfigVerdict;
    using gatemend::parse::parse_config_test;
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto test = parse_config_test("invalid", "f", text);
    gatemend::fuzz::require(test.verdict != ConfigVerdict::kValid && !test.message.empty());
    constexpr std::size_t kAll = 1U << 20U;
    gatemend::fuzz::require(gatemend::core::sanitize(test.message, kAll) == test.message);
    gatemend::fuzz::require(gatemend::core::sanitize(test.file, kAll) == test.file);
    gatemend::fuzz::require(parse_config_test("unknown", "f", text).verdict ==
                            ConfigVerdict::kUnknown);
    return 0;
}
