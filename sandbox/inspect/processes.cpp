// SPDX-License-Identifier: MIT
#include "sandbox/inspect/processes.hpp"

#include "core/text.hpp"
#include "sandbox/bus/folder_stream.hpp"
#include "sandbox/inspect/control_group.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

namespace gatemend::inspect {
namespace {

constexpr std::uint32_t kSystemd = 1;
constexpr std::uint64_t kKibi = 1024;
constexpr std::uint32_t kMaxThreadsSeen = 1024;  // of one process
constexpr std::size_t kMaxStatusText = std::size_t{64} * 1024;

std::optional<std::uint32_t> whole_number(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole && !text.empty() ? std::optional{number} : std::nullopt;
}

// The next entry whose name is a number. One thread reads a directory stream.
std::optional<std::uint32_t> next_number(DIR* directory) {
    while (const dirent* entry = readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): one thread
        if (const auto number = whole_number(entry->d_name)) {
            return number;
        }
    }
    return std::nullopt;
}

std::string folder_of(const Roots& roots, std::uint32_t pid) {
    return roots.proc + "/" + std::to_string(pid);
}

// Field numbers of /proc/PID/stat as in proc(5); the command may hold blanks and brackets.
bool read_stat(std::string_view stat, Process& process) {
    constexpr int kState = 3;
    constexpr int kParent = 4;
    constexpr int kUserTime = 14;
    constexpr int kSystemTime = 15;
    constexpr int kStarted = 22;
    constexpr int kResident = 24;
    const std::size_t open = stat.find('(');
    const std::size_t close = stat.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        close + 2 >= stat.size()) {
        return false;
    }
    process.command = core::sanitize(stat.substr(open + 1, close - open - 1), 64);
    stat.remove_prefix(close + 2);
    for (int field = kState; field <= kResident && !stat.empty(); ++field) {
        const std::string_view word = take_word(stat);
        const std::uint64_t number = leading_number(word).value_or(0);
        if (field == kState) {
            process.state = word.empty() ? '?' : word.front();
        } else if (field == kParent) {
            process.parent = static_cast<std::uint32_t>(number);
        } else if (field == kUserTime || field == kSystemTime) {
            process.cpu_ticks += number;
        } else if (field == kStarted) {
            process.started = number;
        } else if (field == kResident) {
            process.resident_bytes = number * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        }
    }
    return true;
}

