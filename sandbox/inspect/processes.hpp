// SPDX-License-Identifier: MIT
// The processes of this machine as /proc shows them: who they are, who holds a socket, what one of
// them has opened and used. Called by look. Names are sanitized here; nothing is ever signalled.
#pragma once

#include "core/inspection.hpp"
#include "sandbox/inspect/proc_text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatemend::inspect {

struct Process {
    std::uint32_t pid = 0;
    std::uint32_t parent = 0;
    std::uint32_t uid = 0;
    std::string command;  // comm, sanitized
    char state = '?';
    std::uint64_t cpu_ticks = 0;
    std::uint64_t started = 0;  // clock ticks after boot
    std::uint64_t resident_bytes = 0;
    std::string unit;
};

inline constexpr std::size_t kMaxProcesses = 16384;
inline constexpr std::size_t kMaxOpenFilesSeen = 262144;  // over all processes

// Sorted by pid. Kernel threads are left out.
[[nodiscard]] std::vector<Process> list_processes(const Roots& roots, Deadline deadline);

// One process again, for what it used in between. nullopt: it has ended.
[[nodiscard]] std::optional<Process> read_process(const Roots& roots, std::uint32_t pid);

// inode of a socket -> who holds it: of several, the one whose parent does not hold it as well; of
// those root's, for a script inherits its server's socket and may outlive its parent; then the
// lowest pid. systemd, which lends sockets to services, only when nobody else does.
[[nodiscard]] std::map<std::uint64_t, const Process*> find_owners(
    const Roots& roots,
    const std::vector<Process>& processes,
    const std::set<std::uint64_t>& inodes,
    Deadline deadline);

// Those of `inodes` that this very process holds open.
[[nodiscard]] std::set<std::uint64_t> find_held(const Roots& roots,
                                                const Process& process,
                                                const std::set<std::uint64_t>& inodes,
                                                Deadline deadline);

// nginx by its unit, or by name with a master that root started: anybody may take the name alone.
[[nodiscard]] bool is_nginx(const std::vector<Process>& processes, const Process& process);

// Is it in accept(), and nothing else? nullopt: it cannot be seen, as where nobody may trace.
[[nodiscard]] std::optional<bool> is_accepting(const Roots& roots, std::uint32_t pid);

// Memory and open files of one process; what cannot be read stays 0.
[[nodiscard]] core::Worker measure(const Roots& roots, const Process& process, Deadline deadline);

}  // namespace gatemend::inspect
