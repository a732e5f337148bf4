// SPDX-License-Identifier: MIT
// System calls in named groups, each with the reason it is needed, and which groups each of our
// programs gets. The one table behind the filters, and behind the one in ../README.md. A call that
// is in no group of a program ends it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gatemend::sandbox {

// Our own programs. gatemend-probe is two: asking a name needs more than asking a socket.
enum class Program {
    kAgent,
    kExecutor,
    kProbe,
    kResolver,
    kTlsProbe,
    kInspect,
    kJobs,
    kMend,
};
inline constexpr Program kAllPrograms[] = {Program::kAgent,
                                           Program::kExecutor,
                                           Program::kProbe,
                                           Program::kResolver,
                                           Program::kTlsProbe,
                                           Program::kInspect,
                                           Program::kJobs,
                                           Program::kMend};
[[nodiscard]] std::string_view program_name(Program program);

enum class CallGroup {
    kEnd,
    kAbort,
    kMemory,
    kLibraries,
    kTime,
    kSleep,
    kDeadline,
    kRandom,
    kLocks,
    kIdentity,
    kStreams,
    kDescriptors,
    kLook,
    kOpenToRead,
    kOpen,
    kOpenBeneath,
    kKeepFiles,
    kRemove,
    kMendFiles,
    kWait,
    kEvents,
    kFolderWatch,
    kMemoryFile,
    kPipe,
    kTalk,
    kUnixSocket,
    kInternetSocket,
    kNetlinkSocket,
    kBind,
};

// The argument, under the mask, must be the value. Compared under a mask because the upper half of
// what C calls an int is undefined in a register.
struct Condition {
    unsigned argument = 0;
    std::uint64_t mask = 0;  // 0: no condition
    std::uint64_t value = 0;
    bool is_own_pid = false;  // instead of `value`
};

// Several entries of the same call: any of them will do.
struct Call {
    const char* name = nullptr;
    Condition when{};
    Condition and_when{};
};

struct GroupSpec {
    CallGroup group{};
    const char* name = nullptr;
    const char* why = nullptr;
    std::span<const Call> calls{};
};

[[nodiscard]] std::span<const GroupSpec> all_groups();
[[nodiscard]] const GroupSpec& spec_of(CallGroup group);
[[nodiscard]] std::span<const CallGroup> groups_of(Program program);

}  // namespace gatemend::sandbox
