// SPDX-License-Identifier: MIT
// Whose an address is: by who listens there, by memory, by systemd; never by a file, a name or a
// control group alone.
#include "app/ownership.hpp"

#include "app/standings.hpp"
#include "app/topology_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace gatemend::app {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kSocket = "unix:/run/php/site.sock";
const std::string kOld = "php7.4-fpm.service";
const std::string kNew = "php8.2-fpm.service";
const std::string kApp = "shop.service";

core::TimePoint at(int second) {
    return core::TimePoint{seconds{second}};
}

// A machine told piece by piece; nginx asks `address`.
class Machines {
  public:
    explicit Machines(const std::string& address, core::Scheme scheme = core::Scheme::kFastcgi)
        : address_(address) {
        machine_.has_nginx = true;
        names(address, scheme);
    }

    Machines& names(const std::string& address, core::Scheme scheme = core::Scheme::kFastcgi) {
        machine_.nginx.backends.push_back({scheme, address, "/etc/nginx/sites-enabled/x:1", ""});
        return *this;
    }

    Machines& unnamed() {
        machine_.nginx.backends.clear();
        return *this;
    }

    Machines& file(const std::string& unit, const std::string& pool, const std::string& listen) {
        auto instance = std::find_if(machine_.fpm.begin(),
                                     machine_.fpm.end(),
                                     [&](const auto& item) { return item.unit == unit; });
        if (instance == machine_.fpm.end()) {
            instance = machine_.fpm.insert(instance, FpmInstance{unit, {}});
        }
        instance->pools.push_back({pool, listen, pool + ".conf:1"});
        return *this;
    }

    Machines& no_files() {
        machine_.fpm.clear();
        return *this;
    }

    core::UnitStanding& unit(const std::string& name) {
        core::UnitStanding& standing = machine_.units[name];
        standing.name = name;
        return standing;
    }

    Machines& installed(const std::string& name) {
        unit(name).is_loaded = true;
        unit(name).active = core::ActiveState::kInactive;
        return *this;
    }

    Machines& enabled(const std::string& name) {
        installed(name).unit(name).is_enabled = true;
        return *this;
    }

    Machines& absent(const std::string& name) {
        unit(name).is_loaded = false;
        unit(name).active = core::ActiveState::kInactive;
        return *this;
    }

    Machines& running(const std::string& name, std::uint32_t main_pid) {
        enabled(name).unit(name).active = core::ActiveState::kActive;
        unit(name).main_pid = main_pid;
        unit(name).last_active = at(100);
        return *this;
    }

    Machines& crashed(const std::string& name, int since) {
        enabled(name).unit(name).active = core::ActiveState::kFailed;
        unit(name).main_pid = 0;
        unit(name).last_active = at(since - 1);
        unit(name).left_active = at(since);
        return *this;
    }

    Machines& nobody_listens() {
        machine_.look.listeners.emplace();
        return *this;
    }

    Machines& listener(const std::string& address,
                       const std::string& unit,
                       std::uint32_t pid,
                       const std::string& command = "php-fpm8.2") {
        if (!machine_.look.listeners) {
            machine_.look.listeners.emplace();
        }
        core::Listener listener;
        listener.address = address;
        listener.unit = unit;
        listener.pid = pid;
        listener.command = command;
        machine_.look.listeners->push_back(listener);
        return *this;
    }

    // As the agent does it: what was found goes through the file that outlives it.
    Machines& remember() {
        note_main_processes(machine_.look, machine_.units);
        auto saved = decode_topology(encode_topology(discover(machine_, settings_, remembered_)));
        EXPECT_TRUE(saved);
        remembered_ = saved.value_or(core::Topology{});
        return *this;
    }

    [[nodiscard]] core::Topology topology() {
        note_main_processes(machine_.look, machine_.units);
        return discover(machine_, settings_, remembered_);
    }

    // "unit/pool", "" = nobody
    [[nodiscard]] std::string owner() { return owner_of_address(address_); }

    [[nodiscard]] std::string owner_of_address(const std::string& address) {
        const core::Topology found = topology();
        const core::Service* service = found.find_by_address(address);
        if (service == nullptr) {
            return "";
        }
        for (const core::Backend& backend : service->backends) {
            if (backend.address == address) {
                return service->unit + (backend.pool.empty() ? "" : "/" + backend.pool);
            }
        }
        return "";
    }

