// SPDX-License-Identifier: MIT
#include "sandbox/inspect/control_group.hpp"

#include <algorithm>

namespace gatemend::inspect {
namespace {

constexpr std::size_t kMaxUnitName = 255;
// What v1 writes for "no limit": the largest page-aligned number.
constexpr std::uint64_t kNoLimitV1 = std::uint64_t{1} << 60U;

bool is_unit_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{":-_.\\@"}.find(c) != std::string_view::npos;
}

// A line of /proc/PID/cgroup is "NUMBER:CONTROLLERS:PATH"; v2's controllers are empty.
std::optional<std::string> path_of_controller(std::string_view proc_cgroup,
                                              std::string_view controller) {
    while (!proc_cgroup.empty()) {
        const std::string_view line = take_line(proc_cgroup);
        const std::size_t first = line.find(':');
        const std::size_t second =
            first == std::string_view::npos ? first : line.find(':', first + 1);
        if (second == std::string_view::npos) {
            continue;
        }
        std::string_view names = line.substr(first + 1, second - first - 1);
        bool is_here = names.empty() && controller.empty();
        while (!names.empty()) {
            const std::size_t comma = std::min(names.find(','), names.size());
            is_here = is_here || names.substr(0, comma) == controller;
            names.remove_prefix(std::min(comma + 1, names.size()));
        }
        if (is_here) {
            return std::string{line.substr(second + 1)};
        }
    }
    return std::nullopt;
}

// The directory of a unit's group within one hierarchy, cut below nested groups.
std::optional<std::string> unit_path(std::string_view path, std::string_view unit) {
    if (unit.empty() || unit_of_path(path) != unit) {
        return std::nullopt;  // this hierarchy does not know the unit
    }
    const std::string component = "/" + std::string{unit};
    const std::size_t at = path.find(component + "/");
    return std::string{at == std::string_view::npos ? path : path.substr(0, at + component.size())};
}

struct Hierarchy {
    std::string mount;
    std::string path;  // of the unit, absolute below the mount
};

std::optional<Hierarchy> find_hierarchy(const Roots& roots,
                                        std::string_view unit,
                                        std::string_view proc_cgroup,
                                        std::string_view controller) {
    const auto in_v1 = path_of_controller(proc_cgroup, controller);
    if (const auto path = in_v1 ? unit_path(*in_v1, unit) : std::nullopt) {
        return Hierarchy{roots.cgroup + "/" + std::string{controller}, *path};
    }
    const auto in_v2 = path_of_controller(proc_cgroup, "");
    const auto path = in_v2 && !in_v1 ? unit_path(*in_v2, unit) : std::nullopt;
    if (!path) {
        return std::nullopt;
    }
    return Hierarchy{roots.cgroup, *path};
}

std::optional<std::uint64_t> read_number(const std::string& path) {
    const auto text = read_text(path);
    return text ? leading_number(*text) : std::nullopt;  // "max" is no number
}

// The tightest of the group and its ancestors; 0: none. `file` begins with a slash.
std::uint64_t tightest(const Hierarchy& hierarchy, const std::string& file) {
    std::uint64_t limit = 0;
    std::string path = hierarchy.path;
    while (!path.empty()) {
        const auto found = read_number(std::string{hierarchy.mount}.append(path).append(file));
        if (found && *found < kNoLimitV1 && (limit == 0 || *found < limit)) {
            limit = *found;
        }
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
    return limit;
}

struct MemoryFiles {
    const char* current;
    const char* most;
    const char* high;  // above it the kernel slows the group down
};

constexpr MemoryFiles kMemoryV2{"/memory.current", "/memory.max", "/memory.high"};
constexpr MemoryFiles kMemoryV1{"/memory.usage_in_bytes", "/memory.limit_in_bytes", nullptr};

// From the unit's group up to the root of the hierarchy, which a container's limit is on: what its
// siblings take in an ancestor's share is gone for the unit, too.
void find_least_room(core::UnitUse& use, const Hierarchy& hierarchy, const MemoryFiles& files) {
    const std::uint64_t own = use.memory_bytes;
    std::uint64_t least = core::kNoLimit;
    for (std::string path = hierarchy.path;; path.resize(path.rfind('/'))) {
        const std::string group = hierarchy.mount + path;
        const auto most = read_number(group + files.most);
        const auto high = files.high == nullptr ? std::nullopt : read_number(group + files.high);
        const std::uint64_t limit = std::min(most.value_or(kNoLimitV1), high.value_or(kNoLimitV1));
        const bool is_own = path == hierarchy.path;
        if (limit < kNoLimitV1) {
            const std::uint64_t current = read_number(group + files.current).value_or(own);
            const std::uint64_t left = limit - std::min(limit, current);
            if (left < least) {
                least = left;
                use.memory_bytes = current;
                use.memory_limit_bytes = limit;
                use.is_memory_limit_own = is_own && most == limit;
            }
            use.memory_above_left_bytes =
                is_own ? core::kNoLimit : std::min(use.memory_above_left_bytes, left);
        }
        if (path.find('/') == std::string::npos) {
            return;
        }
    }
}

bool add_memory(core::UnitUse& use, const Hierarchy& hierarchy) {
    const std::string group = hierarchy.mount + hierarchy.path;
    if (const auto current = read_number(group + "/memory.current")) {
        use.memory_bytes = *current;
        find_least_room(use, hierarchy, kMemoryV2);
        const auto events = read_text(group + "/memory.events");
        use.oom_kills = events ? number_after(*events, "oom_kill ").value_or(0) : 0;
        return true;
    }
    if (const auto usage = read_number(group + "/memory.usage_in_bytes")) {
        use.memory_bytes = *usage;
        find_least_room(use, hierarchy, kMemoryV1);
        const auto control = read_text(group + "/memory.oom_control");
        use.oom_kills = control ? number_after(*control, "oom_kill ").value_or(0) : 0;
        return true;
    }
    return false;
}

bool add_tasks(core::UnitUse& use, const Hierarchy& hierarchy) {
    const auto tasks = read_number(hierarchy.mount + hierarchy.path + "/pids.current");
    if (!tasks) {
        return false;
    }
    use.tasks = *tasks;
    use.tasks_limit = tightest(hierarchy, "/pids.max");
    return true;
}

}  // namespace

std::string unit_of_path(std::string_view path) {
    while (path.starts_with('/')) {
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        std::string_view component = path.substr(0, end);
        path.remove_prefix(end);
        if (component.ends_with(".slice")) {
            continue;
        }
        // systemd puts '_' before names that would look like a file of the kernel's
        component.remove_prefix(component.starts_with('_') ? 1 : 0);
        const bool is_unit = component.ends_with(".service") || component.ends_with(".scope");
        const bool is_valid =
            component.size() <= kMaxUnitName && std::ranges::all_of(component, is_unit_character);
        return is_unit && is_valid ? std::string{component} : std::string{};
    }
    return {};
}

std::string unit_of_process(std::string_view proc_cgroup) {
    // In the mix of v1 and v2 systemd's own v1 hierarchy is the complete one, except in a container
    // whose systemd uses v2 alone: there it names no unit.
    for (const std::string_view controller : {"name=systemd", ""}) {
        const auto path = path_of_controller(proc_cgroup, controller);
        std::string unit = path ? unit_of_path(*path) : std::string{};
        if (!unit.empty()) {
            return unit;
        }
    }
    return {};
}

std::optional<core::UnitUse> unit_use(const Roots& roots,
                                      std::string_view unit,
                                      std::string_view proc_cgroup) {
    core::UnitUse use;
    const auto memory = find_hierarchy(roots, unit, proc_cgroup, "memory");
    const auto tasks = find_hierarchy(roots, unit, proc_cgroup, "pids");
    const bool has_memory = memory && add_memory(use, *memory);
    const bool has_tasks = tasks && add_tasks(use, *tasks);
    return has_memory || has_tasks ? std::optional{use} : std::nullopt;
}

bool is_frozen(const Roots& roots, std::string_view proc_cgroup) {
    if (const auto path = path_of_controller(proc_cgroup, "")) {
        const auto events = read_text(roots.cgroup + *path + "/cgroup.events");
        if (events && number_after(*events, "frozen ").value_or(0) != 0) {
            return true;
        }
    }
    const auto path = path_of_controller(proc_cgroup, "freezer");
    const auto state =
        path ? read_text(roots.cgroup + "/freezer" + *path + "/freezer.state") : std::nullopt;
    return state && (state->starts_with("FROZEN") || state->starts_with("FREEZING"));
}

}  // namespace gatemend::inspect
