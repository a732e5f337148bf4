// SPDX-License-Identifier: MIT
#include "diagnosis/pool_capacity.hpp"

#include "core/bytes.hpp"
#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"

#include <algorithm>
#include <limits>

namespace gatemend::diagnosis {
namespace {

// A fresh worker has 0.13 MiB of its own, one that has compiled a script more than 3.
constexpr std::uint64_t kWarmBytes = kMebibyte;
constexpr std::uint64_t kLeastPerWorker = 32 * kMebibyte;
constexpr std::uint64_t kLeastReserve = 128 * kMebibyte;
constexpr std::uint64_t kReserveShare = 10;
// opcache.memory_consumption's default. Shared memory cannot be reclaimed once it is touched.
constexpr std::uint64_t kOpcacheBytes = 128 * kMebibyte;
constexpr std::uint64_t kEnoughWarm = 2;

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return a > std::numeric_limits<std::uint64_t>::max() - b
               ? std::numeric_limits<std::uint64_t>::max()
               : a + b;
}

// The most that was this worker's own. VmHWM counts what it shares as well, and that is there once
// for all of them.
std::uint64_t peak_of(const core::Worker& worker) {
    return std::max(saturating_difference(worker.peak_bytes, worker.shared_bytes),
                    worker.own_bytes);
}

struct Part {
    std::uint64_t bytes = 0;
    std::string words;
};

// "machine: 3.1 GiB available + 320 MiB held - 410 MiB reserve = 3.0 GiB"
struct Budget {
    std::string line;
    std::uint64_t bytes = 0;

    Budget(std::string name, const Part& first)
        : line(std::move(name) + ": " + core::format_bytes(first.bytes) + " " + first.words),
          bytes(first.bytes) {}

    void add(const Part& part) {
        bytes = sum(bytes, part.bytes);
        line += " + " + core::format_bytes(part.bytes) + " " + part.words;
    }

    void subtract(const Part& part) {
        bytes = saturating_difference(bytes, part.bytes);
        line += part.bytes == 0 ? "" : " - " + core::format_bytes(part.bytes) + " " + part.words;
    }

    void close() { line += " = " + core::format_bytes(bytes); }
};

// What the unit's other pools may still grow by when all their workers are as large as they get.
std::uint64_t growth_of_others(const Findings& findings, std::uint64_t each_bytes) {
    std::uint64_t bytes = 0;
    std::vector<std::string> seen{findings.backend.pool};
    for (const core::Backend& other : findings.backends) {
        const auto most = core::config_number(other.fpm.max_children.value);
        if (!most || std::find(seen.begin(), seen.end(), other.pool) != seen.end()) {
            continue;
        }
        seen.push_back(other.pool);
        const PoolMeasure pool = measure_pool(*findings.inspection, other.pool);
        const std::uint64_t each =
            pool.warm > 0 ? std::max(pool.p95_bytes, kLeastPerWorker) : each_bytes;
        bytes = sum(bytes, saturating_difference(saturating_product(*most, each), pool.held_bytes));
    }
    return bytes;
}

std::string measure_words(const PoolMeasure& pool, const std::string& name) {
    return "workers of pool " + name + ": " + std::to_string(pool.workers) + ", of which " +
           std::to_string(pool.warm) + " have served requests; peak of private memory: median " +
           core::format_bytes(pool.median_bytes) + ", 95th percentile " +
           core::format_bytes(pool.p95_bytes) + ", largest " +
           core::format_bytes(pool.largest_bytes) +
           " (VmHWM less what is shared; not RSS, not idle)";
}

void settle_each(Capacity& capacity, const PoolMeasure& pool, std::uint64_t bound_bytes) {
    capacity.each_bytes = std::max({pool.p95_bytes, bound_bytes, kLeastPerWorker});
    const bool is_bound = bound_bytes > 0 && capacity.each_bytes == bound_bytes;
    const bool is_floor = !is_bound && pool.p95_bytes < kLeastPerWorker;
    capacity.arithmetic.push_back("reckoned with " + core::format_bytes(capacity.each_bytes) +
                                  " per worker" +
                                  (is_bound   ? " (memory_limit: what a request may take)"
                                   : is_floor ? " (the least that is reckoned with)"
                                              : " (the 95th percentile)"));
}

void add_budgets(Capacity& capacity, const Findings& findings, const PoolMeasure& pool) {
    const core::MachineLoad& load = *findings.inspection->load;
    const Part held{pool.held_bytes, "that this pool holds"};
    const Part opcache{saturating_difference(kOpcacheBytes, pool.shared_bytes),
                       "the opcache may still take (128 MiB by default)"};
    const Part others{growth_of_others(findings, capacity.each_bytes),
                      "other pools may still grow by"};
    const auto finish = [&](Budget& budget, std::uint64_t whole) {
        budget.add(held);
        budget.subtract({std::max(whole / kReserveShare, kLeastReserve), "kept in reserve"});
        budget.subtract(opcache);
        budget.subtract(others);
        budget.close();
        capacity.arithmetic.push_back(budget.line);
        return budget.bytes;
    };
    Budget machine("machine of " + core::format_bytes(load.memory_bytes),
                   {load.memory_available_bytes, "available"});
    capacity.budget_bytes = finish(machine, load.memory_bytes);
    const auto& use = findings.inspection->use;
    if (use && use->memory_limit_bytes > 0) {
        const std::uint64_t limit = use->memory_limit_bytes;
        Budget group(
            "control group of " + findings.unit_name + ", limit " + core::format_bytes(limit),
            {saturating_difference(limit, use->memory_bytes), "left"});
        capacity.budget_bytes = std::min(capacity.budget_bytes, finish(group, limit));
    }
}

std::string missing_measure(const PoolMeasure& pool, const Findings& findings) {
    const std::uint64_t most =
        core::config_number(findings.backend.fpm.max_children.value).value_or(kEnoughWarm);
    // Of a pool of one worker, that one is all that can be measured.
    const std::uint64_t enough = std::min(kEnoughWarm, std::max<std::uint64_t>(most, 1));
    if (pool.warm >= enough) {
        return "";
    }
    return "too few workers of pool " + findings.backend.pool +
           " could be measured: " + std::to_string(pool.workers) + " run, " +
           std::to_string(pool.warm) + " have served requests, " + std::to_string(enough) +
           (enough == 1 ? " is" : " are") + " needed; look again when the pool has been under load";
}

}  // namespace

