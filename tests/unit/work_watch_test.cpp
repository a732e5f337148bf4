// SPDX-License-Identifier: MIT
// WorkWatch and the objections made of it: stillness is measured, and any movement at all ends it.
#include "core/work_watch.hpp"

#include "diagnosis/objections.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace gatemend::diagnosis {

using namespace core;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const std::string kUnit = "shop.service";
const std::string kAddress = "127.0.0.1:8000";

Worker worker_of(std::uint32_t pid, std::uint64_t done, char state = 'S') {
    Worker worker;
    worker.pid = pid;
    worker.started = 100;
    worker.done = done;
    worker.state = state;
    worker.command = "python3";
    return worker;
}

// An FPM worker that serves somebody; also one who has left, which is how a hung one looks.
Worker serving_worker(std::uint32_t pid) {
    Worker worker = worker_of(pid, 5);
    worker.pool = "www";
    worker.is_accepting = false;
    worker.connections = 1;
    return worker;
}

Listener listener_of(const std::string& address, std::uint32_t queue) {
    Listener listener;
    listener.address = address;
    listener.unit = kUnit;
    listener.queue = queue;
    listener.backlog = 128;
    return listener;
}

// One service, looked at again and again.
class Service {
  public:
    Service() {
        findings_.unit_name = kUnit;
        findings_.role = ServiceRole::kOther;
        findings_.unit.emplace().active = ActiveState::kActive;
        findings_.probe.emplace().outcome = ProbeOutcome::kResponseTimeout;
        backend(kAddress, "60s");
        look.workers = {worker_of(7, 5), worker_of(8, 6)};
        look.listeners = {{listener_of(kAddress, 3)}};
    }

    Service& backend(const std::string& address, const std::string& wait) {
        Backend backend;
        backend.address = address;
        backend.longest_wait.value = wait;
        findings_.backends.push_back(backend);
        findings_.backend = findings_.backends.front();
        return *this;
    }

    // Every ten seconds, as long as `duration`; the first one at once.
    Service& watch(Duration duration) {
        for (Duration passed{}; passed <= duration; passed += seconds{10}) {
            now_ += passed == Duration{} ? Duration{} : seconds{10};
            note_look(findings_.work,
                      {.inspection = look,
                       .unit = kUnit,
                       .role = findings_.role,
                       .asked = now_,
                       .answered = now_});
        }
        findings_.now = now_;
        findings_.inspection = look;
        findings_.inspection_time = now_;
        return *this;
    }

    [[nodiscard]] bool is_hung() const { return is_hung_for_certain(findings_); }

    [[nodiscard]] std::string_view cause() const { return cause_id(diagnose(findings_).cause); }

    [[nodiscard]] bool objects(Objection kind) const {
        for (const Objected& item : find_objections(findings_)) {
            if (item.kind == kind) {
                return true;
            }
        }
        return false;
    }

    Findings& findings() { return findings_; }

    Inspection look;

  private:
    Findings findings_;
    TimePoint now_ = *parse_time("2026-11-21T14:00:00Z");
};

TEST(WorkWatch, CallsNothingHungBeforeTwiceTheLongestWait) {
    Service service;
    EXPECT_FALSE(service.watch(seconds{110}).is_hung());
    EXPECT_TRUE(service.objects(Objection::kUnmeasured));
    EXPECT_NE(service.cause(), "backend-hung");
    EXPECT_TRUE(service.watch(seconds{20}).is_hung());
    EXPECT_EQ(service.cause(), "backend-hung");
}

TEST(WorkWatch, WaitsAsLongAsTheMostPatientLocationOfAnyBackend) {
    Service service;
    service.backend("127.0.0.1:8001", "600s");
    service.look.listeners->push_back(listener_of("127.0.0.1:8001", 1));
    EXPECT_FALSE(service.watch(minutes{19}).is_hung());
    EXPECT_TRUE(service.watch(minutes{2}).is_hung());
}

TEST(WorkWatch, WaitsForFpmToEndItsRequestsAndReloadsItself) {
    for (ConfigLine PoolSettings::*line :
         {&PoolSettings::terminate_timeout, &PoolSettings::control_timeout}) {
        Service service;
        (service.findings().backends.front().fpm.*line).value = "180s";
        EXPECT_FALSE(service.watch(minutes{5}).is_hung());
        EXPECT_TRUE(service.watch(minutes{2}).is_hung());
    }
}

