// SPDX-License-Identifier: MIT
// Any bytes as pm2's list: it ends, is bounded, and what is shown of a name is printable. A name
// that may be restarted is one that the act takes.

#include "actions/catalogue.hpp"
#include "parse/pm2_list.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace core = gatemend::core;
    const auto apps = gatemend::parse::read_pm2_list(gatemend::fuzz::as_text(data, size));
    gatemend::fuzz::require(apps.size() <= core::kMaxPm2Apps);
    for (const core::Pm2App& app : apps) {
        gatemend::fuzz::require(std::ranges::none_of(
            app.name, [](char c) { return c >= 0 && (c < ' ' || c == '\x7F'); }));
        gatemend::fuzz::require(
            !core::is_plain_pm2_name(app.name) ||
            gatemend::actions::is_well_formed(gatemend::actions::ParameterKind::kName, app.name));
    }
    (void)core::find_only_errored(apps);
    (void)core::describe(apps);
    return 0;
}
