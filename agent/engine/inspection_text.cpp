// SPDX-License-Identifier: MIT
#include "engine/inspection_text.hpp"

#include "core/text.hpp"
#include "engine/tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gatemend::engine {

namespace {

using core::Inspection;

constexpr std::uint64_t kDiskBytes = 1'000'000'000;
constexpr std::uint64_t kDiskInodes = 100'000;
constexpr std::uint32_t kAllOfTheTime = 950;

bool read_number(std::string_view digits, std::uint32_t& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size();
}

bool read_queue(std::string_view word, core::Listener& listener) {
    const std::size_t slash = word.find('/');
    return word.starts_with("queue=") && slash != std::string_view::npos &&
           read_number(word.substr(6, slash - 6), listener.queue) &&
           read_number(word.substr(slash + 1), listener.backlog);
}

bool read_listener(Tokens& tokens, Inspection& inspection) {
    core::Listener listener;
    listener.address = tokens.next().value_or("");
    listener.command = tokens.next().value_or("");
    listener.unit = tokens.next().value_or("");
    if (listener.unit.empty()) {
        return false;
    }
    listener.unit = listener.unit == "-" ? "" : listener.unit;
    listener.pid = 1;
    listener.is_main = !listener.unit.empty();
    listener.connections = 0;
    constexpr std::string_view kTaken = "taken=";
    constexpr std::string_view kServed = "served=";
    while (const auto word = tokens.next()) {
        if (*word == "deleted") {
            listener.is_reachable = false;
        } else if (*word == "unseen") {
            listener.is_reachable = false;
            listener.is_in_own_view = true;
        } else if (*word == "inside") {
            listener.is_main = false;
        } else if (*word == "closed") {
            listener.is_open = false;
        } else if (word->starts_with(kTaken)) {
            listener.is_reachable = false;
            listener.taken_by = word->substr(kTaken.size());
        } else if (word->starts_with(kServed)) {
            std::uint32_t served = 0;
            if (!read_number(word->substr(kServed.size()), served)) {
                return false;
            }
            listener.connections = served;
        } else if (!read_queue(*word, listener)) {
            return false;
        }
    }
    if (!inspection.listeners) {
        inspection.listeners.emplace();
    }
    inspection.listeners->push_back(std::move(listener));
    return true;
}

bool read_step(Tokens& tokens, Inspection& inspection) {
    core::PathStep step;
    step.path = tokens.next().value_or("");
    const auto kind = core::step_kind_from_id(tokens.next().value_or(""));
    const std::string_view word = tokens.next().value_or("");
    if (!kind || (!word.empty() && word != "closed")) {
        return false;
    }
    step.kind = *kind;
    step.is_open = word.empty();
    inspection.path.push_back(std::move(step));
    return true;
}

bool read_disk(Tokens& tokens, Inspection& inspection) {
    core::FileSystem disk;
    disk.path = tokens.next().value_or("");
    const std::string_view word = tokens.next().value_or("");
    const auto number = tokens.next();
    std::uint32_t device = 0;
    if ((word != "full" && word != "inodes" && word != "free") ||
        (number && !read_number(*number, device))) {
        return false;
    }
    disk.device = device;
    if (std::ranges::find(core::kJournalRoots, disk.path) != core::kJournalRoots.end()) {
        disk.journal_bytes = kDiskBytes / 2;
    }
    disk.bytes = kDiskBytes;
    disk.bytes_free = word == "full" ? 0 : kDiskBytes / 2;
    disk.inodes = kDiskInodes;
    disk.inodes_free = word == "inodes" ? 0 : kDiskInodes / 2;
    inspection.file_systems.push_back(std::move(disk));
    return true;
}

bool apply_worker_word(core::Worker& worker, std::string_view word) {
    constexpr std::string_view kDone = "done=";
    constexpr std::string_view kPid = "pid=";
    std::uint32_t number = 0;
    if (word == "traced") {
        worker.is_traced = true;
    } else if (word == "background") {
        worker.connections = 0;
    } else if (word.starts_with(kDone) && read_number(word.substr(kDone.size()), number)) {
        worker.done = number;
    } else if (word.starts_with(kPid) && read_number(word.substr(kPid.size()), number)) {
        worker.pid = number;
    } else {
        return false;
    }
    return true;
}

// Numbered one after the other, unless one is said.
bool read_worker(Tokens& tokens, Inspection& inspection) {
    const std::string_view state = tokens.next().value_or("");
    std::uint32_t count = 1;
    core::Worker worker;
    worker.pid = static_cast<std::uint32_t>(inspection.workers.size()) + 1;
    worker.command = "worker";
    worker.pool = "www";
    worker.is_accepting = false;
    worker.connections = 1;
    if (state.size() != 1) {
        return false;
    }
    worker.state = state.front();
    while (const auto word = tokens.next()) {
        if (!read_number(*word, count) && !apply_worker_word(worker, *word)) {
            return false;
        }
    }
    if (count > core::kMaxWorkers) {
        return false;
    }
    for (; count > 0; --count, ++worker.pid) {
        inspection.workers.push_back(worker);
    }
    return true;
}

bool read_nobody(Tokens& /*tokens*/, Inspection& inspection) {
    inspection.listeners.emplace();
    return true;
}

bool read_oom(Tokens& tokens, Inspection& inspection) {
    std::uint32_t count = 0;
    if (!read_number(tokens.next().value_or(""), count)) {
        return false;
    }
    inspection.use.emplace().oom_kills = count;
    return true;
}

bool read_busy(Tokens& /*tokens*/, Inspection& inspection) {
    core::MachineLoad load;
    load.cpus = 1;
    load.cpu_some10_permille = kAllOfTheTime;
    inspection.load = load;
    return true;
}

struct Thing {
    std::string_view word;
    bool (*read)(Tokens&, Inspection&);
};

constexpr std::array<Thing, 7> kThings{{
    {"listener", read_listener},
    {"step", read_step},
    {"disk", read_disk},
    {"worker", read_worker},
    {"nobody", read_nobody},
    {"oom", read_oom},
    {"busy", read_busy},
}};

bool read_thing(std::string_view text, Inspection& inspection) {
    Tokens tokens{text};
    const std::string_view word = tokens.next().value_or("");
    const auto thing = std::find_if(
        kThings.begin(), kThings.end(), [word](const Thing& item) { return item.word == word; });
    return thing != kThings.end() && thing->read(tokens, inspection);
}

}  // namespace

core::Result<std::optional<Inspection>> parse_inspection_text(std::string_view text) {
    constexpr std::string_view kSeparator = " ; ";
    if (text == "none") {
        return std::optional<Inspection>{};
    }
    Inspection inspection;
    while (!text.empty()) {
        const std::size_t end = text.find(kSeparator);
        const std::string_view thing = text.substr(0, end);
        if (!read_thing(thing, inspection)) {
            return core::Error{"'" + core::sanitize(thing) +
                               "' is none of listener, nobody, step, disk, worker, oom and busy"};
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + kSeparator.size());
    }
    return std::optional{std::move(inspection)};
}

}  // namespace gatemend::engine
