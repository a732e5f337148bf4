// SPDX-License-Identifier: MIT
#include "sandbox/tools/guards.hpp"

#include "executor_fakes.hpp"
#include "sandbox/tools/package_lock.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace gatemend::sandbox {
namespace {

using core::HoldKind;
using namespace std::chrono_literals;

constexpr core::TimePoint kNow{1'700'000'000s};
constexpr core::Duration kSinceBoot = 5h;
const std::string kHolds = std::string{kHoldFolder} + "/";

// Another process with a lock on `path`, as dpkg takes it; until it is let go.
class LockingProcess {
  public:
    LockingProcess(const std::string& path, short type) {
        std::array<int, 2> locked{};
        std::array<int, 2> end{};
        EXPECT_EQ(::pipe(locked.data()), 0);
        EXPECT_EQ(::pipe(end.data()), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            hold(path, type, locked[1], end[0], end[1]);
        }
        (void)::close(locked[1]);
        (void)::close(end[0]);
        end_ = end[1];
        char byte = 0;
        EXPECT_EQ(::read(locked[0], &byte, 1), 1) << "the lock was not taken";
        (void)::close(locked[0]);
    }

    LockingProcess(const LockingProcess&) = delete;
    LockingProcess& operator=(const LockingProcess&) = delete;

    ~LockingProcess() { let_go(); }

    void let_go() {
        if (pid_ > 0) {
            (void)::close(end_);
            (void)::waitpid(std::exchange(pid_, 0), nullptr, 0);
        }
    }

    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    [[noreturn]] static void hold(
        const std::string& path, short type, int locked, int end, int unused) {
        (void)::close(unused);
        const int fd = ::open(path.c_str(), O_RDWR);

        struct flock lock {};

        lock.l_type = type;
        if (::fcntl(fd, F_SETLK, &lock) == 0) {
            (void)!::write(locked, "x", 1);
        }
        (void)::close(locked);
        char byte = 0;
        (void)!::read(end, &byte, 1);  // until the parent closes its end
        ::_exit(0);
    }

    pid_t pid_ = 0;
    int end_ = -1;
};

class GuardedMachine : public ::testing::Test {
  protected:
    GuardedMachine() {
        for (const char* folder : {"/proc/1",
                                   "/proc/pressure",
                                   "/run/systemd/shutdown",
                                   "/var/lib/dpkg",
                                   "/var/lib/rpm",
                                   "/run/gatemend/hold.d"}) {
            std::filesystem::create_directories(root.path() + folder);
        }
        set_uptime(1h);
        core::UnitState& unit = systemd.units[kFpm];
        unit = make_crashed_unit();
        unit.last_active = kNow - 30min;
        unit.start_limit_burst = 5;
        unit.start_limit_interval = 10s;
        question.unit = kFpm;
        question.act = actions::ActId::kStartUnit;
    }

    void write(const std::string& path, const std::string& text) {
        test::overwrite(root.path() + path, text);
    }

    void set_uptime(core::Duration age) {
        write("/proc/1/stat", stat_text(1, "systemd", kSinceBoot - age));
    }

    static std::string stat_text(int pid, const std::string& name, core::Duration started) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(started).count();
        std::string text = std::to_string(pid) + " (" + name + ") S";
        for (int field = 4; field < 22; ++field) {
            text += " 0";
        }
        return text + " " + std::to_string(seconds * ::sysconf(_SC_CLK_TCK)) + " 1 2 3\n";
    }

    void set_pressure(const std::string& resource, const std::string& full) {
        write("/proc/pressure/" + resource,
              "some avg10=99.00 avg60=99.00 avg300=99.00 total=1\n"
              "full avg10=" +
                  full + " avg60=0.00 avg300=0.00 total=1\n");
    }

    // Written just now.
    void mark(const std::string& name, const HoldMarker& marker) {
        write(kHolds + name, encode_marker(marker));
        const timespec time{std::chrono::seconds{kNow.time_since_epoch() / 1s}.count(), 0};
        const timespec times[2] = {time, time};
        ASSERT_EQ(::utimensat(AT_FDCWD, (root.path() + kHolds + name).c_str(), times, 0), 0);
    }

    std::vector<core::Hold> check() {
        GuardView view;
        view.root = root.path();
        view.owner = ::geteuid();
        view.now = [] { return kNow; };
        view.since_boot = [] { return kSinceBoot; };
        std::optional<std::vector<core::Hold>> holds;
        Guards(systemd, view).check(question, [&](std::vector<core::Hold> found) {
            holds = std::move(found);
        });
        return holds.value();
    }

    core::Hold only_hold() {
        const auto holds = check();
        EXPECT_EQ(holds.size(), 1U);
        return holds.empty() ? core::Hold{} : holds.front();
    }

    test::TempDir root;
    FakeSystemd systemd;
    GuardQuestion question;
};

class PackageGuard : public GuardedMachine {};

TEST_F(PackageGuard, HoldsWhileAnotherProcessHasDpkgsLockAndNoLonger) {
    write("/var/lib/dpkg/lock-frontend", "");
    ASSERT_TRUE(check().empty());

    LockingProcess dpkg(root.path() + "/var/lib/dpkg/lock-frontend", F_WRLCK);
    std::filesystem::create_directories(root.path() + "/proc/" + std::to_string(dpkg.pid()));
    write("/proc/" + std::to_string(dpkg.pid()) + "/stat",
          stat_text(dpkg.pid(), "apt-get", kSinceBoot - 2min));
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kPackageManager);
    EXPECT_EQ(hold.owner, "apt-get");
    EXPECT_EQ(hold.text,
              "apt-get (pid " + std::to_string(dpkg.pid()) + ", for 2m) holds " + root.path() +
                  "/var/lib/dpkg/lock-frontend");

