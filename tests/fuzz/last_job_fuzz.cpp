// SPDX-License-Identifier: MIT
// Any bytes as the line of gatemend-inspect --last-job, and as fields of journal entries: what
// decodes is exactly what encode() writes.
#include "core/intent.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    if (const auto job = gatemend::core::decode_last_job(text)) {
        gatemend::fuzz::require(gatemend::core::encode(*job) == text);
    }
    const std::size_t half = size / 2;
    gatemend::core::LastJob job;
    (void)gatemend::core::take_older(job,
                                     {.job_type = std::string{text.substr(0, half)},
                                      .job_result = std::string{text.substr(half)},
                                      .job_id = std::string{text.substr(half)},
                                      .run = std::string{text.substr(0, half)}});
    gatemend::fuzz::require(gatemend::core::decode_last_job(gatemend::core::encode(job)) == job);
    return 0;
}
