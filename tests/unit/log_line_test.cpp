// SPDX-License-Identifier: MIT
// What a line of its own cannot show: sources, streams of lines, hostile ones. The forms themselves
// are in tests/corpus.
#include "parse/log_line.hpp"

#include "parse/log_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {
namespace {

using core::Symptom;

const std::string kStrict =
    "2026/11/21 14:33:28 [crit] 21214#21214: *57 connect() to unix:/run/php/nosuch.sock failed (2: "
    "No such file or directory) while connecting to upstream, client: 127.0.0.1, server: "
    "test.local, request: \"GET /fmissing HTTP/1.1\", upstream: "
    "\"fastcgi://unix:/run/php/nosuch.sock:\", host: \"test.local\"";
const std::string kTrimmed =
    "2026/11/21 14:33:28 [error] 1#1: *5 upstream timed out (110: Connection timed out) while "
    "reading response header from upstream, client: 192.0.2.1";
const std::string kNotice = "2026/11/21 14:33:28 [notice] 21214#21214: signal process started";
const std::string kAccess =
    "192.0.2.10 - - [21/Nov/2026:14:33:28 +0000] \"GET / HTTP/1.1\" 502 157";

struct Seen {
    std::uint64_t number;
    LogSource source;
    Symptom symptom;
    bool is_trusted;

    friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read(const std::string& log,
                       LogWanted wanted,
                       LogSource hint = LogSource::kUnknown) {
    std::vector<Seen> seen;
    LogReader reader(
        [&seen](const LogAnswer& answer) {
            seen.push_back({answer.number,
                            answer.finding.source,
                            answer.finding.symptom,
                            answer.finding.is_trusted});
        },
        hint,
        wanted);
    reader.feed_block(log);
    reader.flush();
    return seen;
}

Symptom symptom_of(const std::string& line, LogSource hint = LogSource::kUnknown) {
    LineBuffer buffer;
    return read_log_line(line, hint, buffer).symptom;
}

TEST(LogLine, ReadsOnlyTheSourceItWasTold) {
    LineBuffer buffer;
    EXPECT_EQ(symptom_of(kStrict, LogSource::kNginxError), Symptom::kSocketMissing);
    EXPECT_EQ(symptom_of(kStrict, LogSource::kNginxAccess), Symptom::kNone);
    EXPECT_EQ(symptom_of(kStrict, LogSource::kPhpFpm), Symptom::kNone);
    EXPECT_EQ(read_log_line(kAccess, LogSource::kNginxAccess, buffer).status, 502);
    EXPECT_EQ(read_log_line(kAccess, LogSource::kNginxError, buffer).status, 0);
}

TEST(LogLine, TrustsOnlyTheStrictLocalForm) {
    LineBuffer buffer;
    EXPECT_TRUE(read_log_line(kStrict, LogSource::kUnknown, buffer).is_trusted);
    for (const std::string front : {" ", "web | ", "Nov 21 14:38:44 h nginx: ", "1:", "> "}) {
        const std::string line = front + kStrict;
        const LogFinding finding = read_log_line(line, LogSource::kUnknown, buffer);
        EXPECT_EQ(finding.symptom, Symptom::kSocketMissing) << line;
        EXPECT_FALSE(finding.is_trusted) << line;
    }
}

TEST(LogLine, DoesNotLookBehindTheBeginningOfTheMessage) {
    const std::string sentence = "no live upstreams while connecting to upstream";
    for (const std::string& line :
         {"web | GET /x \"" + sentence + "\"",
          "Nov 21 14:38:44 h app[1]: user said: " + sentence,
          std::string(kAccess).append(" \"-\" \"").append(sentence),
          std::string(kAccess).append(" \"-\" \"").append(kStrict),
          "2026/11/21 14:33:28 [error] 1#1: *1 open() \"/x\" failed (2: x) " + sentence,
          "2026/11/21 14:33:28 [error] *1 \"" + sentence + "\" is not found (2: x)",
          "[error] *1 user \"" + sentence + "\" was not found in \"/etc/x\""}) {
        EXPECT_EQ(symptom_of(line), Symptom::kNone) << line;
    }
}

TEST(LogLine, SurvivesTruncationAtEveryByte) {
    const std::string line =
        "web-1  | {\"log\":\"2026/11/21 14:33:28.1 [error] 1#1: *5 connect() failed (111: x) while "
        "connecting to upstream, client: 192.0.2.1, server: a, request: \\\"GET / HTTP/1.1\\\", "
        "upstream: \\\"http://unix:/run/a.sock:/x\\\"\\n\"}";
    EXPECT_EQ(symptom_of(line), Symptom::kConnectRefused);
    for (std::size_t size = 0; size < line.size(); ++size) {
        const std::string front = line.substr(0, size);
        const std::string rear = line.substr(size);
        (void)symptom_of(front);  // whatever it is
        (void)symptom_of(rear);
    }
}

TEST(LogLine, KeepsTheProgramsOwnTime) {
    LineBuffer buffer;
    const std::string line = "web-1 | 2026-11-21T14:33:29.1Z " + kStrict;
    EXPECT_EQ(read_log_line(line, LogSource::kUnknown, buffer).time, "2026/11/21 14:33:28");
    const std::string bare =
        "2026-11-21T14:33:29.1Z no live upstreams while connecting to upstream";
    EXPECT_EQ(read_log_line(bare, LogSource::kUnknown, buffer).time, "2026-11-21T14:33:29.1Z");
}

TEST(LogReader, AnswersEveryLineInOrder) {
    const std::vector<Seen> seen = read(
        kNotice + "\n" + kStrict + "\n" + kNotice + "\n" + kAccess + "\n\nweb | " + kTrimmed + "\n",
        LogWanted::kAll);
    EXPECT_EQ(seen,
              (std::vector<Seen>{{1, LogSource::kNginxError, Symptom::kNone, true},
                                 {2, LogSource::kNginxError, Symptom::kSocketMissing, true},
                                 {3, LogSource::kNginxError, Symptom::kNone, false},
                                 {4, LogSource::kNginxAccess, Symptom::kNone, false},
                                 {5, LogSource::kUnknown, Symptom::kNone, false},
                                 {6, LogSource::kNginxError, Symptom::kResponseTimeout, false}}));
}

TEST(LogReader, GivesOnlyTellingLinesWhenAsked) {
    const std::vector<Seen> seen = read(kNotice + "\n" + kTrimmed + "\nnothing\nweb | " + kTrimmed +
                                            "\n" + kAccess + "\n" + kStrict,
                                        LogWanted::kTelling);
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].number, 2U);
    EXPECT_EQ(seen[1].number, 4U);
    EXPECT_EQ(seen[2].number, 6U);
}

