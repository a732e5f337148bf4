// SPDX-License-Identifier: MIT
// diagnose(): each cause fits where it should, and not in the nearest case that only looks like it.
#include "diagnosis/diagnosis.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace gatemend::diagnosis {

using namespace core;

namespace {

const std::string kSocket = "unix:/run/php/php8.2-fpm.sock";
const std::string kFpm = "php8.2-fpm.service";
const TimePoint kMoment = *parse_time("2026-11-21T14:00:00Z");

// A machine told piece by piece; begins with a PHP-FPM that is up and a socket nobody has looked
// at.
class Machine {
  public:
    Machine() {
        findings_.unit_name = kFpm;
        findings_.role = ServiceRole::kPhpFpm;
        findings_.backend.address = kSocket;
        findings_.backend.where = "/etc/nginx/sites-enabled/default:57";
        findings_.configured = {kSocket};
        unit(ActiveState::kActive);
    }

    Machine& app(const std::string& address, Scheme scheme = Scheme::kHttp) {
        findings_.unit_name = "shop.service";
        findings_.role = ServiceRole::kOther;
        findings_.backend.address = address;
        findings_.backend.scheme = scheme;
        findings_.configured = {address};
        return *this;
    }

    Machine& unowned(const std::string& address) {
        app(address);
        findings_.unit_name = "(" + address + ")";
        findings_.role = ServiceRole::kUnowned;
        findings_.unit.reset();
        return *this;
    }

    Machine& nginx() {
        app("127.0.0.1:80");
        findings_.unit_name = "nginx.service";
        findings_.role = ServiceRole::kNginx;
        return *this;
    }

    Machine& unit(ActiveState active, UnitResult result = UnitResult::kSuccess) {
        UnitState state;
        state.is_loaded = true;
        state.active = active;
        state.result = result;
        findings_.unit = state;
        return *this;
    }

    Machine& failed(UnitResult result) { return unit(ActiveState::kFailed, result); }

    Machine& unstarted() {
        findings_.unit->is_unstarted = true;
        return *this;
    }

    Machine& masked() {
        findings_.unit->is_masked = true;
        return *this;
    }

    Machine& unit_name(const std::string& name) {
        findings_.unit_name = name;
        return *this;
    }

    Machine& stop_requested() {
        findings_.intent = Intent::kSomebody;
        return *this;
    }

    Machine& probe(ProbeOutcome outcome, Duration bad_for = {}) {
        findings_.probe.emplace().outcome = outcome;
        findings_.probe_address = findings_.backend.address;
        findings_.bad_for = bad_for;
        return *this;
    }

    Machine& status(std::uint32_t status) {
        findings_.probe->status = status;
        return *this;
    }

    Machine& speaks(Spoken spoken) {
        findings_.probe->spoken = spoken;
        return *this;
    }

    Machine& tls(TlsFault fault) {
        findings_.probe->tls = fault;
        return *this;
    }

    Machine& config_invalid(std::string message) {
        ConfigTest test;
        test.verdict = ConfigVerdict::kInvalid;
        test.file = "/etc/php/8.2/fpm/pool.d/www.conf";
        test.line = 12;
        test.message = std::move(message);
        findings_.test = test;
        return *this;
    }

    Machine& log(Symptom symptom, Clue clue = Clue::kNone, Witness witness = Witness::kLog) {
        Sighting sighting;
        sighting.symptom = symptom;
        sighting.clue = clue;
        sighting.witness = witness;
        sighting.source = "test";
        sighting.is_trusted = true;
        sighting.address = findings_.backend.address;
        sighting.count = 3;
        findings_.sightings.push_back(sighting);
        return *this;
    }

    Machine& signal(int number) {
        log(Symptom::kClosedEarly, Clue::kWorkerSignal, Witness::kServiceLog);
        findings_.sightings.back().number = number;
        return *this;
    }

    Machine& about_machine(Symptom symptom, Clue clue, Witness witness) {
        log(symptom, clue, witness);
        findings_.machine.push_back(findings_.sightings.back());
        findings_.sightings.pop_back();
        return *this;
    }

    Inspection& look() {
        if (!findings_.inspection) {
            findings_.inspection.emplace();
        }
        return *findings_.inspection;
    }

    Machine& nobody_listens() {
        look().listeners.emplace();
        return *this;
    }

