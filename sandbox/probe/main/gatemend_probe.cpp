// SPDX-License-Identifier: MIT
// gatemend-probe KIND ADDRESS TIMEOUT_USEC local|remote NAME: prints one line (core::encode) and
// ends. Started by the executor as a transient unit, as nginx's worker user, for every kind but
// https. Exit 2 on wrong usage, 1 when it cannot confine itself or print.
#include "sandbox/probe/command_line.hpp"
#include "sandbox/probe/probe.hpp"
#include "sandbox/probe/process_deadline.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/landlock.hpp"
#include "sandbox/seccomp/powers.hpp"

#include <cerrno>

namespace {

using gatemend::core::ProbeKind;
using gatemend::core::ProbeOutcome;
using gatemend::core::ProbeResult;
namespace probe = gatemend::probe;

gatemend::core::Status confine(gatemend::sandbox::Program program) {
    GATEMEND_CHECK(gatemend::sandbox::keep_only({}));
    if (program == gatemend::sandbox::Program::kResolver) {
        // What the C library resolves names with. Libraries are mapped, which is no executing here.
        GATEMEND_TRY(landlock,
                     gatemend::sandbox::read_only_below({"/etc/resolv.conf",
                                                         "/etc/nsswitch.conf",
                                                         "/etc/hosts",
                                                         "/etc/host.conf",
                                                         "/etc/gai.conf",
                                                         "/etc/services",
                                                         "/etc/ld.so.cache",
                                                         "/run/systemd/resolve",
                                                         "/run/resolvconf",
                                                         "/run/NetworkManager",
                                                         "/usr/lib",
                                                         "/usr/lib64",
                                                         "/lib",
                                                         "/lib64"}));
        (void)landlock;  // on an older kernel the other walls stand alone
    }
    return gatemend::sandbox::install_filter(program);
}

int run(const probe::Task& task) {
    const bool is_lookup = task.question.kind == ProbeKind::kResolve;
    using gatemend::sandbox::Program;
    if (const auto confined = confine(is_lookup ? Program::kResolver : Program::kProbe);
        !confined) {
        probe::complain(confined.error().text);
        return 1;
    }
    if (!is_lookup) {
        return probe::print(probe::run_probe(task.question, task.reach)) ? 0 : 1;
    }
    auto deadline = probe::ProcessDeadline::set(
        task.question.timeout,
        {.outcome = ProbeOutcome::kUnresolved,
         .error_number = ETIMEDOUT,
         .elapsed_us = static_cast<std::uint32_t>(task.question.timeout.count())});
    if (!deadline) {
        probe::complain(deadline.error().text);
        return 1;
    }
    const ProbeResult result = probe::run_probe(task.question, task.reach);
    deadline->reset();
    return probe::print(result) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto task = probe::parse_arguments({argv, static_cast<std::size_t>(argc)});
    if (!task) {
        probe::complain(task.error().text);
        return 2;
    }
    return run(*task);
}
