// SPDX-License-Identifier: MIT
#include "executor_fakes.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/config_places.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/fingerprint.hpp"
#include "sandbox/tools/known_services.hpp"
#include "sandbox/tools/mender.hpp"
#include "sandbox/tools/own_socket.hpp"
#include "sandbox/tools/unit_properties.hpp"
#include "sandbox/tools/worker_user.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

class Folder : public testing::Test {
  public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "gatemend-tools-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }

    ~Folder() override { fs::remove_all(path_); }

    [[nodiscard]] std::string print() const { return fingerprint_files({path_}).value(); }

    fs::path path_;
};

TEST_F(Folder, FingerprintIsStableAndSeesEveryKindOfChange) {
    fs::create_directory(path_ / "pool.d");
    std::ofstream{path_ / "pool.d/www.conf"} << "a";
    std::ofstream{path_ / "target"} << "t";
    fs::create_symlink(path_ / "target", path_ / "pool.d/link");
    std::string last = print();
    EXPECT_EQ(print(), last);
    const std::vector<std::function<void()>> changes{
        [&] { std::ofstream{path_ / "pool.d/www.conf"} << "bb"; },
        [&] { std::ofstream{path_ / "pool.d/new.conf"} << "n"; },
        [&] { fs::rename(path_ / "pool.d/new.conf", path_ / "pool.d/old.conf"); },
        [&] { fs::permissions(path_ / "pool.d/old.conf", fs::perms::owner_read); },
        [&] { fs::remove(path_ / "pool.d/old.conf"); },
        [&] { std::ofstream{path_ / "target"} << "changed behind a link"; },
        [&] { fs::remove(path_ / "target"); },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        changes[i]();
        EXPECT_NE(print(), last) << i;
        last = print();
    }
}

// A main file behind a linked folder, that includes from another one and from a file elsewhere.
class Includes : public Folder {
  public:
    Includes() {
        for (const char* folder : {"real/available", "srv/sites", "opt"}) {
            fs::create_directories(path_ / folder);
        }
        write("real/nginx.conf",
              "# include nothing/*.conf;\nhttp { include sites/*;\n  include " +
                  (path_ / "opt/extra.conf").string() + ";\n}\n");
        write("srv/sites/shop", "s");
        write("opt/extra.conf", "e");
        fs::create_directory_symlink(path_ / "real", path_ / "etc");
        fs::create_directory_symlink(path_ / "srv/sites", path_ / "real/sites");
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream{path_ / name} << text;
    }

    [[nodiscard]] std::vector<std::string> places() const {
        return find_config_places({path_ / "etc/nginx.conf"}).value();
    }

    [[nodiscard]] ConfigChange newest() const { return find_newest_change(places()).value(); }

    // The kernel's clock for files is coarse: until `place` is the newer one.
    void change(const std::string& place, const std::function<void()>& what) const {
        const core::TimePoint before = newest().time;
        do {
            what();
        } while (find_newest_change({path_ / place}).value().time <= before);
    }
};

TEST_F(Includes, TheNewestChangeIsFoundThroughLinksAndInFoldersToo) {
    change("srv/sites/shop", [this] { write("srv/sites/shop", "ss"); });
    EXPECT_EQ(newest().path, path_ / "srv/sites/shop");
    change("opt/extra.conf", [this] { write("opt/extra.conf", "ee"); });
    EXPECT_EQ(newest().path, path_ / "opt/extra.conf");
    change("srv/sites", [this] {
        write("srv/sites/new", "n");
        fs::remove(path_ / "srv/sites/new");
    });
    EXPECT_EQ(newest().path, path_ / "srv/sites");
    change("etc", [this] {
        fs::remove(path_ / "etc");
        fs::create_directory_symlink(path_ / "real", path_ / "etc");
    });
    EXPECT_EQ(newest().path, path_ / "etc");
}

TEST_F(Includes, WhatIsNotReadDoesNotCount) {
    const std::string before = newest().path;
    change("real/.htpasswd", [this] { write("real/.htpasswd", "bob"); });
    change("real/available/shop", [this] { write("real/available/shop", "s"); });
    change("real", [this] {
        write("real/.nginx.conf.swp", "");
        fs::remove(path_ / "real/.nginx.conf.swp");
    });
    EXPECT_EQ(newest().path, before);
    fs::remove(path_ / "opt/extra.conf");
    EXPECT_EQ(newest().path, path_ / "opt") << "which it included, and which is gone";
}

TEST_F(Includes, TheFingerprintSeesThemBehindLinkedFolders) {
    const auto print = [this] { return fingerprint_files({path_ / "etc"}, places()).value(); };
    const std::string before = print();
    EXPECT_EQ(print(), before);
    write("srv/sites/shop", "longer");
    EXPECT_NE(print(), before);
}

TEST_F(Includes, AreFoundAsNginxAndFpmWriteThem) {
    write("real/nginx.conf",
          "include a;include\tb ;\nserver{include 'c d';}\ninclude\n  \"e\";\n"
          "include_path=f\n;include=g\n  # include h;\ninclude=i.*\ninclude = nginx.conf\n");
    for (const char* name : {"a", "b", "c d", "e", "f", "g", "h", "i.1", "i.2"}) {
        write(std::string{"real/"} + name, "");
    }
    std::vector<std::string> names;
    const auto found = find_config_places({path_ / "real/nginx.conf"});
    for (const std::string& place : found.value()) {
        names.push_back(fs::path{place}.filename());
    }
    EXPECT_EQ(names,
              (std::vector<std::string>{"a", "b", "c d", "e", "i.1", "i.2", "nginx.conf", "real"}));
}

