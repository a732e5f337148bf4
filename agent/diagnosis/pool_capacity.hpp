// SPDX-License-Identifier: MIT
// How many workers of one FPM pool fit into this machine's memory: the peak of one worker against
// what is available and what the pool holds already. Called by suggestion_pool.cpp. Pure; every
// step leaves a line for people.
#pragma once

#include "diagnosis/diagnosis.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::diagnosis {

inline constexpr std::uint64_t kMebibyte = std::uint64_t{1024} * 1024;

// The workers of one pool, as the look at the machine found them.
struct PoolMeasure {
    std::uint64_t workers = 0;
    std::uint64_t warm = 0;          // have served requests: an idle one is a twentieth of its peak
    std::uint64_t held_bytes = 0;    // private memory of all, now
    std::uint64_t shared_bytes = 0;  // the most that one of them shares with others
    std::uint64_t median_bytes = 0;  // of the warm ones' peak of private memory
    std::uint64_t p95_bytes = 0;
    std::uint64_t largest_bytes = 0;
};

[[nodiscard]] PoolMeasure measure_pool(const core::Inspection& inspection, const std::string& pool);

struct Capacity {
    std::uint64_t each_bytes = 0;
    std::uint64_t budget_bytes = 0;
    std::uint64_t workers = 0;
    std::vector<std::string> arithmetic;
    // Not empty: there is no answer, because this is not known.
    std::string missing;
};

// `bound_bytes`: what a request may take by configuration; 0: the measure alone counts.
[[nodiscard]] Capacity capacity_of(const Findings& findings, std::uint64_t bound_bytes);

// The largest number there is where it would be more.
[[nodiscard]] std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b);
// Zero where it would be less.
[[nodiscard]] std::uint64_t saturating_difference(std::uint64_t from, std::uint64_t what);

// Why "available memory / average RSS" is no way to do this.
[[nodiscard]] std::string naive_rule_words();

}  // namespace gatemend::diagnosis
