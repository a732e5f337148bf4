// SPDX-License-Identifier: MIT
// The head of a record of nginx's error log when any part of it may be missing or in another form:
// "2026-11-21T14:33:28.123+01:00 [error] 12#12: *57 ". Used by nginx_loose only; the strict form,
// which is all that is ever trusted, is record_header's.
#pragma once

#include "parse/record_header.hpp"

#include <string_view>

namespace gatemend::parse {

struct LooseHeader {
    std::string_view time;
    std::string_view level;
    Level severity = Level::kError;
    bool has_tag = false;
    bool has_level = false;
    bool has_ids = false;
    bool has_connection = false;
    std::string_view message;
};

// Never fails: what is no header is the message.
[[nodiscard]] LooseHeader read_loose_header(std::string_view text);

}  // namespace gatemend::parse
