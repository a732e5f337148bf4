// SPDX-License-Identifier: MIT
#include "cli/replay_log.hpp"

#include "app/discovery.hpp"

#include <algorithm>

namespace gatemend::cli {

namespace {

constexpr std::size_t kMaxAddresses = 256;  // further ones are counted together
constexpr std::string_view kOthers = "(other addresses)";

// "unix:/run/php/php8.2-fpm.sock" -> "php8.2-fpm.service", as Debian and RHEL name them; "" for
// addresses that do not tell.
std::string unit_of_socket(std::string_view address) {
    constexpr std::string_view kSocket = ".sock";
    const std::string_view base = address.substr(address.rfind('/') + 1);
    if (!address.starts_with("unix:") || !base.ends_with(kSocket)) {
        return "";
    }
    if (address.find("/php-fpm/") != std::string_view::npos) {
        return "php-fpm.service";
    }
    const std::string unit = std::string{base.substr(0, base.size() - kSocket.size())} + ".service";
    return core::role_of_unit(unit) == core::ServiceRole::kPhpFpm ? unit : "";
}

core::UnitResult result_in(std::string_view message) {
    constexpr std::string_view kWords = "Failed with result '";
    const std::size_t at = message.find(kWords);
    if (at == std::string_view::npos) {
        return core::UnitResult::kOther;
    }
    const std::string_view rest = message.substr(at + kWords.size());
    return core::unit_result_from_id(rest.substr(0, rest.find('\'')));
}

// False: the record is about something else than the unit's state.
bool apply(const DatedRecord& record, core::UnitState& state) {
    using core::Clue;
    const Clue clue = record.seen.clue;
    const bool is_failure = record.message.find("Failed with result") != std::string::npos;
    if (clue == Clue::kUnitStarted) {
        state.active = core::ActiveState::kActive;
        state.result = core::UnitResult::kSuccess;
        state.has_ended_job = false;
    } else if (clue == Clue::kUnitStopped) {
        state.active = core::ActiveState::kInactive;
        state.has_ended_job = record.message.find("Stopped ") != std::string::npos;
        state.job_result = "done";
    } else if (clue == Clue::kUnitStartLimit) {
        state.active = core::ActiveState::kFailed;
        state.result = core::UnitResult::kStartLimitHit;
    } else if ((clue == Clue::kUnitFailed || clue == Clue::kOomUnit) && is_failure) {
        state.active = core::ActiveState::kFailed;
        state.result = result_in(record.message);
    } else {
        return false;
    }
    return true;
}

core::ConfigTest not_tested() {
    core::ConfigTest test;
    test.message = "kept logs do not hold the configuration";
    return test;
}

class LogReplay {
  public:
    LogReplay(bool has_journal, engine::Timeline& timeline, LogSummary& summary)
        : has_journal_(has_journal),
          timeline_(timeline),
          summary_(summary) {}

    void take(const DatedRecord& record);
    // The time of the last record passes, so that what it began can end.
    void finish();

  private:
    void introduce(const core::SymptomSeen& seen, core::TimePoint time);
    void add(core::Service service, core::TimePoint time);
    void tell_unit(const DatedRecord& record);
    void tell_stops(core::TimePoint time);
    void answer(core::TimePoint time);
    void refuse_act(core::TimePoint time);
    [[nodiscard]] std::string count_key(const std::string& address) const;