    Machine& listener(const std::string& address, const std::string& command) {
        Listener listener;
        listener.address = address;
        listener.command = command;
        listener.unit = command.starts_with("php-fpm") ? kFpm : "shop.service";
        listener.pid = 7;
        listener.is_main = true;
        listener.backlog = 511;
        listener.is_main = true;
        if (!look().listeners) {
            nobody_listens();
        }
        look().listeners->push_back(listener);
        return *this;
    }

    Machine& queue(std::uint32_t waiting) {
        look().listeners->back().queue = waiting;
        return *this;
    }

    Machine& deleted() {
        look().listeners->back().is_reachable = false;
        return *this;
    }

    Machine& taken_by(const std::string& unit) {
        look().listeners->back().taken_by = unit;
        return deleted();
    }

    Machine& stranger() {
        look().listeners->back().is_main = false;
        return *this;
    }

    Machine& step(const std::string& path, StepKind kind, bool is_open) {
        PathStep step;
        step.path = path;
        step.kind = kind;
        step.is_open = is_open;
        look().path.push_back(step);
        return *this;
    }

    Machine& workers(char state, std::size_t count) {
        Worker worker;
        worker.pid = 7;
        worker.command = "php-fpm8.2";
        worker.state = state;
        look().workers.insert(look().workers.end(), count, worker);
        return *this;
    }

    // Looked at twice, with so much between, and nothing has moved.
    Machine& watched(Duration between) {
        const TimePoint end = kMoment + between;
        findings_.work = {};
        for (const TimePoint time : {kMoment, end}) {
            note_look(findings_.work,
                      {.inspection = look(),
                       .unit = findings_.unit_name,
                       .role = findings_.role,
                       .asked = time,
                       .answered = time});
        }
        findings_.now = end;
        return *this;
    }

    // The unit has changed after everything that records tell.
    Machine& started_since() {
        for (const Sighting& item : findings_.sightings) {
            findings_.unit_time =
                std::max(findings_.unit_time, item.last + std::chrono::seconds{1});
        }
        return *this;
    }

    Machine& disk(std::uint64_t bytes_free, std::uint64_t inodes_free) {
        FileSystem disk;
        disk.path = "/var";
        disk.bytes = 1'000'000'000;
        disk.bytes_free = bytes_free;
        disk.inodes = 1000;
        disk.inodes_free = inodes_free;
        look().file_systems.push_back(disk);
        return *this;
    }

    Machine& busy(std::uint32_t cpu_permille) {
        look().load.emplace().cpu_some10_permille = cpu_permille;
        return *this;
    }

    Machine& packet_rule(std::string rule) {
        findings_.packet_rule = std::move(rule);
        return *this;
    }

    [[nodiscard]] Diagnosis diagnosis() const { return diagnose(findings_); }

    [[nodiscard]] std::string text() const { return diagnosis().text; }

    [[nodiscard]] std::string_view cause() const { return cause_id(diagnosis().cause); }

    [[nodiscard]] bool is_witnessed_by(Witness witness) const {
        const Diagnosis found = diagnosis();
        return std::any_of(found.evidence.begin(), found.evidence.end(), [&](const auto& item) {
            return item.witness == witness && item.supports;
        });
    }

