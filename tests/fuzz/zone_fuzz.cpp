// SPDX-License-Identifier: MIT
// Any bytes as a zoneinfo file: what is read is a bounded table in order, and a window in it can be
// asked at any time.
#include "policies/toml_zone.hpp"
#include "policies/window.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatemend;
    const auto offsets = policy::parse_zone(fuzz::as_text(data, size));
    if (!offsets) {
        return 0;
    }
    fuzz::require(!offsets->empty() && offsets->size() <= policy::kMaxZoneOffsets);
    for (std::size_t i = 1; i < offsets->size(); ++i) {
        fuzz::require((*offsets)[i - 1].from < (*offsets)[i].from);
        fuzz::require((*offsets)[i - 1].ahead != (*offsets)[i].ahead);
    }
    const core::TimePoint now = *core::parse_time("2026-03-28T23:30:00Z");
    const policy::TimeWindow window{0x40, 150, 60, "fuzzed", *offsets};
    const auto next = policy::next_opening({window}, now);
    fuzz::require(!next || (*next > now && policy::is_open(window, *next)));
    return 0;
}
