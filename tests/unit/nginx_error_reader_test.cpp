// SPDX-License-Identifier: MIT
#include "parse/nginx_error_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {
namespace {

using core::Symptom;

struct Seen {
    std::string text;
    Symptom symptom;
    bool is_trusted;
    std::string upstream;
};

struct Log {
    std::vector<Seen> seen;
    NginxErrorReader reader{[this](const NginxErrorAnswer& answer) {
        EXPECT_EQ(answer.number, seen.size() + 1);
        seen.push_back(Seen{std::string(answer.text),
                            answer.line.record.symptom,
                            answer.line.record.is_trusted,
                            std::string(answer.line.record.upstream)});
    }};
};

std::vector<Seen> read(std::string_view text) {
    Log whole;
    whole.reader.feed_block(text);
    whole.reader.flush();
    Log single;  // the live tailer's way: one line at a time, in a buffer that is reused
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line(text.substr(at, end - at));
        single.reader.feed(line);
        std::fill(line.begin(), line.end(), '#');
        at = end + 1;
    }
    single.reader.flush();
    EXPECT_EQ(whole.seen.size(), single.seen.size());
    for (std::size_t i = 0; i < std::min(whole.seen.size(), single.seen.size()); ++i) {
        EXPECT_EQ(whole.seen[i].text, single.seen[i].text);
        EXPECT_EQ(whole.seen[i].symptom, single.seen[i].symptom);
        EXPECT_EQ(whole.seen[i].is_trusted, single.seen[i].is_trusted);
        EXPECT_EQ(whole.seen[i].upstream, single.seen[i].upstream);
    }
    return whole.seen;
}

int trusted_symptoms(const std::vector<Seen>& seen) {
    int count = 0;
    for (const Seen& line : seen) {
        count += line.symptom != Symptom::kNone && line.is_trusted ? 1 : 0;
    }
    return count;
}

const std::string kRefused =
    "2026/11/21 14:33:23 [error] 21214#21214: *32 connect() failed (111: Connection refused) while "
    "connecting to upstream, client: 127.0.0.1, server: test.local, request: \"GET /refused "
    "HTTP/1.1\", upstream: \"http://127.0.0.1:9999/refused\", host: \"test.local\"\n";
const std::string kNotFound =
    "2026/11/21 14:33:23 [error] 21214#21214: *33 open() \"/var/www/html/x.png\" failed (2: No "
    "such "
    "file or directory), client: 127.0.0.1, server: test.local, request: \"GET /x.png HTTP/1.1\", "
    "host: \"test.local\"\n";
const std::string kNotice = "2026/11/21 14:33:23 [notice] 21214#21214: signal process started\n";
// What an attacker would like to be read as nginx's own.
const std::string kForged =
    "2026/11/21 14:40:00 [crit] 1234#1234: *7 connect() to unix:/run/php/php8.2-fpm.sock failed "
    "(2: "
    "No such file or directory) while connecting to upstream, client: 9.9.9.9, server: test.local, "
    "request: \"GET / HTTP/1.1\", upstream: \"fastcgi://unix:/run/php/php8.2-fpm.sock:\", host: "
    "\"x\"\n";

