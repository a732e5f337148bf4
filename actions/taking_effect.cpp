// SPDX-License-Identifier: MIT
#include "actions/taking_effect.hpp"

#include "core/text.hpp"
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace gatemend::actions {
namespace {

using core::Done;
using core::Duration;
using core::Error;
using core::Result;
using core::ServiceRole;
using core::Status;
using Pids = std::vector<std::uint32_t>;

constexpr Duration kFirstWait = std::chrono::milliseconds{50};
constexpr Duration kLongestWait = std::chrono::seconds{1};

// A reload whose proof is waited for.
struct Reload {
    const Hands& hands;
    std::string unit;
    ServiceRole role{};
    Pids before;
    core::TimePoint ends{};
    Duration wait = kFirstWait;
    int bare_looks = 0;  // PHP-FPM's master was alone so many times in a row
    EffectDone done;
};

std::size_t count_common(const Pids& before, const Pids& after) {
    return static_cast<std::size_t>(std::ranges::count_if(
        before, [&after](std::uint32_t pid) { return std::ranges::binary_search(after, pid); }));
}

bool has_new(const Pids& before, const Pids& after) {
    return count_common(before, after) < after.size();
}

// PHP-FPM's master keeps its number and all its children go. Pools that start children on demand
// have none for now, so a master that stays alone will do; twice, because a master that cannot read
// its configuration is alone just before it ends.
bool is_fpm_proven(Reload& reload, const Pids& now) {
    constexpr int kEnoughLooks = 2;
    const bool are_old_gone = count_common(reload.before, now) <= 1;
    if (now.empty() || !are_old_gone) {
        reload.bare_looks = 0;
        return false;
    }
    return has_new(reload.before, now) || ++reload.bare_looks >= kEnoughLooks;
}

bool is_proven(Reload& reload) {
    const Pids now = reload.hands.facts.processes(reload.unit);
    return reload.role == ServiceRole::kNginx ? has_new(reload.before, now)
                                              : is_fpm_proven(reload, now);
}

void look(const std::shared_ptr<Reload>& reload) {
    if (is_proven(*reload)) {
        reload->done(Done{});
        return;
    }
    if (reload->hands.now() + reload->wait > reload->ends) {
        reload->done(Error{"systemd's job is done, but " + reload->unit +
                           " has no new workers: it goes on with its old configuration"});
        return;
    }
    reload->hands.after(std::exchange(reload->wait, std::min(reload->wait * 2, kLongestWait)),
                        [reload] { look(reload); });
}

void run_job(const Hands& hands,
             bus::JobKind kind,
             const EffectOrder& order,
             const EffectDone& done) {
    hands.systemd.run_job(
        kind, order.unit, order.deadline, [done](const Result<bus::JobResult>& job) {
            if (!job) {
                done(Error{core::sanitize(job.error().text)});
            } else if (job->result == "done") {
                done(Done{});
            } else {
                done(Error{"systemd's job ended as " + core::sanitize(job->result)});
            }
        });
}

bool is_proof_known(ServiceRole role) {
    return role == ServiceRole::kNginx || role == ServiceRole::kPhpFpm;
}

void refresh(const Hands& hands, const EffectOrder& order, const EffectDone& done) {
    hands.systemd.read_unit(order.unit, [&hands, order, done](const Result<core::UnitState>& unit) {
        if (!unit) {
            done(Error{core::sanitize(unit.error().text)});
        } else if (!core::is_up(*unit)) {
            done(Done{});
        } else if (order.effect == Effect::kReload) {
            reload_and_prove(hands, order.unit, order.deadline, done);
        } else {
            run_job(hands, bus::JobKind::kRestart, order, done);
        }
    });
}

}  // namespace

void reload_and_prove(const Hands& hands,
                      const std::string& unit,
                      Duration deadline,
                      EffectDone done) {
    const ServiceRole role = sandbox::service_role(unit);
    const EffectOrder order{.effect = Effect::kReload, .unit = unit, .deadline = deadline};
    if (!is_proof_known(role)) {
        run_job(hands, bus::JobKind::kReload, order, done);
        return;
    }
    auto reload = std::make_shared<Reload>(Reload{.hands = hands,
                                                  .unit = unit,
                                                  .role = role,
                                                  .before = hands.facts.processes(unit),
                                                  .ends = hands.now() + deadline,
                                                  .done = std::move(done)});
    if (reload->before.empty()) {
        reload->done(Error{"the processes of " + unit + " cannot be seen: nothing would prove it"});
        return;
    }
    run_job(hands, bus::JobKind::kReload, order, [reload](const Status& job) {
        if (job) {
            look(reload);
        } else {
            reload->done(job);
        }
    });
}

void take_effect(const Hands& hands, const EffectOrder& order, EffectDone done) {
    switch (order.effect) {
        case Effect::kReload:
        case Effect::kRestart:
            refresh(hands, order, done);
            return;
        case Effect::kDaemonReload:
            hands.systemd.reload_daemon(order.deadline, std::move(done));
            return;
        case Effect::kDaemonReloadRestart:
            hands.systemd.reload_daemon(
                order.deadline, [&hands, order, done = std::move(done)](const Status& status) {
                    if (status) {
                        refresh(hands, order, done);
                    } else {
                        done(status);
                    }
                });
            return;
    }
}

}  // namespace gatemend::actions
