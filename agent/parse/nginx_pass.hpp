// SPDX-License-Identifier: MIT
// The directives that point at a backend, and their argument taken apart. Used by the reader of
// `nginx -T`. Resolves nothing: a name stays a name.
#pragma once

#include "core/scheme.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::parse {

struct PassTarget {
    core::Scheme scheme{};
    int default_port = 0;     // 0: nginx wants one to be written
    std::string_view prefix;  // of the settings that belong to it: "fastcgi_"
    std::string target;       // a group, an address or a name, without scheme and URI
};

[[nodiscard]] bool is_pass_directive(std::string_view name);

// nullopt: no argument nginx would accept, or a peer that is decided at run time ($); variables in
// the URI of proxy_pass do not decide it.
[[nodiscard]] std::optional<PassTarget> read_pass(std::string_view directive,
                                                  const std::string& argument);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace gatemend::parse
