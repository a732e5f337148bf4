// SPDX-License-Identifier: MIT
#include "app/daemon.hpp"

#include "app/incident_history.hpp"
#include "app/standings.hpp"
#include "io/journal_anchors.hpp"
#include "io/journal_excerpt.hpp"
#include "io/service_notify.hpp"
#include "sandbox/journal/last_job.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace gatemend::app {

namespace {

// At most this often is the process woken by log writes, however many there are.
constexpr core::Duration kInotifyPace = std::chrono::milliseconds{20};

// As which the journal knows us.
constexpr const char* kOwnUnit = "gatemend.service";

void warn(const std::string& text) {
    spdlog::warn("{}", text);
}

std::string render_all(const std::vector<policy::Diagnostic>& diagnostics) {
    std::string text;
    for (const policy::Diagnostic& item : diagnostics) {
        text += policy::render(item);
        text += text.ends_with('\n') ? "" : "\n";
    }
    return text;
}

}  // namespace

core::Result<std::unique_ptr<Daemon>> Daemon::open(bus::EventLoop& loop,
                                                   const DaemonPaths& paths,
                                                   const Confine& confine) {
    auto daemon = std::unique_ptr<Daemon>(new Daemon(loop, paths));
    GATEMEND_TRY(inotify, io::Inotify::open(loop, kInotifyPace));
    daemon->inotify_ = std::move(inotify);
    engine::State state = daemon->initial_state();
    GATEMEND_CHECK(daemon->connect());
    daemon->make_driver(std::move(state));
    GATEMEND_CHECK(confine());
    GATEMEND_CHECK(daemon->start());
    return daemon;
}

Daemon::Daemon(bus::EventLoop& loop, const DaemonPaths& paths)
    : loop_(loop),
      paths_(paths),
      recorder_(paths.decisions, loop.now()),
      cursor_store_(
          loop,
          paths.cursors,
          [this] {
              io::Cursors cursors = cursors_;
              for (const auto& [path, log] : logs_) {
                  if (const auto cursor = log->tailer().cursor()) {
                      cursors[path] = *cursor;
                  }
              }
              return cursors;
          },
          [](const core::Error& error) { warn(error.text + ", ignoring"); }) {
    if (!recorder_.problem().empty()) {
        spdlog::error("decisions are recorded in the journal only: {}", recorder_.problem());
    }
}

Daemon::~Daemon() = default;

engine::State Daemon::initial_state() {
    engine::State state;
    policy::LoadedPolicy loaded = policy::load_policy(paths_.policies);
    if (loaded.errors.empty()) {
        state.policy = std::move(loaded.policy);
        has_good_policy_ = true;
        policy_files_ = std::move(loaded.files);
    } else {
        // Without a good set there is nothing to fall back to: watch and tell, act on nothing.
        state.policy.settings.mode = policy::Mode::kObserve;
        policy_problem_ = render_all(loaded.errors);
        spdlog::error("policies are broken, observing only:\n{}", policy_problem_);
    }
    if (auto history = load_history(paths_.decisions)) {
        state.next_incident = history->last_incident + 1;
        unfinished_ = std::move(history->open);
    } else {
        warn(history.error().text + ", starting without past incidents");
    }
    return state;
}

core::Status Daemon::connect() {
    GATEMEND_TRY(connection, bus::Connection::open_system(loop_, [this] {
                     spdlog::warn("the system bus is gone; starting anew");
                     stop(bus::kExitStartAnew);
                 }));
    connection_ = std::move(connection);
    GATEMEND_TRY(systemd, bus::SystemdClient::open(*connection_, loop_));
    systemd_ = std::move(systemd);
    GATEMEND_TRY(
        executor,
        io::ExecutorClient::open(*connection_,
                                 io::ExecutorClient::Hooks{
                                     .on_ledger_changed = [this] { driver_->refresh_ledger(); },
                                     .on_started = [this] { on_executor_started(); },
                                 }));
    executor_ = std::move(executor);
    return core::Done{};
}