TEST(LogReader, LetsNeighboursTakeTrustAway) {
    const std::vector<Seen> alone = read(kStrict + "\n", LogWanted::kTelling);
    ASSERT_EQ(alone.size(), 1U);
    EXPECT_TRUE(alone[0].is_trusted);
    for (const std::string& log : {kStrict + "\nz\" failed (2: x)\n", "x\n" + kStrict + "\n"}) {
        const std::vector<Seen> seen = read(log, LogWanted::kTelling);
        ASSERT_EQ(seen.size(), 1U) << log;
        EXPECT_FALSE(seen[0].is_trusted) << log;
    }
}

TEST(LogReader, CountsLinesOfAnySource) {
    LogReader reader([](const LogAnswer& /*answer*/) {}, LogSource::kNginxAccess, LogWanted::kAll);
    reader.feed_block(kAccess + "\n" + kStrict + "\n");
    reader.feed(kAccess);
    reader.flush();
    EXPECT_EQ(reader.lines(), 3U);
}

TEST(BackendAddress, ReadsFieldsAndPeers) {
    LogFinding finding;
    for (const auto& [upstream, address] :
         std::vector<std::pair<std::string_view, std::string_view>>{
             {"fastcgi://unix:/run/a.sock:", "unix:/run/a.sock"},
             {"unix:/run/a.sock", "unix:/run/a.sock"},
             {"127.0.0.1:9000", "127.0.0.1:9000"},
             {"[::1]:80", "[::1]:80"},
             {"http://backend/x", ""},
             {"backend", ""},
             {"", ""}}) {
        finding.upstream = upstream;
        EXPECT_EQ(backend_address(finding), address) << upstream;
    }
}

}  // namespace
}  // namespace gatemend::parse