std::uint64_t saturating_difference(std::uint64_t from, std::uint64_t what) {
    return from > what ? from - what : 0;
}

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
    return b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b
               ? std::numeric_limits<std::uint64_t>::max()
               : a * b;
}

PoolMeasure measure_pool(const core::Inspection& inspection, const std::string& pool) {
    PoolMeasure measure;
    std::vector<std::uint64_t> peaks;
    for (const core::Worker& worker : inspection.workers) {
        if (worker.is_nginx || pool.empty() || worker.pool != pool) {
            continue;
        }
        ++measure.workers;
        measure.held_bytes = sum(measure.held_bytes, worker.own_bytes);
        measure.shared_bytes = std::max(measure.shared_bytes, worker.shared_bytes);
        // Without its private memory (no permission, no time) nothing is known of a worker.
        if (worker.own_bytes > 0 && peak_of(worker) >= kWarmBytes) {
            peaks.push_back(peak_of(worker));
        }
    }
    std::sort(peaks.begin(), peaks.end());
    measure.warm = peaks.size();
    if (!peaks.empty()) {
        constexpr std::size_t kPercentile = 95;
        constexpr std::size_t kWhole = 100;
        measure.median_bytes = peaks[(peaks.size() - 1) / 2];
        measure.p95_bytes = peaks[(peaks.size() * kPercentile + kWhole - 1) / kWhole - 1];
        measure.largest_bytes = peaks.back();
    }
    return measure;
}

Capacity capacity_of(const Findings& findings, std::uint64_t bound_bytes) {
    Capacity capacity;
    if (findings.backend.pool.empty()) {
        capacity.missing = "which pool serves " + findings.backend.address + " is not known";
    } else if (!findings.inspection || !findings.inspection->load ||
               findings.inspection->load->memory_bytes == 0 ||
               findings.inspection->load->memory_available_bytes == 0) {
        capacity.missing = "this machine's memory could not be read";
    }
    if (!capacity.missing.empty()) {
        return capacity;
    }
    const PoolMeasure pool = measure_pool(*findings.inspection, findings.backend.pool);
    capacity.missing = bound_bytes > 0 ? "" : missing_measure(pool, findings);
    if (!capacity.missing.empty()) {
        return capacity;
    }
    if (pool.workers > 0) {
        capacity.arithmetic.push_back(measure_words(pool, findings.backend.pool));
    }
    settle_each(capacity, pool, bound_bytes);
    add_budgets(capacity, findings, pool);
    capacity.workers = capacity.budget_bytes / capacity.each_bytes;
    capacity.arithmetic.push_back(
        capacity.workers == 0
            ? "memory allows " + core::format_bytes(capacity.budget_bytes) + ", less than the " +
                  core::format_bytes(capacity.each_bytes) + " of one worker: not one fits"
            : "memory allows " + core::format_bytes(capacity.budget_bytes) + " / " +
                  core::format_bytes(capacity.each_bytes) + " = " +
                  std::to_string(capacity.workers) +
                  (capacity.workers == 1 ? " worker" : " workers"));
    return capacity;
}

std::string naive_rule_words() {
    return "The rule of the guides, available memory / average RSS, is wrong in both directions: "
           "what is available leaves out what these workers already hold, so that it gives the "
           "number to add and not the total; and RSS counts shared pages once per worker, but an "
           "idle worker at a twentieth of what a request needs.";
}

}  // namespace gatemend::diagnosis
