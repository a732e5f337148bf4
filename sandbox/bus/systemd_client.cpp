// SPDX-License-Identifier: MIT
#include "sandbox/bus/systemd_client.hpp"

#include "sandbox/bus/heard_jobs.hpp"
#include "sandbox/bus/unit_links.hpp"

#include <systemd/sd-bus.h>

#include <syslog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>

namespace gatemend::bus {
namespace {

using core::Duration;
using core::Error;
using core::Result;
using core::UnitState;

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kUnitPathPrefix = "/org/freedesktop/systemd1/unit";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kService = "org.freedesktop.systemd1.Service";
constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
constexpr const char* kAlreadySubscribed = "org.freedesktop.systemd1.AlreadySubscribed";
constexpr const char* kLeftActive = "ActiveExitTimestampMonotonic";
constexpr const char* kLeftActiveByTheWall = "ActiveExitTimestamp";
// systemd has executed itself anew: for a moment it was on no bus, and its signals are lost.
constexpr const char* kSystemdComesAndGoes =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.systemd1'";

struct WantedProperty {
    const char* interface;
    const char* name;
};

// Why not GetAll: a service has some 350 properties, and unpacking them takes longer than all the
// rest.
constexpr std::array kWanted{
    WantedProperty{kUnit, "Id"},
    WantedProperty{kUnit, "LoadState"},
    WantedProperty{kUnit, "UnitFileState"},
    WantedProperty{kUnit, "ActiveState"},
    WantedProperty{kUnit, "SubState"},
    WantedProperty{kUnit, "Job"},
    WantedProperty{kUnit, "InvocationID"},
    WantedProperty{kUnit, "StateChangeTimestamp"},
    WantedProperty{kUnit, "ActiveEnterTimestamp"},
    WantedProperty{kUnit, "InactiveEnterTimestamp"},
    WantedProperty{kUnit, kLeftActive},
    WantedProperty{kUnit, kLeftActiveByTheWall},
    WantedProperty{kUnit, "StartLimitBurst"},
    WantedProperty{kUnit, "StartLimitIntervalUSec"},
    WantedProperty{kService, "Result"},
    WantedProperty{kService, "ExecMainCode"},
    WantedProperty{kService, "ExecMainStatus"},
    WantedProperty{kService, "NRestarts"},
    WantedProperty{kService, "LogLevelMax"},
};

// Of read_standing(): asked rarely, and not watched.
constexpr std::array kStanding{
    WantedProperty{kUnit, "Id"},
    WantedProperty{kUnit, "LoadState"},
    WantedProperty{kUnit, "UnitFileState"},
    WantedProperty{kUnit, "ActiveState"},
    WantedProperty{kUnit, "ActiveEnterTimestamp"},
    WantedProperty{kUnit, "ActiveExitTimestamp"},
    WantedProperty{kUnit, "StateChangeTimestamp"},
    WantedProperty{kService, "ReloadResult"},
    WantedProperty{kService, "MainPID"},
};

constexpr auto kCallTimeout = std::chrono::seconds{10};
// Results of jobs that ended before we knew their path; more can only be other people's.
constexpr std::size_t kMaxEarlyJobs = 64;

// What systemd says where a unit runs as no particular user, or is not running.
constexpr std::uint32_t kNoUid = UINT32_MAX;

// Path, argv, "-" given, start and end (realtime, monotonic), pid, code, status.
using ExecStruct = sdbus::Struct<std::string,
                                 std::vector<std::string>,
                                 bool,
                                 std::uint64_t,
                                 std::uint64_t,
                                 std::uint64_t,
                                 std::uint64_t,
                                 std::uint32_t,
                                 std::int32_t,
                                 std::int32_t>;
using JobStruct = sdbus::Struct<std::uint32_t, sdbus::ObjectPath>;
// Name, description, load, active, sub, followed unit, path, job, its type, its path.
using ListedStruct = sdbus::Struct<std::string,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::string,
                                   std::string,
                                   sdbus::ObjectPath,
                                   std::uint32_t,
                                   std::string,
                                   sdbus::ObjectPath>;

// The property's value, or `fallback` when it is absent or of another type: what systemd says is
// trusted, but a wrong type must not end the process.
template <class T>
T get(const Properties& properties, const char* name, T fallback) {
    const auto found = properties.find(name);
    if (found == properties.end() || !found->second.containsValueOfType<T>()) {
        return fallback;
    }
    return found->second.get<T>();
}

// Microseconds; "infinity" (all bits set) and whatever else does not fit becomes the longest time.
Duration get_duration(const Properties& properties, const char* name) {
    const auto usec = get<std::uint64_t>(properties, name, 0);
    const auto longest = static_cast<std::uint64_t>(Duration::max().count());
    return Duration{static_cast<std::int64_t>(std::min(usec, longest))};
}

ServiceSetup decode_setup(const Properties& properties) {
    ServiceSetup setup;
    setup.user = get<std::string>(properties, "User", "");
    if (const auto uid = get<std::uint32_t>(properties, "UID", kNoUid); uid != kNoUid) {
        setup.uid = uid;
    }
    setup.main_pid = get<std::uint32_t>(properties, "MainPID", 0);
    setup.environment = get<std::vector<std::string>>(properties, "Environment", {});
    const auto commands = get<std::vector<ExecStruct>>(properties, "ExecStart", {});
    if (!commands.empty()) {
        setup.exec_start = std::get<1>(commands.front());
    }
    return setup;
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
    constexpr std::string_view kHexDigits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text.push_back(kHexDigits[byte >> 4U]);
        text.push_back(kHexDigits[byte & 0x0FU]);
    }
    return text;
}

// The object path is a pure function of the name, so reading a unit needs no LoadUnit before it.
std::string unit_path(const std::string& unit) {
    char* raw = nullptr;
    if (sd_bus_path_encode(kUnitPathPrefix, unit.c_str(), &raw) < 0) {
        return {};
    }
    const std::unique_ptr<char, decltype(&std::free)> owned{raw, &std::free};
    return owned.get();
}

const char* method_of(JobKind kind) {
    switch (kind) {
        case JobKind::kStart:
            return "StartUnit";
        case JobKind::kRestart:
            return "RestartUnit";
        case JobKind::kReload:
            break;
    }
    return "ReloadUnit";
}

constexpr const char* kFailMode = "fail";

// Whoever else it would touch is left alone. In that mode systemd would replace a job that somebody
// has queued, so it is used only where it is needed, and where none was a moment ago.
const char* mode_of(JobKind kind, const UnitCompany& company) {
    const bool is_start = kind != JobKind::kReload;
    const bool is_alone = (!is_start || (company.needed.empty() && company.wanted.empty())) &&
                          (kind != JobKind::kRestart || company.followers.empty()) &&
                          (kind != JobKind::kReload || company.reloaded.empty());
    return is_alone ? kFailMode : "ignore-requirements";
}

std::vector<ListedUnit> listed_units(const std::vector<ListedStruct>& entries) {
    std::vector<ListedUnit> units;
    units.reserve(entries.size());
    for (const ListedStruct& entry : entries) {
        units.push_back(
            {std::get<0>(entry), std::get<2>(entry), std::get<3>(entry), std::get<7>(entry) != 0});
    }
    return units;
}

std::unique_ptr<sdbus::IProxy> make_proxy(Connection& connection, const std::string& path) {
    return sdbus::createProxy(connection.raw(), ServiceName{kSystemd}, ObjectPath{path});
}

bool is_wanted(const Properties& changed, const std::vector<std::string>& invalidated) {
    return std::ranges::any_of(kWanted, [&](const WantedProperty& wanted) {
        return changed.contains(wanted.name) ||
               std::ranges::find(invalidated, wanted.name) != invalidated.end();
    });
}

using MessageCallback = std::function<void(sdbus::Message&)>;

sdbus::Slot match(sdbus::IConnection& connection, const std::string& rule, MessageCallback heard) {
#if GATEMEND_SDBUS_MAJOR >= 2
    return connection.addMatch(
        rule,
        [heard = std::move(heard)](sdbus::Message message) { heard(message); },
        sdbus::return_slot);
#else
    return connection.addMatch(rule, std::move(heard));
#endif
}

using StateCallback = std::function<void(const UnitState&)>;
using ReadCallback = std::function<void(Result<UnitState>)>;

// One unit: its proxy, who watches it, who waits for a read.
struct UnitEntry {
    std::unique_ptr<sdbus::IProxy> proxy;
    StateCallback changed;
    std::optional<UnitState> last;           // what `changed` was told
    std::vector<ReadCallback> waiting;       // for the read under way
    std::vector<ReadCallback> waiting_next;  // asked after it had begun
    bool is_reading = false;
    bool is_stale = false;  // a signal came during the read
    // of the read under way
    Properties properties;
    std::size_t replies_missing = 0;
    std::optional<Error> failure;
    Source failed;
};

// A unit's properties on their way, for read_standing().
struct StandingRead {
    std::unique_ptr<sdbus::IProxy> proxy;
    Properties properties;
    std::size_t replies_missing = kStanding.size();
    std::optional<Error> failure;
    std::function<void(Result<core::UnitStanding>)> done;
};

struct PendingJob {
    std::uint64_t id = 0;
    std::string path;  // "" until the call is answered
    std::function<void(Result<JobResult>)> done;
    Source deadline;
};

// Of systemd's own clock, as its monotonic timestamps.
Duration monotonic_now() {
    return std::chrono::duration_cast<Duration>(
        std::chrono::steady_clock::now().time_since_epoch());
}

class Client final : public SystemdClient {
  public:
    Client(Connection& connection, EventLoop& loop) : connection_(connection), loop_(loop) {}

