// SPDX-License-Identifier: MIT
// May everybody on this machine read this file? Only then its content may be shown to whoever may
// see gatemend's words. Called by the tools, by gatemend-mend and by the agent's journal reader.
#pragma once

#include <string>

namespace gatemend::sandbox {

// True only where the file and each folder on the way to it (links resolved) grant it to others, to
// the owning group and in every entry of an access list: nobody but the owner is left out. What
// cannot be seen is not open. `root`: what "/" is, other than "" in tests; then `path` has no
// links. A file that does not exist is as open as its folder.
[[nodiscard]] bool is_open_to_all(const std::string& path, const std::string& root = "");

// The other way round, for what is written: may somebody read this file who is neither its owner
// nor in its group, nor named by its access list? False only where its mode or a folder on the way
// shuts others out. A file that is not there would be open. Called by gatemend-mend.
[[nodiscard]] bool may_others_read(const std::string& path, const std::string& root = "");

}  // namespace gatemend::sandbox
