// SPDX-License-Identifier: MIT
// The owner of a socket: whose it should be, and that nothing but that very socket is given away.
#include "sandbox/mend/commit.hpp"
#include "sandbox/mend/socket_owner.hpp"
#include "sandbox/mend/socket_proof.hpp"
#include "tests/unit/mend_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace gatemend::mend {
namespace {

using test::error_of;
using test::MendMachine;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kSocket = "/run/php/www.sock";
constexpr const char* kOther = "/run/php/admin.sock";
constexpr unsigned kWorker = 33;

// A listening socket; what makes it the unit's is asked elsewhere.
struct Server {
    bus::UniqueFd fd;
    std::uint64_t cookie = 0;
};

using Owner = std::pair<unsigned, unsigned>;

class MendSocket : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root to give sockets away";
        }
        machine_.make_folder("/run/php");
        machine_.write("/etc/nginx/nginx.conf", "http { fastcgi_pass unix:/run/php/www.sock; }");
        machine_.write("/etc/passwd",
                       "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n"
                       "shop:x:2000:2001::/:/bin/sh\n");
        machine_.write("/etc/group", "root:x:0:\nwww-data:x:33:\nshop:x:2001:\nstaff:x:50:\n");
        pool("");
        make(0660);
    }

    void pool(const std::string& lines) {
        machine_.write("/etc/php/8.2/fpm/php-fpm.conf",
                       "[www]\nlisten = " + std::string{kSocket} + "\n" + lines);
    }

    // As the unit does when it is started: unlinks, binds, listens.
    Server serve(const std::string& path, mode_t mode, Owner owner = {0, 0}) {
        std::filesystem::remove(machine_.at(path));
        Server server{bus::UniqueFd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, machine_.at(path).c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(
            bind(server.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(server.fd.get(), 5), 0);
        EXPECT_EQ(chown(machine_.at(path).c_str(), owner.first, owner.second), 0);
        EXPECT_EQ(chmod(machine_.at(path).c_str(), mode), 0);
        socklen_t size = sizeof server.cookie;
        EXPECT_EQ(getsockopt(server.fd.get(), SOL_SOCKET, SO_COOKIE, &server.cookie, &size), 0);
        return server;
    }

    void make(mode_t mode, uid_t owner = 0, gid_t group = 0) {
        own_ = serve(kSocket, mode, {owner, group});
    }

    void exchange(const std::string& a, const std::string& b) {
        std::filesystem::rename(machine_.at(a), machine_.at("/run/php/parked"));
        std::filesystem::rename(machine_.at(b), machine_.at(a));
        std::filesystem::rename(machine_.at("/run/php/parked"), machine_.at(b));
    }

    core::Result<actions::Mending> order(std::vector<std::string> words,
                                         const std::string& path = kSocket) {
        const bool is_told = own_.cookie != 0;
        for (const std::string& word : {std::string{"fix-socket-owner"},
                                        std::string{"php8.2-fpm.service"},
                                        std::string{"www-data"},
                                        "socket=unix:" + path}) {
            words.push_back(word);
        }
        if (is_told) {
            words.push_back("listener=" + std::to_string(own_.cookie));
        }
        return machine_.run(words);
    }

    std::string note() {
        const auto mending = order({"preview"});
        return mending ? mending->notes.back() : "error: " + mending.error().text;
    }

    [[nodiscard]] Owner owner(const std::string& path = kSocket) const {
        const struct stat info = machine_.look(path);
        return {info.st_uid, info.st_gid};
    }

    MendMachine machine_;
    Server own_;
};

TEST_F(MendSocket, PrefersWhatThePoolsFileSays) {
    pool("listen.owner = www-data\nlisten.group = www-data\n");
    make(0600);
    EXPECT_EQ(note(), "owner root:root -> www-data:www-data, mode 0600 kept");
    pool("listen.owner = shop\nlisten.group = www-data\n");
    make(0660);
    EXPECT_EQ(note(), "owner root:root -> shop:www-data, mode 0660 kept");
    pool("listen.owner = 33\n");
    EXPECT_EQ(note(), "owner root:root -> www-data:root, mode 0660 kept");
}

TEST_F(MendSocket, TakesTheGroupWhereItsBitsAreEnough) {
    make(0660, 2000, 0);
    EXPECT_EQ(note(), "owner shop:root -> shop:www-data, mode 0660 kept");
}

// Given by SocketGroup= of a socket unit, or by the application itself.
TEST_F(MendSocket, TakesItFromNoGroupThatMayWrite) {
    make(0660, 2000, 2001);
    EXPECT_EQ(note(),
              "error: /run/php/www.sock: group shop may write to it and would be shut out; add "
              "nginx's worker user to that group, or change SocketGroup= or the application's own "
              "setting");
    make(0640, 2000, 2001);
    EXPECT_EQ(note(), "owner shop:shop -> www-data:shop, mode 0640 kept") << "it might not";
}

TEST_F(MendSocket, OpensNothingAgainstThePoolsFile) {
    make(0660, 2000, 2001);
    for (const char* lines :
         {"listen.owner = shop\nlisten.group = shop\nlisten.mode = 0660\n",
          "listen.owner = shop\n",
          "listen.group = staff\n",
          "listen.owner = root\nlisten.group = root\n",
          "listen.owner = root\n",
          "listen.owner = 0\n",
          "listen.owner = www-data\nlisten.mode = 0060\n",
          "listen.owner = shop\nlisten.group = www-data\nlisten.mode = 0600\n"}) {
        pool(lines);
        EXPECT_THAT(note(), HasSubstr("shuts www-data out; set-pool-listen or `gatemend suggest`"))
            << lines;
    }
    pool("listen.owner = shop\nlisten.group = shop\nlisten.mode = 0660\n");
    EXPECT_EQ(note(),
              "error: the pool file (/etc/php/8.2/fpm/php-fpm.conf:3) gives the socket to "
              "shop:shop, mode 0660, which shuts www-data out; set-pool-listen or `gatemend "
              "suggest` changes that");
    pool("listen.owner = nobody-knows\n");
    EXPECT_THAT(note(), HasSubstr("which is not in /etc/passwd"));
    pool("listen.acl_users = shop,other\n");
    EXPECT_THAT(note(), HasSubstr("listen.acl_users does not name www-data"));
    EXPECT_EQ(owner(), Owner(2000, 2001));
}

TEST_F(MendSocket, GivesWhatThePoolsFileGivesThoughTheModeIsAnotherNow) {
    make(0600);
    for (const char* lines : {"listen.owner = shop\nlisten.group = www-data\n",
                              "listen.owner = 2000\nlisten.group = 33\n",
                              "listen.acl_users = shop,www-data\n",
                              "listen.mode = 0660\n"}) {
        pool(lines);
        EXPECT_EQ(note(), "owner root:root -> www-data:root, mode 0600 kept") << lines;
    }
}

TEST_F(MendSocket, TakesTheOwnerWhereOnlyTheOwnerMayWrite) {
    make(0600);
    EXPECT_EQ(note(), "owner root:root -> www-data:root, mode 0600 kept");
}

TEST_F(MendSocket, NeverWidensTheMode) {
    make(0400);
    EXPECT_EQ(note(),
              "error: /run/php/www.sock: mode 0400 would have to be widened, which gatemend does "
              "not do");
}

TEST_F(MendSocket, RefusesWhereTheWorkerMayConnect) {
    make(0666);
    EXPECT_THAT(note(), HasSubstr("may write to it already"));
}

TEST_F(MendSocket, RefusesASocketThatNginxDoesNotName) {
    make(0600);
    machine_.write("/etc/nginx/nginx.conf", "http { fastcgi_pass unix:/run/other.sock; }");
    EXPECT_EQ(note(),
              "error: nginx's configuration does not name unix:/run/php/www.sock, and no links of "
              "root's lead there from what it names");
}

// As Debian's: /run/php is www-data's, the links are root's.
TEST_F(MendSocket, FollowsLinksThatOnlyRootCouldHaveMade) {
    make(0600);
    const auto link = [this](const std::string& target, const std::string& path) {
        std::filesystem::remove(machine_.at(path));
        std::filesystem::create_symlink(target, machine_.at(path));
    };
    const std::string named = "/run/php/php-fpm.sock";
    const std::string mended = "owner root:root -> www-data:root, mode 0600 kept";
    machine_.write("/etc/nginx/nginx.conf", "http { fastcgi_pass unix:" + named + "; }");
    machine_.make_folder("/etc/alternatives");
    link("/etc/alternatives/php-fpm.sock", named);
    link(kSocket, "/etc/alternatives/php-fpm.sock");
    EXPECT_EQ(note(), mended);
    ASSERT_EQ(chown(machine_.at("/run/php").c_str(), kWorker, kWorker), 0);
    EXPECT_EQ(note(), mended);
    EXPECT_THAT(error_of(order({"preview"}, named)), HasSubstr("no pool listens on"))
        << "the link itself is no socket";
    pool("listen.owner = root\n");
    EXPECT_EQ(error_of(machine_.run({"preview",
                                     "set-pool-listen",
                                     "php8.2-fpm.service",
                                     "www-data",
                                     "socket=unix:" + named})),
              "");
    pool("");
    const std::string refused = "no links of root's lead there";
    ASSERT_EQ(lchown(machine_.at(named).c_str(), kWorker, kWorker), 0);
    EXPECT_THAT(note(), HasSubstr(refused));
    link("www.sock", named);
    EXPECT_THAT(note(), HasSubstr(refused)) << "it means another elsewhere, and can be moved";
    link(kOther, named);
    EXPECT_THAT(note(), HasSubstr(refused));
    machine_.make_folder("/run/php/sub");
    machine_.write("/etc/nginx/nginx.conf", "http { fastcgi_pass unix:/run/php/sub/a.sock; }");
    link(kSocket, "/run/php/sub/a.sock");
    EXPECT_THAT(note(), HasSubstr(refused)) << "the folder can be exchanged";
}

TEST_F(MendSocket, ASecondNameIsNoObstacleToWhatIsTheListenersOwn) {
    make(0600);
    std::filesystem::create_hard_link(machine_.at(kSocket), machine_.at("/run/php/second"));
    EXPECT_EQ(note(), "owner root:root -> www-data:root, mode 0600 kept");
}

TEST_F(MendSocket, RefusesWithoutAListener) {
    make(0600);
    own_ = {};
    EXPECT_THAT(note(), HasSubstr("does not any more")) << "nobody said which";
    own_.cookie = ~std::uint64_t{0};
    EXPECT_THAT(note(), HasSubstr("does not any more")) << "no such";
}

TEST_F(MendSocket, RefusesTheSocketOfAnotherListenerThatWasMovedHere) {
    make(0660, kWorker, kWorker);
    const Server other = serve(kOther, 0600, {2000, 2001});
    exchange(kSocket, kOther);
    EXPECT_THAT(note(), HasSubstr("is not the one that the listening socket was bound to"));
    own_.cookie = other.cookie;
    EXPECT_THAT(note(), HasSubstr("has bound its socket as"));
    EXPECT_EQ(owner(), Owner(2000, 2001));
}

TEST_F(MendSocket, RefusesASecondNameOfAnotherListenersSocket) {
    make(0660, kWorker, kWorker);
    const Server other = serve(kOther, 0600, {2000, 2001});
    std::filesystem::remove(machine_.at(kSocket));
    std::filesystem::create_hard_link(machine_.at(kOther), machine_.at(kSocket));
    EXPECT_THAT(note(), HasSubstr("is not the one that the listening socket was bound to"));
}

TEST_F(MendSocket, RefusesAFileThatItsListenerHasLeft) {
    make(0600);
    const Server first = std::move(own_);
    std::filesystem::rename(machine_.at(kSocket), machine_.at("/run/php/parked"));
    make(0600, 2000, 2001);  // bound to the same name by somebody else, and listening
    own_.cookie = first.cookie;
    EXPECT_THAT(note(), HasSubstr("is not the one that the listening socket was bound to"));
}

TEST_F(MendSocket, CommitRefusesWhatWasExchangedAfterStaging) {
    make(0600);
    const Server other = serve(kOther, 0600, {2000, 2001});
    ASSERT_TRUE(order({"stage", "7"}));
    exchange(kSocket, kOther);
    EXPECT_FALSE(machine_.run({"commit", "7"}));
    EXPECT_EQ(owner(kSocket), Owner(2000, 2001));
    EXPECT_EQ(owner(kOther), Owner(0, 0));
    exchange(kSocket, kOther);
    ASSERT_TRUE(order({"stage", "8"})) << "the first has left nothing behind";
    EXPECT_TRUE(machine_.run({"commit", "8"})) << "it is back";
}

TEST_F(MendSocket, CommitAndUndoKnowAFileByItsListenerNotByItsNumber) {
    make(0600);
    ASSERT_TRUE(order({"stage", "7"}));
    own_ = {};  // the unit is restarted: the same file would be another's if its number came again
    EXPECT_FALSE(machine_.run({"commit", "7"}));
    EXPECT_EQ(owner(), Owner(0, 0));
    make(0600);
    ASSERT_TRUE(order({"stage", "8"}));
    ASSERT_TRUE(machine_.run({"commit", "8"}));
    own_ = {};
    ASSERT_TRUE(machine_.run({"undo", "8"})) << "what nobody listens on any more is nobody's";
    EXPECT_EQ(owner(), Owner(kWorker, 0));
}

TEST_F(MendSocket, UndoLeavesTheSocketThatWasMovedIntoItsPlace) {
    make(0600);
    const Server other = serve(kOther, 0600, {kWorker, 0});  // as the other one is afterwards
    ASSERT_TRUE(order({"stage", "7"}));
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    exchange(kSocket, kOther);
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_EQ(owner(), Owner(kWorker, 0));
}

TEST_F(MendSocket, OpensNoPoolThatNginxDoesNotName) {
    pool("listen.owner = root\n[admin]\nlisten = /run/php/admin.sock\nlisten.owner = shop\n");
    const auto open = [this](const std::string& path) {
        return machine_.run({"preview",
                             "set-pool-listen",
                             "php8.2-fpm.service",
                             "www-data",
                             "socket=unix:" + path});
    };
    EXPECT_EQ(error_of(open(kSocket)), "");
    EXPECT_EQ(error_of(open(kOther)),
              "nginx's configuration does not name unix:/run/php/admin.sock, and no links of "
              "root's lead there from what it names");
}

TEST(SocketProof, FindsTheDeviceOfAMount) {
    const std::string text =
        "22 1 0:20 / / rw - btrfs /dev/sda1 rw,subvol=/@\n"
        "36 22 0:45 / /run rw,nosuid shared:2 - tmpfs tmpfs rw\n"
        "37 22 8:300 / /srv rw - ext4 /dev/sdb rw\n40 22\n41";
    EXPECT_EQ(device_of_mount(text, 36), 45U);
    EXPECT_EQ(device_of_mount(text, 37), (8U << 20U) + 300U);
    for (const std::uint64_t mount : {1U, 3U, 40U, 41U, 99U}) {
        EXPECT_FALSE(device_of_mount(text, mount)) << mount;
    }
}

TEST_F(MendSocket, RefusesLinksAndOtherFiles) {
    make(0600);
    std::filesystem::rename(machine_.at(kSocket), machine_.at("/run/php/real"));
    std::filesystem::create_symlink("real", machine_.at(kSocket));
    EXPECT_THAT(note(), HasSubstr("error: /run/php/www.sock"));
    std::filesystem::remove(machine_.at(kSocket));
    machine_.write(kSocket, "x");
    EXPECT_EQ(note(), "error: /run/php/www.sock: is no socket");
    std::filesystem::remove(machine_.at(kSocket));
    std::filesystem::rename(machine_.at("/run/php"), machine_.at("/run/elsewhere"));
    std::filesystem::create_directory_symlink("elsewhere", machine_.at("/run/php"));
    EXPECT_THAT(note(), HasSubstr("error: /run/php"));
}

TEST_F(MendSocket, GoesThereAndBack) {
    make(0660, 2000, 0);
    const auto staged = order({"stage", "7"});
    ASSERT_TRUE(staged) << staged.error().text;
    ASSERT_EQ(staged->changes.size(), 1U);
    EXPECT_EQ(staged->changes[0].change.path, kSocket);
    EXPECT_EQ(staged->changes[0].change.before.size(), 64U);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(machine_.run({"commit", "7"}));
        EXPECT_EQ(owner(), std::pair(2000U, kWorker));
    }
    EXPECT_EQ(machine_.look(kSocket).st_mode & 07777U, 0660U);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(machine_.run({"undo", "7"}));
        EXPECT_EQ(owner(), std::pair(2000U, 0U));
    }
}

