// SPDX-License-Identifier: MIT
#include "app/driver.hpp"

#include "core/text.hpp"
#include "engine/step.hpp"
#include "parse/fact_event.hpp"
#include "parse/fpm_pool.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace gatemend::app {

namespace {

constexpr core::Duration kResolveTimeout = std::chrono::seconds{5};
constexpr core::Duration kCallOverdue = std::chrono::minutes{5};
constexpr core::Duration kFirstLedgerRetry = std::chrono::seconds{1};
constexpr core::Duration kMaxLedgerRetry = std::chrono::seconds{60};
// An executor that dies on every request must not be asked in a tight loop.
constexpr core::Duration kFirstLostDelay = std::chrono::milliseconds{200};
constexpr core::Duration kMaxLostDelay = std::chrono::seconds{30};
constexpr core::Duration kFilterAge = std::chrono::seconds{10};
constexpr core::Duration kConfirmRetry = std::chrono::seconds{5};
constexpr unsigned kConfirmTries = 6;
// The journal may take a moment to read; the act does not wait for it.
constexpr core::Duration kJournalDelay = std::chrono::milliseconds{500};

core::ConfigTest test_of(const core::Result<io::ConfigTestReply>& reply) {
    if (reply) {
        return parse::parse_config_test(reply->verdict, reply->fingerprint, reply->output);
    }
    core::ConfigTest test;
    test.message = reply.error().text;
    return test;
}

core::ProbeResult result_of(const core::Result<std::string>& reply) {
    // A probe that could not run reads "unknown", never "unhealthy".
    const auto decoded = reply ? core::decode_probe_result(*reply) : std::nullopt;
    return decoded.value_or(core::ProbeResult{});
}

}  // namespace

Driver::Driver(Outside outside, engine::State initial)
    : outside_(std::move(outside)),
      state_(std::move(initial)) {}

void Driver::feed(core::EventBody body) {
    if (queue_.size() >= kMaxQueuedEvents) {
        ++dropped_;
        return;
    }
    queue_.push_back(std::move(body));
    run_queue();
}

// An effect may be answered before its call returns: such answers wait here for their turn.
void Driver::run_queue() {
    if (is_running_) {
        return;
    }
    is_running_ = true;
    while (!queue_.empty()) {
        core::Event event{outside_.loop.now(), std::move(queue_.front())};
        queue_.pop_front();
        carry_out(engine::step(state_, event));
    }
    is_running_ = false;
}

void Driver::carry_out(const engine::Effects& effects) {
    // Acts first: a visitor is waiting, and writing records takes longer than sending a request.
    // Their answers come later, so the record still reads in order.
    for (const engine::Effect& effect : effects) {
        if (std::holds_alternative<engine::RequestAct>(effect)) {
            carry_out(effect);
        }
    }
    for (const engine::Effect& effect : effects) {
        if (!std::holds_alternative<engine::RequestAct>(effect)) {
            carry_out(effect);
        }
    }
}

void Driver::carry_out(const engine::Effect& effect) {
    std::visit([this](const auto& kind) { run(kind); }, effect);
}

void Driver::run(const engine::StartProbe& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.probe(
        {effect.kind, effect.address, effect.name, effect.timeout},
        [this, call, probe = effect.probe, unit = effect.unit, address = effect.address](
            const core::Result<std::string>& reply) {
            end_call(call);
            if (!reply) {
                outside_.warn("probe of " + address + " could not run: " + reply.error().text);
            }
            feed(core::ProbeAnswered{probe, unit, address, result_of(reply)});
        });
}

void Driver::run(const engine::TestConfig& effect) {
    const std::uint64_t call = begin_call();
    const std::uint64_t changes = config_changes_[effect.unit];
    outside_.executor.test_config(
        effect.unit,
        [this, call, changes, unit = effect.unit](const core::Result<io::ConfigTestReply>& reply) {
            end_call(call);
            if (config_changes_[unit] != changes) {
                run(engine::TestConfig{unit});
                return;
            }
            feed(core::ConfigTested{unit, test_of(reply)});
        });
}

void Driver::run(const engine::ReadJournal& effect) {
    after(kJournalDelay, [this, unit = effect.unit, invocation = effect.invocation_id] {
        auto lines = outside_.read_journal(unit, invocation);
        if (!lines) {
            outside_.warn("last words of " + unit + ": " + lines.error().text + ", ignoring");
            return;
        }
        feed(core::JournalRead{unit, invocation, std::move(*lines)});
    });
}

