// SPDX-License-Identifier: MIT
// What a compromised agent could ask of the executor. tests/abuse asks some of it over a real bus.
#include "executor_fakes.hpp"
#include "sandbox/executor/address_book.hpp"
#include "sandbox/executor/fact_desk.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

namespace gatemend::sandbox {
namespace {

namespace fs = std::filesystem;

TEST(ExecutorAbuse, OnlyListedUnitsAreTouched) {
    ExecutorMachine machine;
    PlanRequest request = make_request();
    request.unit = "ssh.service";
    EXPECT_EQ(fault_of(machine.plan(request)), "NotAllowed: unit-not-allowed");
    EXPECT_EQ(fault_of(machine.executor->lift("ssh.service", "uid 0")),
              "NotAllowed: the executor's policy does not list this unit");
}

TEST(ExecutorAbuse, TheUnitThatStandsForTheMachineIsNoService) {
    ExecutorMachine machine;
    PlanRequest request = make_request();
    request.unit = actions::kJournalUnit;
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: executor-refused");
}

TEST(ExecutorAbuse, ArgumentsAreBoundedAndChecked) {
    const std::vector<std::function<void(PlanRequest&)>> spoils{
        [](auto& r) { r.unit = "../php8.2-fpm.service"; },
        [](auto& r) { r.unit = "php8.2-fpm.service\n"; },
        [](auto& r) { r.unit = "php" + std::string(300, '1') + "-fpm.service"; },
        [](auto& r) { r.unit = "php*-fpm.service"; },
        [](auto& r) { r.unit = ""; },
        [](auto& r) { r.act = "reboot"; },
        [](auto& r) { r.cause = "because"; },
        [](auto& r) { r.expected_active = "sleepy"; },
        [](auto& r) { r.expected_invocation = "xyz"; },
        [](auto& r) { r.rule = std::string(600, 'r'); },
        [](auto& r) { r.deadline_usec = 0; },
        [](auto& r) { r.deadline_usec = UINT64_MAX; },
    };
    for (const auto& spoil : spoils) {
        ExecutorMachine machine;
        PlanRequest request = make_request();
        spoil(request);
        EXPECT_TRUE(fault_of(machine.plan(request)).starts_with("BadArgument"));
        EXPECT_TRUE(machine.systemd.jobs.empty());
    }
}

TEST(ExecutorAbuse, ActMustBeInTheRule) {
    ExecutorMachine machine;
    machine.loaded.policy.rules[0].ladder.pop_back();
    (void)machine.executor->reload();
    PlanRequest request = make_request();
    request.act = "restart-unit";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: no-rule");
    request = make_request();
    request.cause = "nginx-down";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: no-rule");
    request = make_request();
    request.rule = "no-such-rule";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: no-rule");
    request = make_request();
    request.deadline_usec = 11'000'000;  // the rule gives ten seconds
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: executor-refused");
}

TEST(ExecutorAbuse, StateMustBeTheExpectedOne) {
    ExecutorMachine machine;
    PlanRequest request = make_request();
    request.expected_active = "inactive";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: executor-refused");
    // a running unit cannot be "started", whatever the agent claims to expect
    machine.systemd.units[kFpm].active = core::ActiveState::kActive;
    request.expected_active = "active";
    EXPECT_EQ(fault_of(machine.plan(request)), "Refused: executor-refused");
}

TEST(ExecutorAbuse, OnlyPlannedDigestsAreExecutedAndOnlyOnce) {
    ExecutorMachine machine;
    EXPECT_TRUE(fault_of(machine.execute(std::string(64, '0'))).starts_with("NotFound"));
    EXPECT_TRUE(fault_of(machine.execute("")).starts_with("BadArgument"));
    EXPECT_TRUE(fault_of(machine.execute(std::string(1 << 20, '0'))).starts_with("BadArgument"));
    const auto digest = std::get<Proposal>(machine.plan(make_request())).digest;
    EXPECT_EQ(fault_of(machine.execute(digest)), "");
    EXPECT_TRUE(fault_of(machine.execute(digest)).starts_with("NotFound"));
    EXPECT_EQ(machine.systemd.jobs.size(), 1U);
}

TEST(ExecutorAbuse, OneActAtATime) {
    ExecutorMachine machine;
    machine.systemd.is_job_held = true;
    PlanRequest other = make_request();
    other.deadline_usec -= 1;
    const auto first = std::get<Proposal>(machine.plan(make_request())).digest;
    const auto second = std::get<Proposal>(machine.plan(other)).digest;
    machine.executor->execute(first, 7, [](const Reply<ActResult>&) {});
    EXPECT_TRUE(fault_of(machine.execute(second)).starts_with("Busy"));
    EXPECT_TRUE(fault_of(machine.executor->confirm(1, "effective", "")).starts_with("Busy"));
    machine.systemd.end_job();
}

TEST(ExecutorAbuse, VerdictsAreGivenOnceToKnownAttempts) {
    ExecutorMachine machine;
    EXPECT_TRUE(fault_of(machine.executor->confirm(1, "effective", "")).starts_with("NotFound"));
    (void)machine.heal_once();
    auto& executor = *machine.executor;
    EXPECT_TRUE(fault_of(executor.confirm(1, "pending", "")).starts_with("BadArgument"));
    EXPECT_TRUE(fault_of(executor.confirm(1, "great", "")).starts_with("BadArgument"));
    EXPECT_TRUE(fault_of(executor.confirm(1, "effective", std::string(600, 'x')))
                    .starts_with("BadArgument"));
    EXPECT_EQ(fault_of(executor.confirm(1, "ineffective", "still refused")), "");
    EXPECT_TRUE(fault_of(executor.confirm(1, "effective", "")).starts_with("Refused"));
    EXPECT_TRUE(fault_of(machine.roll_back(1)).starts_with("NotFound"));
}

TEST(ExecutorAbuse, HostileTextStaysOneRecord) {
    ExecutorMachine machine;
    (void)machine.heal_once();
    EXPECT_EQ(fault_of(machine.executor->confirm(
                  1, "effective", "\"}\n{\"seq\":99,\"kind\":\"lifted\"\x01\xFF")),
              "");
    machine.start();
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
    EXPECT_EQ(machine.executor->ledger().attempts[0].verdict, core::ActVerdict::kEffective);
}

TEST(ExecutorAbuse, AcknowledgementsAreBounded) {
    ExecutorMachine machine;
    const auto refused = [&](const AuditMark& mark, std::size_t count) {
        const std::vector<AuditMark> marks(count, mark);
        return fault_of(machine.executor->acknowledge({.by = "uid 0", .findings = marks}));
    };
    const std::string key(64, 'a');
    EXPECT_EQ(refused({"f", key, "p"}, 100), "");
    EXPECT_TRUE(refused({"f", key, "p"}, 101).starts_with("BadArgument"));
    EXPECT_TRUE(refused({"f", "A", "p"}, 1).starts_with("BadArgument"));
    EXPECT_TRUE(refused({std::string(600, 'f'), key, "p"}, 1).starts_with("BadArgument"));
    EXPECT_TRUE(refused({"f", key, std::string(600, 'p')}, 1).starts_with("BadArgument"));
    EXPECT_TRUE(refused({"f", "", "p"}, 1).starts_with("BadArgument")) << "names nothing";
    EXPECT_EQ(refused({"f", key, "\"}\n{\"seq\":99"}, 1), "");
    EXPECT_TRUE(refused({"f", key, "p"}, 0).starts_with("NotFound"));
    machine.start();
    EXPECT_EQ(machine.executor->ledger().unreadable, "");
}

TEST(ExecutorAbuse, PausesAreBounded) {
    ExecutorMachine machine;
    EXPECT_TRUE(fault_of(machine.executor->pause(0, "", "uid 0")).starts_with("BadArgument"));
    EXPECT_TRUE(
        fault_of(machine.executor->pause(UINT64_MAX, "", "uid 0")).starts_with("BadArgument"));
}

class Logs : public testing::Test {
  public:
    Logs() {
        std::string pattern = (fs::temp_directory_path() / "gatemend-logs-XXXXXX").string();
        base_ = mkdtemp(pattern.data());
        fs::create_directory(base_ / "nginx");
        std::ofstream{base_ / "nginx/error.log"} << "line\n";
        std::ofstream{base_ / "secret"} << "secret\n";
    }

