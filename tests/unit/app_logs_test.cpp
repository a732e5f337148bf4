// SPDX-License-Identifier: MIT
// What single lines mean stands in tests/corpus; here is how the readers behave as a whole.
#include "parse/app_logs.hpp"

#include "parse/lsm_denial.hpp"
#include "parse/text_pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

TEST(TextPattern, MatchesFromTheBeginning) {
    EXPECT_TRUE(match_pattern("child # exited", "child 49 exited on signal 11"));
    EXPECT_FALSE(match_pattern("child # exited", "a child 49 exited"));
    EXPECT_FALSE(match_pattern("child # exited", "child x exited"));
    EXPECT_FALSE(match_pattern("child # exited$", "child 49 exited on"));
    EXPECT_TRUE(match_pattern("%*%*%* x # %*$", "*** x 7 *"));
    EXPECT_FALSE(match_pattern("%*", "x"));
}

TEST(TextPattern, KeepsNumberErrnoAndSubject) {
    const auto match =
        match_pattern("address '%s': * (%e)$", "address '127.0.0.1:9000': Address in use (98)");
    ASSERT_TRUE(match);
    EXPECT_EQ(match->subject, "127.0.0.1:9000");
    EXPECT_EQ(match->error_number, 98);
    EXPECT_EQ(match_pattern("of %n bytes", "of 99999999999999999999 bytes")->number, 2147483647);
    EXPECT_FALSE(match_pattern("[%s]", "[]"));
}

TEST(AppLogs, LeaveTheLinesOfNobody) {
    for (const char* line :
         {"",
          "hello",
          "GET / HTTP/1.1",
          "{\"level\":\"error\"}",
          "Started the engine",
          "Error: something",
          "TypeError: x is not a function",
          "WARNING: a warning of somebody",
          "2026/11/21 14:33:28 [crit] 7#7: *57 connect() to unix:/x failed",
          "192.0.2.7 - - [21/Nov/2026:14:33:28 +0000] \"GET / HTTP/1.1\" 502 150"}) {
        EXPECT_FALSE(read_app_log(line, LogSource::kUnknown)) << line;
    }
}

TEST(AppLogs, HoldToTheHint) {
    const std::string fpm =
        "[21-Nov-2026 14:29:57] WARNING: [pool www] child 49 exited on signal 11 (SIGSEGV) after "
        "16.499338 seconds from start";
    EXPECT_EQ(read_app_log(fpm, LogSource::kPhpFpm)->clue, Clue::kWorkerSignal);
    EXPECT_FALSE(read_app_log(fpm, LogSource::kNginxError));
    const auto other = read_app_log(fpm, LogSource::kApache);
    EXPECT_TRUE(!other || other->symptom == Symptom::kNone);
}

TEST(AppLogs, TrustNothingWithControlBytes) {
    const std::string line =
        "[21-Nov-2026 14:29:57] WARNING: [pool a\x1b[2J] child 49 exited on signal 11 (SIGSEGV) "
        "after 16.499338 seconds from start";
    const auto finding = read_app_log(line, LogSource::kPhpFpm);
    ASSERT_TRUE(finding);
    EXPECT_FALSE(finding->is_trusted);
}

TEST(AppLogs, TrustOnlyWhatTheCallerVouchesFor) {
    const std::string line =
        "[21-Nov-2026 14:29:57] WARNING: [pool www] child 49 exited on signal 11 (SIGSEGV) after "
        "16.499338 seconds from start";
    EXPECT_TRUE(read_app_log(line, LogSource::kPhpFpm)->is_trusted);
    EXPECT_FALSE(read_app_log(line, LogSource::kUnknown)->is_trusted);
}

TEST(AppLogs, TrustNothingBehindTheMessage) {
    const auto finding = read_app_log(
        "[21-Nov-2026 14:29:57] WARNING: [pool www] server reached pm.max_children setting (5), "
        "consider raising it [pool x]",
        LogSource::kPhpFpm);
    ASSERT_TRUE(finding);
    EXPECT_FALSE(finding->is_trusted);
}

TEST(AppLogs, SurviveEveryTruncation) {
    for (const std::string line :
         {"[21-Nov-2026 14:29:57] WARNING: [pool www] child 900 said into stderr: \"NOTICE: PHP "
          "message: PHP Fatal error:  Uncaught Error: x in /srv/index.php:3\"",
          "[Sat Nov 21 14:29:57.1 2026] [proxy:error] [pid 7] (111)Connection refused: AH00957: "
          "HTTP: attempt to connect to 127.0.0.1:8080 (localhost) failed",
          "type=AVC msg=audit(1.2:3): avc:  denied  { name_connect } for  pid=7 comm=\"nginx\" "
          "dest=8080 scontext=a:b:httpd_t:s0 tcontext=a:b:c:s0 tclass=tcp_socket",
          "[2026-11-21T14:00:00.1+00:00] request.CRITICAL: Uncaught PHP Exception x"}) {
        for (std::size_t size = 0; size <= line.size(); ++size) {
            for (int source = 0; source <= static_cast<int>(LogSource::kAudit); ++source) {
                (void)read_app_log(std::string_view(line).substr(0, size),
                                   static_cast<LogSource>(source));
            }
        }
    }
}

TEST(LsmDenial, NamesTheSwitch) {
    const auto connect = parse_lsm_denial(
        "type=AVC msg=audit(1.2:3): avc:  denied  { name_connect } for  pid=7 comm=\"nginx\" "
        "dest=8080 scontext=system_u:system_r:httpd_t:s0 "
        "tcontext=system_u:object_r:http_cache_port_t:s0 tclass=tcp_socket permissive=0");
    ASSERT_TRUE(connect);
    EXPECT_EQ(connect->source_type, "httpd_t");
    EXPECT_EQ(connect->port, "8080");
    EXPECT_TRUE(is_connect_denial(*connect));
    EXPECT_EQ(lsm_advice(*connect), "setsebool -P httpd_can_network_connect on");

    const auto file = parse_lsm_denial(
        "type=AVC msg=audit(1.2:3): avc:  denied  { write } for  pid=7 comm=\"nginx\" "
        "name=\"app.sock\" scontext=system_u:system_r:httpd_t:s0 "
        "tcontext=system_u:object_r:var_run_t:s0 tclass=sock_file permissive=0");
    ASSERT_TRUE(file);
    EXPECT_NE(lsm_advice(*file).find("httpd_var_run_t"), std::string::npos);

    const auto profile = parse_lsm_denial(
        "audit: type=1400 audit(1.2:3): apparmor=\"DENIED\" operation=\"connect\" "
        "profile=\"nginx\" name=\"/run/php/php.sock\" pid=7 comm=\"nginx\"");
    ASSERT_TRUE(profile);
    EXPECT_NE(lsm_advice(*profile).find("/run/php/php.sock rw,"), std::string::npos);
}

TEST(LsmDenial, TakesNoFieldOutOfAQuotedValue) {
    const auto denial = parse_lsm_denial(
        "type=AVC msg=audit(1.2:3): avc:  denied  { read } for  pid=7 comm=\"a dest=80\" "
        "scontext=a:b:c:s0 tcontext=a:b:d:s0 tclass=file");
    ASSERT_TRUE(denial);
    EXPECT_EQ(denial->port, "");
    EXPECT_EQ(denial->comm, "a dest=80");
}

}  // namespace
}  // namespace gatemend::parse
