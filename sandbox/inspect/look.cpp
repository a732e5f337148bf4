// SPDX-License-Identifier: MIT
#include "sandbox/inspect/look.hpp"

#include "sandbox/inspect/control_group.hpp"
#include "sandbox/inspect/machine.hpp"
#include "sandbox/inspect/path_walk.hpp"
#include "sandbox/inspect/processes.hpp"
#include "sandbox/inspect/sockets.hpp"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace gatemend::inspect {
namespace {

using Clock = std::chrono::steady_clock;
using core::Inspection;
using core::Listener;

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kMaxPortsAsked = 32;  // each is a walk through all connections

std::string unix_path(const std::string& address) {
    return address.starts_with(kUnix) ? address.substr(kUnix.size()) : std::string{};
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string{}
                                      : path.substr(0, std::max(slash, std::size_t{1}));
}

// Where "/" is for nginx: a unit with PrivateTmp= sees another /tmp than we do.
std::string root_of_nginx(const Roots& roots, const std::vector<Process>& processes) {
    for (const Process& process : processes) {
        std::string root = roots.proc + "/" + std::to_string(process.pid) + "/root";
        if (process.unit == "nginx.service" && is_nginx(processes, process) &&
            access(root.c_str(), X_OK) == 0) {
            return root;
        }
    }
    return "/";
}

// The asked address first, then its port, then TCP, then unix sockets: what is cut is the least.
int rank(const Listener& listener, std::string_view address) {
    if (listener.address == address) {
        return 0;
    }
    const std::string_view port = core::port_of(listener.address);
    if (port.empty()) {
        return 3;
    }
    return port == core::port_of(address) ? 1 : 2;
}

void keep_listeners(Inspection& inspection, std::string_view address, std::size_t limit) {
    std::vector<Listener>& listeners = *inspection.listeners;
    if (listeners.size() > limit) {
        std::ranges::stable_sort(
            listeners, {}, [&](const Listener& listener) { return rank(listener, address); });
        listeners.resize(limit);
        inspection.is_listeners_cut = true;
    }
    // Several sockets of one address (SO_REUSEPORT, nested /run) stand by pid.
    std::ranges::stable_sort(listeners, [](const Listener& a, const Listener& b) {
        return std::pair{std::string_view{a.address}, a.pid} <
               std::pair{std::string_view{b.address}, b.pid};
    });
}

using SocketFile = std::pair<std::uint32_t, std::uint32_t>;  // device, inode

using Connections = std::vector<FoundSocket>;
using ConnectionsByFile = std::optional<std::map<SocketFile, Connections>>;

// By the listener's file and not by its name, which others may bind as well.
ConnectionsByFile group_connections() {
    auto connections = list_unix_connections();
    if (!connections) {
        return std::nullopt;
    }
    std::map<SocketFile, Connections> groups;
    for (FoundSocket& connection : *connections) {
        groups[{connection.device, connection.file}].push_back(std::move(connection));
    }
    return groups;
}

// nullopt: they cannot be seen.
std::optional<Connections> tcp_connections_of(const Listener& listener) {
    const std::string_view digits = core::port_of(listener.address);
    const auto port = leading_number(digits);
    if (!port || *port == 0 || *port > UINT16_MAX) {
        return std::nullopt;
    }
    auto all = list_tcp_connections(static_cast<std::uint16_t>(*port));
    if (!all) {
        return std::nullopt;
    }
    std::erase_if(*all, [&listener](const FoundSocket& connection) {
        return !core::is_answered_by(connection.listener.address, listener);
    });
    return std::move(*all);
}

class Look {
  public:
    explicit Look(const Question& question)
        : question_(question),
          began_(Clock::now()),
          deadline_(began_ + question.limit),
          processes_(list_processes(question.roots, deadline_)),
          nginx_root_(root_of_nginx(question.roots, processes_)) {}

    Inspection take();

  private:
    void add_listeners();
    void add_connections(FoundSocket& socket, const ConnectionsByFile& by_file);
    [[nodiscard]] std::optional<core::UnitUse> use_of(const Process& process) const;
    void add_workers();
    void add_visitors(const Process& process, core::Worker& worker) const;
    void add_load();
    // The socket file that its path leads to.
    std::optional<SocketFile> find_way(FoundSocket& socket) const;
    [[nodiscard]] bool is_in_own_view(const FoundSocket& socket) const;
    [[nodiscard]] std::set<std::uint64_t> held_by_main(const std::set<std::uint64_t>& inodes) const;

