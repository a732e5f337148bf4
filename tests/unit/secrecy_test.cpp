// SPDX-License-Identifier: MIT
#include "core/config_lexer.hpp"
#include "core/secret_text.hpp"
#include "sandbox/secrecy/config_lines.hpp"
#include "sandbox/secrecy/nginx_words.hpp"
#include "sandbox/secrecy/readable.hpp"
#include "sandbox/secrecy/tool_words.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace gatemend::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool is_nothing_open(const std::string& /*path*/) {
    return false;
}

bool is_all_open(const std::string& /*path*/) {
    return true;
}

// --- words of anybody ---

TEST(SecretText, HidesQueriesPasswordsAndTokens) {
    using core::mask_secrets;
    EXPECT_EQ(mask_secrets("request: \"GET /a.php?token=S3 HTTP/1.1\""),
              "request: \"GET /a.php?(hidden) HTTP/1.1\"");
    EXPECT_EQ(mask_secrets("postgres://app:S3@db/x"), "postgres://(hidden)@db/x");
    EXPECT_EQ(mask_secrets("mysql://app:p@S3@db/x"), "mysql://(hidden)@db/x");
    EXPECT_EQ(mask_secrets("DB_PASSWORD=S3 next"), "DB_PASSWORD=(hidden) next");
    EXPECT_EQ(mask_secrets("password: \"S3 with blanks\" next"), "password: (hidden) next");
    EXPECT_EQ(mask_secrets("Authorization: Bearer S3 x"), "Authorization: (hidden) x");
    EXPECT_EQ(mask_secrets("{\"apiKey\":\"S3\",\"a\":1}"), "{\"apiKey\":(hidden),\"a\":1}");
    EXPECT_EQ(mask_secrets("STRIPE_KEY => 'S3'"), "STRIPE_KEY => (hidden)");
    EXPECT_EQ(mask_secrets("GET /?cb=f(1),2&token=S3 HTTP/1.1"), "GET /?(hidden) HTTP/1.1");
    EXPECT_EQ(mask_secrets("password='a\\'b,c' next"), "password=(hidden) next");
    EXPECT_EQ(mask_secrets("password=a,b;c) next"), "password=(hidden) next");
    EXPECT_EQ(mask_secrets("hash 0123456789abcdef0123456789abcdef01 ok"), "hash (hidden) ok");
    EXPECT_EQ(mask_secrets("key=aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF+x"), "key=(hidden)");
}

TEST(SecretText, LeavesWhatIsNone) {
    for (const char* text :
         {"connect() to unix:/run/php/php8.2-fpm.sock failed (111: Connection refused)",
          "why? nobody knows",
          "host not found in upstream \"app.internal.example.com\" in /etc/nginx/nginx.conf:5",
          "/var/www/shop/releases/20261129181530/public/index.php:12",
          "unknown entry 'pm.max_childern'",
          "the key of the matter"}) {
        EXPECT_EQ(core::mask_secrets(text), text);
    }
}

TEST(SecretText, MasksNothingTwice) {
    for (const char* text : {"a?b=c", "x://u:p@h/p?q", "token=abc", "password = (hidden)"}) {
        const std::string once = core::mask_secrets(text);
        EXPECT_EQ(core::mask_secrets(once), once);
    }
}

// --- who may read ---

class Readable : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "readable-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        std::filesystem::create_directories(root_ + "/etc/nginx");
        set("/", 0755);
        set("/etc", 0755);
        set("/etc/nginx", 0755);
        write("/etc/nginx/a.conf", 0644);
    }

    void TearDown() override { std::filesystem::remove_all(root_); }

    void set(const std::string& path, mode_t mode) const {
        ASSERT_EQ(chmod((root_ + path).c_str(), mode), 0);
    }

    void write(const std::string& path, mode_t mode) const {
        std::ofstream{root_ + path} << "x";
        set(path, mode);
    }

    [[nodiscard]] bool is_open(const std::string& path = "/etc/nginx/a.conf") const {
        return is_open_to_all(path, root_);
    }

    std::string root_;
};

TEST_F(Readable, IsAFileThatEverybodyMayRead) {
    EXPECT_TRUE(is_open());
}