    Machine machine_;
    policy::Settings settings_;
    core::Topology remembered_;

  private:
    std::string address_;
};

// 8.2 serves the site; files of a 7.4 that was removed name the same socket.
Machines with_left_over() {
    Machines machines(kSocket);
    machines.file(kOld, "www", kSocket).file(kNew, "www", kSocket);
    machines.absent(kOld).running(kNew, 71).listener(kSocket, kNew, 71);
    return machines;
}

TEST(Ownership, ALeftOverFileOutranksNobody) {
    Machines machines = with_left_over();
    EXPECT_EQ(machines.owner(), kNew + "/www");
    EXPECT_EQ(machines.topology().find_by_unit(kOld), nullptr) << "it is not watched either";
    machines.remember().nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www") << "known while it is down";
}

TEST(Ownership, IsLearntFromSystemdWhereNobodyWasEverSeen) {
    Machines machines = with_left_over();
    machines.nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.unit(kNew).last_active = {};
    machines.unit(kNew).left_active = {};
    EXPECT_EQ(machines.owner(), kNew + "/www") << "after a boot: enabled";
}

TEST(Ownership, ADisabledVersionThatNeverRanOutranksNobody) {
    Machines machines = with_left_over();
    machines.installed(kOld).nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.unit(kNew).is_loaded = false;
    EXPECT_EQ(machines.owner(), "") << "switched off is no owner, whoever else is gone";
}

TEST(Ownership, AMaskedVersionOutranksNobody) {
    Machines machines = with_left_over();
    machines.unit(kOld) = {.name = kOld, .is_masked = true, .last_active = at(9)};
    machines.nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www");
}

TEST(Ownership, OfTwoEnabledVersionsIsTheOneThatRanLast) {
    Machines machines = with_left_over();
    machines.nobody_listens().crashed(kNew, 200).crashed(kOld, 150);
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.crashed(kOld, 300);
    EXPECT_EQ(machines.owner(), kOld + "/www");
    machines.unit(kOld).last_active = machines.unit(kNew).last_active = {};
    EXPECT_EQ(machines.owner(), "") << "neither ran since boot: nobody knows";
    EXPECT_THAT(machines.topology().unowned, SizeIs(1));
}

TEST(Ownership, ListeningDecidesWhateverTheFilesSay) {
    Machines machines = with_left_over();
    machines.running(kOld, 70);
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.no_files();
    EXPECT_EQ(machines.owner(), kNew) << "no file names a pool";
}

TEST(Ownership, IsTheOperatorsToSay) {
    Machines machines = with_left_over();
    machines.settings_.backends.push_back({kSocket, "app.service"});
    EXPECT_EQ(machines.owner(), "app.service");
}

TEST(Ownership, OfAPortIsNotTheFilesEither) {
    Machines machines("127.0.0.1:9000");
    machines.file(kOld, "www", "127.0.0.1:9000").file(kNew, "www", "0.0.0.0:9000");
    machines.absent(kOld).running(kNew, 71).listener("0.0.0.0:9000", kNew, 71);
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.remember().nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www");
}

TEST(Ownership, AnAppsPortIsNotALeftOverPools) {
    Machines machines("127.0.0.1:9000", core::Scheme::kHttp);
    machines.file(kOld, "www", "127.0.0.1:9000").absent(kOld);
    machines.running(kApp, 80).listener("127.0.0.1:9000", kApp, 80, "gunicorn");
    EXPECT_EQ(machines.owner(), kApp);
    machines.remember().nobody_listens().crashed(kApp, 200);
    EXPECT_EQ(machines.owner(), kApp);
}

TEST(Ownership, AnotherUnitsOwnNameCounts) {
    Machines machines(kSocket);
    machines.file("php-fpm.service", "www", kSocket).running("php-fpm.service", 71);
    machines.unit("php-fpm.service").name = kNew;
    machines.unit(kNew) = machines.unit("php-fpm.service");
    machines.unit(kNew).name = kNew;
    machines.unit("php-fpm.service").name = kNew;
    EXPECT_EQ(machines.owner(), kNew + "/www") << "by the file";
    machines.listener(kSocket, kNew, 71);
    EXPECT_EQ(machines.owner(), kNew + "/www") << "by the listener";
}