// A site's own folder changes with everything that the site does.
TEST_F(Includes, OfSitesThatWriteTheirOwnOnlyTheFilesCount) {
    write("real/nginx.conf", "include " + (path_ / "www/*/nginx.conf").string() + ";\n");
    fs::create_directories(path_ / "www/shop");
    write("www/shop/nginx.conf", "s");
    const auto counts = [this](const char* name) {
        const auto all = places();
        return std::ranges::find(all, (path_ / name).string()) != all.end();
    };
    EXPECT_TRUE(counts("www/shop/nginx.conf"));
    EXPECT_TRUE(counts("www"));
    if (chown((path_ / "www/shop").c_str(), 33, 33) == 0) {
        EXPECT_FALSE(counts("www/shop"));
        EXPECT_EQ(chown((path_ / "www/shop").c_str(), 0, 0), 0);
        EXPECT_TRUE(counts("www/shop"));
    } else {
        EXPECT_FALSE(counts("www/shop")) << "not root's";
    }
}

TEST_F(Folder, FingerprintOfNothingIsAnError) {
    EXPECT_FALSE(fingerprint_files({path_ / "none"}));
    EXPECT_FALSE(fingerprint_files({}));
    EXPECT_FALSE(find_newest_change({}));
    EXPECT_FALSE(find_newest_change({path_ / "none"}));
}

TEST_F(Folder, FingerprintIsBoundedInDepth) {
    fs::path deep = path_;
    for (int i = 0; i <= kMaxFingerprintDepth; ++i) {
        deep /= "d";
    }
    fs::create_directories(deep);
    EXPECT_FALSE(fingerprint_files({path_}));
}

TEST_F(Folder, WorkerUserIsTheUnprivilegedProcessOfNginx) {
    const ProcessRoots roots{.cgroup = path_ / "cgroup", .proc = path_ / "proc"};
    EXPECT_FALSE(find_worker_user(roots));
    fs::create_directories(path_ / "cgroup/systemd/system.slice/nginx.service");
    fs::create_directories(path_ / "proc/10");
    fs::create_directories(path_ / "proc/11");
    if (chown((path_ / "proc/11").c_str(), 33, 33) != 0) {
        GTEST_SKIP() << "needs root";
    }
    std::ofstream{path_ / "cgroup/systemd/system.slice/nginx.service/cgroup.procs"}
        << "../10\n10\n11\n";
    EXPECT_EQ(find_worker_user(roots), "33");
}

TEST(KnownServices, NamesOfOurOwnChoosingOnly) {
    EXPECT_EQ(find_known_service("php8.2-fpm.service")->test_argv.front(), "/usr/sbin/php-fpm8.2");
    EXPECT_EQ(find_known_service("php-fpm.service")->test_argv.front(), "/usr/sbin/php-fpm");
    EXPECT_EQ(find_known_service("nginx.service")->role, core::ServiceRole::kNginx);
    for (const char* unit : {"php../../x-fpm.service",
                             "php..-fpm.service",
                             "php8.-fpm.service",
                             "php8.2.1.1-fpm.service",
                             "phpx-fpm.service",
                             "nginx.service.service",
                             "ssh.service",
                             ""}) {
        EXPECT_FALSE(find_known_service(unit)) << unit;
    }
}

TEST(KnownServices, AreTestedAsTheirUnitsStartThem) {
    using Words = std::vector<std::string>;
    const auto started = [](const char* unit, const Words& command) {
        return as_started(find_known_service(unit).value(), command);
    };
    const std::string fpm = "/usr/sbin/php-fpm8.2";
    const std::string main = "/etc/php/8.2/fpm/php-fpm.conf";
    const auto packaged = find_known_service(kFpm).value();
    for (const Words& command : {Words{},
                                 Words{fpm, "--nodaemonize", "--fpm-config", main},
                                 Words{fpm, "-F", "-y", main}}) {
        const auto service = started(kFpm.c_str(), command);
        ASSERT_TRUE(service);
        EXPECT_EQ(service->test_argv, packaged.test_argv);
        EXPECT_TRUE(service->is_packaged);
    }
    const auto other = started(
        kFpm.c_str(), {fpm, "--fpm-config=/srv/fpm.conf", "-c", "/srv/php.ini", "-d", "a=b"});
    ASSERT_TRUE(other);
    EXPECT_EQ(
        other->test_argv,
        (Words{fpm, "-F", "-O", "-t", "-y", "/srv/fpm.conf", "-c", "/srv/php.ini", "-d", "a=b"}));
    EXPECT_EQ(other->first_files.front(), "/srv/fpm.conf");
    EXPECT_EQ(other->first_files.back(), "/srv/php.ini");
    EXPECT_FALSE(other->is_packaged);
    const std::string nginx{kNginxPath};
    const auto plain = started("nginx.service", {nginx, "-g", "daemon on; master_process on;"});
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->test_argv, (Words{nginx, "-t", "-g", "daemon on; master_process on;"}));
    EXPECT_TRUE(plain->is_packaged);
    const auto moved = started("nginx.service", {nginx, "-c", "/srv/nginx/nginx.conf"});
    ASSERT_TRUE(moved);
    EXPECT_EQ(moved->first_files, (Words{"/srv/nginx/nginx.conf"}));
    for (const Words& command : {Words{"/usr/bin/env", nginx},
                                 Words{nginx, "-c"},
                                 Words{nginx, "-c", "nginx.conf"},
                                 Words{nginx, "-c", "/run/nginx.conf"},
                                 Words{nginx, "-g", "$OPTIONS"},
                                 Words{nginx, "$OPTIONS"},
                                 Words{nginx, "-c/etc/nginx/nginx.conf"}}) {
        EXPECT_FALSE(started("nginx.service", command)) << command.back();
    }
    EXPECT_FALSE(started(kFpm.c_str(), {fpm, "--nodaemonize=yes"}));
}

