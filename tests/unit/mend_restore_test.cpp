// SPDX-License-Identifier: MIT
// Versions of a file to go back to, the copies they come from, and the orders themselves.
#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/config_files.hpp"
#include "sandbox/mend/manifest.hpp"
#include "tests/unit/mend_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

#include <array>

namespace gatemend::mend {
namespace {

using test::error_of;
using test::MendMachine;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kSite = "/etc/nginx/conf.d/shop.conf";

class MendRestore : public testing::Test {
  protected:
    MendRestore() {
        machine_.write("/etc/nginx/nginx.conf", "http {}\n");
        machine_.write(kSite, "broken");
    }

    void write(const std::string& path, const std::string& text, std::time_t time) {
        machine_.write(path, text);
        const std::array<timespec, 2> times{timespec{time, 0}, timespec{time, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, machine_.at(path).c_str(), times.data(), 0), 0);
    }

    core::Result<actions::Mending> restore(const std::string& more,
                                           std::vector<std::string> words = {"preview"}) {
        for (const std::string& word : {std::string{"restore-config"},
                                        std::string{"nginx.service"},
                                        std::string{"www-data"},
                                        std::string{"file="} + kSite,
                                        more}) {
            words.push_back(word);
        }
        return machine_.run(words);
    }

    // Contents of all candidates, in order.
    std::vector<std::string> versions() {
        std::vector<std::string> found;
        for (unsigned i = 0; i < 20; ++i) {
            const auto mending = restore("candidate=" + std::to_string(i));
            if (!mending) {
                EXPECT_EQ(mending.error().text, std::string{kSite} + ": no kept version left");
                break;
            }
            found.push_back(mending->notes.at(0).substr(0, mending->notes[0].find(" of ")));
        }
        return found;
    }

