// SPDX-License-Identifier: MIT
#include "parse/envelope.hpp"

#include "parse/json_members.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {
namespace {

constexpr std::string_view kInside = "something happened";

struct Opened {
    std::string text;
    std::string time;
    LogSource source;
    bool is_wrapped;
};

Opened open(const std::string& line) {
    LineBuffer buffer;
    const Envelope envelope = open_envelope(line, buffer);
    return {std::string(envelope.text),
            std::string(envelope.time),
            envelope.source,
            envelope.is_wrapped};
}

TEST(Envelope, LeavesWhatIsNotWrapped) {
    for (const std::string line : {"2026/11/21 14:33:28 [error] 1#1: *1 x",
                                   "[21-Nov-2026 14:33:28] WARNING: [pool www] x",
                                   "2026-11-21T14:33:28Z [error] 1#1: *1 x",
                                   "\"/var/www/x\" is not found",
                                   "connect() failed (111: Connection refused)",
                                   "{}",
                                   "{\"a\":1}"}) {
        const Opened opened = open(line);
        EXPECT_EQ(opened.text, line);
        EXPECT_FALSE(opened.is_wrapped) << line;
    }
}

TEST(Envelope, TakesOffEveryLayer) {
    for (const std::string& front :
         {std::string("web-1  | "),
          std::string("web_1  | 2026-11-21T14:33:28.1Z "),
          std::string("2026-11-21T14:33:28.1Z stderr F "),
          std::string("<187>Nov 21 14:38:44 host nginx: "),
          std::string("<187>1 2026-11-21T14:38:44Z host nginx - - [a b=\"c\"] "),
          std::string("Nov  1 14:38:44 host app[12]: "),
          std::string("Sat 2026-11-21 14:38:44 UTC host app[12]: "),
          std::string("[pod/a/b] "),
          std::string("\x1b[33mweb |\x1b[0m "),
          std::string("\xef\xbb\xbf> >> - "),
          std::string("MESSAGE=")}) {
        const Opened opened = open(front + std::string(kInside));
        EXPECT_EQ(opened.text, kInside) << front;
        EXPECT_TRUE(opened.is_wrapped) << front;
    }
}

TEST(Envelope, TakesTheNameAGrepFoundOnlyInFrontOfARecord) {
    const std::string record = "2026/11/21 14:33:28 [warn] 1#1: x";
    for (const std::string front : {"error.log:12:", "12:", "12-", "/var/log/error.log:", "7\t"}) {
        EXPECT_EQ(open(front + record).text, record);
        EXPECT_EQ(open(front + "x y").text, front + "x y");
    }
}

TEST(Envelope, DecodesWhatAShipperQuoted) {
    EXPECT_EQ(open("{\"log\":\"a \\\"b\\\" \\u001b[1mc\\u00e9\\/\\n\",\"stream\":\"stderr\"}").text,
              "a \"b\" c\xc3\xa9/");
    EXPECT_EQ(open("{\"a\":{\"message\":\"inner\"},\"b\":[1,2]}").text, "inner");
    EXPECT_EQ(open("{\"MESSAGE\":[104,105,10]}").text, "hi");
    EXPECT_EQ(open("{\"message\":\"{\\\"log\\\":\\\"twice\\\"}\"}").text, "twice");
}

TEST(Envelope, KnowsWhoWroteIt) {
    EXPECT_EQ(open("Nov 21 14:38:44 h php-fpm8.2[1]: x").source, LogSource::kPhpFpm);
    EXPECT_EQ(open("Nov 21 14:38:44 h systemd[1]: x").source, LogSource::kSystemd);
    EXPECT_EQ(open("Nov 21 14:38:44 h kernel: x").source, LogSource::kKernel);
    EXPECT_EQ(open("{\"SYSLOG_IDENTIFIER\":\"gunicorn\",\"MESSAGE\":\"x\"}").source,
              LogSource::kGunicorn);
    EXPECT_EQ(open("Nov 21 14:38:44 h other: x").source, LogSource::kUnknown);
}

TEST(Envelope, KeepsTheInnermostTime) {
    EXPECT_EQ(open("web | 2026-11-21T14:33:28.1Z x").time, "2026-11-21T14:33:28.1Z");
    EXPECT_EQ(open("Nov 21 14:38:44 h nginx: x").time, "Nov 21 14:38:44");
}

TEST(Envelope, EndsHoweverOftenALineIsWrapped) {
    std::string many;
    for (int i = 0; i < 1000; ++i) {
        many += "a | ";
    }
    EXPECT_FALSE(open(many + "x").text.empty());
    EXPECT_TRUE(open(std::string(100000, '>')).is_wrapped);
    EXPECT_TRUE(open(std::string(100000, ' ')).text.empty());
}

TEST(JsonMembers, FindsMembersAtAnyDepth) {
    std::vector<std::string> seen;
    JsonMembers members(R"({"a":"x\"y","b":{"c":12,"d":[{"e":null}]},"f" : true})");
    JsonMember member;
    while (members.next(member)) {
        seen.push_back(std::string(member.key) + "=" + std::string(member.value));
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"a=x\\\"y", "c=12", "e=null", "f=true"}));
}

TEST(JsonMembers, SurvivesTruncationAtEveryByte) {
    const std::string whole = R"({"a":"x\"y\u00e9\ud83d\ude00","b":{"c":12},"d":"\\"})";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        JsonMembers members(cut);
        JsonMember member;
        while (members.next(member)) {
            (void)unescape_json(member.value);  // whatever it is
        }
    }
    EXPECT_EQ(unescape_json(R"(\ud83d\ude00\q\u12)"), "\xf0\x9f\x98\x80\\q\\u12");
}

}  // namespace
}  // namespace gatemend::parse