    ~Logs() override { fs::remove_all(base_); }

    [[nodiscard]] std::string open(const fs::path& path) const {
        return fault_of(open_log(base_, path, rights_)).substr(0, 10);
    }

    fs::path base_;
    LogRights rights_{.reader = {.uid = 0, .groups = {}}, .is_configured = {}};
};

TEST_F(Logs, OpensARegularFileReadOnly) {
    const auto log = open_log(base_, base_ / "nginx/error.log", rights_);
    ASSERT_TRUE(std::holds_alternative<bus::UniqueFd>(log));
    const int fd = std::get<bus::UniqueFd>(log).get();
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}

// What the agent could not read itself it gets only where a configuration says that it is a log.
class PrivateLogs : public Logs {
  public:
    PrivateLogs() {
        fs::permissions(base_, fs::perms{0755});
        fs::permissions(base_ / "nginx", fs::perms{0755});
        set_mode(0600);
        fs::permissions(base_ / "secret", fs::perms{0600});
        rights_.reader = {.uid = 12345, .groups = {12346}};
    }

    void set_mode(unsigned mode) const {
        fs::permissions(base_ / "nginx/error.log", fs::perms{mode});
    }

    void name_it() {
        rights_.is_configured = [this](const std::string& path) {
            return path == base_ / "nginx/error.log";
        };
    }

