// SPDX-License-Identifier: MIT
// FolderStream: an open directory stream with one owner.
#pragma once

#include <dirent.h>

#include <memory>

namespace gatemend::bus {

struct CloseFolder {
    void operator()(DIR* folder) const { (void)closedir(folder); }  // nothing was written
};

using FolderStream = std::unique_ptr<DIR, CloseFolder>;

}  // namespace gatemend::bus
