// SPDX-License-Identifier: MIT
// Files as attempts change them: staged, committed, undone, whatever stands in the way.
#include "sandbox/mend/commit.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/mend/snapshot.hpp"
#include "tests/unit/mend_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include <algorithm>

namespace gatemend::mend {
namespace {

using test::error_of;
using test::MendMachine;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kMain = "/etc/nginx/nginx.conf";
constexpr const char* kSite = "/etc/nginx/sites-available/shop";
constexpr const char* kOldSite =
    "server {\n  location / { fastcgi_pass 127.0.0.1:9000; } # shop\n}\n";
constexpr const char* kNewSite =
    "server {\n  location / { fastcgi_pass 127.0.0.1:9001; } # shop\n}\n";

std::vector<std::string> repoint(std::vector<std::string> words) {
    for (const char* word : {"repoint-backend",
                             "nginx.service",
                             "www-data",
                             "from=127.0.0.1:9000",
                             "to=127.0.0.1:9001"}) {
        words.emplace_back(word);
    }
    return words;
}

// nginx with one site, linked as Debian does it, and an upstream.
class MendFiles : public testing::Test {
  protected:
    MendFiles() {
        machine_.write(kMain, "http {\n  include /etc/nginx/sites-enabled/*;\n  include up;\n}\n");
        machine_.write("/etc/nginx/up", "upstream u { server 127.0.0.1:9000; }\n");
        machine_.write(kSite, kOldSite);
        machine_.make_folder("/etc/nginx/sites-enabled");
        std::filesystem::create_symlink("../sites-available/shop",
                                        machine_.at("/etc/nginx/sites-enabled/shop"));
    }

    core::Result<actions::Mending> run(const std::vector<std::string>& words) {
        return machine_.run(words);
    }

    std::string preview_error() { return error_of(run(repoint({"preview"}))); }

    void chmod(const std::string& path, mode_t mode) {
        ASSERT_EQ(::chmod(machine_.at(path).c_str(), mode), 0);
    }

    MendMachine machine_;
};

TEST_F(MendFiles, PreviewTellsAllAndWritesNothing) {
    const auto mending = run(repoint({"preview"}));
    ASSERT_TRUE(mending) << mending.error().text;
    ASSERT_EQ(mending->changes.size(), 2U);
    EXPECT_EQ(mending->changes[0].change.path, kSite);  // not the link
    EXPECT_EQ(mending->changes[1].change.path, "/etc/nginx/up");
    EXPECT_EQ(mending->changes[0].staged, "");
    EXPECT_THAT(mending->diff,
                HasSubstr("--- /etc/nginx/sites-available/shop\n"
                          "+++ /etc/nginx/sites-available/shop\n@@ -1,3 +1,3 @@\n server {\n"
                          "-  location / { fastcgi_pass 127.0.0.1:9000; } # shop\n"
                          "+  location / { fastcgi_pass 127.0.0.1:9001; } # shop\n }\n"));
    EXPECT_EQ(machine_.read(kSite), kOldSite);
    EXPECT_THAT(machine_.list("/var/lib/gatemend/snapshots"), ElementsAre());
    const auto again = actions::decode_mending(actions::encode(*mending));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *mending);
}

TEST_F(MendFiles, GoesThereAndBackByteForByte) {
    const auto staged = run(repoint({"stage", "7"}));
    ASSERT_TRUE(staged) << staged.error().text;
    EXPECT_EQ(machine_.read(staged->changes[0].staged), kNewSite);
    EXPECT_EQ(machine_.look("/var/lib/gatemend/snapshots/7").st_mode & 07777U, 0700U);
    EXPECT_EQ(machine_.read(kSite), kOldSite);

    ASSERT_TRUE(run({"commit", "7"}));
    EXPECT_EQ(machine_.read(kSite), kNewSite);
    EXPECT_EQ(machine_.read("/etc/nginx/up"), "upstream u { server 127.0.0.1:9001; }\n");
    EXPECT_TRUE(std::filesystem::is_symlink(machine_.at("/etc/nginx/sites-enabled/shop")));

    ASSERT_TRUE(run({"undo", "7"}));
    EXPECT_EQ(machine_.read(kSite), kOldSite);
    EXPECT_EQ(machine_.read("/etc/nginx/up"), "upstream u { server 127.0.0.1:9000; }\n");
    EXPECT_THAT(machine_.list("/etc/nginx/sites-available"), ElementsAre("shop"));

    ASSERT_TRUE(run({"forget", "7"}));
    EXPECT_THAT(machine_.list("/var/lib/gatemend/snapshots"), ElementsAre());
}

TEST_F(MendFiles, EveryCommandMayBeRepeated) {
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(run(repoint({"stage", "7"})));
    }
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(run({"commit", "7"}));
    }
    EXPECT_EQ(machine_.read(kSite), kNewSite);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(run({"undo", "7"}));
    }
    EXPECT_EQ(machine_.read(kSite), kOldSite);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(run({"forget", "7"}));
    }
    EXPECT_EQ(error_of(run({"commit", "7"})), "attempt 7 has no complete snapshot");
    const auto nothing = run({"undo", "7"});
    ASSERT_TRUE(nothing);
    EXPECT_THAT(nothing->notes, ElementsAre("attempt 7 was not staged: nothing to undo"));
}