    void start();

    void read_unit(const std::string& unit, ReadCallback done) override;
    void watch_unit(const std::string& unit, StateCallback changed) override;
    void unwatch_unit(const std::string& unit) override;
    void run_job(JobKind kind,
                 const std::string& unit,
                 Duration deadline,
                 std::function<void(Result<JobResult>)> done) override;
    void read_service(const std::string& unit,
                      std::function<void(Result<ServiceSetup>)> done) override;
    void reload_daemon(Duration deadline, std::function<void(core::Status)> done) override;
    void read_standing(const std::string& unit,
                       std::function<void(Result<core::UnitStanding>)> done) override;
    void read_company(const std::string& unit,
                      std::function<void(Result<UnitCompany>)> done) override;
    void read_system_state(std::function<void(Result<std::string>)> done) override;

  private:
    using Units = std::map<std::string, std::unique_ptr<UnitEntry>>;

    UnitEntry& entry(const std::string& unit);
    void begin_read(const std::string& unit, UnitEntry& entry);
    void take_property(const std::string& unit,
                       const char* name,
                       const MaybeError& error,
                       const sdbus::Variant& value);
    void finish_read(const std::string& unit, UnitEntry& entry);
    void take_standing(std::uint64_t id,
                       const char* name,
                       const MaybeError& error,
                       const sdbus::Variant& value);
    void refresh(const std::string& unit);
    void refresh_all();
    void read_all(const std::string& unit,
                  const char* interface,
                  std::function<void(Result<Properties>)> done);
    void release_if_idle(const std::string& unit);
    void retire(std::unique_ptr<sdbus::IProxy> proxy);