  private:
    Findings findings_;
};

// --- the unit is down ---

TEST(Diagnose, NamesAFailedUnitOnlyWhenNobodyStoppedIt) {
    Machine crashed;
    crashed.failed(UnitResult::kSignal).probe(ProbeOutcome::kRefused);
    EXPECT_EQ(crashed.cause(), "unit-failed");
    EXPECT_TRUE(crashed.is_witnessed_by(Witness::kUnitState));
    EXPECT_TRUE(crashed.is_witnessed_by(Witness::kProbe));
    EXPECT_EQ(crashed.stop_requested().cause(), "unit-stopped") << "its stop timed out";
}

TEST(Diagnose, TellsAStopFromASocketThatACrashLeftBehind) {
    Machine machine;
    machine.unit(ActiveState::kInactive).probe(ProbeOutcome::kMissing);
    EXPECT_EQ(machine.cause(), "unit-stopped");
    machine.probe(ProbeOutcome::kRefused);
    EXPECT_EQ(machine.cause(), "socket-stale") << "a clean stop unlinks the socket";
    EXPECT_EQ(machine.stop_requested().cause(), "unit-stopped");
}

TEST(Diagnose, SaysOfAUnitThatNeverRanThatNobodyStoppedIt) {
    Machine machine;
    machine.unit(ActiveState::kInactive).unstarted().probe(ProbeOutcome::kMissing);
    EXPECT_EQ(machine.cause(), "unit-not-started");
    EXPECT_EQ(machine.text().find("1970"), std::string::npos) << machine.text();
    EXPECT_NE(machine.text().find("no start of it since boot; it is not enabled"),
              std::string::npos)
        << machine.text();
    machine.probe(ProbeOutcome::kRefused);
    EXPECT_EQ(machine.cause(), "unit-not-started") << "it left no socket behind: it never had one";
    EXPECT_EQ(machine.stop_requested().cause(), "unit-stopped");
    EXPECT_EQ(machine.text().find("1970"), std::string::npos) << machine.text();
}

TEST(Diagnose, BlamesTheConfigurationOnlyOfAUnitThatIsDown) {
    Machine machine;
    machine.config_invalid("unknown entry 'pm.max_childs'");
    machine.failed(UnitResult::kExitCode).probe(ProbeOutcome::kMissing);
    EXPECT_EQ(machine.cause(), "fpm-config-invalid");
    EXPECT_NE(machine.diagnosis().text.find("www.conf:12"), std::string::npos);
    machine.unit(ActiveState::kActive);
    EXPECT_NE(machine.cause(), "fpm-config-invalid") << "what runs has read another file";
}

TEST(Diagnose, BelievesTheServersOwnWordsWhereNobodyCouldTestItsConfiguration) {
    Machine machine;
    machine.failed(UnitResult::kExitCode).log(Symptom::kConfigError, Clue::kConfigRejected);
    EXPECT_EQ(machine.cause(), "fpm-config-invalid");
    machine.unit(ActiveState::kActive);
    EXPECT_NE(machine.cause(), "fpm-config-invalid");
    Machine of_nginx;
    of_nginx.about_machine(Symptom::kConfigError, Clue::kConfigRejected, Witness::kLog);
    EXPECT_EQ(of_nginx.failed(UnitResult::kSignal).cause(), "unit-failed");
}

TEST(Diagnose, UnmasksBeforeItStarts) {
    const auto advice = [](Machine& machine) { return machine.diagnosis().advice; };
    Machine machine;
    machine.unit(ActiveState::kInactive).probe(ProbeOutcome::kMissing);
    EXPECT_EQ(advice(machine).find("unmask"), std::string::npos);
    machine.masked();
    EXPECT_EQ(machine.cause(), "unit-stopped");
    EXPECT_EQ(advice(machine).find("`systemctl unmask php8.2-fpm.service`, for it is masked, and "
                                   "`systemctl start php8.2-fpm.service` bring it back."),
              0U);
    machine.config_invalid("unknown entry 'pm.max_childs'");
    machine.failed(UnitResult::kExitCode).masked();
    EXPECT_NE(advice(machine).find("`systemctl unmask"), std::string::npos) << advice(machine);
}

TEST(Diagnose, NamesTheProgramThatTestsAsTheMachineNamesIt) {
    Machine machine;
    machine.config_invalid("unknown entry 'pm.max_childs'");
    machine.failed(UnitResult::kExitCode).probe(ProbeOutcome::kMissing);
    EXPECT_NE(machine.diagnosis().advice.find("run `php-fpm8.2 -t` until"), std::string::npos);
    machine.unit_name("php-fpm.service");
    EXPECT_NE(machine.diagnosis().advice.find("run `php-fpm -t` until"), std::string::npos);
}

TEST(Diagnose, NamesTheStartLimitBeforeTheFailure) {
    EXPECT_EQ(Machine{}.failed(UnitResult::kStartLimitHit).cause(), "unit-start-limit");
    EXPECT_EQ(Machine{}.failed(UnitResult::kExitCode).cause(), "unit-failed");
}

TEST(Diagnose, KnowsNginxFromItsConfigurationAndFromANameThatDoesNotResolve) {
    Machine machine;
    machine.nginx().failed(UnitResult::kExitCode).probe(ProbeOutcome::kRefused);
    EXPECT_EQ(machine.cause(), "nginx-down");
    machine.config_invalid("unknown directive \"fastcgi_passs\"");
    EXPECT_EQ(machine.cause(), "nginx-config-invalid");
    machine.config_invalid("host not found in upstream \"app.internal\"");
    EXPECT_EQ(machine.cause(), "name-unresolved");
}

TEST(Diagnose, ForbidsTheStartOfAnApplicationWhoseDatabaseRefuses) {
    Machine machine;
    machine.app("127.0.0.1:8000").failed(UnitResult::kExitCode).probe(ProbeOutcome::kRefused);
    EXPECT_EQ(machine.cause(), "app-down");
    machine.log(Symptom::kNone, Clue::kDependencyRefused);
    EXPECT_EQ(machine.cause(), "dependency-down");
    machine.unit(ActiveState::kInactive);
    EXPECT_EQ(machine.cause(), "unit-stopped") << "what a person stopped is not the database's";
}

// --- larger than one service ---

TEST(Diagnose, BelievesAFullDiskWhereItExplainsSomething) {
    Machine machine;
    machine.disk(0, 500).probe(ProbeOutcome::kGood);
    EXPECT_NE(machine.cause(), "disk-full") << "nothing has failed on account of it";
    machine.log(Symptom::kDiskFull);
    EXPECT_EQ(machine.cause(), "disk-full");
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kInspection));
    EXPECT_EQ(Machine{}.disk(0, 500).failed(UnitResult::kExitCode).cause(), "disk-full");
    EXPECT_EQ(Machine{}.disk(900'000, 500).failed(UnitResult::kExitCode).cause(), "unit-failed");
    EXPECT_NE(Machine{}.disk(900'000, 500).log(Symptom::kDiskFull).cause(), "disk-full")
        << "there is room again";
}

TEST(Diagnose, TellsMissingInodesFromMissingSpace) {
    const Machine machine = Machine{}.disk(900'000'000, 0).log(Symptom::kDiskFull);
    EXPECT_EQ(machine.cause(), "disk-full");
    EXPECT_NE(machine.diagnosis().advice.find("--inodes"), std::string::npos);
    EXPECT_EQ(machine.diagnosis().advice.find("vacuum"), std::string::npos);
}

TEST(Diagnose, NeedsTheKernelsCountToCallASignalNineOutOfMemory) {
    Machine machine;
    machine.signal(9).probe(ProbeOutcome::kGood);
    EXPECT_EQ(machine.cause(), "worker-crash") << "a person may have killed it";
    machine.look().use.emplace().oom_kills = 1;
    EXPECT_EQ(machine.cause(), "oom-killed");
    EXPECT_EQ(Machine{}.failed(UnitResult::kOomKill).cause(), "oom-killed");
}

TEST(Diagnose, CountsTheKernelsRecordAsAWitness) {
    Machine machine;
    machine.log(Symptom::kOomKill, Clue::kOomCgroup, Witness::kKernel).signal(9);
    EXPECT_EQ(machine.cause(), "oom-killed");
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kKernel));
    EXPECT_NE(Machine{}.unit(ActiveState::kInactive).cause(), "oom-killed");
}

TEST(Diagnose, LeavesNginxLimitsToNginx) {
    EXPECT_EQ(Machine{}.nginx().log(Symptom::kNginxLimit).cause(), "nginx-fd-limit");
    EXPECT_EQ(Machine{}.nginx().log(Symptom::kNginxLimit).failed(UnitResult::kSignal).cause(),
              "nginx-down");
}

TEST(Diagnose, CallsOnlyLateAnswersHighLoad) {
    EXPECT_EQ(Machine{}.busy(950).log(Symptom::kResponseTimeout).cause(), "high-load");
    EXPECT_EQ(Machine{}.busy(300).log(Symptom::kResponseTimeout).cause(), "slow-backend");
    EXPECT_EQ(Machine{}.busy(950).log(Symptom::kHeaderTooBig).cause(), "header-too-big");
}

TEST(Diagnose, TellsSelinuxFromAnOwner) {
    Machine machine;
    machine.log(Symptom::kConnectDenied).probe(ProbeOutcome::kDenied);
    machine.step("/run/php", StepKind::kDirectory, true);
    EXPECT_EQ(machine.cause(), "unknown") << "every step is open";
    machine.about_machine(Symptom::kConnectDenied, Clue::kLsmDenied, Witness::kKernel);
    EXPECT_EQ(machine.cause(), "lsm-denied");
    EXPECT_EQ(Machine{}
                  .about_machine(Symptom::kNone, Clue::kLsmDenied, Witness::kKernel)
                  .probe(ProbeOutcome::kRefused)
                  .cause(),
              "unknown")
        << "a denial of something else";
}

// --- nginx cannot connect ---

TEST(Diagnose, NamesTheStepThatIsClosed) {
    Machine machine;
    machine.probe(ProbeOutcome::kDenied).step("/run", StepKind::kDirectory, true);
    machine.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
    EXPECT_EQ(machine.cause(), "socket-ownership");
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kInspection));
    EXPECT_NE(machine.probe(ProbeOutcome::kMissing).cause(), "socket-ownership");
}

