// SPDX-License-Identifier: MIT
// One function per cause that settings help against. Called by suggest(). Pure.
#pragma once

#include "diagnosis/suggestion.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

// suggestion_pool.cpp: how many workers
std::vector<Suggestion> suggest_more_workers(const Findings& findings);
std::vector<Suggestion> suggest_after_oom(const Findings& findings);

// suggestion_php.cpp: what one request may take
std::vector<Suggestion> suggest_php_limits(const Findings& findings);
Suggestion suggest_slowlog(const Findings& findings);

// suggestion_nginx.cpp: how long and how much nginx takes
std::vector<Suggestion> suggest_read_timeout(const Findings& findings);
std::vector<Suggestion> suggest_buffers(const Findings& findings);
std::vector<Suggestion> suggest_nginx_limits(const Findings& findings);

// Nothing, and why.
[[nodiscard]] Suggestion nothing(core::Cause cause, std::string why);

}  // namespace gatemend::diagnosis
