// SPDX-License-Identifier: MIT
#include "sandbox/seccomp/filters.hpp"

#include <seccomp.h>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Status;

// Our programs have one thread, so killing it is the same. Older kernels, and units whose own
// filter forbids the seccomp() call, know only that; libseccomp then loads by prctl().
std::uint32_t kill_action() {
    constexpr unsigned kApiWithKillProcess = 3;
    return seccomp_api_get() >= kApiWithKillProcess ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL_THREAD;
}

struct ReleaseContext {
    void operator()(void* context) const { seccomp_release(context); }
};

using Context = std::unique_ptr<void, ReleaseContext>;

Error seccomp_error(const std::string& what, int result) {
    return Error{"seccomp: " + what + ": " + std::generic_category().message(-result)};
}

Status allow(const Context& context, const Call& call) {
    const int number = seccomp_syscall_resolve_name(call.name);
    if (number == __NR_SCMP_ERROR) {
        return Done{};  // unknown here
    }
    std::array<scmp_arg_cmp, 2> comparisons{};
    unsigned count = 0;
    for (const Condition& condition : {call.when, call.and_when}) {
        if (condition.mask != 0) {
            const auto value =
                condition.is_own_pid ? static_cast<std::uint64_t>(getpid()) : condition.value;
            comparisons[count++] =
                scmp_arg_cmp{condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, value};
        }
    }
    const int result =
        seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, number, count, comparisons.data());
    // -EDOM: a call of other machines only; -EEXIST: another group allows it, too
    return result < 0 && result != -EDOM && result != -EEXIST
               ? Status{seccomp_error(call.name, result)}
               : Done{};
}

}  // namespace

Status install_filter(Program program) {
    const Context context{seccomp_init(kill_action())};
    if (context == nullptr) {
        return Error{"seccomp: no memory for a filter"};
    }
    // A call by the number of another machine's (32 bit) is as forbidden as any other.
    if (const int result = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, kill_action());
        result < 0) {
        return seccomp_error("forbid calls of other machines", result);
    }
    for (const CallGroup group : groups_of(program)) {
        for (const Call& call : spec_of(group).calls) {
            GATEMEND_CHECK(allow(context, call));
        }
    }
    if (const int result = seccomp_load(context.get()); result < 0) {
        return seccomp_error("load the filter", result);
    }
    return Done{};
}

}  // namespace gatemend::sandbox