void Driver::run(const engine::ReadJobs& effect) {
    after(core::Duration::zero(), [this, effect] {
        const auto last = outside_.read_last_job(effect.id);
        if (!last) {
            outside_.warn("jobs of " + effect.unit + ": " + last.error().text);
        }
        feed(core::JobsRead{effect.unit, last ? std::optional{*last} : std::nullopt});
    });
}

void Driver::run(const engine::ReadLogs& effect) {
    // Reading takes its time, and a visitor is waiting for the probe and the act.
    after(kJournalDelay, [this, unit = effect.unit] {
        const core::Service* service = state_.topology.find_by_unit(unit);
        const std::string log = service == nullptr ? "" : service->log;
        outside_.read_logs(unit, log, [this, unit](std::vector<core::SymptomSeen> records) {
            for (core::SymptomSeen& seen : records) {
                feed(std::move(seen));
            }
            feed(core::LogsRead{unit});
        });
    });
}

void Driver::run(const engine::Inspect& effect) {
    const std::uint64_t call = begin_call();
    // The parentheses around a backend without a unit are no part of any unit's name.
    const std::string unit = actions::is_unit_name(effect.unit) ? effect.unit : "";
    outside_.executor.inspect(
        unit,
        effect.address,
        [this, call, service = effect.unit](const core::Result<std::string>& reply) {
            end_call(call);
            std::string problem;
            core::Inspected inspected = parse::inspected(service, reply, problem);
            tell(problem);
            take_inspected(std::move(inspected));
        });
}

void Driver::take_inspected(core::Inspected inspected) {
    if (!inspected.inspection) {
        feed(std::move(inspected));
        return;
    }
    const auto take = [this, inspected](core::Inspection look) {
        if (outside_.on_inspection) {
            outside_.on_inspection(look);
        }
        core::Inspected identified = inspected;
        identified.inspection = std::move(look);
        feed(std::move(identified));
    };
    outside_.identify(state_.topology, *inspected.inspection, take);
}

void Driver::run(const engine::ReadFilter& effect) {
    // The rules are the machine's: one listing is for all that ask meanwhile, and shortly after.
    if (filter_ && outside_.loop.now() - filter_time_ < kFilterAge) {
        answer_filter(effect, *filter_);
        return;
    }
    filter_waiters_.push_back(effect);
    if (filter_waiters_.size() > 1) {
        return;
    }
    const std::uint64_t call = begin_call();
    outside_.executor.packet_filter([this, call](const core::Result<io::PacketFilterText>& reply) {
        end_call(call);
        filter_ = reply;
        filter_time_ = outside_.loop.now();
        for (const engine::ReadFilter& waiter : std::exchange(filter_waiters_, {})) {
            answer_filter(waiter, reply);
        }
        after(kFilterAge, [this] { filter_.reset(); });  // it may be large
    });
}

void Driver::answer_filter(const engine::ReadFilter& asked,
                           const core::Result<io::PacketFilterText>& reply) {
    using Rules = core::Result<parse::PacketFilterRules>;
    std::string problem;
    feed(parse::filter_read(
        asked.unit,
        asked.address,
        reply ? Rules{parse::PacketFilterRules{reply->format, reply->text}} : Rules{reply.error()},
        problem));
    tell(problem);
}

void Driver::run(const engine::ResolveName& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.probe(
        {core::ProbeKind::kResolve, parse::name_of_host(effect.host), "", kResolveTimeout},
        [this, call, effect](const core::Result<std::string>& line) {
            end_call(call);
            feed(core::NameResolved{effect.unit, parse::resolved_addresses(effect.host, line)});
        });
}

void Driver::run(const engine::ReadApps& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.pm2_apps(
        effect.unit, [this, call, unit = effect.unit](const core::Result<std::string>& text) {
            end_call(call);
            std::string problem;
            core::AppsListed listed = parse::apps_listed(unit, text, problem);
            tell(problem);
            feed(std::move(listed));
        });
}

void Driver::tell(const std::string& problem) const {
    if (!problem.empty()) {
        outside_.warn(problem + ", ignoring");
    }
}