TEST(KnownServices, OwnConfigurationIsNotTheMachines) {
    const auto nginx = find_known_service("nginx.service").value();
    EXPECT_TRUE(is_own_config(nginx, "/etc/nginx/sites-available/default"));
    for (const char* path :
         {"/etc/hosts", "/etc/resolv.conf", "/etc/nginx-other/x", "/etc/passwd"}) {
        EXPECT_FALSE(is_own_config(nginx, path)) << path;
    }
    EXPECT_TRUE(is_own_config(find_known_service("php-fpm.service").value(), "/etc/php-fpm.conf"));
}

TEST_F(Folder, ProcessesAreThoseOfTheUnitsOwnControlGroup) {
    const ProcessRoots roots{.cgroup = path_ / "cgroup", .proc = path_ / "proc"};
    EXPECT_TRUE(find_processes("nginx.service", roots).empty());
    const fs::path group = path_ / "cgroup/system.slice/nginx.service";
    fs::create_directories(group);
    std::ofstream{group / "cgroup.procs"} << "12\n../3\n11\n0\n\n4294967296\n12\n";
    EXPECT_EQ(find_processes("nginx.service", roots), (std::vector<std::uint32_t>{11, 12}));
}

// Runs no tool: answers what the test prepared.
class ScriptedRunner final : public ToolRunner {
  public:
    std::vector<ToolSpec> asked;
    ToolOutcome outcome;

    void run(const ToolSpec& spec, std::function<void(core::Result<ToolOutcome>)> done) override {
        asked.push_back(spec);
        done(outcome);
    }

    void launch(const ToolSpec& spec,
                int /*output*/,
                std::function<void(core::Result<ToolOutcome>)> started) override {
        run(spec, std::move(started));
    }
};

TEST(FactsStaged, TestsWithTheStagedFilesInPlaceAndRemembersNothing) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    systemd.setup = {};
    const auto facts = Facts::make(runner, systemd);
    std::string verdict;
    const auto test = [&](const std::string& unit) {
        facts->test_staged(unit,
                           {{"/var/lib/gatemend/snapshots/1/0", "/etc/nginx/nginx.conf"}},
                           [&](const core::Result<ConfigTestFact>& fact) {
                               verdict = fact ? fact->verdict : "error";
                           });
    };
    runner.outcome.exit_code = 0;
    test("nginx.service");
    test("nginx.service");
    EXPECT_EQ(verdict, "valid");
    ASSERT_EQ(runner.asked.size(), 2U);
    EXPECT_EQ(runner.asked[1].binds.size(), 1U);
    EXPECT_FALSE(facts->is_known_valid("nginx.service", core::Duration::max()));
    runner.outcome.exit_code = 1;
    test("nginx.service");
    EXPECT_EQ(verdict, "invalid");
    runner.outcome.exit_code = 226;  // systemd could not mount it there
    test("nginx.service");
    EXPECT_EQ(verdict, "unknown");
    test("ssh.service");
    EXPECT_EQ(verdict, "error");
}

// The name of an upstream resolves again, an account is deleted: no file of a configuration
// changes.
TEST(Facts, AVerdictAgesThoughNoFileChanges) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    systemd.setup = {};
    core::Duration now = std::chrono::hours{1};
    const auto facts = Facts::make(runner, systemd, [&now] { return now; });
    const auto test = [&] {
        std::string verdict;
        facts->test_config("nginx.service", [&](const core::Result<ConfigTestFact>& fact) {
            verdict = fact ? fact->verdict : "error";
        });
        return verdict;
    };
    runner.outcome.exit_code = 1;
    EXPECT_EQ(test(), "invalid");
    runner.outcome.exit_code = 0;
    EXPECT_EQ(test(), "invalid") << "asked a moment ago";
    EXPECT_EQ(runner.asked.size(), 1U);
    now += kVerdictLifetime + std::chrono::seconds{1};
    EXPECT_EQ(test(), "valid");
    EXPECT_TRUE(facts->is_known_valid("nginx.service", kVerdictLifetime));
    now += std::chrono::hours{1};
    EXPECT_FALSE(facts->is_known_valid("nginx.service", kVerdictLifetime));
    EXPECT_TRUE(facts->is_known_valid("nginx.service", core::Duration::max()));
    runner.outcome.exit_code = 1;
    EXPECT_EQ(test(), "invalid");
    EXPECT_FALSE(facts->is_known_valid("nginx.service", core::Duration::max()));
}