TEST(Diagnose, TellsADeletedSocketFromAWrongPath) {
    Machine machine;
    machine.probe(ProbeOutcome::kMissing).listener(kSocket, "php-fpm8.2").deleted();
    EXPECT_EQ(machine.cause(), "socket-deleted");
    machine.look().listeners->back().is_main = false;
    EXPECT_NE(machine.cause(), "socket-deleted") << "a script bound it and took it away";
    machine.listener(kSocket, "php-fpm8.2").deleted();
    EXPECT_EQ(machine.cause(), "socket-deleted") << "and does not hide the master's";
    Machine moved;
    moved.probe(ProbeOutcome::kMissing).listener("unix:/run/php/php8.3-fpm.sock", "php-fpm8.3");
    EXPECT_EQ(moved.cause(), "unknown") << "8.2's unit with 8.3's socket is nobody's upgrade";
    moved.look().listeners->back().unit = "php8.3-fpm.service";
    EXPECT_EQ(moved.cause(), "socket-path-mismatch");
    moved.look().listeners->back().is_main = false;
    EXPECT_EQ(moved.cause(), "unknown") << "a script in the control group, by the server's name";
}

TEST(Diagnose, WhateverLiesInASocketsPlaceItsOwnerIsNotWhatIsWrong) {
    for (const ProbeOutcome outcome : {ProbeOutcome::kMissing,
                                       ProbeOutcome::kRefused,
                                       ProbeOutcome::kDenied,
                                       ProbeOutcome::kClosedEarly,
                                       ProbeOutcome::kResponseTimeout}) {
        Machine machine;
        machine.probe(outcome).listener(kSocket, "php-fpm8.2").deleted();
        machine.step("/run/php", StepKind::kDirectory, true);
        machine.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
        EXPECT_EQ(machine.cause(), "socket-deleted");
        EXPECT_FALSE(machine.diagnosis().remedy.contains("socket"));
    }
    Machine good;
    good.probe(ProbeOutcome::kGood).listener(kSocket, "php-fpm8.2").deleted();
    EXPECT_EQ(good.cause(), "unknown");
}

