// SPDX-License-Identifier: MIT
// The owner of a socket: whose it should be, and that nothing but that very socket is given away.
#include "sandbox/mend/commit.hpp"
#include "sandbox/mend/socket_owner.hpp"
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
constexpr unsigned kWorker = 33;

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

    void make(mode_t mode, uid_t owner = 0, gid_t group = 0) {
        std::filesystem::remove(machine_.at(kSocket));
        const bus::UniqueFd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, machine_.at(kSocket).c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(chown(machine_.at(kSocket).c_str(), owner, group), 0);
        ASSERT_EQ(chmod(machine_.at(kSocket).c_str(), mode), 0);
    }

    core::Result<actions::Mending> order(std::vector<std::string> words,
                                         const std::string& path = kSocket) {
        for (const std::string& word : {std::string{"fix-socket-owner"},
                                        std::string{"php8.2-fpm.service"},
                                        std::string{"www-data"},
                                        "socket=unix:" + path}) {
            words.push_back(word);
        }
        return machine_.run(words);
    }

    std::string note() {
        const auto mending = order({"preview"});
        return mending ? mending->notes.back() : "error: " + mending.error().text;
    }

    [[nodiscard]] std::pair<unsigned, unsigned> owner() const {
        const struct stat info = machine_.look(kSocket);
        return {info.st_uid, info.st_gid};
    }

    MendMachine machine_;
};

TEST_F(MendSocket, PrefersWhatThePoolsFileSays) {
    pool("listen.owner = www-data\nlisten.group = www-data\n");
    make(0600);
    EXPECT_EQ(note(), "owner root:root -> www-data:www-data, mode 0600 kept");
    pool("listen.owner = shop\nlisten.group = www-data\n");
    make(0660);
    EXPECT_EQ(note(), "owner root:root -> shop:www-data, mode 0660 kept");
}

TEST_F(MendSocket, TakesTheGroupWhereItsBitsAreEnough) {
    make(0660, 2000, 2001);
    EXPECT_EQ(note(), "owner shop:shop -> shop:www-data, mode 0660 kept");
    pool("listen.owner = shop\n");  // would shut the worker out
    EXPECT_EQ(note(), "owner shop:shop -> shop:www-data, mode 0660 kept");
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
    EXPECT_EQ(note(), "error: nginx's configuration does not name unix:/run/php/www.sock");
}

TEST_F(MendSocket, RefusesLinksOtherFilesAndSecondNames) {
    make(0600);
    std::filesystem::create_hard_link(machine_.at(kSocket), machine_.at("/run/php/second"));
    EXPECT_EQ(note(), "error: /run/php/www.sock: has a second name");
    std::filesystem::remove(machine_.at("/run/php/second"));
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
    make(0660, 2000, 2001);
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
        EXPECT_EQ(owner(), std::pair(2000U, 2001U));
    }
}

TEST_F(MendSocket, CommitRefusesAnotherSocketOfThatName) {
    make(0600);
    ASSERT_TRUE(order({"stage", "7"}));
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