TEST_F(MendFiles, CommitRefusesWhatWasChangedSince) {
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    machine_.write("/etc/nginx/up", "# mine\n");
    EXPECT_EQ(error_of(run({"commit", "7"})),
              std::string{kSite} + ": as before; /etc/nginx/up: changed by somebody else since");
    EXPECT_EQ(machine_.read(kSite), kOldSite);  // not half of it either
}

TEST_F(MendFiles, ACommitThatChangedNothingLeavesNothingToUndo) {
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    machine_.write("/etc/nginx/up", "# mine\n");
    ASSERT_FALSE(run({"commit", "7"}));
    const auto nothing = run({"undo", "7"});
    ASSERT_TRUE(nothing) << nothing.error().text;
    EXPECT_THAT(nothing->notes, ElementsAre("attempt 7 was not staged: nothing to undo"));
    EXPECT_EQ(machine_.read("/etc/nginx/up"), "# mine\n");
}

// Both files are changed, and one of them is not as the act left it: the other stays as well.
class MendUndone : public MendFiles {
  protected:
    MendUndone() {
        EXPECT_TRUE(run(repoint({"stage", "7"})));
        EXPECT_TRUE(run({"commit", "7"}));
    }

    void expect_refused(const std::string& words_of_site, const std::string& terms = "asked") {
        const std::string all = words_of_site + "; /etc/nginx/up: as the act left it";
        for (const char* command : {"review", "undo"}) {
            EXPECT_THAT(error_of(run({command, "7", terms})), HasSubstr(all)) << command;
        }
        EXPECT_EQ(machine_.read("/etc/nginx/up"), kNewUp);
        EXPECT_THAT(machine_.list("/etc/nginx"),
                    ElementsAre("nginx.conf", "sites-available", "sites-enabled", "up"));
    }

    static constexpr const char* kNewUp = "upstream u { server 127.0.0.1:9001; }\n";
    static constexpr const char* kOldUp = "upstream u { server 127.0.0.1:9000; }\n";
};

TEST_F(MendUndone, NothingWhereOneFileWasChangedSince) {
    machine_.write(kSite, "# mine\n");
    expect_refused(std::string{kSite} + ": changed by somebody else since");
    EXPECT_EQ(machine_.read(kSite), "# mine\n");
    EXPECT_THAT(machine_.list("/etc/nginx/sites-available"), ElementsAre("shop"));
}

TEST_F(MendUndone, NothingWhereTheLastFileWasChangedSince) {
    machine_.write("/etc/nginx/up", "# mine\n");
    EXPECT_EQ(
        error_of(run({"undo", "7"})),
        std::string{kSite} + ": as the act left it; /etc/nginx/up: changed by somebody else since");
    EXPECT_EQ(machine_.read(kSite), kNewSite);
}

TEST_F(MendUndone, NothingWhereOneFileIsGone) {
    std::filesystem::remove(machine_.at(kSite));
    expect_refused(std::string{kSite} + ": is gone");
}

TEST_F(MendUndone, NothingWhereTheFolderIsGone) {
    std::filesystem::remove_all(machine_.at("/etc/nginx/sites-available"));
    EXPECT_THAT(error_of(run({"undo", "7", "asked"})),
                HasSubstr(std::string{kSite} + ": is gone; /etc/nginx/up: as the act left it"));
    EXPECT_EQ(machine_.read("/etc/nginx/up"), kNewUp);
}

