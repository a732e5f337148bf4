// SPDX-License-Identifier: MIT
// Any bytes as the probe's answer: what decodes is exactly what encode() writes.
#include "core/probe.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto result = gatemend::core::decode_probe_result(text);
    if (result) {
        const auto again = gatemend::core::decode_probe_result(gatemend::core::encode(*result));
        gatemend::fuzz::require(again.has_value() && again->outcome == result->outcome &&
                                again->error_number == result->error_number &&
                                again->elapsed_us == result->elapsed_us);
        (void)gatemend::core::describe(*result);
    }
    return 0;
}
