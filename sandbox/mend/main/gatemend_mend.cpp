// SPDX-License-Identifier: MIT
// gatemend-mend: finds, stages, commits and undoes changes of configuration files and of a socket's
// owner. Started by the executor (and, to preview only, by a dry run) as a transient unit that may
// write in the folders concerned and nowhere else. Prints actions::encode(); exit 2 on wrong usage,
// 1 when it cannot be done, with one line that says why.
#include "actions/mending.hpp"
#include "sandbox/mend/order.hpp"
#include "sandbox/mend/perform.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/powers.hpp"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

namespace {

// A pipe takes what it has room for.
bool print(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return true;
}

// Files keep their owners and modes, whoever these are.
gatemend::core::Status confine() {
    GATEMEND_CHECK(gatemend::sandbox::keep_only(
        {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_CHOWN, CAP_FOWNER}));
    return gatemend::sandbox::install_filter(gatemend::sandbox::Program::kMend);
}

int fail(const gatemend::core::Error& error, int code) {
    (void)print(STDERR_FILENO, error.text + "\n");  // nobody is left to be told
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace gatemend;  // NOLINT(google-build-using-namespace): one function
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto order = mend::read_order(words);
    if (!order) {
        (void)print(STDERR_FILENO, mend::kUsage);
        return fail(order.error(), 2);
    }
    mend::Worker worker;
    if (mend::needs_worker(order->command)) {
        auto found = mend::find_worker(order->worker_user);
        if (!found) {
            return fail(found.error(), 1);
        }
        worker = std::move(*found);
    }
    if (const auto confined = confine(); !confined) {
        return fail(confined.error(), 1);
    }
    (void)umask(S_IWGRP | S_IWOTH);  // modes are given where something is made
    const mend::Machine machine;
    const auto mending = mend::perform(machine, *order, worker);
    if (!mending) {
        return fail(mending.error(), 1);
    }
    const std::string text = actions::encode(*mending);
    if (text.size() > actions::kMaxMendingBytes) {
        return fail(core::Error{"the change is too large to be shown"}, 1);
    }
    return print(STDOUT_FILENO, text) ? 0 : 1;
}