TEST_F(Readable, IsNotOneOfRootOrAGroup) {
    for (const mode_t mode : {0600U, 0640U, 0660U, 0400U}) {
        set("/etc/nginx/a.conf", mode);
        EXPECT_FALSE(is_open()) << mode;
    }
}

TEST_F(Readable, IsNotOneThatAGroupIsKeptFrom) {
    set("/etc/nginx/a.conf", 0604);
    EXPECT_FALSE(is_open());
}

TEST_F(Readable, IsNotOneInAClosedFolder) {
    set("/etc", 0750);
    EXPECT_FALSE(is_open());
    set("/etc", 0744);
    EXPECT_FALSE(is_open()) << "to be listed is not to be searched";
}

TEST_F(Readable, IsAsOpenAsTheFolderWhereThereIsNoFileYet) {
    EXPECT_TRUE(is_open("/etc/nginx/new.conf"));
    EXPECT_FALSE(is_open("/etc/none/new.conf"));
    set("/etc/nginx", 0700);
    EXPECT_FALSE(is_open("/etc/nginx/new.conf"));
}

TEST_F(Readable, IsNotOneWhoseAccessListKeepsSomebodyOut) {
    // version 2; owner rw-, user 1234 ---, group r--, mask r--, others r--
    const std::string list{
        "\x02\0\0\0"
        "\x01\0\x06\0\xff\xff\xff\xff"
        "\x02\0\x00\0\xd2\x04\0\0"
        "\x04\0\x04\0\xff\xff\xff\xff"
        "\x10\0\x04\0\xff\xff\xff\xff"
        "\x20\0\x04\0\xff\xff\xff\xff",
        44};
    if (setxattr((root_ + "/etc/nginx/a.conf").c_str(),
                 "system.posix_acl_access",
                 list.data(),
                 list.size(),
                 0) != 0) {
        GTEST_SKIP() << "no access lists here";
    }
    EXPECT_FALSE(is_open());
}

TEST_F(Readable, FollowsLinksToWhereTheFileIs) {
    std::filesystem::create_directories(root_ + "/private");
    write("/private/b.conf", 0644);
    set("/private", 0700);
    std::filesystem::create_symlink(root_ + "/private/b.conf", root_ + "/etc/nginx/b.conf");
    EXPECT_FALSE(is_open_to_all(root_ + "/etc/nginx/b.conf"));
}

// --- nginx -T ---

struct Dumped {
    std::string dump;
    std::map<std::string, std::string> texts;

    void add(const std::string& path, const std::string& text) {
        dump += "# configuration file " + path + ":\n" + text + "\n";
        texts[path] = text;
    }

    [[nodiscard]] std::string shown() const {
        return without_private_text(
            dump,
            {.is_open = [](const std::string& path) { return !path.starts_with("/private"); },
             .size_of = [this](const std::string& path) -> std::optional<std::size_t> {
                 const auto found = texts.find(path);
                 return found == texts.end() ? std::nullopt : std::optional{found->second.size()};
             }});
    }
};

TEST(NginxWords, LeavesOpenFilesAsTheyAre) {
    Dumped dumped;
    dumped.add("/etc/nginx/nginx.conf", "# a comment\nhttp { set $x \"y\"; }\n");
    dumped.add("/etc/nginx/b.conf", "# configuration file /private/x:\nset $z 1;\n");
    EXPECT_EQ(dumped.shown(), dumped.dump);
}