TEST(Diagnose, ASocketThatAScriptHasBoundToThePoolsNameIsNotThePools) {
    Machine machine;
    machine.probe(ProbeOutcome::kDenied).listener(kSocket, "php-fpm8.2").stranger();
    machine.listener(kSocket, "php-fpm8.2").taken_by(kFpm);
    machine.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
    EXPECT_EQ(machine.cause(), "socket-deleted") << "a restart ends the script, too";
    Machine alone;
    alone.probe(ProbeOutcome::kDenied).listener(kSocket, "php-fpm8.2").stranger();
    alone.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
    EXPECT_EQ(alone.cause(), "socket-ownership");
    EXPECT_FALSE(alone.diagnosis().remedy.contains("socket")) << "of this one nothing is shown";
}

TEST(Diagnose, MendsTheOwnerOfTheUnitsOwnSocketOnly) {
    Machine own;
    own.probe(ProbeOutcome::kDenied).listener(kSocket, "php-fpm8.2");
    own.step("/run/php", StepKind::kDirectory, true);
    own.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
    EXPECT_EQ(own.cause(), "socket-ownership");
    EXPECT_EQ(own.diagnosis().remedy["socket"], kSocket);
    Machine unseen;
    unseen.probe(ProbeOutcome::kDenied);
    unseen.step("/run/php/php8.2-fpm.sock", StepKind::kSocket, false);
    EXPECT_FALSE(unseen.diagnosis().remedy.contains("socket")) << "who listens was not seen";
    Machine linked;  // whose doing the link is gatemend-mend looks
    linked.probe(ProbeOutcome::kDenied).listener("unix:/run/php/admin.sock", "php-fpm8.2");
    linked.step("/run/php/admin.sock", StepKind::kSocket, false);
    EXPECT_EQ(linked.diagnosis().remedy["socket"], "unix:/run/php/admin.sock");
    const std::string advice = linked.diagnosis().advice;
    EXPECT_NE(advice.find("Where that is another pool's socket, put the link right"),
              std::string::npos);
    EXPECT_EQ(advice.find("chown"), std::string::npos) << "it is perhaps not to be opened";
    linked.look().listeners->back().unit = "php8.3-fpm.service";
    EXPECT_FALSE(linked.diagnosis().remedy.contains("socket")) << "another unit's";
    linked.look().listeners->back().unit = kFpm;
    linked.look().listeners->back().is_main = false;
    EXPECT_FALSE(linked.diagnosis().remedy.contains("socket")) << "a script's";
}

