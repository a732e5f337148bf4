// SPDX-License-Identifier: MIT
// The line inside the JSON that container runtimes, the journal and log shippers wrap around it,
// and the program they say it is from. Used by envelope only; knows their keys, nothing about the
// line.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

struct ShippedMessage {
    std::string_view escaped;  // as JSON writes it, without quotes
    std::string_view time;
    LogSource source = LogSource::kUnknown;
    bool is_byte_list = false;  // the journal's way with what is no UTF-8: "50,48,50,54 …"
};

// nullopt: no key that carries a line.
[[nodiscard]] std::optional<ShippedMessage> find_shipped_message(std::string_view json);

// By the name of a program: "php-fpm8.2", "/usr/sbin/nginx", "gunicorn[12]:".
[[nodiscard]] LogSource program_source(std::string_view program);

}  // namespace gatemend::parse