void Daemon::make_driver(engine::State state) {
    Driver::Outside outside{
        .loop = loop_,
        .executor = *executor_,
        .record =
            [this](core::TimePoint now, const engine::Record& record) {
                recorder_.write(now, record);
                anchor_soon();
                say_status();
            },
        .read_journal = io::read_journal_excerpt,
        .warn = warn,
        .read_logs =
            [this](const std::string& unit, const std::string& log, ServiceLogs::Done done) {
                service_logs_->read(unit, log, std::move(done));
            },
        .identify =
            [this](const core::Topology& topology,
                   core::Inspection look,
                   std::function<void(core::Inspection)> done) {
                identify(*systemd_, topology, std::move(look), std::move(done));
            },
        .read_last_job = journal::read_last_job,
        .on_inspection = [this](const core::Inspection& look) { topology_->take_look(look); },
    };
    service_logs_ = std::make_unique<ServiceLogs>(loop_, *executor_, warn);
    driver_ = std::make_unique<Driver>(std::move(outside), std::move(state));
    TopologySource::Outside sources{
        .loop = loop_,
        .inotify = *inotify_,
        .executor = *executor_,
        .settings = [this]() -> const policy::Settings& {
            return driver_->state().policy.settings;
        },
        .on_topology = [this](const core::Topology& topology) { on_topology(topology); },
        .on_config_change = [this](const std::string& unit) { driver_->config_changed(unit); },
        .warn = warn,
        .read_standings =
            [this](const std::set<std::string>& units, std::function<void(Standings)> done) {
                read_standings(*systemd_, units, std::move(done));
            },
    };
    topology_ = std::make_unique<TopologySource>(std::move(sources), paths_.topology);
}

// One timer for all records of its time; none while nothing is written.
void Daemon::anchor_soon() {
    if (!is_anchor_timed_ && recorder_.is_ahead_of_anchor()) {
        is_anchor_timed_ = true;
        anchor_timer_ = loop_.add_timer(kAnchorDelay, [this] {
            is_anchor_timed_ = false;
            recorder_.anchor();
        });
    }
}

core::Status Daemon::start() {
    recorder_.compare(loop_.now(), io::read_anchors(paths_.decisions, kOwnUnit, 1));
    GATEMEND_TRY(
        object,
        AgentObject::open(
            *connection_,
            AgentObject::Documents{
                .status = [this] { return dump(status_document(driver_->state(), extras())); },
                .incidents =
                    [this](Reader reader) {
                        return dump(incidents_document(driver_->state(), reader));
                    },
            }));
    object_ = std::move(object);
    handle_signals();
    GATEMEND_TRY(clock_watch, bus::ClockWatch::open(loop_, [this](core::Duration jump) {
                     spdlog::warn("the clock was {}; starting anew", bus::jump_words(jump));
                     stop(bus::kExitStartAnew);
                 }));
    clock_watch_ = std::move(clock_watch);
    cursors_ = cursor_store_.load();
    driver_->refresh_ledger();
    topology_->start();
    heartbeat_.emplace(loop_, [this] { return driver_->is_on_time(); });
    // Ready means: watching with what is known. The rest arrives as events.
    io::notify_ready("starting");
    say_status();
    return core::Done{};
}

void Daemon::handle_signals() {
    signals_.push_back(loop_.add_signal(SIGHUP, [this] { reload(); }));
    for (const int signal : {SIGTERM, SIGINT}) {
        signals_.push_back(loop_.add_signal(signal, [this] {
            io::notify_stopping();
            stop(0);
        }));
    }
}

void Daemon::stop(int exit_code) {
    recorder_.anchor();
    cursor_store_.flush();
    loop_.exit(exit_code);
}

// The executor first: what the agent asks for by new rules is refused by old ones.
void Daemon::reload() {
    io::notify_reloading();
    executor_->reload([this](const core::Result<std::string>& problem) {
        if (!problem) {
            warn(problem.error().text);
        } else if (!problem->empty()) {
            spdlog::error("the executor keeps its last good policies: {}", *problem);
        }
        reload_own();
    });
}

void Daemon::reload_own() {
    policy::LoadedPolicy loaded = policy::load_policy(paths_.policies);
    if (loaded.errors.empty()) {
        policy_problem_.clear();
        has_good_policy_ = true;
        policy_files_ = std::move(loaded.files);
        driver_->replace_policy(std::move(loaded.policy));
        topology_->refresh();
        spdlog::info("policies read again: {} rules", driver_->state().policy.rules.size());
    } else {
        policy_problem_ = render_all(loaded.errors);
        spdlog::error("policies are broken, {}:\n{}", words_of_broken_policy(), policy_problem_);
    }
    said_status_.clear();
    io::notify_ready("reloaded");
    say_status();
}

// What is done meanwhile.
std::string Daemon::words_of_broken_policy() const {
    return has_good_policy_ ? "the last good set stays in force" : "observing only";
}

void Daemon::on_executor_started() {
    driver_->feed(core::PolicyChanged{});
    driver_->refresh_ledger();
    topology_->refresh();
}

void Daemon::on_topology(const core::Topology& topology) {
    driver_->feed(core::TopologyLearnt{topology});
    restore_incidents();
    watch_units(topology);
    follow_logs(topology);
    service_logs_->know(topology.services);
    say_status();
}

