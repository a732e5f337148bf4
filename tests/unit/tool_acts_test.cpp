// SPDX-License-Identifier: MIT
// restart-pm2-app and capture-port: what is run, as whom, and what is refused before anything runs.
#include "actions/tool_acts.hpp"

#include "actions/capture_files.hpp"
#include "executor_fakes.hpp"
#include "sandbox/tools/pm2.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace gatemend::actions {
namespace {

namespace fs = std::filesystem;
using sandbox::ToolOutcome;
using std::chrono::seconds;

class ToolActs : public testing::Test {
  protected:
    Task task(ActId act, std::string unit, Parameters parameters) {
        Task made;
        made.plan.act = act;
        made.plan.unit = std::move(unit);
        made.plan.deadline = seconds{60};
        made.plan.parameters = std::move(parameters);
        made.plan.expected_invocation = sandbox::kInvocation;
        made.attempt = next_attempt_++;
        return made;
    }

    ActReport perform(const Act& act, const Task& task) {
        std::optional<ActReport> report;
        act.perform(Hands{systemd_, tools_, facts_, mender_}, task, [&](ActReport given) {
            EXPECT_FALSE(report) << "answered twice";
            report = std::move(given);
        });
        return report.value();
    }

    ActReport restart(const std::string& app, const std::string& unit = "pm2-shop.service") {
        return perform(RestartPm2App{}, task(ActId::kRestartPm2App, unit, {{"app", app}}));
    }

    ActReport capture(const std::string& address, const std::string& time = "30") {
        const CapturePort act{{.tools = {tcpdump_}, .folder = folder_ / "captures"}};
        return perform(
            act,
            task(ActId::kCapturePort, "shop.service", {{"address", address}, {"seconds", time}}));
    }

    static ToolOutcome said(std::string out, int exit_code = 0) {
        ToolOutcome outcome;
        outcome.exit_code = exit_code;
        outcome.out = std::move(out);
        return outcome;
    }