TEST(Ownership, AnInstanceOfATemplateIsAUnit) {
    Machines machines(kSocket);
    const std::string instance = "php-fpm@shop.service";
    machines.file(kNew, "www", kSocket).installed(kNew);
    machines.running(instance, 71).listener(kSocket, instance, 71);
    EXPECT_EQ(machines.owner(), instance);
    machines.remember().nobody_listens().crashed(instance, 200);
    EXPECT_EQ(machines.owner(), instance);
}

TEST(Ownership, FollowsAPoolIntoTheFolderOfAnotherVersion) {
    Machines machines = with_left_over();
    machines.no_files().file(kNew, "www", kSocket).remember();
    machines.no_files().file(kOld, "www", kSocket).file(kNew, "blog", "unix:/run/php/blog.sock");
    machines.machine_.look.listeners->clear();
    machines.running(kOld, 70).listener(kSocket, kOld, 70);
    EXPECT_EQ(machines.owner(), kOld + "/www");
    machines.nobody_listens().crashed(kOld, 300);
    EXPECT_EQ(machines.owner(), kOld + "/www") << "8.2's files do not name it any more";
}

TEST(Ownership, IsKeptWhileThePoolFilesCannotBeRead) {
    Machines machines = with_left_over();
    machines.remember().no_files().nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www");
}

TEST(Ownership, EndsWithTheUnit) {
    Machines machines("unix:/run/shop/app.sock", core::Scheme::kHttp);
    machines.running(kApp, 80).listener("unix:/run/shop/app.sock", kApp, 80, "gunicorn").remember();
    machines.nobody_listens().absent(kApp);
    EXPECT_EQ(machines.owner(), "");
    ASSERT_NE(machines.topology().find_seen("unix:/run/shop/app.sock"), nullptr);
    EXPECT_EQ(machines.topology().find_seen("unix:/run/shop/app.sock")->unit, kApp);
    machines.remember().enabled(kApp);
    EXPECT_EQ(machines.owner(), kApp) << "reinstalled";
}

TEST(Ownership, OutlivesTheConfigurationThatNamedTheAddress) {
    Machines machines = with_left_over();
    machines.remember();
    machines.unnamed().names("unix:/run/php/other.sock").remember();
    EXPECT_EQ(machines.owner(), "");
    machines.unnamed().names(kSocket).nobody_listens().crashed(kNew, 200);
    EXPECT_EQ(machines.owner(), kNew + "/www") << "pointed there again, as by an undo";
}

TEST(Ownership, OfWhatASwitchedOffAppServedIsTheNextOnes) {
    Machines machines("127.0.0.1:9000");
    machines.running(kApp, 80).listener("127.0.0.1:9000", kApp, 80, "gunicorn").remember();
    machines.nobody_listens().installed(kApp).unit(kApp).is_enabled = false;
    EXPECT_EQ(machines.owner(), kApp) << "nobody else";
    machines.file(kNew, "www", "127.0.0.1:9000").crashed(kNew, 300);
    EXPECT_EQ(machines.owner(), kNew + "/www");
}

// -- what proves nothing

TEST(Ownership, IsNotAScriptsInTheServersControlGroup) {
    Machines machines("127.0.0.1:3001", core::Scheme::kHttp);
    machines.running(kNew, 71).listener("127.0.0.1:3001", kNew, 99, "node");
    EXPECT_EQ(machines.owner(), "");
    machines.listener("127.0.0.1:3001", kNew, 98, "php-fpm8.2");
    EXPECT_EQ(machines.owner(), "") << "whatever it calls itself";
    machines.settings_.backends.push_back({"127.0.0.1:3001", kApp});
    EXPECT_EQ(machines.owner(), kApp);
}