// With another main file than the package's it is tested, and nothing is changed by us; with
// something that is not understood not even that.
TEST(Facts, TestsWhatTheUnitItselfReads) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    core::Duration now = std::chrono::hours{1};
    const auto facts = Facts::make(runner, systemd, [&now] { return now; });
    std::string verdict;
    const auto take = [&verdict](const core::Result<ConfigTestFact>& fact) {
        verdict = fact ? fact->verdict : "error";
    };
    runner.outcome.exit_code = 0;
    systemd.setup.exec_start = {std::string{kNginxPath}, "-c", "/srv/nginx.conf"};
    facts->test_config("nginx.service", take);
    EXPECT_EQ(verdict, "valid");
    EXPECT_EQ(runner.asked.back().argv,
              (std::vector<std::string>{std::string{kNginxPath}, "-t", "-c", "/srv/nginx.conf"}));
    facts->nginx_dump([](const core::Result<NginxDumpFact>& /*fact*/) {});
    EXPECT_EQ(runner.asked.back().argv,
              (std::vector<std::string>{std::string{kNginxPath}, "-T", "-c", "/srv/nginx.conf"}));
    EXPECT_TRUE(facts->is_known_valid("nginx.service", kVerdictLifetime));
    const std::size_t runs = runner.asked.size();
    facts->test_staged("nginx.service", {}, take);
    EXPECT_EQ(verdict, "unknown");
    systemd.setup.exec_start = {"/opt/nginx/sbin/nginx"};
    systemd.setup.main_pid = 12;
    facts->test_config("nginx.service", take);
    EXPECT_EQ(verdict, "unknown");
    EXPECT_FALSE(facts->is_known_valid("nginx.service", kVerdictLifetime));
    facts->test_staged("nginx.service", {}, take);
    EXPECT_EQ(verdict, "unknown");
    EXPECT_EQ(runner.asked.size(), runs) << "no test that means another file";
    systemd.setup.main_pid = 0;
    facts->test_config("nginx.service", take);
    EXPECT_EQ(verdict, "valid") << "it may be started";
    EXPECT_EQ(runner.asked.back().argv, (std::vector<std::string>{std::string{kNginxPath}, "-t"}));
}

TEST(UnitProperties, StagedFilesAreMountedReadOnlyBesideWhatTheTestNeeds) {
    using BindPath = sdbus::Struct<std::string, std::string, bool, std::uint64_t>;
    const auto binds = [](ToolProfile profile, const std::vector<Bind>& staged) {
        ToolSpec spec;
        spec.profile = profile;
        spec.argv = {"/usr/sbin/nginx", "-t"};
        spec.binds = staged;
        std::vector<std::string> targets;
        for (const UnitProperty& property : make_unit_properties(spec, {0, 1})) {
            if (std::get<0>(property) == "BindReadOnlyPaths") {
                for (const auto& path : std::get<1>(property).get<std::vector<BindPath>>()) {
                    targets.push_back(std::get<1>(path));
                }
            }
        }
        return targets;
    };
    const std::vector<Bind> staged{{"/s/0", "/etc/nginx/nginx.conf"}};
    EXPECT_EQ(binds(ToolProfile::kNginxTest, staged).front(), "/etc/nginx/nginx.conf");
    EXPECT_EQ(binds(ToolProfile::kNginxTest, staged).size(),
              binds(ToolProfile::kNginxTest, {}).size() + 1);
    EXPECT_EQ(binds(ToolProfile::kFpmTest, staged).size(), 1U);
    EXPECT_TRUE(binds(ToolProfile::kFpmTest, {}).empty());
    EXPECT_TRUE(binds(ToolProfile::kMend, staged).empty());
}

TEST(Mender, KeepsGoodCopiesWhereOnlyTheyAre) {
    ScriptedRunner runner;
    FakeFacts facts;
    const auto mender = Mender::make(runner, facts);
    runner.outcome.exit_code = 0;
    runner.outcome.out = "end\n";
    bool is_kept = false;
    mender->keep("nginx.service", [&](const core::Result<actions::Mending>& mending) {
        is_kept = mending.has_value();
    });
    EXPECT_TRUE(is_kept);
    EXPECT_EQ(runner.asked.back().argv[1], "keep");
    EXPECT_EQ(runner.asked.back().writable, std::vector<std::string>{kGoodRoot});
}

TEST_F(Folder, MendingMayWriteBesideTheFilesAndNowhereElse) {
    ScriptedRunner runner;
    FakeFacts facts;
    const auto mender = Mender::make(runner, facts);
    const auto writable = [&](const std::string& path) {
        mender->commit(1, {path}, [](const core::Result<actions::Mending>&) {});
        return runner.asked.back().writable;
    };
    const std::string here = path_.string();
    EXPECT_EQ(writable(here + "/a.conf"), (std::vector<std::string>{here, kSnapshotRoot}));
    EXPECT_EQ(writable(here + "/gone/a.conf").front(), here) << "systemd wants it to exist";
    fs::create_directory(path_ / "x.service.d");
    EXPECT_EQ(writable(here + "/x.service.d/90-gatemend.conf").front(), here)
        << "the folder itself comes and goes";
}

