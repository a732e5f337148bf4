// SPDX-License-Identifier: MIT
// Any bytes as rules and as settings: findings can be rendered, and never carry control bytes.
#include "policies/toml_reader.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

namespace {

void check(const gatemend::policy::LoadedPolicy& loaded) {
    for (const auto* findings : {&loaded.errors, &loaded.warnings}) {
        for (const gatemend::policy::Diagnostic& finding : *findings) {
            const std::string shown = gatemend::policy::render(finding);
            gatemend::fuzz::require(shown.find('\x1b') == std::string::npos);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    check(gatemend::policy::read_rules(text, "rules.toml", gatemend::policy::review));
    check(gatemend::policy::read_settings(text, "gatemend.toml"));
    return 0;
}
