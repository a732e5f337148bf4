// SPDX-License-Identifier: MIT
// Where gatemend-mend finds things, and whom files must belong to. main() takes the defaults; tests
// put a folder of their own in the root's place.
#pragma once

#include <sys/types.h>

#include <string>

namespace gatemend::mend {

struct Machine {
    std::string root{};                                     // stands for "/"
    uid_t owner = 0;                                        // of everything that is read or changed
    std::string snapshots = "/var/lib/gatemend/snapshots";  // below the root
    std::string good = "/var/lib/gatemend/good";            // configurations that passed their test
    bool has_rename_flags = true;  // else without renameat2(), as some file systems have it
};

}  // namespace gatemend::mend
