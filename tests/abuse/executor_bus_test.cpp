// SPDX-License-Identifier: MIT
#include "executor_fakes.hpp"
#include "sandbox/bus/connection.hpp"
#include "sandbox/executor/executor_object.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <systemd/sd-bus.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBusConfig = R"(<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=@PATH@</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/><allow user="*"/></policy>
</busconfig>)";

// A message bus of our own; its address becomes the "system bus" of this process.
class PrivateBus {
  public:
    PrivateBus() {
        std::string pattern = (fs::temp_directory_path() / "gatemend-bus-XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        fs::permissions(folder_, fs::perms{0755});  // a stranger has to reach the socket
        const std::string socket = folder_ / "bus";
        std::string config = kBusConfig;
        config.replace(config.find("@PATH@"), 6, socket);
        std::ofstream{folder_ / "bus.conf"} << config;
        start("--config-file=" + (folder_ / "bus.conf").string());
        // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and libsystemd reads nothing else
        (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + socket).c_str(), 1);
    }

    PrivateBus(const PrivateBus&) = delete;
    PrivateBus& operator=(const PrivateBus&) = delete;

    ~PrivateBus() {
        if (pid_ > 0) {
            (void)kill(pid_, SIGKILL);
            (void)waitpid(pid_, nullptr, 0);
        }
        // NOLINTNEXTLINE(concurrency-mt-unsafe): as above
        (void)unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
        fs::remove_all(folder_);
    }

  private:
    void start(std::string config) {
        std::array<int, 2> ready{};
        ASSERT_EQ(pipe(ready.data()), 0);
        std::string program = "/usr/bin/dbus-daemon";
        std::string stay = "--nofork";
        std::string print = "--print-address=" + std::to_string(ready[1]);
        std::array<char*, 5> arguments{
            program.data(), config.data(), stay.data(), print.data(), nullptr};
        ASSERT_EQ(posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ),
                  0);
        close(ready[1]);
        char address = 0;
        ASSERT_EQ(read(ready[0], &address, 1), 1);  // the address is printed once it listens
        close(ready[0]);
    }

    fs::path folder_;
    pid_t pid_ = -1;
};

struct DropMessage {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

struct DropBus {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};

// The executor's object and a caller, both on one loop.
class ExecutorOnBus : public testing::Test {
  protected:
    void SetUp() override {
        if (access("/usr/bin/dbus-daemon", X_OK) != 0) {
            GTEST_SKIP() << "no dbus-daemon here";
        }
        bus_ = std::make_unique<PrivateBus>();
        auto loop = bus::EventLoop::open();
        ASSERT_TRUE(loop);
        loop_ = std::make_unique<bus::EventLoop>(std::move(*loop));
        auto connection = bus::Connection::open_system(*loop_, [this] { loop_->exit(1); });
        ASSERT_TRUE(connection) << connection.error().text;
        connection_ = std::move(*connection);
        auto object = ExecutorObject::make(*connection_, *machine_.executor, desk_);
        ASSERT_TRUE(object) << object.error().text;
        object_ = std::move(*object);
        ASSERT_TRUE(connection_->request_name(kExecutorName));
        sd_bus* caller = nullptr;
        ASSERT_GE(sd_bus_open_system(&caller), 0);
        caller_.reset(caller);
        ASSERT_GE(sd_bus_attach_event(caller, loop_->raw(), 0), 0);
    }

    // The error's name without its prefix, or "ok".
    template <class... Arguments>
    std::string call(const char* method, const char* types, Arguments... arguments) {
        answer_.clear();
        EXPECT_GE(sd_bus_call_method_async(caller_.get(),
                                           nullptr,
                                           kExecutorName,
                                           kExecutorPath,
                                           kExecutorName,
                                           method,
                                           &ExecutorOnBus::take_answer,
                                           this,
                                           types,
                                           arguments...),
                  0);
        turn_until([this] { return !answer_.empty(); });
        return answer_;
    }

    static int take_answer(sd_bus_message* message, void* self, sd_bus_error*) {
        auto& test = *static_cast<ExecutorOnBus*>(self);
        test.answer_ = "ok";
        if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
            const std::string name = error->name;
            test.answer_ = name.substr(name.rfind('.') + 1);
        } else if (sd_bus_message_has_signature(message, "ss") > 0 ||
                   sd_bus_message_has_signature(message, "s") > 0) {
            const char* text = nullptr;
            (void)sd_bus_message_read(message, "s", &text);
            test.text_ = text;
        }
        return 0;
    }