TEST(WorkWatch, DoesNotTakeAShortTimeoutOfNginxForTheTimeThatAScriptMayTake) {
    Service service;
    service.findings().backends.front().longest_wait.value = "3s";
    EXPECT_FALSE(service.watch(seconds{50}).is_hung());
    EXPECT_TRUE(service.watch(seconds{20}).is_hung());
}

TEST(WorkWatch, MeasuresNothingWhereTheWaitIsNotKnownOrTooLong) {
    for (const char* wait : {"", "$patience", "1h", "1d", "soon"}) {
        Service service;
        service.findings().backends.front().longest_wait.value = wait;
        EXPECT_FALSE(service.watch(minutes{90}).is_hung()) << wait;
        EXPECT_TRUE(service.objects(Objection::kUnmeasured)) << wait;
    }
}

TEST(WorkWatch, BeginsAnewWithWhateverMoves) {
    const std::vector<std::pair<const char*, void (*)(Inspection&)>> movements{
        {"a process has worked", [](Inspection& look) { ++look.workers[1].done; }},
        {"one has gone", [](Inspection& look) { look.workers.pop_back(); }},
        {"one has come", [](Inspection& look) { look.workers.push_back(worker_of(9, 0)); }},
        {"another with the same pid", [](Inspection& look) { ++look.workers[0].started; }},
        {"one runs", [](Inspection& look) { look.workers[0].state = 'R'; }},
        {"one waits for a disk", [](Inspection& look) { look.workers[0].state = 'D'; }},
        {"somebody was let in", [](Inspection& look) { --look.listeners->front().queue; }},
        {"the listener has gone", [](Inspection& look) { look.listeners->clear(); }},
        {"not all were seen", [](Inspection& look) { look.is_workers_cut = true; }},
        {"not all sockets were seen", [](Inspection& look) { look.is_listeners_cut = true; }},
        {"no socket was seen", [](Inspection& look) { look.listeners.reset(); }},
    };
    for (const auto& [what, move] : movements) {
        Service service;
        const Inspection still = service.watch(seconds{120}).look;
        ASSERT_TRUE(service.is_hung()) << what;
        move(service.look);
        EXPECT_FALSE(service.watch(seconds{0}).is_hung()) << what;
        EXPECT_FALSE(service.watch(seconds{100}).is_hung()) << what;
    }
}

TEST(WorkWatch, IsNotDoneWhileNobodyWaitsAtOneOfTheBackends) {
    Service service;
    service.backend("127.0.0.1:8001", "60s");
    service.look.listeners->push_back(listener_of("127.0.0.1:8001", 0));
    EXPECT_FALSE(service.watch(minutes{10}).is_hung()) << "that one may be well";
    service.look.listeners->back().queue = 1;
    EXPECT_FALSE(service.watch(seconds{10}).is_hung()) << "it may be taken at any moment";
    EXPECT_TRUE(service.watch(seconds{40}).is_hung());
    service.look.listeners->pop_back();
    EXPECT_FALSE(service.watch(minutes{10}).is_hung()) << "nobody listens there";
}

TEST(WorkWatch, TakesTwoLooksWithTimeBetweenForProofThatAllAreStopped) {
    Service service;
    service.look.workers = {worker_of(7, 5, 'T'), worker_of(8, 6, 'T')};
    EXPECT_FALSE(service.watch(seconds{0}).is_hung());
    EXPECT_TRUE(service.watch(seconds{10}).is_hung());
    EXPECT_EQ(service.cause(), "backend-hung");
    service.look.workers[0].state = 'S';
    EXPECT_FALSE(service.watch(seconds{10}).is_hung()) << "one goes on";
    service.look.workers[0].state = 'T';
    EXPECT_FALSE(service.watch(seconds{0}).is_hung()) << "that is one look again";
}

TEST(WorkWatch, LeavesAloneWhatADebuggerHolds) {
    Service service;
    service.look.workers = {worker_of(7, 5, 'T'), worker_of(8, 6, 'T')};
    service.look.workers[1].is_traced = true;
    EXPECT_TRUE(service.watch(seconds{20}).objects(Objection::kTraced));
    service.look.workers = {worker_of(7, 5, 't'), worker_of(8, 6)};
    EXPECT_TRUE(service.watch(seconds{20}).objects(Objection::kTraced));
}