    [[nodiscard]] std::string open_it() const { return open(base_ / "nginx/error.log"); }
};

TEST_F(PrivateLogs, AreRefused) {
    EXPECT_EQ(open_it(), "NotAllowed");
    set_mode(0640);
    EXPECT_EQ(open_it(), "NotAllowed") << "of a group that is not the reader's";
}

TEST_F(PrivateLogs, AreOpenedWhereTheReaderCouldReadThem) {
    set_mode(0644);
    EXPECT_EQ(open_it(), "");
    fs::permissions(base_ / "nginx", fs::perms{0700});
    EXPECT_EQ(open_it(), "NotAllowed") << "the folder is closed to the reader";
}

TEST_F(PrivateLogs, AreOpenedWhereAGroupOfTheReaderMay) {
    set_mode(0640);
    rights_.reader.groups = {static_cast<std::uint32_t>(getegid())};
    EXPECT_EQ(open_it(), "");
}

TEST_F(PrivateLogs, AreOpenedWhereTheConfigurationNamesThem) {
    name_it();
    EXPECT_EQ(open_it(), "");
    EXPECT_EQ(open(base_ / "secret"), "NotAllowed");
}

TEST_F(PrivateLogs, ProveNothingByANameThatOthersMayGive) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "only root makes a file of root's";
    }
    name_it();
    fs::permissions(base_ / "nginx", fs::perms{0777});
    EXPECT_EQ(open_it(), "NotAllowed") << "root's own, perhaps moved there";
    ASSERT_EQ(chown((base_ / "nginx/error.log").c_str(), 33, 33), 0);
    EXPECT_EQ(open_it(), "") << "the site's own";
}

TEST(AddressBook, KnowsALogByTheDirectiveInFrontOfIt) {
    const std::string path = "/var/log/a.log";
    for (const char* text : {"error_log /var/log/a.log;",
                             "server { access_log \"/var/log/a.log\" main; }",
                             "\n  error_log\t/var/log/a.log ;",
                             "error_log = /var/log/a.log\n",
                             "php_admin_value[error_log] = /var/log/a.log",
                             "slowlog=/var/log/a.log"}) {
        EXPECT_TRUE(mentions_log(text, path)) << text;
    }
    for (const char* text : {"# error_log /var/log/a.log;",
                             "; error_log = /var/log/a.log",
                             "listen 80; # error_log /var/log/a.log;",
                             "error_log /var/log/a.log.1;",
                             "alias /var/log/a.log;",
                             "error_log/var/log/a.log",
                             "not_my_error_logs /var/log/a.log;",
                             "/var/log/a.log",
                             ""}) {
        EXPECT_FALSE(mentions_log(text, path)) << text;
    }
}

