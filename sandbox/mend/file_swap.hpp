// SPDX-License-Identifier: MIT
// One file's content exchanged for another in one instant: a file beside it, with the owner, group,
// mode and extended attributes (access lists among them) of the file in place, synced, and then
// the two names exchanged. What came out of its place is looked at: if it is not what was expected
// (an editor has saved meanwhile), it is put back. Each function finds out from the disk what is
// left to do.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/place.hpp"

#include <sys/stat.h>

#include <optional>
#include <string>

namespace gatemend::mend {

inline constexpr mode_t kNewFileMode = 0644;  // of a file that was not there

struct Swap {
    std::string path{};
    std::string from{};       // SHA-256 of what is there, "" = nothing
    std::string to{};         // and of what shall be, "" = nothing
    std::string bytes{};      // of `to`
    std::string temporary{};  // name of the file beside it; hidden, so that no include finds it
    std::optional<timespec> time{};       // when `to` says it was last changed; else now
    std::optional<timespec> from_time{};  // and `from`, unless somebody has written it again
    bool makes_folder = false;            // the folder it is in comes and goes with it
};

enum class FileState { kFrom, kTo, kOther };

struct Sight {
    FileState state{};
    std::string problem{};  // why it may not be changed; of kOther always
};

[[nodiscard]] Sight look_at(const Machine& machine, const Swap& swap);

// What an interrupted run left beside the file is removed. What somebody else has saved, and that
// run had taken out of its place, is put back there.
[[nodiscard]] core::Status settle(const Machine& machine, const Swap& swap);

// In this order. Nothing happens where the file is already as it shall be.
[[nodiscard]] core::Status make_folder(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status prepare(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status put_in_place(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status clean_up(const Machine& machine, const Swap& swap);
[[nodiscard]] core::Status remove_folder(const Machine& machine, const Swap& swap);

// Before clean_up(): what put_in_place() took away is in its place again.
[[nodiscard]] core::Status take_back(const Machine& machine, const Swap& swap);

}  // namespace gatemend::mend
