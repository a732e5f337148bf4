// SPDX-License-Identifier: MIT
// A look at the machine as event text, short enough for rule tests and replay cases; what a test
// does not name has a harmless value. Used by event_text.cpp only.
//
//   none                                             the look could not be had
//   listener ADDRESS COMMAND UNIT|- [deleted] [unseen] [taken=UNIT] [closed] [inside]
//            [queue=WAITING/BACKLOG] [served=N]      inside: not held by the unit's main process
//   nobody                                           no listener at all
//   step PATH directory|socket|other|missing [closed]
//   disk PATH full|inodes|free [DEVICE]              the same number, the same file system; a
//   folder
//                                                    of the journal holds journals
//   worker STATE [COUNT] [done=N] [pid=N] [traced]   processes of the unit, of pool www; what they
//          [background]                              have done so far; background: without a
//                                                    visitor's connection
//   oom COUNT                                        kills in the unit's control group
//   busy                                             tasks wait for the CPU
//
// Several things are separated by " ; ".
#pragma once

#include "core/inspection.hpp"
#include "core/result.hpp"

#include <optional>
#include <string_view>

namespace gatemend::engine {

[[nodiscard]] core::Result<std::optional<core::Inspection>> parse_inspection_text(
    std::string_view text);

}  // namespace gatemend::engine
