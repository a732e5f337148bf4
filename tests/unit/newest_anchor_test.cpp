// SPDX-License-Identifier: MIT
#include "sandbox/tools/newest_anchor.hpp"

#include "executor_fakes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatemend::sandbox {
namespace {

const std::string kHash(64, 'a');
const std::string kEntry =
    "__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795000000000000\n_BOOT_ID=1\nAUDIT_SEQ=17\nAUDIT_"
    "HEAD=" +
    kHash + "\n\n";

TEST(NewestAnchor, ReadsAnEntry) {
    const auto anchor = parse_anchor(kEntry);
    ASSERT_TRUE(anchor && *anchor);
    EXPECT_EQ((*anchor)->seq, 17U);
    EXPECT_EQ((*anchor)->hash, kHash);
    EXPECT_EQ((*anchor)->time, core::TimePoint{std::chrono::seconds{1'795'000'000}});
}

TEST(NewestAnchor, NoEntryIsNoError) {
    const auto anchor = parse_anchor("");
    ASSERT_TRUE(anchor);
    EXPECT_FALSE(*anchor);
}

TEST(NewestAnchor, TakesNothingElse) {
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"AUDIT_SEQ=17", "AUDIT_SEQ=0"},
             {"AUDIT_SEQ=17", "AUDIT_SEQ=-1"},
             {"AUDIT_SEQ=17", "AUDIT_SEQ=17x"},
             {"AUDIT_SEQ=17", "AUDIT_SEQ=99999999999999999999999"},
             {"AUDIT_HEAD=a", "AUDIT_HEAD=A"},
             {"AUDIT_HEAD=a", "AUDIT_HEAD="},
             {"AUDIT_HEAD=", "XAUDIT_HEAD="},
             {"__REALTIME_TIMESTAMP=", "__REALTIME="}}) {
        std::string text = kEntry;
        text.replace(text.find(from), from.size(), to);
        EXPECT_FALSE(parse_anchor(text)) << to;
    }
}

TEST(NewestAnchor, AsksForWhatOnlyTheExecutorCanHaveWritten) {
    FakeTools tools;
    tools.outcome.out = kEntry;
    std::optional<Anchor> found;
    read_newest_anchor(tools, "/x/audit.jsonl", [&](const auto& anchor) { found = *anchor; });
    ASSERT_EQ(tools.runs.size(), 1U);
    for (const std::string word :
         {"AUDIT_FILE=/x/audit.jsonl", "_SYSTEMD_UNIT=gatemend-executor.service", "_UID=0"}) {
        EXPECT_EQ(std::count(tools.runs[0].begin(), tools.runs[0].end(), word), 1) << word;
    }
    EXPECT_TRUE(tools.specs[0].writable.empty());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->seq, 17U);
}

TEST(NewestAnchor, AToolThatFailsIsAnErrorAndNothingFoundIsNone) {
    FakeTools tools;
    std::optional<core::Result<std::optional<Anchor>>> answer;
    const auto take = [&](const core::Result<std::optional<Anchor>>& anchor) { answer = anchor; };
    tools.outcome = {1, false, false, false, "", "No such file"};
    read_newest_anchor(tools, "/x", take);
    EXPECT_FALSE(*answer);
    tools.outcome = {-1, true, false, false, "", ""};
    read_newest_anchor(tools, "/x", take);
    EXPECT_FALSE(*answer);
    tools.outcome = {1, false, false, false, "", ""};
    read_newest_anchor(tools, "/x", take);
    ASSERT_TRUE(*answer);
    EXPECT_FALSE(**answer);
}

}  // namespace
}  // namespace gatemend::sandbox
