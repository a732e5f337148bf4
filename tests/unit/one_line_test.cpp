// SPDX-License-Identifier: MIT
#include "core/one_line.hpp"

#include "core/text.hpp"

#include <gtest/gtest.h>

namespace gatemend::core {
namespace {

TEST(OneLine, EndsWithoutALineEnd) {
    EXPECT_EQ(sanitize(one_line("/etc/nginx/a: no kept version left\n")),
              "/etc/nginx/a: no kept version left");
    EXPECT_EQ(one_line("\r\n  one  \r\n\n"), "one");
    EXPECT_EQ(one_line(" \n\t\n"), "");
    EXPECT_EQ(one_line(""), "");
}

TEST(OneLine, JoinsLines) {
    EXPECT_EQ(one_line("nginx: [emerg] no\nnginx: test failed\n"),
              "nginx: [emerg] no; nginx: test failed");
    EXPECT_EQ(one_line("a:\nb\n  c\nd;\ne"), "a: b c; d; e");
}

TEST(OneLine, LeavesWhatIsHostileToSanitize) {
    EXPECT_EQ(sanitize(one_line("a\x1b[2J\rb\xff")), "a\\x1B[2J\\x0Db\\xFF");
}

}  // namespace
}  // namespace gatemend::core
