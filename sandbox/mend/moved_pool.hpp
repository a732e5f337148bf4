// SPDX-License-Identifier: MIT
// May nginx be pointed from one address to another, as far as configuration tells? Called by draft
// for repoint-backend. Pure: from trees to an error that says why not.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/nginx_tree.hpp"
#include "sandbox/mend/pool_text.hpp"

#include <string>
#include <vector>

namespace gatemend::mend {

// `to` serves nothing else: no *_pass, no upstream and no map names it, nor another address of its
// port. And a pool of PHP-FPM is only for fastcgi_pass.
[[nodiscard]] core::Status check_new_backend(const NginxTree& nginx,
                                             const std::vector<PoolTree>& pools,
                                             const std::string& from,
                                             const std::string& to);

// Where pool files define both ends, that is the same pool for the same user.
[[nodiscard]] core::Status check_same_pool(const std::vector<PoolTree>& pools,
                                           const std::string& from,
                                           const std::string& to);

}  // namespace gatemend::mend
