// SPDX-License-Identifier: MIT
// gatemend-inspect UNIT|- ADDRESS|- WORKER_USER [MAIN_PID MAIN_UID]: looks at this machine once and
// prints what it found (core::encode); the main process is the unit's, as systemd told the
// executor. gatemend-inspect --last-job UNIT: prints what systemd has written about the unit's
// jobs. Started by the executor as a transient unit, as root with two capabilities. Exit 2 on wrong
// usage, 1 when it cannot confine itself or print.
#include "sandbox/inspect/address.hpp"
#include "sandbox/inspect/identity.hpp"
#include "sandbox/inspect/look.hpp"
#include "sandbox/journal/last_job.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/powers.hpp"

#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

void say(std::string_view text) {
    (void)!write(STDERR_FILENO, text.data(), text.size());
}

// A pipe takes what it has room for.
bool print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    return true;
}

// Other users' processes, and folders that are closed to root without powers.
gatemend::core::Status confine() {
    GATEMEND_CHECK(gatemend::sandbox::keep_only({CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}));
    return gatemend::sandbox::install_filter(gatemend::sandbox::Program::kInspect);
}

// Nothing but reading files: the journal's are journald's own.
gatemend::core::Status confine_to_files() {
    GATEMEND_CHECK(gatemend::sandbox::keep_only({CAP_DAC_READ_SEARCH}));
    return gatemend::sandbox::install_filter(gatemend::sandbox::Program::kJobs);
}

int print_last_job(const std::string& unit) {
    if (const auto confined = confine_to_files(); !confined) {
        say("gatemend-inspect: " + confined.error().text + "\n");
        return 1;
    }
    const auto job = gatemend::journal::read_last_job(unit);
    if (!job) {
        say("gatemend-inspect: " + job.error().text + "\n");
        return 1;
    }
    return print(gatemend::core::encode(*job)) ? 0 : 1;
}

std::string given(std::string_view argument) {
    return argument == "-" ? std::string{} : std::string{argument};
}

bool read_number(std::string_view text, std::uint32_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

std::optional<gatemend::inspect::MainProcess> main_process(std::string_view pid,
                                                           std::string_view uid) {
    gatemend::inspect::MainProcess process;
    return read_number(pid, process.pid) && read_number(uid, process.uid) ? std::optional{process}
                                                                          : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
    const std::span<char*> arguments{argv, static_cast<std::size_t>(argc)};
    if (arguments.size() == 3 && std::string_view{arguments[1]} == "--last-job") {
        return print_last_job(arguments[2]);
    }
    gatemend::inspect::Question question;
    if (arguments.size() == 6) {
        question.main_process = main_process(arguments[4], arguments[5]);
    }
    if (arguments.size() != 4 && !question.main_process) {
        say("usage: gatemend-inspect UNIT|- ADDRESS|- WORKER_USER [MAIN_PID MAIN_UID] | --last-job "
            "UNIT\n");
        return 2;
    }
    question.unit = given(arguments[1]);
    question.address = given(arguments[2]);
    const std::string problem =
        question.address.empty() ? "" : gatemend::inspect::check_address(question.address);
    // The user database first: it may load modules and talk to a socket, the filter allows neither.
    const auto worker = gatemend::inspect::find_identity(arguments[3]);
    if (!worker || !problem.empty()) {
        say("gatemend-inspect: " + (worker ? problem : worker.error().text) + "\n");
        return 2;
    }
    question.worker = *worker;
    if (const auto confined = confine(); !confined) {
        say("gatemend-inspect: " + confined.error().text + "\n");
        return 1;
    }
    const auto found = gatemend::inspect::look(question);
    return print(gatemend::inspect::encode_bounded(found, question.address)) ? 0 : 1;
}
