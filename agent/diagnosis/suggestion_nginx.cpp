// SPDX-License-Identifier: MIT
// How long nginx waits for a backend, how large a header it takes, how many files it may open.
#include "core/bytes.hpp"
#include "core/config_value.hpp"
#include "diagnosis/case_file.hpp"
#include "diagnosis/pool_capacity.hpp"
#include "diagnosis/suggestions.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace gatemend::diagnosis {
namespace {

constexpr std::uint64_t kKibibyte = 1024;
constexpr std::uint64_t kSecond = 1000;

// scgi and grpc have such directives as well, which nobody has asked for yet.
bool is_covered(const core::Backend& backend) {
    const std::string prefix = directive_prefix(backend);
    return !backend.address.empty() &&
           (prefix == "fastcgi" || prefix == "proxy" || prefix == "uwsgi");
}

Suggestion not_covered(core::Cause cause, const core::Backend& backend) {
    return nothing(cause, directive_prefix(backend) + "_* settings are changed by hand");
}

std::string seconds(std::uint64_t milliseconds) {
    return std::to_string(milliseconds / kSecond) + "s";
}

// The next step; and FPM must give up before nginx does, else nobody hears what it has to say.
std::uint64_t next_timeout(std::uint64_t now, std::uint64_t terminate) {
    constexpr std::array<std::uint64_t, 4> kSteps{
        30 * kSecond, 60 * kSecond, 120 * kSecond, 300 * kSecond};
    constexpr std::uint64_t kLonger = 5 * kSecond;
    const auto* step = std::upper_bound(kSteps.begin(), kSteps.end(), now);
    if (step == kSteps.end()) {
        return 0;
    }
    // Longer than FPM lets a request run it need not be, shorter it must not.
    const std::uint64_t above = (terminate + kLonger + kSecond - 1) / kSecond * kSecond;
    const bool is_below = terminate > 0 && *step <= terminate;
    return is_below && above <= kSteps.back() + kLonger ? above : is_below ? 0 : *step;
}

// A value in the place of one that nobody knows could be a lower one.
Suggestion not_known(core::Cause cause, const std::string& name) {
    return nothing(cause, "what " + name + " is now is not known");
}

Suggestion read_timeout(const Findings& findings) {
    const core::Backend& backend = findings.backend;
    const std::string name = directive_prefix(backend) + "_read_timeout";
    const auto known = core::config_milliseconds(backend.read_timeout.value);
    if (!known) {
        return not_known(core::Cause::kSlowBackend, name);
    }
    const std::uint64_t now = *known;
    const std::uint64_t terminate =
        core::config_milliseconds(backend.fpm.terminate_timeout.value).value_or(0);
    const std::uint64_t wanted = next_timeout(now, terminate);

    if (wanted == 0) {
        return nothing(core::Cause::kSlowBackend,
                       name + " is " + backend.read_timeout.value + " already" +
                           (terminate > 0 ? ", and request_terminate_timeout " + seconds(terminate)
                                          : std::string{}) +
                           ": work that takes longer belongs into a queue");
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kSlowBackend;
    suggestion.merit = Merit::kBandAid;
    suggestion.backend = backend.address;
    suggestion.settings = {{name, seconds(wanted), backend.read_timeout}};
    suggestion.arithmetic = {config_words(name, backend.read_timeout),
                             "the next step: " + seconds(wanted)};
    if (!backend.pool.empty()) {
        suggestion.arithmetic.push_back(
            terminate == 0
                ? "request_terminate_timeout is off: a request that nginx has given up goes on"
                : "request_terminate_timeout is " + seconds(terminate) +
                      ", less than that: FPM gives up before nginx does");
    }
    suggestion.arithmetic.emplace_back(
        "what stands in front (a CDN, a load balancer, the visitor) has to wait as long; that is "
        "not known here, and 60 s are usual");
    suggestion.text = "Raise " + name + " for " + backend.address + " from " +
                      backend.read_timeout.value + " to " + seconds(wanted) +
                      " as a stopgap: visitors wait longer instead of getting a 504.";
    suggestion.next = "Which requests are slow: the slowlog, the database's slow-query log.";
    return suggestion;
}

// --- header ---

struct Buffers {
    std::uint64_t first = 0;  // *_buffer_size: the whole header must fit
    std::uint64_t count = 0;  // *_buffers
    std::uint64_t each = 0;
    std::uint64_t busy = 0;
};

// nullopt: not known
std::optional<Buffers> buffers_now(const core::Backend& backend) {
    const std::string& both = backend.buffers.value;
    const std::size_t blank = std::min(both.find(' '), both.size());
    const auto first = core::config_bytes(backend.buffer_size.value);
    const auto count = core::config_number(both.substr(0, blank));
    const auto each = core::config_bytes(blank < both.size() ? both.substr(blank + 1) : "");
    if (!first || !count || !each) {
        return std::nullopt;
    }
    return Buffers{
        *first, *count, *each, core::config_bytes(backend.busy_buffers_size.value).value_or(0)};
}

// nginx refuses: busy < max(first, one buffer), and busy > all buffers less one.
Buffers buffers_for(std::uint64_t first, const Buffers& now) {
    constexpr std::uint64_t kFewest = 8;
    constexpr std::uint64_t kMost = 1024;
    Buffers wanted;
    wanted.first = first;
    wanted.count = std::clamp(now.count, kFewest, kMost);
    wanted.each = std::max(first, now.each);
    wanted.busy = std::clamp(now.busy, 2 * wanted.each, (wanted.count - 1) * wanted.each);
    return wanted;
}

// The next power of two; nginx's message does not say how large the header was.
std::uint64_t next_size(std::uint64_t now) {
    constexpr std::uint64_t kLeast = 16 * kKibibyte;
    constexpr std::uint64_t kMost = 64 * kKibibyte;
    std::uint64_t size = kLeast;
    while (size <= now && size <= kMost) {
        size *= 2;
    }
    return size <= kMost ? size : 0;
}

// May every connection that nginx takes need so much at once?
struct MemoryCheck {
    bool fits = false;
    std::string problem{};
    std::vector<std::string> arithmetic{};
};

// A request to a backend takes two of its worker's connections.
std::uint64_t requests_at_once(const Findings& findings) {
    constexpr std::uint64_t kDefaultConnections = 512;
    const core::NginxLimits& limits = findings.nginx_limits;
    const std::uint64_t cpus = std::max(findings.inspection->load->cpus, 1U);
    const std::string& processes = limits.worker_processes.value;
    const std::uint64_t count = processes.empty() || processes == "auto"
                                    ? cpus
                                    : core::config_number(processes).value_or(cpus);
    const std::uint64_t connections =
        core::config_number(limits.worker_connections.value).value_or(kDefaultConnections);
    return std::max<std::uint64_t>(saturating_product(count, connections) / 2, 1);
}

MemoryCheck check_memory(const Findings& findings, std::uint64_t each) {
    constexpr std::uint64_t kReserveShare = 10;
    const auto& look = findings.inspection;
    if (!look || !look->load || look->load->memory_bytes == 0 ||
        look->load->memory_available_bytes == 0) {
        return {.problem = "this machine's memory could not be read"};
    }
    const std::uint64_t reserve = look->load->memory_bytes / kReserveShare;
    const std::uint64_t available = look->load->memory_available_bytes;
    std::uint64_t room = saturating_difference(available, reserve);
    const std::uint64_t requests = requests_at_once(findings);
    const std::uint64_t all = saturating_product(requests, each);
    MemoryCheck check;
    check.arithmetic = {
        "at worst " + std::to_string(requests) + " requests at once (half of all connections) x " +
            core::format_bytes(each) + " = " + core::format_bytes(all),
        "machine: " + core::format_bytes(available) + " available - " +
            core::format_bytes(reserve) + " kept in reserve = " + core::format_bytes(room)};
    // Absent where the kernel or the container has no memory controller.
    if (look->nginx_use && look->nginx_use->memory_limit_bytes > 0) {
        const std::uint64_t limit = look->nginx_use->memory_limit_bytes;
        const std::uint64_t left = saturating_difference(limit, look->nginx_use->memory_bytes);
        check.arithmetic.push_back("nginx's control group, limit " + core::format_bytes(limit) +
                                   ": " + core::format_bytes(left) + " left");
        room = std::min(room, left);
    }
    check.fits = all <= room;
    check.problem = check.fits ? ""
                               : core::format_bytes(all) + " at worst, " +
                                     core::format_bytes(room) + " there are";
    return check;
}

Suggestion buffers(const Findings& findings) {
    const core::Backend& backend = findings.backend;
    const std::string prefix = directive_prefix(backend);
    const auto known = buffers_now(backend);
    if (!known) {
        return not_known(core::Cause::kHeaderTooBig, prefix + "_buffer_size");
    }
    const Buffers now = *known;
    const std::uint64_t first = next_size(now.first);
    constexpr std::uint64_t kLargestBuffer = kKibibyte * kKibibyte;
    constexpr std::uint64_t kLargestOfAll = 64 * kMebibyte;
    const Buffers wanted = buffers_for(first, now);
    if (first == 0 || now.each > kLargestBuffer ||
        saturating_product(wanted.count, wanted.each) > kLargestOfAll) {
        return nothing(core::Cause::kHeaderTooBig,
                       prefix + "_buffer_size is " + core::format_bytes(now.first) +
                           " already: no header should be larger; look at the cookies");
    }
    const std::uint64_t each = saturating_product(wanted.count, wanted.each) + wanted.first;
    MemoryCheck memory = check_memory(findings, each);
    if (!memory.fits) {
        Suggestion none =
            nothing(core::Cause::kHeaderTooBig,
                    "larger buffers do not fit (" + memory.problem + "): look at the cookies");
        none.arithmetic = std::move(memory.arithmetic);
        return none;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kHeaderTooBig;
    suggestion.backend = backend.address;
    suggestion.settings = {
        {prefix + "_buffer_size", core::config_size(wanted.first), backend.buffer_size},
        {prefix + "_buffers",
         std::to_string(wanted.count) + " " + core::config_size(wanted.each),
         backend.buffers},
        {prefix + "_busy_buffers_size", core::config_size(wanted.busy), backend.busy_buffers_size}};
    suggestion.arithmetic = {
        config_words(prefix + "_buffer_size", backend.buffer_size) +
            "; the whole header must fit, and nginx does not log how large it was",
        "the next power of two from 16k on: " + core::config_size(wanted.first),
        "nginx's own rule, max(buffer_size, one buffer) <= busy <= all buffers less one: " +
            core::config_size(wanted.each) + " <= " + core::config_size(wanted.busy) +
            " <= " + core::config_size((wanted.count - 1) * wanted.each),
        "at most " + core::format_bytes(each) + " per request"};
    suggestion.arithmetic.insert(
        suggestion.arithmetic.end(), memory.arithmetic.begin(), memory.arithmetic.end());
    suggestion.text = "Raise " + prefix + "_buffer_size for " + backend.address + " to " +
                      core::config_size(wanted.first) + ", and the other buffers with it.";
    suggestion.next =
        "How large the header is (`curl -sI` against the backend) and what fills it: "
        "cookies that only ever grow come back with the next size.";
    return suggestion;
}

// --- files and connections ---

constexpr std::uint64_t kMostFiles = 1'000'000;  // and never more than fs.nr_open
constexpr std::uint64_t kOwnFiles = 128;         // logs, listening sockets, channels

std::uint64_t files_for(std::uint64_t connections) {
    return 2 * connections + kOwnFiles;
}

// 0: not known
struct FileLimits {
    std::uint64_t connections = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

FileLimits file_limits(const Findings& findings) {
    FileLimits limits;
    limits.connections =
        core::config_number(findings.nginx_limits.worker_connections.value).value_or(0);
    std::uint64_t lowest = 0;
    if (findings.inspection) {
        for (const core::Worker& worker : findings.inspection->workers) {
            if (worker.is_nginx && worker.open_files_limit > 0) {
                lowest = lowest == 0 ? worker.open_files_limit
                                     : std::min<std::uint64_t>(lowest, worker.open_files_limit);
                limits.hard = std::max<std::uint64_t>(limits.hard, worker.open_files_hard_limit);
            }
        }
    }
    limits.soft =
        core::config_number(findings.nginx_limits.worker_rlimit_nofile.value).value_or(lowest);
    return limits;
}

// Why a process of this machine cannot have so many; "": it can.
std::string why_too_many(const Findings& findings, std::uint64_t files, std::uint64_t now) {
    const auto& look = findings.inspection;
    if (!look || !look->load) {
        return files > kMostFiles ? "more than " + std::to_string(kMostFiles) : "";
    }
    const core::MachineLoad& load = *look->load;
    if (load.open_files_most > 0 && files > load.open_files_most) {
        return "the kernel allows a process " + std::to_string(load.open_files_most) +
               " (fs.nr_open)";
    }
    const auto counted = std::ranges::count_if(
        look->workers, [](const core::Worker& item) { return item.is_nginx; });
    const std::uint64_t workers = std::max<std::uint64_t>(static_cast<std::uint64_t>(counted), 1);
    const std::uint64_t more = saturating_product(files - std::min(files, now), workers);
    if (load.open_files_left > 0 && more > load.open_files_left) {
        return "the machine may open " + std::to_string(load.open_files_left) +
               " files more in all (fs.file-max), " + std::to_string(workers) +
               " workers together " + std::to_string(more);
    }
    return "";
}

Suggestion more_files(const Findings& findings, const FileLimits& limits, std::uint64_t files) {
    if (const std::string why = why_too_many(findings, files, limits.soft); !why.empty()) {
        Suggestion none = nothing(core::Cause::kNginxFdLimit,
                                  std::to_string(files) + " open files are needed, and " + why +
                                      ": find out what keeps them open");
        none.arithmetic = {"the limit is " + std::to_string(limits.soft) + " now"};
        return none;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kNginxFdLimit;
    const core::ConfigLine& line = findings.nginx_limits.worker_rlimit_nofile;
    suggestion.settings = {
        {"worker_rlimit_nofile",
         std::to_string(files),
         line.value.empty() ? core::ConfigLine{std::to_string(limits.soft), ""} : line}};
    suggestion.arithmetic = {
        "worker_connections is " + std::to_string(limits.connections) +
            "; a connection to a visitor may need another to a backend",
        "2 x " + std::to_string(limits.connections) + " + " + std::to_string(kOwnFiles) +
            " (logs, sockets) = " + std::to_string(files_for(limits.connections)) +
            " files per worker are needed",
        "the limit is " + std::to_string(limits.soft) + " now",
        "worker_rlimit_nofile = " + std::to_string(files)};
    suggestion.text = "Raise worker_rlimit_nofile to " + std::to_string(files) +
                      ": at least twice worker_connections.";
    suggestion.next = "How many connections there really are: stub_status, `ss -s`.";
    return suggestion;
}

Suggestion more_connections(const Findings& findings, const FileLimits& limits) {
    constexpr std::uint64_t kLeast = 1024;
    constexpr std::uint64_t kMost = 16384;
    const std::uint64_t wanted = std::max(2 * limits.connections, kLeast);
    if (wanted > kMost) {
        return nothing(core::Cause::kNginxFdLimit,
                       "worker_connections is " + std::to_string(limits.connections) +
                           " already: slow backends or an attack keep that many open");
    }
    if (limits.soft < files_for(wanted)) {
        Suggestion files =
            more_files(findings, {wanted, limits.soft, limits.hard}, files_for(wanted));
        files.text = "First raise worker_rlimit_nofile to " + std::to_string(files_for(wanted)) +
                     ", for the " + std::to_string(wanted) +
                     " worker_connections that are to come.";
        return files;
    }
    constexpr std::uint64_t kPerConnection = std::uint64_t{32} * kKibibyte;  // buffers of its own
    MemoryCheck memory = check_memory(
        findings, wanted / std::max<std::uint64_t>(limits.connections, 1) * 2 * kPerConnection);
    if (!memory.fits) {
        Suggestion none = nothing(core::Cause::kNginxFdLimit,
                                  "more worker_connections do not fit (" + memory.problem + ")");
        none.arithmetic = std::move(memory.arithmetic);
        return none;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kNginxFdLimit;
    suggestion.settings = {
        {"worker_connections", std::to_string(wanted), findings.nginx_limits.worker_connections}};
    suggestion.arithmetic = {"worker_connections is " + std::to_string(limits.connections) +
                                 ", all used; twice that: " + std::to_string(wanted),
                             "2 x " + std::to_string(wanted) + " + " + std::to_string(kOwnFiles) +
                                 " = " + std::to_string(files_for(wanted)) +
                                 " files per worker, the limit is " + std::to_string(limits.soft)};
    suggestion.arithmetic.insert(
        suggestion.arithmetic.end(), memory.arithmetic.begin(), memory.arithmetic.end());
    suggestion.text = "Raise worker_connections to " + std::to_string(wanted) + ".";
    suggestion.next = "Who holds the connections: stub_status, `ss -tn state established`.";
    return suggestion;
}

// nginx's master lifts the hard limit by itself unless its unit has taken that right from it.
std::optional<Suggestion> larger_unit_limit(const Findings& findings,
                                            const FileLimits& limits,
                                            std::uint64_t files) {
    if (findings.role != core::ServiceRole::kNginx || limits.hard == 0 || limits.hard >= files) {
        return std::nullopt;
    }
    Suggestion suggestion;
    suggestion.cause = core::Cause::kNginxFdLimit;
    suggestion.settings = {
        {"LimitNOFILE", std::to_string(files), core::ConfigLine{std::to_string(limits.hard), ""}}};
    suggestion.arithmetic = {"the hard limit of " + findings.unit_name + " is " +
                             std::to_string(limits.hard) + ", " + std::to_string(files) +
                             " are wanted"};
    suggestion.text =
        "Where the master may not lift its own limit (CAP_SYS_RESOURCE), raise "
        "LimitNOFILE= of " +
        findings.unit_name + " as well; that needs a restart.";
    return suggestion;
}

}  // namespace

std::vector<Suggestion> suggest_read_timeout(const Findings& findings) {
    std::vector<Suggestion> all;
    all.push_back(is_covered(findings.backend)
                      ? read_timeout(findings)
                      : not_covered(core::Cause::kSlowBackend, findings.backend));
    all.push_back(suggest_slowlog(findings));
    return all;
}

std::vector<Suggestion> suggest_buffers(const Findings& findings) {
    return {is_covered(findings.backend)
                ? buffers(findings)
                : not_covered(core::Cause::kHeaderTooBig, findings.backend)};
}

std::vector<Suggestion> suggest_nginx_limits(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kNginxLimit});
    const bool is_files = sighting != nullptr && sighting->error_number != 0;
    const FileLimits limits = file_limits(findings);
    if (limits.connections == 0) {
        return {not_known(core::Cause::kNginxFdLimit, "worker_connections")};
    }
    if (limits.soft == 0) {
        return {not_known(core::Cause::kNginxFdLimit, "the limit of open files")};
    }
    const std::uint64_t files =
        std::max(files_for(limits.connections), std::max<std::uint64_t>(2 * limits.soft, 1024));
    if (is_files && files > kMostFiles) {
        return {nothing(core::Cause::kNginxFdLimit,
                        "nginx may open " + std::to_string(limits.soft) +
                            " files already: something keeps them open")};
    }
    std::vector<Suggestion> all{is_files ? more_files(findings, limits, files)
                                         : more_connections(findings, limits)};
    const std::uint64_t wanted =
        all.front().settings.empty()
            ? 0
            : core::config_number(all.front().settings[0].value).value_or(0);
    const bool is_raised = wanted > 0 && all.front().settings[0].name == "worker_rlimit_nofile";
    if (auto unit = larger_unit_limit(findings, limits, is_raised ? wanted : 0)) {
        all.push_back(*std::move(unit));
    }
    return all;
}

}  // namespace gatemend::diagnosis