void Driver::run(const engine::RequestAct& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.act(
        effect.incident, effect.plan, [this, call](const core::ActAnswered& answer) {
            end_call(call);
            feed(answer);
            if (answer.reply != core::ActReply::kLost) {
                lost_delay_ = core::Duration::zero();
                return;
            }
            // Its record knows whether the act ran.
            lost_delay_ = std::clamp(lost_delay_ * 2, kFirstLostDelay, kMaxLostDelay);
            after(lost_delay_, [this] { refresh_ledger(); });
        });
}

void Driver::run(const engine::ProposeAct& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.propose(
        effect.plan,
        [this, call, incident = effect.incident, proposal = effect.proposal](
            const core::Result<io::Proposal>& reply) {
            end_call(call);
            feed(reply ? core::ActProposed{incident, proposal, reply->digest, reply->preview}
                       : core::ActProposed{incident, proposal, "", reply.error().text});
        });
}

void Driver::run(const engine::UndoAct& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.roll_back(effect.attempt, [this, call, effect](const core::Status& status) {
        end_call(call);
        feed(core::ActUndone{effect.incident,
                             effect.attempt,
                             static_cast<bool>(status),
                             status ? "undone" : status.error().text});
    });
}

void Driver::run(const engine::LatchBreaker& effect) {
    const std::uint64_t call = begin_call();
    outside_.executor.latch(
        effect.unit, effect.rule, [this, call, unit = effect.unit](const core::Status& status) {
            end_call(call);
            if (!status) {
                outside_.warn("latch " + unit + ": " + status.error().text);
            }
        });
}

void Driver::run(const engine::ConfirmAct& effect) {
    confirm(effect, kConfirmTries);
}

void Driver::confirm(const engine::ConfirmAct& effect, unsigned tries_left) {
    const std::uint64_t call = begin_call();
    outside_.executor.confirm(
        effect.attempt,
        effect.verdict,
        effect.detail,
        [this, call, effect, tries_left](const core::Status& status) {
            end_call(call);
            if (status) {
                return;
            }
            outside_.warn("confirm attempt " + std::to_string(effect.attempt) + ": " +
                          status.error().text);
            if (tries_left > 1) {
                after(kConfirmRetry,
                      [this, effect, tries_left] { confirm(effect, tries_left - 1); });
            }
        });
}

void Driver::run(const engine::SetTimer& effect) {
    after(effect.at - outside_.loop.now(),
          [this, timer = effect.timer] { feed(core::TimerFired{timer}); });
}

void Driver::run(const engine::Record& effect) {
    outside_.record(outside_.loop.now(), effect);
}

void Driver::replace_policy(policy::Policy policy) {
    state_.policy = std::move(policy);
    feed(core::PolicyChanged{});
}

void Driver::config_changed(const std::string& unit) {
    ++config_changes_[unit];
}

void Driver::refresh_ledger() {
    if (is_asking_ledger_) {
        is_ledger_stale_ = true;  // what is being read may be older than the news
        return;
    }
    ask_ledger();
}

void Driver::ask_ledger() {
    is_asking_ledger_ = true;
    is_ledger_stale_ = false;
    const std::uint64_t call = begin_call();
    outside_.executor.read_ledger([this, call](core::Result<core::Ledger> ledger) {
        end_call(call);
        if (!ledger) {
            ledger_problem_ = ledger.error().text;
            ledger_delay_ = std::clamp(ledger_delay_ * 2, kFirstLedgerRetry, kMaxLedgerRetry);
            after(ledger_delay_, [this] { ask_ledger(); });
            return;
        }
        is_asking_ledger_ = false;
        ledger_problem_.clear();
        ledger_delay_ = core::Duration::zero();
        feed(core::LedgerLearnt{std::move(*ledger)});
        if (is_ledger_stale_) {
            ask_ledger();
        }
    });
}

void Driver::after(core::Duration delay, std::function<void()> task) {
    const std::uint64_t id = next_id_++;
    delayed_[id] = outside_.loop.add_timer(delay, [this, id, task = std::move(task)] {
        const auto work = task;  // erasing the source may end the closure we are in
        delayed_.erase(id);
        work();
    });
}

std::uint64_t Driver::begin_call() {
    const std::uint64_t id = next_id_++;
    calls_[id] = outside_.loop.now();
    return id;
}

bool Driver::is_on_time() const {
    const core::TimePoint now = outside_.loop.now();
    return std::all_of(calls_.begin(), calls_.end(), [now](const auto& call) {
        return now - call.second < kCallOverdue;
    });
}

}  // namespace gatemend::app