    const Question& question_;
    Clock::time_point began_;
    Deadline deadline_;
    std::vector<Process> processes_;
    std::string nginx_root_;
    Inspection inspection_;
    std::set<std::uint64_t> accepted_;  // the connections to the unit that was asked about
    bool is_accepted_known_ = false;
    std::size_t ports_asked_ = 0;
};

// By inode alone: the device that stat() tells differs from the kernel's own on btrfs and overlays.
std::optional<SocketFile> Look::find_way(FoundSocket& socket) const {
    Listener& listener = socket.listener;
    const std::string path = unix_path(listener.address);
    if (path.empty() || !path.starts_with('/')) {
        listener.is_reachable = path.empty();  // a relative name leads nowhere
        listener.is_open = listener.is_reachable;
        return std::nullopt;
    }
    const Walk walk = walk_to(nginx_root_, path, question_.worker);
    listener.is_reachable =
        walk.socket_inode &&
        (socket.file == 0 || static_cast<std::uint32_t>(*walk.socket_inode) == socket.file);
    listener.is_open = std::ranges::all_of(walk.steps, &core::PathStep::is_open);
    if (!walk.socket_inode) {
        return std::nullopt;
    }
    return SocketFile{kernel_device(walk.socket_device),
                      static_cast<std::uint32_t>(*walk.socket_inode)};
}

// A mount namespace of its own alone says nothing: the most share /run.
bool Look::is_in_own_view(const FoundSocket& socket) const {
    const Listener& listener = socket.listener;
    const std::string path = unix_path(listener.address);
    if (listener.is_reachable || listener.pid == 0 || socket.file == 0 || !path.starts_with('/')) {
        return false;
    }
    const std::string root = question_.roots.proc + "/" + std::to_string(listener.pid) + "/root";
    const Walk walk = walk_to(root, path, question_.worker);
    return walk.socket_inode && static_cast<std::uint32_t>(*walk.socket_inode) == socket.file;
}

std::set<std::uint64_t> Look::held_by_main(const std::set<std::uint64_t>& inodes) const {
    if (!question_.main_process || question_.unit.empty()) {
        return {};
    }
    const auto found = std::ranges::find(processes_, question_.main_process->pid, &Process::pid);
    if (found == processes_.end() || found->unit != question_.unit ||
        found->uid != question_.main_process->uid) {
        return {};
    }
    return find_held(question_.roots, *found, inodes, deadline_);
}

void Look::add_listeners() {
    auto sockets = list_sockets();
    if (!sockets) {
        return;
    }
    std::set<std::uint64_t> inodes;
    for (const FoundSocket& socket : *sockets) {
        inodes.insert(socket.inode);
    }
    const auto owners = find_owners(question_.roots, processes_, inodes, deadline_);
    const auto held = held_by_main(inodes);
    std::map<SocketFile, std::string> who_lies;  // whose listener's it is
    std::vector<std::optional<SocketFile>> ways;
    for (FoundSocket& socket : *sockets) {
        if (const auto owner = owners.find(socket.inode); owner != owners.end()) {
            socket.listener.pid = owner->second->pid;
            socket.listener.unit = owner->second->unit;
            socket.listener.command = owner->second->command;
        }
        socket.listener.is_main = held.contains(socket.inode);
        if (socket.file != 0) {
            who_lies[{socket.device, socket.file}] =
                socket.listener.unit.empty() ? socket.listener.command : socket.listener.unit;
        }
        ways.push_back(find_way(socket));
        socket.listener.is_in_own_view = is_in_own_view(socket);
    }
    const auto connections = group_connections();
    is_accepted_known_ = true;
    std::vector<Listener> listeners;
    for (std::size_t i = 0; i < sockets->size(); ++i) {
        Listener& listener = (*sockets)[i].listener;
        const auto other =
            ways[i] && !listener.is_reachable ? who_lies.find(*ways[i]) : who_lies.end();
        listener.taken_by = other == who_lies.end() ? std::string{} : other->second;
        add_connections((*sockets)[i], connections);
        listeners.push_back(std::move(listener));
    }
    inspection_.listeners = std::move(listeners);
    keep_listeners(inspection_, question_.address, core::kMaxListeners);
}

void Look::add_connections(FoundSocket& socket, const ConnectionsByFile& by_file) {
    Listener& listener = socket.listener;
    const bool is_of_unit =
        !question_.unit.empty() && (listener.is_main || listener.unit == question_.unit);
    std::optional<Connections> mine;
    if (socket.file != 0 && by_file) {
        const auto found = by_file->find({socket.device, socket.file});
        mine = found == by_file->end() ? Connections{} : found->second;
    } else if (is_of_unit && unix_path(listener.address).empty() &&
               ++ports_asked_ <= kMaxPortsAsked && !is_over(deadline_)) {
        mine = tcp_connections_of(listener);
    }
    if (mine) {
        listener.connections = static_cast<std::uint32_t>(
            std::ranges::count(*mine, false, &FoundSocket::has_peer_left));
    }
    if (is_of_unit) {
        is_accepted_known_ = is_accepted_known_ && mine;
        for (const FoundSocket& connection : mine.value_or(Connections{})) {
            accepted_.insert(connection.inode);
        }
    }
}

// What another than PHP-FPM waits for says nothing: it serves many at a time.
void Look::add_visitors(const Process& process, core::Worker& worker) const {
    if (worker.pool.empty()) {
        return;
    }
    const std::size_t held = find_held(question_.roots, process, accepted_, deadline_).size();
    if (is_accepted_known_ && !is_over(deadline_)) {
        worker.connections = static_cast<std::uint32_t>(held);
    }
    worker.is_accepting = is_accepting(question_.roots, process.pid);
}

std::optional<core::UnitUse> Look::use_of(const Process& process) const {
    const auto groups =
        read_text(question_.roots.proc + "/" + std::to_string(process.pid) + "/cgroup");
    return groups ? unit_use(question_.roots, process.unit, *groups) : std::nullopt;
}

void Look::add_workers() {
    for (const Process& process : processes_) {
        const bool is_of_nginx = is_nginx(processes_, process);
        const bool is_of_unit = !question_.unit.empty() && process.unit == question_.unit;
        if (!is_of_nginx && !is_of_unit) {
            continue;
        }
        if (inspection_.workers.size() >= core::kMaxWorkers) {
            inspection_.is_workers_cut = true;
            continue;
        }
        inspection_.workers.push_back(measure(question_.roots, process, deadline_));
        inspection_.workers.back().is_nginx = is_of_nginx;
        if (is_of_unit && !is_of_nginx) {
            add_visitors(process, inspection_.workers.back());
        }
        if (is_of_unit && !inspection_.use) {
            inspection_.use = use_of(process);
        }
        if (is_of_nginx && process.uid == 0 && !inspection_.nginx_use) {
            inspection_.nginx_use = use_of(process);
        }
    }
}

void Look::add_load() {
    inspection_.load = read_load(question_.roots);
    if (!inspection_.load) {
        return;
    }
    // Everything else was done meanwhile; only what is left of the sample is waited for.
    std::this_thread::sleep_until(began_ + question_.sample);
    std::vector<Process> after;
    for (const Process& process : processes_) {
        if (auto again = read_process(question_.roots, process.pid)) {
            after.push_back(std::move(*again));
        }
    }
    const std::chrono::duration<double> elapsed = Clock::now() - began_;
    inspection_.load->consumers = find_consumers(
        {.before = processes_, .after = after, .seconds = elapsed.count()}, *inspection_.load);
}

Inspection Look::take() {
    const std::string path = unix_path(question_.address);
    if (!path.empty()) {
        inspection_.path = walk_to(nginx_root_, path, question_.worker).steps;
    }
    inspection_.file_systems = list_file_systems(folder_of(path));
    add_listeners();
    add_workers();
    inspection_.is_workers_cut =
        inspection_.is_workers_cut || is_over(deadline_) || processes_.size() >= kMaxProcesses;
    add_load();
    return std::move(inspection_);
}

}  // namespace

core::Inspection look(const Question& question) {
    return Look{question}.take();
}

std::string encode_bounded(core::Inspection inspection, std::string_view address) {
    std::string text = core::encode(inspection);
    while (text.size() > core::kMaxInspectionBytes &&
           (!inspection.workers.empty() || inspection.listeners)) {
        if (!inspection.workers.empty()) {
            inspection.workers.resize(inspection.workers.size() / 2);
            inspection.is_workers_cut = true;
        } else if (inspection.listeners->size() > 1) {
            keep_listeners(inspection, address, inspection.listeners->size() / 2);
        } else {
            inspection.listeners.reset();
        }
        text = core::encode(inspection);
    }
    return text;
}

}  // namespace gatemend::inspect