TEST(NginxWords, KeepsOfAPrivateFileWhatDiscoveryNeeds) {
    Dumped dumped;
    dumped.add("/etc/nginx/nginx.conf", "http { include /private/*; }\n");
    dumped.add("/private/a.conf",
               "worker_shutdown_timeout 10s;\n"
               "server {\n"
               "    listen 80; server_name shop.example.com; # S3CRET\n"
               "    set $token \"S3CRET\";\n"
               "    proxy_set_header Authorization \"Bearer S3CRET\";\n"
               "    location /S3CRET/ { fastcgi_pass unix:/run/php/a.sock;\n"
               "        fastcgi_param KEY S3CRET; fastcgi_read_timeout 30s; }\n"
               "    if ($http_x = \"S3CRET\") { return 503 \"S3CRET\"; }\n"
               "    location / { proxy_pass http://127.0.0.1:3000/S3CRET?S3CRET; }\n"
               "}\n");
    const std::string shown = dumped.shown();
    EXPECT_THAT(shown, Not(HasSubstr("S3CRET")));
    for (const char* kept : {"worker_shutdown_timeout 10s ;",
                             "listen 80 ;",
                             "server_name shop.example.com ;",
                             "fastcgi_pass unix:/run/php/a.sock ;",
                             "fastcgi_read_timeout 30s ;",
                             "return 503 ;",
                             "proxy_pass http://127.0.0.1:3000/ ;"}) {
        EXPECT_THAT(shown, HasSubstr(kept));
    }
    // in their lines
    const std::string text = shown.substr(shown.find("/private/a.conf:\n") + 17);
    const std::string before = text.substr(0, text.find("fastcgi_pass"));
    EXPECT_EQ(std::count(before.begin(), before.end(), '\n'), 5);
}

TEST(NginxWords, DoesNotBelieveHeadersInsideAPrivateFile) {
    Dumped dumped;
    dumped.add("/private/a.conf",
               "# configuration file /etc/nginx/nginx.conf:\nset $x S3CRET;\nlisten 80;\n");
    dumped.add("/etc/nginx/b.conf", "set $open 1;\n");
    const std::string shown = dumped.shown();
    EXPECT_THAT(shown, Not(HasSubstr("S3CRET")));
    EXPECT_THAT(shown, HasSubstr("set $open 1;"));
}

TEST(NginxWords, TakesAllForPrivateBehindAFileThatChanged) {
    Dumped dumped;
    dumped.add("/private/a.conf", "# configuration file /etc/nginx/c.conf:\nset $x S3CRET;\n");
    dumped.texts["/private/a.conf"] =
        "longer than it was when nginx read it, by many bytes, and so on";
    EXPECT_THAT(dumped.shown(), Not(HasSubstr("S3CRET")));
}

TEST(NginxWords, HidesWhatIsNoDirective) {
    for (const char* text : {"map $a $b { listen S3CRET; include /private/m; \"S3CRET\" 1; }",
                             "content_by_lua_block { local x = \"S3CRET\" -- don't }\n }",
                             "geo $x { server S3CRET; }",
                             "listen 80; \"listen\" S3CRET; S3CRET { listen 81; }",
                             "set $x 'a;\nlisten S3CRET;\n';",
                             "set $x \"unterminated;\nlisten S3CRET;\n",
                             "server { listen 80; } } listen S3CRET;",
                             "set $x ${listen}S3CRET; set $y \\;S3CRET;",
                             "log_format a \"password: 'S3CRET\"; listen 80;",
                             "access_log /a?S3CRET\\;b; server_name token=S3CRET\\\"x;",
                             "proxy_pass \"http://a/S3CRET\"; proxy_pass 'http://a?S3CRET';",
                             "foo\\ bar S3CRET; #listen S3CRET;\n"}) {
        const std::string shown = plain_directives_of(text);
        EXPECT_THAT(shown, Not(HasSubstr("S3CRET"))) << text;
        core::ConfigLexer lexer{shown};
        int depth = 0;
        for (auto token = lexer.next(); token.kind != core::TokenKind::kEnd; token = lexer.next()) {
            ASSERT_NE(token.kind, core::TokenKind::kBroken) << shown;
            depth += token.kind == core::TokenKind::kOpen ? 1 : 0;
            depth -= token.kind == core::TokenKind::kClose ? 1 : 0;
        }
        EXPECT_EQ(depth, 0) << shown;
    }
    EXPECT_THAT(plain_directives_of("map $a $b { include /private/m; }"),
                HasSubstr("include /private/m ;"));
}

// --- a test's words ---

TEST(ToolWords, KeepTheQuotesOfOpenFiles) {
    const std::string line = "nginx: [emerg] unknown directive \"foo\" in /etc/nginx/a.conf:3";
    EXPECT_EQ(without_private_quotes(line, is_all_open), line);
}