    void subscribe();
    void on_systemd_gone(const std::string& new_owner);
    void on_job_removed(std::uint32_t job,
                        const std::string& path,
                        const std::string& unit,
                        const std::string& result);
    void queue_job(std::uint64_t id,
                   JobKind kind,
                   const std::string& unit,
                   Duration deadline,
                   const char* mode);
    void list_company(const std::string& unit,
                      Properties properties,
                      std::function<void(Result<UnitCompany>)> done);
    void on_job_queued(std::uint64_t id, const MaybeError& error, const std::string& path);
    void finish_job(std::uint64_t id, Result<JobResult> result);
    std::deque<PendingJob>::iterator find_job(std::uint64_t id);

    Connection& connection_;
    EventLoop& loop_;
    std::unique_ptr<sdbus::IProxy> manager_;
    sdbus::Slot owner_watch_;
    HeardJobs heard_;
    Units units_;
    std::deque<PendingJob> jobs_;
    std::map<std::string, std::string> early_jobs_;
    std::uint64_t next_job_ = 1;
    std::map<std::uint64_t, std::unique_ptr<sdbus::IProxy>> setups_;  // all properties being read
    std::uint64_t next_setup_ = 1;
    std::map<std::uint64_t, StandingRead> standings_;  // being read
    std::uint64_t next_standing_ = 1;
    // Proxies must not die inside their own callbacks.
    std::vector<std::unique_ptr<sdbus::IProxy>> retired_;
    Source retire_timer_;
};

void Client::start() {
    manager_ = make_proxy(connection_, kManagerPath);
    manager_->uponSignal("JobRemoved")
        .onInterface(kManager)
        .call([this](std::uint32_t id,
                     const sdbus::ObjectPath& job,
                     const std::string& unit,
                     const std::string& result) { on_job_removed(id, job, unit, result); });
    manager_->uponSignal("Reloading").onInterface(kManager).call([this](bool is_active) {
        if (!is_active) {
            refresh_all();
        }
    });
    finish_registration(*manager_);
    owner_watch_ = match(connection_.raw(), kSystemdComesAndGoes, [this](sdbus::Message& message) {
        std::string name;
        std::string old_owner;
        std::string new_owner;
        message >> name >> old_owner >> new_owner;
        on_systemd_gone(new_owner);
    });
    subscribe();
}

// Without it systemd sends no signals. Sent first, so it is in force before any later call.
void Client::subscribe() {
    manager_->callMethodAsync("Subscribe")
        .onInterface(kManager)
        .uponReplyInvoke([this](MaybeError error) {
            // A second one of the same connection is an error and no problem.
            if (!error || error->getName() == kAlreadySubscribed) {
                heard_.begin(monotonic_now());
                refresh_all();
            }
        });
}

void Client::on_systemd_gone(const std::string& new_owner) {
    heard_.interrupt();
    if (!new_owner.empty()) {
        subscribe();
    }
}

UnitEntry& Client::entry(const std::string& unit) {
    auto& slot = units_[unit];
    if (!slot) {
        slot = std::make_unique<UnitEntry>();
    }
    return *slot;
}

void Client::read_unit(const std::string& unit, ReadCallback done) {
    UnitEntry& read = entry(unit);
    if (read.is_reading) {
        read.waiting_next.push_back(
            std::move(done));  // the running read may be older than the question
        read.is_stale = true;
        return;
    }
    read.waiting.push_back(std::move(done));
    begin_read(unit, read);
}

void Client::watch_unit(const std::string& unit, StateCallback changed) {
    UnitEntry& watched = entry(unit);
    const bool is_new = !watched.changed;
    watched.changed = std::move(changed);
    watched.last.reset();
    if (is_new) {
        try {
            retire(std::move(watched.proxy));
            watched.proxy = make_proxy(connection_, unit_path(unit));
            watched.proxy->uponSignal("PropertiesChanged")
                .onInterface(kPropertiesInterface)
                .call([this, unit](const std::string& /*interface*/,
                                   const Properties& properties,
                                   const std::vector<std::string>& invalidated) {
                    // FPM alone changes its StatusText every ten seconds: not worth a look
                    if (is_wanted(properties, invalidated)) {
                        refresh(unit);
                    }
                });
            finish_registration(*watched.proxy);
        } catch (const sdbus::Error&) {
            retire(std::move(
                watched.proxy));  // reads still work; JobRemoved and Reloading still refresh
        }
    }
    refresh(unit);
}

void Client::unwatch_unit(const std::string& unit) {
    if (const auto found = units_.find(unit); found != units_.end()) {
        found->second->changed = nullptr;
        release_if_idle(unit);
    }
}

void Client::refresh(const std::string& unit) {
    const auto found = units_.find(unit);
    if (found == units_.end()) {
        return;
    }
    if (found->second->is_reading) {
        found->second->is_stale = true;
        return;
    }
    begin_read(unit, *found->second);
}

void Client::refresh_all() {
    std::vector<std::string> watched;
    for (const auto& [unit, unit_entry] : units_) {
        if (unit_entry->changed) {
            watched.push_back(unit);
        }
    }
    for (const std::string& unit : watched) {
        refresh(unit);
    }
}

void Client::begin_read(const std::string& unit, UnitEntry& read) {
    read.is_reading = true;
    read.is_stale = false;
    read.properties.clear();
    read.failure.reset();
    read.replies_missing = kWanted.size();
    const auto ask = [this, &read, &unit](const WantedProperty& wanted) {
        read.proxy->callMethodAsync("Get")
            .onInterface(kPropertiesInterface)
            .withTimeout(kCallTimeout)
            .withArguments(std::string{wanted.interface}, std::string{wanted.name})
            .uponReplyInvoke(
                [this, unit, name = wanted.name](MaybeError error, const sdbus::Variant& value) {
                    take_property(unit, name, error, value);
                });
    };
    try {
        if (!read.proxy) {
            read.proxy = make_proxy(connection_, unit_path(unit));
        }
        std::ranges::for_each(kWanted, ask);  // all at once: one round trip
    } catch (const sdbus::Error& error) {
        read.failure = Error{"read " + unit + ": " + error.getMessage()};
        read.replies_missing = 0;
        retire(std::move(read.proxy));
        // From the loop, as every callback.
        read.failed = loop_.add_timer(Duration::zero(), [this, unit] {
            if (const auto found = units_.find(unit); found != units_.end()) {
                finish_read(unit, *found->second);
            }
        });
    }
}

void Client::take_property(const std::string& unit,
                           const char* name,
                           const MaybeError& error,
                           const sdbus::Variant& value) {
    const auto found = units_.find(unit);
    if (found == units_.end() || found->second->replies_missing == 0) {
        return;
    }
    UnitEntry& read = *found->second;
    if (error) {
        read.failure = Error{"read " + unit + ": " + error->getMessage()};
    } else {
        read.properties.emplace(name, value);
    }
    if (--read.replies_missing == 0) {
        finish_read(unit, read);
    }
}

void Client::finish_read(const std::string& unit, UnitEntry& read) {
    read.is_reading = false;
    const bool has_unit = read.properties.contains("ActiveState");
    Result<UnitState> result{read.failure.value_or(Error{"read " + unit + ": no answer"})};
    if (has_unit) {
        UnitState state = decode_unit(read.properties);
        state.id = state.id.empty() ? unit : state.id;
        heard_.tell(state, get_duration(read.properties, kLeftActive));
        state.was_perhaps_disabled = was_perhaps_disabled(
            state, read.properties, loop_.now() - monotonic_now(), unit_links_changed);
        result = std::move(state);
    }
    const auto waiting = std::exchange(read.waiting, std::exchange(read.waiting_next, {}));
    // systemd announces one change in several signals
    const bool is_news = result.has_value() && read.last != *result;
    const StateCallback changed = is_news ? read.changed : nullptr;
    if (is_news) {
        read.last = *result;
    }
    if (read.is_stale) {
        begin_read(unit, read);
    }
    for (const auto& done : waiting) {  // from here on `read` may be gone: a callback may unwatch
        done(result);
    }
    if (changed) {
        changed(*result);
    }
    release_if_idle(unit);
}

void Client::release_if_idle(const std::string& unit) {
    const auto found = units_.find(unit);
    if (found == units_.end() || found->second->changed || found->second->is_reading) {
        return;
    }
    retire(std::move(found->second->proxy));
    units_.erase(found);
}

void Client::retire(std::unique_ptr<sdbus::IProxy> proxy) {
    if (!proxy) {
        return;
    }
    retired_.push_back(std::move(proxy));
    retire_timer_ = loop_.add_timer(Duration::zero(), [this] { retired_.clear(); });
}

void Client::run_job(JobKind kind,
                     const std::string& unit,
                     Duration deadline,
                     std::function<void(Result<JobResult>)> done) {
    const std::uint64_t id = next_job_++;
    PendingJob job;
    job.id = id;
    job.done = std::move(done);
    job.deadline = loop_.add_timer(deadline, [this, id, unit] {
        finish_job(
            id, Error{"the job for " + unit + " did not finish in time; systemd goes on with it"});
    });
    jobs_.push_back(std::move(job));
    read_company(unit, [this, id, kind, unit, deadline](const Result<UnitCompany>& company) {
        const char* mode = company ? mode_of(kind, *company) : kFailMode;
        if (!company) {
            finish_job(id, company.error());
        } else if (company->has_job && mode != kFailMode) {
            finish_job(id, Error{"somebody has queued a job for " + unit});
        } else {
            queue_job(id, kind, unit, deadline, mode);
        }
    });
}

void Client::queue_job(
    std::uint64_t id, JobKind kind, const std::string& unit, Duration deadline, const char* mode) {
    if (find_job(id) == jobs_.end()) {
        return;  // its deadline has passed
    }
    const char* method = method_of(kind);
    try {
        manager_->callMethodAsync(method)
            .onInterface(kManager)
            .withTimeout(deadline)
            .withArguments(unit, std::string{mode})
            .uponReplyInvoke([this, id](MaybeError error, const sdbus::ObjectPath& path) {
                on_job_queued(id, error, path);
            });
    } catch (const sdbus::Error& error) {
        finish_job(id, Error{std::string{method} + " " + unit + ": " + error.getMessage()});
    }
}

void Client::on_job_queued(std::uint64_t id, const MaybeError& error, const std::string& path) {
    const auto job = find_job(id);
    if (job == jobs_.end()) {
        return;
    }
    if (error) {
        finish_job(id, Error{error->getMessage()});
        return;
    }
    job->path = path;
    if (const auto early = early_jobs_.find(path); early != early_jobs_.end()) {
        finish_job(id, JobResult{early->second});
    }
}

void Client::on_job_removed(std::uint32_t id,
                            const std::string& path,
                            const std::string& unit,
                            const std::string& result) {
    heard_.note(unit, id, result, monotonic_now());
    const auto job = std::ranges::find(jobs_, path, &PendingJob::path);
    if (job != jobs_.end()) {
        finish_job(job->id, JobResult{result});
    } else if (!jobs_.empty() && early_jobs_.size() < kMaxEarlyJobs) {
        early_jobs_.emplace(path, result);
    }
    std::vector<std::string> names;  // it may be watched under another name
    for (const auto& [name, watched] : units_) {
        const bool is_same = name == unit || (watched->last && watched->last->id == unit);
        if (is_same && watched->changed) {
            names.push_back(name);
        }
    }
    for (const std::string& name : names) {
        refresh(name);
    }
}

std::deque<PendingJob>::iterator Client::find_job(std::uint64_t id) {
    return std::ranges::find(jobs_, id, &PendingJob::id);
}

void Client::finish_job(std::uint64_t id, Result<JobResult> result) {
    const auto job = find_job(id);
    if (job == jobs_.end()) {
        return;
    }
    const auto done = std::move(job->done);
    jobs_.erase(job);
    if (jobs_.empty()) {
        early_jobs_.clear();
    }
    done(std::move(result));
}

// Rarely asked, so all properties of an interface at once will do.
void Client::read_all(const std::string& unit,
                      const char* interface,
                      std::function<void(Result<Properties>)> done) {
    const std::uint64_t id = next_setup_++;
    const auto take = [this, id, unit, done](MaybeError error, const Properties& properties) {
        if (const auto found = setups_.find(id); found != setups_.end()) {
            retire(std::move(found->second));
            setups_.erase(found);
        }
        if (error) {
            done(Error{"read " + unit + ": " + error->getMessage()});
        } else {
            done(properties);
        }
    };
    try {
        auto& proxy = setups_[id] = make_proxy(connection_, unit_path(unit));
        proxy->callMethodAsync("GetAll")
            .onInterface(kPropertiesInterface)
            .withTimeout(kCallTimeout)
            .withArguments(std::string{interface})
            .uponReplyInvoke(take);
    } catch (const sdbus::Error& error) {
        setups_.erase(id);
        done(Error{"read " + unit + ": " + error.getMessage()});
    }
}

void Client::read_service(const std::string& unit, std::function<void(Result<ServiceSetup>)> done) {
    read_all(unit, kService, [done = std::move(done)](const Result<Properties>& properties) {
        done(properties ? Result<ServiceSetup>{decode_setup(*properties)} : properties.error());
    });
}

void Client::read_company(const std::string& unit, std::function<void(Result<UnitCompany>)> done) {
    read_all(unit, kUnit, [this, unit, done = std::move(done)](Result<Properties> properties) {
        if (!properties) {
            done(properties.error());
        } else if (company_names(*properties).size() > kMaxCompany) {
            done(Error{"read " + unit + ": it depends on too many units"});
        } else {
            list_company(unit, *std::move(properties), done);
        }
    });
}

void Client::list_company(const std::string& unit,
                          Properties properties,
                          std::function<void(Result<UnitCompany>)> done) {
    std::set<std::string> names = company_names(properties);
    names.insert(unit);
    const std::string what = "the states of " + std::to_string(names.size()) + " units: ";
    const auto own = get<std::string>(properties, "Id", unit);  // asked for by an alias, perhaps
    const auto take = [what, own, properties = std::move(properties), done](
                          MaybeError error, const std::vector<ListedStruct>& listed) {
        done(error ? Result<UnitCompany>{Error{what + error->getMessage()}}
                   : company_of(own, properties, listed_units(listed)));
    };
    try {
        manager_->callMethodAsync("ListUnitsByNames")
            .onInterface(kManager)
            .withTimeout(kCallTimeout)
            .withArguments(std::vector<std::string>{names.begin(), names.end()})
            .uponReplyInvoke(take);
    } catch (const sdbus::Error& error) {
        done(Error{what + error.getMessage()});
    }
}

void Client::read_standing(const std::string& unit,
                           std::function<void(Result<core::UnitStanding>)> done) {
    const std::uint64_t id = next_standing_++;
    StandingRead& read = standings_[id];
    read.done = done;
    try {
        read.proxy = make_proxy(connection_, unit_path(unit));
        for (const WantedProperty& wanted : kStanding) {
            read.proxy->callMethodAsync("Get")
                .onInterface(kPropertiesInterface)
                .withTimeout(kCallTimeout)
                .withArguments(std::string{wanted.interface}, std::string{wanted.name})
                .uponReplyInvoke(
                    [this, id, name = wanted.name](MaybeError error, const sdbus::Variant& value) {
                        take_standing(id, name, error, value);
                    });
        }
    } catch (const sdbus::Error& error) {
        retire(std::move(read.proxy));
        standings_.erase(id);
        done(Error{"read " + unit + ": " + error.getMessage()});
    }
}

void Client::take_standing(std::uint64_t id,
                           const char* name,
                           const MaybeError& error,
                           const sdbus::Variant& value) {
    const auto found = standings_.find(id);
    if (found == standings_.end()) {
        return;
    }
    StandingRead& read = found->second;
    if (error) {
        read.failure = Error{"read a unit: " + error->getMessage()};
    } else {
        read.properties.emplace(name, value);
    }
    if (--read.replies_missing > 0) {
        return;
    }
    // No service has no MainPID: the rest of it is still an answer.
    const bool has_unit = read.properties.contains("LoadState");
    const Result<core::UnitStanding> result =
        has_unit
            ? Result<core::UnitStanding>{decode_standing(read.properties)}
            : Result<core::UnitStanding>{read.failure.value_or(Error{"read a unit: no answer"})};
    const auto done = std::move(read.done);
    retire(std::move(read.proxy));
    standings_.erase(found);
    done(result);
}

void Client::reload_daemon(Duration deadline, std::function<void(core::Status)> done) {
    const auto failed = [](const sdbus::Error& error) {
        return Error{"daemon-reload: " + error.getMessage()};
    };
    try {
        manager_->callMethodAsync("Reload")
            .onInterface(kManager)
            .withTimeout(deadline)
            .uponReplyInvoke([done, failed](MaybeError error) {
                done(error ? core::Status{failed(*error)} : core::Status{core::Done{}});
            });
    } catch (const sdbus::Error& error) {
        done(failed(error));
    }
}

void Client::read_system_state(std::function<void(Result<std::string>)> done) {
    const auto take = [done](const MaybeError& error, const sdbus::Variant& value) {
        if (error) {
            done(Error{"read the system's state: " + error->getMessage()});
        } else if (!value.containsValueOfType<std::string>()) {
            done(Error{"read the system's state: not a word"});
        } else {
            done(value.get<std::string>());
        }
    };
    try {
        manager_->callMethodAsync("Get")
            .onInterface(kPropertiesInterface)
            .withTimeout(kCallTimeout)
            .withArguments(std::string{kManager}, std::string{"SystemState"})
            .uponReplyInvoke(
                [take](MaybeError error, const sdbus::Variant& value) { take(error, value); });
    } catch (const sdbus::Error& error) {
        done(Error{"read the system's state: " + error.getMessage()});
    }
}

}  // namespace

