// SPDX-License-Identifier: MIT
// What `nginx -T` says beside the addresses: how a backend is reached and with which limits.
#include "parse/nginx_config.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::parse {
namespace {

using Texts = std::vector<std::string>;

std::string dumped(const std::string& file, const std::string& text) {
    return "# configuration file " + file + ":\n" + text + "\n";
}

NginxConfig parse(const std::string& dump) {
    auto config = parse_nginx_dump(dump);
    EXPECT_TRUE(config.has_value());
    return config.has_value() ? std::move(*config) : NginxConfig{};
}

NginxConfig parse_http(const std::string& http) {
    return parse(dumped("/n", "http {\n" + http + "\n}"));
}

const PassPlace& place(const NginxConfig& config, std::size_t backend, std::size_t index = 0) {
    return config.places.at(config.backends.at(backend).places.at(index));
}

std::string value(const PassPlace& at, PassSetting setting) {
    return at.settings.of(setting).value;
}

// A WordPress site as Debian's packages lay it out, with a Node application behind TLS beside it.
std::string realistic_dump() {
    return dumped(
               "/etc/nginx/nginx.conf",
               "user www-data;\nworker_processes auto;\nworker_rlimit_nofile 8192;\n"
               "pid /run/nginx.pid;\nevents {\n\tworker_connections 768;\n}\n"
               "http {\n\tsendfile on;\n\tresolver 127.0.0.53 valid=30s;\n"
               "\tfastcgi_read_timeout 120s;\n"
               "\tlog_format timed '$remote_addr \"$request\" $status '\n"
               "\t\t'rt=$request_time us=$upstream_status';\n"
               "\taccess_log /var/log/nginx/access.log timed buffer=32k;\n"
               "\terror_log /var/log/nginx/error.log;\n"
               "\tinclude /etc/nginx/conf.d/*.conf;\n\tinclude /etc/nginx/sites-enabled/*;\n}\n") +
           dumped(
               "/etc/nginx/conf.d/upstreams.conf",
               "upstream node {\n    server 127.0.0.1:3000 max_fails=3 fail_timeout=5s;\n"
               "    server 10.0.0.7:3000 backup max_conns=100;\n    server old.example:3000 down;\n"
               "    keepalive 16;\n}\n") +
           dumped("/etc/nginx/sites-enabled/shop",
                  "server {\n\tlisten 80;\n\tlisten 443 ssl http2;\n"
                  "\tserver_name shop.example www.shop.example;\n\troot /var/www/shop;\n"
                  "\tlocation / {\n\t\ttry_files $uri /index.php;\n\t}\n"
                  "\tlocation ~ \\.php$ {\n\t\tinclude snippets/php.conf;\n"
                  "\t\tfastcgi_buffer_size 16k;\n\t}\n\tlocation = /maintenance { return 503; "
                  "}\n}\n") +
           dumped("/etc/nginx/snippets/php.conf",
                  "fastcgi_pass unix:/run/php/php8.2-fpm.sock;\nfastcgi_buffers 16 16k;\n") +
           dumped(
               "/etc/nginx/sites-enabled/zapi",
               "server {\n\tlisten 8443 ssl;\n\tserver_name api.example;\n"
               "\taccess_log off;\n\tproxy_read_timeout 10s;\n\tlocation /v1/ {\n"
               "\t\tproxy_pass https://node/;\n\t\tproxy_ssl_verify on;\n"
               "\t\tproxy_ssl_name api.internal;\n"
               "\t\tproxy_ssl_trusted_certificate /etc/ssl/ca.pem;\n"
               "\t\tproxy_next_upstream error timeout http_502;\n\t}\n"
               "\tlocation ~ \\.php$ { include snippets/php.conf; fastcgi_read_timeout 5; }\n}\n");
}

TEST(NginxPlaces, KnowTheirServerAndLocation) {
    const NginxConfig config = parse(realistic_dump());
    ASSERT_EQ(config.backends.size(), 3U);
    EXPECT_EQ(config.backends[0].address, "unix:/run/php/php8.2-fpm.sock");
    EXPECT_EQ(place(config, 0).server_names, (Texts{"shop.example", "www.shop.example"}));
    EXPECT_EQ(place(config, 0).listens, (Texts{"127.0.0.1:80", "127.0.0.1:443"}));
    EXPECT_EQ(place(config, 0).location, "~ \\.php$");
    EXPECT_EQ(place(config, 0).where, "/etc/nginx/snippets/php.conf:1");
    // the same snippet in the other server
    ASSERT_EQ(config.backends[0].places.size(), 2U);
    EXPECT_EQ(place(config, 0, 1).server_names, Texts{"api.example"});
    EXPECT_EQ(place(config, 1).location, "/v1/");
    EXPECT_EQ(config.backends[1].scheme, core::Scheme::kHttps);
    EXPECT_FALSE(config.backends[1].is_remote);
    EXPECT_TRUE(config.backends[2].is_remote);
    EXPECT_EQ(config.skipped, Texts{});
}

TEST(NginxPlaces, KnowWhatIsInEffectAndWhereItWasSet) {
    const NginxConfig config = parse(realistic_dump());
    const PassPlace& shop = place(config, 0);
    EXPECT_EQ(value(shop, PassSetting::kReadTimeout), "120s");
    EXPECT_EQ(shop.settings.of(PassSetting::kReadTimeout).where, "/etc/nginx/nginx.conf:11");
    EXPECT_EQ(value(shop, PassSetting::kBufferSize), "16k");
    EXPECT_EQ(shop.settings.of(PassSetting::kBuffers).where, "/etc/nginx/snippets/php.conf:2");
    EXPECT_EQ(value(shop, PassSetting::kBuffers), "16 16k");
    EXPECT_EQ(value(shop, PassSetting::kBusyBuffersSize), "32k");
    EXPECT_TRUE(shop.settings.of(PassSetting::kConnectTimeout).is_default());
    EXPECT_EQ(value(shop, PassSetting::kConnectTimeout), "60s");
    EXPECT_EQ(shop.settings.directive(PassSetting::kReadTimeout), "fastcgi_read_timeout");
    EXPECT_EQ(value(place(config, 0, 1), PassSetting::kReadTimeout), "5");

    const PassPlace& api = place(config, 1);
    EXPECT_EQ(value(api, PassSetting::kReadTimeout), "10s");
    EXPECT_EQ(value(api, PassSetting::kSslVerify), "on");
    EXPECT_EQ(value(api, PassSetting::kSslName), "api.internal");
    EXPECT_EQ(value(api, PassSetting::kSslTrustedCertificate), "/etc/ssl/ca.pem");
    EXPECT_EQ(value(api, PassSetting::kNextUpstream), "error timeout http_502");
    EXPECT_EQ(value(api, PassSetting::kBufferSize), "4k");
}

TEST(NginxPlaces, InheritWhereverInTheBlockItIsSet) {
    const NginxConfig config = parse_http(
        "server { location /a { proxy_pass http://127.0.0.1:1; location /a/b { "
        "proxy_pass http://127.0.0.1:2; } proxy_send_timeout 3s; } proxy_send_timeout 2s;\n"
        "location /c { if ($x) { proxy_pass http://127.0.0.1:3; } } }\nproxy_send_timeout 1s;\n"
        "server { location / { proxy_pass http://127.0.0.1:4; fastcgi_send_timeout 9s; } }");
    Texts found;
    for (std::size_t i = 0; i < 4; ++i) {
        found.push_back(value(place(config, i), PassSetting::kSendTimeout));
    }
    EXPECT_EQ(found, (Texts{"3s", "3s", "2s", "1s"}));
    EXPECT_EQ(place(config, 1).location, "/a/b");
    EXPECT_EQ(place(config, 2).location, "/c");
}

TEST(NginxPlaces, KeepTheGroupsMembers) {
    const NginxConfig config = parse(realistic_dump());
    const UpstreamGroup* group = config.find_group("node");
    ASSERT_NE(group, nullptr);
    EXPECT_EQ(group->keepalive, "16");
    ASSERT_EQ(group->members.size(), 3U);
    EXPECT_EQ(group->members[0].max_fails, 3);
    EXPECT_EQ(group->members[0].fail_timeout, "5s");
    EXPECT_TRUE(group->members[1].is_backup);
    EXPECT_EQ(group->members[1].max_conns, 100);
    EXPECT_TRUE(group->members[2].is_down);
    EXPECT_EQ(group->members[2].host, "old.example:3000");
    EXPECT_EQ(group->members[2].where, "/etc/nginx/conf.d/upstreams.conf:4");
    EXPECT_EQ(config.find_group("nosuch"), nullptr);
}

TEST(NginxPlaces, KnowNginxsOwnLimitsLogsAndAnswers) {
    const NginxConfig config = parse(realistic_dump());
    EXPECT_EQ(config.global.worker_connections.value, "768");
    EXPECT_EQ(config.global.worker_connections.where, "/etc/nginx/nginx.conf:6");
    EXPECT_EQ(config.global.worker_processes.value, "auto");
    EXPECT_EQ(config.global.worker_rlimit_nofile.value, "8192");
    ASSERT_EQ(config.access_logs.size(), 1U);
    EXPECT_EQ(config.access_logs[0].path, "/var/log/nginx/access.log");
    EXPECT_EQ(config.access_logs[0].format, "timed");
    EXPECT_EQ(config.access_logs[0].text,
              "$remote_addr \"$request\" $status rt=$request_time us=$upstream_status");
    ASSERT_EQ(config.returns.size(), 1U);
    EXPECT_EQ(config.returns[0].status, 503);
    EXPECT_EQ(config.returns[0].location, "= /maintenance");
    EXPECT_EQ(config.returns[0].where, "/etc/nginx/sites-enabled/shop:13");
    ASSERT_EQ(config.resolvers.size(), 1U);
    EXPECT_EQ(config.resolvers[0].value, "127.0.0.53 valid=30s");
    EXPECT_EQ(parse_http("").global.worker_connections.value, "512");
    EXPECT_TRUE(parse_http("").global.worker_connections.is_default());
}

TEST(NginxPlaces, NameTheFormatNginxUsesByDefault) {
    const NginxConfig config = parse_http(
        "access_log /a.log; access_log /b.log gzip; access_log /c.log nosuch; access_log "
        "logs/d.log; access_log /$host.log; access_log syslog:server=unix:/dev/log;\n"
        "log_format j escape=json '{\"s\":$status}'; server { access_log /e.log j if=$x; }");
    Texts found;
    for (const LogPlace& log : config.access_logs) {
        found.push_back(log.path + " " + log.format + " " + std::to_string(log.text.size()));
    }
    EXPECT_EQ(
        found,
        (Texts{"/a.log combined 112", "/b.log combined 112", "/c.log nosuch 0", "/e.log j 13"}));
    EXPECT_EQ(config.skipped.size(), 2U);
}

TEST(NginxPlaces, TakeABlockInsideAGroupForPartOfIt) {
    const NginxConfig config = parse_http(
        "upstream u { server 127.0.0.1:1; { server 127.0.0.1:2; } x { server 127.0.0.1:3; { } } "
        "keepalive 2; } server { location / { proxy_pass http://u; } }");
    EXPECT_EQ(config.backends.size(), 3U);
    EXPECT_EQ(config.groups.size(), 1U);
    EXPECT_EQ(config.groups[0].keepalive, "2");
}

TEST(NginxPlaces, StayFewForABackendOfManyLocations) {
    std::string http = "upstream u { server 127.0.0.1:1; server 127.0.0.1:2; } server {";
    for (int i = 0; i < 200; ++i) {
        http.append("location /").append(std::to_string(i)).append("{ proxy_pass http://u; }");
    }
    const NginxConfig config = parse_http(http + "}");
    ASSERT_EQ(config.backends.size(), 2U);
    EXPECT_EQ(config.backends[1].places.size(), 16U);
}

TEST(NginxSettings, UnderstandSizesAndTimes) {
    EXPECT_EQ(config_bytes("16k"), 16384U);
    EXPECT_EQ(config_bytes("1m"), 1048576U);
    EXPECT_EQ(config_bytes("512"), 512U);
    EXPECT_FALSE(config_bytes("x"));
    EXPECT_FALSE(config_bytes("1kb"));
    EXPECT_EQ(config_milliseconds("60"), 60000U);
    EXPECT_EQ(config_milliseconds("60s"), 60000U);
    EXPECT_EQ(config_milliseconds("1m30s"), 90000U);
    EXPECT_EQ(config_milliseconds("500ms"), 500U);
    EXPECT_EQ(config_milliseconds("1h 5m"), 3900000U);
    EXPECT_FALSE(config_milliseconds(""));
    EXPECT_FALSE(config_milliseconds("s"));
    EXPECT_FALSE(config_milliseconds("1x"));
}

}  // namespace
}  // namespace gatemend::parse
