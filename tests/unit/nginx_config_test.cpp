// SPDX-License-Identifier: MIT
#include "parse/nginx_config.hpp"

#include "parse/nginx_dump.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::parse {
namespace {

std::string dumped(const std::string& file, const std::string& text) {
    return "# configuration file " + file + ":\n" + text + "\n";
}

NginxConfig parse(const std::string& dump) {
    auto config = parse_nginx_dump(dump);
    EXPECT_TRUE(config.has_value());
    return config.has_value() ? std::move(*config) : NginxConfig{};
}

NginxConfig parse_http(const std::string& http) {
    return parse(dumped("/etc/nginx/nginx.conf", "http {\n" + http + "\n}"));
}

std::vector<std::string> addresses(const NginxConfig& config) {
    std::vector<std::string> found;
    for (const ConfiguredBackend& backend : config.backends) {
        found.push_back(backend.address);
    }
    return found;
}

NginxConfig parse_location(const std::string& text) {
    return parse_http("server { listen 80; location / {\n" + text + "\n} }");
}

using Texts = std::vector<std::string>;

TEST(NginxConfig, ReadsADebianDump) {
    const NginxConfig config = parse(
        dumped("/etc/nginx/nginx.conf",
               "user www-data;\nworker_processes auto;\npid /run/nginx.pid;\n"
               "error_log /var/log/nginx/error.log;\n"
               "include /etc/nginx/modules-enabled/*.conf;\nevents { worker_connections 768; }\n"
               "http {\n  include /etc/nginx/mime.types;\n  include /etc/nginx/conf.d/*.conf;\n"
               "  include /etc/nginx/sites-enabled/*;\n}\n") +
        dumped("/etc/nginx/mime.types", "types { text/html html htm; }\n") +
        dumped("/etc/nginx/sites-enabled/default",
               "server {\n  listen 80 default_server;\n  listen [::]:80 default_server;\n"
               "  root /var/www/html;\n  server_name _;\n"
               "  location ~ \\.php$ {\n    include snippets/fastcgi-php.conf;\n"
               "    fastcgi_pass unix:/run/php/php8.2-fpm.sock;\n  }\n}\n") +
        dumped(
            "/etc/nginx/snippets/fastcgi-php.conf",
            "fastcgi_split_path_info ^(.+?\\.php)(/.*)$;\nset $path_info $fastcgi_path_info;\n"));
    ASSERT_EQ(config.backends.size(), 1U);
    EXPECT_EQ(config.backends[0].scheme, core::Scheme::kFastcgi);
    EXPECT_EQ(config.backends[0].address, "unix:/run/php/php8.2-fpm.sock");
    EXPECT_EQ(config.backends[0].where, "/etc/nginx/sites-enabled/default:8");
    EXPECT_EQ(config.backends[0].group, "");
    EXPECT_EQ(config.listens, (Texts{"127.0.0.1:80", "[::1]:80"}));
    EXPECT_EQ(config.error_logs, Texts{"/var/log/nginx/error.log"});
    EXPECT_EQ(config.user, "www-data");
    EXPECT_EQ(config.skipped, Texts{});
}

TEST(NginxConfig, KnowsEveryPassDirective) {
    const NginxConfig config = parse_location(
        "fastcgi_pass 127.0.0.1:9000; proxy_pass http://127.0.0.1:8080/app; proxy_pass "
        "https://10.0.0.1; uwsgi_pass uwsgi://127.0.0.1:3031; uwsgi_pass unix:/run/u.sock; "
        "scgi_pass 127.0.0.1:4000; grpc_pass grpc://[::1]:50051; memcached_pass 127.0.0.1:11211; "
        "proxy_pass http://unix:/run/app.sock:/uri; proxy_pass HTTP://localhost:3000; proxy_pass "
        "http://127.0.0.1?x;");
    EXPECT_EQ(addresses(config),
              (Texts{"127.0.0.1:9000",
                     "127.0.0.1:8080",
                     "10.0.0.1:443",
                     "127.0.0.1:3031",
                     "unix:/run/u.sock",
                     "127.0.0.1:4000",
                     "[::1]:50051",
                     "127.0.0.1:11211",
                     "unix:/run/app.sock",
                     "127.0.0.1:3000",
                     "127.0.0.1:80"}));
    EXPECT_EQ(config.skipped, Texts{});
}

TEST(NginxConfig, ExpandsGroupsWhereverTheyStand) {
    const NginxConfig config = parse_http(
        "server { location / { fastcgi_pass PHP; } location /a { proxy_pass http://app/x; } }\n"
        "upstream php { server unix:/run/a.sock weight=5; server 127.0.0.1:9001 backup; server "
        "127.0.0.1:9002 down; keepalive 8; }\n"
        "upstream App { server 10.0.0.1; server app.example:80; }");
    EXPECT_EQ(addresses(config), (Texts{"unix:/run/a.sock", "127.0.0.1:9001", "10.0.0.1:80"}));
    EXPECT_EQ(config.backends[0].group, "php");
    EXPECT_EQ(config.skipped, Texts{});
    ASSERT_EQ(config.names.size(), 1U);
    EXPECT_EQ(config.names[0].host, "app.example:80");
    EXPECT_EQ(config.names[0].group, "app");
}

TEST(NginxConfig, SkipsWhatIsDecidedAtRunTimeAndListsNamesApart) {
    const NginxConfig config = parse_location(
        "fastcgi_pass $backend;\nproxy_pass http://127.0.0.1:80$port;\nproxy_pass "
        "http://app.example:80;\nfastcgi_pass php;\nproxy_pass 127.0.0.1:80;");
    EXPECT_EQ(config.backends.size(), 0U);
    ASSERT_EQ(config.names.size(), 1U);
    EXPECT_EQ(config.names[0].host, "app.example:80");
    EXPECT_EQ(config.names[0].address, "");
    EXPECT_TRUE(config.names[0].is_remote);
    EXPECT_EQ(config.skipped,
              (Texts{"fastcgi_pass $backend at /etc/nginx/nginx.conf:3",
                     "proxy_pass http://127.0.0.1:80$port at /etc/nginx/nginx.conf:4",
                     "proxy_pass 127.0.0.1:80 at /etc/nginx/nginx.conf:7",
                     "fastcgi_pass php at /etc/nginx/nginx.conf:6"}));
}

TEST(NginxConfig, SeesThroughVariablesInTheUri) {
    const NginxConfig config = parse_location(
        "proxy_pass http://127.0.0.1:1$request_uri; proxy_pass http://127.0.0.1:2/a/$1; proxy_pass "
        "http://unix:/run/a.sock:$request_uri; proxy_pass https://127.0.0.1:3?x=$arg_y; proxy_pass "
        "http://127.0.0.1:4$uri$is_args$args; proxy_pass http://$host/x; proxy_pass "
        "http://unix:/run/$x.sock:/; proxy_pass $scheme://127.0.0.1:5; proxy_pass http://$uri;");
    EXPECT_EQ(
        addresses(config),
        (Texts{"127.0.0.1:1", "127.0.0.1:2", "unix:/run/a.sock", "127.0.0.1:3", "127.0.0.1:4"}));
    EXPECT_EQ(config.skipped.size(), 4U);
}

TEST(NginxConfig, ListsABackendOnce) {
    EXPECT_EQ(addresses(parse_location("fastcgi_pass 127.0.0.1:9000; } location /x { fastcgi_pass "
                                       "127.0.0.1:9000;")),
              Texts{"127.0.0.1:9000"});
}

TEST(NginxConfig, UnderstandsTheFormsOfListen) {
    const NginxConfig config = parse_http(
        "server { listen 8080; listen *:81; listen 0.0.0.0:82; listen 127.0.0.1; listen "
        "10.0.0.5:83; listen [::]:84 ssl; listen [::]:85 ipv6only=off; listen [::1]:86; listen "
        "unix:/run/n.sock; listen 443 quic reuseport; listen localhost:87; listen "
        "web.example:88; listen 8000-8010; }");
    EXPECT_EQ(config.listens,
              (Texts{"127.0.0.1:8080",
                     "127.0.0.1:81",
                     "127.0.0.1:82",
                     "127.0.0.1:80",
                     "10.0.0.5:83",
                     "[::1]:84",
                     "127.0.0.1:85",
                     "[::1]:86",
                     "127.0.0.1:87",
                     "127.0.0.1:8000"}));
    EXPECT_EQ(config.skipped.size(), 1U);
    EXPECT_EQ(parse_http("server { server_name x; }").listens, Texts{"127.0.0.1:80"});
}

TEST(NginxConfig, KeepsOnlyErrorLogsThatAreFiles) {
    const NginxConfig config = parse(dumped(
        "/etc/nginx/nginx.conf",
        "error_log stderr; error_log syslog:server=unix:/dev/log; error_log memory:32m debug;\n"
        "error_log /dev/null crit; error_log off; error_log logs/error.log;\n"
        "http { error_log /var/log/nginx/error.log warn; server { error_log "
        "/var/log/nginx/error.log; error_log \"/var/log/my site.log\"; } }\n"
        "stream { error_log /var/log/nginx/stream.log; server { listen 53 udp; proxy_pass "
        "127.0.0.1:5353; } upstream x { server 127.0.0.1:1; } }"));
    EXPECT_EQ(
        config.error_logs,
        (Texts{"/var/log/nginx/error.log", "/var/log/my site.log", "/var/log/nginx/stream.log"}));
    EXPECT_EQ(config.skipped.size(), 2U);
    EXPECT_EQ(config.backends.size(), 0U);
    EXPECT_EQ(config.listens, Texts{"127.0.0.1:80"});
}

TEST(NginxConfig, LexesAsNginxDoes) {
    const std::string tail = " location /x{fastcgi_pass 127.0.0.1:9000;}";
    for (const std::string text : {"return 200 a}b;",
                                   "return 200 \"; } {\";",
                                   "add_header X a#b;",
                                   "# } fastcgi_pass 127.0.0.1:1;\n",
                                   "return 200 ${name}x;",
                                   "if ($http_user_agent ~ \"x{2}\") { return 403; }",
                                   "rewrite ^/a\\;b /c;",
                                   "\"return\" 200;",
                                   "return 200 a\\ b;",
                                   "return 200 \"a\\\"}\";"}) {
        std::string server = "server {";
        server.append(text).append(tail).append("}");
        EXPECT_EQ(addresses(parse_http(server)), Texts{"127.0.0.1:9000"}) << text;
    }
    const NginxConfig broken = parse_http("server { return 200 'a''b'; } ");
    EXPECT_EQ(broken.skipped.size(), 1U);
    EXPECT_EQ(
        addresses(parse_http("server {\r\n location / {\r\n fastcgi_pass\t127.0.0.1:9000 ;\r\n}}")),
        Texts{"127.0.0.1:9000"});
}

TEST(NginxConfig, TakesDataBlocksForData) {
    const NginxConfig config = parse_http(
        "map $host $x { default fastcgi_pass; fastcgi_pass 127.0.0.1:1; listen 9; }\n"
        "types { a/b fastcgi_pass; }\ngeo $g { 10.0.0.0/8 listen; }\n"
        "server { listen 80; location / { fastcgi_pass 127.0.0.1:9000; } }");
    EXPECT_EQ(addresses(config), Texts{"127.0.0.1:9000"});
    EXPECT_EQ(config.listens, Texts{"127.0.0.1:80"});
}

TEST(NginxConfig, StepsOverLua) {
    const NginxConfig config = parse_location(
        "content_by_lua_block {\n local s = \"}\" -- }\n local t = [[ } ]] --[==[ } ]==]\n"
        " local u = {1, {2}} local w = t[u[1]]\n local v = 'it\\'s }'\n}\n"
        "fastcgi_pass 127.0.0.1:9000;");
    EXPECT_EQ(addresses(config), Texts{"127.0.0.1:9000"});
    EXPECT_EQ(config.backends[0].where, "/etc/nginx/nginx.conf:9");
}

TEST(NginxConfig, FollowsIncludesRelativeToTheMainFileAndSorted) {
    const NginxConfig config =
        parse(dumped("/etc/nginx/nginx.conf",
                     "http { server { location / { include conf.d/*.conf; } } }") +
              dumped("/etc/nginx/conf.d/b.conf", "fastcgi_pass 127.0.0.1:2;") +
              dumped("/etc/nginx/conf.d/a.conf", "fastcgi_pass 127.0.0.1:1; include sub/c.conf;") +
              dumped("/etc/nginx/sub/c.conf", "fastcgi_pass 127.0.0.1:3;"));
    EXPECT_EQ(addresses(config), (Texts{"127.0.0.1:1", "127.0.0.1:3", "127.0.0.1:2"}));
}

TEST(NginxConfig, TrustsOnlyHeadersAnIncludeReaches) {
    const NginxConfig config =
        parse(dumped("/etc/nginx/nginx.conf",
                     "http {\n# configuration file /etc/nginx/fake.conf:\n"
                     "server { location / { fastcgi_pass 127.0.0.1:1; include real.conf; } } }") +
              dumped("/etc/nginx/real.conf", "fastcgi_pass 127.0.0.1:2;"));
    EXPECT_EQ(addresses(config), (Texts{"127.0.0.1:1", "127.0.0.1:2"}));
    EXPECT_EQ(config.backends[0].where, "/etc/nginx/nginx.conf:3");
    EXPECT_EQ(config.skipped, Texts{});
}

TEST(NginxConfig, ReachesFilesThatDataBlocksInclude) {
    const NginxConfig config = parse(
        dumped("/n/nginx.conf", "http { map $a $b { include a.map; } include b.conf; }") +
        dumped("/n/a.map", "x y; listen 1;") +
        dumped("/n/b.conf", "server { listen 80; location / { fastcgi_pass 127.0.0.1:2; } }"));
    EXPECT_EQ(addresses(config), Texts{"127.0.0.1:2"});
    EXPECT_EQ(config.listens, Texts{"127.0.0.1:80"});
    EXPECT_EQ(config.backends[0].where, "/n/b.conf:1");
}

TEST(NginxConfig, EndsWhateverTheIncludesDo) {
    EXPECT_EQ(parse(dumped("/n/nginx.conf", "include nginx.conf; include *.conf;")).backends.size(),
              0U);
    std::string bomb = dumped("/n/nginx.conf", "http { server { include a0;include a0;");
    for (int i = 0; i < 15; ++i) {
        std::string next = "include a";
        next.append(std::to_string(i + 1)).append(";");
        next += next;
        next += next;
        bomb += dumped("/n/a" + std::to_string(i), next);
    }
    bomb += dumped("/n/a15", "location / { fastcgi_pass 127.0.0.1:1; } listen 81;");
    EXPECT_EQ(addresses(parse(bomb)), Texts{"127.0.0.1:1"});
    EXPECT_EQ(parse(bomb).listens, Texts{"127.0.0.1:81"});
}

TEST(NginxConfig, ReadsASharedFileInEveryPlaceItIsIncludedIn) {
    const NginxConfig config =
        parse(dumped("/n/nginx.conf",
                     "http { upstream a { include servers; } upstream b { include servers; server "
                     "127.0.0.1:2; }\nserver { include listen; location / { fastcgi_pass b; } }\n"
                     "server { include listen; location / { proxy_pass http://a; } } }") +
              dumped("/n/servers", "server 127.0.0.1:1;") + dumped("/n/listen", "listen 8080;"));
    EXPECT_EQ(addresses(config), (Texts{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"}));
    EXPECT_EQ(config.listens, Texts{"127.0.0.1:8080"});
}

TEST(NginxConfig, RefusesWhatIsNoDump) {
    EXPECT_FALSE(parse_nginx_dump("").has_value());
    EXPECT_FALSE(parse_nginx_dump("http {}").has_value());
    EXPECT_FALSE(parse_nginx_dump("# configuration file relative:\nhttp {}").has_value());
    EXPECT_FALSE(parse_nginx_dump(std::string(8U * 1024U * 1024U + 1, ' ')).has_value());
}

TEST(NginxConfig, SurvivesTruncationAtEveryByte) {
    const std::string dump =
        dumped("/etc/nginx/nginx.conf",
               "user \"www\"; http { upstream u { server unix:/a; } server { listen [::]:80; "
               "location / { include \"x\\\"\"; content_by_lua_block { [==[ ]==] } fastcgi_pass "
               "${x}; } } }") +
        dumped("/etc/nginx/x", "fastcgi_pass u;");
    for (std::size_t size = 0; size < dump.size(); ++size) {
        (void)parse_nginx_dump(dump.substr(0, size));
        (void)parse_nginx_dump(dump.substr(size));
    }
    (void)parse_nginx_dump(dumped("/x", std::string(100000, '{')));
    (void)parse_nginx_dump(dumped("/x", std::string(100000, '}')));
}

TEST(NginxDump, GlobsLikeGlob) {
    EXPECT_TRUE(matches_glob("/a/*.conf", "/a/b.conf"));
    EXPECT_TRUE(matches_glob("/a/*", "/a/default~"));
    EXPECT_FALSE(matches_glob("/a/*", "/a/.x"));
    EXPECT_FALSE(matches_glob("/a/*", "/a/b/c"));
    EXPECT_TRUE(matches_glob("/a/*/x*y?z", "/a/b/xxyyyyz"));
    EXPECT_TRUE(matches_glob("/a/[0-9]*.conf", "/a/10-x.conf"));
    EXPECT_FALSE(matches_glob("/a/[!0-9]*.conf", "/a/10-x.conf"));
    EXPECT_TRUE(matches_glob("/a/[]x]", "/a/]"));
    EXPECT_TRUE(matches_glob("/a/*a*b", "/a/aaab"));
    EXPECT_FALSE(matches_glob("/a/*a*b", "/a/aaac"));
    EXPECT_TRUE(matches_glob("/a/[x", "/a/[x"));
}

}  // namespace
}  // namespace gatemend::parse
