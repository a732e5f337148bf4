// SPDX-License-Identifier: MIT
// Any bytes as the output of gatemend-mend: what is understood can be said again and means the
// same.
#include "actions/mending.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatemend;  // NOLINT(google-build-using-namespace): one function
    const auto mending = actions::decode_mending(fuzz::as_text(data, size));
    if (!mending) {
        return 0;
    }
    fuzz::require(mending->changes.size() <= actions::kMaxChanges);
    fuzz::require(mending->diff.size() <= actions::kMaxDiffBytes);
    const auto again = actions::decode_mending(actions::encode(*mending));
    fuzz::require(again && *again == *mending);
    return 0;
}
