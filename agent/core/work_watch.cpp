// SPDX-License-Identifier: MIT
#include "core/work_watch.hpp"

#include <algorithm>

namespace gatemend::core {
namespace {

bool is_in(const std::vector<Worker>& workers, std::uint32_t pid) {
    return std::any_of(workers.begin(), workers.end(), [pid](const Worker& worker) {
        return worker.pid == pid && !worker.is_nginx;
    });
}

// PHP-FPM's master serves nobody, and wakes up every second to count its children. What a script
// has left behind may have children, too, but none that is a pool's.
bool is_fpm_master(const std::vector<Worker>& workers, const Worker& worker) {
    const bool has_children =
        std::any_of(workers.begin(), workers.end(), [&worker](const Worker& other) {
            return other.parent == worker.pid && !other.is_nginx && !other.pool.empty();
        });
    return has_children && !is_in(workers, worker.parent);
}

bool is_stopped(const Worker& worker) {
    return worker.state == 'T';
}

// Several sockets may share an address (SO_REUSEPORT).
void add_queue(std::vector<Waiting>& queues, const Listener& listener) {
    const auto known = std::find_if(queues.begin(), queues.end(), [&](const Waiting& item) {
        return item.address == listener.address;
    });
    if (known == queues.end()) {
        queues.push_back({listener.address, listener.queue, {}});
    } else {
        known->queue += listener.queue;
    }
}

std::string who(const Worker& worker) {
    return worker.command + " (pid " + std::to_string(worker.pid) + ")";
}

std::optional<Objected> find_busy(const Worker& worker) {
    if (worker.state == 'R') {
        return Objected{Objection::kWorkersAtWork, who(worker) + " is running"};
    }
    if (worker.state == 'D') {
        return Objected{Objection::kWorkersAtWork, who(worker) + " waits for a disk"};
    }
    return std::nullopt;
}

const Waiting* find_queue(const std::vector<Waiting>& queues, const std::string& address) {
    const auto found = std::find_if(
        queues.begin(), queues.end(), [&](const Waiting& item) { return item.address == address; });
    return found == queues.end() ? nullptr : &*found;
}

}  // namespace

Background background_of(const Inspection& inspection) {
    Background background;
    for (const Worker& worker : inspection.workers) {
        if (worker.is_nginx || worker.pool.empty() || worker.connections.value_or(0) > 0 ||
            worker.is_accepting.value_or(false)) {
            continue;
        }
        if (worker.is_accepting && worker.connections) {
            ++background.workers;
        } else {
            background.is_known = false;
        }
    }
    return background;
}

std::string background_words(const Background& background) {
    if (background.workers > 0) {
        return std::to_string(background.workers) +
               (background.workers == 1 ? " worker works" : " workers work") +
               " on without a visitor's connection, as after fastcgi_finish_request()";
    }
    return background.is_known
               ? std::string{}
               : "whether all its workers wait for visitors or serve some cannot be seen";
}

Stillness stillness_of(const WorkLook& look) {
    const std::vector<Worker>& workers = look.inspection.workers;
    Stillness still;
    std::size_t stopped = 0;
    std::size_t all = 0;
    for (const Worker& worker : workers) {
        if (worker.is_nginx) {
            continue;
        }
        ++all;
        stopped += is_stopped(worker) ? 1U : 0U;
        still.is_traced = still.is_traced || worker.is_traced || worker.state == 't';
        if (look.role == ServiceRole::kPhpFpm && is_fpm_master(workers, worker)) {
            continue;
        }
        still.crew.push_back({worker.pid, worker.started, worker.done});
        still.at_work = still.at_work ? still.at_work : find_busy(worker);
    }
    still.is_stopped = all > 0 && stopped == all;
    still.is_known = all > 0 && look.inspection.listeners && !look.inspection.is_listeners_cut &&
                     !look.inspection.is_workers_cut;
    if (look.inspection.listeners) {
        for (const Listener& listener : *look.inspection.listeners) {
            if (listener.unit == look.unit) {
                add_queue(still.queues, listener);
            }
        }
    }
    const auto by_pid = [](const Pulse& a, const Pulse& b) { return a.pid < b.pid; };
    std::sort(still.crew.begin(), still.crew.end(), by_pid);
    return still;
}

std::optional<Objected> find_movement(const Stillness& before, const Stillness& now) {
    const auto is_same_process = [](const Pulse& a, const Pulse& b) {
        return a.pid == b.pid && a.started == b.started;
    };
    if (!std::equal(before.crew.begin(),
                    before.crew.end(),
                    now.crew.begin(),
                    now.crew.end(),
                    is_same_process)) {
        return Objected{Objection::kWorkersAtWork, "a process of the unit came or went"};
    }
    for (std::size_t i = 0; i < now.crew.size(); ++i) {
        if (before.crew[i].done != now.crew[i].done) {
            return Objected{
                Objection::kWorkersAtWork,
                "process " + std::to_string(now.crew[i].pid) + " of the unit has worked"};
        }
    }
    for (const Waiting& queue : before.queues) {
        const Waiting* after = find_queue(now.queues, queue.address);
        if (after == nullptr || after->queue < queue.queue) {
            return Objected{Objection::kQueueDraining,
                            "connections that waited at " + queue.address + " were accepted"};
        }
    }
    return std::nullopt;
}

void note_look(WorkWatch& watch, const WorkLook& look) {
    Stillness now = stillness_of(look);
    const bool has_row = watch.looks > 0 && watch.newest.is_known && now.is_known;
    std::optional<Objected> moved = now.at_work;
    if (!moved && has_row) {
        moved = find_movement(watch.newest, now);
    }
    const bool goes_on = has_row && !moved;
    if (moved) {
        watch.moved = std::move(moved);
        watch.moved_at = look.answered;
    }
    watch.looks = goes_on ? watch.looks + 1 : now.is_known ? 1U : 0U;
    watch.since = goes_on ? watch.since : look.answered;
    watch.until = look.asked;
    const bool was_stopped = goes_on && watch.newest.is_stopped;
    watch.stopped_looks = !now.is_stopped ? 0U : was_stopped ? watch.stopped_looks + 1 : 1U;
    watch.stopped_since = was_stopped ? watch.stopped_since : look.answered;
    for (Waiting& queue : now.queues) {
        const Waiting* before = goes_on ? find_queue(watch.newest.queues, queue.address) : nullptr;
        queue.since = before != nullptr && before->queue > 0 ? before->since : look.answered;
    }
    watch.newest = std::move(now);
}

Duration waited_at(const WorkWatch& watch, const std::string& address) {
    const Waiting* queue = find_queue(watch.newest.queues, address);
    return queue == nullptr || queue->queue == 0 ? Duration{}
                                                 : std::max(watch.until - queue->since, Duration{});
}

bool is_proven_stopped(const WorkWatch& watch) {
    return watch.stopped_looks > 1 && watch.until - watch.stopped_since >= kStoppedProof;
}

Duration row_of(const WorkWatch& watch) {
    return watch.looks > 1 ? watch.until - watch.since : Duration{};
}

}  // namespace gatemend::core