    dpkg.let_go();
    EXPECT_TRUE(check().empty());
}

TEST_F(PackageGuard, NamesAHolderOfSeveralLocksOnce) {
    write("/var/lib/dpkg/lock-frontend", "");
    std::filesystem::create_hard_link(root / "var/lib/dpkg/lock-frontend",
                                      root / "var/lib/dpkg/lock");
    const LockingProcess dpkg(root / "var/lib/dpkg/lock-frontend", F_WRLCK);
    EXPECT_EQ(check().size(), 1U);
}

TEST_F(PackageGuard, HoldsForAHolderThatCannotBeSeen) {
    write("/var/lib/dpkg/lock", "");
    const LockingProcess dpkg(root / "var/lib/dpkg/lock", F_WRLCK);
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.owner, "package manager");
    EXPECT_EQ(hold.text,
              "a process (pid " + std::to_string(dpkg.pid()) + ") holds " + root.path() +
                  "/var/lib/dpkg/lock");
}

TEST_F(PackageGuard, LetsQueriesOfRpmRead) {
    write("/var/lib/rpm/.rpm.lock", "");
    const LockingProcess rpm(root / "var/lib/rpm/.rpm.lock", F_RDLCK);
    EXPECT_TRUE(check().empty());
}

TEST_F(PackageGuard, TakesNoLockItself) {
    const std::string path = root / "var/lib/dpkg/lock";
    write("/var/lib/dpkg/lock", "");
    ASSERT_FALSE(find_lock_holder(path, "/proc", kSinceBoot));
    const LockingProcess dpkg(path, F_WRLCK);  // expects to get it
    const auto holder = find_lock_holder(path, "/proc", kSinceBoot);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->pid, static_cast<std::uint32_t>(dpkg.pid()));
    EXPECT_NE(holder->name, "");
}

class BootGuard : public GuardedMachine {};

TEST_F(BootGuard, HoldsWhatHasNotBeenUpSinceBootUntilTheGraceIsOver) {
    systemd.units[kFpm].last_active = {};
    set_uptime(20s);
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kBooting);
    EXPECT_EQ(hold.until, kNow + 40s);
    EXPECT_NE(hold.text.find("has not been active since"), std::string::npos) << hold.text;

    set_uptime(60s);
    EXPECT_TRUE(check().empty());
}

TEST_F(BootGuard, LetsACrashBeHealedWithinTheGrace) {
    set_uptime(20s);
    EXPECT_TRUE(check().empty());
}

TEST_F(BootGuard, HasNoGraceWhereTheSettingsSaySo) {
    systemd.units[kFpm].last_active = {};
    set_uptime(1s);
    question.limits.boot_grace = 0s;
    EXPECT_TRUE(check().empty());
}

TEST_F(BootGuard, HoldsARestartWhileTheMachineBootsButNotTheStartOfWhatCrashed) {
    systemd.system_state = "starting";
    set_uptime(20s);
    EXPECT_TRUE(check().empty());

    question.act = actions::ActId::kRestartUnit;
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kBooting);
    EXPECT_EQ(hold.owner, "systemd");
    EXPECT_EQ(hold.text, "the machine is booting (starting, for 20s)");
}