TEST(Mender, AFailureAlwaysHasWords) {
    ScriptedRunner runner;
    FakeFacts facts;
    const auto mender = Mender::make(runner, facts);
    runner.outcome.exit_code = 226;
    std::string words;
    mender->forget(1, [&](const core::Result<actions::Mending>& mending) {
        words = mending ? "" : mending.error().text;
    });
    EXPECT_EQ(words, "gatemend-mend could not run, exit code 226");
}

actions::Plan owner_plan() {
    actions::Plan plan;
    plan.act = actions::ActId::kFixSocketOwner;
    plan.unit = "php8.2-fpm.service";
    plan.parameters = {{"socket", "unix:/run/php/a.sock"}};
    return plan;
}

core::Listener own_listener() {
    core::Listener listener;
    listener.address = "unix:/run/php/a.sock";
    listener.unit = "php8.2-fpm.service";
    listener.command = "php-fpm8.2";
    listener.pid = 7;
    listener.is_main = true;
    listener.cookie = 42;
    return listener;
}

TEST(Mender, IsToldWhichSocketIsTheUnitsBeforeItGivesOneAway) {
    ScriptedRunner runner;
    FakeFacts facts;
    core::Inspection inspection;
    inspection.listeners = {own_listener()};
    facts.inspection = core::encode(inspection);
    const auto mender = Mender::make(runner, facts);
    runner.outcome.exit_code = 0;
    runner.outcome.out = "end\n";
    mender->preview(owner_plan(), 0, [](const core::Result<actions::Mending>&) {});
    ASSERT_EQ(runner.asked.size(), 1U);
    EXPECT_EQ(runner.asked.back().argv.back(), "listener=42");
    mender->stage(owner_plan(), 7, [](const core::Result<actions::Mending>&) {});
    ASSERT_EQ(runner.asked.size(), 2U);
    EXPECT_EQ(runner.asked.back().argv.back(), "listener=42");
}

TEST(Mender, DoesNotEvenLookWhereTheSocketIsNotShownToBeTheUnits) {
    ScriptedRunner runner;
    FakeFacts facts;
    const auto mender = Mender::make(runner, facts);
    const auto words = [&](const core::Listener& listener) {
        core::Inspection inspection;
        inspection.listeners = {listener};
        facts.inspection = core::encode(inspection);
        std::string text;
        const auto keep = [&](const core::Result<actions::Mending>& mending) {
            text = mending ? "" : mending.error().text;
        };
        mender->preview(owner_plan(), 0, keep);
        mender->stage(owner_plan(), 7, keep);
        return text;
    };
    core::Listener listener = own_listener();
    listener.is_main = false;
    EXPECT_EQ(words(listener),
              "who listens on unix:/run/php/a.sock is not the main process of php8.2-fpm.service "
              "but php-fpm8.2 (pid 7, php8.2-fpm.service)");
    EXPECT_TRUE(runner.asked.empty());
}

TEST(OwnSocket, IsHeldByTheMainProcessBoundToTheAddressAndReachedByThePath) {
    const auto find = [](std::vector<core::Listener> listeners) {
        core::Inspection inspection;
        inspection.listeners = std::move(listeners);
        const auto found =
            find_own_socket(inspection, "php8.2-fpm.service", "unix:/run/php/a.sock");
        return found ? std::to_string(*found) : found.error().text;
    };
    const core::Listener own = own_listener();
    EXPECT_EQ(find({own}), "42");
    core::Listener stranger = own;
    stranger.is_main = false;
    stranger.cookie = 43;
    EXPECT_EQ(find({stranger, own}), "42");
    core::Listener lost = own;
    lost.is_reachable = false;
    lost.taken_by = "cron.service";
    EXPECT_EQ(find({stranger, lost}),
              "what lies at unix:/run/php/a.sock is not the socket that php8.2-fpm.service listens "
              "on, which was deleted, moved or replaced, but that of cron.service");
    EXPECT_EQ(find({}),
              "the main process of php8.2-fpm.service does not listen on unix:/run/php/a.sock");
    core::Listener activated = stranger;
    activated.pid = 1;
    EXPECT_NE(find({activated}).find(".socket unit"), std::string::npos);
    EXPECT_NE(find({own, own}).find("two sockets"), std::string::npos);
    core::Listener nameless = own;
    nameless.cookie = 0;
    EXPECT_NE(find({nameless}), "0");
    core::Listener elsewhere = own;
    elsewhere.address = "unix:/run/php/b.sock";
    EXPECT_NE(find({elsewhere}), "42");
    EXPECT_FALSE(find_own_socket({}, "php8.2-fpm.service", "unix:/run/php/a.sock"));
}

TEST(FactsInspect, NamesTheMainProcessThatSystemdNames) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    const auto words = [&] {
        facts->inspect("a.service", "", [](const core::Result<std::string>&) {});
        const auto& argv = runner.asked.back().argv;
        return std::vector<std::string>(argv.begin() + 4, argv.end());
    };
    systemd.setup = {};
    EXPECT_TRUE(words().empty()) << "none runs";
    systemd.setup.main_pid = 7;
    EXPECT_EQ(words(), (std::vector<std::string>{"7", "0"}));
    systemd.setup.user = "shop";
    EXPECT_TRUE(words().empty()) << "whose it has to be is not known";
    systemd.setup.uid = 2000;
    EXPECT_EQ(words(), (std::vector<std::string>{"7", "2000"}));
}