    // Fails the test instead of hanging it when nothing happens.
    void turn_until(const std::function<bool()>& is_over) {
        constexpr std::uint64_t kMaxWaitUsec = 10'000'000;
        while (!is_over()) {
            ASSERT_GT(sd_event_run(loop_->raw(), kMaxWaitUsec), 0) << "nothing happened";
        }
    }

    std::string plan(const char* unit,
                     const char* act = "start-unit",
                     const char* active = "failed") {
        return call("Plan",
                    "sssssst"
                    "a{ss}",
                    act,
                    unit,
                    "start-crashed-backend",
                    "unit-failed",
                    active,
                    kInvocation.c_str(),
                    std::uint64_t{5'000'000},
                    0);
    }

    // Propose or Plan with these parameters, as bytes: nothing of ours checks them on the way.
    std::string ask(const char* method,
                    const char* act,
                    const std::vector<std::pair<std::string, std::string>>& parameters) {
        sd_bus_message* raw = nullptr;
        EXPECT_GE(sd_bus_message_new_method_call(
                      caller_.get(), &raw, kExecutorName, kExecutorPath, kExecutorName, method),
                  0);
        const std::unique_ptr<sd_bus_message, DropMessage> message{raw};
        EXPECT_GE(sd_bus_message_append(raw,
                                        "sssssst",
                                        act,
                                        kFpm.c_str(),
                                        "start-crashed-backend",
                                        "unit-failed",
                                        "failed",
                                        kInvocation.c_str(),
                                        std::uint64_t{5'000'000}),
                  0);
        EXPECT_GE(sd_bus_message_open_container(raw, 'a', "{ss}"), 0);
        for (const auto& [name, value] : parameters) {
            EXPECT_GE(sd_bus_message_append(raw, "{ss}", name.c_str(), value.c_str()), 0);
        }
        EXPECT_GE(sd_bus_message_close_container(raw), 0);
        answer_.clear();
        EXPECT_GE(
            sd_bus_call_async(caller_.get(), nullptr, raw, &ExecutorOnBus::take_answer, this, 0),
            0);
        turn_until([this] { return !answer_.empty(); });
        return answer_;
    }

    [[nodiscard]] std::size_t records_with(const std::string& text) const {
        std::ifstream file{machine_.audit_path()};
        std::size_t count = 0;
        for (std::string line; std::getline(file, line);) {
            count += line.find(text) != std::string::npos ? 1 : 0;
        }
        return count;
    }

    ExecutorMachine machine_;
    FactDesk desk_{machine_.facts,
                   [this]() -> const policy::Policy& { return machine_.executor->policy(); },
                   {.logs = machine_.folder, .nginx_config = "/nonexistent"}};
    std::unique_ptr<PrivateBus> bus_;
    std::unique_ptr<bus::EventLoop> loop_;
    std::unique_ptr<bus::Connection> connection_;
    std::unique_ptr<ExecutorObject> object_;
    std::unique_ptr<sd_bus, DropBus> caller_;
    std::string answer_;
    std::string text_;
};

TEST_F(ExecutorOnBus, AnHonestCallerIsServed) {
    ASSERT_EQ(plan(kFpm.c_str()), "ok");
    const std::string digest = text_;
    EXPECT_EQ(call("Execute", "st", digest.c_str(), std::uint64_t{1}), "ok");
    EXPECT_EQ(call("Execute", "st", digest.c_str(), std::uint64_t{1}), "NotFound");
    EXPECT_EQ(call("Confirm", "tss", std::uint64_t{1}, "effective", ""), "ok");
    EXPECT_EQ(call("Confirm", "tss", std::uint64_t{1}, "effective", ""), "Refused");
    EXPECT_EQ(call("Confirm", "tss", std::uint64_t{9}, "effective", ""), "NotFound");
    EXPECT_EQ(call("Ledger", ""), "ok");
    EXPECT_EQ(machine_.systemd.jobs.size(), 1U);
}