TEST(Ownership, IsNotHiddenByAScript) {
    Machines machines("127.0.0.1:3001", core::Scheme::kHttp);
    machines.running(kApp, 80).running(kNew, 71);
    machines.listener("127.0.0.1:3001", kNew, 60, "node");  // a lower pid, of the same address
    machines.listener("127.0.0.1:3001", kApp, 80, "node");
    EXPECT_EQ(machines.owner(), kApp);
    machines.remember().crashed(kApp, 200).nobody_listens();
    machines.listener("127.0.0.1:3001", kNew, 60, "node");  // it took the port of the app
    EXPECT_EQ(machines.owner(), kApp);
}

TEST(Ownership, IsNotHiddenByASocketBoundInItsPlace) {
    Machines machines = with_left_over();
    machines.machine_.look.listeners->clear();
    machines.listener(kSocket, kNew, 60, "php-fpm8.2").listener(kSocket, kNew, 71);
    machines.machine_.look.listeners->back().is_reachable = false;  // its file was moved away
    EXPECT_EQ(machines.owner(), kNew + "/www");
    machines.machine_.look.listeners->front().unit = "cron.service";
    EXPECT_EQ(machines.owner(), kNew + "/www");
}

TEST(Ownership, IsNotAJobOfCronsNorAContainerEngines) {
    for (const char* unit : {"cron.service",
                             "atd.service",
                             "ssh.service",
                             "docker.service",
                             "user@1000.service",
                             "nginx.service"}) {
        Machines machines("127.0.0.1:3001", core::Scheme::kHttp);
        machines.running(unit, 5).listener("127.0.0.1:3001", unit, 99, "node");
        EXPECT_EQ(machines.owner(), "") << unit;
    }
}

TEST(Ownership, IsASupervisorsForItsChild) {
    Machines machines("127.0.0.1:3000", core::Scheme::kHttp);
    machines.running("pm2-shop.service", 80);
    machines.listener("127.0.0.1:3000", "pm2-shop.service", 99, "node");
    EXPECT_EQ(machines.owner(), "pm2-shop.service");
    machines.remember().nobody_listens();
    EXPECT_EQ(machines.owner(), "pm2-shop.service");
}

TEST(Ownership, OfAnAppIsNotTakenByAnotherUnitsChild) {
    Machines machines("127.0.0.1:3000", core::Scheme::kHttp);
    machines.running(kApp, 80).listener("127.0.0.1:3000", kApp, 80, "node").remember();
    machines.crashed(kApp, 200).nobody_listens();
    machines.running("blog.service", 90).listener("127.0.0.1:3000", "blog.service", 99, "node");
    EXPECT_EQ(machines.owner(), kApp);
    machines.unit("blog.service").main_pid = 99;
    EXPECT_EQ(machines.owner(), "blog.service") << "the unit itself listens there now";
}

TEST(Ownership, IsNobodysWhereSystemdSaysNothing) {
    Machines machines(kSocket);
    machines.file(kOld, "www", kSocket);
    EXPECT_EQ(machines.owner(), "") << "a file alone";
}

// -- what is remembered

TEST(Ownership, RemembersWhatAnAppHasOpenBeside) {
    Machines machines("127.0.0.1:8000", core::Scheme::kHttp);
    machines.running(kApp, 80).listener("127.0.0.1:8000", kApp, 80, "node");
    machines.listener("127.0.0.1:9229", kApp, 80, "node");
    EXPECT_THAT(
        machines.topology().seen,
        ElementsAre(Field(&core::Seen::is_beside, false), Field(&core::Seen::is_beside, true)));
    machines.machine_.look.listeners->erase(machines.machine_.look.listeners->begin());
    EXPECT_THAT(machines.topology().seen, IsEmpty()) << "it may have moved there";
}

TEST(Ownership, RemembersNoMoreThanItsLimit) {
    Machines machines = with_left_over();
    for (std::size_t i = 0; i < core::kMaxSeen; ++i) {
        machines.remembered_.seen.push_back(
            {"10.0.0.1:" + std::to_string(10000 + i), kApp, "", ""});
    }
    const core::Topology topology = machines.topology();
    EXPECT_THAT(topology.seen, SizeIs(core::kMaxSeen));
    EXPECT_NE(topology.find_seen(kSocket), nullptr) << "what nginx asks now comes first";
}

}  // namespace
}  // namespace gatemend::app