TEST(FactsProbe, OnlyAWellFormedLineIsPassedOn) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    const auto probe = [&] {
        bool is_good = false;
        facts->probe({core::ProbeKind::kConnect, "127.0.0.1:80", "", std::chrono::seconds{1}},
                     [&](const core::Result<std::string>& line) { is_good = line.has_value(); });
        return is_good;
    };
    runner.outcome.out = "outcome=good errno=0 us=12\n";
    EXPECT_TRUE(probe());
    runner.outcome.out += "and more";
    EXPECT_FALSE(probe());
    runner.outcome.out = "";
    EXPECT_FALSE(probe());
    EXPECT_EQ(runner.asked.back().argv[2], "127.0.0.1:80");
}

TEST(FactsInspect, ACutOrFailedLookIsNone) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    const auto look = [&] {
        std::string text = "error";
        facts->inspect("", "127.0.0.1:80", [&](const core::Result<std::string>& answer) {
            text = answer ? *answer : "error";
        });
        return text;
    };
    runner.outcome.exit_code = 0;
    runner.outcome.out = "end \xFF\n";
    EXPECT_EQ(look(), "end ?\n");
    EXPECT_EQ(runner.asked.back().argv[1], "-");
    EXPECT_EQ(runner.asked.back().argv[2], "127.0.0.1:80");
    runner.outcome.is_cut = true;
    EXPECT_EQ(look(), "error");
    runner.outcome = {};
    EXPECT_EQ(look(), "error");
}

TEST(FactsProbe, WhatLeavesTheMachineOrSpeaksTlsIsConfinedMore) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    const auto spec_of = [&](core::ProbeKind kind, const std::string& address) {
        facts->probe({kind, address, "app.lan", std::chrono::seconds{1}},
                     [](const core::Result<std::string>& /*line*/) {});
        return runner.asked.back();
    };
    for (const char* local : {"unix:/run/app.sock", "127.0.0.1:80", "[::1]:80"}) {
        const ToolSpec spec = spec_of(core::ProbeKind::kHttp, local);
        EXPECT_EQ(spec.profile, ToolProfile::kProbe);
        const std::vector<std::string> argv{
            "/usr/lib/gatemend/gatemend-probe", "http", local, "1000000", "local", "app.lan"};
        EXPECT_EQ(spec.argv, argv);
    }
    for (const char* remote : {"192.0.2.1:80", "[2001:db8::1]:80"}) {
        const ToolSpec spec = spec_of(core::ProbeKind::kFastcgi, remote);
        EXPECT_EQ(spec.profile, ToolProfile::kRemoteProbe);
        EXPECT_EQ(spec.argv[4], "remote");
    }
    EXPECT_EQ(spec_of(core::ProbeKind::kResolve, "127.lan").argv[4], "remote");
    const ToolSpec tls = spec_of(core::ProbeKind::kHttps, "127.0.0.1:443");
    EXPECT_EQ(tls.profile, ToolProfile::kRemoteProbe);
    EXPECT_EQ(tls.argv[0], "/usr/lib/gatemend/gatemend-probe-tls");
    EXPECT_EQ(tls.argv[4], "local");
}

TEST(FactsPacketFilter, WhatNftCannotShowIsAskedFromIptablesToo) {
    for (const char* tool : {"nft", "iptables-save", "ip6tables-save"}) {
        if (access((std::string{"/usr/sbin/"} + tool).c_str(), X_OK) != 0) {
            GTEST_SKIP() << "no " << tool << " here";
        }
    }
    std::ifstream old_tables{"/proc/net/ip_tables_names"};
    if (std::string table; std::getline(old_tables, table)) {
        GTEST_SKIP() << "tables of the old kind here";
    }
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    const auto list = [&](const std::string& out) {
        runner.asked.clear();
        runner.outcome.exit_code = 0;
        runner.outcome.out = out;
        PacketFilterFact fact;
        facts->packet_filter([&](const core::Result<PacketFilterFact>& answer) {
            fact = answer ? *answer : PacketFilterFact{};
        });
        return fact;
    };
    EXPECT_EQ(list("{}").text, "{}\n");
    EXPECT_EQ(list("{}").format, "nft-json");
    EXPECT_EQ(runner.asked.size(), 1U);
    EXPECT_EQ(list(R"({"xt":1})").text, "{\"xt\":1}\n{\"xt\":1}\n{\"xt\":1}\n");
    EXPECT_EQ(list(R"({"xt":1})").format, "nft-json");
    EXPECT_EQ(runner.asked.back().argv.front(), "/usr/sbin/ip6tables-save");
    runner.outcome = {};
    bool is_error = false;
    facts->packet_filter([&](const core::Result<PacketFilterFact>& answer) { is_error = !answer; });
    EXPECT_TRUE(is_error);
}

TEST(FactsDump, ACutDumpIsNoDump) {
    ScriptedRunner runner;
    FakeSystemd systemd;
    const auto facts = Facts::make(runner, systemd);
    runner.outcome.exit_code = 0;
    runner.outcome.is_cut = true;
    bool is_error = false;
    facts->nginx_dump(
        [&](const core::Result<NginxDumpFact>& fact) { is_error = !fact.has_value(); });
    EXPECT_TRUE(is_error);
}

