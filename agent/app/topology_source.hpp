// SPDX-License-Identifier: MIT
// TopologySource: keeps the topology up to date. Asks the executor for nginx's dump and reads the
// pool files when they change, remembers the result on disk, and tells it as an event's content.
// Used by the agent's daemon. A failing dump never takes a known topology away.
#pragma once

#include "app/machine_files.hpp"
#include "core/topology.hpp"
#include "io/config_watch.hpp"
#include "io/executor_client.hpp"
#include "policies/policy.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gatemend::app {

// Names of nginx's configuration that are looked up.
inline constexpr std::size_t kMaxNames = 16;
inline constexpr core::Duration kResolveTimeout = std::chrono::seconds{5};

class TopologySource {
  public:
    struct Outside {
        bus::EventLoop& loop;
        io::Inotify& inotify;
        io::ExecutorClient& executor;
        std::function<const policy::Settings&()> settings;
        std::function<void(const core::Topology&)> on_topology;
        std::function<void(const std::string& unit)> on_config_change;
        std::function<void(const std::string&)> warn;
    };

    TopologySource(Outside outside, std::string cache_path);
    TopologySource(const TopologySource&) = delete;
    TopologySource& operator=(const TopologySource&) = delete;
    ~TopologySource() = default;

    // Tells the remembered topology at once, then asks for the present one.
    void start();
    // The executor is back, or the policies have changed.
    void refresh();

    // Somebody has looked at the machine: who listens where may have changed.
    void take_look(const core::Inspection& look);

    // What could not be read last time.
    [[nodiscard]] std::vector<std::string> problems() const;

    [[nodiscard]] std::size_t unwatched_directories() const { return watch_.unwatched(); }

  private:
    void on_change(const std::set<std::string>& units);
    void ask_nginx();
    void on_dump(const core::Result<io::NginxDump>& reply);
    // "" or why the dump is of no use
    [[nodiscard]] std::string take_dump(const core::Result<io::NginxDump>& reply);
    void ask_look();
    void ask_names();
    void rediscover();
    void remember() const;

    Outside outside_;
    std::string cache_path_;
    io::ConfigWatch watch_;
    Machine machine_;
    core::Topology topology_;
    std::string nginx_problem_ = "nginx -T has not answered yet";
    std::vector<std::string> fpm_problems_;
    bool is_asking_ = false;
    bool is_stale_ = false;
    bus::Source retry_;
    std::vector<bus::Source> looks_;
};

}  // namespace gatemend::app
