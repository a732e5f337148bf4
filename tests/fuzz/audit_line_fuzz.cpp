// SPDX-License-Identifier: MIT
// Any bytes as one line of the audit file: what is accepted lies inside the line.
#include "sandbox/audit/audit_line.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    if (const auto line = gatemend::sandbox::check_audit_line(text)) {
        for (const std::string_view view : {line->kind, line->prev, line->hash}) {
            gatemend::fuzz::require(gatemend::fuzz::is_inside(view, text));
        }
        gatemend::fuzz::require(line->hash.size() == gatemend::sandbox::kHashDigits);
    }
    return 0;
}
