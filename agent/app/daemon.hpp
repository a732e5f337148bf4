// SPDX-License-Identifier: MIT
// Daemon: the agent put together. Opens the sources, wires them to the driver, answers the
// operator, reloads, and ends cleanly. What is missing (nginx, the executor, a readable log) is
// said in status and tried again; it never keeps the agent from running.
#pragma once

#include "app/agent_object.hpp"
#include "app/documents.hpp"
#include "app/driver.hpp"
#include "app/heartbeat.hpp"
#include "app/log_symptoms.hpp"
#include "app/recorder.hpp"
#include "app/service_logs.hpp"
#include "app/topology_source.hpp"
#include "io/cursor_store.hpp"
#include "policies/toml_reader.hpp"
#include "sandbox/bus/clock_watch.hpp"
#include "sandbox/bus/systemd_client.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::app {

struct DaemonPaths {
    policy::PolicyPaths policies;
    std::string decisions = "/var/log/gatemend/decisions.jsonl";
    std::string cursors = "/var/lib/gatemend/agent/cursors.json";
    std::string topology = "/var/lib/gatemend/agent/topology.json";
};

inline constexpr std::size_t kMaxLogs = 64;

class Daemon {
  public:
    // Gives up what is needed no more; called before anything of others is read.
    using Confine = std::function<core::Status()>;

    [[nodiscard]] static core::Result<std::unique_ptr<Daemon>> open(bus::EventLoop& loop,
                                                                    const DaemonPaths& paths,
                                                                    const Confine& confine);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

  private:
    Daemon(bus::EventLoop& loop, const DaemonPaths& paths);
    [[nodiscard]] core::Status connect();
    [[nodiscard]] engine::State initial_state();
    void make_driver(engine::State state);
    [[nodiscard]] core::Status start();
    void handle_signals();
    void restore_incidents();

    void reload();
    void reload_own();
    [[nodiscard]] std::string words_of_broken_policy() const;
    void anchor_soon();
    void stop(int exit_code);
    void on_executor_started();
    void on_topology(const core::Topology& topology);
    void watch_units(const core::Topology& topology);
    void follow_logs(const core::Topology& topology);
    void follow(const std::string& path, LogKind kind);
    void say_status();

    [[nodiscard]] std::vector<std::string> problems() const;
    [[nodiscard]] StatusExtras extras() const;

    bus::EventLoop& loop_;
    DaemonPaths paths_;
    std::vector<std::string> policy_files_;
    std::string policy_problem_;
    bool has_good_policy_ = false;  // a set that compiled, of whatever age
    std::vector<core::IncidentRestored> unfinished_;
    Recorder recorder_;
    std::unique_ptr<io::Inotify> inotify_;
    std::unique_ptr<bus::Connection> connection_;
    std::unique_ptr<bus::SystemdClient> systemd_;
    std::unique_ptr<io::ExecutorClient> executor_;
    std::unique_ptr<ServiceLogs> service_logs_;
    std::unique_ptr<Driver> driver_;
    std::unique_ptr<TopologySource> topology_;
    std::unique_ptr<AgentObject> object_;
    io::CursorStore cursor_store_;
    io::Cursors cursors_;  // as they were when we started
    std::map<std::string, std::unique_ptr<LogSymptoms>> logs_;
    std::vector<std::string> watched_units_;
    std::string said_status_;
    std::optional<Heartbeat> heartbeat_;
    std::vector<bus::Source> signals_;
    std::unique_ptr<bus::ClockWatch> clock_watch_;
    bus::Source anchor_timer_;
    bool is_anchor_timed_ = false;
};

}  // namespace gatemend::app
