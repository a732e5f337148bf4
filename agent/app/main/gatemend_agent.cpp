// SPDX-License-Identifier: MIT
// gatemend-agent: reads, diagnoses, decides; has no privilege and asks the executor to act.
#include "app/daemon.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "sandbox/seccomp/powers.hpp"

#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string_view>

namespace {

void log_to_journal() {
    auto sink = std::make_shared<spdlog::sinks::systemd_sink_st>("gatemend-agent");
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
}

int serve() {
    using namespace gatemend;
    if (const core::Status powerless = sandbox::keep_only({}); !powerless) {
        spdlog::critical("{}", powerless.error().text);
        return 1;
    }
    auto loop = bus::EventLoop::open();
    if (!loop) {
        spdlog::critical("{}", loop.error().text);
        return 1;
    }
    auto daemon = app::Daemon::open(*loop, app::DaemonPaths{}, [] {
        return sandbox::install_filter(sandbox::Program::kAgent);
    });
    if (!daemon) {
        spdlog::critical("{}", daemon.error().text);
        return bus::kExitStartAnew;  // the bus, most likely; systemd tries again
    }
    return loop->run();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) {
        const bool is_version = std::string_view(argv[1]) == "--version";
        (void)std::fputs(is_version
                             ? "gatemend-agent " GATEMEND_VERSION "\n"
                             : "gatemend-agent takes no arguments; it is started by systemd\n",
                         is_version ? stdout : stderr);
        return is_version ? 0 : 2;
    }
    log_to_journal();
    return serve();
}
