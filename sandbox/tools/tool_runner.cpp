// SPDX-License-Identifier: MIT
#include "sandbox/tools/tool_runner.hpp"

#include "sandbox/tools/output_pipe.hpp"
#include "sandbox/tools/unit_properties.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <deque>
#include <map>
#include <tuple>
#include <utility>

namespace gatemend::sandbox {
namespace {

using bus::MaybeError;
using core::Done;
using core::Duration;
using core::Error;
using core::Result;
using core::Status;

constexpr const char* kSystemd = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kService = "org.freedesktop.systemd1.Service";
constexpr const char* kPropertiesInterface = "org.freedesktop.DBus.Properties";
constexpr const char* kUnitPathPrefix = "/org/freedesktop/systemd1/unit";
constexpr std::size_t kMaxRunning = 16;
// Of these, what only looks may have: a slot is always free for an act and for its tests.
constexpr std::size_t kMaxLooking = 12;
// Looks that wait for a slot, and for how long; more, or longer, is refused.
constexpr std::size_t kMaxWaiting = 64;
constexpr auto kLongestWait = std::chrono::seconds{5};
// systemd ends the tool at its deadline; this much later we stop waiting for systemd.
constexpr auto kGrace = std::chrono::seconds{2};
constexpr std::int32_t kExited = 1;  // CLD_EXITED

using AuxUnit = sdbus::Struct<std::string, std::vector<UnitProperty>>;
using Callback = std::function<void(Result<ToolOutcome>)>;

bool is_look(ToolProfile profile) {
    switch (profile) {
        case ToolProfile::kProbe:
        case ToolProfile::kRemoteProbe:
        case ToolProfile::kInspect:
        case ToolProfile::kPacketFilter:
            return true;
        case ToolProfile::kNginxTest:
        case ToolProfile::kFpmTest:
        case ToolProfile::kMend:
        case ToolProfile::kJournal:
        case ToolProfile::kPm2:
        case ToolProfile::kCapture:
            return false;
    }
    return false;
}

struct Waiting {
    ToolSpec spec;
    Callback done;
    core::TimePoint since{};
};

struct Running {
    std::string unit;
    bool is_look = false;
    OutputPipe out;
    OutputPipe err;
    Callback done;  // empty: answered before the end, as launch() promises
    std::string sign_of_life;
    bus::Source deadline;
    std::unique_ptr<sdbus::IProxy> proxy;  // of the unit, once the process has ended
};

class Runner final : public ToolRunner {
  public:
    Runner(bus::Connection& connection, bus::EventLoop& loop)
        : connection_(connection),
          loop_(loop) {}

    void start();
    void run(const ToolSpec& spec, Callback done) override;
    void launch(const ToolSpec& spec, int output, Callback started) override;

  private:
    [[nodiscard]] bool has_slot_for(ToolProfile profile) const;
    void wait(const ToolSpec& spec, Callback done);
    void run_now(const ToolSpec& spec, Callback done);
    void run_waiting();
    // nullptr: refused, and `done` knows.
    [[nodiscard]] Running* admit(const ToolSpec& spec, Callback done);
    [[nodiscard]] Status start_unit(const ToolSpec& spec, Running& running, ToolPipes pipes);
    void on_words(const std::string& unit);
    void on_ended(const std::string& unit);
    void on_status(const std::string& unit,
                   const std::map<std::string, sdbus::Variant>& properties);
    void on_overdue(const std::string& unit);
    void finish(const std::string& unit, Result<ToolOutcome> result);
    void forget_unit(const std::string& unit);

