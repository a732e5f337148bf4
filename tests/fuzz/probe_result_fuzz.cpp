// SPDX-License-Identifier: MIT
// Any bytes as the probe's answer: what decodes is exactly what encode() writes.
#include "core/probe.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto result = gatemend::core::decode_probe_result(text);
    if (result) {
        gatemend::fuzz::require(gatemend::core::encode(*result) == text);
        (void)gatemend::core::describe(*result);
    }
    return 0;
}