TEST_F(BootGuard, GivesUpOnABootThatDoesNotEnd) {
    systemd.system_state = "starting";
    question.act = actions::ActId::kRestartUnit;
    set_uptime(kLongestBoot - 1s);
    EXPECT_EQ(check().size(), 1U);
    set_uptime(kLongestBoot);
    EXPECT_TRUE(check().empty());
}

class ShutdownGuard : public GuardedMachine {
  protected:
    void schedule(core::Duration ahead, const std::string& mode) {
        write("/run/systemd/shutdown/scheduled",
              "USEC=" + std::to_string((kNow + ahead).time_since_epoch().count()) +
                  "\nWARN_WALL=1\nMODE=" + mode + "\n");
    }
};

TEST_F(ShutdownGuard, HoldsWhileTheMachineStops) {
    systemd.system_state = "stopping";
    EXPECT_EQ(only_hold().kind, HoldKind::kShuttingDown);
}

TEST_F(ShutdownGuard, HoldsInTheLastMinuteBeforeAScheduledOne) {
    schedule(61s, "reboot");
    EXPECT_TRUE(check().empty());
    schedule(60s, "reboot");
    EXPECT_EQ(only_hold().text, "reboot is scheduled, 1m from now");
}

TEST_F(ShutdownGuard, IgnoresWhatWillNotOrDidNotHappen) {
    schedule(10s, "dry-poweroff");
    EXPECT_TRUE(check().empty());
    schedule(-1s, "poweroff");
    EXPECT_TRUE(check().empty());
    write("/run/systemd/shutdown/scheduled", "USEC=99999999999999999999999\nMODE=poweroff\n");
    EXPECT_TRUE(check().empty());
}

class DeployGuard : public GuardedMachine {};

TEST_F(DeployGuard, HoldsUntilTheMarkerSays) {
    mark("alice-812", {.until = kNow + 10min, .by = "alice", .reason = "release 42", .pid = 812});
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kDeploying);
    EXPECT_EQ(hold.owner, "alice");
    EXPECT_EQ(hold.until, kNow + 10min);
    EXPECT_EQ(hold.text,
              "deploy marker " + root.path() + kHolds + "alice-812" +
                  ": alice, pid 812, until 2023-11-14T22:23:20Z: release 42");
}

TEST_F(DeployGuard, NamesEverybodyWhoHolds) {
    mark("b", {.until = kNow + 1min, .by = "bob"});
    mark("a", {.until = kNow + 1min, .by = "ann"});
    const auto holds = check();
    ASSERT_EQ(holds.size(), 2U);
    EXPECT_EQ(holds[0].owner, "ann");
    EXPECT_EQ(holds[1].owner, "bob");
}

TEST_F(DeployGuard, HoldsWhenTheFolderCannotBeLookedInto) {
    std::filesystem::remove(root / "run/gatemend/hold.d");
    std::filesystem::create_directory_symlink(root.path(), root / "run/gatemend/hold.d");
    EXPECT_EQ(only_hold().kind, HoldKind::kDeploying);
}

class StartBudgetGuard : public GuardedMachine {};

TEST_F(StartBudgetGuard, HoldsWhatSystemdRefuses) {
    systemd.units[kFpm].result = core::UnitResult::kStartLimitHit;
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kStartBudget);
    EXPECT_EQ(hold.owner, "systemd");
    EXPECT_NE(hold.text.find("5 starts in 10s"), std::string::npos) << hold.text;
}

TEST_F(StartBudgetGuard, LeavesTheLastStartToAPerson) {
    question.own_starts = {kNow - 60s, kNow - 9s, kNow - 6s, kNow - 3s};
    EXPECT_TRUE(check().empty());  // ours would be the fourth of five

    question.own_starts.push_back(kNow - 1s);
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kStartBudget);
    EXPECT_EQ(hold.until, kNow + 9s);
}

TEST_F(StartBudgetGuard, CountsRestartsOfSystemdWhileTheNewestIsRecent) {
    core::UnitState& unit = systemd.units[kFpm];
    unit.restarts = 4;
    EXPECT_TRUE(check().empty());
    unit.last_active = kNow - 2s;
    EXPECT_EQ(only_hold().until, kNow + 8s);
}

TEST_F(StartBudgetGuard, AllowsTheFirstStartOfAUnitThatMayStartOnce) {
    systemd.units[kFpm].start_limit_burst = 1;
    EXPECT_TRUE(check().empty());
    question.own_starts = {kNow - 1s};
    EXPECT_EQ(check().size(), 1U);
}