TEST_F(MendUndone, NothingWhereOneFileIsALinkOrAFolderNow) {
    std::filesystem::rename(machine_.at(kSite), machine_.at("/etc/nginx/sites-available/real"));
    std::filesystem::create_symlink("real", machine_.at(kSite));
    expect_refused(std::string{kSite} + ": leads to /etc/nginx/sites-available/real now");
    std::filesystem::remove(machine_.at(kSite));
    machine_.make_folder(kSite);
    expect_refused(std::string{kSite} + ": not a regular file");
}

TEST_F(MendUndone, NothingWhereTheSnapshotIsDamagedOrGone) {
    machine_.write("/var/lib/gatemend/snapshots/7/0.old", "x");
    expect_refused(std::string{kSite} + ": what the snapshot has of it is damaged or missing");
    std::filesystem::remove(machine_.at("/var/lib/gatemend/snapshots/7/0.old"));
    expect_refused(std::string{kSite} + ": what the snapshot has of it is damaged or missing");
    std::filesystem::remove_all(machine_.at("/var/lib/gatemend/snapshots/7"));
    EXPECT_EQ(error_of(run({"undo", "7", "performed"})),
              "the snapshot of attempt 7 is gone: what it has changed cannot be put back");
    EXPECT_EQ(machine_.read(kSite), kNewSite);
}

TEST_F(MendUndone, NothingWhereOneFileMustNotBeChanged) {
    const bus::UniqueFd fd{open(machine_.at(kSite).c_str(), O_RDONLY | O_CLOEXEC)};
    int flags = FS_IMMUTABLE_FL;
    if (ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) < 0) {
        GTEST_SKIP() << "no such attribute here";
    }
    expect_refused(std::string{kSite} + ": must not be changed (chattr +i or +a)");
    flags = 0;
    ASSERT_EQ(ioctl(fd.get(), FS_IOC_SETFLAGS, &flags), 0);
}

// An editor that has opened the file and saves into it would lose its save.
TEST_F(MendUndone, NothingWhereSomebodyIsWritingToTheLastFile) {
    for (const bool has_flags : {true, false}) {
        if (!has_flags) {
            machine_.take_rename_flags();
        }
        const struct stat site = machine_.look(kSite);
        const struct stat up = machine_.look("/etc/nginx/up");
        const bus::UniqueFd editor{
            open(machine_.at("/etc/nginx/up").c_str(), O_WRONLY | O_CLOEXEC)};
        EXPECT_EQ(error_of(run({"undo", "7"})),
                  "/etc/nginx/up: somebody is writing to it (now " + std::string{kSite} +
                      ": as the act left it; /etc/nginx/up: as the act left it)");
        EXPECT_EQ(machine_.look(kSite).st_ino, site.st_ino) << "the very file is back";
        EXPECT_EQ(machine_.look("/etc/nginx/up").st_ino, up.st_ino);
        EXPECT_THAT(machine_.list("/etc/nginx/sites-available"), ElementsAre("shop"));
        EXPECT_THAT(machine_.list("/etc/nginx"),
                    ElementsAre("nginx.conf", "sites-available", "sites-enabled", "up"));
    }
    ASSERT_TRUE(run({"undo", "7"}));
    EXPECT_EQ(machine_.read(kSite), kOldSite);
}

TEST_F(MendUndone, WhatSomebodyHasWrittenOnceMoreIsTheirs) {
    machine_.write(kSite, kNewSite);  // byte for byte what the act left
    expect_refused(std::string{kSite} + ": written again by somebody else since", "performed");
    ASSERT_TRUE(run({"undo", "7", "asked"})) << "a person may take it back";
    EXPECT_EQ(machine_.read(kSite), kOldSite);
    EXPECT_EQ(machine_.read("/etc/nginx/up"), kOldUp);
}

TEST_F(MendUndone, ByHandLeavesNothingToDo) {
    machine_.write(kSite, kOldSite);
    machine_.write("/etc/nginx/up", kOldUp);
    for (const char* command : {"review", "undo"}) {
        const auto nothing = run({command, "7"});
        ASSERT_TRUE(nothing) << nothing.error().text;
        EXPECT_TRUE(nothing->changes.empty());
        EXPECT_THAT(nothing->notes,
                    ElementsAre(std::string{kSite} + ": as before already",
                                "/etc/nginx/up: as before already"));
    }
}

