// SPDX-License-Identifier: MIT
// The address within the argument of a *_pass or of an upstream's server. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::mend {

struct BackendWord {
    std::size_t begin = 0;  // of the address in the word
    std::size_t end = 0;    // behind it; of "unix:/x.sock:/uri" behind the second colon
    std::string address;    // canonical; or the name, in lower case
    bool has_uri = false;   // something follows, or a colon says so
};

[[nodiscard]] bool is_pass(std::string_view directive);

// nullopt: where it leads is decided at run time.
[[nodiscard]] std::optional<BackendWord> find_backend(std::string_view directive,
                                                      std::string_view word);

// "unix:/var/run/x" is "unix:/run/x", "localhost:80" is "127.0.0.1:80"; `default_port` where none
// is written (0: there is none).
[[nodiscard]] std::string canonical_backend(std::string_view address, int default_port);

}  // namespace gatemend::mend
