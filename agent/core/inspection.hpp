// SPDX-License-Identifier: MIT
// Inspection: what one look at this machine found: who listens where, which part of a path is
// closed, how full the disks are, how its workers do. Made by gatemend-inspect (a root tool without
// any parser of foreign text), carried as lines, read back here. Absent = could not be read, never
// "nothing there".
#pragma once

#include "core/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

// A listening stream socket.
struct Listener {
    // canonical: "unix:/run/x.sock", "127.0.0.1:9000", "0.0.0.0:80", "[::]:80"
    std::string address;
    std::string unit;           // by the owner's control group, "" outside of any unit
    std::string command;        // the owner's comm, sanitized
    std::uint32_t pid = 0;      // 0: owner not found
    std::uint32_t queue = 0;    // connections waiting to be accepted
    std::uint32_t backlog = 0;  // of which so many are let in
    // unix: the path, as nginx sees it, leads to this very socket. False: deleted or replaced.
    bool is_reachable = true;
    bool is_dual_stack = false;  // "[::]:PORT" that takes IPv4 connections as well
    bool is_open = true;         // unix: nginx's worker user may connect
    // systemd says that the main process of `unit` holds this socket: of the unit that was asked
    // about the look knows it, of others whoever asks systemd. `unit` and `command` are by control
    // group and name, which any script of a site may have.
    bool is_main = false;
    std::uint64_t cookie = 0;  // unix: the kernel's number of this socket, never given again
    // unix, where the path leads elsewhere: the unit of the listener whose file lies there now, its
    // command where it has no unit; "" where no listener's does.
    std::string taken_by{};
    // Connections that were accepted and are open; who still waits is in `queue`. Absent: not
    // counted, as of TCP listeners of other units than the one that was asked about.
    std::optional<std::uint32_t> connections{};
    // unix, not reachable: the path leads to this very socket for its owner, who sees other file
    // systems than nginx (PrivateTmp=, RootDirectory=). It is not lost, and made anew it would lie
    // there again.
    bool is_in_own_view = false;

    friend bool operator==(const Listener&, const Listener&) = default;
};

enum class StepKind { kMissing, kDirectory, kSocket, kOther };
[[nodiscard]] std::string_view step_kind_id(StepKind kind);
[[nodiscard]] std::optional<StepKind> step_kind_from_id(std::string_view id);

// One component of the way to a unix socket, symbolic links followed, as nginx's worker user.
struct PathStep {
    std::string path;
    StepKind kind = StepKind::kMissing;
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool has_acl = false;
    bool is_open = true;  // search permission (directory), write permission (socket)

    friend bool operator==(const PathStep&, const PathStep&) = default;
};

struct FileSystem {
    std::string path;  // asked about, "/var/log"
    std::uint64_t bytes = 0;
    std::uint64_t bytes_free = 0;  // for users other than root
    std::uint64_t inodes = 0;      // 0: this file system does not count them
    std::uint64_t inodes_free = 0;
    bool is_read_only = false;
    std::uint64_t device = 0;         // equal numbers: the same file system
    std::uint64_t journal_bytes = 0;  // of a journal's folder: what its files take

    friend bool operator==(const FileSystem&, const FileSystem&) = default;
};

// The folders in which journald keeps journals; inspect tells of those that are there.
inline constexpr std::array<std::string_view, 2> kJournalRoots{"/var/log/journal",
                                                               "/run/log/journal"};

// A process of the unit that was asked about, or one of nginx's.
struct Worker {
    std::uint32_t pid = 0;
    bool is_nginx = false;
    std::string command;  // comm, sanitized
    std::string pool;     // of an FPM worker, by its own title, sanitized; else ""
    std::uint32_t parent = 0;
    std::uint64_t started = 0;  // as in /proc/PID/stat: tells two processes with one pid apart
    // Clock ticks of CPU, times that a thread was switched away from, calls that read or wrote, all
    // added up: grows whenever the process does anything.
    std::uint64_t done = 0;
    // The same, told apart: what a process that only waits hardly ever adds to, although it may
    // wake up all the time. Bytes that it has read and written by read() and write().
    std::uint64_t ticks = 0;
    std::uint64_t io_bytes = 0;
    bool is_leaving = false;         // of nginx, and of a configuration that it no longer has
    bool is_traced = false;          // held by a debugger or a frozen control group
    char state = '?';                // R S D T t Z, as in /proc/PID/stat
    std::uint64_t own_bytes = 0;     // private memory (smaps_rollup)
    std::uint64_t shared_bytes = 0;  // resident and not private: opcache, program text
    std::uint64_t peak_bytes = 0;    // VmHWM: most that was resident, shared pages included
    std::uint32_t open_files = 0;
    std::uint32_t open_files_limit = 0;       // RLIMIT_NOFILE, soft
    std::uint32_t open_files_hard_limit = 0;  // likewise, hard
    // Of an FPM worker: does it wait for the next visitor? Absent: it cannot be seen.
    std::optional<bool> is_accepting{};
    // Likewise: accepted connections to its unit that it holds, also those whose visitor has left.
    std::optional<std::uint32_t> connections{};