TEST(Diagnose, ASocketThatOnlyItsOwnerSeesWasNotDeleted) {
    Machine machine;
    machine.probe(ProbeOutcome::kMissing).listener(kSocket, "php-fpm8.2").deleted();
    machine.step("/run", StepKind::kDirectory, true);
    machine.step("/run/php", StepKind::kMissing, false);
    machine.look().listeners->back().is_in_own_view = true;
    const Diagnosis diagnosis = machine.diagnosis();
    EXPECT_EQ(cause_id(diagnosis.cause), "socket-blocked") << "and no restart";
    EXPECT_NE(diagnosis.text.find("see different file systems"), std::string::npos)
        << diagnosis.text;
    EXPECT_EQ(diagnosis.text.find("deleted"), std::string::npos) << diagnosis.text;
    EXPECT_NE(diagnosis.advice.find("a folder that both see"), std::string::npos)
        << diagnosis.advice;
}

TEST(Diagnose, NoRestartWhereItCouldNotMakeTheSocketAnewOrWouldTakeAnothers) {
    const auto lost = [] {
        Machine machine;
        machine.probe(ProbeOutcome::kRefused).listener(kSocket, "php-fpm8.2").deleted();
        return machine.step("/run", StepKind::kDirectory, true);
    };
    EXPECT_EQ(lost().taken_by("cache.service").cause(), "socket-blocked");
    EXPECT_EQ(lost().taken_by(kFpm).cause(), "socket-deleted") << "another pool's of this unit";
    EXPECT_EQ(lost().step("/run/php", StepKind::kMissing, false).cause(), "socket-blocked");
    EXPECT_EQ(lost().step("/run/php", StepKind::kOther, true).cause(), "socket-blocked");
    const auto at_its_path = [&lost](StepKind kind) {
        return lost()
            .step("/run/php", StepKind::kDirectory, true)
            .step("/run/php/php8.2-fpm.sock", kind, true)
            .cause();
    };
    EXPECT_EQ(at_its_path(StepKind::kDirectory), "socket-blocked");
    EXPECT_EQ(at_its_path(StepKind::kOther), "socket-deleted");
    EXPECT_EQ(at_its_path(StepKind::kMissing), "socket-deleted");
    EXPECT_EQ(at_its_path(StepKind::kSocket), "socket-deleted");
    EXPECT_EQ(lost().step("/srv/elsewhere", StepKind::kMissing, false).cause(), "socket-deleted")
        << "a link to nowhere is unlinked";
    Machine app;
    app.app("unix:/run/shop/app.sock").probe(ProbeOutcome::kRefused);
    app.listener("unix:/run/shop/app.sock", "gunicorn").deleted();
    app.step("/run/shop/app.sock", StepKind::kOther, true);
    EXPECT_EQ(app.cause(), "socket-blocked") << "not every application unlinks what is no socket";
}

TEST(Diagnose, FindsThePortAnApplicationMovedTo) {
    Machine machine;
    machine.app("127.0.0.1:8000").probe(ProbeOutcome::kRefused);
    machine.listener("127.0.0.1:8080", "gunicorn");
    EXPECT_EQ(machine.cause(), "port-mismatch");
    Machine database;
    database.app("127.0.0.1:8000").probe(ProbeOutcome::kRefused);
    database.listener("127.0.0.1:5432", "postgres");
    EXPECT_EQ(database.cause(), "app-down") << "a database is no web application";
}

TEST(Diagnose, BlamesAPacketFilterOnlyWhereSomebodyListens) {
    Machine machine;
    machine.app("127.0.0.1:8000").probe(ProbeOutcome::kConnectTimeout);
    machine.listener("127.0.0.1:8000", "gunicorn").packet_rule("tcp dport 8000 drop");
    EXPECT_EQ(machine.cause(), "firewall-blocked");
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kPacketFilter));
    EXPECT_NE(machine.packet_rule("").cause(), "firewall-blocked");
    Machine empty;
    empty.app("127.0.0.1:8000").probe(ProbeOutcome::kRefused).nobody_listens();
    EXPECT_EQ(empty.packet_rule("tcp dport 8000 drop").cause(), "app-down");
}

