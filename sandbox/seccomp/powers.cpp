// SPDX-License-Identifier: MIT
#include "sandbox/seccomp/powers.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Status;

// Two words of 32 bits each, as the kernel counts capabilities.
using Words = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

Error failed(const std::string& what) {
    return Error{"capabilities: " + what + ": " + std::generic_category().message(errno)};
}

__user_cap_header_struct header_of_this_process() {
    return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

// No wrapper in the C library, and libcap is one library more in every program.
Status read_capabilities(Words& words) {
    auto header = header_of_this_process();
    return syscall(SYS_capget, &header, words.data()) == 0 ? Status{Done{}}
                                                           : Status{failed("read")};
}

using Masks = std::array<std::uint32_t, _LINUX_CAPABILITY_U32S_3>;

Masks masks_of(std::initializer_list<int> capabilities) {
    Masks masks{};
    for (const int capability : capabilities) {
        const auto number = static_cast<unsigned>(capability);
        masks.at(number / 32) |= std::uint32_t{1} << (number % 32);
    }
    return masks;
}

// systemd 257 makes a unit's own inheritable, too: of no use to a process that executes nothing and
// gains nothing by it.
bool has_others(const Words& words, const Masks& masks) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint32_t held =
            words.at(i).permitted | words.at(i).effective | words.at(i).inheritable;
        if ((held & ~masks.at(i)) != 0) {
            return true;
        }
    }
    return false;
}

// In our units there is nothing left to give up, and capset() is forbidden there.
Status give_up_others(Words words, const Masks& masks) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        words.at(i).permitted &= masks.at(i);
        words.at(i).effective &= masks.at(i);
        words.at(i).inheritable = 0;
    }
    auto header = header_of_this_process();
    return syscall(SYS_capset, &header, words.data()) == 0 ? Status{Done{}}
                                                           : Status{failed("give up")};
}

}  // namespace

Status keep_only(std::initializer_list<int> capabilities) {
    const auto masks = masks_of(capabilities);
    Words words{};
    GATEMEND_CHECK(read_capabilities(words));
    if (has_others(words, masks)) {
        GATEMEND_CHECK(give_up_others(words, masks));
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("give up those of other programs");
    }
    GATEMEND_CHECK(read_capabilities(words));
    if (has_others(words, masks)) {
        return Error{"capabilities: some are left that this program must not have"};
    }
    // Ambient ones are at most the inheritable, so none is left; that is looked at, too.
    for (int number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0) > 0) {
            return Error{"capabilities: an ambient one is left"};
        }
    }
    return Done{};
}

}  // namespace gatemend::sandbox
