// SPDX-License-Identifier: MIT
// Any bytes as the rules of a packet filter: it ends, and what is shown of a rule is printable.

#include "parse/packet_filter.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using gatemend::parse::Destination;
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    for (const char* format : {"nft-json", "iptables-save"}) {
        for (const char* address :
             {"127.0.0.1:9000", "0.0.0.0:80", "10.0.0.5:9001", "[::1]:8080"}) {
            const auto where = *address == '1' && address[1] == '0' ? Destination::kElsewhere
                                                                    : Destination::kThisMachine;
            const auto rule = gatemend::parse::find_blocking_rule(format, text, address, where);
            if (rule && *rule) {
                gatemend::fuzz::require(std::ranges::none_of(
                    (*rule)->text, [](char c) { return c >= 0 && (c < ' ' || c == '\x7F'); }));
            }
        }
    }
    return 0;
}
