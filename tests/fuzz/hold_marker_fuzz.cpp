// SPDX-License-Identifier: MIT
// Any bytes as a deploy marker: what is accepted can be shown to a person, and is written back the
// same.
#include "core/text.hpp"
#include "sandbox/tools/hold_marker.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatemend;
    const auto marker = sandbox::decode_marker(fuzz::as_text(data, size));
    if (!marker) {
        fuzz::require(core::sanitize(marker.error().text) == marker.error().text);
        return 0;
    }
    for (const std::string& text : {marker->by, marker->reason}) {
        fuzz::require(core::sanitize(text) == text);
    }
    const auto again = sandbox::decode_marker(sandbox::encode_marker(*marker));
    fuzz::require(again.has_value() && *again == *marker);
    return 0;
}