    bool has_journal_;
    engine::Timeline& timeline_;
    LogSummary& summary_;
    std::map<std::string, core::UnitState, std::less<>> stopped_;  // not told yet
};

std::string LogReplay::count_key(const std::string& address) const {
    const bool is_known = summary_.symptoms_by_address.count(address) > 0;
    return is_known || summary_.symptoms_by_address.size() < kMaxAddresses ? address
                                                                           : std::string{kOthers};
}

void LogReplay::add(core::Service service, core::TimePoint time) {
    core::Topology topology = timeline_.state().topology;
    if (topology.services.size() >= kMaxAddresses) {
        return;
    }
    const auto known = std::find_if(
        topology.services.begin(), topology.services.end(), [&service](const core::Service& item) {
            return item.unit == service.unit;
        });
    if (known == topology.services.end()) {
        topology.services.push_back(service);
    } else {
        known->backends.insert(
            known->backends.end(), service.backends.begin(), service.backends.end());
    }
    timeline_.feed(core::Event{time, core::TopologyLearnt{std::move(topology)}});
    const bool is_unit = service.role != core::ServiceRole::kUnowned;
    const auto record = timeline_.state().services.find(service.unit);
    if (is_unit && record != timeline_.state().services.end() && !record->second.unit) {
        // What writes a log is up, and the journal tells when a unit goes down.
        core::UnitState state;
        state.is_loaded = true;
        state.active = core::ActiveState::kActive;
        state.changed = time;
        timeline_.feed(core::Event{time, core::UnitSeen{service.unit, state}});
    }
}

void LogReplay::introduce(const core::SymptomSeen& seen, core::TimePoint time) {
    const core::Topology& topology = timeline_.state().topology;
    if (!seen.address.empty() && topology.find_by_address(seen.address) == nullptr) {
        core::Backend backend;
        backend.address = seen.address;
        backend.scheme =
            seen.address.starts_with("unix:") ? core::Scheme::kFastcgi : core::Scheme::kHttp;
        const std::string unit = has_journal_ ? unit_of_socket(seen.address) : "";
        add(unit.empty() ? core::unowned_service(backend)
                         : core::Service{unit, core::ServiceRole::kPhpFpm, {backend}},
            time);
    }
    const bool is_about_nginx = seen.address.empty() && seen.unit.empty();
    const std::string unit = is_about_nginx ? "nginx.service" : seen.unit;
    if (!unit.empty() && timeline_.state().topology.find_by_unit(unit) == nullptr &&
        (has_journal_ || is_about_nginx || core::role_of_unit(unit) != core::ServiceRole::kOther)) {
        const core::ServiceRole role = core::role_of_unit(unit);
        add(core::Service{unit, role, {}}, time);
    }
}

void LogReplay::tell_unit(const DatedRecord& record) {
    const auto known = timeline_.state().services.find(record.seen.unit);
    if (known == timeline_.state().services.end()) {
        return;
    }
    core::UnitState state = known->second.unit.value_or(core::UnitState{});
    state.is_loaded = true;
    state.changed = record.time;
    if (!apply(record, state)) {
        return;
    }
    stopped_.erase(record.seen.unit);
    if (state.active == core::ActiveState::kInactive) {
        stopped_.emplace(record.seen.unit, state);
        return;
    }
    if (state.active == core::ActiveState::kActive) {
        // Also where its stop was no news it is another run now.
        core::UnitState before = state;
        before.active = core::ActiveState::kActivating;
        timeline_.feed(core::Event{record.time, core::UnitSeen{record.seen.unit, before}});
    }
    timeline_.feed(core::Event{record.time, core::UnitSeen{record.seen.unit, state}});
}

// The journal does not say whose stop it is: one that a start follows at once is a restart, and no
// news.
void LogReplay::tell_stops(core::TimePoint time) {
    constexpr core::Duration kLongerThanRestart = std::chrono::seconds{15};
    for (auto stop = stopped_.begin(); stop != stopped_.end();) {
        const auto& [unit, state] = *stop;
        if (time - state.changed < kLongerThanRestart) {
            ++stop;
            continue;
        }
        const core::TimePoint told = state.changed + kLongerThanRestart;
        timeline_.feed(core::Event{told, core::UnitSeen{unit, state}});
        answer(told);
        stop = stopped_.erase(stop);
    }
}

// There is no machine to ask.
void LogReplay::answer(core::TimePoint time) {
    for (const core::Service& service : timeline_.state().topology.services) {
        const auto record = timeline_.state().services.find(service.unit);
        if (record == timeline_.state().services.end()) {
            continue;
        }
        const std::string unit = service.unit;
        // In the order in which one answer leads to the next question.
        if (record->second.running_probe) {
            const std::uint64_t probe = *record->second.running_probe;
            timeline_.feed(core::Event{
                time, core::ProbeAnswered{probe, unit, record->second.probe_address, {}}});
        }
        // Asked only where the journal has told of the end of a job.
        if (record->second.is_reading_jobs) {
            timeline_.feed(core::Event{
                time, core::JobsRead{unit, core::LastJob{core::JobType::kStop, 0, false, time}}});
        }
        if (record->second.is_reading_logs) {
            timeline_.feed(core::Event{time, core::LogsRead{unit}});
        }
        if (record->second.is_inspecting) {
            timeline_.feed(core::Event{time, core::Inspected{unit, std::nullopt}});
        }
        if (record->second.is_test_running) {
            timeline_.feed(core::Event{time, core::ConfigTested{unit, not_tested()}});
        }
    }
    refuse_act(time);
}

// What the log says next happened without the act, so it was not done; others get their turn.
void LogReplay::refuse_act(core::TimePoint time) {
    if (!timeline_.state().acting) {
        return;
    }
    core::ActAnswered answer;
    answer.incident = *timeline_.state().acting;
    answer.reply = core::ActReply::kRefused;
    answer.detail = "kept logs cannot be acted on";
    timeline_.feed(core::Event{time, std::move(answer)});
}

void LogReplay::take(const DatedRecord& record) {
    tell_stops(record.time);
    introduce(record.seen, record.time);
    if (!record.seen.address.empty() && record.seen.symptom != core::Symptom::kNone) {
        ++summary_.symptoms_by_address[count_key(record.seen.address)];
    }
    timeline_.feed(core::Event{record.time, record.seen});
    if (!record.message.empty() && !record.seen.unit.empty()) {
        tell_unit(record);
    }
    answer(record.time);
}

void LogReplay::finish() {
    constexpr core::Duration kSettle = std::chrono::minutes{5};
    constexpr core::Duration kTurn = std::chrono::seconds{10};
    const core::TimePoint end = timeline_.now() + kSettle;
    while (timeline_.now() < end) {
        timeline_.feed(core::Event{timeline_.now() + kTurn, core::TimerFired{0}});
        tell_stops(timeline_.now());
        answer(timeline_.now());
    }
}

}  // namespace

core::Status replay_logs(std::vector<std::unique_ptr<ReplaySource>> sources,
                         const std::vector<ReplayTarget>& targets) {
    const bool has_journal = std::any_of(
        sources.begin(), sources.end(), [](const auto& source) { return source->is_journal(); });
    std::vector<LogReplay> replays;
    replays.reserve(targets.size());
    for (const ReplayTarget& target : targets) {
        engine::Timeline& timeline = target.timeline;
        timeline.feed(core::Event{timeline.now(), core::LedgerLearnt{}});
        replays.emplace_back(has_journal, timeline, target.summary);
    }
    while (true) {
        ReplaySource* next = nullptr;
        const DatedRecord* earliest = nullptr;
        for (const auto& source : sources) {
            GATEMEND_TRY(record, source->front());
            if (record != nullptr && (earliest == nullptr || record->time < earliest->time)) {
                next = source.get();
                earliest = record;
            }
        }
        if (next == nullptr) {
            break;
        }
        for (LogReplay& replay : replays) {
            replay.take(*earliest);
        }
        next->pop();
    }
    for (LogReplay& replay : replays) {
        replay.finish();
    }
    return core::Done{};
}

}  // namespace gatemend::cli