TEST(DecodeUnit, ReadsSystemdsPropertiesAndSurvivesWrongTypes) {
    using Job = sdbus::Struct<std::uint32_t, sdbus::ObjectPath>;
    bus::Properties properties;
    properties["LoadState"] = sdbus::Variant{std::string{"loaded"}};
    properties["ActiveState"] = sdbus::Variant{std::string{"failed"}};
    properties["SubState"] = sdbus::Variant{std::string{"failed"}};
    properties["Result"] = sdbus::Variant{std::string{"signal"}};
    properties["ExecMainCode"] = sdbus::Variant{std::int32_t{2}};
    properties["ExecMainStatus"] = sdbus::Variant{std::string{"nine"}};
    properties["InvocationID"] = sdbus::Variant{std::vector<std::uint8_t>{0x0A, 0xFF}};
    properties["Job"] = sdbus::Variant{Job{4, sdbus::ObjectPath{"/x"}}};
    const core::UnitState state = bus::decode_unit(properties);
    EXPECT_TRUE(state.is_loaded);
    EXPECT_EQ(state.active, core::ActiveState::kFailed);
    EXPECT_EQ(state.result, core::UnitResult::kSignal);
    EXPECT_EQ(state.exec_main_code, 2);
    EXPECT_EQ(state.exec_main_status, 0);
    EXPECT_EQ(state.invocation_id, "0aff");
    EXPECT_TRUE(state.has_job);
    EXPECT_FALSE(state.is_unstarted);
    EXPECT_FALSE(state.is_muted);
}

TEST(DecodeUnit, KnowsAUnitWhoseJobsAreNotWritten) {
    bus::Properties properties;
    for (const auto& [level, is_muted] : {std::pair{-1, false},
                                          std::pair{7, false},
                                          std::pair{6, false},
                                          std::pair{5, true},
                                          std::pair{0, true}}) {
        properties["LogLevelMax"] = sdbus::Variant{std::int32_t{level}};
        EXPECT_EQ(bus::decode_unit(properties).is_muted, is_muted) << level;
    }
}

// `systemctl reset-failed` ends nothing.
TEST(DecodeUnit, DatesWhatIsDownByItsEnd) {
    bus::Properties properties;
    properties["StateChangeTimestamp"] = sdbus::Variant{std::uint64_t{200}};
    properties["InactiveEnterTimestamp"] = sdbus::Variant{std::uint64_t{100}};
    for (const char* state : {"inactive", "failed"}) {
        properties["ActiveState"] = sdbus::Variant{std::string{state}};
        EXPECT_EQ(bus::decode_unit(properties).changed, core::TimePoint{core::Duration{100}});
    }
    properties["ActiveState"] = sdbus::Variant{std::string{"active"}};
    EXPECT_EQ(bus::decode_unit(properties).changed, core::TimePoint{core::Duration{200}});
    properties.erase("InactiveEnterTimestamp");
    properties["ActiveState"] = sdbus::Variant{std::string{"inactive"}};
    EXPECT_EQ(bus::decode_unit(properties).changed, core::TimePoint{core::Duration{200}});
}

core::TimePoint at(std::int64_t usec) {
    return core::TimePoint{core::Duration{usec}};
}

// Down: by the wall clock at 100, 40 after boot.
bus::Properties disabled_and_down() {
    bus::Properties properties;
    properties["UnitFileState"] = sdbus::Variant{std::string{"disabled"}};
    properties["ActiveState"] = sdbus::Variant{std::string{"failed"}};
    properties["ActiveExitTimestamp"] = sdbus::Variant{std::uint64_t{100}};
    properties["ActiveExitTimestampMonotonic"] = sdbus::Variant{std::uint64_t{40}};
    properties["InactiveEnterTimestamp"] = sdbus::Variant{std::uint64_t{120}};
    return properties;
}

bool is_perhaps_disabled(const bus::Properties& properties,
                         core::TimePoint links,
                         core::TimePoint booted = at(60)) {
    return bus::was_perhaps_disabled(
        bus::decode_unit(properties), properties, booted, [links] { return links; });
}

TEST(DisabledWhileDown, IsPossibleWhereLinksHaveChangedSinceItWasUp) {
    bus::Properties properties = disabled_and_down();
    EXPECT_FALSE(is_perhaps_disabled(properties, at(100))) << "disabled while it was up, or never";
    EXPECT_TRUE(is_perhaps_disabled(properties, at(101))) << "before a start of it failed";
    EXPECT_TRUE(is_perhaps_disabled(properties, core::TimePoint::max())) << "it cannot be seen";
    properties["UnitFileState"] = sdbus::Variant{std::string{"linked"}};
    EXPECT_TRUE(is_perhaps_disabled(properties, at(101)));
    properties["ActiveState"] = sdbus::Variant{std::string{"inactive"}};
    EXPECT_TRUE(is_perhaps_disabled(properties, at(101)));
    properties["ActiveState"] = sdbus::Variant{std::string{"active"}};
    EXPECT_FALSE(is_perhaps_disabled(properties, at(101)));
    properties["ActiveState"] = sdbus::Variant{std::string{"activating"}};
    properties["SubState"] = sdbus::Variant{std::string{"auto-restart"}};
    EXPECT_FALSE(is_perhaps_disabled(properties, at(101))) << "systemd is about to restart it";
}

