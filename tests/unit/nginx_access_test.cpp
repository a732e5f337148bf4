// SPDX-License-Identifier: MIT
// The forms are in tests/corpus/nginx_access.txt; here is what no single line shows.
#include "parse/nginx_access.hpp"

#include "parse/access_fields.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::parse {
namespace {

const std::string kCombined =
    "192.0.2.10 - - [21/Nov/2026:14:33:28 +0000] \"GET / HTTP/1.1\" 502 157 \"-\" \"curl\"";

TEST(NginxAccess, TakesALineApart) {
    const std::string line =
        kCombined + " us=\"502, 504\" ua=\"10.0.0.1:80, unix:/run/a.sock\" uct=0.1 uht=- urt=3.000";
    const auto fields = read_access_fields(line);
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->status, 502);
    EXPECT_EQ(fields->time, "21/Nov/2026:14:33:28 +0000");
    EXPECT_EQ(fields->request.shown().in_sentence(""), "GET / HTTP/1.1");
    EXPECT_EQ(fields->upstream_status, "504");
    EXPECT_EQ(fields->upstream_address, "unix:/run/a.sock");
    EXPECT_EQ(fields->connect_time, "0.1");
    EXPECT_EQ(fields->header_time, "-");
    EXPECT_EQ(fields->response_time, "3.000");
}

TEST(NginxAccess, IsNeverTrusted) {
    const auto finding = read_nginx_access(kCombined);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->status, 502);
    EXPECT_FALSE(finding->is_trusted);
}

TEST(NginxAccess, KnowsAUserAgentFromAnAddress) {
    const std::string line = kCombined + " ua=\"Mozilla/5.0 (X11)\" us=502";
    const auto fields = read_access_fields(line);
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->upstream_address, "");
}

TEST(NginxAccess, RefusesWhatIsNoAccessLine) {
    for (const std::string line :
         {"",
          "[",
          "192.0.2.10 - - [21/Nov/2026:14:33:28 +0000]",
          "192.0.2.10 - - [21/Nov/2026:14:33:28 +0000] \"GET /",
          "192.0.2.10 - - [21/Nov/2026:14:33:28 +0000] \"GET / HTTP/1.1\" 5024",
          "[21-Nov-2026 14:33:28] WARNING: [pool www] \"x\" 502 1",
          "[2026-11-21 14:33:28 +0000] [12] [ERROR] \"x\" 502 1",
          "{\"status\":502}",
          "{\"status\":\"x\",\"request\":\"GET /\"}",
          "{\"msg\":\"a\",\"level\":\"error\"}"}) {
        EXPECT_FALSE(read_nginx_access(line)) << line;
    }
}

TEST(NginxAccess, SurvivesTruncationAtEveryByte) {
    const std::string whole = kCombined +
                              " 410 0.1 [a-b-80] [] 10.0.0.1:80, [::1]:80 0, 0 1.0, 2.0 502, 502 "
                              "rt=1 us=502 upstream_addr=[::1]:80, unix:/x : -";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        (void)read_nginx_access(cut);  // whatever it is
    }
}

}  // namespace
}  // namespace gatemend::parse
