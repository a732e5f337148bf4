// SPDX-License-Identifier: MIT
// Edits of nginx's configuration: what changes, and that nothing else does.
#include "sandbox/mend/backend_word.hpp"
#include "sandbox/mend/moved_pool.hpp"
#include "sandbox/mend/nginx_places.hpp"
#include "tests/unit/mend_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace gatemend::mend {
namespace {

using test::error_of;
using test::MemorySource;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kMain = "/etc/nginx/nginx.conf";

using Files = std::map<std::string, std::string>;

NginxTree tree_of(const Files& files) {
    MemorySource source(files);
    auto tree = read_nginx(source, kMain);
    EXPECT_TRUE(tree) << tree.error().text;
    return tree ? std::move(*tree) : NginxTree{};
}

// All files after the edits; "error" -> its text.
Files after(const NginxTree& tree, const core::Result<NginxEdits>& edits) {
    if (!edits) {
        return {{"error", edits.error().text}};
    }
    Files files;
    for (std::size_t i = 0; i < tree.files.size(); ++i) {
        const auto found = edits->find(i);
        files[tree.files[i].source.path] = found == edits->end()
                                               ? tree.files[i].source.text
                                               : *edited(tree.files[i].source.text, found->second);
    }
    return files;
}

std::string repointed(const std::string& text,
                      const std::string& from = "unix:/run/php/old.sock",
                      const std::string& to = "unix:/run/php/new.sock") {
    const NginxTree tree = tree_of({{kMain, text}});
    Files files = after(tree, repoint(tree, from, to));
    return files.contains("error") ? "error: " + files["error"] : files[kMain];
}

// Why nginx may not be pointed there; "" = it may.
std::string obstacle(const std::string& nginx,
                     const Files& pools,
                     const std::string& from = "unix:/run/php/old.sock",
                     const std::string& to = "unix:/run/php/new.sock") {
    std::vector<PoolTree> trees;
    for (const auto& [path, text] : pools) {
        MemorySource source(Files{{path, text}});
        auto tree = read_pools(source, path);
        EXPECT_TRUE(tree) << tree.error().text;
        trees.push_back(*std::move(tree));
    }
    if (const auto same = check_same_pool(trees, from, to); !same) {
        return same.error().text;
    }
    const auto fits = check_new_backend(tree_of({{kMain, nginx}}), trees, from, to);
    return fits ? "" : fits.error().text;
}

std::string in_http(const std::string& text) {
    return "http {\n" + text + "\n}\n";
}

TEST(MendRepoint, ChangesTheAddressAndNoOtherByte) {
    const std::string before =
        "# fastcgi_pass unix:/run/php/old.sock;\r\n"
        "user www-data;\r\n"
        "http {\r\n"
        "\tserver {\t# unix:/run/php/old.sock\r\n"
        "\t\tlocation ~ \\.php$ {\r\n"
        "\t\t\tfastcgi_pass   \t unix:/run/php/old.sock ; # old.sock\r\n"
        "\t\t\tadd_header X \"fastcgi_pass unix:/run/php/old.sock;\";\r\n"
        "\t\t}\r\n"
        "\t}\r\n"
        "}";
    std::string expected = before;
    expected.replace(expected.find("unix:/run/php/old.sock ;"), 22, "unix:/run/php/new.sock");
    EXPECT_EQ(repointed(before), expected);
}

TEST(MendRepoint, LetsNoUriRunIntoAnAddress) {
    EXPECT_EQ(repointed(in_http("proxy_pass http://unix:/run/php/old.sock:uri;"),
                        "unix:/run/php/old.sock",
                        "127.0.0.1:3000"),
              "error: /etc/nginx/nginx.conf:2: the URI behind the address has no slash");
}

TEST(MendRepoint, KeepsQuotes) {
    EXPECT_EQ(repointed(in_http("fastcgi_pass \"unix:/run/php/old.sock\";")),
              in_http("fastcgi_pass \"unix:/run/php/new.sock\";"));
    EXPECT_EQ(repointed(in_http("fastcgi_pass 'unix:/run/php/old.sock';")),
              in_http("fastcgi_pass 'unix:/run/php/new.sock';"));
}

TEST(MendRepoint, TakesVarRunForRun) {
    EXPECT_EQ(repointed(in_http("fastcgi_pass unix:/var/run/php/old.sock;")),
              in_http("fastcgi_pass unix:/run/php/new.sock;"));
    EXPECT_EQ(
        repointed(in_http("fastcgi_pass unix:/run/php/old.sock;"), "unix:/var/run/php/old.sock"),
        in_http("fastcgi_pass unix:/run/php/new.sock;"));
}

TEST(MendRepoint, KeepsSchemeAndUriOfAProxy) {
    const auto proxy = [](const std::string& target) {
        return repointed(in_http("proxy_pass " + target + ";"), "127.0.0.1:3000", "127.0.0.1:3001");
    };
    EXPECT_EQ(proxy("http://127.0.0.1:3000/app/"),
              in_http("proxy_pass http://127.0.0.1:3001/app/;"));
    EXPECT_EQ(proxy("https://127.0.0.1:3000"), in_http("proxy_pass https://127.0.0.1:3001;"));
    EXPECT_EQ(proxy("http://127.0.0.1:3000$request_uri"),
              in_http("proxy_pass http://127.0.0.1:3001$request_uri;"));
    EXPECT_EQ(proxy("http://localhost:3000/?a=127.0.0.1:3000"),
              in_http("proxy_pass http://127.0.0.1:3001/?a=127.0.0.1:3000;"));
}

TEST(MendRepoint, AddsAndRemovesTheColonBetweenSocketAndUri) {
    const std::string unix = "unix:/run/app.sock";
    EXPECT_EQ(repointed(in_http("proxy_pass http://unix:/run/app.sock:/x;"), unix, "127.0.0.1:80"),
              in_http("proxy_pass http://127.0.0.1:80/x;"));
    EXPECT_EQ(repointed(in_http("proxy_pass http://127.0.0.1:80/x;"), "127.0.0.1:80", unix),
              in_http("proxy_pass http://unix:/run/app.sock:/x;"));
    EXPECT_EQ(repointed(in_http("proxy_pass http://unix:/run/app.sock:;"), unix, "unix:/run/b"),
              in_http("proxy_pass http://unix:/run/b:;"));
}

TEST(MendRepoint, KnowsTheDefaultPort) {
    EXPECT_EQ(repointed(in_http("proxy_pass http://127.0.0.1/;"), "127.0.0.1:80", "127.0.0.1:81"),
              in_http("proxy_pass http://127.0.0.1:81/;"));
    EXPECT_EQ(repointed(in_http("upstream a { server 127.0.0.1; }"), "127.0.0.1:80", "[::1]:81"),
              in_http("upstream a { server [::1]:81; }"));
}

TEST(MendRepoint, KeepsTheParametersOfAnUpstreamsServer) {
    EXPECT_EQ(repointed(in_http("upstream php {\n  server unix:/run/php/old.sock weight=5 "
                                "max_fails=0;\n  server 10.0.0.1:9000 backup;\n}\n"
                                "server { listen 80; location / { fastcgi_pass php; } }")),
              in_http("upstream php {\n  server unix:/run/php/new.sock weight=5 "
                      "max_fails=0;\n  server 10.0.0.1:9000 backup;\n}\n"
                      "server { listen 80; location / { fastcgi_pass php; } }"));
}

TEST(MendRepoint, FindsEveryPlaceInEveryIncludedFile) {
    const NginxTree tree = tree_of(
        {{kMain, "http { include /etc/nginx/sites/*; include conf.d/up.conf; }"},
         {"/etc/nginx/sites/a", "server { location / { uwsgi_pass 127.0.0.1:9000; } }"},
         {"/etc/nginx/sites/b",
          "server { location /x { fastcgi_pass 127.0.0.1:9000; }\n"
          " location /y { if ($a) { scgi_pass 127.0.0.1:9000; } grpc_pass grpc://127.0.0.1:9000; "
          "} }"},
         {"/etc/nginx/conf.d/up.conf", "upstream u { server 127.0.0.1:9000; }"},
         {"/etc/nginx/other", "upstream o { server 127.0.0.1:9000; }"}});
    const Files files = after(tree, repoint(tree, "127.0.0.1:9000", "127.0.0.1:9001"));
    EXPECT_EQ(files.at("/etc/nginx/sites/a"),
              "server { location / { uwsgi_pass 127.0.0.1:9001; } }");
    EXPECT_EQ(files.at("/etc/nginx/sites/b"),
              "server { location /x { fastcgi_pass 127.0.0.1:9001; }\n"
              " location /y { if ($a) { scgi_pass 127.0.0.1:9001; } grpc_pass "
              "grpc://127.0.0.1:9001; } }");
    EXPECT_EQ(files.at("/etc/nginx/conf.d/up.conf"), "upstream u { server 127.0.0.1:9001; }");
    EXPECT_FALSE(files.contains("/etc/nginx/other"));  // nothing includes it
}

TEST(MendRepoint, ChangesAFileThatTwoBlocksIncludeOnce) {
    const NginxTree tree = tree_of({{kMain, "http { server { include s; } server { include s; } }"},
                                    {"/etc/nginx/s", "location / { fastcgi_pass 127.0.0.1:1; }"}});
    EXPECT_EQ(after(tree, repoint(tree, "127.0.0.1:1", "127.0.0.1:2")).at("/etc/nginx/s"),
              "location / { fastcgi_pass 127.0.0.1:2; }");
}

TEST(MendRepoint, LeavesWhatOnlyLooksLikeAPlace) {
    for (const char* text : {"set $up unix:/run/php/old.sock; fastcgi_pass $up;",
                             "fastcgi_pass unix:/run/php/old.sock.bak;",
                             "fastcgi_pass unix:/run/php/old.sock$x;",
                             "server { server unix:/run/php/old.sock; }",
                             "map $a $b { fastcgi_pass unix:/run/php/old.sock; }",
                             "content_by_lua_block { fastcgi_pass unix:/run/php/old.sock; }",
                             "proxy_pass http://127.0.0.1:90$port;"}) {
        EXPECT_EQ(repointed(in_http(text)).substr(0, 6), "error:") << text;
    }
}

TEST(MendRepoint, TellsThatTheAddressIsWrittenWithEscapes) {
    EXPECT_EQ(repointed(in_http("fastcgi_pass \"unix:/run\\\\/x\";"), "unix:/run\\/x"),
              "error: /etc/nginx/nginx.conf:2: the address is written with escapes");
}

TEST(MendRepoint, NamesOtherMentionsForPeople) {
    const NginxTree tree = tree_of({{kMain,
                                     in_http("map $a $b {\n  default unix:/run/php/old.sock;\n}\n"
                                             "fastcgi_pass unix:/run/php/old.sock;")}});
    EXPECT_EQ(other_mentions(tree, "unix:/run/php/old.sock"),
              (std::vector<std::string>{"/etc/nginx/nginx.conf:3 names unix:/run/php/old.sock, "
                                        "too, and is left"}));
}

TEST(MendNginxTree, SaysWhatIsBroken) {
    const auto error = [](const std::string& text) {
        MemorySource source({{kMain, text}});
        const auto tree = read_nginx(source, kMain);
        return tree ? "" : tree.error().text;
    };
    EXPECT_EQ(error("http {\n"), "/etc/nginx/nginx.conf: a block is not closed");
    EXPECT_EQ(error("user a\n"), "/etc/nginx/nginx.conf: line 1 has no end");
    EXPECT_EQ(error("a;\n}\n"), "/etc/nginx/nginx.conf: a } too many in line 2");
    EXPECT_EQ(error("a \"b;\n"), "/etc/nginx/nginx.conf: line 2 is not understood");
    MemorySource source(Files{});
    EXPECT_EQ(read_nginx(source, kMain).error().text,
              "/etc/nginx/nginx.conf: there is no such file");
}

TEST(MendNginxTree, EndsWhenFilesIncludeEachOther) {
    const NginxTree tree = tree_of({{kMain, "include a; include a;"},
                                    {"/etc/nginx/a", "include nginx.conf; include a; user x;"}});
    EXPECT_EQ(tree.files.size(), 2U);
}

TEST(MendNginxTree, RefusesIncludesThatMultiply) {
    Files files{{kMain, "include f0;"}};
    for (int i = 0; i < 15; ++i) {
        const std::string next = "include f" + std::to_string(i + 1) + ";";
        std::string& text = files["/etc/nginx/f" + std::to_string(i)];
        text.append(next).append(next).append(next).append(next);
    }
    files["/etc/nginx/f15"] = "a;";
    MemorySource source(files);
    EXPECT_FALSE(read_nginx(source, kMain));
}

std::string set_backend(const std::string& text, const Settings& settings) {
    const NginxTree tree = tree_of({{kMain, text}});
    Files files = after(tree, set_for_backend(tree, "127.0.0.1:9000", settings));
    return files.contains("error") ? "error: " + files["error"] : files[kMain];
}

TEST(MendLocation, InsertsBeforeThePassWithItsIndentation) {
    EXPECT_EQ(set_backend("http {\n\tserver {\n\t\tlocation / {\n\t\t\tfastcgi_pass "
                          "127.0.0.1:9000;\n\t\t}\n\t}\n}\n",
                          {{"fastcgi_buffer_size", "16k"}, {"fastcgi_buffers", "8 16k"}}),
              "http {\n\tserver {\n\t\tlocation / {\n\t\t\tfastcgi_buffer_size "
              "16k;\n\t\t\tfastcgi_buffers 8 16k;\n\t\t\tfastcgi_pass "
              "127.0.0.1:9000;\n\t\t}\n\t}\n}\n");
}

TEST(MendLocation, ReplacesWhatTheSameBlockSays) {
    EXPECT_EQ(set_backend("http { fastcgi_read_timeout 5s; server { location / {\n"
                          "  fastcgi_read_timeout  60s ; # why\n  fastcgi_pass 127.0.0.1:9000;\n"
                          "} } }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "http { fastcgi_read_timeout 5s; server { location / {\n"
              "  fastcgi_read_timeout  300s ; # why\n  fastcgi_pass 127.0.0.1:9000;\n"
              "} } }");
}

TEST(MendLocation, ReplacesAllArguments) {
    EXPECT_EQ(set_backend("http { location / { fastcgi_buffers 8\n 4k; fastcgi_pass "
                          "127.0.0.1:9000; } }",
                          {{"fastcgi_buffers", "16 32k"}}),
              "http { location / { fastcgi_buffers 16 32k; fastcgi_pass 127.0.0.1:9000; } }");
}

TEST(MendLocation, StaysOnTheLineOfAPassThatSharesIt) {
    EXPECT_EQ(set_backend("http { location / { fastcgi_pass 127.0.0.1:9000; } }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "http { location / { fastcgi_read_timeout 300s; fastcgi_pass 127.0.0.1:9000; } }");
}

TEST(MendLocation, FollowsAnUpstreamsName) {
    EXPECT_EQ(set_backend("http { upstream PHP { server 127.0.0.1:9000; }\n"
                          "server { location / {\n  fastcgi_pass php;\n} } }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "http { upstream PHP { server 127.0.0.1:9000; }\n"
              "server { location / {\n  fastcgi_read_timeout 300s;\n  fastcgi_pass php;\n} } }");
}

TEST(MendLocation, GoesAroundAnIfWhichTakesNoSuchDirective) {
    EXPECT_EQ(set_backend("http { location / {\n"
                          "  if ($a) {\n    fastcgi_pass 127.0.0.1:9000;\n  }\n"
                          "  fastcgi_pass 127.0.0.1:9000;\n} }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "http { location / {\n"
              "  fastcgi_read_timeout 300s;\n"
              "  if ($a) {\n    fastcgi_pass 127.0.0.1:9000;\n  }\n"
              "  fastcgi_pass 127.0.0.1:9000;\n} }");
}

TEST(MendLocation, LeavesAPassOfAnotherModule) {
    EXPECT_EQ(set_backend("http { location / { proxy_pass http://127.0.0.1:9000; } }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "error: no *_pass of nginx's configuration that takes fastcgi_read_timeout leads to "
              "127.0.0.1:9000");
}

TEST(MendLocation, RefusesWhatIsSoAlready) {
    EXPECT_EQ(set_backend("http { location / { fastcgi_read_timeout 300s; fastcgi_pass "
                          "127.0.0.1:9000; } }",
                          {{"fastcgi_read_timeout", "300s"}}),
              "error: nginx's configuration says so already");
}

std::string set_main(const std::string& text, const Settings& settings) {
    const NginxTree tree = tree_of({{kMain, text}});
    return after(tree, set_in_main(tree, settings)).begin()->second;
}

std::string set_events(const std::string& text) {
    const NginxTree tree = tree_of({{kMain, text}});
    return after(tree, set_in_events(tree, {{"worker_connections", "4096"}})).begin()->second;
}

TEST(MendMain, InsertsAtTheTopBehindComments) {
    EXPECT_EQ(set_main("# mine\n\nuser a;\r\nevents {}\n", {{"worker_rlimit_nofile", "8192"}}),
              "# mine\n\nworker_rlimit_nofile 8192;\r\nuser a;\r\nevents {}\n");
}

TEST(MendMain, ReplacesWhatIsThere) {
    EXPECT_EQ(set_main("worker_rlimit_nofile 1024;\nevents { worker_rlimit_nofile 1; }",
                       {{"worker_rlimit_nofile", "8192"}}),
              "worker_rlimit_nofile 8192;\nevents { worker_rlimit_nofile 1; }");
}

TEST(MendEvents, ReplacesOrInserts) {
    EXPECT_EQ(set_events("events {\n    worker_connections 768;\n}\n"),
              "events {\n    worker_connections 4096;\n}\n");
    EXPECT_EQ(set_events("events { # few\n}\n"),
              "events { # few\n    worker_connections 4096;\n}\n");
    EXPECT_EQ(set_events("events {}\n"), "events {\n    worker_connections 4096;\n}\n");
    EXPECT_EQ(set_events("http {}\n"), "nginx's configuration has no events block");
}

std::string raised(const std::string& text) {
    const NginxTree tree = tree_of({{kMain, text}});
    return after(tree, raise_error_log(tree)).begin()->second;
}

const std::string kPass = "location / { fastcgi_pass unix:/run/php/old.sock; }\n";
const std::string kOldPools = "/etc/php/7.4/fpm/php-fpm.conf";
const std::string kNewPools = "/etc/php/8.2/fpm/php-fpm.conf";

std::string pool(const std::string& name, const std::string& listen, const std::string& user = "") {
    return "[" + name + "]\n" + (user.empty() ? "" : "user = " + user + "\n") +
           "listen = " + listen + "\n";
}

TEST(MendNewBackend, ServesNothingElse) {
    EXPECT_EQ(obstacle(in_http(kPass), {}), "");
    for (const char* other : {"location /x { fastcgi_pass unix:/run/php/new.sock; }",
                              "location /x { fastcgi_pass unix:/var/run/php/new.sock; }",
                              "location /x { proxy_pass http://unix:/run/php/new.sock:/; }",
                              "upstream u { server unix:/run/php/new.sock backup; }",
                              "upstream u { server unix:/run/php/new.sock down; }",
                              "upstream u { server unix:/run/php/old.sock; server "
                              "unix:/run/php/new.sock; }",
                              "map $host $to { default unix:/run/php/new.sock; }",
                              "set $to unix:/run/php/new.sock;"}) {
        EXPECT_NE(obstacle(in_http(kPass + other), {}), "") << other;
    }
    EXPECT_EQ(obstacle(in_http(kPass + "# fastcgi_pass unix:/run/php/new.sock;"), {}), "")
        << "a comment points nowhere";
}

TEST(MendNewBackend, IsNoOtherNameOfAPortInUse) {
    const std::string pass = "location / { proxy_pass http://127.0.0.1:8000; }\n";
    const auto to_port = [&](const std::string& other) {
        return obstacle(in_http(pass + other), {}, "127.0.0.1:8000", "127.0.0.1:8080");
    };
    EXPECT_EQ(to_port(""), "");
    EXPECT_NE(to_port("location /x { proxy_pass http://localhost:8080; }"), "");
    EXPECT_NE(to_port("location /x { proxy_pass http://192.168.7.2:8080/a; }"), "");
    EXPECT_NE(to_port("upstream u { server [::1]:8080; }"), "");
    EXPECT_EQ(to_port("location /x { proxy_pass http://127.0.0.1:18080; }"), "");
}

TEST(MendNewBackend, IsAPoolForFastcgiOnly) {
    const Files pools{{kNewPools, pool("www", "/run/php/new.sock")}};
    EXPECT_EQ(obstacle(in_http(kPass), pools), "");
    for (const char* pass : {"uwsgi_pass unix:/run/php/old.sock;",
                             "scgi_pass unix:/run/php/old.sock;",
                             "grpc_pass grpc://unix:/run/php/old.sock;",
                             "proxy_pass http://unix:/run/php/old.sock:/;"}) {
        EXPECT_NE(obstacle(in_http("location / { " + std::string{pass} + " }"), pools), "") << pass;
    }
    EXPECT_NE(obstacle(in_http("upstream u { server unix:/run/php/old.sock; }\n"
                               "location / { uwsgi_pass u; }"),
                       pools),
              "")
        << "through an upstream";
}

TEST(MendNewBackend, IsTheSamePoolOfTheSameUser) {
    const auto between = [](const std::string& before, const std::string& after) {
        return obstacle(in_http(kPass), {{kOldPools, before}, {kNewPools, after}});
    };
    const std::string old_pool = pool("shop", "/run/php/old.sock", "shop");
    EXPECT_EQ(between(old_pool, pool("shop", "/run/php/new.sock", "shop")), "");
    EXPECT_EQ(between(pool("x", "/run/x.sock"), pool("shop", "/run/php/new.sock", "shop")), "");
    EXPECT_NE(between(old_pool, pool("admin", "/run/php/new.sock", "padmin")), "");
    EXPECT_NE(between(old_pool, pool("shop", "/run/php/new.sock", "mallory")), "");
}

TEST(MendDebugLog, RaisesMainAndWhatTakesItsPlaceInHttp) {
    EXPECT_EQ(raised("error_log /var/log/nginx/error.log;\n"
                     "error_log /x warn; # warn\n"
                     "http { error_log /y error; server { error_log /dev/null crit; location / { "
                     "error_log /z debug; } } }\n"
                     "stream { error_log /s info; }\n"),
              "error_log /var/log/nginx/error.log debug;\n"
              "error_log /x debug; # warn\n"
              "http { error_log /y debug; server { error_log /dev/null crit; location / { "
              "error_log /z debug; } } }\n"
              "stream { error_log /s info; }\n");
}

TEST(MendDebugLog, GivesTheMainLevelOneWhereItHasNone) {
    EXPECT_EQ(raised("user a;\nhttp { }\n"),
              "error_log /var/log/nginx/error.log debug;\nuser a;\nhttp { }\n");
}

TEST(MendDebugLog, NamesTheLogsThatItWouldRaise) {
    const auto logs = [](const std::string& text) {
        return logs_to_raise(tree_of({{kMain, text}}));
    };
    EXPECT_THAT(logs("error_log /x warn;\nhttp { error_log /y; server { error_log /x; error_log "
                     "/dev/null; error_log /z debug; } }\nstream { error_log /s; }\n"),
                ElementsAre("/x", "/y"));
    EXPECT_THAT(logs("http { error_log /y; }\n"), ElementsAre("/var/log/nginx/error.log", "/y"));
}

TEST(MendDebugLog, GoesIntoNoLogThatEverybodyMayRead) {
    using std::filesystem::perms;
    const test::MendMachine machine;
    const auto site = [&machine](const std::string& log) {
        machine.write("/etc/nginx/nginx.conf",
                      "error_log /var/log/nginx/error.log;\nhttp { error_log " + log + "; }\n");
    };
    const auto preview = [&machine] {
        return machine.run({"preview", "debug-log", "nginx.service", "www-data", "seconds=60"});
    };
    const auto set = [&machine](const std::string& path, perms mode) {
        std::filesystem::permissions(machine.at(path), mode);
    };
    site("/var/log/shop/error.log");
    for (const char* log : {"/var/log/nginx/error.log", "/var/log/shop/error.log"}) {
        machine.write(log, "");
        set(log, perms{0640});
    }
    for (const char* folder : {"/var", "/var/log", "/var/log/nginx", "/var/log/shop"}) {
        set(folder, perms{0755});
    }
    const auto closed = preview();
    ASSERT_TRUE(closed) << closed.error().text;
    EXPECT_THAT(closed->notes.at(0), HasSubstr("cookies and credentials, will be in /var/log"));
    EXPECT_THAT(closed->notes.at(0), HasSubstr("and group"));
    set("/var/log/shop/error.log", perms{0644});
    EXPECT_THAT(error_of(preview()), HasSubstr("/var/log/shop/error.log: everybody may read it"));
    EXPECT_THAT(error_of(preview()), HasSubstr("`chmod o-r /var/log/shop/error.log` first"));
    set("/var/log/shop", perms{0750});
    EXPECT_TRUE(preview()) << "nobody else gets there";
    site("/var/log/nginx/new.log");
    EXPECT_THAT(error_of(preview()), HasSubstr("everybody may read it")) << "nginx makes it 0644";
    for (const char* log : {"syslog:server=10.0.0.1", "logs/error.log"}) {
        site(log);
        EXPECT_THAT(error_of(preview()), HasSubstr("who may read it is not known")) << log;
    }
    site("stderr");
    EXPECT_TRUE(preview());
}

TEST(MendDebugLog, RefusesWhereAllIsDebugAlready) {
    EXPECT_EQ(raised("error_log /x debug;"), "nginx's configuration says so already");
}

TEST(MendBackendWord, IsCanonical) {
    EXPECT_EQ(canonical_backend("unix:/var/run/a", 0), "unix:/run/a");
    EXPECT_EQ(canonical_backend("unix:/var/running/a", 0), "unix:/var/running/a");
    EXPECT_EQ(canonical_backend("LOCALHOST", 80), "127.0.0.1:80");
    EXPECT_EQ(canonical_backend("localhost.example", 80), "localhost.example");
    EXPECT_EQ(canonical_backend("[::1]", 80), "[::1]:80");
    EXPECT_EQ(canonical_backend("[::1]:9000", 80), "[::1]:9000");
}

}  // namespace
}  // namespace gatemend::mend