TEST(Diagnose, LooksForARemoteBackendElsewhere) {
    Machine machine;
    machine.unowned("10.1.2.3:8080").probe(ProbeOutcome::kUnreachable);
    machine.listener("0.0.0.0:8080", "java");
    EXPECT_EQ(machine.cause(), "remote-upstream-down");
    EXPECT_EQ(
        Machine{}.unowned("127.0.0.1:8080").probe(ProbeOutcome::kRefused).nobody_listens().cause(),
        "app-down");
}

// --- nginx connects, and the answer is wrong or does not come ---

TEST(Diagnose, TellsProtocolsApart) {
    Machine machine;
    machine.app("127.0.0.1:8000").probe(ProbeOutcome::kInvalidResponse).speaks(Spoken::kFastcgi);
    EXPECT_EQ(machine.cause(), "protocol-mismatch");
    EXPECT_NE(machine.speaks(Spoken::kHttp).cause(), "protocol-mismatch");
    Machine plain;
    plain.app("127.0.0.1:8443", Scheme::kHttps).probe(ProbeOutcome::kTlsFailed);
    EXPECT_EQ(plain.tls(TlsFault::kNotTls).cause(), "protocol-mismatch");
    EXPECT_EQ(plain.tls(TlsFault::kExpired).cause(), "upstream-tls");
    EXPECT_NE(plain.diagnosis().text.find("expired"), std::string::npos);
}

TEST(Diagnose, KeepsAProbeThatSucceedsAgainstALogThatComplainsOfTls) {
    Machine machine;
    machine.app("127.0.0.1:8443", Scheme::kHttps).log(Symptom::kUpstreamTls);
    const std::uint32_t by_log_alone = machine.diagnosis().confidence_permille;
    machine.probe(ProbeOutcome::kGood);
    EXPECT_EQ(machine.cause(), "upstream-tls");
    EXPECT_LT(machine.diagnosis().confidence_permille, by_log_alone);
}

TEST(Diagnose, CallsABackendHungOnlyOnceItIsMeasured) {
    Machine stopped;
    stopped.listener(kSocket, "php-fpm8.2").probe(ProbeOutcome::kResponseTimeout).workers('T', 3);
    EXPECT_NE(stopped.cause(), "backend-hung") << "not looked at twice";
    EXPECT_EQ(stopped.watched(std::chrono::seconds{3}).cause(), "backend-hung");
    EXPECT_NE(stopped.workers('S', 1).watched(std::chrono::seconds{3}).cause(), "backend-hung")
        << "one of them still works";
}

TEST(Diagnose, KeepsAPoolWithoutAnAnswerBusyHoweverLongThatLasts) {
    Machine silent;
    silent.listener(kSocket, "php-fpm8.2")
        .probe(ProbeOutcome::kResponseTimeout, std::chrono::hours{1});
    EXPECT_EQ(silent.cause(), "slow-backend");
    EXPECT_EQ(silent.queue(4).cause(), "pool-saturated") << "somebody waits to be let in";
    EXPECT_EQ(silent.queue(511).cause(), "pool-saturated");
    EXPECT_EQ(silent.queue(0).log(Symptom::kNone, Clue::kMaxChildren, Witness::kServiceLog).cause(),
              "pool-saturated")
        << "the pool says so itself";
}

TEST(Diagnose, DoesNotBlameThisRunForWhatEndedTheLastOne) {
    Machine machine;
    machine.signal(9).probe(ProbeOutcome::kGood);
    EXPECT_EQ(machine.cause(), "worker-crash");
    machine.started_since();
    EXPECT_NE(machine.cause(), "worker-crash");
}

TEST(Diagnose, DoesNotCallAPoolSaturatedThatAnswersTheProbe) {
    Machine machine;
    machine.log(Symptom::kBackendSaturated, Clue::kMaxChildren, Witness::kServiceLog);
    EXPECT_EQ(machine.cause(), "pool-saturated");
    EXPECT_NE(machine.probe(ProbeOutcome::kGood).cause(), "pool-saturated");
    EXPECT_EQ(machine.probe(ProbeOutcome::kSaturated).cause(), "pool-saturated");
}

