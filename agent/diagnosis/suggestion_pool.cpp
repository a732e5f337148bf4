// SPDX-License-Identifier: MIT
// pm.max_children, and with it the spare servers; after the kernel has killed, also what systemd
// makes of it.
#include "core/bytes.hpp"
#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"
#include "diagnosis/pool_capacity.hpp"
#include "diagnosis/suggestions.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::diagnosis {
namespace {

// Workers that wait for something else use no CPU; more than this many per CPU do not help them.
constexpr std::uint64_t kWaitingPerCpu = 12;
constexpr std::uint32_t kBusyLoadPermille = 1000;  // per CPU
constexpr std::uint32_t kBusyCpuPermille = 500;    // PSI: tasks wait for the CPU half of the time
constexpr std::uint64_t kMaxWorkers = 10'000;

std::string lower(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

// What FPM demands of pm = dynamic: 1 <= min <= start <= max <= children. start 0: not set, which
// FPM does by itself, rightly.
struct Spares {
    std::uint64_t start = 0;
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};

Spares spares_now(const core::PoolSettings& pool) {
    return Spares{core::config_number(pool.start_servers.value).value_or(0),
                  core::config_number(pool.min_spare_servers.value).value_or(0),
                  core::config_number(pool.max_spare_servers.value).value_or(0)};
}

// As it was where that is more than the rule asks for and still fits.
std::uint64_t at_least(std::uint64_t now, std::uint64_t rule, std::uint64_t most) {
    return std::clamp<std::uint64_t>(now <= most ? std::max(now, rule) : rule, 1, most);
}

// From an eighth to three eighths idle; start in between, as FPM would choose it.
Spares spares_for(std::uint64_t children, const Spares& now) {
    constexpr std::uint64_t kParts = 8;
    Spares spares;
    spares.most = at_least(now.most, 3 * children / kParts, children);
    spares.least = at_least(now.least, children / kParts, spares.most);
    if (now.start > 0) {
        const std::uint64_t own = spares.least + (spares.most - spares.least) / 2;
        spares.start = std::max(at_least(now.start, own, spares.most), spares.least);
    }
    return spares;
}

void add_setting(Suggestion& suggestion,
                 const char* name,
                 std::uint64_t value,
                 const core::ConfigLine& now) {
    if (value > 0 && std::to_string(value) != now.value) {
        suggestion.settings.push_back(SuggestedSetting{name, std::to_string(value), now});
    }
}

void set_workers(Suggestion& suggestion, const core::Backend& backend, std::uint64_t children) {
    const core::PoolSettings& pool = backend.fpm;
    suggestion.pool = backend.pool;
    add_setting(suggestion, "pm.max_children", children, pool.max_children);
    if (lower(pool.pm.value) != "dynamic") {
        suggestion.arithmetic.push_back("pm is " + pool.pm.value +
                                        ": it has no spare servers to go with it");
        return;
    }
    const Spares spares = spares_for(children, spares_now(pool));
    add_setting(suggestion, "pm.start_servers", spares.start, pool.start_servers);
    add_setting(suggestion, "pm.min_spare_servers", spares.least, pool.min_spare_servers);
    add_setting(suggestion, "pm.max_spare_servers", spares.most, pool.max_spare_servers);
    suggestion.arithmetic.push_back(
        "spare servers within FPM's own rule, 1 <= min <= start <= max <= max_children: " +
        std::to_string(spares.least) +
        " <= " + (spares.start > 0 ? std::to_string(spares.start) : std::string{"(FPM chooses)"}) +
        " <= " + std::to_string(spares.most) + " <= " + std::to_string(children));
}

std::string decimal(std::uint32_t permille) {
    const std::uint32_t hundredths = permille % 1000 / 10;
    return std::to_string(permille / 1000) + (hundredths < 10 ? ".0" : ".") +
           std::to_string(hundredths);
}

std::string load_words(const core::MachineLoad& load) {
    return "load " + decimal(load.load1_permille) + " on " + std::to_string(load.cpus) + " CPUs" +
           (load.cpu_some10_permille
                ? ", tasks wait for the CPU " + std::to_string(*load.cpu_some10_permille / 10) +
                      "% of the time"
                : std::string{});
}

bool is_cpu_used_up(const core::MachineLoad& load) {
    const bool is_loaded = load.cpus > 0 && load.load1_permille / load.cpus >= kBusyLoadPermille;
    return is_loaded || load.cpu_some10_permille.value_or(0) >= kBusyCpuPermille;
}

// One of several bounds of the number of workers; the smallest counts.
struct Bound {
    std::uint64_t workers = 0;
    std::string words;
};

std::string workers_words(std::uint64_t workers) {
    if (workers == 0) {
        return "not one worker fits";
    }
    return std::to_string(workers) + (workers == 1 ? " worker" : " workers");
}

std::vector<Bound> bounds_of(const Findings& findings,
                             std::uint64_t now,
                             const Capacity& capacity) {
    const core::Inspection& look = *findings.inspection;
    std::vector<Bound> bounds{
        {capacity.workers, "memory"},
        {now + (now + 1) / 2,
         "one step, half as many again as the " + std::to_string(now) + " of now"}};
    if (look.load->cpus > 0) {
        bounds.push_back({kWaitingPerCpu * look.load->cpus,
                          std::to_string(kWaitingPerCpu) + " waiting workers on each of " +
                              std::to_string(look.load->cpus) + " CPUs"});
    }
    if (look.use && look.use->tasks_limit > 0) {
        const std::uint64_t tasks = saturating_difference(look.use->tasks_limit, look.use->tasks);
        bounds.push_back({tasks + measure_pool(look, findings.backend.pool).workers,
                          "TasksMax of " + std::to_string(look.use->tasks_limit)});
    }
    // All of them at their limit at once: what the pool allows has to fit as well.
    if (const auto limit = core::config_bytes(findings.backend.fpm.memory_limit.value);
        limit && *limit > 0) {
        bounds.push_back(
            {capacity_of(findings, *limit).workers,
             "memory, with each at its memory_limit of " + core::format_bytes(*limit)});
    }
    bounds.push_back({kMaxWorkers, "what FPM is built for"});
    return bounds;
}

std::string now_words(const Findings& findings) {
    const core::PoolSettings& pool = findings.backend.fpm;
    const std::string children = config_words("pm.max_children", pool.max_children);
    return children.empty() ? std::string{"pm.max_children is not known"}
                            : children + ", pm is " + pool.pm.value;
}

// The settings and the arithmetic; what for is the caller's to say.
Suggestion with_workers(core::Cause cause,
                        const core::Backend& backend,
                        std::uint64_t children,
                        const Capacity& capacity) {
    Suggestion suggestion;
    suggestion.cause = cause;
    suggestion.arithmetic = capacity.arithmetic;
    set_workers(suggestion, backend, children);
    suggestion.arithmetic.push_back(naive_rule_words());
    return suggestion;
}

Suggestion raise_to(const Findings& findings, std::uint64_t children, const Capacity& capacity) {
    Suggestion suggestion =
        with_workers(core::Cause::kPoolSaturated, findings.backend, children, capacity);
    suggestion.text = "Raise pm.max_children of pool " + findings.backend.pool + " from " +
                      findings.backend.fpm.max_children.value + " to " + std::to_string(children) +
                      "; memory would allow " + std::to_string(capacity.workers) + ".";
    suggestion.next =
        "If the workers wait for something slow, more of them only move the queue: look at the "
        "slowlog. Then measure again under load; the next step may be as large.";
    return suggestion;
}

Suggestion more_workers(const Findings& findings) {
    const auto now = core::config_number(findings.backend.fpm.max_children.value);
    Capacity capacity = capacity_of(findings, 0);
    Suggestion none = nothing(core::Cause::kPoolSaturated, "");
    if (!capacity.missing.empty() || !now || *now == 0) {
        none.text = capacity.missing.empty() ? "pm.max_children of the pool is not known"
                                             : capacity.missing;
        return none;
    }
    const core::MachineLoad& load = *findings.inspection->load;
    capacity.arithmetic.insert(capacity.arithmetic.begin(), now_words(findings));
    capacity.arithmetic.push_back("CPU: " + load_words(load));
    none.arithmetic = capacity.arithmetic;
    if (is_cpu_used_up(load)) {
        none.text =
            "the CPU is the limit (" + load_words(load) + "): more workers would only share it";
        return none;
    }
    const std::vector<Bound> bounds = bounds_of(findings, *now, capacity);
    const auto least =
        std::min_element(bounds.begin(), bounds.end(), [](const Bound& a, const Bound& b) {
            return a.workers < b.workers;
        });
    if (least->workers <= *now) {
        none.text = "the limit is " + least->words + ": " + workers_words(least->workers) +
                    "; there are to be " + std::to_string(*now) + " already";
        return none;
    }
    for (const Bound& bound : bounds) {
        capacity.arithmetic.push_back("at most " + std::to_string(bound.workers) + ": " +
                                      bound.words);
    }
    return raise_to(findings, least->workers, capacity);
}

// --- after the kernel has killed ---

Suggestion fewer_workers(const Findings& findings) {
    const core::PoolSettings& pool = findings.backend.fpm;
    const auto now = core::config_number(pool.max_children.value);
    Capacity capacity =
        capacity_of(findings, core::config_bytes(pool.memory_limit.value).value_or(0));
    Suggestion none = nothing(core::Cause::kOomKilled, "");
    if (!capacity.missing.empty() || !now) {
        none.text = capacity.missing.empty() ? "pm.max_children of the pool is not known"
                                             : capacity.missing;
        none.text += pool.memory_limit.value.empty()
                         ? "; nor does the pool say a memory_limit, which would bound a request"
                         : "";
        return none;
    }
    const std::uint64_t children = capacity.workers;
    capacity.arithmetic.insert(capacity.arithmetic.begin(), now_words(findings));
    if (children == 0) {
        none.arithmetic = std::move(capacity.arithmetic);
        none.text = "not one worker of " + core::format_bytes(capacity.each_bytes) +
                    " fits: no pm.max_children helps; what a request may take (memory_limit) has "
                    "to become less, or memory more";
        return none;
    }
    if (children >= *now) {
        none.arithmetic = std::move(capacity.arithmetic);
        none.text = "the workers that run now would fit " + std::to_string(children) +
                    " times, and there are to be " + std::to_string(*now) +
                    ": what was killed took more, and its peak went with it";
        return none;
    }
    Suggestion suggestion =
        with_workers(core::Cause::kOomKilled, findings.backend, children, capacity);
    suggestion.text = "Lower pm.max_children of pool " + findings.backend.pool + " from " +
                      pool.max_children.value + " to " + std::to_string(children) +
                      ": more do not fit when all are as large as they get.";
    suggestion.next =
        "Which script takes so much: the slowlog and memory_limit name it. "
        "pm.max_requests ends workers that only ever grow.";
    return suggestion;
}

std::optional<Suggestion> larger_group(const Findings& findings) {
    const auto& look = findings.inspection;
    const bool is_limited = look && look->use && look->load && look->use->memory_limit_bytes > 0 &&
                            look->use->is_memory_limit_own;
    if (!is_limited) {
        return std::nullopt;
    }
    constexpr std::uint64_t kShare = 10;
    const std::uint64_t limit = look->use->memory_limit_bytes;
    const std::uint64_t reserve = look->load->memory_bytes / kShare;
    const std::uint64_t spare = saturating_difference(look->load->memory_available_bytes, reserve);
    const std::uint64_t above = look->use->memory_above_left_bytes;
    const std::uint64_t more = std::min({limit / 2, spare, above}) / kMebibyte * kMebibyte;
    constexpr std::uint64_t kLeastLimit = 16 * kMebibyte;
    constexpr std::uint64_t kMostLimit = std::uint64_t{1} << 40U;
    if (more < limit / kShare || limit < kLeastLimit || limit > kMostLimit) {
        return std::nullopt;
    }
    const std::uint64_t wanted = (limit + more) / kMebibyte * kMebibyte;
    Suggestion suggestion;
    suggestion.cause = core::Cause::kOomKilled;
    suggestion.merit = Merit::kBandAid;
    suggestion.settings = {
        {"MemoryMax", std::to_string(wanted / kMebibyte) + "M", {core::config_size(limit), ""}}};
    suggestion.arithmetic = {
        "MemoryMax of " + findings.unit_name + " is " + core::format_bytes(limit) + ", its own",
        "one step, at most half as much again: " + core::format_bytes(limit / 2),
        "machine: " + core::format_bytes(look->load->memory_available_bytes) + " available - " +
            core::format_bytes(reserve) + " kept in reserve = " + core::format_bytes(spare),
        "control groups above: " + (above == core::kNoLimit ? std::string{"no limit"}
                                                            : core::format_bytes(above) + " left"),
        "the smallest of these on top: " + core::format_bytes(wanted)};
    suggestion.text = "Instead of fewer workers: raise MemoryMax= of " + findings.unit_name +
                      " to " + core::format_bytes(wanted) + "; the machine has it.";
    suggestion.next = "Whether memory.current goes on growing: then something leaks.";
    return suggestion;
}

bool is_taken_down(const Findings& findings) {
    return findings.unit && findings.unit->result == core::UnitResult::kOomKill;
}

Suggestion keep_unit(const Findings& findings) {
    Suggestion suggestion;
    suggestion.cause = core::Cause::kOomKilled;
    suggestion.merit = Merit::kBandAid;
    suggestion.settings = {{"OOMPolicy", "continue", {}}};
    suggestion.text = "OOMPolicy=continue keeps one fat worker from taking all of " +
                      findings.unit_name + " down; its server starts another.";
    suggestion.arithmetic = {
        "systemd stopped the whole unit when one process was killed "
        "(Result=oom-kill): OOMPolicy=stop, the default"};
    return suggestion;
}

}  // namespace

std::vector<Suggestion> suggest_more_workers(const Findings& findings) {
    return {more_workers(findings)};
}

std::vector<Suggestion> suggest_after_oom(const Findings& findings) {
    std::vector<Suggestion> all;
    if (findings.role == core::ServiceRole::kPhpFpm) {
        all.push_back(fewer_workers(findings));
    }
    if (is_taken_down(findings)) {
        all.push_back(keep_unit(findings));
    }
    if (auto larger = larger_group(findings)) {
        all.push_back(*std::move(larger));
    }
    return all;
}

}  // namespace gatemend::diagnosis
