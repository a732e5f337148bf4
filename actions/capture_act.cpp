// SPDX-License-Identifier: MIT
// capture-port: tcpdump on the loopback interface for a number of seconds. It writes into a file
// that we have opened, as a user that exists only meanwhile: it gets no path and no way to open
// one.
#include "actions/capture_files.hpp"
#include "actions/tool_acts.hpp"
#include "core/one_line.hpp"
#include "core/text.hpp"
#include "core/topology.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace gatemend::actions {
namespace {

using core::ActOutcome;
using core::Result;
using sandbox::ToolOutcome;

constexpr std::int64_t kMaxSeconds = 600;
constexpr std::size_t kMaxWordsBytes = std::size_t{4} * 1024;

std::string parameter(const Plan& plan, const char* name) {
    const auto found = plan.parameters.find(name);
    return found == plan.parameters.end() ? "" : found->second;
}

std::string port_of(const std::string& address) {
    return address.substr(address.rfind(':') + 1);
}

sandbox::ToolSpec make_tool(const std::string& program,
                            const std::string& port,
                            std::chrono::seconds seconds) {
    sandbox::ToolSpec spec;
    spec.profile = sandbox::ToolProfile::kCapture;
    // -U: what is in the file is whole at every moment; the counts bound it to some 54 MiB.
    spec.argv = {program,
                 "-i",
                 "lo",
                 "-p",
                 "-n",
                 "-U",
                 "-s",
                 "256",
                 "-c",
                 "200000",
                 "-w",
                 "-",
                 "tcp",
                 "port",
                 port};
    spec.deadline = seconds;
    spec.max_output = kMaxWordsBytes;
    spec.sign_of_life = "listening on";
    return spec;
}

}  // namespace

std::optional<std::string> CapturePort::find_obstacle(const core::UnitState& /*state*/) const {
    const bool is_there = std::ranges::any_of(
        places_.tools, [](const std::string& tool) { return access(tool.c_str(), X_OK) == 0; });
    return is_there ? std::nullopt : std::optional<std::string>{"tcpdump is not installed"};
}

void CapturePort::perform(const Hands& hands, const Task& task, ActDone done) const {
    const auto refuse = [&done](const std::string& why) {
        done({ActOutcome::kFailed, "nothing was done: " + why});
    };
    const std::string address = parameter(task.plan, "address");
    const std::string time = parameter(task.plan, "seconds");
    std::int64_t seconds = 0;
    (void)std::from_chars(time.data(), time.data() + time.size(), seconds);
    if (address.starts_with("unix:") || !core::is_local(address)) {
        refuse(core::sanitize(address) + " is not a TCP port of this machine");
        return;
    }
    if (seconds < 1 || seconds > kMaxSeconds) {
        refuse("a capture lasts from one to " + std::to_string(kMaxSeconds) + " seconds");
        return;
    }
    const auto tool = std::ranges::find_if(
        places_.tools, [](const std::string& path) { return access(path.c_str(), X_OK) == 0; });
    if (tool == places_.tools.end()) {
        refuse("tcpdump is not installed");
        return;
    }
    const auto file = open_capture(places_.folder, task.attempt);
    if (!file) {
        refuse(file.error().text);
        return;
    }
    const std::string told = "captures tcp port " + port_of(address) + " into " + places_.folder +
                             "/" + capture_name(task.attempt) + "; it ends by itself after " +
                             std::to_string(seconds) + " s";
    hands.tools.launch(
        make_tool(*tool, port_of(address), std::chrono::seconds{seconds}),
        file->get(),
        [told, folder = places_.folder, attempt = task.attempt, done = std::move(done)](
            const Result<ToolOutcome>& outcome) {
            if (outcome && outcome->is_running) {
                done({ActOutcome::kSucceeded, told});
                return;
            }
            remove_capture(folder, attempt);
            done({ActOutcome::kFailed,
                  "tcpdump did not begin: " + core::sanitize(core::one_line(
                                                  outcome ? outcome->err : outcome.error().text))});
        });
}

bool CapturePort::is_fulfilled(const Plan& /*plan*/, const core::UnitState& /*state*/) const {
    return true;  // perform() has heard tcpdump say that it listens
}

}  // namespace gatemend::actions