// "socket:[123]" -> 123
std::optional<std::uint64_t> socket_inode(const std::string& link) {
    std::array<char, 64> target{};
    const ssize_t size = readlink(link.c_str(), target.data(), target.size());
    const std::string_view text{target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    constexpr std::string_view kPrefix = "socket:[";
    return text.starts_with(kPrefix) ? leading_number(text.substr(kPrefix.size())) : std::nullopt;
}

using Holders = std::map<std::uint64_t, std::vector<const Process*>>;

Holders find_holders(const Roots& roots,
                     const std::vector<Process>& processes,
                     const std::set<std::uint64_t>& inodes,
                     Deadline deadline) {
    Holders holders;
    std::size_t seen = 0;
    for (const Process& process : processes) {
        if (is_over(deadline) || seen > kMaxOpenFilesSeen) {
            break;
        }
        const std::string folder = folder_of(roots, process.pid) + "/fd";
        const bus::FolderStream files{opendir(folder.c_str())};
        for (auto file = files ? next_number(files.get()) : std::nullopt;
             file && ++seen <= kMaxOpenFilesSeen;
             file = next_number(files.get())) {
            const auto inode = socket_inode(folder + "/" + std::to_string(*file));
            if (inode && inodes.contains(*inode)) {
                holders[*inode].push_back(&process);
            }
        }
    }
    return holders;
}

const Process* main_of(const std::vector<const Process*>& holders) {
    const auto holds = [&](std::uint32_t pid) {
        return std::ranges::find(holders, pid, &Process::pid) != holders.end();
    };
    const Process* first = holders.front();
    const Process* found = nullptr;
    for (const Process* holder : holders) {  // by pid, as the processes are
        const bool is_lent = holder->parent == kSystemd || !holds(holder->parent);
        if (holder->pid != kSystemd && is_lent && (found == nullptr || found->uid != 0)) {
            found = found == nullptr || holder->uid == 0 ? holder : found;
        }
        first = first->pid == kSystemd ? holder : first;
    }
    return found == nullptr ? first : found;
}

const Process* find_process(const std::vector<Process>& processes, std::uint32_t pid) {
    const auto found = std::ranges::lower_bound(processes, pid, {}, &Process::pid);
    return found != processes.end() && found->pid == pid ? &*found : nullptr;
}

void add_memory(const std::string& folder, core::Worker& worker) {
    const auto text = read_text(folder + "/smaps_rollup");
    if (!text) {
        return;
    }
    for (const std::string_view key : {"Private_Clean:", "Private_Dirty:", "Private_Hugetlb:"}) {
        worker.own_bytes += number_after(*text, key).value_or(0) * kKibi;
    }
    const std::uint64_t resident = number_after(*text, "Rss:").value_or(0) * kKibi;
    worker.shared_bytes = resident > worker.own_bytes ? resident - worker.own_bytes : 0;
}

// "php-fpm: pool www": FPM writes it over the worker's arguments; blanks and NULs follow.
std::string pool_of(std::string_view title) {
    constexpr std::string_view kTitle = "php-fpm: pool ";
    constexpr std::size_t kMaxPool = 64;
    if (!title.starts_with(kTitle)) {
        return {};
    }
    std::string_view name = title.substr(kTitle.size());
    name = name.substr(0, name.find('\0'));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    return core::sanitize(name, kMaxPool);
}

// "Max open files            1024                 524288               files"; 0 for "unlimited"
std::uint64_t hard_file_limit(std::string_view limits) {
    constexpr std::string_view kKey = "Max open files";
    while (!limits.empty()) {
        std::string_view line = take_line(limits);
        if (!line.starts_with(kKey)) {
            continue;
        }
        line.remove_prefix(kKey.size());
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        (void)take_word(line);  // the soft one
        return leading_number(line).value_or(0);
    }
    return 0;
}

std::uint32_t count_open_files(const std::string& folder) {
    const bus::FolderStream files{opendir((folder + "/fd").c_str())};
    std::uint32_t count = 0;
    while (files && count < kMaxOpenFilesSeen && next_number(files.get())) {
        ++count;
    }
    return count;
}

// Threads come and go: what one that has gone has done is missing from the sum, which changes it
// too.
std::uint64_t count_switches(const std::string& folder) {
    const bus::FolderStream threads{opendir((folder + "/task").c_str())};
    std::uint64_t switches = 0;
    std::uint32_t seen = 0;
    while (threads && ++seen <= kMaxThreadsSeen) {
        const auto thread = next_number(threads.get());
        if (!thread) {
            break;
        }
        const auto status =
            read_text(folder + "/task/" + std::to_string(*thread) + "/status", kMaxStatusText);
        switches += status ? number_after(*status, "voluntary_ctxt_switches:").value_or(0) +
                                 number_after(*status, "nonvoluntary_ctxt_switches:").value_or(0)
                           : 0;
    }
    return switches;
}

std::uint64_t sum_of(std::string_view text, std::string_view one, std::string_view other) {
    return number_after(text, one).value_or(0) + number_after(text, other).value_or(0);
}

}  // namespace

std::optional<Process> read_process(const Roots& roots, std::uint32_t pid) {
    const std::string folder = folder_of(roots, pid);
    const auto text = read_text(folder + "/stat");
    Process process;
    process.pid = pid;
    if (!text || !read_stat(*text, process)) {
        return std::nullopt;
    }
    return process;
}

