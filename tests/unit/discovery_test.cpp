// SPDX-License-Identifier: MIT
#include "app/discovery.hpp"

#include "app/machine_files.hpp"
#include "app/topology_file.hpp"
#include "temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace gatemend::app {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kSocket = "unix:/run/php/php8.2-fpm.sock";
constexpr const char* kFpm = "php8.2-fpm.service";

parse::ConfiguredBackend backend(const std::string& address) {
    return parse::ConfiguredBackend{
        core::Scheme::kFastcgi, address, "/etc/nginx/sites-enabled/default:57", ""};
}

// nginx points at `address`; one pool of PHP 8.2 listens on `listen`.
Machine machine(const std::string& address, const std::string& listen) {
    Machine result;
    result.has_nginx = true;
    result.nginx.backends.push_back(backend(address));
    result.nginx.listens = {"127.0.0.1:80"};
    result.fpm.push_back(FpmInstance{kFpm, {parse::FpmPool{"www", listen, "www.conf:1"}}});
    result.units[kFpm].name = kFpm;
    result.units[kFpm].is_loaded = true;
    result.units[kFpm].is_enabled = true;
    return result;
}

const core::Service* owner(const core::Topology& topology, const std::string& address) {
    return topology.find_by_address(address);
}

TEST(Discovery, GivesABackendToTheUnitWhosePoolListensThere) {
    const auto topology = discover(machine(kSocket, kSocket), {}, {});
    ASSERT_NE(owner(topology, kSocket), nullptr);
    EXPECT_EQ(owner(topology, kSocket)->unit, kFpm);
    EXPECT_EQ(owner(topology, kSocket)->role, core::ServiceRole::kPhpFpm);
    EXPECT_EQ(owner(topology, kSocket)->backends[0].pool, "www");
}

TEST(Discovery, WatchesNginxItselfThroughItsLoopbackSocket) {
    const auto topology = discover(machine(kSocket, kSocket), {}, {});
    ASSERT_NE(topology.find_by_unit("nginx.service"), nullptr);
    EXPECT_EQ(topology.find_by_unit("nginx.service")->backends[0].address, "127.0.0.1:80");
}

TEST(Discovery, WatchesNginxsUnitAlsoWhereItsConfigurationCannotBeRead) {
    Machine unread = machine(kSocket, kSocket);
    unread.has_nginx = false;
    unread.nginx = {};
    EXPECT_EQ(discover(unread, {}, {}).find_nginx(), nullptr) << "there is none to start";
    unread.is_nginx_installed = true;
    const auto topology = discover(unread, {}, {});
    ASSERT_NE(topology.find_nginx(), nullptr);
    EXPECT_THAT(topology.find_nginx()->backends, IsEmpty());
    EXPECT_EQ(owner(topology, kSocket)->unit, kFpm);
}

TEST(Discovery, DoesNotGuessAnOwner) {
    const auto topology = discover(machine("127.0.0.1:9000", kSocket), {}, {});
    EXPECT_EQ(owner(topology, "127.0.0.1:9000"), nullptr);
    EXPECT_THAT(topology.unowned, SizeIs(1));
}

TEST(Discovery, MatchesAPoolOnEveryInterfaceByPort) {
    const auto topology = discover(machine("127.0.0.1:9000", "0.0.0.0:9000"), {}, {});
    ASSERT_NE(owner(topology, "127.0.0.1:9000"), nullptr);
    EXPECT_EQ(owner(topology, "127.0.0.1:9000")->unit, kFpm);
}

TEST(Discovery, FollowsAliasesButKeepsTheAddressNginxUses) {
    Machine read = machine("unix:/run/php/php-fpm.sock", kSocket);
    read.aliases["unix:/run/php/php-fpm.sock"] = kSocket;
    const auto topology = discover(read, {}, {});
    ASSERT_NE(owner(topology, "unix:/run/php/php-fpm.sock"), nullptr);
    EXPECT_EQ(owner(topology, "unix:/run/php/php-fpm.sock")->unit, kFpm);
}

TEST(Discovery, LetsTheOperatorOverrideTheOwner) {
    policy::Settings settings;
    settings.backends.push_back(policy::BackendOverride{kSocket, "app.service"});
    const auto topology = discover(machine(kSocket, kSocket), settings, {});
    ASSERT_NE(owner(topology, kSocket), nullptr);
    EXPECT_EQ(owner(topology, kSocket)->unit, "app.service");
}

