// SPDX-License-Identifier: MIT
// Scheme: which protocol nginx speaks to a backend, by the directive that names it. Closed set.
#pragma once

#include <optional>
#include <string_view>

namespace gatemend::core {

enum class Scheme { kFastcgi, kHttp, kHttps, kUwsgi, kScgi, kGrpc, kGrpcs, kMemcached };

// "fastcgi", "http" ...: as nginx writes it in `upstream:`
[[nodiscard]] std::string_view scheme_id(Scheme scheme);
[[nodiscard]] std::optional<Scheme> scheme_from_id(std::string_view id);

}  // namespace gatemend::core
