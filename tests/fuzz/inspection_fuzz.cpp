// SPDX-License-Identifier: MIT
// Any bytes as gatemend-inspect's output: what decodes encodes to the same bytes again.
#include "core/inspection.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using gatemend::core::decode_inspection;
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto inspection = decode_inspection(text);
    if (inspection) {
        gatemend::fuzz::require(gatemend::core::encode(*inspection) == text);
        const auto* listener = inspection->find_listener("127.0.0.1:80");
        gatemend::fuzz::require(listener == nullptr ||
                                gatemend::core::port_of(listener->address) == "80");
    }
    return 0;
}
