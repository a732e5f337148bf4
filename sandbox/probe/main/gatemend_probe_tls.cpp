// SPDX-License-Identifier: MIT
// gatemend-probe-tls https ADDRESS TIMEOUT_USEC local|remote NAME: what gatemend-probe is for the
// other kinds. A program of its own, so that a library of this size is neither loaded on the way to
// healing nor open to the peers of a plain probe.
#include "sandbox/probe/command_line.hpp"
#include "sandbox/probe/process_deadline.hpp"
#include "sandbox/probe/tls/tls_probe.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/landlock.hpp"
#include "sandbox/seccomp/powers.hpp"

namespace {

using gatemend::core::ProbeOutcome;
namespace probe = gatemend::probe;

// A key of absurd size keeps the processor busy where no deadline is looked at.
constexpr gatemend::core::Duration kArithmeticAllowance = std::chrono::seconds{1};

gatemend::core::Status confine() {
    GATEMEND_CHECK(gatemend::sandbox::keep_only({}));
    // OpenSSL's settings and the authorities, wherever a distribution keeps them.
    GATEMEND_TRY(landlock,
                 gatemend::sandbox::read_only_below({"/etc/ssl",
                                                     "/etc/pki",
                                                     "/etc/ca-certificates",
                                                     "/usr/lib/ssl",
                                                     "/usr/share/ca-certificates",
                                                     "/usr/local/share/ca-certificates",
                                                     "/usr/share/pki"}));
    (void)landlock;  // on an older kernel the other walls stand alone
    return gatemend::sandbox::install_filter(gatemend::sandbox::Program::kTlsProbe);
}

int run(const probe::Task& task) {
    if (const auto confined = confine(); !confined) {
        probe::complain(confined.error().text);
        return 1;
    }
    auto deadline = probe::ProcessDeadline::set(
        task.question.timeout + kArithmeticAllowance,
        {.outcome = ProbeOutcome::kResponseTimeout,
         .elapsed_us = static_cast<std::uint32_t>(task.question.timeout.count())});
    if (!deadline) {
        probe::complain(deadline.error().text);
        return 1;
    }
    const auto result = probe::run_tls_probe(task.question, task.reach);
    deadline->reset();
    return probe::print(result) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const auto task = probe::parse_arguments({argv, static_cast<std::size_t>(argc)});
    if (!task || task->question.kind != gatemend::core::ProbeKind::kHttps) {
        probe::complain(task ? "only https is asked here" : task.error().text);
        return 2;
    }
    return run(*task);
}
