// SPDX-License-Identifier: MIT
// TopologySource: keeps the topology up to date. Asks the executor for nginx's dump and reads the
// pool files when they change, remembers the result on disk, and tells it as an event's content.
// Used by the agent's daemon. A failing dump never takes a known topology away.
#pragma once

#include "app/machine_files.hpp"
#include "app/standings.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"
#include "io/config_watch.hpp"
#include "io/executor_client.hpp"
#include "policies/policy.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatemend::app {

// Units that systemd is asked about at a time.
inline constexpr std::size_t kMaxStandings = 256;
// Names of nginx's configuration that are looked up.
inline constexpr std::size_t kMaxNames = 16;
// Addresses of one of them, those that it may have meant before included.
inline constexpr std::size_t kMaxMeanings = 8;
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
        // What systemd says of these units; of whichever it does not answer for, nothing.
        std::function<void(const std::set<std::string>& units, std::function<void(Standings)>)>
            read_standings{};
    };

    TopologySource(Outside outside, std::string cache_path);
    TopologySource(const TopologySource&) = delete;
    TopologySource& operator=(const TopologySource&) = delete;
    ~TopologySource() = default;

    // Tells the remembered topology at once, then asks for the present one.
    void start();
    // The executor is back, or the policies have changed.
    void refresh();

    // nginx looks its names up when it reads its configuration: at its start, and at each reload.
    void take_nginx(const core::UnitState& state);

    // Somebody has looked at the machine: who listens where may have changed.
    void take_look(const core::Inspection& look);

    // A unit may have come up. While nobody was seen to listen on one of nginx's addresses, that is
    // the moment to look.
    void take_unit(const std::string& unit, const core::UnitState& state);

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
    // Its owner is the unit that was seen there.
    [[nodiscard]] bool is_proven(const std::string& address) const;
    [[nodiscard]] bool is_any_unproven() const;
    // Asks systemd about the units that may own an address, then goes on.
    void ask_standings(std::function<void()> then);
    [[nodiscard]] std::set<std::string> units_in_question() const;
    // What a name means now is what nginx uses only if it has just read its configuration; until
    // then it may be what it meant before as well.
    enum class Meanings { kMore, kAll };
    void remember_names();
    void ask_names(Meanings meanings);
    void take_name(const std::string& host, std::vector<std::string> addresses, Meanings meanings);
    void read_files();
    void rediscover();
    void remember() const;

    Outside outside_;
    std::string cache_path_;
    io::ConfigWatch watch_;
    Machine machine_;
    std::optional<core::TimePoint> nginx_changed_;
    core::Topology topology_;
    std::string nginx_problem_ = "nginx -T has not answered yet";
    std::vector<std::string> fpm_problems_;
    bool is_asking_ = false;
    bool is_stale_ = false;
    bool is_looking_ = false;
    bus::Source retry_;
    bus::Source look_soon_;
    std::map<std::string, std::string> runs_;  // unit -> invocation that was up
    core::Duration retry_delay_{};
    bool is_learnt_ = false;  // nginx has told of itself, now or in an earlier life of ours
    std::vector<bus::Source> looks_;
};

}  // namespace gatemend::app