TEST(NginxErrorReader, TrustsCapturedLinesOfNginx) {
    struct Fixture {
        const char* line;
        Symptom symptom;
        const char* address;
    };

    const std::vector<Fixture> fixtures{
        {R"(2026/11/21 14:33:28 [crit] 21214#21214: *57 connect() to unix:/run/php/nosuch.sock failed (2: No such file or directory) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /fmissing HTTP/1.1", upstream: "fastcgi://unix:/run/php/nosuch.sock:", host: "test.local")",
         Symptom::kSocketMissing,
         "unix:/run/php/nosuch.sock"},
        {R"(2026/11/21 14:33:28 [crit] 21214#21214: *61 connect() to unix:/run/php/fperm.sock failed (13: Permission denied) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /fperm HTTP/1.1", upstream: "fastcgi://unix:/run/php/fperm.sock:", host: "test.local")",
         Symptom::kConnectDenied,
         "unix:/run/php/fperm.sock"},
        {R"(2026/11/21 14:33:29 [error] 21214#21214: *63 connect() to unix:/run/php/ffull.sock failed (11: Resource temporarily unavailable) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /ffull HTTP/1.1", upstream: "fastcgi://unix:/run/php/ffull.sock:", host: "test.local")",
         Symptom::kBackendSaturated,
         "unix:/run/php/ffull.sock"},
        {R"(2026/11/21 14:33:23 [error] 21214#21214: *32 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /refused HTTP/1.1", upstream: "http://127.0.0.1:9999/refused", host: "test.local")",
         Symptom::kConnectRefused,
         "127.0.0.1:9999"},
        {R"(2026/11/21 14:33:30 [error] 21214#21214: *73 upstream prematurely closed connection while reading response header from upstream, client: 127.0.0.1, server: test.local, request: "GET /fclose HTTP/1.1", upstream: "fastcgi://unix:/run/php/fclose.sock:", host: "test.local")",
         Symptom::kClosedEarly,
         "unix:/run/php/fclose.sock"},
        {R"(2026/11/21 14:33:21 [error] 21214#21214: *19 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 127.0.0.1, server: test.local, request: "GET /hang HTTP/1.1", upstream: "http://127.0.0.1:9007/hang", host: "test.local")",
         Symptom::kResponseTimeout,
         "127.0.0.1:9007"},
        {R"(2026/11/21 14:33:23 [error] 21214#21214: *37 no live upstreams while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /two HTTP/1.1", upstream: "http://two/two", host: "test.local")",
         Symptom::kNoLiveUpstreams,
         ""},
        {R"(2026/11/21 14:33:19 [error] 21214#21214: *11 upstream sent too big header while reading response header from upstream, client: 127.0.0.1, server: test.local, request: "GET /bighdr HTTP/1.1", upstream: "http://127.0.0.1:9004/bighdr", host: "test.local")",
         Symptom::kHeaderTooBig,
         "127.0.0.1:9004"},
        {R"(2026/11/21 14:33:26 [error] 21214#21214: *46 no resolver defined to resolve nosuch.invalid, client: 127.0.0.1, server: test.local, request: "GET /noresolver HTTP/1.1", host: "test.local")",
         Symptom::kNameUnresolved,
         ""},
        {R"(2026/11/21 14:37:52 [alert] 24350#24350: *5 socket() failed (24: Too many open files) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /hang HTTP/1.1", upstream: "http://127.0.0.1:9007/hang", host: "a")",
         Symptom::kNginxLimit,
         "127.0.0.1:9007"},
        {R"(2026/11/21 14:37:10 [error] 23967#23967: *19 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: test.local, request: "GET /auth502b/ HTTP/1.1", subrequest: "/authsub", upstream: "http://127.0.0.1:9999/authsub", host: "test.local")",
         Symptom::kConnectRefused,
         "127.0.0.1:9999"}};
    std::string log;
    for (const Fixture& fixture : fixtures) {
        log += std::string(fixture.line) + "\n";
    }
    const std::vector<Seen> seen = read(log);
    ASSERT_EQ(seen.size(), fixtures.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i].symptom, fixtures[i].symptom) << seen[i].text;
        EXPECT_TRUE(seen[i].is_trusted) << seen[i].text;
        EXPECT_EQ(upstream_address(seen[i].upstream), fixtures[i].address) << seen[i].text;
    }
}

TEST(NginxErrorReader, DistrustsTheCapturedInjection) {
    const std::vector<Seen> seen = read(
        R"(2026/11/21 14:38:48 [error] 25086#0: *1 open() "/var/www/html/x
2026/11/21 14:40:00 [crit] 1234#1234: *7 connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file or directory) while connecting to upstream, client: 9.9.9.9, server: test.local, request: "GET / HTTP/1.1", host: "x"
z" failed (2: No such file or directory), client: 127.0.0.1, server: test.local, request: "GET /x%0A2026/11/21%2014:40:00…
)");
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[1].symptom, Symptom::kSocketMissing);
    EXPECT_EQ(trusted_symptoms(seen), 0);
}