    MendMachine machine_;
};

TEST_F(MendRestore, OffersVersionsNewestFirstEachContentOnce) {
    const std::string site = kSite;
    write(site + ".dpkg-old", "old", 1'000);
    write(site + ".bak", "bak", 3'000);
    write(site + "~", "bak", 2'000);         // the same again
    write(site + ".orig", "broken", 4'000);  // what is there
    write(site + ".ucf-old", "", 5'000);     // would pass any test
    write(site + ".unknown", "unknown", 6'000);
    write("/var/lib/gatemend/good/nginx.service" + site, "good", 2'500);
    std::filesystem::permissions(machine_.at("/var/lib/gatemend/good/nginx.service" + site),
                                 std::filesystem::perms{0400});
    EXPECT_THAT(versions(),
                ElementsAre("from " + site + ".bak",
                            "from /var/lib/gatemend/good/nginx.service" + site,
                            "from " + site + ".dpkg-old"));
    EXPECT_THAT(restore("candidate=0")->notes.at(0), HasSubstr("of 1970-01-01 00:50:00 UTC, "));
}

TEST_F(MendRestore, OffersWhatSnapshotsHold) {
    write(std::string{kSite} + ".bak", "bak", 1'000);
    ASSERT_TRUE(restore("candidate=0", {"stage", "3"}));
    ASSERT_TRUE(machine_.run({"commit", "3"}));
    EXPECT_EQ(machine_.read(kSite), "bak");
    EXPECT_THAT(versions(), ElementsAre("from /var/lib/gatemend/snapshots/3/0.old"));
}

TEST_F(MendRestore, TakesTheVersionOfADigest) {
    write(std::string{kSite} + ".bak", "bak", 3'000);
    write(std::string{kSite} + ".dpkg-old", "old", 1'000);
    ASSERT_TRUE(restore("version=" + sandbox::sha256_hex("old"), {"stage", "3"}));
    ASSERT_TRUE(machine_.run({"commit", "3"}));
    EXPECT_EQ(machine_.read(kSite), "old");
    EXPECT_EQ(error_of(restore("version=" + sandbox::sha256_hex("none"))),
              std::string{kSite} + ": no kept version left");
}

TEST_F(MendRestore, MakesNothingPublicThatWasNot) {
    const std::string site = kSite;
    write(site + ".bak", "bak", 3'000);
    write(site + ".dpkg-old", "old", 1'000);
    std::filesystem::permissions(machine_.at(site + ".bak"), std::filesystem::perms{0600});
    EXPECT_THAT(restore("candidate=0")->notes.at(0), HasSubstr("from " + site + ".dpkg-old of"));
    std::filesystem::remove(machine_.at(site + ".dpkg-old"));
    EXPECT_THAT(error_of(restore("candidate=0")), HasSubstr("what only root may read"));
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0600});
    EXPECT_TRUE(restore("candidate=0")) << "nobody reads more than before";
}

TEST_F(MendRestore, ShowsOfAPrivateFileOnlyThatItChanges) {
    const std::string site = kSite;
    write(site + ".bak",
          "server {\n    listen 80;\n    set $a S3CRET1;\n    set $b S3CRET2;\n}\n",
          3'000);
    machine_.write(kSite,
                   "server {\n    listen 81;\n    set $a S3CRET1;\n    set $b S3CRET3;\n}\n");
    const auto open = restore("candidate=0");
    ASSERT_TRUE(open);
    EXPECT_THAT(open->diff, HasSubstr("S3CRET1")) << "everybody may read it";
    EXPECT_EQ(open->full, "");
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0600});
    const auto hidden = restore("candidate=0");
    ASSERT_TRUE(hidden);
    EXPECT_EQ(hidden->changes, open->changes) << "the digest binds the real content";
    EXPECT_EQ(hidden->full, open->diff);
    EXPECT_EQ(hidden->diff,
              "--- " + site + "\n+++ " + site +
                  "\n@@ -2,1 +2,1 @@\n-    listen 81;\n+    listen 80;\n@@ -4,1 +4,1 @@\n"
                  "-    (hidden)\n+    (hidden)\n");
    EXPECT_THAT(hidden->notes, testing::Contains(HasSubstr("not everybody may read")));
}

TEST_F(MendRestore, ShowsNothingOfAFileInAClosedFolderOrFromAPrivateCopy) {
    const std::string site = kSite;
    write("/var/lib/gatemend/good/nginx.service" + site, "set $a S3CRET;\n", 2'500);
    EXPECT_THAT(error_of(restore("candidate=0")), HasSubstr("could when it was copied"));
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0640});
    const auto copy = restore("candidate=0");
    ASSERT_TRUE(copy);
    EXPECT_THAT(copy->notes.at(0), HasSubstr("; the file's mode stays 0640"));
    EXPECT_THAT(copy->diff, testing::Not(HasSubstr("S3CRET"))) << "nobody knows whose it was";
    EXPECT_THAT(copy->full, HasSubstr("S3CRET"));
    std::filesystem::permissions(machine_.at("/etc/nginx/conf.d"), std::filesystem::perms{0700});
    EXPECT_THAT(restore("candidate=0")->diff, testing::Not(HasSubstr("S3CRET")));
}

TEST_F(MendRestore, KnowsACopyOfAnOpenFile) {
    machine_.write(kSite, "set $a open;\n");
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    machine_.write(kSite, "broken");
    EXPECT_THAT(restore("candidate=0")->diff, HasSubstr("+set $a open;"));
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0600});
    machine_.write(kSite, "set $a S3CRET;\n");
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0644});
    machine_.write(kSite, "broken");
    const auto shown = restore("candidate=0");
    EXPECT_TRUE(!shown || shown->full.find("S3CRET") == std::string::npos)
        << "everybody may read the file now, and nobody could when it was copied";
    EXPECT_FALSE(shown);
    std::filesystem::remove(machine_.at(kSite));
    EXPECT_FALSE(restore("candidate=0")) << "made anew it would be everybody's";
    machine_.write(kSite, "broken");
    std::filesystem::permissions(machine_.at(kSite), std::filesystem::perms{0600});
    EXPECT_THAT(restore("candidate=0")->full, HasSubstr("+set $a S3CRET;"));
}

TEST_F(MendRestore, BringsBackAFileThatIsGone) {
    write(std::string{kSite} + ".bak", "bak", 3'000);
    std::filesystem::remove(machine_.at(kSite));
    ASSERT_TRUE(restore("candidate=0", {"stage", "3"}));
    ASSERT_TRUE(machine_.run({"commit", "3"}));
    EXPECT_EQ(machine_.read(kSite), "bak");
    ASSERT_TRUE(machine_.run({"undo", "3"}));
    EXPECT_FALSE(machine_.has(kSite));
}

TEST_F(MendRestore, RefusesVersionsThatOthersCouldHaveWritten) {
    const std::string bak = std::string{kSite} + ".bak";
    write(bak, "bak", 3'000);
    ASSERT_EQ(chmod(machine_.at(bak).c_str(), 0666), 0);
    std::filesystem::create_symlink("/etc/nginx/nginx.conf",
                                    machine_.at(std::string{kSite} + ".orig"));
    EXPECT_THAT(versions(), ElementsAre());
}

TEST_F(MendRestore, RefusesFilesThatAreNoConfigurationOfTheUnit) {
    machine_.write("/etc/shadow", "x");
    machine_.write("/etc/shadow.bak", "y");
    std::filesystem::remove(machine_.at(kSite));
    std::filesystem::create_symlink("/etc/shadow", machine_.at(kSite));
    EXPECT_EQ(error_of(restore("candidate=0")), "/etc/shadow is no configuration of nginx.service");
}

TEST_F(MendRestore, KeepsWhatPassedAndForgetsWhatIsGone) {
    const std::string good = "/var/lib/gatemend/good/nginx.service";
    machine_.write("/etc/nginx/ssl/key.pem", "-----BEGIN PRIVATE KEY-----\n");
    std::filesystem::create_symlink("nginx.conf", machine_.at("/etc/nginx/link"));
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    EXPECT_EQ(machine_.read(good + kSite), "broken");
    EXPECT_EQ(machine_.read(good + "/etc/nginx/nginx.conf"), "http {}\n");
    EXPECT_EQ(machine_.look(good + kSite).st_mode & 07777U, 0400U) << "everybody's to read there";
    EXPECT_FALSE(machine_.has(good + "/etc/nginx/ssl/key.pem"));
    EXPECT_FALSE(machine_.has(good + "/etc/nginx/link"));

    machine_.write(kSite, "new");
    std::filesystem::remove(machine_.at("/etc/nginx/nginx.conf"));
    machine_.write(good + "/etc/nginx/.nginx.conf.gatemend", "half");  // of an interrupted run
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    EXPECT_EQ(machine_.read(good + kSite), "new");
    EXPECT_THAT(machine_.list(good + "/etc/nginx"), ElementsAre("conf.d"));
}

TEST_F(MendRestore, KeptVersionsAreAsOldAsTheirLastGoodTest) {
    const std::string copy = std::string{"/var/lib/gatemend/good/nginx.service"} + kSite;
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    write(copy, "broken", 1'000);
    ASSERT_TRUE(machine_.run({"keep", "nginx.service"}));
    EXPECT_GT(machine_.look(copy).st_mtim.tv_sec, 1'000'000'000);
}

TEST_F(MendRestore, KeepsNothingOfUnitsItDoesNotKnow) {
    EXPECT_EQ(error_of(machine_.run({"keep", "mysql.service"})),
              "mysql.service has no configuration that gatemend knows");
}

TEST(MendConfigFiles, KnowsTheLayoutsOfBothFamilies) {
    EXPECT_EQ(config_paths("php8.2-fpm.service")->main_file, "/etc/php/8.2/fpm/php-fpm.conf");
    EXPECT_EQ(config_paths("php-fpm.service")->main_file, "/etc/php-fpm.conf");
    for (const char* unit : {"php..-fpm.service", "php8.2/-fpm.service", "apache2.service"}) {
        EXPECT_FALSE(config_paths(unit)) << unit;
    }
    EXPECT_FALSE(is_below(*config_paths("nginx.service"), "/etc/nginx-other/x"));
}

TEST(MendManifest, ComesBackAsItWas) {
    Manifest manifest;
    manifest.files.push_back(
        {{"/etc/a b", std::string(64, 'a'), std::string(64, 'b')}, 5, 6, false});
    manifest.files.push_back({{"/etc/c", "", std::string(64, 'c')}, 0, 0, true});
    manifest.socket = SocketEdit{"/run/x y", 7, 1, 2, 0660, {3, 4}, {5, 6}};
    const auto again = parse_manifest(manifest_text(manifest));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->files, manifest.files);
    EXPECT_EQ(manifest_text(*again), manifest_text(manifest));
    const std::string text = manifest_text(manifest);
    for (std::size_t size = 0; size < text.size(); ++size) {
        EXPECT_FALSE(parse_manifest(text.substr(0, size))) << size;
    }
}

TEST(MendOrder, RefusesWhatIsNotWellFormed) {
    using Words = std::vector<std::string>;
    for (const Words& words :
         {Words{},
          Words{"explode"},
          Words{"commit"},
          Words{"commit", "../7"},
          Words{"undo", "7", "8"},
          Words{"keep", "../x.service"},
          Words{"preview", "restart-unit", "nginx.service", "www-data"},
          Words{"preview", "debug-log", "nginx", "www-data", "seconds=5"},
          Words{"preview", "debug-log", "nginx.service", "www-data"},
          Words{"preview", "debug-log", "nginx.service", "www-data", "seconds"},
          Words{"preview", "debug-log", "nginx.service", "www-data", "seconds=5", "seconds=5"},
          Words{"preview", "restore-config", "nginx.service", "www-data", "file=/a/../b"},
          Words{"preview", "restore-config", "nginx.service", "www-data", "file=/a", "version=x"},
          Words{"preview", "fix-socket-owner", "a.service", "www-data", "socket=127.0.0.1:1"},
          Words{"preview", "fix-socket-owner", "a.service", "w", "socket=unix:/a", "listener=0"},
          Words{"preview", "fix-socket-owner", "a.service", "w", "socket=unix:/a", "listener=1x"},
          Words{"preview", "fix-socket-owner", "a.service", "w", "socket=unix:/a", "listener="},
          Words{"preview", "debug-log", "nginx.service", "w", "seconds=1", "listener=1"},
          Words{"preview",
                "apply-suggestion",
                "a.service",
                "www-data",
                "setting=ExecStart",
                "value=x"}}) {
        EXPECT_FALSE(read_order(words)) << testing::PrintToString(words);
    }
}

}  // namespace
}  // namespace gatemend::mend
