// SPDX-License-Identifier: MIT
// Any bytes as a pool file: every address found is canonical.
#include "parse/address.hpp"
#include "parse/fpm_pool.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string file = "/etc/php/8.2/fpm/pool.d/www.conf";
    const auto config =
        gatemend::parse::parse_fpm_config(gatemend::fuzz::as_text(data, size), file);
    for (const gatemend::parse::FpmPool& pool : config.pools) {
        const auto again = pool.listen.starts_with("unix:")
                               ? gatemend::parse::unix_socket_address(pool.listen.substr(5))
                               : gatemend::parse::inet_address(pool.listen, 0);
        gatemend::fuzz::require(again == pool.listen);
    }
    return 0;
}