    friend bool operator==(const Worker&, const Worker&) = default;
};

struct MachineLoad {
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_available_bytes = 0;
    std::uint32_t cpus = 0;
    std::uint32_t load1_permille = 0;  // load average of the last minute
    // PSI, "some avg10" and "full avg10"; absent on kernels without it
    std::optional<std::uint32_t> cpu_some10_permille;
    std::optional<std::uint32_t> memory_full10_permille;
    std::optional<std::uint32_t> io_full10_permille;
    // "postgres (pid 812): 310% cpu, 2.1 GiB", most first, sanitized, at most kMaxConsumers
    std::vector<std::string> consumers;
    // 0: could not be read. How many files one process may have open at most (fs.nr_open), and how
    // many more there may be on the machine (fs.file-max).
    std::uint64_t open_files_most = 0;
    std::uint64_t open_files_left = 0;

    friend bool operator==(const MachineLoad&, const MachineLoad&) = default;
};

// Of bytes: nobody limits them.
inline constexpr std::uint64_t kNoLimit = UINT64_MAX;

// The control group of a unit.
struct UnitUse {
    // Of the group, its own or an ancestor's, whose limit leaves least; without any, its own.
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_limit_bytes = 0;  // of that group, MemoryMax or MemoryHigh; 0: none
    bool is_memory_limit_own = false;      // and that is the unit's own MemoryMax
    std::uint64_t memory_above_left_bytes = kNoLimit;  // what the ancestors' limits leave
    std::uint64_t oom_kills = 0;
    std::uint64_t tasks = 0;
    std::uint64_t tasks_limit = 0;  // 0: none

    friend bool operator==(const UnitUse&, const UnitUse&) = default;
};

struct Inspection {
    std::optional<std::vector<Listener>> listeners;  // of the whole machine, sorted by address
    // There were more than kMaxListeners (or bytes): those of the asked address and its port are
    // among the kept ones, others may be missing.
    bool is_listeners_cut = false;
    std::vector<PathStep> path;  // of the address, when that is a unix socket
    std::vector<FileSystem> file_systems;
    std::vector<Worker> workers;
    bool is_workers_cut = false;  // there were more, or not all could be read
    std::optional<MachineLoad> load;
    std::optional<UnitUse> use;        // of the unit that was asked about
    std::optional<UnitUse> nginx_use;  // of the unit that nginx's master belongs to

    friend bool operator==(const Inspection&, const Inspection&) = default;

    // nullptr: nobody listens there. A wildcard listener of the right port and family counts.
    [[nodiscard]] const Listener* find_listener(std::string_view address) const;
};

inline constexpr std::size_t kMaxInspectionBytes = std::size_t{128} * 1024;
inline constexpr std::size_t kMaxListeners = 512;
inline constexpr std::size_t kMaxWorkers = 512;
inline constexpr std::size_t kMaxPathSteps = 128;
inline constexpr std::size_t kMaxFileSystems = 32;
inline constexpr std::size_t kMaxConsumers = 3;

// Does who listens on `listener` take connections to `address`? A wildcard of the right family
// does.
[[nodiscard]] bool is_answered_by(std::string_view address, const Listener& listener);

// "127.0.0.1:9000" and "[::1]:9000" -> "9000"; "" for a unix socket.
[[nodiscard]] std::string_view port_of(std::string_view address);

// One line per thing ("listener address=… unit=… pid=…"), the last one "end"; printable ASCII,
// other bytes of a value as %XX. And its strict reader: an unknown word, a missing or repeated
// field, a number out of range, too many lines or no end is an error that names the line. What is
// read encodes to the same bytes again.
[[nodiscard]] std::string encode(const Inspection& inspection);
[[nodiscard]] Result<Inspection> decode_inspection(std::string_view text);

}  // namespace gatemend::core