TEST(WorkWatch, CountsPhpFpmsMasterAmongTheStoppedButNotAmongTheWorkers) {
    Service service;
    service.findings().role = ServiceRole::kPhpFpm;
    service.look.workers = {worker_of(6, 1), serving_worker(7), serving_worker(8)};
    service.look.workers[1].parent = 6;
    service.look.workers[2].parent = 6;
    service.watch(seconds{60});
    ++service.look.workers[0].done;
    EXPECT_TRUE(service.watch(seconds{60}).is_hung()) << "it wakes up every second";
    service.look.workers.push_back(worker_of(9, 1));
    service.look.workers.push_back(worker_of(10, 1));
    service.look.workers.back().parent = 9;
    ASSERT_TRUE(service.watch(seconds{130}).is_hung());
    ++service.look.workers[3].done;
    EXPECT_FALSE(service.watch(seconds{10}).is_hung())
        << "a script's child with a child of its own";
    service.findings().role = ServiceRole::kOther;
    ++service.look.workers[0].done;
    EXPECT_FALSE(service.watch(seconds{10}).is_hung()) << "who knows what others' parents do";
}

TEST(WorkWatch, TakesAPoolThatStartsNoMoreWorkersForOneThatReloads) {
    Service service;
    service.findings().role = ServiceRole::kPhpFpm;
    service.findings().backends.front().pool = "www";
    service.findings().backends.front().fpm.max_children.value = "3";
    for (Worker& worker : service.look.workers) {
        worker.pool = "www";
        worker.connections = 1;
    }
    EXPECT_FALSE(service.watch(minutes{5}).is_hung());
    EXPECT_TRUE(service.objects(Objection::kReloading));
    service.look.workers.push_back(worker_of(9, 0));
    service.look.workers.back().pool = "www";
    service.look.workers.back().connections = 1;
    EXPECT_TRUE(service.watch(seconds{130}).is_hung());
}

TEST(WorkWatch, CallsNoPoolHungInWhichAJobGoesOnAfterItsAnswer) {
    Service service;
    service.findings().role = ServiceRole::kPhpFpm;
    service.look.workers = {serving_worker(7), serving_worker(8), serving_worker(9)};
    ASSERT_TRUE(service.watch(minutes{5}).is_hung());
    service.look.workers[1].connections = 0;
    EXPECT_FALSE(service.watch(minutes{5}).is_hung());
    EXPECT_TRUE(service.objects(Objection::kWorkersAtWork));
    EXPECT_NE(service.cause(), "backend-hung");
    EXPECT_NE(work_words(service.findings()).find("1 worker works on"), std::string::npos);
    service.look.workers[1].is_accepting = true;
    EXPECT_TRUE(service.watch(minutes{5}).is_hung()) << "it only waits";
    service.look.workers[1].is_accepting.reset();
    EXPECT_FALSE(service.watch(minutes{5}).is_hung()) << "who knows what it does";
    EXPECT_TRUE(service.objects(Objection::kUnmeasured));
}

TEST(WorkWatch, CountsWorkersWithoutAVisitor) {
    Inspection look;
    EXPECT_EQ(background_of(look), Background{}) << "none, as of a pool on demand";
    EXPECT_EQ(background_words(Background{}), "");
    look.workers = {serving_worker(7), serving_worker(8), worker_of(9, 1), serving_worker(10)};
    look.workers[0].connections = 0;
    look.workers[1].is_accepting.reset();
    EXPECT_EQ(background_of(look), (Background{.workers = 1, .is_known = true}))
        << "who holds a connection serves; the master has no pool";
    look.workers[3].connections.reset();
    EXPECT_EQ(background_of(look), (Background{.workers = 1, .is_known = false}));
    look.workers[3].is_nginx = true;
    EXPECT_EQ(background_of(look), (Background{.workers = 1, .is_known = true}));
}

