// SPDX-License-Identifier: MIT
#include "sandbox/tools/pm2.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Error;
using core::Result;

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

bool is_absolute(std::string_view path) {
    return path.starts_with('/');
}

// "/usr/bin/pm2 resurrect" or "/usr/bin/node /opt/pm2/bin/pm2 resurrect"
std::vector<std::string> find_command(const std::vector<std::string>& exec_start) {
    const auto is_pm2 = [](const std::string& word) {
        return is_absolute(word) && base_name(word) == "pm2";
    };
    const auto is_node = [](const std::string& word) {
        return is_absolute(word) && (base_name(word) == "node" || base_name(word) == "nodejs");
    };
    if (!exec_start.empty() && is_pm2(exec_start[0])) {
        return {exec_start[0]};
    }
    if (exec_start.size() > 1 && is_node(exec_start[0]) && is_pm2(exec_start[1])) {
        return {exec_start[0], exec_start[1]};
    }
    return {};
}

// What pm2 needs to find Node and its daemon's sockets; the rest is for the applications.
bool is_for_pm2(std::string_view variable) {
    constexpr std::array<std::string_view, 3> kWanted{"PATH=", "PM2_HOME=", "HOME="};
    return std::ranges::any_of(kWanted,
                               [variable](auto name) { return variable.starts_with(name); });
}

bool is_root(const bus::ServiceSetup& setup) {
    return setup.user.empty() || setup.user == "root" || !setup.uid || *setup.uid == 0;
}

}  // namespace

Result<ToolSpec> make_pm2_tool(const bus::ServiceSetup& setup, std::vector<std::string> arguments) {
    if (is_root(setup)) {
        return Error{"the unit does not run as an ordinary user, and pm2 is not run as root"};
    }
    ToolSpec spec;
    spec.profile = ToolProfile::kPm2;
    spec.argv = find_command(setup.exec_start);
    if (spec.argv.empty()) {
        return Error{"the unit's ExecStart is not pm2"};
    }
    spec.argv.insert(spec.argv.end(),
                     std::make_move_iterator(arguments.begin()),
                     std::make_move_iterator(arguments.end()));
    spec.user = std::to_string(*setup.uid);
    std::ranges::copy_if(setup.environment, std::back_inserter(spec.environment), is_for_pm2);
    return spec;
}

void run_pm2(bus::SystemdClient& systemd,
             ToolRunner& tools,
             Pm2Call call,
             std::function<void(Result<ToolOutcome>)> done) {
    const std::string unit = call.unit;
    systemd.read_service(unit,
                         [&tools, call = std::move(call), done = std::move(done)](
                             const Result<bus::ServiceSetup>& setup) {
                             auto spec =
                                 setup ? make_pm2_tool(*setup, call.arguments) : setup.error();
                             if (!spec) {
                                 done(Error{call.unit + ": " + core::sanitize(spec.error().text)});
                                 return;
                             }
                             spec->deadline = call.deadline;
                             spec->max_output = call.max_output;
                             tools.run(*spec, done);
                         });
}

}  // namespace gatemend::sandbox
