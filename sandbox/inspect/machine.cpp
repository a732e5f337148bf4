// SPDX-License-Identifier: MIT
#include "sandbox/inspect/machine.hpp"

#include "sandbox/bus/folder_stream.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gatemend::inspect {
namespace {

constexpr std::uint64_t kKibi = 1024;

struct Asked {
    const char* path;
    bool is_always_told;  // also when another path of the same file system was told before
};

constexpr Asked kAsked[] = {
    {"/", false},
    {"/run", false},
    {"/tmp", false},
    {"/var", false},
    {"/var/log", true},
    {"/var/log/nginx", false},
    {"/var/lib/nginx", true},
    {"/var/lib/php/sessions", false},
    {"/var/lib/gatemend", false},
    {"/dev/shm", false},
    {"/var/log/journal", true},
    {"/run/log/journal", true},
};

// In each of a journal's folders; more than so many files are no ordinary journal.
constexpr std::size_t kMaxJournalFiles = 8192;

// Not std::filesystem: its iterators ask for the flags of what they have opened, which the filter
// of this program forbids.
std::vector<std::string> list_folder(const std::string& path) {
    std::vector<std::string> names;
    const bus::FolderStream folder{opendir(path.c_str())};
    if (!folder) {
        return names;
    }
    while (names.size() < kMaxJournalFiles) {
        const dirent* entry = readdir(folder.get());  // NOLINT(concurrency-mt-unsafe): one thread
        if (entry == nullptr) {
            break;
        }
        const std::string_view name{static_cast<const char*>(entry->d_name)};
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    return names;
}

// One level of folders below the root, as journald lays them out. Names and sizes only.
std::uint64_t journal_size(const std::string& root) {
    constexpr std::uint64_t kBlock = 512;
    std::uint64_t bytes = 0;
    for (const std::string& machine : list_folder(root)) {
        const std::string folder = root + "/" + machine;
        for (const std::string& name : list_folder(folder)) {
            struct stat info {};

            if (lstat((folder + "/" + name).c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
                bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
            }
        }
    }
    return bytes;
}

void add_file_system(std::vector<core::FileSystem>& list,
                     std::vector<dev_t>& devices,
                     const Asked& asked) {
    struct stat place {};

    struct statvfs info {};

    if (stat(asked.path, &place) < 0 || statvfs(asked.path, &info) < 0) {
        return;
    }
    const bool is_told = std::ranges::find(devices, place.st_dev) != devices.end();
    if (is_told && !asked.is_always_told) {
        return;
    }
    devices.push_back(place.st_dev);
    core::FileSystem found;
    found.path = asked.path;
    found.bytes = info.f_blocks * info.f_frsize;
    found.bytes_free = info.f_bavail * info.f_frsize;
    found.inodes = info.f_files;
    found.inodes_free = info.f_favail;
    found.is_read_only = (info.f_flag & ST_RDONLY) != 0;
    found.device = place.st_dev;
    if (std::ranges::find(core::kJournalRoots, found.path) != core::kJournalRoots.end()) {
        found.journal_bytes = journal_size(found.path);
    }
    list.push_back(std::move(found));
}

// "some avg10=12.34 avg60=..." -> 123, in permille of the time
std::optional<std::uint32_t> read_pressure(const Roots& roots,
                                           const char* resource,
                                           std::string_view kind) {
    const auto text = read_text(roots.proc + "/pressure/" + resource);
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    while (!rest.empty()) {
        std::string_view line = take_line(rest);
        if (take_word(line) == kind && line.starts_with("avg10=")) {
            constexpr std::uint32_t kPercentToPermille = 100;  // decimal_permille() of a percentage
            const auto value = decimal_permille(line.substr(line.find('=') + 1));
            return value ? std::optional{*value / kPercentToPermille} : std::nullopt;
        }
    }
    return std::nullopt;
}

// "ALLOCATED FREE MOST"; the middle one has been 0 since 2.6.
std::uint64_t read_files_left(const Roots& roots) {
    const auto text = read_text(roots.proc + "/sys/fs/file-nr");
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    const auto allocated = leading_number(rest);
    const std::size_t last = rest.find_last_of(" \t");
    const auto most =
        last == std::string_view::npos ? std::nullopt : leading_number(rest.substr(last + 1));
    return allocated && most ? *most - std::min(*most, *allocated) : 0;
}

struct Consumer {
    const Process* process = nullptr;
    double cores = 0;
    double share = 0;  // of the machine, of whichever it takes more
};

std::string size_text(std::uint64_t bytes) {
    constexpr double kMebi = 1024.0 * 1024.0;
    constexpr double kGibi = kMebi * 1024.0;
    const auto number = static_cast<double>(bytes);
    return number >= kGibi ? fmt::format("{:.1f} GiB", number / kGibi)
                           : fmt::format("{:.0f} MiB", number / kMebi);
}

Consumer weigh(const Process& before, const Process& after, double seconds) {
    Consumer consumer;
    consumer.process = &after;
    const auto ticks = after.cpu_ticks - std::min(before.cpu_ticks, after.cpu_ticks);
    const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    consumer.cores = seconds > 0 ? static_cast<double>(ticks) / per_second / seconds : 0;
    return consumer;
}

}  // namespace

std::vector<core::FileSystem> list_file_systems(const std::string& extra) {
    std::vector<core::FileSystem> list;
    std::vector<dev_t> devices;
    for (const Asked& asked : kAsked) {
        add_file_system(list, devices, asked);
    }
    if (!extra.empty()) {
        add_file_system(list, devices, {extra.c_str(), false});
    }
    return list;
}

std::optional<core::MachineLoad> read_load(const Roots& roots) {
    const auto memory = read_text(roots.proc + "/meminfo");
    const auto total = memory ? number_after(*memory, "MemTotal:") : std::nullopt;
    if (!total) {
        return std::nullopt;
    }
    core::MachineLoad load;
    load.memory_bytes = *total * kKibi;
    load.memory_available_bytes = number_after(*memory, "MemAvailable:").value_or(0) * kKibi;
    load.cpus = static_cast<std::uint32_t>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
    if (const auto average = read_text(roots.proc + "/loadavg")) {
        load.load1_permille = decimal_permille(*average).value_or(0);
    }
    load.cpu_some10_permille = read_pressure(roots, "cpu", "some");
    load.memory_full10_permille = read_pressure(roots, "memory", "full");
    load.io_full10_permille = read_pressure(roots, "io", "full");
    if (const auto most = read_text(roots.proc + "/sys/fs/nr_open")) {
        load.open_files_most = leading_number(*most).value_or(0);
    }
    load.open_files_left = read_files_left(roots);
    return load;
}

std::vector<std::string> find_consumers(const Interval& interval, const core::MachineLoad& load) {
    constexpr double kLeastCores = 0.1;
    constexpr double kLeastMemory = 0.05;
    std::vector<Consumer> consumers;
    for (const Process& before : interval.before) {
        const auto after = std::ranges::lower_bound(interval.after, before.pid, {}, &Process::pid);
        if (after == interval.after.end() || after->pid != before.pid) {
            continue;
        }
        Consumer consumer = weigh(before, *after, interval.seconds);
        const double memory = static_cast<double>(after->resident_bytes) /
                              static_cast<double>(std::max<std::uint64_t>(load.memory_bytes, 1));
        consumer.share = std::max(memory, consumer.cores / std::max(load.cpus, 1U));
        if (consumer.cores >= kLeastCores || memory >= kLeastMemory) {
            consumers.push_back(consumer);
        }
    }
    std::ranges::stable_sort(consumers, std::ranges::greater{}, &Consumer::share);
    consumers.resize(std::min(consumers.size(), core::kMaxConsumers));
    std::vector<std::string> texts;
    for (const Consumer& consumer : consumers) {
        constexpr double kPercent = 100;
        texts.push_back(fmt::format("{} (pid {}): {:.0f}% cpu, {}",
                                    consumer.process->command,
                                    consumer.process->pid,
                                    consumer.cores * kPercent,
                                    size_text(consumer.process->resident_bytes)));
    }
    return texts;
}

}  // namespace gatemend::inspect
