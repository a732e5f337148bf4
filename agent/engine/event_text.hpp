// SPDX-License-Identifier: MIT
// Events as text, one per line: the language of replay cases and of [[rule.test]].
//
//   unit UNIT STATE [RESULT] [status=N] [sub=WORD] [invocation=NAME] [job] [masked] [enabled]
//       [never] (systemd knows of no start since boot)
//       [perhaps-disabled] (it is disabled, and that may be since it went down)
//       [ended=RESULT[:N]] (its newest job) [unheard] (nobody has heard of its jobs)
//       STATE: active, inactive, failed, activating, deactivating, reloading
//   probe UNIT OUTCOME [errno=N] [status=N] [tls=FAULT] [spoken=PROTOCOL]
//   config UNIT valid | config UNIT invalid FILE:LINE words of the tool
//   log SYMPTOM ADDRESS|- [untrusted] [clue=C] [source=S] [unit=U] [about=TEXT] [errno=N]
//       [number=N]
//   inspect UNIT none | inspect UNIT THING ; THING ...     (inspection_text.hpp)
//   filter UNIT [the rule's words] | journal UNIT [words]
//   jobs UNIT unreadable|none|start|stop|restart [N|late] (what systemd has written about them)
//   topology UNIT ROLE ADDRESS ... [wait=TIME] [children=N] | topology unowned ADDRESS
//       (or "http://HOST:PORT@ADDRESS"; how long nginx waits, 60s unless said; FPM max_children)
//   topology pool UNIT NAME ADDRESS [USER]      what the files of PHP-FPM define
//   topology seen ADDRESS UNIT [beside] [pool=NAME] [user=NAME]      who was seen to listen
//   topology gone UNIT
//   act done ATTEMPT OUTCOME [words] | act refused [HOLD:] words | act lost
//   proposed DIGEST|- words | approve (what was proposed last) | undone ATTEMPT
//   ledger empty | ledger latched UNIT words | ledger lifted UNIT | ledger rearmed UNIT |
//   ledger paused TIME words |
//   ledger approved DIGEST
//   ledger attempt ID INCIDENT RULE ACT UNIT OUTCOME [NAME=VALUE ...] | restored INCIDENT UNIT
//       [stopped]
//   apps UNIT [NAME=STATUS ...] (under pm2) | tick
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
