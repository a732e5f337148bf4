// SPDX-License-Identifier: MIT
// Edits of pool files, drop-ins, and the diff that people see of them.
#include "sandbox/mend/diff.hpp"
#include "sandbox/mend/drop_in.hpp"
#include "sandbox/mend/pool_listen.hpp"
#include "sandbox/mend/pool_text.hpp"
#include "tests/unit/mend_machine.hpp"

#include <gtest/gtest.h>

namespace gatemend::mend {
namespace {

using test::MemorySource;

constexpr const char* kMain = "/etc/php-fpm.conf";

using Files = std::map<std::string, std::string>;

PoolTree tree_of(const Files& files) {
    MemorySource source(files);
    auto tree = read_pools(source, kMain);
    EXPECT_TRUE(tree) << tree.error().text;
    return tree ? std::move(*tree) : PoolTree{};
}

std::string set(const std::string& text,
                const Settings& settings,
                const std::string& pool = "www") {
    const PoolTree tree = tree_of({{kMain, text}});
    PoolEdits edits;
    for (const auto& setting : settings) {
        if (const auto status = set_in_pool(tree, pool, setting, edits); !status) {
            return "error: " + status.error().text;
        }
    }
    return *edited(text, edits[0]);
}

TEST(MendPool, ReplacesTheValueAndKeepsTheRestOfItsLine) {
    EXPECT_EQ(set("[www]\r\n\tpm.max_children =\t5 ; few\r\npm = dynamic\r\n",
                  {{"pm.max_children", "20"}}),
              "[www]\r\n\tpm.max_children =\t20 ; few\r\npm = dynamic\r\n");
    EXPECT_EQ(set("[www]\nPM.Max_Children=\"5;6\";x", {{"pm.max_children", "20"}}),
              "[www]\nPM.Max_Children=20;x");
    EXPECT_EQ(set("[www]\nlisten.backlog =\n", {{"listen.backlog", "511"}}),
              "[www]\nlisten.backlog = 511\n");
}

TEST(MendPool, ChangesTheLastAssignmentOfItsSection) {
    EXPECT_EQ(set("[www]\npm.max_children = 1\npm.max_children = 2\n[b]\npm.max_children = "
                  "3\n[WWW]\npm.max_children = 4\n[global]\nx = 1\n",
                  {{"pm.max_children", "9"}}),
              "[www]\npm.max_children = 1\npm.max_children = 2\n[b]\npm.max_children = "
              "3\n[WWW]\npm.max_children = 9\n[global]\nx = 1\n");
}

TEST(MendPool, InsertsBehindTheCommentedLine) {
    EXPECT_EQ(set("[www]\nlisten = /run/x\n;listen.backlog = 511\nuser = a\n[b]\nuser = b\n",
                  {{"listen.backlog", "1024"}}),
              "[www]\nlisten = /run/x\n;listen.backlog = 511\nlisten.backlog = 1024\nuser = "
              "a\n[b]\nuser = b\n");
}

TEST(MendPool, InsertsBehindItsFamilyAndNeverIntoTheNextSection) {
    EXPECT_EQ(set("[www]\nlisten = /run/x\npm = dynamic\nuser = a\n\n[b]\nuser = b\n",
                  {{"pm.max_requests", "500"}}),
              "[www]\nlisten = /run/x\npm = dynamic\npm.max_requests = 500\nuser = "
              "a\n\n[b]\nuser = b\n");
    EXPECT_EQ(set("[www]\nuser = a", {{"rlimit_files", "4096"}}),
              "[www]\nuser = a\nrlimit_files = 4096");
}

TEST(MendPool, WritesPhpValues) {
    EXPECT_EQ(set("[www]\nuser = a\n;php_admin_value[memory_limit] = 32M\n",
                  {{"php_admin_value[memory_limit]", "256M"}}),
              "[www]\nuser = a\n;php_admin_value[memory_limit] = 32M\n"
              "php_admin_value[memory_limit] = 256M\n");
}

TEST(MendPool, NamesAPoolThatIsNotThere) {
    EXPECT_EQ(set("[www]\nuser = a\n", {{"pm", "static"}}, "shop"), "error: there is no pool shop");
}

TEST(MendPool, FindsThePoolOfASocketAcrossFiles) {
    const PoolTree tree =
        tree_of({{kMain, "include=/etc/php-fpm.d/*\n[global]\npid = /x\n"},
                 {"/etc/php-fpm.d/a", "[a]\nlisten = /run/php/$pool.sock\n"},
                 {"/etc/php-fpm.d/b", "[b]\nlisten = /run/old\nlisten = '/var/run/php/b.sock'\n"}});
    EXPECT_EQ(*find_pool(tree, "/run/php/a.sock"), "a");
    EXPECT_EQ(*find_pool(tree, "/run/php/b.sock"), "b");
    EXPECT_EQ(find_pool(tree, "/run/old").error().text, "no pool listens on /run/old");
}

Worker www_data() {
    return Worker{{33, {33, 50}}, "www-data", "www-data", 33, {"www-data", "staff"}};
}

std::string opened(const std::string& lines) {
    const std::string text = "[www]\nlisten = /run/x\n" + lines;
    const PoolTree tree = tree_of({{kMain, text}});
    const auto settings = open_to_worker(tree, "www", www_data());
    if (!settings) {
        return "error: " + settings.error().text;
    }
    std::string shown;
    for (const auto& [name, value] : *settings) {
        shown.append(name).append("=").append(value).append(" ");
    }
    return shown;
}

TEST(MendPoolListen, SaysAllThreeWhereNothingIsSaid) {
    EXPECT_EQ(opened(""), "listen.owner=www-data listen.group=www-data listen.mode=0660 ");
}

TEST(MendPoolListen, KeepsAModeThatLetsTheOwnerIn) {
    EXPECT_EQ(opened("listen.owner = root\nlisten.group = root\nlisten.mode = 0600\n"),
              "listen.owner=www-data listen.group=www-data ");
}

TEST(MendPoolListen, KeepsAnOwnerWhereTheGroupIsEnough) {
    EXPECT_EQ(opened("listen.owner = deploy\nlisten.group = deploy\nlisten.mode = 0660\n"),
              "listen.group=www-data ");
}

TEST(MendPoolListen, OpensAModeThatShutsEverybodyOut) {
    EXPECT_EQ(opened("listen.owner = www-data\nlisten.group = www-data\nlisten.mode = 0400\n"),
              "listen.mode=0660 ");
}

TEST(MendPoolListen, RefusesWhereTheWorkerIsLetIn) {
    for (const char* lines : {"listen.owner = www-data\n",
                              "listen.group = staff\n",
                              "listen.mode = 0666\n",
                              "listen.owner = 33\nlisten.mode = 0600\n"}) {
        EXPECT_EQ(opened(lines), "error: pool www lets www-data in as it is written") << lines;
    }
}

TEST(MendPoolListen, RefusesWhereAnAccessListDecides) {
    EXPECT_EQ(opened("listen.acl_users = apache\n"),
              "error: /etc/php-fpm.conf:3: with listen.acl_users PHP-FPM does not look at "
              "listen.owner and listen.group");
}

TEST(MendDropIn, IsMadeChangedAndAddedTo) {
    const std::string made = *edit_drop_in(std::nullopt, {{"LimitNOFILE", "65536"}});
    EXPECT_EQ(made.substr(made.find('\n') + 1), "[Service]\nLimitNOFILE=65536\n");
    EXPECT_EQ(*edit_drop_in("[Unit]\nLimitNOFILE=1\n[Service]\n# x\nLimitNOFILE=2\r\n",
                            {{"LimitNOFILE", "3"}, {"OOMPolicy", "continue"}}),
              "[Unit]\nLimitNOFILE=1\n[Service]\nOOMPolicy=continue\n# x\nLimitNOFILE=3\r\n");
    EXPECT_EQ(*edit_drop_in("[Unit]\nA=b", {{"OOMPolicy", "stop"}}),
              "[Unit]\nA=b\n[Service]\nOOMPolicy=stop\n");
    EXPECT_FALSE(edit_drop_in("[Service]\nOOMPolicy=stop\n", {{"OOMPolicy", "stop"}}));
}

TEST(MendDiff, ShowsThreeLinesAround) {
    EXPECT_EQ(unified_diff("/a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
              "--- /a\n+++ /a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(MendDiff, JoinsChangesThatAreNearAndPartsThoseThatAreNot) {
    std::string before;
    for (int i = 1; i <= 30; ++i) {
        before += std::to_string(i) + "\n";
    }
    std::string after = before;
    after.replace(after.find("5\n"), 2, "");
    after.replace(after.find("9\n"), 2, "nine\n");
    after.replace(after.find("25\n"), 3, "25\n25b\n");
    EXPECT_EQ(
        unified_diff("/a", before, after),
        "--- /a\n+++ /a\n@@ -2,11 +2,10 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n-9\n+nine\n 10\n 11\n "
        "12\n@@ -23,6 +22,7 @@\n 23\n 24\n 25\n+25b\n 26\n 27\n 28\n");
}

TEST(MendDiff, TellsNewFilesAndMissingNewlines) {
    EXPECT_EQ(unified_diff("/a", std::nullopt, "x\n"),
              "--- /dev/null\n+++ /a\n@@ -0,0 +1,1 @@\n+x\n");
    EXPECT_EQ(unified_diff("/a", "x", "y\n"),
              "--- /a\n+++ /a\n@@ -1,1 +1,1 @@\n-x\n\\ No newline at end of file\n+y\n");
    EXPECT_EQ(unified_diff("/a", "x", "x"), "");
}

TEST(MendDiff, HidesContextAndWhatTheMaskHides) {
    const auto mask = [](std::string_view text) {
        std::vector<std::string> lines;
        while (!text.empty()) {
            const std::string line{text.substr(0, text.find('\n'))};
            lines.push_back(line == "secret" ? "(hidden)" : line);
            text.remove_prefix(std::min(line.size() + 1, text.size()));
        }
        return lines;
    };
    EXPECT_EQ(masked_diff("/a", "1\n2\nsecret\n4\n5", "1\n2\nthree\n4\nsecret", mask),
              "--- /a\n+++ /a\n@@ -3,1 +3,1 @@\n-(hidden)\n+three\n@@ -5,1 +5,1 @@\n-5\n"
              "\\ No newline at end of file\n+(hidden)\n\\ No newline at end of file\n");
    EXPECT_EQ(masked_diff("/a", std::nullopt, "secret\n", mask),
              "--- /dev/null\n+++ /a\n@@ -0,0 +1,1 @@\n+(hidden)\n");
    EXPECT_EQ(masked_diff("/a", "secret", "secret", mask), "");
    const auto none = [](std::string_view) { return std::vector<std::string>{}; };
    EXPECT_EQ(masked_diff("/a", "1\n", "2\n", none), "--- /a\n+++ /a\n@@ -1,1 +1,1 @@\n-\n+\n");
}

TEST(MendDiff, StaysBoundedForLargeFilesThatShareNothing) {
    std::string before;
    std::string after;
    for (int i = 0; i < 10'000; ++i) {
        before += "a" + std::to_string(i) + "\n";
        after += "b" + std::to_string(i) + "\n";
    }
    const std::string diff = unified_diff("/a", before, after);
    EXPECT_EQ(diff.substr(0, diff.find("\n-a0")), "--- /a\n+++ /a\n@@ -1,10000 +1,10000 @@");
}

}  // namespace
}  // namespace gatemend::mend
