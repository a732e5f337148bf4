// SPDX-License-Identifier: MIT
// Any bytes behind the header of an `nginx -T` dump: every address found is canonical, every name
// has a port, every place exists.
#include "parse/address.hpp"
#include "parse/nginx_config.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatemend::parse;  // NOLINT(google-build-using-namespace): one function
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    (void)parse_nginx_dump(text);
    const auto config =
        parse_nginx_dump("# configuration file /etc/nginx/nginx.conf:\n" + std::string(text));
    gatemend::fuzz::require(config.has_value());
    for (const ConfiguredBackend& backend : config->backends) {
        const auto again = backend.address.starts_with("unix:")
                               ? unix_socket_address(backend.address.substr(5))
                               : inet_address(backend.address, 0);
        gatemend::fuzz::require(again == backend.address && !backend.where.empty());
        for (const std::size_t place : backend.places) {
            gatemend::fuzz::require(place < config->places.size());
        }
    }
    for (const ConfiguredBackend& backend : config->names) {
        gatemend::fuzz::require(backend.address.empty() &&
                                named_host(backend.host, 0) == backend.host);
    }
    for (const std::string& listen : config->listens) {
        gatemend::fuzz::require(inet_address(listen, 0) == listen);
    }
    return 0;
}