    bus::Connection& connection_;
    bus::EventLoop& loop_;
    std::unique_ptr<sdbus::IProxy> manager_;
    std::map<std::string, std::unique_ptr<Running>> running_;
    std::deque<Waiting> waiting_;  // looks, oldest first
    // Proxies must not die inside their own callbacks.
    std::vector<std::unique_ptr<Running>> ended_;
    bus::Source ended_timer_;
    std::uint64_t next_number_ = 1;
};

void Runner::start() {
    manager_ = sdbus::createProxy(
        connection_.raw(), bus::ServiceName{kSystemd}, bus::ObjectPath{kManagerPath});
    manager_->uponSignal("JobRemoved")
        .onInterface(kManager)
        .call([this](std::uint32_t /*id*/,
                     const sdbus::ObjectPath& /*job*/,
                     const std::string& unit,
                     const std::string& /*result*/) { on_ended(unit); });
    bus::finish_registration(*manager_);
    manager_->callMethodAsync("Subscribe").onInterface(kManager).uponReplyInvoke([](MaybeError) {
        // a second Subscribe of one connection is an error and no problem
    });
}

Running* Runner::admit(const ToolSpec& spec, Callback done) {
    if (running_.size() >= kMaxRunning) {
        done(Error{"too many tools are running"});
        return nullptr;
    }
    if (spec.argv.empty() || spec.argv.front().empty() || spec.argv.front().front() != '/') {
        done(Error{"a tool needs an absolute path"});
        return nullptr;
    }
    auto running = std::make_unique<Running>();
    running->unit = "gatemend-tool-" + std::to_string(getpid()) + "-" +
                    std::to_string(next_number_++) + ".service";
    running->is_look = is_look(spec.profile);
    running->done = std::move(done);
    const std::string unit = running->unit;
    return running_.emplace(unit, std::move(running)).first->second.get();
}

bool Runner::has_slot_for(ToolProfile profile) const {
    const auto looking =
        std::ranges::count_if(running_, [](const auto& entry) { return entry.second->is_look; });
    return running_.size() < kMaxRunning &&
           (!is_look(profile) || static_cast<std::size_t>(looking) < kMaxLooking);
}

// A look at the machine is one for many, or an act's own: it goes before probes.
void Runner::wait(const ToolSpec& spec, Callback done) {
    if (waiting_.size() >= kMaxWaiting) {
        done(Error{"too many tools are running"});
        return;
    }
    auto place = waiting_.end();
    if (spec.profile == ToolProfile::kInspect) {
        place = std::ranges::find_if(waiting_, [](const Waiting& other) {
            return other.spec.profile != ToolProfile::kInspect;
        });
    }
    waiting_.insert(place, Waiting{spec, std::move(done), loop_.now()});
}

void Runner::run_waiting() {
    while (!waiting_.empty()) {
        const bool is_late = loop_.now() - waiting_.front().since >= kLongestWait;
        if (!is_late && !has_slot_for(waiting_.front().spec.profile)) {
            return;
        }
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        if (is_late) {
            next.done(Error{"too many tools are running"});
        } else {
            run_now(next.spec, std::move(next.done));
        }
    }
}

void Runner::run(const ToolSpec& spec, Callback done) {
    if (is_look(spec.profile) && !has_slot_for(spec.profile)) {
        wait(spec, std::move(done));
    } else {
        run_now(spec, std::move(done));
    }
}

void Runner::run_now(const ToolSpec& spec, Callback done) {
    Running* running = admit(spec, std::move(done));
    if (running == nullptr) {
        return;
    }
    const auto start = [&]() -> Status {
        GATEMEND_TRY(out, running->out.open(loop_, spec.max_output));
        GATEMEND_TRY(err, running->err.open(loop_, spec.max_output));
        return start_unit(spec, *running, {.out = out, .err = err});
    };
    if (const Status status = start(); !status) {
        finish(running->unit, status.error());
    }
}

void Runner::launch(const ToolSpec& spec, int output, Callback started) {
    Running* running = admit(spec, std::move(started));
    if (running == nullptr) {
        return;
    }
    const auto start = [&]() -> Status {
        GATEMEND_TRY(err, running->err.open(loop_, spec.max_output));
        return start_unit(spec, *running, {.out = output, .err = err});
    };
    running->sign_of_life = spec.sign_of_life;
    running->err.on_bytes([this, unit = running->unit] { on_words(unit); });
    if (const Status status = start(); !status) {
        finish(running->unit, status.error());
    }
}

void Runner::on_words(const std::string& unit) {
    const auto found = running_.find(unit);
    if (found == running_.end() ||
        found->second->err.text().find(found->second->sign_of_life) == std::string::npos) {
        return;
    }
    if (const Callback started = std::exchange(found->second->done, nullptr)) {
        ToolOutcome outcome;
        outcome.is_running = true;
        started(std::move(outcome));
    }
}

Status Runner::start_unit(const ToolSpec& spec, Running& running, ToolPipes pipes) {
    const std::string unit = running.unit;
    try {
        manager_->callMethodAsync("StartTransientUnit")
            .onInterface(kManager)
            .withTimeout(spec.deadline + kGrace)
            .withArguments(unit,
                           std::string{"fail"},
                           make_unit_properties(spec, pipes),
                           std::vector<AuxUnit>{})
            .uponReplyInvoke([this, unit](MaybeError error, const sdbus::ObjectPath& /*job*/) {
                if (error) {
                    finish(unit, Error{"start " + unit + ": " + error->getMessage()});
                }
            });
    } catch (const sdbus::Error& error) {
        return Error{"start " + unit + ": " + error.getMessage()};
    }
    running.out.close_write_end();
    running.err.close_write_end();
    running.deadline = loop_.add_timer(spec.deadline + kGrace, [this, unit] { on_overdue(unit); });
    return Done{};
}

void Runner::on_ended(const std::string& unit) {
    const auto found = running_.find(unit);
    if (found == running_.end() || found->second->proxy) {
        return;
    }
    Running& running = *found->second;
    // One GetAll instead of three Gets; the unit is still there because of AddRef.
    std::string path{kUnitPathPrefix};
    path.push_back('/');
    for (const char c : unit) {
        // the names are ours: letters, digits, '-' and '.'
        path.append(c == '-' ? "_2d" : c == '.' ? "_2e" : std::string(1, c));
    }
    try {
        running.proxy = sdbus::createProxy(
            connection_.raw(), bus::ServiceName{kSystemd}, bus::ObjectPath{path});
        running.proxy->callMethodAsync("GetAll")
            .onInterface(kPropertiesInterface)
            .withTimeout(kGrace)
            .withArguments(std::string{kService})
            .uponReplyInvoke([this, unit](MaybeError error,
                                          const std::map<std::string, sdbus::Variant>& properties) {
                if (error) {
                    finish(unit, Error{"read the end of " + unit + ": " + error->getMessage()});
                } else {
                    on_status(unit, properties);
                }
            });
    } catch (const sdbus::Error& error) {
        finish(unit, Error{"read the end of " + unit + ": " + error.getMessage()});
    }
}

void Runner::on_status(const std::string& unit,
                       const std::map<std::string, sdbus::Variant>& properties) {
    const auto found = running_.find(unit);
    if (found == running_.end()) {
        return;
    }
    ToolOutcome outcome;
    try {
        if (properties.at("ExecMainCode").get<std::int32_t>() == kExited) {
            outcome.exit_code = properties.at("ExecMainStatus").get<std::int32_t>();
        }
        outcome.is_timed_out = properties.at("Result").get<std::string>() == "timeout";
    } catch (const sdbus::Error& error) {
        finish(unit, Error{"read the end of " + unit + ": " + error.getMessage()});
        return;
    } catch (const std::out_of_range&) {
        finish(unit, Error{"read the end of " + unit + ": systemd does not tell"});
        return;
    }
    finish(unit, std::move(outcome));
}

void Runner::on_overdue(const std::string& unit) {
    try {
        manager_->callMethodAsync("KillUnit")
            .onInterface(kManager)
            .withArguments(unit, std::string{"all"}, std::int32_t{SIGKILL})
            .uponReplyInvoke([](MaybeError) {});  // it may be gone by now
    } catch (const sdbus::Error&) {
        // the bus is lost: systemd's own deadline ends the tool
    }
    ToolOutcome outcome;
    outcome.is_timed_out = true;
    finish(unit, std::move(outcome));
}

void Runner::finish(const std::string& unit, Result<ToolOutcome> result) {
    const auto found = running_.find(unit);
    if (found == running_.end()) {
        return;
    }
    std::unique_ptr<Running> running = std::move(found->second);
    running_.erase(found);
    running->deadline.reset();
    if (result) {
        // What the process wrote before it ended is in the pipes by now.
        running->out.drain();
        running->err.drain();
        result->is_cut = running->out.is_cut() || running->err.is_cut();
        result->out = std::move(running->out.text());
        result->err = std::move(running->err.text());
    }
    forget_unit(unit);
    const Callback done = std::move(running->done);
    ended_.push_back(std::move(running));
    ended_timer_ = loop_.add_timer(Duration::zero(), [this] { ended_.clear(); });
    if (done) {
        done(std::move(result));
    }
    run_waiting();
}

void Runner::forget_unit(const std::string& unit) {
    try {
        manager_->callMethodAsync("UnrefUnit")
            .onInterface(kManager)
            .withArguments(unit)
            .uponReplyInvoke([](MaybeError) {});  // never started: nothing to forget
    } catch (const sdbus::Error&) {
        // systemd drops our references with the connection
    }
}

}  // namespace

ToolRunner::~ToolRunner() = default;

Result<std::unique_ptr<ToolRunner>> ToolRunner::open(bus::Connection& connection,
                                                     bus::EventLoop& loop) {
    try {
        auto runner = std::make_unique<Runner>(connection, loop);
        runner->start();
        return std::unique_ptr<ToolRunner>{std::move(runner)};
    } catch (const sdbus::Error& error) {
        return Error{"talk to systemd: " + error.getMessage()};
    }
}

}  // namespace gatemend::sandbox