TEST_F(Logs, RefusesEveryDetour) {
    fs::create_symlink(base_ / "secret", base_ / "nginx/link.log");
    fs::create_directory_symlink(base_ / "nginx", base_ / "dir");
    fs::create_hard_link(base_ / "secret", base_ / "nginx/hard.log");
    ASSERT_EQ(mkfifo((base_ / "nginx/fifo.log").c_str(), 0600), 0);
    EXPECT_EQ(open(base_ / "nginx/link.log"), "NotAllowed");
    EXPECT_EQ(open(base_ / "dir/error.log"), "NotAllowed");
    EXPECT_EQ(open(base_ / "nginx/hard.log"), "NotAllowed");
    EXPECT_EQ(open(base_ / "nginx/fifo.log"), "NotAllowed");
    EXPECT_EQ(open(base_ / "nginx"), "NotAllowed");
    EXPECT_EQ(open("/etc/passwd"), "NotAllowed");
    EXPECT_EQ(open(base_ / "nginx/none.log"), "NotFound: ");
    EXPECT_EQ(open(base_.string() + "/nginx/../secret"), "BadArgumen");
    EXPECT_EQ(open(base_.string() + "/.."), "BadArgumen");
    EXPECT_EQ(open(base_.string() + "//secret"), "BadArgumen");
    EXPECT_EQ(open(base_.string() + std::string{"/se\0cret", 8}), "BadArgumen");
    EXPECT_EQ(open(base_.string() + "/" + std::string(5000, 'a')), "BadArgumen");
    EXPECT_EQ(open(base_.string() + "-sibling/secret"), "NotAllowed");
}

TEST(AddressBook, FindsWholeWordsOnly) {
    const std::string dump =
        "fastcgi_pass unix:/run/php/a.sock;\nserver 127.0.0.1:9000 weight=2;\n"
        "proxy_pass http://localhost:3000/;\n";
    EXPECT_TRUE(mentions_address(dump, "unix:/run/php/a.sock"));
    EXPECT_TRUE(mentions_address(dump, "127.0.0.1:9000"));
    EXPECT_TRUE(mentions_address(dump, "127.0.0.1:3000"));  // as "localhost:3000/"
    EXPECT_FALSE(mentions_address(dump, "127.0.0.1:900"));
    EXPECT_FALSE(mentions_address(dump, "unix:/run/php/a"));
    EXPECT_FALSE(mentions_address(dump, ""));
}

TEST(AddressBook, RemembersWhatANameHasMeantBefore) {
    ResolvedNames names;
    names.remember("app.lan", {"10.0.0.7"});
    names.remember("app.lan", {"10.0.0.9"});
    const std::vector<std::string> alias{"app.lan:8080"};
    EXPECT_EQ(names.aliases("10.0.0.7:8080"), alias) << "nginx may use it still";
    EXPECT_EQ(names.aliases("10.0.0.9:8080"), alias);
    for (int i = 10; i < 60; ++i) {
        names.remember("app.lan", {"10.0.0." + std::to_string(i)});
    }
    EXPECT_TRUE(names.aliases("10.0.0.7:8080").empty()) << "not for ever";
    EXPECT_EQ(names.aliases("10.0.0.59:8080"), alias);
}

TEST(AddressBook, KnowsTheFormsOfProxyPass) {
    const std::string dump =
        "proxy_pass http://10.0.0.5/v1;\nproxy_pass http://10.0.0.6:81$request_uri;\n"
        "proxy_pass http://unix:/run/puma.sock:/uri/;\nproxy_pass http://app.lan:8080;\n";
    EXPECT_TRUE(mentions_address(dump, "10.0.0.5:80"));
    EXPECT_TRUE(mentions_address(dump, "10.0.0.6:81"));
    EXPECT_TRUE(mentions_address(dump, "unix:/run/puma.sock"));
    EXPECT_FALSE(mentions_address(dump, "10.0.0.5:81"));
    EXPECT_FALSE(mentions_address(dump, "10.0.0.6:80"));
    EXPECT_TRUE(mentions_host(dump, "app.lan"));
    EXPECT_FALSE(mentions_host(dump, "app"));
    EXPECT_FALSE(mentions_host(dump, "lan"));
    EXPECT_FALSE(mentions_host(dump, ""));
}