std::vector<Process> list_processes(const Roots& roots, Deadline deadline) {
    constexpr std::uint32_t kKernelThreads = 2;
    std::vector<Process> processes;
    const bus::FolderStream directory{opendir(roots.proc.c_str())};
    while (directory && processes.size() < kMaxProcesses && !is_over(deadline)) {
        const auto pid = next_number(directory.get());
        if (!pid) {
            break;
        }
        auto process = read_process(roots, *pid);
        if (!process || process->pid == kKernelThreads || process->parent == kKernelThreads) {
            continue;
        }
        const std::string folder = folder_of(roots, *pid);
        const auto groups = read_text(folder + "/cgroup");
        process->unit = groups ? unit_of_process(*groups) : std::string{};

        struct stat info {};

        process->uid = stat(folder.c_str(), &info) == 0 ? info.st_uid : ~std::uint32_t{0};
        processes.push_back(std::move(*process));
    }
    std::ranges::sort(processes, {}, &Process::pid);
    return processes;
}

std::map<std::uint64_t, const Process*> find_owners(const Roots& roots,
                                                    const std::vector<Process>& processes,
                                                    const std::set<std::uint64_t>& inodes,
                                                    Deadline deadline) {
    std::map<std::uint64_t, const Process*> owners;
    for (const auto& [inode, holders] : find_holders(roots, processes, inodes, deadline)) {
        owners.emplace(inode, main_of(holders));
    }
    return owners;
}

std::set<std::uint64_t> find_held(const Roots& roots,
                                  const Process& process,
                                  const std::set<std::uint64_t>& inodes,
                                  Deadline deadline) {
    std::set<std::uint64_t> held;
    for (const auto& [inode, holders] : find_holders(roots, {process}, inodes, deadline)) {
        held.insert(inode);
    }
    return held;
}

bool is_nginx(const std::vector<Process>& processes, const Process& process) {
    if (process.command != "nginx") {
        return false;
    }
    const Process* parent = find_process(processes, process.parent);
    const bool has_master = parent != nullptr && parent->command == "nginx" && parent->uid == 0;
    return process.unit == "nginx.service" || process.uid == 0 || has_master;
}

// "43 0x9 0x7ffd…": number and arguments of the call; "running": in none, or it was not waited for.
std::optional<bool> is_accepting(const Roots& roots, std::uint32_t pid) {
    const auto text = read_text(folder_of(roots, pid) + "/syscall");
    if (!text || text->empty()) {
        return std::nullopt;
    }
    const auto call = leading_number(*text);
#ifdef SYS_accept
    if (call && *call == SYS_accept) {
        return true;
    }
#endif
    return call && *call == SYS_accept4;
}

core::Worker measure(const Roots& roots, const Process& process, Deadline deadline) {
    const std::string folder = folder_of(roots, process.pid);
    core::Worker worker;
    worker.pid = process.pid;
    worker.command = process.command;
    const std::string title = read_text(folder + "/cmdline").value_or("");
    worker.pool = pool_of(title);
    // As nginx calls a worker that ends with its last visitor, after a reload or for good.
    worker.is_leaving = title.starts_with("nginx: worker process is shutting down");
    worker.state = process.state;
    worker.parent = process.parent;
    worker.started = process.started;
    const std::string io = read_text(folder + "/io").value_or("");
    worker.done = process.cpu_ticks + count_switches(folder) + sum_of(io, "syscr:", "syscw:");
    worker.ticks = process.cpu_ticks;
    worker.io_bytes = sum_of(io, "rchar:", "wchar:");
    if (const auto status = read_text(folder + "/status", kMaxStatusText)) {
        worker.peak_bytes = number_after(*status, "VmHWM:").value_or(0) * kKibi;
        worker.is_traced = number_after(*status, "TracerPid:").value_or(0) != 0;
    }
    const auto groups = read_text(folder + "/cgroup");
    worker.is_traced = worker.is_traced || (groups && is_frozen(roots, *groups));
    if (const auto limits = read_text(folder + "/limits")) {
        constexpr std::uint64_t kUnlimited = ~std::uint32_t{0};
        const auto soft = number_after(*limits, "Max open files");
        worker.open_files_limit =
            static_cast<std::uint32_t>(std::min(soft.value_or(0), kUnlimited));
        worker.open_files_hard_limit =
            static_cast<std::uint32_t>(std::min(hard_file_limit(*limits), kUnlimited));
    }
    if (!is_over(deadline)) {  // the two that take long
        add_memory(folder, worker);
        worker.open_files = count_open_files(folder);
    }
    return worker;
}

}  // namespace gatemend::inspect