// The attacks on a log reader, A to H.
TEST(NginxErrorReader, AReferrerWithTheWholeSentenceMeansNothing) {
    std::string line =
        kNotFound.substr(0, kNotFound.size() - 1) +
        ", referrer: \"connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such "
        "file or directory) while connecting to upstream\"\n";
    EXPECT_EQ(read(line)[0].symptom, Symptom::kNone);
}

TEST(NginxErrorReader, BReferrerThatPlaysAnUpstreamFieldMeansNothing) {
    const std::string line =
        kNotFound.substr(0, kNotFound.size() - 1) +
        ", referrer: \"\", upstream: \"fastcgi://unix:/run/php/x.sock:\", host: "
        "\"h\"\n";
    EXPECT_EQ(read(line)[0].symptom, Symptom::kNone);
    EXPECT_EQ(read(line)[0].upstream, "");
}

TEST(NginxErrorReader, CInjectedLineIsNotTrusted) {
    const std::string first = "2026/11/21 14:38:48 [error] 25086#0: *1 open() \"/var/www/html/x\n";
    const std::string last = "z.png\" failed (2: No such file or directory), client: 127.0.0.1\n";
    EXPECT_EQ(trusted_symptoms(read(first + kForged + last)), 0);
    EXPECT_EQ(trusted_symptoms(read(first + kNotice + kNotice + kForged + kNotice + last)), 0)
        << "filler lines do not help";
    const std::string closed = kNotFound;  // the first part made to look complete
    EXPECT_EQ(trusted_symptoms(read(closed + kForged + kNotice)), 0);
}

TEST(NginxErrorReader, DSwallowedTailIsNotTrusted) {
    const std::string first = "2026/11/21 14:38:48 [error] 25086#0: *1 open() \"/var/www/html/x\n";
    const std::string open = kForged.substr(0, kForged.size() - 1) + ", referrer: \"" +
                             std::string(1300, 'a') +
                             "... (2: No such file or directory), client: 127.0\n";
    EXPECT_EQ(trusted_symptoms(read(first + open)), 0);
}

TEST(NginxErrorReader, EForgedFieldInAnOldRequestLineIsNotTrusted) {
    const std::string line =
        "2026/11/21 14:33:23 [error] 1#1: *32 connect() failed (111: Connection refused) while "
        "connecting to upstream, client: 127.0.0.1, server: a, request: \"GET /x y\", upstream: "
        "\"fastcgi://unix:/run/php.sock:\", host: \"z HTTP/1.1\", upstream: "
        "\"http://127.0.0.1:9999/\", host: \"a\"\n";
    EXPECT_EQ(trusted_symptoms(read(line)), 0);
}

TEST(NginxErrorReader, FLineLoggedByAScriptIsNotTrusted) {
    const std::string first =
        "2026/11/21 14:33:23 [error] 1#1: *3 FastCGI sent in stderr: \"PHP message: hello\n";
    const std::string last =
        "\" while reading response header from upstream, client: 127.0.0.1, server: a, request: "
        "\"GET / HTTP/1.1\", upstream: \"fastcgi://unix:/run/php/x.sock:\", host: \"a\"\n";
    EXPECT_EQ(trusted_symptoms(read(first + kForged + last)), 0);
    EXPECT_EQ(trusted_symptoms(read(kNotice + kForged + last)), 0) << "the fragment below tells";
}

TEST(NginxErrorReader, GLineFedThroughAUserNameIsNotTrusted) {
    const std::string log = "2026/11/21 14:33:23 [error] 1#1: *3 user \"x\n" + kForged +
                            "\" was not found in \"/etc/nginx/htpasswd\", client: 9.9.9.9\n";
    EXPECT_EQ(trusted_symptoms(read(log)), 0);
    const std::string bare =
        "2026/11/21 14:33:23 [error] 1#1: *3 user \"x\nno live upstreams while connecting to "
        "upstream\n\" was not found in \"/etc/nginx/htpasswd\", client: 9.9.9.9\n";
    EXPECT_EQ(read(bare)[1].symptom, Symptom::kNone);
}

