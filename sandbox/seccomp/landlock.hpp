// SPDX-License-Identifier: MIT
// Landlock, where the kernel has it (5.13 and later, asked for at run time): files that a program
// may read, when its user could read more. For the probes that hold a large library against what
// strangers send: as nginx's worker user they could read the website's passwords otherwise.
#pragma once

#include "core/result.hpp"

#include <initializer_list>

namespace gatemend::sandbox {

enum class Landlock {
    kInForce,
    kUnknownHere,  // no such kernel: the other walls stand alone
};

// From here on only regular reading below `folders` (or of these files), and nothing else with the
// file system: no writing, making, removing, executing. What does not exist is left out. Comes
// after keep_only(), which has made sure that no program started from here on could gain a
// privilege.
[[nodiscard]] core::Result<Landlock> read_only_below(std::initializer_list<const char*> folders);

}  // namespace gatemend::sandbox