class ProbeDesk : public testing::Test {
  protected:
    ProbeDesk() { start({.logs = "/var/log", .nginx_config = "/nonexistent"}); }

    void start(const FactPaths& paths) {
        desk_.emplace(
            facts_,
            [this]() -> const policy::Policy& { return policy_; },
            paths,
            nullptr,
            [this](const core::Error& error) { warnings_.push_back(error.text); });
    }

    std::string probe(const std::string& kind,
                      const std::string& address,
                      std::uint64_t usec = 1000) {
        std::string fault = "no answer";
        desk_->probe({kind, address, name_, usec}, [&](const Reply<std::string>& reply) {
            fault = fault_of(reply).substr(0, 10);
        });
        return fault;
    }

    std::string name_;
    policy::Policy policy_ = make_test_policy();
    FakeFacts facts_;
    std::vector<std::string> warnings_;
    std::optional<FactDesk> desk_;
};

TEST_F(ProbeDesk, ProbesOnlyWhatNginxIsConfiguredWith) {
    facts_.dump = "fastcgi_pass unix:/run/php/a.sock;";
    EXPECT_EQ(probe("fastcgi", "unix:/run/php/a.sock"), "");
    EXPECT_EQ(facts_.dumps_made, 1);
    EXPECT_EQ(probe("fastcgi", "unix:/run/docker.sock"), "NotAllowed");
    EXPECT_EQ(probe("connect", "unix:/run/docker.sock"), "NotAllowed");
    EXPECT_EQ(probe("fastcgi", "127.0.0.1:9000"), "NotAllowed");
    EXPECT_EQ(facts_.dumps_made, 1);
    EXPECT_EQ(facts_.probed, std::vector<std::string>{"unix:/run/php/a.sock"});
}

TEST_F(ProbeDesk, ConnectsToAnyLoopbackPortButAsksNothingThere) {
    EXPECT_EQ(probe("connect", "127.0.0.1:80"), "");
    EXPECT_EQ(probe("connect", "192.0.2.1:80"), "NotAllowed");
    EXPECT_EQ(probe("http", "127.0.0.1:80"), "NotAllowed");
    EXPECT_EQ(probe("https", "127.0.0.1:80"), "NotAllowed");
    EXPECT_EQ(probe("connect", "unix:/run/../x"), "BadArgumen");
    EXPECT_EQ(probe("connect", "224.0.0.1:80"), "BadArgumen");
    EXPECT_EQ(probe("gopher", "127.0.0.1:80"), "BadArgumen");
    EXPECT_EQ(probe("connect", "127.0.0.1:80", 0), "BadArgumen");
    EXPECT_EQ(probe("connect", "127.0.0.1:80", UINT64_MAX), "BadArgumen");
    EXPECT_EQ(facts_.probed.size(), 1U);
}

TEST_F(ProbeDesk, LeavesTheMachineOnlyForWhatNginxIsConfiguredWith) {
    facts_.dump = "proxy_pass https://192.0.2.1:8443/;\nserver app.lan:8080;\n";
    EXPECT_EQ(probe("https", "192.0.2.1:8443"), "");
    EXPECT_EQ(probe("connect", "192.0.2.1:8443"), "");
    EXPECT_EQ(probe("https", "192.0.2.1:844"), "NotAllowed");
    EXPECT_EQ(probe("https", "192.0.2.2:8443"), "NotAllowed");
    EXPECT_EQ(probe("resolve", "app.lan"), "");
    EXPECT_EQ(probe("resolve", "app"), "NotAllowed");
    EXPECT_EQ(probe("resolve", "elsewhere.lan"), "NotAllowed");
    EXPECT_EQ(probe("resolve", "app.lan:8080"), "BadArgumen");
    name_ = "app.lan";
    EXPECT_EQ(probe("https", "192.0.2.1:8443"), "");
    EXPECT_EQ(probe("http", "192.0.2.1:8443"), "BadArgumen") << "no certificate, no name";
    name_ = "elsewhere.lan";
    EXPECT_EQ(probe("https", "192.0.2.1:8443"), "NotAllowed");
}