TEST_F(StartBudgetGuard, HasNothingToSayWithoutALimitOrWithoutAStart) {
    question.own_starts = {kNow, kNow, kNow, kNow};
    systemd.units[kFpm].start_limit_interval = 0s;
    EXPECT_TRUE(check().empty());
    systemd.units[kFpm].start_limit_interval = 10s;
    question.act = actions::ActId::kReloadUnit;
    EXPECT_TRUE(check().empty());
}

TEST_F(StartBudgetGuard, CountsStartsOfTheLedgerOnTheUnitAlone) {
    core::Ledger ledger;
    const auto add = [&ledger](const char* act, const std::string& unit, core::TimePoint time) {
        ledger.attempts.push_back({.time = time,
                                   .rule = "",
                                   .act = act,
                                   .unit = unit,
                                   .outcome = core::ActOutcome::kSucceeded});
    };
    add("start-unit", kFpm, kNow);
    add("restart-unit", kFpm, kNow + 1s);
    add("reload-unit", kFpm, kNow);
    add("start-unit", "nginx.service", kNow);
    ledger.attempts.push_back({.time = kNow + 2s, .rule = "", .act = "start-unit", .unit = kFpm});
    EXPECT_EQ(starts_of(ledger, kFpm), (std::vector<core::TimePoint>{kNow, kNow + 1s}))
        << "the one that is about to begin has not begun";
}

class PressureGuard : public GuardedMachine {};

TEST_F(PressureGuard, HoldsARestartAboveTheLimits) {
    question.act = actions::ActId::kRestartUnit;
    set_pressure("memory", "40.00");
    set_pressure("io", "80.00");
    EXPECT_TRUE(check().empty());

    set_pressure("memory", "40.10");
    const core::Hold hold = only_hold();
    EXPECT_EQ(hold.kind, HoldKind::kPressure);
    EXPECT_EQ(hold.owner, "kernel");
    EXPECT_EQ(hold.text,
              "everything that runs waited for memory in 40.1 % of the last 10s "
              "(/proc/pressure/memory), limit 40 %");
    set_pressure("io", "93.00");
    EXPECT_EQ(check().size(), 2U);
}

TEST_F(PressureGuard, LetsWhatIsDownBeStartedUnlessThereIsNoHope) {
    set_pressure("io", "99.00");
    set_pressure("memory", "90.00");
    EXPECT_TRUE(check().empty());
    set_pressure("memory", "90.10");
    EXPECT_EQ(only_hold().kind, HoldKind::kPressure);
}

TEST_F(PressureGuard, LeavesAloneWhatLoadsNothing) {
    question.act = actions::ActId::kVacuumJournal;
    set_pressure("memory", "100.00");
    EXPECT_TRUE(check().empty());
}

TEST_F(PressureGuard, IsSilentWhereTheKernelIs) {
    question.act = actions::ActId::kRestartUnit;
    for (const char* text : {"", "full avg10=", "full avg10=x.1", "full avg10=101.00 ", "some"}) {
        write("/proc/pressure/memory", text);
        EXPECT_TRUE(check().empty()) << text;
    }
}

TEST(GuardView, SeesThisMachine) {
    const GuardView view = GuardView::of_this_machine();
    EXPECT_GT(view.since_boot(), core::Duration::zero());
    EXPECT_GT(view.now(), kNow);
    EXPECT_EQ(view.owner, 0U);
}

TEST(Gate, JoinsWhatTheGuardsFound) {
    EXPECT_FALSE(gate_hold_of({}));
    const auto hold = gate_hold_of(
        {{HoldKind::kDeploying, "a", "one", {}}, {HoldKind::kPressure, "kernel", "two", {}}});
    ASSERT_TRUE(hold);
    EXPECT_EQ(hold->kind, HoldKind::kDeploying);
    EXPECT_EQ(hold->text, "one; two");
}

TEST(Executor, IsHeldBackByAGuardWhenItPlansAndWhenItActs) {
    ExecutorMachine machine;
    machine.guard = GateHold{HoldKind::kDeploying, "alice deploys"};
    EXPECT_EQ(fault_of(machine.plan(make_request())), "Refused: deploying");

    machine.guard.reset();
    const auto proposal = std::get<Proposal>(machine.plan(make_request()));
    machine.guard = GateHold{HoldKind::kDeploying, "alice deploys"};
    EXPECT_EQ(fault_of(machine.execute(proposal.digest)), "Refused: deploying");
    EXPECT_TRUE(machine.systemd.jobs.empty());
}

}  // namespace
}  // namespace gatemend::sandbox
