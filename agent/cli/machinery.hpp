// SPDX-License-Identifier: MIT
// Machinery: what the services have open for as long as they run, here for one command; and how
// such a command learns what this machine serves. Used by --dry-run and suggest, as root. Changes
// nothing.
#pragma once

#include "core/topology.hpp"
#include "policies/policy.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/mender.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gatemend::cli {

// Nobody waits longer than this for a fact.
inline constexpr core::Duration kFactDeadline = std::chrono::seconds{40};

struct Machinery {
    std::unique_ptr<bus::Connection> connection;
    std::unique_ptr<bus::SystemdClient> systemd;
    std::unique_ptr<sandbox::ToolRunner> runner;
    std::unique_ptr<sandbox::Facts> facts;
    std::unique_ptr<sandbox::Mender> mender;
};

[[nodiscard]] core::Result<Machinery> open_machinery(bus::EventLoop& loop);

struct TopologySources {
    const policy::Settings& settings;
    std::string remembered;  // the agent's file, for what cannot be learnt now
};

// What went wrong goes to `problems`.
[[nodiscard]] core::Topology learn_topology(bus::EventLoop& loop,
                                            const Machinery& machinery,
                                            const TopologySources& sources,
                                            std::vector<std::string>& problems);

}  // namespace gatemend::cli