TEST_F(ExecutorOnBus, WrongPlansAreErrorsWithNames) {
    const std::string overlong(60'000, 'x');
    EXPECT_EQ(plan("ssh.service"), "NotAllowed");
    EXPECT_EQ(plan("../x.service"), "BadArgument");
    EXPECT_EQ(plan(overlong.c_str()), "BadArgument");
    EXPECT_EQ(plan(kFpm.c_str(), "reboot"), "BadArgument");
    EXPECT_EQ(plan(kFpm.c_str(), "start-unit", "active"), "Refused");
    EXPECT_EQ(call("Execute", "st", std::string(64, 'f').c_str(), std::uint64_t{1}), "NotFound");
    EXPECT_EQ(call("Execute", "st", overlong.c_str(), std::uint64_t{1}), "BadArgument");
    EXPECT_TRUE(machine_.systemd.jobs.empty());
}

TEST_F(ExecutorOnBus, HostileParametersAreBadArguments) {
    using Parameters = std::vector<std::pair<std::string, std::string>>;
    Parameters many;
    for (int i = 0; i < 5000; ++i) {
        many.emplace_back("p" + std::to_string(i), "x");
    }
    const std::string socket = "unix:/run/php/a.sock";
    const std::vector<Parameters> hostile{
        many,
        {},
        {{"socket", std::string(60'000, 'x')}},
        {{std::string(60'000, 'x'), "x"}},
        {{"socket", socket}, {"", ""}},
        {{"socket", socket}, {"other", "x"}},
        {{"socket", "unix:/run/php/../../etc/shadow"}},
        {{"socket", "unix:/run/php/a.sock\nwith.x=y"}},
        {{"socket", "unix:/run/php/\x01.sock"}},
        {{"socket", "unix:/run/php/\xC3\xA9.sock"}},
        {{"socket", "unix:/run/php/a;id.sock"}},
        {{"socket\n", socket}},
    };
    for (const Parameters& parameters : hostile) {
        for (const char* method : {"Propose", "Plan"}) {
            EXPECT_EQ(ask(method, "set-pool-listen", parameters), "BadArgument");
        }
    }
    EXPECT_EQ(ask("Plan", "start-unit", {{"socket", socket}}), "BadArgument");
    EXPECT_EQ(ask("Plan", "start-unit", {{"s", "1"}, {"s", "2"}}), "BadArgument");
    EXPECT_EQ(ask("Propose", "set-pool-listen", {{"socket", socket}}), "Refused");
    EXPECT_EQ(ask("Propose", "start-unit", {}), "ok");
    EXPECT_TRUE(machine_.mender.steps.empty());
    EXPECT_TRUE(machine_.systemd.jobs.empty());
}

TEST_F(ExecutorOnBus, OnlyDigestsAreApprovedAndOnlyWhatIsThereIsRolledBack) {
    const std::string digest(64, 'a');
    const std::string expected = geteuid() == 0 ? "ok" : "NotAllowed";
    EXPECT_EQ(call("Approve", "s", digest.c_str()), expected);
    if (geteuid() == 0) {
        EXPECT_EQ(call("Approve", "s", std::string(60'000, 'a').c_str()), "BadArgument");
        EXPECT_EQ(call("Approve", "s", "*"), "BadArgument");
    }
    EXPECT_EQ(call("Rollback", "t", std::uint64_t{1}), "NotFound");
    EXPECT_EQ(call("Rollback", "t", UINT64_MAX), "NotFound");
    EXPECT_EQ(call("ReviewRollback", "t", UINT64_MAX), geteuid() == 0 ? "NotFound" : "NotAllowed");
    ASSERT_EQ(plan(kFpm.c_str()), "ok");
    EXPECT_EQ(call("Execute", "st", text_.c_str(), std::uint64_t{1}), "ok");
    EXPECT_EQ(call("Rollback", "t", std::uint64_t{1}), "NotFound") << "it left nothing";
}

TEST_F(ExecutorOnBus, EachDenialIsOnRecordAndAFloodOfThemIsCounted) {
    constexpr std::size_t kFlood = 300;
    for (std::size_t i = 0; i < kFlood; ++i) {
        EXPECT_EQ(call("Execute", "st", std::string(64, 'f').c_str(), std::uint64_t{1}),
                  "NotFound");
    }
    EXPECT_EQ(call("Execute", "st", "x", std::uint64_t{1}), "BadArgument");
    EXPECT_EQ(call("OpenLog", "s", "/etc/shadow"), "NotAllowed");
    EXPECT_EQ(call("Confirm", "tss", std::uint64_t{9}, "effective", ""), "NotFound");
    EXPECT_EQ(call("Inspect", "ss", "--help", ""), "BadArgument");
    EXPECT_EQ(call("Rollback", "t", std::uint64_t{9}), "NotFound");
    const std::string missing = (machine_.folder / "missing.log").string();
    EXPECT_EQ(call("OpenLog", "s", missing.c_str()), "NotFound") << "which is no denial";
    EXPECT_EQ(records_with("\"kind\":\"denied\""), 6U);
    EXPECT_EQ(plan("ssh.service"), "NotAllowed");
    EXPECT_EQ(records_with("\"kind\":\"denied\""), 6U) << "the gate writes, which knows more";
    EXPECT_EQ(records_with("\"kind\":\"refused\""), 1U);
    machine_.pass(kRefusalInterval);
    EXPECT_EQ(call("Execute", "st", std::string(64, 'f').c_str(), std::uint64_t{1}), "NotFound");
    EXPECT_EQ(records_with("\"count\":300"), 1U);
}

TEST_F(ExecutorOnBus, WrongTypesAndUnknownMethodsAreAnsweredByTheLibrary) {
    EXPECT_EQ(call("Execute", "s", "x"), "InvalidArgs");
    EXPECT_EQ(call("Execute", "ts", std::uint64_t{1}, "x"), "InvalidArgs");
    EXPECT_EQ(call("Shell", "s", "id"), "UnknownMethod");
    EXPECT_EQ(plan(kFpm.c_str()), "ok");
}

TEST_F(ExecutorOnBus, LogsAreOpenedWithoutDetours) {
    const fs::path& logs = machine_.folder;
    std::ofstream{logs / "real.log"} << "x";
    fs::create_symlink("/etc/shadow", logs / "link.log");
    EXPECT_EQ(call("OpenLog", "s", (logs / "real.log").c_str()), "ok");
    EXPECT_EQ(call("OpenLog", "s", (logs / "link.log").c_str()), "NotAllowed");
    EXPECT_EQ(call("OpenLog", "s", "/etc/shadow"), "NotAllowed");
    EXPECT_EQ(call("OpenLog", "s", (logs.string() + "/../../etc/shadow").c_str()), "BadArgument");
}

TEST_F(ExecutorOnBus, LooksOnlyWhereNginxLooks) {
    const std::string overlong = "unix:/" + std::string(60'000, 'x');
    machine_.facts.dump = "fastcgi_pass unix:/run/php/a.sock;";
    EXPECT_EQ(call("Inspect", "ss", kFpm.c_str(), "unix:/run/php/a.sock"), "ok");
    EXPECT_EQ(text_, "end\n");
    EXPECT_EQ(call("Inspect", "ss", "", ""), "ok");
    EXPECT_EQ(call("Inspect", "ss", "", "unix:/root/.ssh/agent"), "NotAllowed");
    EXPECT_EQ(call("Inspect", "ss", "--help", ""), "BadArgument");
    EXPECT_EQ(call("Inspect", "ss", "", overlong.c_str()), "BadArgument");
    EXPECT_EQ(call("Inspect", "s", ""), "InvalidArgs");
    EXPECT_EQ(call("PacketFilter", ""), "ok");
    EXPECT_EQ(call("PacketFilter", "s", "nft flush ruleset"), "InvalidArgs");
}

TEST_F(ExecutorOnBus, Pm2IsAskedOnlyForListedUnitsOfIts) {
    machine_.loaded.policy.settings.units.push_back("pm2-shop.service");
    (void)machine_.executor->reload();
    EXPECT_EQ(call("Pm2Apps", "s", "pm2-shop.service"), "ok");
    EXPECT_EQ(text_, "+--- shop\nstatus : errored\n");
    EXPECT_EQ(call("Pm2Apps", "s", "pm2-other.service"), "NotAllowed");
    EXPECT_EQ(call("Pm2Apps", "s", kFpm.c_str()), "BadArgument");
    EXPECT_EQ(call("Pm2Apps", "s", "pm2-../../x.service"), "BadArgument");
    EXPECT_EQ(call("Pm2Apps", "s", ("pm2-" + std::string(60'000, 'x')).c_str()), "BadArgument");
    EXPECT_EQ(machine_.facts.listed.size(), 1U);
}

TEST_F(ExecutorOnBus, OperatorCallsAreForRootAlone) {
    const std::string expected = geteuid() == 0 ? "ok" : "NotAllowed";
    EXPECT_EQ(call("Lift", "s", kFpm.c_str()), expected);
    EXPECT_EQ(call("Pause", "ts", std::uint64_t{60}, "reason"), expected);
    EXPECT_EQ(call("Resume", ""), expected);
}

TEST_F(ExecutorOnBus, AcknowledgementsAreForRootAndOfWhatIsThere) {
    const bool is_root = geteuid() == 0;
    const std::string nothing = is_root ? "NotFound" : "NotAllowed";
    EXPECT_EQ(call("Acknowledge", "ta(sss)", std::uint64_t{0}, 0), nothing);
    EXPECT_EQ(call("Acknowledge", "ta(sss)", std::uint64_t{7}, 0), nothing);
    EXPECT_EQ(call("Acknowledge", "ta(sss)", UINT64_MAX, 1, "f", "", "p"), nothing);
    EXPECT_EQ(call("Acknowledge", "t", std::uint64_t{0}), "InvalidArgs");
    EXPECT_EQ(call("Acknowledge", "ta(sss)", std::uint64_t{0}, 1, "f", "../x", "p"),
              is_root ? "BadArgument" : "NotAllowed");
    EXPECT_EQ(call("Acknowledge", "ta(sss)", std::uint64_t{0}, 1, "f", "", "p"),
              is_root ? "BadArgument" : "NotAllowed");
    const std::string digest(64, 'a');
    EXPECT_EQ(call("Acknowledge", "ta(sss)", std::uint64_t{0}, 1, "f", digest.c_str(), "p"),
              is_root ? "ok" : "NotAllowed");
}

// A caller that is not root: another process, because credentials are per connection.
TEST_F(ExecutorOnBus, AStrangerCannotLiftOrApprove) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to become somebody else";
    }
    bool has_ended = false;
    const auto ended = loop_->add_signal(SIGCHLD, [&] { has_ended = true; });
    const pid_t child = fork();
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        sd_bus* raw = nullptr;
        if (setresuid(kNobody, kNobody, kNobody) != 0 || sd_bus_open_system(&raw) < 0) {
            _exit(2);
        }
        const std::unique_ptr<sd_bus, DropBus> bus{raw};
        const auto is_refused = [&bus](const char* method, const std::string& argument) {
            sd_bus_error error{};
            (void)sd_bus_call_method(bus.get(),
                                     kExecutorName,
                                     kExecutorPath,
                                     kExecutorName,
                                     method,
                                     &error,
                                     nullptr,
                                     "s",
                                     argument.c_str());
            return sd_bus_error_has_name(&error, "org.gatemend.Error.NotAllowed") > 0;
        };
        const bool are_refused =
            is_refused("Lift", kFpm) && is_refused("Approve", std::string(64, 'a'));
        _exit(are_refused ? 0 : 1);
    }
    turn_until([&] { return has_ended; });
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(machine_.executor->ledger().forgiven.empty());
    EXPECT_TRUE(machine_.executor->ledger().approvals.empty());
}

// The real command line, between the executor and an agent that says what the test wants it to say.
class Approving : public ExecutorOnBus {
  protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "approvals are root's";
        }
        ExecutorOnBus::SetUp();
        if (caller_ == nullptr) {
            return;
        }
        sd_bus* agent = nullptr;
        ASSERT_GE(sd_bus_open_system(&agent), 0);
        agent_.reset(agent);
        ASSERT_GE(sd_bus_add_object(
                      agent, nullptr, "/org/gatemend/Agent1", &Approving::answer_as_agent, this),
                  0);
        ASSERT_GE(sd_bus_request_name(agent, "org.gatemend.Agent1", 0), 0);
        ASSERT_GE(sd_bus_attach_event(agent, loop_->raw(), 0), 0);
        ASSERT_EQ(ask("Propose", "start-unit", {}), "ok");
        proposal_ = {{"number", 1},
                     {"digest", text_},
                     {"act", "start-unit"},
                     {"unit", kFpm},
                     {"rule", "start-crashed-backend"},
                     {"suggested", false},
                     {"parameters", Json::object()},
                     {"preview", "start-unit " + kFpm + "\n"}};
    }

    static int answer_as_agent(sd_bus_message* message, void* self, sd_bus_error*) {
        auto& test = *static_cast<Approving*>(self);
        const bool is_over = !test.approvals().empty();
        const Json incident{{"id", 1},
                            {"unit", kFpm},
                            {"opened", "2026-11-21T14:00:00Z"},
                            {"closed", is_over ? Json("2026-11-21T14:01:00Z") : Json(nullptr)},
                            {"attempts", Json::array()},
                            {"acts", Json::array()},
                            {"proposals", Json::array({test.proposal_})},
                            {"text", "told"}};
        const std::string document = Json{{"incidents", Json::array({incident})}}.dump();
        return sd_bus_reply_method_return(message, "s", document.c_str());
    }

    // `gatemend COMMAND 1`: its exit status; what it says is in `said_`.
    int gatemend(std::string command) {
        std::string program = GATEMEND_PROGRAM;
        std::string incident = "1";
        std::array<char*, 4> arguments{program.data(), command.data(), incident.data(), nullptr};
        const std::string output = machine_.folder / "said";
        posix_spawn_file_actions_t actions{};
        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        (void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        bool has_ended = false;
        const auto ended = loop_->add_signal(SIGCHLD, [&] { has_ended = true; });
        pid_t child = -1;
        EXPECT_EQ(
            posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
        (void)posix_spawn_file_actions_destroy(&actions);
        turn_until([&] { return has_ended; });
        int status = -1;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        std::ifstream file{output};
        said_.assign(std::istreambuf_iterator<char>{file}, {});
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    [[nodiscard]] bool says(const std::string& words) const {
        return said_.find(words) != std::string::npos;
    }

    [[nodiscard]] const std::vector<core::Approval>& approvals() const {
        return machine_.executor->ledger().approvals;
    }

    using Json = nlohmann::ordered_json;
    Json proposal_;
    std::string said_;
    std::unique_ptr<sd_bus, DropBus> agent_;
};

TEST_F(Approving, IsOfWhatAgentAndExecutorBothSay) {
    EXPECT_EQ(gatemend("show"), 0) << said_;
    EXPECT_TRUE(says("done by `gatemend approve 1 1`")) << said_;
    EXPECT_EQ(gatemend("approve"), 0) << said_;
    ASSERT_EQ(approvals().size(), 1U) << said_;
    EXPECT_EQ(approvals().front().digest, proposal_["digest"]);
}

TEST_F(Approving, IsNotOfADigestThatTheAgentLiesAbout) {
    const std::vector<std::pair<const char*, Json>> lies{
        {"act", "reload-unit"}, {"unit", "nginx.service"}, {"preview", "reload-unit " + kFpm}};
    for (const auto& [key, lie] : lies) {
        const Json truth = std::exchange(proposal_[key], lie);
        EXPECT_EQ(gatemend("show"), 0) << said_;
        EXPECT_TRUE(says("proposal    start-unit " + kFpm + "\n")) << said_;
        EXPECT_FALSE(says("done by `gatemend approve")) << said_;
        EXPECT_EQ(gatemend("approve"), 1) << said_;
        EXPECT_TRUE(says("proposal    start-unit " + kFpm + "\n")) << said_;
        EXPECT_TRUE(says("nothing was approved")) << said_;
        EXPECT_TRUE(approvals().empty()) << said_;
        proposal_[key] = truth;
    }
}

TEST_F(Approving, IsNotOfADigestThatTheExecutorHasNotMade) {
    proposal_["digest"] = std::string(64, 'f');
    EXPECT_EQ(gatemend("approve"), 1) << said_;
    EXPECT_TRUE(says("does not know this plan")) << said_;
    EXPECT_TRUE(approvals().empty()) << said_;
}

}  // namespace
}  // namespace gatemend::sandbox