TEST(ToolWords, HideTheQuotesOfPrivateFiles) {
    const auto hide = [](const char* line) {
        return without_private_quotes(line, is_nothing_open);
    };
    EXPECT_EQ(hide("nginx: [emerg] unknown directive \"S3\" in /etc/nginx/a.conf:3"),
              "nginx: [emerg] unknown directive \"(hidden)\" in /etc/nginx/a.conf:3");
    EXPECT_EQ(hide("nginx: [emerg] unknown directive \"a\"S3\"b\" in /etc/nginx/a.conf:3"),
              "nginx: [emerg] unknown directive \"(hidden)\" in /etc/nginx/a.conf:3");
    EXPECT_EQ(hide("[29-Nov-2026 10:00:00] ERROR: [/etc/php/8.2/fpm/pool.d/a.conf:3] unknown entry "
                   "'DB_S3'"),
              "[29-Nov-2026 10:00:00] ERROR: [/etc/php/8.2/fpm/pool.d/a.conf:3] unknown entry "
              "'(hidden)'");
    EXPECT_EQ(hide("nginx: [emerg] unknown \"S3\" variable"),
              "nginx: [emerg] unknown \"(hidden)\" variable");
    EXPECT_EQ(hide("nginx: [emerg] host not found in upstream \"S3 in /etc/open.conf:1"),
              "nginx: [emerg] host not found in upstream \"(hidden)");
}

TEST(ToolWords, KeepPathsAndKnownNames) {
    for (const char* line :
         {"nginx: [emerg] invalid number of arguments in \"proxy_set_header\" directive in /a.c:3",
          "nginx: [emerg] cannot load certificate \"/etc/ssl/a.pem\": BIO_new_file() failed "
          "(SSL: error:8000000D:system library::Permission denied)",
          "nginx: configuration file /etc/nginx/nginx.conf test failed",
          "ERROR: [/etc/php/8.2/fpm/pool.d/a.conf:3] unable to parse value for entry "
          "'pm.max_children'",
          "nginx: [emerg] unexpected \"}\" in /etc/nginx/a.conf:3"}) {
        EXPECT_EQ(without_private_quotes(line, is_nothing_open), line);
    }
}

TEST(ToolWords, DoNotTakeAQuotedPlaceForTheirOwn) {
    const auto is_open = [](const std::string& path) { return path == "/etc/nginx/nginx.conf"; };
    EXPECT_THAT(without_private_quotes("nginx: [emerg] unknown directive \"S3CRET in "
                                       "/etc/nginx/nginx.conf:3\" in /private/a.conf:4",
                                       is_open),
                Not(HasSubstr("S3CRET")));
}

TEST(ToolWords, HideWhatALineFeedInAQuoteLeaves) {
    const std::string shown = without_private_quotes_in(
        "nginx: [emerg] unknown directive \"a\nS3CRET\" in /private/a.conf:4\n"
        "nginx: configuration file /etc/nginx/nginx.conf test failed\n",
        is_nothing_open);
    EXPECT_THAT(shown, Not(HasSubstr("S3CRET")));
    EXPECT_THAT(shown, HasSubstr("/private/a.conf:4"));
    EXPECT_THAT(shown, HasSubstr("nginx: configuration file /etc/nginx/nginx.conf test failed"));
}

// --- lines of previews ---

TEST(ConfigLines, ShowThatASecretChangesAndNotWhat) {
    EXPECT_EQ(masked_config_line("env[DB_PASSWORD] = S3"), "env[DB_PASSWORD] = (hidden)");
    EXPECT_EQ(masked_config_line("php_admin_value[mysqli.default_pw] = S3"),
              "php_admin_value[mysqli.default_pw] = (hidden)");
    EXPECT_EQ(masked_config_line("    proxy_set_header Authorization \"S3\";"), "    (hidden)");
    EXPECT_EQ(masked_config_line("S3"), "(hidden)");
    EXPECT_EQ(masked_config_line("S3CRET = x"), "(hidden)");
    EXPECT_EQ(masked_config_line("; password is S3"), "(hidden)");
    EXPECT_EQ(masked_config_line("# listen = S3"), "(hidden)");
    EXPECT_EQ(masked_config_line("Environment=PASSWORD=S3"), "(hidden)");
    EXPECT_EQ(masked_config_line("pm.max_children = 5 ; S3"), "pm.max_children = (hidden)");
    EXPECT_EQ(masked_config_line("server_name a; set $t S3;"), "server_name (hidden);");
    EXPECT_EQ(masked_config_line("listen 80; # S3"), "(hidden)");
}