core::UnitState decode_unit(const Properties& properties) {
    UnitState state;
    state.id = get<std::string>(properties, "Id", "");
    state.has_missed_jobs = true;  // whoever has listened knows better
    const auto load = get<std::string>(properties, "LoadState", "");
    const auto file = get<std::string>(properties, "UnitFileState", "");
    state.is_loaded = load == "loaded";
    state.is_masked = load == "masked" || file.starts_with("masked");
    state.is_enabled = core::is_enabled_state(file);
    state.active = core::active_state_from_id(get<std::string>(properties, "ActiveState", ""));
    state.sub = get<std::string>(properties, "SubState", "");
    state.result = core::unit_result_from_id(get<std::string>(properties, "Result", "success"));
    state.exec_main_code = get<std::int32_t>(properties, "ExecMainCode", 0);
    state.exec_main_status = get<std::int32_t>(properties, "ExecMainStatus", 0);
    state.has_job = std::get<0>(get<JobStruct>(properties, "Job", JobStruct{})) != 0;
    state.invocation_id = hex(get<std::vector<std::uint8_t>>(properties, "InvocationID", {}));
    state.restarts = get<std::uint32_t>(properties, "NRestarts", 0);
    const auto loudest = get<std::int32_t>(properties, "LogLevelMax", -1);  // -1: all is written
    state.is_muted = loudest >= 0 && loudest < LOG_INFO;
    state.changed = core::TimePoint{get_duration(properties, "StateChangeTimestamp")};
    // `systemctl reset-failed` is a change, too, but not of what the unit does: it went down
    // before.
    const Duration went_down = get_duration(properties, "InactiveEnterTimestamp");
    if (core::is_down(state) && went_down > Duration::zero()) {
        state.changed = core::TimePoint{went_down};
    }
    state.last_active = core::TimePoint{get_duration(properties, "ActiveEnterTimestamp")};
    state.is_unstarted = properties.contains("ActiveEnterTimestamp") &&
                         properties.contains("InvocationID") && state.invocation_id.empty() &&
                         state.last_active == core::TimePoint{};
    state.start_limit_burst = get<std::uint32_t>(properties, "StartLimitBurst", 0);
    state.start_limit_interval = get_duration(properties, "StartLimitIntervalUSec");
    return state;
}