TEST_F(MendUndone, IsFinishedWhereOneFileIsBackAlready) {
    machine_.write(kSite, kOldSite);
    const auto review = run({"review", "7"});
    ASSERT_TRUE(review) << review.error().text;
    ASSERT_EQ(review->changes.size(), 1U);
    EXPECT_EQ(review->changes[0].change.path, "/etc/nginx/up");
    EXPECT_EQ(machine_.read(review->changes[0].staged), kOldUp);
    EXPECT_EQ(machine_.read("/etc/nginx/up"), kNewUp) << "a review changes nothing";
    ASSERT_TRUE(run({"undo", "7"}));
    EXPECT_EQ(machine_.read("/etc/nginx/up"), kOldUp);
}

// Killed between the exchange of names and the look at what came out of its place: there was a
// save in between.
TEST_F(MendUndone, ASaveThatCameOutOfItsPlaceIsPutBack) {
    machine_.write(kSite, kOldSite);
    machine_.write("/etc/nginx/sites-available/.shop.gatemend-7.ready", "# saved just then\n");
    EXPECT_THAT(error_of(run({"undo", "7"})),
                HasSubstr(std::string{kSite} + ": changed by somebody else since"));
    EXPECT_EQ(machine_.read(kSite), "# saved just then\n");
    EXPECT_EQ(machine_.read("/etc/nginx/up"), kNewUp);
    EXPECT_THAT(machine_.list("/etc/nginx/sites-available"), ElementsAre("shop"));
}

TEST_F(MendUndone, NeitherOfTwoSavesIsLost) {
    machine_.write(kSite, "# the latest\n");
    machine_.write("/etc/nginx/sites-available/.shop.gatemend-7.ready", "# saved just then\n");
    EXPECT_THAT(error_of(run({"undo", "7"})), HasSubstr(".shop.gatemend-7.ready"));
    EXPECT_EQ(machine_.read(kSite), "# the latest\n");
    EXPECT_EQ(machine_.read("/etc/nginx/sites-available/.shop.gatemend-7.ready"),
              "# saved just then\n");
}

TEST_F(MendUndone, HalfAFileOfAnEarlierRunIsNobodysSave) {
    machine_.write("/etc/nginx/sites-available/.shop.gatemend-7", "serv");
    ASSERT_TRUE(run({"undo", "7"}));
    EXPECT_EQ(machine_.read(kSite), kOldSite);
    EXPECT_THAT(machine_.list("/etc/nginx/sites-available"), ElementsAre("shop"));
}

TEST_F(MendUndone, OnlyKnownTermsOnce) {
    EXPECT_FALSE(run({"undo", "7", "asked", "asked"}));
    EXPECT_FALSE(run({"undo", "7", "now"}));
    EXPECT_FALSE(run({"commit", "7", "asked"}));
    EXPECT_TRUE(run({"undo", "7", "performed", "asked"}));
}

TEST_F(MendFiles, StageRefusesASnapshotOfSomethingElse) {
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    machine_.write("/etc/nginx/up", "upstream u { server 127.0.0.1:9000 backup; }\n");
    EXPECT_EQ(error_of(run(repoint({"stage", "7"}))), "attempt 7 has a snapshot of something else");
}

TEST_F(MendFiles, DamagedSnapshotsAreNotPutIntoPlace) {
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    machine_.write("/var/lib/gatemend/snapshots/7/0.new", "x");
    EXPECT_THAT(error_of(run({"commit", "7"})),
                HasSubstr(std::string{kSite} + ": what the snapshot has of it is damaged"));
    EXPECT_EQ(machine_.read(kSite), kOldSite);
}