TEST(WorkWatch, CallsNothingHungThatServesSomebodyWhomNginxHasNotSent) {
    Service service;
    service.look.listeners->push_back(listener_of("127.0.0.1:9001", 0));
    service.look.listeners->back().connections = 0;
    ASSERT_TRUE(service.watch(minutes{5}).is_hung());
    service.look.listeners->back().connections = 1;
    EXPECT_FALSE(service.watch(minutes{5}).is_hung());
    EXPECT_TRUE(service.objects(Objection::kUnmeasured));
    service.findings().role = ServiceRole::kPhpFpm;
    EXPECT_TRUE(service.watch(seconds{10}).is_hung()) << "a site's script listens there";
    service.look.listeners->back().is_main = true;
    EXPECT_FALSE(service.watch(seconds{10}).is_hung());
    service.look.listeners->back().connections = 0;
    service.look.listeners->back().queue = 1;
    EXPECT_FALSE(service.watch(seconds{10}).is_hung()) << "somebody waits there";
    service.look.listeners->back().queue = 0;
    service.look.listeners->back().connections.reset();
    EXPECT_FALSE(service.watch(minutes{5}).is_hung()) << "not counted";
    service.look.listeners->back().unit = "other.service";
    EXPECT_TRUE(service.watch(minutes{5}).is_hung()) << "another unit's";
}

// Debian's nginx may name /run/php/php-fpm.sock, a link to the socket on which PHP-FPM listens.
TEST(WorkWatch, KnowsTheListenerBehindALink) {
    Service service;
    Backend& backend = service.findings().backends.front();
    backend.real = std::exchange(backend.address, "unix:/run/php/php-fpm.sock");
    service.look.listeners->front().is_main = true;
    service.look.listeners->front().connections = 1;
    service.findings().role = ServiceRole::kPhpFpm;
    EXPECT_TRUE(service.watch(minutes{5}).is_hung()) << work_words(service.findings());
    backend.real.clear();
    EXPECT_FALSE(service.watch(minutes{5}).is_hung());
}

TEST(WorkWatch, HearsThePoolSayThatAllItsWorkersAreBusy) {
    Service service;
    service.watch(seconds{130});
    ASSERT_TRUE(service.is_hung());
    Sighting full;
    full.clue = Clue::kMaxChildren;
    full.witness = Witness::kServiceLog;
    full.last = service.findings().now - seconds{100};
    service.findings().sightings = {full};
    EXPECT_FALSE(service.is_hung());
    EXPECT_TRUE(service.objects(Objection::kMaxChildren));
    service.findings().sightings.front().last -= minutes{1};
    EXPECT_TRUE(service.is_hung()) << "that was before anything stood still";
}

TEST(WorkWatch, IsNotAskedWhileTheUnitReloadsOrAProbeIsAnswered) {
    Service service;
    service.watch(seconds{130});
    service.findings().unit->active = ActiveState::kReloading;
    EXPECT_TRUE(service.objects(Objection::kReloading));
    EXPECT_FALSE(service.is_hung());
    service.findings().unit->active = ActiveState::kActive;
    service.findings().probe->outcome = ProbeOutcome::kGood;
    EXPECT_TRUE(service.objects(Objection::kAnswered));
    EXPECT_NE(service.cause(), "backend-hung");
    service.findings().probe->status = 502;
    EXPECT_FALSE(service.objects(Objection::kAnswered)) << "that is the failure itself";
}

TEST(WorkWatch, LooksAgainBeforeItConcludesFromAnOldLook) {
    Service service;
    service.watch(seconds{130});
    service.findings().now += minutes{2};
    EXPECT_FALSE(service.is_hung());
}

// Whatever happens: no sequence with a movement among the looks of the last two minutes is hung.
TEST(WorkWatch, IsNeverHungWithinTwiceTheWaitAfterAnyMovement) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random{seed};
        Service service;
        TimePoint moved{};
        for (int i = 0; i < 60; ++i) {
            const bool is_moving = random() % 12 == 0;
            if (is_moving) {
                ++service.look.workers[random() % 2].done;
            } else if (random() % 15 == 0) {
                service.look.listeners->front().queue +=
                    1;  // another visitor, who is let in by nobody
            }
            service.watch(seconds{0});
            moved = is_moving || i == 0 ? service.findings().now : moved;
            service.watch(seconds{10});
            EXPECT_TRUE(!service.is_hung() || service.findings().now - moved >= seconds{120})
                << "seed " << seed << ", look " << i;
        }
    }
}

}  // namespace
}  // namespace gatemend::diagnosis