TEST_F(ProbeDesk, KnowsAnAddressByTheNameThatResolvedToIt) {
    facts_.dump = "server app.lan:8080;\nproxy_pass http://six.lan;\n";
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "NotAllowed");
    facts_.probe_line = "outcome=good errno=0 us=1 addresses=192.0.2.7,192.0.2.8\n";
    EXPECT_EQ(probe("resolve", "app.lan"), "");
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "");
    EXPECT_EQ(probe("http", "192.0.2.7:8081"), "NotAllowed") << "another port";
    EXPECT_EQ(probe("http", "192.0.2.9:8080"), "NotAllowed") << "another address";
    facts_.probe_line = "outcome=good errno=0 us=1 addresses=2001:db8::6\n";
    EXPECT_EQ(probe("resolve", "six.lan"), "");
    EXPECT_EQ(probe("http", "[2001:db8::6]:80"), "");
    EXPECT_EQ(probe("http", "[2001:db8::6]:8080"), "NotAllowed");
}

// nginx goes on with the address that it got before we were started anew.
TEST_F(ProbeDesk, KnowsWhatANameMeantBeforeARestart) {
    const test::TempDir folder;
    const FactPaths paths{
        .logs = "/var/log", .nginx_config = "/nonexistent", .names = folder / "names"};
    facts_.dump = "server app.lan:8080;\nproxy_pass http://six.lan;\n";
    const auto resolve = [&](const std::string& name, const std::string& addresses) {
        facts_.probe_line = "outcome=good errno=0 us=1 addresses=" + addresses + "\n";
        EXPECT_EQ(probe("resolve", name), "");
    };
    start(paths);
    resolve("app.lan", "192.0.2.7");
    resolve("six.lan", "2001:db8::6");
    start(paths);
    resolve("app.lan", "192.0.2.8");
    start(paths);
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "");
    EXPECT_EQ(probe("http", "192.0.2.8:8080"), "");
    EXPECT_EQ(probe("http", "[2001:db8::6]:80"), "");
    EXPECT_EQ(probe("http", "192.0.2.9:8080"), "NotAllowed");
    facts_.dump = "server other.lan:8080;\n";
    start(paths);
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "NotAllowed") << "nginx has the name no more";
}

TEST_F(ProbeDesk, WhatCannotBeKeptIsSaid) {
    facts_.dump = "server app.lan:8080;\n";
    facts_.probe_line = "outcome=good errno=0 us=1 addresses=192.0.2.7\n";
    start({.logs = "/var/log", .nginx_config = "/nonexistent", .names = "/nonexistent/names"});
    EXPECT_EQ(probe("resolve", "app.lan"), "");
    EXPECT_EQ(
        warnings_,
        std::vector<std::string>{"create '/nonexistent/names.new': No such file or directory"});
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "");
}

TEST_F(ProbeDesk, ANamesFileThatSomebodySpoiledIsForgottenLineByLine) {
    const test::TempDir folder;
    std::ofstream{folder / "names"}
        << "app.lan 192.0.2.7\napp.lan\n 192.0.2.8\nno..name 192.0.2.8\n"
           "app.lan 192.0.2.8;\napp.lan  192.0.2.9\nsix.lan 2001:db8::6";
    facts_.dump = "server app.lan:8080;\nproxy_pass http://six.lan;\n";
    start({.logs = "/var/log", .nginx_config = "/nonexistent", .names = folder / "names"});
    EXPECT_EQ(probe("http", "192.0.2.7:8080"), "");
    EXPECT_EQ(probe("http", "192.0.2.8:8080"), "NotAllowed");
    EXPECT_EQ(probe("http", "192.0.2.9:8080"), "NotAllowed");
    EXPECT_EQ(probe("http", "[2001:db8::6]:80"), "");
}

TEST_F(ProbeDesk, ABrokenNginxConfigurationDoesNotHideAnOverride) {
    policy_.settings.backends.push_back({"127.0.0.1:9000", kFpm});
    EXPECT_EQ(probe("fastcgi", "127.0.0.1:9000"), "");
    EXPECT_EQ(probe("fastcgi", "127.0.0.1:9001"), "NotAllowed");
}