TEST_F(MendFiles, KeepsOwnerModeTimeAndAttributes) {
    chmod(kSite, 0640);
    const bool is_root = geteuid() == 0;
    if (is_root) {
        ASSERT_EQ(chown(machine_.at(kSite).c_str(), 0, 4242), 0);
    }
    // An access list: user::rw-, user:33:r--, group::r--, mask::r--, other::---.
    const std::string list(
        "\x02\0\0\0\x01\0\6\0\xff\xff\xff\xff\x02\0\4\0\x21\0\0\0"
        "\x04\0\4\0\xff\xff\xff\xff\x10\0\4\0\xff\xff\xff\xff"
        "\x20\0\0\0\xff\xff\xff\xff",
        44);
    const auto set = [&](const char* name, const std::string& value) {
        return setxattr(machine_.at(kSite).c_str(), name, value.data(), value.size(), 0) == 0;
    };
    const auto get = [&](const char* name) {
        std::string value(256, '\0');
        const ssize_t size = getxattr(machine_.at(kSite).c_str(), name, value.data(), value.size());
        value.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return value;
    };
    const bool has_list = set("system.posix_acl_access", list);
    const bool has_attribute = set("user.gatemend", "kept");
    const std::array<timespec, 2> times{timespec{1'000, 0}, timespec{1'600'000'000, 123'456'789}};
    ASSERT_EQ(utimensat(AT_FDCWD, machine_.at(kSite).c_str(), times.data(), 0), 0);
    const struct stat before = machine_.look(kSite);

    ASSERT_TRUE(run(repoint({"stage", "7"})));
    for (const char* command : {"commit", "undo"}) {
        const auto done = run({command, "7"});
        ASSERT_TRUE(done) << done.error().text;
        const struct stat now = machine_.look(kSite);
        EXPECT_NE(now.st_ino, before.st_ino) << command;
        EXPECT_EQ(now.st_mode, before.st_mode) << command;
        EXPECT_EQ(now.st_uid, before.st_uid) << command;
        EXPECT_EQ(now.st_gid, before.st_gid) << command;
        EXPECT_EQ(get("system.posix_acl_access"), has_list ? list : "") << command;
        EXPECT_EQ(get("user.gatemend"), has_attribute ? "kept" : "") << command;
    }
    EXPECT_EQ(machine_.look(kSite).st_mtim.tv_sec, 1'600'000'000);
    EXPECT_EQ(machine_.look(kSite).st_mtim.tv_nsec, 123'456'789);
}

TEST_F(MendFiles, RefusesFoldersThatOthersMayWrite) {
    chmod("/etc/nginx/sites-available", 01777);
    EXPECT_THAT(preview_error(), HasSubstr(""));
    const auto mending = run(repoint({"preview"}));
    ASSERT_TRUE(mending);  // the upstream is still found
    EXPECT_EQ(mending->changes.size(), 1U);
    EXPECT_THAT(mending->notes,
                ElementsAre("not read: /etc/nginx/sites-enabled/shop: /etc/nginx/sites-available "
                            "may be written by others than root"));
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    chmod("/etc/nginx", 0775);
    EXPECT_THAT(error_of(run({"commit", "7"})),
                HasSubstr("/etc/nginx may be written by others than root"));
}

TEST_F(MendFiles, RefusesWhatIsNotRoots) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root to give files away";
    }
    ASSERT_EQ(chown(machine_.at("/etc/nginx/up").c_str(), 33, 33), 0);
    ASSERT_EQ(lchown(machine_.at("/etc/nginx/sites-enabled/shop").c_str(), 33, 33), 0);
    EXPECT_EQ(preview_error(),
              "no *_pass and no upstream of nginx's configuration names 127.0.0.1:9000 (not read: "
              "/etc/nginx/sites-enabled/shop: /etc/nginx/sites-enabled/shop does not belong to "
              "root)");
}

TEST_F(MendFiles, RefusesFilesThatAreNoPlainFiles) {
    std::filesystem::remove(machine_.at("/etc/nginx/up"));
    ASSERT_EQ(mkfifo(machine_.at("/etc/nginx/up").c_str(), 0644), 0);
    machine_.write(kSite, std::string(kMaxFileBytes + 1, '#'));
    EXPECT_THAT(preview_error(), HasSubstr("shop: larger than 1 MiB"));
    machine_.write(kSite, "");
    EXPECT_THAT(preview_error(), HasSubstr("/etc/nginx/up: not a regular file"));
    std::filesystem::remove(machine_.at("/etc/nginx/up"));
    machine_.write("/etc/nginx/up", "upstream u { server 127.0.0.1:9000; }\n");
    chmod("/etc/nginx/up", 0666);
    EXPECT_THAT(preview_error(), HasSubstr("/etc/nginx/up: may be written by everybody"));
}