    std::uint64_t next_attempt_ = 1;
    test::TempDir folder_;
    std::string tcpdump_ = "/bin/true";  // only ever looked for
    sandbox::FakeSystemd systemd_;
    sandbox::FakeTools tools_;
    sandbox::FakeFacts facts_;
    sandbox::FakeMender mender_;
};

// --- restart-pm2-app ---

TEST_F(ToolActs, Pm2RunsAsTheUnitsUserWithItsEnvironmentAndNoMore) {
    systemd_.setup = {.user = "shop",
                      .uid = 1001,
                      .environment = {"PM2_HOME=/home/shop/.pm2",
                                      "PATH=/opt/node/bin:/usr/bin",
                                      "NODE_OPTIONS=--require /tmp/x.js",
                                      "DATABASE_PASSWORD=secret"},
                      .exec_start = {"/usr/bin/node", "/opt/pm2/bin/pm2", "resurrect"}};
    tools_.script = {said(""), said("4711\n")};
    const ActReport report = restart("shop");
    EXPECT_EQ(report.outcome, core::ActOutcome::kSucceeded) << report.detail;
    ASSERT_EQ(tools_.runs.size(), 2U);
    EXPECT_EQ(tools_.runs[0],
              (std::vector<std::string>{"/usr/bin/node", "/opt/pm2/bin/pm2", "restart", "shop"}));
    EXPECT_EQ(tools_.runs[1],
              (std::vector<std::string>{"/usr/bin/node", "/opt/pm2/bin/pm2", "pid", "shop"}));
    for (const sandbox::ToolSpec& spec : tools_.specs) {
        EXPECT_EQ(spec.user, "1001");
        EXPECT_EQ(
            spec.environment,
            (std::vector<std::string>{"PM2_HOME=/home/shop/.pm2", "PATH=/opt/node/bin:/usr/bin"}));
        EXPECT_TRUE(spec.writable.empty());
    }
    EXPECT_LE(tools_.specs[0].deadline + tools_.specs[1].deadline, seconds{60});
}

TEST_F(ToolActs, Pm2OfRootIsLeftToRoot) {
    const std::vector<bus::ServiceSetup> roots{
        {.user = "", .uid = {}, .environment = {}, .exec_start = {"/usr/bin/pm2"}},
        {.user = "root", .uid = 0, .environment = {}, .exec_start = {"/usr/bin/pm2"}},
        {.user = "toor", .uid = 0, .environment = {}, .exec_start = {"/usr/bin/pm2"}},
        {.user = "shop", .uid = {}, .environment = {}, .exec_start = {"/usr/bin/pm2"}},
    };
    for (const bus::ServiceSetup& setup : roots) {
        systemd_.setup = setup;
        const ActReport report = restart("shop", "pm2-root.service");
        EXPECT_EQ(report.outcome, core::ActOutcome::kFailed);
        EXPECT_NE(report.detail.find("`pm2 restart shop`"), std::string::npos) << report.detail;
    }
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(ToolActs, OnlyPm2ItselfIsRun) {
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{},
                                               {"/bin/sh", "-c", "pm2 resurrect"},
                                               {"pm2", "resurrect"},
                                               {"/usr/bin/node", "/home/shop/app.js"},
                                               {"/usr/bin/node"},
                                               {"/usr/bin/env", "/usr/bin/pm2"}}) {
        systemd_.setup.exec_start = command;
        EXPECT_EQ(restart("shop").outcome, core::ActOutcome::kFailed);
    }
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(ToolActs, NamesThatPm2TakesForSomethingElseAreRefused) {
    for (const char* app : {"all",
                            "0",
                            "17",
                            "1.5",
                            "",
                            "-f",
                            "--update-env",
                            "ecosystem.config.js",
                            "shop.json",
                            "shop.json5",
                            "x.yaml",
                            "/shop/",
                            "a b",
                            "shop;reboot",
                            "shop\n",
                            "../shop"}) {
        EXPECT_EQ(restart(app).outcome, core::ActOutcome::kFailed) << app;
    }
    EXPECT_EQ(restart("shop", "shop.service").outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(ToolActs, ARestartThatDoesNotHoldIsAFailure) {
    tools_.script = {said("", 1)};
    EXPECT_EQ(restart("shop").outcome, core::ActOutcome::kFailed);
    EXPECT_EQ(tools_.runs.size(), 1U);
    for (const char* pids : {"0\n", "", "17\n0\n", "[PM2] Spawning daemon\n17\n", "-1\n"}) {
        tools_.script = {said(""), said(pids)};
        EXPECT_EQ(restart("shop").outcome, core::ActOutcome::kFailed) << pids;
    }
    tools_.script = {said(""), said("17\n18\n")};
    EXPECT_EQ(restart("shop").outcome, core::ActOutcome::kSucceeded);
}

TEST_F(ToolActs, WhatIsNotErroredByNowIsNotRestarted) {
    const std::string shop = "+--- shop\nnamespace : default\nstatus : errored\n";
    const std::string worker = "+--- worker\nnamespace : default\nstatus : ";
    for (const std::string& list : {std::string{"+--- shop\nstatus : stopped\n"},
                                    std::string{"+--- shop\nstatus : online\n"},
                                    std::string{"+--- shop\nstatus : launching\n"},
                                    std::string{"+--- shop\nstatus : errored and more\n"},
                                    std::string{"+--- shop\n"},
                                    std::string{"+--- shop2\nstatus : errored\n"},
                                    std::string{"status : errored\n"},
                                    std::string{},
                                    shop + worker + "stopped\n",
                                    shop + worker + "errored\n",
                                    worker + "launching\n" + shop,
                                    shop + "+--- worker\n",
                                    "+--- worker\n" + shop,
                                    shop + "+--- shop\nstatus : online\n"}) {
        facts_.pm2_list = list;
        const ActReport report = restart("shop");
        EXPECT_EQ(report.outcome, core::ActOutcome::kFailed) << list;
        EXPECT_TRUE(report.detail.starts_with("nothing was done: ")) << report.detail;
    }
    facts_.pm2_list = core::Error{"pm2 could not list its applications in time"};
    EXPECT_TRUE(restart("shop").detail.starts_with("nothing was done: pm2 could not list"));
    EXPECT_TRUE(tools_.runs.empty()) << "nothing but the list was asked for";

    facts_.pm2_list = worker + "online\n" + shop + shop;
    tools_.script = {said(""), said("17\n18\n")};
    EXPECT_EQ(restart("shop").outcome, core::ActOutcome::kSucceeded) << "in two instances";
    EXPECT_EQ(facts_.listed.back(), "pm2-shop.service");
}

TEST_F(ToolActs, WithoutItsDaemonPm2IsNotAsked) {
    core::UnitState state = sandbox::make_crashed_unit();
    EXPECT_TRUE(RestartPm2App{}.find_obstacle(state));
    state.active = core::ActiveState::kActive;
    EXPECT_FALSE(RestartPm2App{}.find_obstacle(state));
    Plan plan;
    plan.expected_invocation = sandbox::kInvocation;
    EXPECT_TRUE(RestartPm2App{}.is_fulfilled(plan, state));
    state.invocation_id = std::string(32, 'b');
    EXPECT_FALSE(RestartPm2App{}.is_fulfilled(plan, state)) << "another daemon than the one asked";
}

// --- capture-port ---

TEST_F(ToolActs, ACaptureIsBoundedAndItsFileIsRootsAlone) {
    tools_.outcome.is_running = true;
    const ActReport report = capture("127.0.0.1:3000");
    EXPECT_EQ(report.outcome, core::ActOutcome::kSucceeded) << report.detail;
    EXPECT_NE(report.detail.find("ends by itself after 30 s"), std::string::npos);
    ASSERT_EQ(tools_.specs.size(), 1U);
    EXPECT_EQ(tools_.specs[0].deadline, seconds{30});
    EXPECT_EQ(tools_.runs[0].back(), "3000");
    EXPECT_EQ(std::ranges::count(tools_.runs[0], "-c"), 1);

    struct stat info {};

    ASSERT_EQ(stat((folder_ / "captures/1.pcap").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    ASSERT_EQ(stat((folder_ / "captures").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

TEST_F(ToolActs, ATcpdumpThatEndsAtOnceLeavesNoFile) {
    tools_.outcome.exit_code = 1;
    tools_.outcome.err = "tcpdump: lo: no permission\n";
    const ActReport report = capture("127.0.0.1:3000");
    EXPECT_EQ(report.outcome, core::ActOutcome::kFailed);
    EXPECT_NE(report.detail.find("no permission"), std::string::npos);
    EXPECT_TRUE(fs::is_empty(folder_ / "captures"));
}

TEST_F(ToolActs, OnlyLocalPortsAreCapturedAndNotForLong) {
    for (const char* address : {"unix:/run/x.sock", "10.0.0.5:80", "", "192.0.2.1:80"}) {
        EXPECT_EQ(capture(address).outcome, core::ActOutcome::kFailed) << address;
    }
    for (const char* time : {"0", "601", "", "-5", "604800"}) {
        EXPECT_EQ(capture("127.0.0.1:3000", time).outcome, core::ActOutcome::kFailed) << time;
    }
    EXPECT_TRUE(tools_.runs.empty());
    EXPECT_FALSE(fs::exists(folder_ / "captures"));
}

TEST_F(ToolActs, AMissingTcpdumpIsToldBeforehand) {
    tcpdump_ = folder_ / "none";
    const CapturePort act{{.tools = {tcpdump_}, .folder = folder_ / "captures"}};
    EXPECT_EQ(act.find_obstacle({}), "tcpdump is not installed");
    EXPECT_EQ(capture("127.0.0.1:3000").outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

TEST_F(ToolActs, TheOldestCapturesGiveWay) {
    tools_.outcome.is_running = true;
    fs::create_directory(folder_ / "captures");
    test::overwrite(folder_ / "captures/notes.pcap", "mine");
    test::overwrite(folder_ / "captures/007.pcap", "mine, too");
    for (std::size_t i = 0; i < kMaxCaptures + 3; ++i) {
        ASSERT_EQ(capture("127.0.0.1:3000").outcome, core::ActOutcome::kSucceeded);
    }
    EXPECT_FALSE(fs::exists(folder_ / "captures/3.pcap"));
    EXPECT_TRUE(fs::exists(folder_ / "captures/4.pcap"));
    EXPECT_TRUE(fs::exists(folder_ / "captures/13.pcap"));
    EXPECT_TRUE(fs::exists(folder_ / "captures/notes.pcap"));
    EXPECT_TRUE(fs::exists(folder_ / "captures/007.pcap"));
}

TEST_F(ToolActs, NoLinkLeadsACaptureElsewhere) {
    tools_.outcome.is_running = true;
    fs::create_directory(folder_ / "captures");
    test::overwrite(folder_ / "precious", "x");
    fs::create_symlink(folder_ / "precious", folder_ / "captures/1.pcap");
    EXPECT_EQ(capture("127.0.0.1:3000").outcome, core::ActOutcome::kFailed);
    EXPECT_EQ(fs::file_size(folder_ / "precious"), 1U);
    fs::remove_all(folder_ / "captures");
    fs::create_directory_symlink(folder_.path(), folder_ / "captures");
    EXPECT_EQ(capture("127.0.0.1:3000").outcome, core::ActOutcome::kFailed);
    EXPECT_TRUE(tools_.runs.empty());
}

}  // namespace
}  // namespace gatemend::actions
