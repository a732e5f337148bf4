// SPDX-License-Identifier: MIT
// Any bytes as the executor's file of names: it never gives up, and what it took from it is written
// back the same.
#include "sandbox/executor/resolved_names.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using gatemend::sandbox::ResolvedNames;
    const std::string text = ResolvedNames::decode(gatemend::fuzz::as_text(data, size)).encode();
    gatemend::fuzz::require(text.size() <= gatemend::sandbox::kMaxNamesFile);
    gatemend::fuzz::require(ResolvedNames::decode(text).encode() == text);
    return 0;
}