TEST_F(MendFiles, RefusesAFileWithASecondName) {
    std::filesystem::create_hard_link(machine_.at(kSite), machine_.at("/etc/nginx/second"));
    EXPECT_EQ(
        preview_error(),
        std::string{kSite} + ": has a second name (hard link) that would keep the old content");
}

TEST_F(MendFiles, RefusesLinksThatTurnInACircle) {
    std::filesystem::create_symlink("b", machine_.at("/etc/nginx/a"));
    std::filesystem::create_symlink("a", machine_.at("/etc/nginx/b"));
    EXPECT_EQ(find_place(machine_.machine(), "/etc/nginx/a").error().text,
              "/etc/nginx/a: /etc/nginx/a: a link that leads nowhere");
}

TEST_F(MendFiles, CommitRefusesAPathThatBecameALink) {
    ASSERT_TRUE(run(repoint({"stage", "7"})));
    std::filesystem::rename(machine_.at(kSite), machine_.at("/etc/nginx/moved"));
    std::filesystem::create_symlink("/etc/nginx/moved", machine_.at(kSite));
    EXPECT_THAT(error_of(run({"commit", "7"})),
                HasSubstr(std::string{kSite} + ": leads to /etc/nginx/moved now"));
}

TEST_F(MendFiles, NamesThePlaceThatIsMissing) {
    EXPECT_EQ(error_of(run({"preview",
                            "repoint-backend",
                            "nginx.service",
                            "www-data",
                            "from=unix:/run/none.sock",
                            "to=127.0.0.1:9001"})),
              "no *_pass and no upstream of nginx's configuration names unix:/run/none.sock");
}

// --- the crash walk: stopped between any two steps, then repeated or undone ---

enum class Then { kCommit, kUndo };

class Crash : public testing::TestWithParam<std::tuple<Then, bool>> {
  protected:
    Crash() {
        if (!std::get<bool>(GetParam())) {
            machine_.take_rename_flags();
        }
        machine_.write(kMain, "http { include up; include site; }\n");
        machine_.write("/etc/nginx/up", "upstream u { server 127.0.0.1:9000; }\n");
        machine_.write("/etc/nginx/site", kOldSite);
    }

    // True: it was stopped; false: there were no more than `count` steps.
    static bool run_some(const Steps& steps, std::size_t count) {
        for (std::size_t i = 0; i < std::min(count, steps.size()); ++i) {
            EXPECT_TRUE(steps[i].run());
        }
        return count < steps.size();
    }

    bool commit_some(std::size_t count) {
        const auto commit = Commit::open(machine_.machine(), "7");
        EXPECT_TRUE(commit);
        return run_some(commit->steps(), count);
    }

    bool undo_some(std::size_t count) {
        const auto undo = Undo::open(machine_.machine(), "7", {});
        EXPECT_TRUE(undo);
        return run_some(undo->steps(), count);
    }

    static bool is_commit() { return std::get<Then>(GetParam()) == Then::kCommit; }

    void finish() {
        const auto done = machine_.run({is_commit() ? "commit" : "undo", "7"});
        ASSERT_TRUE(done) << done.error().text;
    }

    void expect_whole() {
        const bool is_new = is_commit();
        EXPECT_EQ(machine_.read("/etc/nginx/site"), is_new ? kNewSite : kOldSite);
        EXPECT_EQ(machine_.read("/etc/nginx/up"),
                  is_new ? "upstream u { server 127.0.0.1:9001; }\n"
                         : "upstream u { server 127.0.0.1:9000; }\n");
        EXPECT_THAT(machine_.list("/etc/nginx"), ElementsAre("nginx.conf", "site", "up"));
    }

    MendMachine machine_;
};

TEST_P(Crash, InTheMiddleOfACommit) {
    ASSERT_TRUE(machine_.run(repoint({"stage", "7"})));
    bool is_stopped = true;
    for (std::size_t count = 0; is_stopped; ++count) {
        is_stopped = commit_some(count);
        finish();
        expect_whole();
        ASSERT_TRUE(machine_.run({"undo", "7"}));
    }
}

