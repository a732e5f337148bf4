// SPDX-License-Identifier: MIT
// Any bytes as a pool file and as the output of `php-fpm -tt`: every address found is canonical.
#include "parse/address.hpp"
#include "parse/fpm_pool.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

namespace {

void check(const gatemend::parse::FpmConfig& config) {
    for (const gatemend::parse::FpmPool& pool : config.pools) {
        const auto again = pool.listen.starts_with("unix:")
                               ? gatemend::parse::unix_socket_address(pool.listen.substr(5))
                               : gatemend::parse::inet_address(pool.listen, 0);
        gatemend::fuzz::require(again == pool.listen);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string file = "/etc/php/8.2/fpm/pool.d/www.conf";
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    check(gatemend::parse::parse_fpm_config(text, file));
    check(gatemend::parse::parse_fpm_dump(text));
    return 0;
}