bool was_perhaps_disabled(const core::UnitState& state,
                          const Properties& properties,
                          core::TimePoint booted,
                          const std::function<core::TimePoint()>& links_changed) {
    const bool is_disabled =
        core::is_disabled_state(get<std::string>(properties, "UnitFileState", ""));
    if (!is_disabled || !core::is_down(state) || core::is_restart_pending(state)) {
        return false;
    }
    // Disabled while it was up, it is only not started at boot. What has not been up since boot
    // went down when its start failed.
    core::TimePoint up_until = state.changed;
    if (const Duration left = get_duration(properties, kLeftActive); left > Duration::zero()) {
        // The clock may have been set since, and the links have the time of another.
        up_until = std::min(core::TimePoint{get_duration(properties, kLeftActiveByTheWall)},
                            booted + left);
    }
    return links_changed() > up_until;
}

core::UnitStanding decode_standing(const Properties& properties) {
    core::UnitStanding standing;
    const auto load = get<std::string>(properties, "LoadState", "");
    const auto file = get<std::string>(properties, "UnitFileState", "");
    standing.name = get<std::string>(properties, "Id", "");
    standing.is_loaded = load == "loaded";
    standing.is_masked = load == "masked" || file.starts_with("masked");
    standing.is_enabled = core::is_enabled_state(file);
    standing.active = core::active_state_from_id(get<std::string>(properties, "ActiveState", ""));
    standing.last_active = core::TimePoint{get_duration(properties, "ActiveEnterTimestamp")};
    standing.left_active = core::TimePoint{get_duration(properties, "ActiveExitTimestamp")};
    standing.main_pid = get<std::uint32_t>(properties, "MainPID", 0);
    // What is active changes its state for a reload alone. Why not the times of ExecReload: a
    // daemon-reload forgets them.
    const core::TimePoint changed{get_duration(properties, "StateChangeTimestamp")};
    if (standing.active == core::ActiveState::kActive && changed > standing.last_active &&
        get<std::string>(properties, "ReloadResult", "") == "success") {
        standing.last_reload = changed;
    }
    return standing;
}

SystemdClient::~SystemdClient() = default;

Result<std::unique_ptr<SystemdClient>> SystemdClient::open(Connection& connection,
                                                           EventLoop& loop) {
    try {
        auto client = std::make_unique<Client>(connection, loop);
        client->start();
        return std::unique_ptr<SystemdClient>{std::move(client)};
    } catch (const sdbus::Error& error) {
        return Error{"talk to systemd: " + error.getMessage()};
    }
}

}  // namespace gatemend::bus