TEST_P(Crash, InTheMiddleOfAnUndo) {
    ASSERT_TRUE(machine_.run(repoint({"stage", "7"})));
    bool is_stopped = true;
    for (std::size_t count = 0; is_stopped; ++count) {
        ASSERT_TRUE(machine_.run({"commit", "7"}));
        is_stopped = undo_some(count);
        finish();
        expect_whole();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Mend, Crash, testing::Combine(testing::Values(Then::kCommit, Then::kUndo), testing::Bool()));

TEST_F(MendFiles, StagingMayStopAnywhere) {
    const auto order = read_order(repoint({"stage", "7"}));
    ASSERT_TRUE(order);
    bool is_stopped = true;
    for (std::size_t count = 0; is_stopped; ++count) {
        const auto draft = make_draft(machine_.machine(), *order, machine_.worker());
        ASSERT_TRUE(draft);
        const auto staging = Staging::open(machine_.machine(), "7", *draft);
        ASSERT_TRUE(staging);
        const Steps steps = staging->steps();
        for (std::size_t i = 0; i < std::min(count, steps.size()); ++i) {
            ASSERT_TRUE(steps[i].run());
        }
        is_stopped = count < steps.size();
        ASSERT_TRUE(run({"undo", "7"}));  // nothing was changed, whatever is there
        EXPECT_EQ(machine_.read(kSite), kOldSite);
        ASSERT_TRUE(run(repoint({"stage", "7"})));
        ASSERT_TRUE(run({"commit", "7"}));
        EXPECT_EQ(machine_.read(kSite), kNewSite);
        ASSERT_TRUE(run({"undo", "7"}));
        ASSERT_TRUE(run({"forget", "7"}));
    }
}

TEST_F(MendFiles, ForgettingMayStopAnywhere) {
    bool is_stopped = true;
    for (std::size_t count = 0; is_stopped; ++count) {
        ASSERT_TRUE(run(repoint({"stage", "7"})));
        const auto steps = forget_steps(machine_.machine(), "7");
        ASSERT_TRUE(steps);
        for (std::size_t i = 0; i < std::min(count, steps->size()); ++i) {
            ASSERT_TRUE((*steps)[i].run());
        }
        is_stopped = count < steps->size();
        if (count > 0) {
            EXPECT_FALSE(run({"commit", "7"}));
        }
        ASSERT_TRUE(run({"forget", "7"}));
        EXPECT_THAT(machine_.list("/var/lib/gatemend/snapshots"), ElementsAre());
    }
}

// --- what visitors notice ---

TEST(MendEffect, IsToldBeforeAnybodySaysYes) {
    const MendMachine machine;
    machine.write("/etc/nginx/nginx.conf", "http { fastcgi_pass unix:/run/php/www.sock; }");
    const auto told = [&machine](const std::string& global, std::vector<std::string> words) {
        machine.write("/etc/php/8.2/fpm/php-fpm.conf",
                      "[global]\n" + global +
                          "[www]\nlisten = /run/php/www.sock\nlisten.owner = root\n"
                          "pm.max_children = 5\n");
        words.insert(words.begin() + 1, {"php8.2-fpm.service", "www-data"});
        words.insert(words.begin(), "preview");
        const auto mending = machine.run(words);
        return mending ? mending->notes.at(0) : "error: " + mending.error().text;
    };
    const std::vector<std::string> workers{
        "apply-suggestion", "pool=www", "setting=pm.max_children", "value=20"};
    const std::string again = "; where the change does not help, undoing it does that again";
    const std::string cut =
        "PHP-FPM is reloaded: requests at work are cut (process_control_timeout is 0)" + again;
    for (const char* global : {"",
                               "process_control_timeout = 0\n",
                               "process_control_timeout = 0s\n",
                               "process_control_timeout = a-secret\n"}) {
        EXPECT_EQ(told(global, workers), cut) << global;
    }
    EXPECT_EQ(told("process_control_timeout = 30\n", workers),
              "PHP-FPM is reloaded: requests at work have up to 30s to end "
              "(process_control_timeout) and are cut then" +
                  again);
    EXPECT_THAT(told("process_control_timeout = 2m\n", workers), HasSubstr("up to 2m to end"));
    const std::string restarted = "PHP-FPM is restarted: requests at work are cut" + again;
    EXPECT_EQ(told("process_control_timeout = 30\n",
                   {"apply-suggestion", "pool=www", "setting=listen.backlog", "value=511"}),
              restarted);
    EXPECT_EQ(told("", {"set-pool-listen", "socket=unix:/run/php/www.sock"}), restarted);
}

// --- a file that did not exist, in a folder that did not exist ---

class MendDropInFile : public testing::Test {
  protected:
    MendDropInFile() { machine_.make_folder("/etc/systemd/system"); }

    core::Result<actions::Mending> stage() {
        return machine_.run({"stage",
                             "7",
                             "apply-suggestion",
                             "shop.service",
                             "www-data",
                             "setting=LimitNOFILE",
                             "value=65536"});
    }

    MendMachine machine_;
};

constexpr const char* kDropIn = "/etc/systemd/system/shop.service.d/90-gatemend.conf";

TEST_F(MendDropInFile, ComesAndGoesWithItsFolder) {
    const auto staged = stage();
    ASSERT_TRUE(staged) << staged.error().text;
    EXPECT_EQ(staged->changes[0].change.path, kDropIn);
    EXPECT_EQ(staged->changes[0].change.before, "");
    EXPECT_THAT(staged->notes.at(0), HasSubstr("daemon-reload"));
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    EXPECT_THAT(machine_.read(kDropIn), HasSubstr("[Service]\nLimitNOFILE=65536\n"));
    EXPECT_EQ(machine_.look(kDropIn).st_mode & 07777U, 0644U);
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_THAT(machine_.list("/etc/systemd/system"), ElementsAre());
}

TEST_F(MendDropInFile, LeavesAFolderThatSomebodyUses) {
    ASSERT_TRUE(stage());
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    machine_.write("/etc/systemd/system/shop.service.d/mine.conf", "");
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_THAT(machine_.list("/etc/systemd/system/shop.service.d"), ElementsAre("mine.conf"));
}

TEST_F(MendDropInFile, StaysWhereSomebodyHasAddedToIt) {
    ASSERT_TRUE(stage());
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    machine_.write(kDropIn, "# mine\n");
    EXPECT_EQ(error_of(machine_.run({"undo", "7", "asked"})),
              std::string{kDropIn} + ": changed by somebody else since");
    EXPECT_EQ(machine_.read(kDropIn), "# mine\n");
}

TEST_F(MendDropInFile, StaysWhileSomebodyIsWritingToIt) {
    ASSERT_TRUE(stage());
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    {
        const bus::UniqueFd editor{open(machine_.at(kDropIn).c_str(), O_WRONLY | O_CLOEXEC)};
        EXPECT_THAT(error_of(machine_.run({"undo", "7"})), HasSubstr("somebody is writing to it"));
        EXPECT_TRUE(machine_.has(kDropIn));
    }
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_THAT(machine_.list("/etc/systemd/system"), ElementsAre());
}

TEST_F(MendDropInFile, ByHandGoneLeavesNothingToDo) {
    ASSERT_TRUE(stage());
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    std::filesystem::remove_all(machine_.at("/etc/systemd/system/shop.service.d"));
    const auto nothing = machine_.run({"undo", "7"});
    ASSERT_TRUE(nothing) << nothing.error().text;
    EXPECT_TRUE(nothing->changes.empty());
}

TEST_F(MendDropInFile, SurvivesACrashAnywhere) {
    ASSERT_TRUE(stage());
    bool is_stopped = true;
    for (std::size_t count = 0; is_stopped; ++count) {
        const auto commit = Commit::open(machine_.machine(), "7");
        ASSERT_TRUE(commit);
        const Steps steps = commit->steps();
        for (std::size_t i = 0; i < std::min(count, steps.size()); ++i) {
            ASSERT_TRUE(steps[i].run());
        }
        is_stopped = count < steps.size();
        ASSERT_TRUE(machine_.run({"undo", "7"}));
        EXPECT_THAT(machine_.list("/etc/systemd/system"), ElementsAre());
    }
}

TEST_F(MendDropInFile, AddsToTheOneThatIsThere) {
    machine_.write(kDropIn, "# mine\n[Service]\nOOMPolicy=continue\n");
    ASSERT_TRUE(stage());
    ASSERT_TRUE(machine_.run({"commit", "7"}));
    EXPECT_EQ(machine_.read(kDropIn), "# mine\n[Service]\nLimitNOFILE=65536\nOOMPolicy=continue\n");
    ASSERT_TRUE(machine_.run({"undo", "7"}));
    EXPECT_EQ(machine_.read(kDropIn), "# mine\n[Service]\nOOMPolicy=continue\n");
}

}  // namespace
}  // namespace gatemend::mend
