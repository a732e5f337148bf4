// SPDX-License-Identifier: MIT
// Events as text, one per line: the language of replay cases and of [[rule.test]].
//
//   unit php8.2-fpm.service failed signal          (active sub-less forms: active inactive failed
//   activating deactivating) unit php8.2-fpm.service inactive               result "success" unless
//   a second word says otherwise unit X.service active invocation=NAME job masked sub=auto-restart
//   optional words in any order probe php8.2-fpm.service refused               outcome word of
//   core/probe.hpp, address of the first backend config php8.2-fpm.service invalid /etc/x.conf:12
//   words of the tool log connect-refused unix:/run/php/php8.2-fpm.sock [untrusted] topology
//   php8.2-fpm.service php-fpm unix:/run/php/php8.2-fpm.sock ... act done 7 succeeded | act refused
//   words | act lost
//
// In replay files each line begins with a time stamp: "2026-11-21T14:00:00Z unit ...", or "+250ms
// unit ..."; blank lines and lines that begin with # are skipped.
#pragma once

#include "core/event.hpp"
#include "core/result.hpp"
#include "engine/state.hpp"

#include <string>
#include <string_view>

namespace gatemend::engine {

// `state` gives meaning to names (which backend, which probe or act is being answered).
[[nodiscard]] core::Result<core::EventBody> parse_event(std::string_view line, const State& state);

// One effect as one line, for golden files and `replay`.
[[nodiscard]] std::string describe(const Effect& effect);

}  // namespace gatemend::engine