TEST(ConfigLines, ShowWhatIsNoSecret) {
    for (const char* line : {"pm.max_children = 8",
                             "listen = /run/php/shop.sock",
                             "listen.mode = 0660",
                             "php_admin_value[memory_limit] = 256M",
                             "[shop]",
                             "        fastcgi_pass unix:/run/php/shop.sock;",
                             "MemoryMax = 512M",
                             "    fastcgi_buffers 8 16k;",
                             "}",
                             ""}) {
        EXPECT_EQ(masked_config_line(line), line);
    }
}

using Lines = std::vector<std::string>;

std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\n";
    }
    return text;
}

TEST(ConfigLines, OfNginxAreJudgedByWhatTheyStandIn) {
    EXPECT_EQ(masked_nginx_lines("map $a $b {\n    user S3CRET;\n}\nserver {\n    listen 80;\n"
                                 "    set $x \"first\nlisten S3CRET;\nlast\";\n    root /a;\n"
                                 "    return https://files.example/S3CRET/;\n"
                                 "    return 301 https://a.example/;\n\n"
                                 "    fastcgi_pass unix:/run/php/a.sock;\n}\n"),
              (Lines{"(hidden)",
                     "    (hidden)",
                     "}",
                     "(hidden)",
                     "    listen 80;",
                     "    (hidden)",
                     "(hidden)",
                     "(hidden)",
                     "    (hidden)",
                     "    return (hidden);",
                     "    return 301 (hidden);",
                     "",
                     "    fastcgi_pass unix:/run/php/a.sock;",
                     "}"}));
}

TEST(ConfigLines, OfATextThatNginxWouldNotTakeShowNothingThatMayBeAnothers) {
    for (const char* text : {"server_name a\nuser S3CRET;\n",
                             "server_name \"a;\nset $m \" first\nlisten S3CRET;\n\" ;\n",
                             "set $x 'open;\nlisten S3CRET;\n",
                             "http {\nlisten S3CRET;\n",
                             "}\nlisten S3CRET;\n",
                             "listen S3CRET;\nserver\n",
                             "unheard_of {\n    listen S3CRET;\n}\n",
                             "content_by_lua_block {\nlisten S3CRET;\n}\n",
                             "pm.max_children = S3CRET\n"}) {
        EXPECT_THAT(joined(masked_nginx_lines(text)), Not(HasSubstr("S3CRET"))) << text;
    }
}

TEST(ConfigLines, OfSettingsAreJudgedByTheValueTheyStandIn) {
    EXPECT_EQ(masked_setting_lines("[shop]\n; don't\npm.max_children = 5\nenv[A] = \"b\"\n"
                                   "env[B] = \"first\nlisten = S3CRET\nlast\"\nuser = S3CRET\n"),
              (Lines{"[shop]",
                     "(hidden)",
                     "pm.max_children = 5",
                     "env[A] = (hidden)",
                     "(hidden)",
                     "(hidden)",
                     "(hidden)",
                     "(hidden)"}));
    for (const char* text : {"env[A] = 'first\nuser = S3CRET\n'\n",
                             "env[A] = \"x\\\\\"\nuser = S3CRET\n\"\n",
                             "# don't\nenv[A] = 'first\nuser = S3CRET\n'\n",
                             "Environment=A=b \\\n# comment\nMemoryMax=S3CRET\n",
                             "user S3CRET;\n"}) {
        EXPECT_THAT(joined(masked_setting_lines(text)), Not(HasSubstr("S3CRET"))) << text;
    }
    EXPECT_EQ(masked_setting_lines("[Service]\nEnvironment=A=b \\\n  C=d\nMemoryMax=512M\n"),
              (Lines{"[Service]", "(hidden)", "  (hidden)", "MemoryMax = 512M"}));
}

}  // namespace
}  // namespace gatemend::sandbox
