// SPDX-License-Identifier: MIT
// A look at the machine as event text, short enough for rule tests and replay cases; what a test
// does not name has a harmless value. Used by event_text.cpp only.
//
//   none                                             the look could not be had
//   listener ADDRESS COMMAND UNIT|- [deleted] [taken=UNIT] [stranger] [queue=WAITING/BACKLOG]
//   nobody                                           no listener at all
//   step PATH directory|socket|other|missing [closed]
//   disk PATH full|inodes|free
//   worker STATE [COUNT]                             processes of the unit
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