class InspectDesk : public ProbeDesk {
  protected:
    std::string inspect(const std::string& unit, const std::string& address) {
        std::string fault = "no answer";
        desk_->inspect(unit, address, [&](const Reply<std::string>& reply) {
            fault = fault_of(reply).substr(0, 10);
        });
        return fault;
    }

    std::vector<std::string> answers_;
};

TEST_F(InspectDesk, ArgumentsAreBoundedAndChecked) {
    facts_.dump = "fastcgi_pass unix:/run/php/a.sock;";
    EXPECT_EQ(inspect("", ""), "");
    EXPECT_EQ(inspect(kFpm, "127.0.0.1:80"), "");
    EXPECT_EQ(inspect("../x.service", ""), "BadArgumen");
    EXPECT_EQ(inspect("-", ""), "BadArgumen");
    EXPECT_EQ(inspect(std::string(300, 'x') + ".service", ""), "BadArgumen");
    EXPECT_EQ(inspect("", "-"), "BadArgumen");
    EXPECT_EQ(inspect("", "unix:/run/../etc/shadow"), "BadArgumen");
    EXPECT_EQ(inspect("", "unix:/" + std::string(200, 'x')), "BadArgumen");
    EXPECT_EQ(inspect("", "example.com:80"), "BadArgumen");
    EXPECT_EQ(inspect("", "unix:/root/.secret"), "NotAllowed");
    EXPECT_EQ(inspect("", "unix:/run/php/a.sock"), "");
    EXPECT_EQ(facts_.inspected,
              (std::vector<std::string>{"|", kFpm + "|127.0.0.1:80", "|unix:/run/php/a.sock"}));
}

TEST_F(InspectDesk, OneLookAtATimeAndSameQuestionsShareIt) {
    facts_.is_holding_looks = true;
    const auto ask = [&](const std::string& address) {
        desk_->inspect("", address, [this, address](const Reply<std::string>& reply) {
            answers_.push_back(address + fault_of(reply));
        });
    };
    ask("127.0.0.1:1");
    ask("127.0.0.1:2");
    ask("127.0.0.1:1");
    EXPECT_EQ(facts_.inspected.size(), 1U);
    facts_.end_look();
    EXPECT_EQ(answers_, (std::vector<std::string>{"127.0.0.1:1", "127.0.0.1:1"}));
    EXPECT_EQ(facts_.inspected.size(), 2U);
    facts_.end_look();
    EXPECT_EQ(answers_.back(), "127.0.0.1:2");
    EXPECT_EQ(facts_.inspected.size(), 2U);
}

TEST_F(InspectDesk, TheQueueIsBounded) {
    facts_.is_holding_looks = true;
    for (std::size_t i = 0; i < kMaxLookWaiters; ++i) {
        EXPECT_EQ(inspect("", "127.0.0.1:" + std::to_string(i % 5 + 1)), "no answer");
    }
    EXPECT_EQ(inspect("", "127.0.0.1:1"), "Busy: too ");
    EXPECT_EQ(inspect("", "127.0.0.1:77"), "Busy: too ");
    EXPECT_EQ(facts_.inspected.size(), 1U);
}

TEST_F(ProbeDesk, ConfigurationsOfUnlistedUnitsAreNotTested) {
    std::string fault;
    desk_->test_config("ssh.service",
                       [&](const Reply<ConfigTestFact>& reply) { fault = fault_of(reply); });
    EXPECT_TRUE(fault.starts_with("NotAllowed"));
    desk_->test_config("../x",
                       [&](const Reply<ConfigTestFact>& reply) { fault = fault_of(reply); });
    EXPECT_TRUE(fault.starts_with("BadArgument"));
}

TEST(SealedCopy, CannotBeChanged) {
    const auto copy = make_sealed_copy("text");
    ASSERT_TRUE(std::holds_alternative<bus::UniqueFd>(copy));
    const int fd = std::get<bus::UniqueFd>(copy).get();
    EXPECT_EQ(write(fd, "x", 1), -1);
    EXPECT_EQ(ftruncate(fd, 0), -1);
}

}  // namespace
}  // namespace gatemend::sandbox