TEST(NginxErrorReader, HVeryLongUriCostsTheBackendNotTheSymptom) {
    std::string line =
        kRefused.substr(0, kRefused.find("GET /")) + "GET /" + std::string(3000, 'x');
    line.resize(2047);
    const std::vector<Seen> seen = read(line + "\n");
    EXPECT_EQ(seen[0].symptom, Symptom::kConnectRefused);
    EXPECT_EQ(seen[0].upstream, "");
    EXPECT_FALSE(seen[0].is_trusted);
}

TEST(NginxErrorReader, NeighboursTaint) {
    EXPECT_EQ(trusted_symptoms(read(kNotice + kRefused + kNotice)), 1);
    EXPECT_EQ(trusted_symptoms(read(kRefused + kNotFound)), 0);
    EXPECT_EQ(trusted_symptoms(read(kNotFound + kRefused)), 0);
    EXPECT_EQ(trusted_symptoms(read(kRefused + "fragment\n")), 0);
    EXPECT_EQ(trusted_symptoms(read("fragment\n" + kRefused)), 0);
    EXPECT_EQ(trusted_symptoms(read(kRefused + kRefused + kRefused)), 3);
}

TEST(NginxErrorReader, TrustsAgainBehindTheLongestRecord) {
    std::string log = kNotFound;
    for (std::size_t bytes = 0; bytes < kLongestRecordBytes; bytes += kNotice.size()) {
        log += kNotice;
    }
    EXPECT_EQ(trusted_symptoms(read(log + kRefused)), 1);
}

TEST(NginxErrorReader, KeepsBackOnlyWhatCanStillChange) {
    Log log;
    log.reader.feed(kRefused.substr(0, kRefused.size() - 1));
    EXPECT_TRUE(log.reader.has_pending());
    EXPECT_TRUE(log.seen.empty());
    log.reader.flush();
    EXPECT_FALSE(log.reader.has_pending());
    ASSERT_EQ(log.seen.size(), 1U);
    EXPECT_TRUE(log.seen[0].is_trusted);
    log.reader.feed("fragment");
    EXPECT_FALSE(log.reader.has_pending());
    EXPECT_EQ(log.seen.size(), 2U);
}

TEST(NginxErrorReader, GivesTheSameSymptomsWhenOnlySymptomsAreWanted) {
    const std::string log = kNotice + kRefused + kRefused + kNotFound + kRefused + "torn\n" +
                            kForged + kNotice + kRefused + kNotice;
    std::vector<std::string> wanted;
    NginxErrorReader reader(
        [&wanted](const NginxErrorAnswer& answer) {
            wanted.push_back(std::to_string(answer.number) +
                             (answer.line.record.is_trusted ? " trusted" : ""));
        },
        Wanted::kSymptoms);
    reader.feed_block(log);
    reader.flush();
    EXPECT_EQ(reader.lines(), 10U);
    EXPECT_EQ(wanted, (std::vector<std::string>{"2 trusted", "3", "5", "7", "9"}));
    const std::vector<Seen> all = read(log);
    EXPECT_TRUE(all[1].is_trusted);
    EXPECT_EQ(trusted_symptoms(all), 1);
}

TEST(NginxErrorReader, DistrustsWhatFollowsAGap) {
    Log log;
    log.reader.lose_context();
    log.reader.feed(kRefused.substr(0, kRefused.size() - 1));
    log.reader.flush();
    ASSERT_EQ(log.seen.size(), 1U);
    EXPECT_EQ(log.seen[0].symptom, Symptom::kConnectRefused);
    EXPECT_FALSE(log.seen[0].is_trusted);
}

}  // namespace
}  // namespace gatemend::parse
