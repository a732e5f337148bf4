// SPDX-License-Identifier: MIT
// What PHP lets one request take, and the log that says which requests are slow.
#include "core/bytes.hpp"
#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"
#include "diagnosis/pool_capacity.hpp"
#include "diagnosis/suggestions.hpp"

#include <algorithm>
#include <array>

namespace gatemend::diagnosis {
namespace {

// Nothing that a record says becomes a value by itself: it only picks a step of these.
constexpr std::array<std::uint64_t, 4> kMemorySteps{
    128 * kMebibyte, 256 * kMebibyte, 512 * kMebibyte, 1024 * kMebibyte};
constexpr std::array<std::uint64_t, 4> kSecondSteps{30, 60, 120, 300};
constexpr std::uint64_t kDefaultMemory = 128 * kMebibyte;
constexpr std::uint64_t kDefaultSeconds = 30;

// 0: the ladder ends.
template <std::size_t kSize>
std::uint64_t step_above(const std::array<std::uint64_t, kSize>& steps, std::uint64_t now) {
    const auto* step = std::upper_bound(steps.begin(), steps.end(), now);
    return step == steps.end() ? 0 : *step;
}

// The pool's own line; where php.ini decides, what PHP said; else the default.
std::uint64_t limit_now(std::optional<std::uint64_t> configured,
                        const Sighting& sighting,
                        std::uint64_t otherwise) {
    if (configured && *configured > 0) {
        return *configured;
    }
    return sighting.is_trusted && sighting.number > 0 ? static_cast<std::uint64_t>(sighting.number)
                                                      : otherwise;
}

std::string place_words(const Sighting& sighting) {
    return sighting.subject.shown().in_sentence(" (", ")");
}

// Do all workers fit at once, each at its limit? What they would take, and against what.
struct WorstCase {
    bool fits = false;
    std::string problem{};  // where it does not, or cannot be told
    std::vector<std::string> arithmetic{};
};

WorstCase worst_case(const Findings& findings, std::uint64_t each) {
    const auto children = core::config_number(findings.backend.fpm.max_children.value);
    Capacity capacity = capacity_of(findings, each);
    if (!capacity.missing.empty() || !children || *children == 0) {
        return {.problem = capacity.missing.empty() ? "pm.max_children of the pool is not known"
                                                    : capacity.missing};
    }
    WorstCase worst{.fits = capacity.workers >= *children,
                    .arithmetic = std::move(capacity.arithmetic)};
    const std::string all = std::to_string(*children) + " workers x " + core::format_bytes(each) +
                            " = " + core::format_bytes(saturating_product(*children, each));
    worst.arithmetic.push_back("at worst " + all);
    if (!worst.fits) {
        worst.problem = all + " do not fit into the " + core::format_bytes(capacity.budget_bytes) +
                        " that there is for them";
    }
    return worst;
}

// A line that could be forged says that the limit is this much already: then what it is now is not
// known, and the next step could be one down.
bool is_doubtful(const core::ConfigLine& line, const Sighting& sighting, std::uint64_t wanted) {
    return line.value.empty() && !sighting.is_trusted && sighting.number > 0 &&
           static_cast<std::uint64_t>(sighting.number) >= wanted;
}

Suggestion memory_limit(const Findings& findings, const Sighting& sighting) {
    const core::ConfigLine& line = findings.backend.fpm.memory_limit;
    const std::uint64_t now = limit_now(core::config_bytes(line.value), sighting, kDefaultMemory);
    const std::uint64_t wanted = step_above(kMemorySteps, now);
    if (wanted == 0) {
        return nothing(core::Cause::kScriptFatal,
                       "memory_limit is " + core::format_bytes(now) +
                           " already: repair the script" + place_words(sighting));
    }
    if (is_doubtful(line, sighting, wanted)) {
        return nothing(core::Cause::kScriptFatal,
                       "what memory_limit is now is not known (php.ini): repair the script" +
                           place_words(sighting));
    }
    WorstCase worst = worst_case(findings, wanted);
    if (worst.arithmetic.empty()) {
        return nothing(core::Cause::kScriptFatal,
                       "how much memory_limit fits is not known: " + worst.problem);
    }
    worst.arithmetic.insert(
        worst.arithmetic.begin(),
        {"memory_limit is " + core::format_bytes(now) +
             (line.value.empty() ? " (php.ini or PHP's default)" : " (" + line.where + ")"),
         "the next step: " + core::format_bytes(wanted)});
    if (!worst.fits) {
        Suggestion none =
            nothing(core::Cause::kScriptFatal,
                    "a larger memory_limit does not fit this machine (" + worst.problem +
                        "): repair the script" + place_words(sighting));
        none.arithmetic = std::move(worst.arithmetic);
        return none;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kScriptFatal;
    suggestion.merit = Merit::kBandAid;
    suggestion.pool = findings.backend.pool;
    suggestion.settings = {{"php_admin_value[memory_limit]", core::config_size(wanted), line}};
    suggestion.arithmetic = std::move(worst.arithmetic);
    suggestion.text = "Raise memory_limit of pool " + findings.backend.pool + " to " +
                      core::config_size(wanted) + " if the script needs it" +
                      place_words(sighting) + "; otherwise repair the script.";
    suggestion.next =
        "What the script loads at once: memory_get_peak_usage(), pages of rows "
        "instead of all of them.";
    return suggestion;
}

// Somebody else would end the request first. "": nobody that is known of.
std::string why_too_long(const core::Backend& backend, std::uint64_t seconds) {
    constexpr std::uint64_t kSecond = 1000;
    const std::string next = std::to_string(seconds) + " s of max_execution_time";
    const auto terminate = core::config_milliseconds(backend.fpm.terminate_timeout.value);
    if (terminate && *terminate > 0 && *terminate <= seconds * kSecond) {
        return next + " do not help: request_terminate_timeout is " +
               backend.fpm.terminate_timeout.value;
    }
    const auto patience = core::config_milliseconds(backend.read_timeout.value);
    if (patience && *patience < seconds * kSecond) {
        return next + " do not help: nginx waits " + backend.read_timeout.value;
    }
    return "";
}

Suggestion execution_time(const Findings& findings, const Sighting& sighting) {
    const core::ConfigLine& line = findings.backend.fpm.max_execution_time;
    const std::uint64_t now = limit_now(core::config_number(line.value), sighting, kDefaultSeconds);
    const std::uint64_t wanted = step_above(kSecondSteps, now);
    if (wanted == 0) {
        return nothing(core::Cause::kScriptFatal,
                       "max_execution_time is " + std::to_string(now) +
                           " s already: such work belongs into a queue" + place_words(sighting));
    }
    if (std::string why = why_too_long(findings.backend, wanted);
        !why.empty() || is_doubtful(line, sighting, wanted)) {
        why = why.empty() ? "what max_execution_time is now is not known (php.ini)" : why;
        Suggestion none = nothing(core::Cause::kScriptFatal,
                                  why + ": such work belongs into a queue" + place_words(sighting));
        none.arithmetic = {"the next step above " + std::to_string(now) +
                           " s: " + std::to_string(wanted) + " s"};
        return none;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kScriptFatal;
    suggestion.merit = Merit::kBandAid;
    suggestion.pool = findings.backend.pool;
    suggestion.settings = {{"php_admin_value[max_execution_time]", std::to_string(wanted), line}};
    const std::string nginx = config_words(directive_prefix(findings.backend) + "_read_timeout",
                                           findings.backend.read_timeout);
    suggestion.arithmetic = {
        "max_execution_time is " + std::to_string(now) + " s" +
            (line.value.empty() ? " (php.ini or PHP's default)" : " (" + line.where + ")"),
        "the next step: " + std::to_string(wanted) +
            " s; it counts the script's own work, not what it waits for"};
    if (!nginx.empty()) {
        suggestion.arithmetic.push_back(nginx + ": nginx must wait longer than the script may run");
    }
    suggestion.text = "Raise max_execution_time of pool " + findings.backend.pool + " to " +
                      std::to_string(wanted) + " s" + place_words(sighting) + " as a stopgap.";
    suggestion.next = "What takes so long: the slowlog.";
    return suggestion;
}

}  // namespace

std::vector<Suggestion> suggest_php_limits(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kScriptFatal});
    if (sighting == nullptr || findings.role != core::ServiceRole::kPhpFpm) {
        return {};
    }
    const bool is_memory = sighting->clue == core::Clue::kMemoryLimit;
    const bool is_time = sighting->clue == core::Clue::kExecutionTime;
    if (!is_memory && !is_time) {
        return {nothing(core::Cause::kScriptFatal,
                        "no setting helps: the script itself fails" + place_words(*sighting))};
    }
    if (findings.backend.pool.empty()) {
        return {nothing(core::Cause::kScriptFatal,
                        "which pool serves " + findings.backend.address + " is not known")};
    }
    return {is_memory ? memory_limit(findings, *sighting) : execution_time(findings, *sighting)};
}

Suggestion suggest_slowlog(const Findings& findings) {
    constexpr std::uint64_t kSlowMilliseconds = 5000;
    constexpr std::uint64_t kSecond = 1000;
    constexpr const char* kSlowlog = "/var/log/php-fpm-slow.log";
    const core::PoolSettings& pool = findings.backend.fpm;
    if (findings.backend.pool.empty()) {
        return nothing(core::Cause::kSlowBackend,
                       "the backend's own slow log is for its owner to open");
    }
    const std::uint64_t now = core::config_milliseconds(pool.slowlog_timeout.value).value_or(0);
    if (now > 0 && !pool.slowlog.value.empty()) {
        return nothing(core::Cause::kSlowBackend,
                       "the slowlog is open already: " + pool.slowlog.value + " names the scripts");
    }
    const std::uint64_t ends = core::config_milliseconds(pool.terminate_timeout.value).value_or(0);
    const std::uint64_t wanted =
        ends >= kSecond ? std::min(kSlowMilliseconds, ends) : kSlowMilliseconds;
    Suggestion suggestion;
    suggestion.cause = core::Cause::kSlowBackend;
    suggestion.pool = findings.backend.pool;
    suggestion.settings = {
        {"request_slowlog_timeout", std::to_string(wanted / kSecond) + "s", pool.slowlog_timeout}};
    if (pool.slowlog.value.empty()) {
        suggestion.settings.push_back({"slowlog", kSlowlog, pool.slowlog});
    }
    suggestion.arithmetic = {
        "request_slowlog_timeout must not be longer than request_terminate_timeout, which is " +
        (ends == 0 ? std::string{"off"} : pool.terminate_timeout.value)};
    suggestion.text = "Open the slowlog of pool " + findings.backend.pool +
                      ": it writes down where every request stands that takes longer than " +
                      std::to_string(wanted / kSecond) + " s.";
    suggestion.next = "The function at the top of each trace is what is waited for.";
    return suggestion;
}

}  // namespace gatemend::diagnosis
