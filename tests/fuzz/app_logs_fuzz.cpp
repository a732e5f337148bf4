// SPDX-License-Identifier: MIT
// Any bytes as a line of any application's log: what is found lies inside the line, what has
// control bytes in it is not trusted, and a denial's advice can be shown.
#include "parse/app_logs.hpp"
#include "parse/lsm_denial.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>

namespace {

using gatemend::parse::LogFinding;
using gatemend::parse::LogSource;

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

void check(const LogFinding& finding, std::string_view line) {
    using gatemend::fuzz::is_inside;
    using gatemend::fuzz::require;
    for (const std::string_view part :
         {finding.time, finding.message, finding.subject, finding.upstream}) {
        require(is_inside(part, line));
    }
    require(!finding.is_trusted || is_printable(line));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line = gatemend::fuzz::as_text(data, size);
    for (int source = 0; source <= static_cast<int>(LogSource::kAudit); ++source) {
        if (const auto finding =
                gatemend::parse::read_app_log(line, static_cast<LogSource>(source))) {
            check(*finding, line);
        }
    }
    if (const auto denial = gatemend::parse::parse_lsm_denial(line)) {
        gatemend::fuzz::require(is_printable(gatemend::parse::lsm_advice(*denial)));
    }
    return 0;
}