TEST(Diagnose, CallsOnlyFatalSignalsACrash) {
    EXPECT_EQ(Machine{}.signal(11).probe(ProbeOutcome::kGood).cause(), "worker-crash");
    EXPECT_EQ(Machine{}.signal(15).probe(ProbeOutcome::kGood).cause(), "unknown");
    EXPECT_EQ(Machine{}.signal(11).failed(UnitResult::kSignal).cause(), "unit-failed");
}

TEST(Diagnose, TellsWhoMadeTheAnswer) {
    EXPECT_EQ(Machine{}.probe(ProbeOutcome::kGood).status(502).cause(), "app-answers-502");
    EXPECT_EQ(Machine{}.probe(ProbeOutcome::kGood).status(404).cause(), "unknown");
    const Machine edge = Machine{}.log(Symptom::kNone, Clue::kAnsweredByEdge);
    EXPECT_EQ(Machine{edge}.probe(ProbeOutcome::kGood).cause(), "edge-502");
    EXPECT_NE(Machine{edge}.probe(ProbeOutcome::kRefused).cause(), "edge-502");
}

TEST(Diagnose, NamesTheScriptRatherThanTheAnswerItLedTo) {
    Machine machine;
    machine.log(Symptom::kScriptFatal, Clue::kMemoryLimit).probe(ProbeOutcome::kGood);
    EXPECT_EQ(machine.cause(), "script-fatal");
    machine.log(Symptom::kNone, Clue::kAnsweredByUpstream);
    EXPECT_EQ(machine.cause(), "script-fatal");
    EXPECT_EQ(machine.failed(UnitResult::kSignal).cause(), "unit-failed");
}

TEST(Diagnose, SaysThatALogAloneIsALogAlone) {
    Machine machine;
    machine.unowned(kSocket).log(Symptom::kConnectRefused);
    EXPECT_EQ(machine.cause(), "unit-failed");
    EXPECT_TRUE(machine.diagnosis().text.starts_with("By the log alone"));
    EXPECT_EQ(count_witnesses(machine.diagnosis().evidence), 0U);
    machine.probe(ProbeOutcome::kGood);
    EXPECT_FALSE(machine.diagnosis().text.starts_with("By the log alone"));
}

TEST(Diagnose, LooksElsewhereAlsoWhenTheProbeCouldNotRun) {
    Machine machine;
    machine.unowned("10.1.2.3:8080").log(Symptom::kUnreachable).probe(ProbeOutcome::kUnknown);
    EXPECT_EQ(machine.cause(), "remote-upstream-down");
}

// --- what all of them share ---

TEST(Diagnose, KeepsTheEvidenceOfWhatItDoesNotKnow) {
    const Machine machine = Machine{}.log(Symptom::kClosedEarly).probe(ProbeOutcome::kClosedEarly);
    EXPECT_EQ(machine.cause(), "unknown");
    EXPECT_EQ(machine.diagnosis().confidence_permille, 0U);
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kProbe));
    EXPECT_TRUE(machine.is_witnessed_by(Witness::kLog));
}

TEST(Diagnose, IsSurerWithEveryFurtherWitnessAndLessWithOneAgainst) {
    Machine machine;
    machine.failed(UnitResult::kSignal);
    const std::uint32_t one = machine.diagnosis().confidence_permille;
    const std::uint32_t two = machine.probe(ProbeOutcome::kRefused).diagnosis().confidence_permille;
    const std::uint32_t against =
        machine.probe(ProbeOutcome::kGood).diagnosis().confidence_permille;
    EXPECT_LT(one, two);
    EXPECT_LT(against, one);
    EXPECT_EQ(machine.cause(), "unit-failed");
}

TEST(Diagnose, NamesOtherCausesThatFitTheLikeliestFirst) {
    Machine machine;
    machine.log(Symptom::kResponseTimeout).log(Symptom::kHeaderTooBig).probe(ProbeOutcome::kGood);
    machine.log(Symptom::kScriptFatal);
    const Diagnosis found = machine.diagnosis();
    EXPECT_EQ(found.cause, Cause::kHeaderTooBig);
    ASSERT_EQ(found.alternatives.size(), 2U);
    EXPECT_GE(found.alternatives[0].confidence_permille, found.alternatives[1].confidence_permille);
    for (const Alternative& other : found.alternatives) {
        EXPECT_NE(other.cause, found.cause);
    }
}

}  // namespace
}  // namespace gatemend::diagnosis
