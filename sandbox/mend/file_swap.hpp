// SPDX-License-Identifier: MIT
// One file's content exchanged for another in one instant: a temporary file beside it, with the
// owner, group, mode and extended attributes (access lists among them) of the file in place,
// synced, renamed over it. Each function finds out from the disk what is left to do.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/place.hpp"

#include <sys/stat.h>

#include <optional>
#include <string>

namespace gatemend::mend {

struct Swap {
    std::string path{};
    std::string from{};       // SHA-256 of what is there, "" = nothing
    std::string to{};         // and of what shall be, "" = nothing
    std::string bytes{};      // of `to`
    std::string temporary{};  // name of the file beside it; hidden, so that no include finds it
    std::optional<timespec> time{};  // when `to` says it was last changed; else now
    bool makes_folder = false;       // the folder it is in comes and goes with it
};

enum class FileState { kFrom, kTo, kOther };

[[nodiscard]] core::Result<FileState> state_of(const Machine& machine, const Swap& swap);

// In this order. Nothing happens where the file is already as it shall be.
[[nodiscard]] core::Status make_folder(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status write_temporary(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status put_in_place(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status remove_folder(const Machine& machine, const Swap& swap);

// What an interrupted run left beside the file.
[[nodiscard]] core::Status remove_temporary(const Machine& machine, const Swap& swap);

}  // namespace gatemend::mend
