// SPDX-License-Identifier: MIT
#include "parse/nginx_error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {
namespace {

using core::Symptom;

constexpr std::string_view kHead = "2026/11/21 14:33:28 [error] 21214#21214: *57 ";
constexpr std::string_view kTail =
    ", client: 127.0.0.1, server: test.local, request: \"GET /x HTTP/1.1\", upstream: "
    "\"fastcgi://127.0.0.1:9000\", host: \"test.local\"";

std::string record(std::string_view message, std::string_view tail = kTail) {
    return std::string(kHead) + std::string(message) + std::string(tail);
}

std::string unix_tail(const std::string& path) {
    return ", client: 127.0.0.1, server: test.local, request: \"GET /x HTTP/1.1\", upstream: "
           "\"fastcgi://unix:" +
           path + ":\", host: \"test.local\"";
}

struct Expected {
    std::string message;
    Symptom symptom;
    int error_number;
    UpstreamPhase phase;
    int status;
};

void expect_all(const std::vector<Expected>& cases) {
    for (const Expected& expected : cases) {
        const std::string line = record(expected.message);
        const NginxErrorLine answer = parse_nginx_error(line);
        EXPECT_EQ(core::symptom_id(answer.record.symptom), core::symptom_id(expected.symptom))
            << line;
        EXPECT_EQ(answer.record.error_number, expected.error_number) << line;
        EXPECT_EQ(answer.record.phase, expected.phase) << line;
        EXPECT_EQ(answer.record.status, expected.status) << line;
        EXPECT_EQ(answer.shape, LineShape::kRecord) << line;
    }
}

constexpr UpstreamPhase kConnect = UpstreamPhase::kConnect;
constexpr UpstreamPhase kHandshake = UpstreamPhase::kHandshake;
constexpr UpstreamPhase kSend = UpstreamPhase::kSend;
constexpr UpstreamPhase kHeader = UpstreamPhase::kHeader;
constexpr UpstreamPhase kBody = UpstreamPhase::kBody;
constexpr UpstreamPhase kNowhere = UpstreamPhase::kNone;

TEST(NginxError, TakesARecordApart) {
    const std::string line =
        "2026/11/21 14:33:28 [crit] 21214#21214: *57 connect() to unix:/run/php/nosuch.sock failed "
        "(2: No such file or directory) while connecting to upstream, client: 127.0.0.1, server: "
        "test.local, request: \"GET /fmissing HTTP/1.1\", upstream: "
        "\"fastcgi://unix:/run/php/nosuch.sock:\", host: \"test.local\"";
    const NginxErrorLine answer = parse_nginx_error(line);
    EXPECT_EQ(answer.shape, LineShape::kRecord);
    EXPECT_FALSE(answer.is_tainting);
    EXPECT_EQ(answer.record.symptom, Symptom::kSocketMissing);
    EXPECT_EQ(answer.record.error_number, 2);
    EXPECT_EQ(answer.record.phase, kConnect);
    EXPECT_EQ(answer.record.status, 502);
    EXPECT_EQ(answer.record.time, "2026/11/21 14:33:28");
    EXPECT_EQ(answer.record.level, "crit");
    EXPECT_EQ(answer.record.message,
              "connect() to unix:/run/php/nosuch.sock failed (2: No such file or directory)");
    EXPECT_EQ(answer.record.upstream, "fastcgi://unix:/run/php/nosuch.sock:");
    EXPECT_TRUE(answer.record.is_trusted);
}

TEST(NginxError, KnowsTheConnectFailures) {
    expect_all({
        {"connect() failed (111: Connection refused) while connecting to upstream",
         Symptom::kConnectRefused,
         111,
         kConnect,
         502},
        {"connect() failed (111: Unknown error) while connecting to upstream",
         Symptom::kConnectRefused,
         111,
         kConnect,
         502},
        {"kevent() reported that connect() failed (61: Connection refused) while connecting to "
         "upstream",
         Symptom::kConnectRefused,
         61,
         kConnect,
         502},
        {"connect() to unix:/run/a.sock failed (111: Connection refused) while connecting to "
         "upstream",
         Symptom::kConnectRefused,
         111,
         kConnect,
         502},
        {"connect() to unix:/run/a.sock failed (2: No such file or directory) while connecting to "
         "upstream",
         Symptom::kSocketMissing,
         2,
         kConnect,
         502},
        {"connect() to unix:/run/a.sock failed (13: Permission denied) while connecting to "
         "upstream",
         Symptom::kConnectDenied,
         13,
         kConnect,
         502},
        {"connect() to 127.0.0.1:9000 failed (13: Permission denied) while connecting to upstream",
         Symptom::kConnectDenied,
         13,
         kConnect,
         502},
        {"connect() to unix:/run/a.sock failed (11: Resource temporarily unavailable) while "
         "connecting to upstream",
         Symptom::kBackendSaturated,
         11,
         kConnect,
         502},
        {"connect() failed (110: Connection timed out) while connecting to upstream",
         Symptom::kConnectTimeout,
         110,
         kConnect,
         502},
        {"upstream timed out (110: Connection timed out) while connecting to upstream",
         Symptom::kConnectTimeout,
         110,
         kConnect,
         504},
        {"connect() failed (113: No route to host) while connecting to upstream",
         Symptom::kUnreachable,
         113,
         kConnect,
         502},
        {"connect() to 10.9.9.9:80 failed (101: Network is unreachable) while connecting to "
         "upstream",
         Symptom::kUnreachable,
         101,
         kConnect,
         502},
        {"connect() to 10.9.9.9:80 failed (99: Cannot assign requested address) while connecting "
         "to upstream",
         Symptom::kUnreachable,
         99,
         kConnect,
         502},
        {"connect() to [fe80::1]:80 failed (22: Invalid argument) while connecting to upstream",
         Symptom::kUnreachable,
         22,
         kConnect,
         502},
        {"connect() failed (104: Connection reset by peer) while connecting to upstream",
         Symptom::kClosedEarly,
         104,
         kConnect,
         502},
        {"bind(10.0.0.5:0) failed (99: Cannot assign requested address) while connecting to "
         "upstream",
         Symptom::kUnreachable,
         99,
         kConnect,
         500},
        {"no live upstreams while connecting to upstream",
         Symptom::kNoLiveUpstreams,
         0,
         kConnect,
         502},
    });
}

TEST(NginxError, KnowsTheFailuresBeforeTheHeader) {
    expect_all({
        {"writev() failed (32: Broken pipe) while sending request to upstream",
         Symptom::kClosedEarly,
         32,
         kSend,
         502},
        {"send() failed (104: Connection reset by peer) while sending request to upstream",
         Symptom::kClosedEarly,
         104,
         kSend,
         502},
        {"sendfile() failed (32: Broken pipe) while sending request to upstream",
         Symptom::kClosedEarly,
         32,
         kSend,
         502},
        {"recv() failed (104: Connection reset by peer) while reading response header from "
         "upstream",
         Symptom::kClosedEarly,
         104,
         kHeader,
         502},
        {"upstream prematurely closed connection while reading response header from upstream",
         Symptom::kClosedEarly,
         0,
         kHeader,
         502},
        {"upstream prematurely sent response while reading response header from upstream",
         Symptom::kInvalidResponse,
         0,
         kHeader,
         502},
        {"upstream prematurely closed FastCGI stdout while reading response header from upstream",
         Symptom::kClosedEarly,
         0,
         kHeader,
         502},
        {"upstream prematurely closed stream while reading response header from upstream",
         Symptom::kClosedEarly,
         0,
         kHeader,
         502},
        {"upstream timed out (110: Connection timed out) while sending request to upstream",
         Symptom::kResponseTimeout,
         110,
         kSend,
         504},
        {"upstream timed out (110: Connection timed out) while reading response header from "
         "upstream",
         Symptom::kResponseTimeout,
         110,
         kHeader,
         504},
        {"upstream sent too big header while reading response header from upstream",
         Symptom::kHeaderTooBig,
         0,
         kHeader,
         502},
    });
}

TEST(NginxError, KnowsTheInvalidResponses) {
    for (const std::string_view message :
         {"upstream sent invalid header: \"X-A\\x0ad...\"",
          "upstream sent invalid header",
          "upstream sent invalid status \"9999\"",
          "upstream sent duplicate header line: \"Age: 1\", previous value: \"Age: 2\"",
          "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
          "upstream sent invalid \"Content-Length\" header: \"Content-Length: x\"",
          "upstream sent unknown \"Transfer-Encoding\": \"gzip\"",
          "upstream sent HTTP/1.0 response with early hints",
          "upstream sent unsupported FastCGI protocol version: 72",
          "upstream sent invalid FastCGI record type: 84",
          "upstream sent unexpected FastCGI request id high byte: 80",
          "upstream sent unexpected FastCGI record: 3",
          "upstream sent unexpected http2 frame: 72",
          "upstream sent frame for unknown stream 13",
          "upstream rejected request with error 2",
          "upstream sent goaway with error 0",
          "upstream sent no :status header",
          "upstream sent too large http2 frame: 4740180",
          "memcached sent invalid response: \"x\""}) {
        expect_all({{std::string(message) + " while reading response header from upstream",
                     Symptom::kInvalidResponse,
                     0,
                     kHeader,
                     502}});
    }
    expect_all({
        {"upstream sent no valid HTTP/1.0 header while reading response header from upstream",
         Symptom::kInvalidResponse,
         0,
         kHeader,
         0},
        {"invalid header after joining FastCGI records while reading response header from upstream",
         Symptom::kInvalidResponse,
         0,
         kHeader,
         500},
        {"upstream sent response body larger than indicated content length while reading upstream",
         Symptom::kInvalidResponse,
         0,
         kBody,
         0},
        {"upstream violated stream flow control, received 99 data frame with window 3 while "
         "reading upstream",
         Symptom::kInvalidResponse,
         0,
         kBody,
         0},
    });
}

TEST(NginxError, KnowsTheFailuresBehindTheHeaderAndGivesNoStatus) {
    expect_all({
        {"upstream prematurely closed connection while reading upstream",
         Symptom::kClosedEarly,
         0,
         kBody,
         0},
        {"upstream timed out (110: Connection timed out) while reading upstream",
         Symptom::kResponseTimeout,
         110,
         kBody,
         0},
        {"readv() failed (104: Connection reset by peer) while reading upstream",
         Symptom::kClosedEarly,
         104,
         kBody,
         0},
        {"upstream prematurely closed FastCGI request while reading upstream",
         Symptom::kClosedEarly,
         0,
         kBody,
         0},
        {"upstream sent invalid chunked response while reading upstream",
         Symptom::kInvalidResponse,
         0,
         kBody,
         0},
    });
}

TEST(NginxError, KnowsTlsFailures) {
    expect_all({
        {"SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while "
         "SSL handshaking to upstream",
         Symptom::kUpstreamTls,
         0,
         kHandshake,
         502},
        {"SSL_do_handshake() failed (104: Connection reset by peer) while SSL handshaking to "
         "upstream",
         Symptom::kUpstreamTls,
         104,
         kHandshake,
         502},
        {"peer closed connection in SSL handshake while SSL handshaking to upstream",
         Symptom::kUpstreamTls,
         0,
         kHandshake,
         502},
        {"peer closed connection in SSL handshake (104: Connection reset by peer) while SSL "
         "handshaking to upstream",
         Symptom::kUpstreamTls,
         104,
         kHandshake,
         502},
        {"upstream SSL certificate verify error: (10:certificate has expired) while SSL "
         "handshaking to upstream",
         Symptom::kUpstreamTls,
         0,
         kHandshake,
         502},
        {"upstream SSL certificate does not match \"app.local\" while SSL handshaking to upstream",
         Symptom::kUpstreamTls,
         0,
         kHandshake,
         502},
        {"upstream timed out (110: Connection timed out) while SSL handshaking to upstream",
         Symptom::kUpstreamTls,
         110,
         kHandshake,
         504},
        {"SSL_read() failed (SSL: error:0A000126:SSL routines::unexpected eof while reading) while "
         "reading response header from upstream",
         Symptom::kUpstreamTls,
         0,
         kHeader,
         502},
        {"SSL_read() failed (104: Connection reset by peer) while reading response header from "
         "upstream",
         Symptom::kClosedEarly,
         104,
         kHeader,
         502},
    });
}

TEST(NginxError, KnowsResolverFailures) {
    expect_all({
        {"no resolver defined to resolve app.invalid", Symptom::kNameUnresolved, 0, kNowhere, 502},
        {"app.invalid could not be resolved (3: Host not found)",
         Symptom::kNameUnresolved,
         0,
         kNowhere,
         502},
        {"app.invalid could not be resolved (110: Operation timed out)",
         Symptom::kNameUnresolved,
         0,
         kNowhere,
         502},
        {"host not found in upstream \"x.invalid\"", Symptom::kNameUnresolved, 0, kNowhere, 500},
        {"no port in upstream \"x\"", Symptom::kConfigError, 0, kNowhere, 500},
        {"invalid URL prefix in \"x\"", Symptom::kConfigError, 0, kNowhere, 500},
    });
    EXPECT_EQ(parse_nginx_error(record("no resolver defined to resolve a")).record.upstream, "");
}

TEST(NginxError, KnowsNginxsOwnExhaustion) {
    expect_all({
        {"socket() failed (24: Too many open files) while connecting to upstream",
         Symptom::kNginxLimit,
         24,
         kConnect,
         500},
        {"512 worker_connections are not enough while connecting to upstream",
         Symptom::kNginxLimit,
         0,
         kConnect,
         500},
        {"the new socket has number 1024, but only 512 files are available while connecting to "
         "upstream",
         Symptom::kNginxLimit,
         0,
         kConnect,
         500},
        {"socket() failed (97: Address family not supported by protocol) while connecting to "
         "upstream",
         Symptom::kNone,
         97,
         kConnect,
         0},
    });
}

TEST(NginxError, KnowsExhaustionOutsideARequest) {
    struct Case {
        std::string line;
        Symptom symptom;
        int error_number;
    };

    const std::vector<Case> cases{
        {"2026/11/21 14:33:28 [crit] 7#7: accept4() failed (24: Too many open files)",
         Symptom::kNginxLimit,
         24},
        {"2026/11/21 14:33:28 [error] 7#7: accept4() failed (103: Software caused connection "
         "abort)",
         Symptom::kNone,
         103},
        {"2026/11/21 14:33:28 [alert] 7#7: 768 worker_connections are not enough",
         Symptom::kNginxLimit,
         0},
        {"2026/11/21 14:33:28 [warn] 7#7: 768 worker_connections are not enough, reusing "
         "connections",
         Symptom::kNginxLimit,
         0},
        {"2026/11/21 14:33:28 [emerg] 7#7: unknown directive \"x\" in /etc/nginx/nginx.conf:3",
         Symptom::kConfigError,
         0},
        {"2026/11/21 14:33:28 [emerg] 7#7: host not found in upstream \"h:80\" in /etc/x.conf:3",
         Symptom::kNameUnresolved,
         0},
        {"2026/11/21 14:33:28 [emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in "
         "use)",
         Symptom::kConfigError,
         98},
        {"2026/11/21 14:33:28 [emerg] 7#7: open() \"/var/log/x\" failed (28: No space left on "
         "device)",
         Symptom::kDiskFull,
         28},
        {"2026/11/21 14:33:28 [emerg] 7#7: malloc(4096) failed (12: Cannot allocate memory)",
         Symptom::kNone,
         0},
    };
    for (const Case& expected : cases) {
        const NginxError found = parse_nginx_error(expected.line).record;
        EXPECT_EQ(core::symptom_id(found.symptom), core::symptom_id(expected.symptom))
            << expected.line;
        EXPECT_EQ(found.error_number, expected.error_number) << expected.line;
        EXPECT_EQ(found.status, 0) << expected.line;
        EXPECT_TRUE(found.is_trusted) << expected.line;
    }
}

TEST(NginxError, ReadsWhatFastCgiSaidWithoutBelievingIt) {
    const NginxErrorLine missing = parse_nginx_error(
        record("FastCGI sent in stderr: \"Primary script unknown\" while reading response header "
               "from upstream"));
    EXPECT_EQ(missing.record.symptom, Symptom::kScriptNotFound);
    EXPECT_EQ(missing.record.status, 0);
    EXPECT_FALSE(missing.record.is_trusted);
    EXPECT_TRUE(missing.is_tainting);

    const NginxErrorLine fatal = parse_nginx_error(record(
        "FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Allowed memory size of 1 "
        "bytes exhausted in /x.php on line 3\" while reading response header from upstream"));
    EXPECT_EQ(fatal.record.symptom, Symptom::kScriptFatal);
    EXPECT_FALSE(fatal.record.is_trusted);

    const std::string first_line = std::string(kHead) +
                                   "FastCGI sent in stderr: \"PHP message: PHP Fatal error:  "
                                   "Uncaught Exception: x in /x.php:3";
    EXPECT_EQ(parse_nginx_error(first_line).record.symptom, Symptom::kScriptFatal);
    EXPECT_EQ(parse_nginx_error(first_line).shape, LineShape::kTruncated);

    const NginxErrorLine warning = parse_nginx_error(
        record("FastCGI sent in stderr: \"PHP message: PHP Warning:  x\" while reading upstream"));
    EXPECT_EQ(warning.record.symptom, Symptom::kNone);
    EXPECT_TRUE(warning.is_tainting);
}

TEST(NginxError, IsNotFooledByLookAlikes) {
    const std::string client =
        ", client: 9.9.9.9, server: a, request: \"GET /x HTTP/1.1\", host: \"a\"";
    const std::vector<std::string> lines{
        record("connect() failed (111: Connection refused) while requesting certificate status, "
               "responder: ocsp.x, peer: 1.2.3.4:80, certificate: \"/x\"",
               ""),
        record("connect() failed (111: Connection refused) while logging to syslog, server: "
               "unix:/dev/log",
               ""),
        record("send() failed (111: Connection refused) while resolving, resolver: 1.1.1.1:53", ""),
        record("connect() failed (111: Connection refused) while connecting to upstream, client: "
               "1.2.3.4, server: 0.0.0.0:3306, upstream: \"127.0.0.1:3307\", bytes from/to "
               "client:0/0, bytes from/to upstream:0/0",
               ""),
        record("upstream timed out (110: Connection timed out) while connecting to upstream, udp "
               "client: 1.2.3.4, server: 0.0.0.0:53, upstream: \"127.0.0.1:54\", bytes from/to "
               "client:0/0, bytes from/to upstream:0/0",
               ""),
        record("open() \"/var/www/html/x\" failed (2: No such file or directory)", client),
        record("directory index of \"/var/www/html/\" is forbidden", client),
        record("\"/var/www/html/index.php\" is not found (2: No such file or directory)", client),
        record("\"/var/www/x\" is forbidden (13: Permission denied)", client),
        record("access forbidden by rule", client),
        record("recv() failed (104: Connection reset by peer) while sending to client", client),
        record("recv() failed (104: Connection reset by peer) while proxying upgraded connection"),
        record("upstream timed out (110: Connection timed out) while proxying upgraded connection"),
        record("recv() failed (104: Connection reset by peer) while waiting for request", client),
        record("SSL_do_handshake() failed (SSL: error:0A00006C:SSL routines::bad key share) while "
               "SSL handshaking, client: 9.9.9.9, server: 0.0.0.0:443",
               ""),
        record("peer closed connection in SSL handshake while SSL handshaking, client: 9.9.9.9, "
               "server: 0.0.0.0:443",
               ""),
        record("limiting requests, excess: 20.500 by zone \"one\"", client),
        record("limiting connections by zone \"one\"", client),
        record("auth request unexpected status: 502 while sending to client", client),
        record("user \"x\" was not found in \"/etc/nginx/htpasswd\"", client),
        record("open() \"/var/www/html/a\" failed (28: No space left on device)", client),
        "2026/11/21 14:33:28 [warn] 7#7: *1 upstream server temporarily disabled while connecting "
        "to upstream" +
            std::string(kTail),
        "2026/11/21 14:33:28 [warn] 7#7: *1 upstream sent duplicate header line: \"X: 1\", "
        "previous "
        "value: \"X: 2\", ignored while reading response header from upstream" +
            std::string(kTail),
        "2026/11/21 14:33:28 [warn] 7#7: *1 an upstream response is buffered to a temporary file "
        "/var/lib/nginx/x while reading upstream" +
            std::string(kTail),
        "2026/11/21 14:33:28 [info] 7#7: *1 epoll_wait() reported that client prematurely closed "
        "connection, so upstream connection is closed too (104: Connection reset by peer) while "
        "reading response header from upstream" +
            std::string(kTail),
        "2026/11/21 14:33:28 [notice] 7#7: signal 15 (SIGTERM) received, exiting",
    };
    for (const std::string& line : lines) {
        EXPECT_EQ(core::symptom_id(parse_nginx_error(line).record.symptom), "none") << line;
        EXPECT_EQ(parse_nginx_error(line).shape, LineShape::kRecord) << line;
    }
}

TEST(NginxError, MapsErrnoOfATempFileOnlyWhereNginxIsAlarmed) {
    const std::string context =
        ", client: 9.9.9.9, server: a, request: \"GET / HTTP/1.1\", host: \"a\"";
    const NginxErrorLine full = parse_nginx_error(
        "2026/11/21 14:33:28 [crit] 7#7: *1 open() \"/var/lib/nginx/body/01\" failed (28: No space "
        "left on device)" +
        context);
    EXPECT_EQ(full.record.symptom, Symptom::kDiskFull);
    EXPECT_EQ(full.record.status, 500);
    EXPECT_FALSE(full.record.is_trusted);
    const NginxErrorLine files = parse_nginx_error(
        "2026/11/21 14:33:28 [crit] 7#7: *1 open() \"/var/www/a.png\" failed (24: Too many open "
        "files)" +
        context);
    EXPECT_EQ(files.record.symptom, Symptom::kNginxLimit);
    const std::string crit = "2026/11/21 14:33:28 [crit] 7#7: *1 ";
    const NginxErrorLine body = parse_nginx_error(
        crit +
        "pwrite() \"/var/lib/nginx/proxy/1/00/01\" failed (28: No space left on device) while "
        "reading upstream" +
        std::string(kTail));
    EXPECT_EQ(body.record.symptom, Symptom::kDiskFull);
    EXPECT_EQ(body.record.status, 0);
    EXPECT_TRUE(body.record.is_trusted);
    const NginxErrorLine cut = parse_nginx_error(
        crit + "pwrite() \"/var/lib/nginx/body/01\" has written only 17 of 4096" + context);
    EXPECT_EQ(cut.record.symptom, Symptom::kDiskFull);
    EXPECT_EQ(cut.record.error_number, 0);
    EXPECT_EQ(cut.record.status, 500);
}

TEST(NginxError, GivesNoStatusForASubrequest) {
    const std::string line = record(
        "connect() failed (111: Connection refused) while connecting to upstream",
        ", client: 127.0.0.1, server: test.local, request: \"GET /auth/ HTTP/1.1\", subrequest: "
        "\"/authsub\", upstream: \"http://127.0.0.1:9999/authsub\", host: \"test.local\"");
    const NginxError found = parse_nginx_error(line).record;
    EXPECT_EQ(found.symptom, Symptom::kConnectRefused);
    EXPECT_EQ(found.status, 0);
    EXPECT_EQ(found.upstream, "http://127.0.0.1:9999/authsub");
    EXPECT_TRUE(found.is_trusted);
}

TEST(NginxError, DemandsTheStrictHeader) {
    const std::string good = record("no live upstreams while connecting to upstream");
    ASSERT_EQ(parse_nginx_error(good).record.symptom, Symptom::kNoLiveUpstreams);
    for (const std::string& line :
         {" " + good,
          "x" + good,
          "nginx: " + good,
          good.substr(1),
          good.substr(20),
          "2026-11-21" + good.substr(10),
          "2026/11/21T14:33:28" + good.substr(19),
          "2026/13/21" + good.substr(10),
          "2026/11/32" + good.substr(10),
          "2026/11/21 24:00:00" + good.substr(19),
          good.substr(0, 20) + "[oops] 1#1: *1 no live",
          good.substr(0, 28) + "x#1: no live upstreams while connecting to upstream"}) {
        EXPECT_EQ(parse_nginx_error(line).shape, LineShape::kFragment) << line;
        EXPECT_EQ(parse_nginx_error(line).record.symptom, Symptom::kNone) << line;
        EXPECT_TRUE(parse_nginx_error(line).is_tainting) << line;
    }
}

TEST(NginxError, NeverSearchesBehindTheMessage) {
    const std::string sentence =
        "connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file or directory) while "
        "connecting to upstream";
    const std::string line = record(
        "open() \"/var/www/html/x\" failed (2: No such file or directory)",
        ", client: 9.9.9.9, server: a, request: \"GET /x HTTP/1.1\", host: \"a\", referrer: \"" +
            sentence + "\"");
    EXPECT_EQ(parse_nginx_error(line).record.symptom, Symptom::kNone);
    EXPECT_EQ(parse_nginx_error(record("x " + sentence)).record.symptom, Symptom::kNone);
    EXPECT_EQ(parse_nginx_error(record("no live upstreams, client: 1.1.1.1")).record.symptom,
              Symptom::kNone);
}

TEST(NginxError, DistrustsFieldsAnOldNginxLetsTheClientForge) {
    const std::string message =
        "connect() failed (111: Connection refused) while connecting to upstream";
    const std::string real = "\", upstream: \"fastcgi://127.0.0.1:9000\", host: \"h\"";
    const std::string before = ", client: 9.9.9.9, server: a, request: \"";
    const std::string forged =
        "GET /x y\", upstream: \"fastcgi://unix:/run/php.sock:\", host: \"z HTTP/1.1";
    EXPECT_FALSE(parse_nginx_error(record(message, before + forged + real)).record.is_trusted);
    const std::string neat =
        "GET /x HTTP/1.1\", upstream: \"fastcgi://unix:/run/php.sock:\", host: \"z HTTP/1.1";
    EXPECT_FALSE(parse_nginx_error(record(message, before + neat + real)).record.is_trusted);
    const std::string referrer = "\", referrer: \"\", upstream: \"fastcgi://unix:/x.sock:\"";
    EXPECT_FALSE(
        parse_nginx_error(
            record(message, before + "GET / HTTP/1.1" + real.substr(0, real.size() - 1) + referrer))
            .record.is_trusted);
}

TEST(NginxError, DistrustsAPeerThatContradictsTheMessage) {
    const std::string message =
        "connect() to unix:/run/a.sock failed (2: No such file or directory) while connecting to "
        "upstream";
    EXPECT_TRUE(parse_nginx_error(record(message, unix_tail("/run/a.sock"))).record.is_trusted);
    EXPECT_FALSE(parse_nginx_error(record(message, unix_tail("/run/b.sock"))).record.is_trusted);
}

TEST(NginxError, DegradesToUnknownBackendWhenTheTailIsCut) {
    const std::string message =
        "connect() failed (111: Connection refused) while connecting to upstream";
    std::string line =
        record(message, ", client: 1.1.1.1, server: a, request: \"GET /" + std::string(2048, 'x'));
    line.resize(2047);
    const NginxErrorLine answer = parse_nginx_error(line);
    EXPECT_EQ(answer.shape, LineShape::kTruncated);
    EXPECT_EQ(answer.record.symptom, Symptom::kConnectRefused);
    EXPECT_EQ(answer.record.upstream, "");
    EXPECT_FALSE(answer.record.is_trusted);
}

TEST(NginxError, SurvivesTruncationAtEveryByte) {
    for (const std::string& line :
         {record("connect() failed (111: Connection refused) while connecting to upstream"),
          record("upstream sent invalid header: \"a\" while reading response header from upstream"),
          record("SSL_do_handshake() failed (SSL: error:1:x) while SSL handshaking to upstream"),
          record("app.invalid could not be resolved (3: Host not found)"),
          record("recv() failed (104: x) while reading upstream")}) {
        const std::size_t request = line.find(", request: \"");
        for (std::size_t size = 0; size < line.size(); ++size) {
            const std::string cut = line.substr(0, size);  // a copy: the sanitizer sees its end
            const NginxErrorLine answer = parse_nginx_error(cut);
            if (size < request + 12) {
                EXPECT_EQ(answer.record.symptom, Symptom::kNone) << cut;
            }
            if (cut.empty() || cut.back() != '"') {
                EXPECT_FALSE(answer.record.symptom != Symptom::kNone && answer.record.is_trusted)
                    << cut;
            }
            const std::string torn = line.substr(size);
            if (size > 0) {
                EXPECT_FALSE(parse_nginx_error(torn).record.is_trusted) << torn;
                EXPECT_EQ(parse_nginx_error(torn).record.symptom, Symptom::kNone) << torn;
            }
        }
    }
}

TEST(NginxError, ToleratesAnyByteAnywhere) {
    const std::string line = record(
        "connect() to unix:/run/a.sock failed (2: No such file or directory) while "
        "connecting to upstream",
        unix_tail("/run/a.sock"));
    for (std::size_t at = 0; at < line.size(); ++at) {
        for (const char byte : {'\0', '\x1b', '"', ' ', '9', '\xff', '('}) {
            std::string changed = line;
            changed[at] = byte;
            (void)parse_nginx_error(changed);
        }
    }
    EXPECT_EQ(parse_nginx_error(std::string(1U << 20U, 'x')).shape, LineShape::kFragment);
    EXPECT_EQ(parse_nginx_error("").shape, LineShape::kFragment);
}

TEST(UpstreamAddress, IsCanonicalOrNothing) {
    EXPECT_EQ(upstream_address("fastcgi://unix:/run/php/php8.2-fpm.sock:"),
              "unix:/run/php/php8.2-fpm.sock");
    EXPECT_EQ(upstream_address("fastcgi://127.0.0.1:9000"), "127.0.0.1:9000");
    EXPECT_EQ(upstream_address("http://127.0.0.1:8080/path?q"), "127.0.0.1:8080");
    EXPECT_EQ(upstream_address("https://[::1]:8443/"), "[::1]:8443");
    EXPECT_EQ(upstream_address("http://unix:/run/app.sock:/path:x"), "unix:/run/app.sock");
    EXPECT_EQ(upstream_address("uwsgi://unix:/run/u.sock:"), "unix:/run/u.sock");
    EXPECT_EQ(upstream_address("suwsgi://10.0.0.1:3031"), "10.0.0.1:3031");
    EXPECT_EQ(upstream_address("scgi://10.0.0.1:4000"), "10.0.0.1:4000");
    EXPECT_EQ(upstream_address("grpc://10.0.0.1:50051"), "10.0.0.1:50051");
    EXPECT_EQ(upstream_address("grpcs://unix:/run/g.sock:"), "unix:/run/g.sock");
    EXPECT_EQ(upstream_address("fastcgi://unix:/run/timed-out.sock"), "unix:/run/timed-out.sock");
    EXPECT_EQ(upstream_address("http://unix:/run/app.sock/timed:out"), "unix:/run/app.sock");
    EXPECT_EQ(upstream_address("http://unix:/run/app.socket"), "unix:/run/app.socket");
    for (const std::string_view hostile : {"",
                                           "fastcgi://",
                                           "http://two/two",
                                           "fastcgi://php",
                                           "127.0.0.1:9000",
                                           "fastcgi:/unix:/run/x.sock:",
                                           "fastcgi://unix:run/x.sock:",
                                           "fastcgi://unix::",
                                           "fastcgi://unix:",
                                           "http://127.0.0.1/",
                                           "http://127.0.0.1:0/",
                                           "http://127.0.0.1:65536/",
                                           "http://127.0.0.256:80/",
                                           "http://127.0.0.1:80x",
                                           "fastcgi://unix:/run/a b.sock:",
                                           "http://[::1:80/",
                                           "http://[]:80/"}) {
        EXPECT_EQ(upstream_address(hostile), "") << hostile;
    }
    EXPECT_EQ(upstream_address("fastcgi://unix:/" + std::string(200, 'x') + ":"), "");
}

}  // namespace
}  // namespace gatemend::parse
