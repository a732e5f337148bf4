// SPDX-License-Identifier: MIT
// The fields of an access-log line that tell who made the answer, whatever the format: positions
// of combined, `name=value`, ingress-nginx, JSON. Used by nginx_access only; names are compared
// without case, `_`, `-` and `.`. Linear time; views into the line.
#pragma once

#include "core/client_text.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// "" where the line has no such field, "-" where nginx wrote that it has no value. Of lists
// ("502, 200", "502 : 200") the last entry.
struct AccessFields {
    int status = 0;
    std::string_view time;
    core::ClientView request;
    std::string_view upstream_status;
    std::string_view upstream_address;
    std::string_view connect_time;
    std::string_view header_time;
    std::string_view response_time;
    std::string_view response_length;
    bool is_ingress = false;  // ingress-nginx's format: one group for everything
};

// nullopt: not an access line.
[[nodiscard]] std::optional<AccessFields> read_access_fields(std::string_view line);

}  // namespace gatemend::parse