TEST(Discovery, RemembersEverythingWhileNginxCannotBeRead) {
    const auto before = discover(machine(kSocket, kSocket), {}, {});
    EXPECT_EQ(discover(Machine{}, {}, before), before);
}

TEST(Discovery, RemembersAnOwnerWhosePoolFileIsBroken) {
    const auto before = discover(machine(kSocket, kSocket), {}, {});
    Machine broken = machine(kSocket, kSocket);
    broken.fpm[0].pools.clear();
    const auto topology = discover(broken, {}, before);
    ASSERT_NE(owner(topology, kSocket), nullptr);
    EXPECT_EQ(owner(topology, kSocket)->unit, kFpm);
}

TEST(Discovery, ForgetsAnOwnerWhosePoolHasMoved) {
    const auto before = discover(machine(kSocket, kSocket), {}, {});
    const auto topology = discover(machine(kSocket, "unix:/run/other.sock"), {}, before);
    EXPECT_EQ(owner(topology, kSocket), nullptr);
}

TEST(Discovery, TellsWhatThePoolAndNginxSay) {
    Machine read = machine(kSocket, kSocket);
    read.fpm[0].pools[0].settings.set(parse::FpmSetting::kMaxChildren, {"5", "www.conf:120"});
    read.fpm[0].pools[0].settings.set(parse::FpmSetting::kPm, {"dynamic", "www.conf:115"});
    read.nginx.places.emplace_back();
    read.nginx.places[0].settings.values[static_cast<std::size_t>(parse::PassSetting::kBuffers)] = {
        "8 4k", ""};
    read.nginx.backends[0].places = {0};
    read.nginx.global.worker_connections = {"768", "nginx.conf:7"};
    const auto topology = discover(read, {}, {});
    ASSERT_NE(owner(topology, kSocket), nullptr);
    const core::Backend& found = owner(topology, kSocket)->backends[0];
    EXPECT_EQ(found.fpm.max_children, (core::ConfigLine{"5", "www.conf:120"}));
    EXPECT_EQ(found.fpm.pm.value, "dynamic");
    EXPECT_EQ(found.fpm.terminate_timeout, (core::ConfigLine{"0", ""}));
    EXPECT_EQ(found.buffers, (core::ConfigLine{"8 4k", ""}));
    EXPECT_EQ(topology.limits.worker_connections, (core::ConfigLine{"768", "nginx.conf:7"}));
    EXPECT_EQ(decode_topology(encode_topology(topology)), topology);
}

TEST(MachineFiles, FindsDebianPoolsByVersion) {
    const test::TempDir etc;
    fs::create_directories(etc / "php/8.2/fpm/pool.d");
    test::overwrite(etc / "php/8.2/fpm/php-fpm.conf", "[global]\nerror_log = /var/log/x.log\n");
    test::overwrite(etc / "php/8.2/fpm/pool.d/www.conf",
                    "[www]\nlisten = /run/php/php8.2-fpm.sock\n");
    const FpmFiles files = read_fpm_files(etc.path());
    EXPECT_THAT(files.problems, IsEmpty());
    ASSERT_THAT(files.instances, SizeIs(1));
    EXPECT_EQ(files.instances[0].unit, kFpm);
    ASSERT_THAT(files.instances[0].pools, SizeIs(1));
    EXPECT_EQ(files.instances[0].pools[0].listen, kSocket);
}

TEST(MachineFiles, FollowsALinkToASocketThatIsNotThere) {
    const test::TempDir run;
    fs::create_symlink("php8.2-fpm.sock", run / "php-fpm.sock");
    Machine read;
    read.nginx.backends.push_back(backend("unix:" + (run / "php-fpm.sock")));
    resolve_aliases(read);
    EXPECT_EQ(read.aliases["unix:" + (run / "php-fpm.sock")], "unix:" + (run / "php8.2-fpm.sock"));
}

TEST(TopologyFile, ReadsWhatItWrote) {
    Machine read = machine(kSocket, kSocket);
    read.nginx.error_logs = {"/var/log/nginx/error.log"};
    read.nginx.user = "www-data";
    const auto topology = discover(read, {}, {});
    EXPECT_EQ(decode_topology(encode_topology(topology)), topology);
}

TEST(TopologyFile, RefusesWhatItDidNotWrite) {
    for (const char* text : {"",
                             "{}",
                             "[]",
                             "{\"format\":2}",
                             "{\"format\":1,\"services\":[3]}",
                             "{\"format\":1,\"services\":[{\"unit\":\"../x\",\"backends\":[]}]}"}) {
        EXPECT_EQ(decode_topology(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace gatemend::app
