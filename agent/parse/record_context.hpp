// SPDX-License-Identifier: MIT
// The end of a record of nginx's http module: `, client: A, server: S, request: "R"[, subrequest:
// "S"]
// [, upstream: "U"][, host: "H"][, referrer: "F"]`. Used by parse_nginx_error. From `request:` on
// the client writes along, so this decides whether to believe a record, never what it means.
#pragma once

#include <string_view>

namespace gatemend::parse {

struct RecordContext {
    bool is_http = false;         // client, server and request stand where they belong
    bool is_complete = false;     // not cut before its end
    bool is_plain = false;        // request line of the RFC's form, fields stand once
    bool has_subrequest = false;  // what the client got was decided by another record
    std::string_view upstream;    // "" when absent or cut
};

// `text` begins at `, client: ` and reaches to the end of the line.
[[nodiscard]] RecordContext parse_record_context(std::string_view text);

}  // namespace gatemend::parse
