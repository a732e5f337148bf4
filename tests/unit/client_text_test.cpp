// SPDX-License-Identifier: MIT
// What a visitor wrote: kept printable and bounded, told in sentences, looked up as a name at most.
// What must not be done with it is in tests/policy.
#include "core/client_text.hpp"

#include <gtest/gtest.h>

namespace gatemend::core {
namespace {

TEST(ClientText, IsPrintableAndBoundedFromTheStart) {
    const ClientText text{"GET /\x1b[31m HTTP/1.1"};
    EXPECT_EQ(text.shown().in_sentence(""), "GET /\\x1B[31m HTTP/1.1");
    const ClientText endless{std::string(100'000, 'a')};
    EXPECT_LE(endless.shown().in_sentence("").size(), kMaxShownBytes + 3);
    ClientText assigned;
    assigned = "a\nb";
    EXPECT_EQ(assigned, ClientText{"a\nb"});
    EXPECT_EQ(assigned.shown().in_sentence(""), "a\\x0Ab");
}

TEST(ClientText, SaysNothingWhereThereIsNothing) {
    EXPECT_EQ(ClientText{}.shown().in_sentence(" in ", "."), "");
    EXPECT_EQ(ClientText{"index.php"}.shown().in_sentence(" in ", "."), " in index.php.");
    EXPECT_TRUE(ClientText{}.is_empty());
    EXPECT_TRUE(ClientView{}.is_empty());
    EXPECT_EQ(ClientText{ClientView{"x"}}, ClientText{"x"});
}

TEST(ClientText, IsLookedUpOnlyAsAName) {
    EXPECT_EQ(ClientText{"app.internal"}.name_to_look_up(), "app.internal");
    for (const char* text : {"", "-x", "app internal", "app/internal", "app:80", "a\nb", "ä"}) {
        EXPECT_EQ(ClientText{text}.name_to_look_up(), "") << text;
    }
    EXPECT_EQ(ClientText{std::string(254, 'a')}.name_to_look_up(), "");
}

}  // namespace
}  // namespace gatemend::core