// Once the services are known, incidents of before the restart go on.
void Daemon::restore_incidents() {
    for (core::IncidentRestored& restored : std::exchange(unfinished_, {})) {
        driver_->feed(std::move(restored));
    }
}

void Daemon::watch_units(const core::Topology& topology) {
    std::vector<std::string> wanted;
    for (const core::Service& service : topology.services) {
        wanted.push_back(service.unit);
    }
    for (const std::string& unit : watched_units_) {
        if (std::find(wanted.begin(), wanted.end(), unit) == wanted.end()) {
            systemd_->unwatch_unit(unit);
        }
    }
    const std::vector<std::string> before = std::exchange(watched_units_, wanted);
    for (const std::string& unit : wanted) {
        if (std::find(before.begin(), before.end(), unit) == before.end()) {
            // The shortest way from systemd's signal to the engine: nothing is done in between.
            systemd_->watch_unit(unit, [this, unit](const core::UnitState& state) {
                driver_->feed(core::UnitSeen{unit, state});
                topology_->take_unit(unit, state);
                const core::Service* service = driver_->state().topology.find_by_unit(unit);
                if (service != nullptr && service->role == core::ServiceRole::kNginx) {
                    topology_->take_nginx(state);
                }
            });
        }
    }
}

void Daemon::follow_logs(const core::Topology& topology) {
    std::map<std::string, LogKind> wanted;
    for (const std::string& path : topology.access_logs) {
        wanted[path] = LogKind::kNginxAccess;
    }
    for (const std::string& path : topology.error_logs) {
        wanted[path] = LogKind::kNginxError;
    }
    std::erase_if(logs_, [&](const auto& entry) {
        const auto found = wanted.find(entry.first);
        return found == wanted.end() || found->second != entry.second->kind();
    });
    for (const auto& [path, kind] : wanted) {
        if (!logs_.contains(path) && logs_.size() < kMaxLogs) {
            follow(path, kind);
        }
    }
}

void Daemon::follow(const std::string& path, LogKind kind) {
    LogSymptoms::Hooks hooks{
        .on_symptom = [this](core::SymptomSeen seen) { driver_->feed(std::move(seen)); },
        .on_gap = [path](const std::string& why) { warn(path + ": " + why); },
        .on_progress = [this] { cursor_store_.touch(); },
        .open_elsewhere =
            [this](const std::string& log, std::function<void(core::Result<bus::UniqueFd>)> done) {
                executor_->open_log(log, std::move(done));
            },
    };
    std::optional<io::LogCursor> cursor;
    if (const auto saved = cursors_.find(path); saved != cursors_.end()) {
        cursor = saved->second;
    }
    logs_[path] = std::make_unique<LogSymptoms>(
        loop_, *inotify_, LogSymptoms::Log{path, kind, cursor}, std::move(hooks));
}

std::vector<std::string> Daemon::problems() const {
    std::vector<std::string> all;
    const auto add = [&all](const std::string& what, const std::string& problem) {
        if (!problem.empty()) {
            all.push_back(what + ": " + problem);
        }
    };
    add("policies are broken, " + words_of_broken_policy(), policy_problem_);
    add("no ledger, observing only", driver_->ledger_problem());
    add("record unreadable, observing only", driver_->state().ledger.unreadable);
    add("decisions are not written", recorder_.problem());
    for (const std::string& problem : topology_->problems()) {
        add("discovery", problem);
    }
    for (const auto& [path, log] : logs_) {
        add("log", log->tailer().problem());
    }
    return all;
}

StatusExtras Daemon::extras() const {
    StatusExtras extras;
    extras.version = GATEMEND_VERSION;
    extras.problems = problems();
    for (const auto& [path, log] : logs_) {
        extras.logs.push_back(LogStatus{path, log->tailer().counters(), log->tailer().problem()});
    }
    extras.policy_files = policy_files_;
    extras.unwatched_directories = topology_->unwatched_directories();
    extras.dropped_events = driver_->dropped_events();
    extras.now = loop_.now();
    return extras;
}

// One line for `systemctl status`, told only when it changes.
void Daemon::say_status() {
    const engine::State& state = driver_->state();
    const auto open =
        std::count_if(state.incidents.begin(), state.incidents.end(), [](const auto& item) {
            return item.second.phase != engine::Phase::kClosed;
        });
    std::string status = "watching " + std::to_string(state.topology.services.size()) +
                         " services, " + std::to_string(logs_.size()) +
                         " logs; open incidents: " + std::to_string(open);
    if (const std::vector<std::string> all = problems(); !all.empty()) {
        status += "; " + all.front();
    }
    if (status != said_status_) {
        io::notify_status(status);
        said_status_ = std::move(status);
    }
}

}  // namespace gatemend::app