TEST_F(MendSocket, CommitRefusesAnotherSocketOfThatName) {
    make(0600);
    ASSERT_TRUE(order({"stage", "7"}));
    const Server old = std::move(own_);
    std::filesystem::rename(machine_.at(kSocket), machine_.at("/run/php/moved"));
    make(0600);
    EXPECT_THAT(error_of(machine_.run({"commit", "7"})), HasSubstr("changed by somebody else"));
    EXPECT_EQ(owner(), std::pair(0U, 0U));
}

TEST_F(MendSocket, UndoLeavesASocketThatWasMadeAnewOrGivenAway) {
    make(0600);
    ASSERT_TRUE(order({"stage", "7"}));
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    ASSERT_EQ(chown(machine_.at(kSocket).c_str(), 2000, 2001), 0);
    EXPECT_EQ(error_of(machine_.run({"undo", "7"})),
              "/run/php/www.sock: changed by somebody else since");
    EXPECT_EQ(owner(), std::pair(2000U, 2001U));
    std::filesystem::rename(machine_.at(kSocket), machine_.at("/run/php/moved"));
    make(0600, kWorker, kWorker);
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_EQ(owner(), std::pair(kWorker, kWorker));
}

TEST_F(MendSocket, TakesVarRunForRun) {
    make(0600);
    const auto mending = order({"preview"}, "/var/run/php/www.sock");
    ASSERT_TRUE(mending) << mending.error().text;
    EXPECT_EQ(mending->changes[0].change.path, kSocket);
}

}  // namespace
}  // namespace gatemend::mend