TEST(DisabledWhileDown, LooksAtNoLinksWhereTheUnitIsNotDisabled) {
    bus::Properties properties = disabled_and_down();
    for (const char* word : {"enabled",
                             "enabled-runtime",
                             "static",
                             "indirect",
                             "generated",
                             "transient",
                             "alias",
                             "masked",
                             "bad",
                             ""}) {
        properties["UnitFileState"] = sdbus::Variant{std::string{word}};
        bool is_asked = false;
        EXPECT_FALSE(bus::was_perhaps_disabled(bus::decode_unit(properties),
                                               properties,
                                               at(60),
                                               [&is_asked] {
                                                   is_asked = true;
                                                   return core::TimePoint::max();
                                               }))
            << word;
        EXPECT_FALSE(is_asked) << word;
    }
}

TEST(DisabledWhileDown, IsNotMissedWhereTheClockWasSet) {
    const bus::Properties properties = disabled_and_down();
    EXPECT_TRUE(is_perhaps_disabled(properties, at(60), at(10))) << "set back before";
    EXPECT_TRUE(is_perhaps_disabled(properties, at(101), at(500))) << "set forward afterwards";
}

TEST(DisabledWhileDown, OfWhatHasNotBeenUpCountsFromTheStartThatFailed) {
    bus::Properties properties = disabled_and_down();
    properties.erase("ActiveExitTimestamp");
    properties.erase("ActiveExitTimestampMonotonic");
    EXPECT_FALSE(is_perhaps_disabled(properties, at(120)));
    EXPECT_TRUE(is_perhaps_disabled(properties, at(121)));
    properties.erase("InactiveEnterTimestamp");
    EXPECT_TRUE(is_perhaps_disabled(properties, at(1))) << "systemd has forgotten when";
}

TEST(SystemdClient, KnowsAUnitThatWasNotStartedSinceBoot) {
    bus::Properties properties;
    properties["LoadState"] = sdbus::Variant{std::string{"loaded"}};
    properties["UnitFileState"] = sdbus::Variant{std::string{"disabled"}};
    properties["ActiveState"] = sdbus::Variant{std::string{"inactive"}};
    EXPECT_FALSE(bus::decode_unit(properties).is_unstarted) << "nothing is known of its past";
    properties["InvocationID"] = sdbus::Variant{std::vector<std::uint8_t>{}};
    properties["ActiveEnterTimestamp"] = sdbus::Variant{std::uint64_t{0}};
    EXPECT_TRUE(bus::decode_unit(properties).is_unstarted);
    EXPECT_FALSE(bus::decode_unit(properties).is_enabled);
    properties["InvocationID"] = sdbus::Variant{std::vector<std::uint8_t>{0x0A}};
    EXPECT_FALSE(bus::decode_unit(properties).is_unstarted) << "a start that failed is a start";
}

TEST(SystemdClient, ReadsTheStandingOfAUnit) {
    bus::Properties properties;
    properties["Id"] = sdbus::Variant{std::string{"php8.2-fpm.service"}};
    properties["LoadState"] = sdbus::Variant{std::string{"loaded"}};
    properties["ActiveState"] = sdbus::Variant{std::string{"active"}};
    properties["MainPID"] = sdbus::Variant{std::uint32_t{71}};
    properties["ActiveEnterTimestamp"] = sdbus::Variant{std::uint64_t{9}};
    for (const auto& [word, is_enabled] : {std::pair{"enabled", true},
                                           std::pair{"enabled-runtime", true},
                                           std::pair{"static", true},
                                           std::pair{"generated", true},
                                           std::pair{"disabled", false},
                                           std::pair{"masked", false},
                                           std::pair{"", false}}) {
        properties["UnitFileState"] = sdbus::Variant{std::string{word}};
        EXPECT_EQ(bus::decode_standing(properties).is_enabled, is_enabled) << word;
    }
    const core::UnitStanding standing = bus::decode_standing(properties);
    EXPECT_EQ(standing.name, "php8.2-fpm.service");
    EXPECT_TRUE(standing.is_loaded);
    EXPECT_EQ(standing.main_pid, 71U);
    EXPECT_EQ(standing.last_active, core::TimePoint{core::Duration{9}});
}

// What is active and has changed its state since it became so has been reloaded.
TEST(SystemdClient, KnowsAReloadThatWentWell) {
    const auto reloaded = [](std::uint64_t changed, const char* active, const char* result) {
        bus::Properties properties;
        properties["ActiveState"] = sdbus::Variant{std::string{active}};
        properties["ActiveEnterTimestamp"] = sdbus::Variant{std::uint64_t{9}};
        properties["StateChangeTimestamp"] = sdbus::Variant{changed};
        properties["ReloadResult"] = sdbus::Variant{std::string{result}};
        return bus::decode_standing(properties).last_reload;
    };
    EXPECT_EQ(reloaded(12, "active", "success"), core::TimePoint{core::Duration{12}});
    EXPECT_EQ(reloaded(9, "active", "success"), core::TimePoint{}) << "started, and no more";
    EXPECT_EQ(reloaded(12, "active", "exit-code"), core::TimePoint{}) << "its files did not pass";
    EXPECT_EQ(reloaded(12, "reloading", "success"), core::TimePoint{}) << "under way";
    EXPECT_EQ(reloaded(12, "failed", "success"), core::TimePoint{});
}

}  // namespace
}  // namespace gatemend::sandbox
