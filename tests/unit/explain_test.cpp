// SPDX-License-Identifier: MIT
#include "cli/explain.hpp"

#include "cli/advice.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::cli {
namespace {

using Json = nlohmann::json;

// A file in memory, with a name that open() accepts.
class MemoryFile {
  public:
    explicit MemoryFile(const std::string& text = "")
        : descriptor_(::memfd_create("explain", MFD_CLOEXEC)) {
        EXPECT_EQ(::write(descriptor_, text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }

    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    ~MemoryFile() { (void)::close(descriptor_); }

    [[nodiscard]] int descriptor() const { return descriptor_; }

    [[nodiscard]] std::string name() const {
        return "/proc/self/fd/" + std::to_string(descriptor_);
    }

    [[nodiscard]] std::string text() const {
        std::string all;
        std::array<char, 4096> part{};
        ssize_t got = 0;
        while ((got = ::pread(
                    descriptor_, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0) {
            all.append(part.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

  private:
    int descriptor_;
};

struct Outcome {
    int status = -1;
    std::string output;
    std::string errors;
};

Outcome explain(ExplainOptions options) {
    const MemoryFile output;
    const MemoryFile errors;
    options.output = output.descriptor();
    options.errors = errors.descriptor();
    const int status = run_explain(options);
    return {status, output.text(), errors.text()};
}

Outcome explain_text(const std::string& log,
                     ExplainFormat format = ExplainFormat::kText,
                     ExplainDetail detail = ExplainDetail::kLines) {
    const MemoryFile file(log);
    ExplainOptions options;
    options.files = {file.name()};
    options.format = format;
    options.detail = detail;
    return explain(options);
}

std::vector<Json> json_lines(const std::string& log) {
    std::vector<Json> lines;
    std::istringstream output(explain_text(log, ExplainFormat::kJson).output);
    for (std::string line; std::getline(output, line);) {
        lines.push_back(Json::parse(line));
    }
    return lines;
}

const std::string kMissing =
    "2026/11/21 14:33:28 [crit] 21214#21214: *57 connect() to unix:/run/php/nosuch.sock failed (2: "
    "No such file or directory) while connecting to upstream, client: 127.0.0.1, server: "
    "test.local, request: \"GET /fmissing HTTP/1.1\", upstream: "
    "\"fastcgi://unix:/run/php/nosuch.sock:\", host: \"test.local\"\n";
const std::string kNotice = "2026/11/21 14:33:28 [notice] 21214#21214: signal process started\n";

TEST(Explain, PrintsOneObjectPerLineOfThePublicShape) {
    const std::vector<Json> lines = json_lines(kNotice + kMissing + "\n" + "torn");
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[1]["line"], 2);
    EXPECT_EQ(lines[1]["source"], "nginx-error");
    EXPECT_EQ(lines[1]["symptom"], "socket-missing");
    EXPECT_EQ(lines[1]["status"], 502);
    EXPECT_EQ(lines[1]["errno"], 2);
    EXPECT_EQ(lines[1]["phase"], "connect");
    EXPECT_EQ(lines[1]["upstream"], "fastcgi://unix:/run/php/nosuch.sock:");
    EXPECT_EQ(lines[1]["trusted"], false) << "a fragment follows";
    EXPECT_EQ(lines[1]["causes"][0], "unit-failed");
    EXPECT_EQ(lines[1]["text"], kMissing.substr(0, kMissing.size() - 1));
    for (const std::size_t none : {0U, 2U, 3U}) {
        EXPECT_EQ(lines[none].size(), 10U);
        EXPECT_EQ(lines[none]["symptom"], "none");
        EXPECT_TRUE(lines[none]["status"].is_null());
        EXPECT_TRUE(lines[none]["errno"].is_null());
        EXPECT_TRUE(lines[none]["upstream"].is_null());
        EXPECT_EQ(lines[none]["phase"], "none");
        EXPECT_TRUE(lines[none]["causes"].empty());
    }
    EXPECT_EQ(json_lines(kMissing)[0]["trusted"], true);
}

TEST(Explain, PrintsOnlyLinesWithASymptomForPeople) {
    const Outcome outcome = explain_text(kNotice + kMissing + kNotice);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.output.find("2: 2026/11/21 14:33:28 socket-missing 502 errno 2 backend "
                                  "unix:/run/php/nosuch.sock\n    likely causes: unit-failed, "),
              0U)
        << outcome.output;
    EXPECT_NE(outcome.output.find("would check:"), std::string::npos);
    EXPECT_EQ(outcome.output.find("notice"), std::string::npos);
    EXPECT_EQ(explain_text(kNotice).output, "1 line, no symptom\n");
    EXPECT_EQ(explain_text("").output, "0 lines, no symptom\n");
}

TEST(Explain, SaysWhereALineCouldBeForged) {
    EXPECT_NE(explain_text("x\n" + kMissing).output.find("(could be forged)"), std::string::npos);
}

TEST(Explain, NamesTheFileWhenThereAreSeveral) {
    const MemoryFile one(kMissing);
    const MemoryFile two(kMissing);
    ExplainOptions options;
    options.files = {one.name(), two.name()};
    const std::string output = explain(options).output;
    EXPECT_NE(output.find(one.name() + ":1: "), std::string::npos);
    EXPECT_NE(output.find(two.name() + ":1: "), std::string::npos);
}

TEST(Explain, Counts) {
    const std::string log = kMissing + kMissing + kNotice;
    EXPECT_EQ(explain_text(log, ExplainFormat::kText, ExplainDetail::kSummary).output,
              "3 lines\n  socket-missing: 2, 2 trusted\n");
    const Json counts =
        Json::parse(explain_text(log, ExplainFormat::kJson, ExplainDetail::kSummary).output);
    EXPECT_EQ(counts["lines"], 3);
    EXPECT_EQ(counts["symptoms"]["socket-missing"]["lines"], 2);
}

TEST(Explain, LetsNoEscapeSequenceThrough) {
    std::string hostile = kMissing;
    hostile.replace(hostile.find("/run/php/nosuch.sock:"), 4, "/\x1b[2J\xff");
    const std::string log = hostile + "\x1b]0;x\x07\"\\\n";
    for (const ExplainFormat format : {ExplainFormat::kText, ExplainFormat::kJson}) {
        const std::string output = explain_text(log, format).output;
        EXPECT_EQ(output.find('\x1b'), std::string::npos);
        EXPECT_EQ(output.find('\x07'), std::string::npos);
        EXPECT_EQ(output.find('\xff'), std::string::npos);
    }
    EXPECT_EQ(json_lines(log)[1]["text"], "\\x1B]0;x\\x07\"\\");
}

TEST(Explain, BoundsLongAndBinaryLines) {
    const std::string log = std::string(3U << 20U, 'x') + "\n" + kMissing +
                            std::string(4096, '\0') + "\n" + std::string(1U << 20U, 'y');
    const std::vector<Json> lines = json_lines(log);
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_LT(lines[0]["text"].get<std::string>().size(), 5000U);
    EXPECT_EQ(lines[1]["line"], 2);
    EXPECT_EQ(lines[1]["symptom"], "socket-missing");
    EXPECT_LT(explain_text(log, ExplainFormat::kJson).output.size(), 40000U);
}

TEST(Explain, ReadsAcrossItsWindows) {
    std::string log;
    while (log.size() < (std::size_t{1} << 20U)) {
        log += kMissing + kNotice;
    }
    const Json counts =
        Json::parse(explain_text(log, ExplainFormat::kJson, ExplainDetail::kSummary).output);
    EXPECT_EQ(counts["symptoms"]["socket-missing"]["lines"].get<int>() * 2,
              counts["lines"].get<int>());
    EXPECT_EQ(counts["symptoms"]["socket-missing"]["trusted"],
              counts["symptoms"]["socket-missing"]["lines"]);
}

// gzip of `text`, made by zlib itself.
std::string packed(const std::string& text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(text.size() + 1024, '\0');
    std::string in = text;
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(out.size() - stream.avail_out);
    (void)deflateEnd(&stream);  // frees
    return out;
}

TEST(Explain, ReadsPackedLogsAlsoAppendedToEachOther) {
    std::string log;
    while (log.size() < (std::size_t{1} << 20U)) {
        log += kMissing + kNotice;
    }
    const std::string plain = explain_text(log + kMissing, ExplainFormat::kJson).output;
    EXPECT_EQ(explain_text(packed(log + kMissing), ExplainFormat::kJson).output, plain);
    EXPECT_EQ(explain_text(packed(log) + packed(kMissing), ExplainFormat::kJson).output, plain);
    EXPECT_EQ(
        explain_text(packed(log + kMissing) + std::string(512, '\0'), ExplainFormat::kJson).output,
        plain);
    EXPECT_EQ(explain_text(packed("")).output, "0 lines, no symptom\n");
}

TEST(Explain, SaysWhereAPackedLogIsBroken) {
    const std::string whole = packed(kMissing + kNotice);
    const Outcome cut = explain_text(whole.substr(0, whole.size() - 12));
    EXPECT_EQ(cut.status, 1);
    EXPECT_NE(cut.errors.find(": cut short\n"), std::string::npos) << cut.errors;
    std::string broken = whole;
    broken[4 + 10] = static_cast<char>(broken[4 + 10] ^ '\x55');
    broken[5 + 10] = static_cast<char>(broken[5 + 10] ^ '\x55');
    EXPECT_EQ(explain_text(broken).status, 1);
}

TEST(Explain, AddsClueAndSubjectOnlyWhereThereAreAny) {
    const std::vector<Json> lines = json_lines(
        "nginx: [emerg] unknown directive \"x\" in /etc/nginx/nginx.conf:3\n" + kMissing);
    EXPECT_EQ(lines[0]["symptom"], "config-error");
    EXPECT_EQ(lines[0]["clue"], "config-rejected");
    EXPECT_EQ(lines[0]["subject"], "/etc/nginx/nginx.conf:3");
    EXPECT_EQ(lines[0].size(), 12U);
    EXPECT_EQ(lines[1].size(), 10U);
    EXPECT_NE(explain_text("nginx: [emerg] unknown directive \"x\" in /etc/nginx/nginx.conf:3\n")
                  .output.find("config-error backend unknown; config-rejected "
                               "/etc/nginx/nginx.conf:3"),
              std::string::npos);
}

TEST(Explain, ReadsTheSourceItIsTold) {
    ExplainOptions options;
    const MemoryFile file(kMissing);
    options.files = {file.name()};
    for (const std::string source : {"auto", "nginx-error"}) {
        options.source = source;
        EXPECT_NE(explain(options).output.find("socket-missing"), std::string::npos) << source;
    }
    options.source = "nginx-access";
    EXPECT_EQ(explain(options).output, "1 line, no symptom\n");
}

TEST(Explain, SaysInOneLineWhatItCannotRead) {
    ExplainOptions options;
    options.files = {"/nonexistent/\x1b.log"};
    Outcome outcome = explain(options);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(
        outcome.errors,
        "gatemend explain: cannot read '/nonexistent/\\x1B.log': No such file or directory\n");
    options.files = {"/"};
    outcome = explain(options);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.errors, "gatemend explain: cannot read '/': Is a directory\n");
}

TEST(Explain, RefusesSourcesItDoesNotKnow) {
    ExplainOptions options;
    options.source = "fpm";
    const Outcome outcome = explain(options);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.errors.find("gatemend explain: unknown source 'fpm' (known: auto, "
                                  "nginx-error, nginx-access, php-fpm, "),
              0U)
        << outcome.errors;
}

TEST(Explain, StopsWhenNobodyReads) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    (void)::close(ends[0]);
    const MemoryFile file(kMissing);
    const MemoryFile errors;
    ExplainOptions options;
    options.files = {file.name()};
    options.output = ends[1];
    options.errors = errors.descriptor();
    EXPECT_EQ(run_explain(options), 1);
    EXPECT_EQ(errors.text(), "gatemend explain: cannot write the answer: Broken pipe\n");
    (void)::close(ends[1]);
}

std::string refused(const std::string& upstream) {
    return "2026/11/21 14:33:28 [error] 21214#21214: *57 connect() to " + upstream +
           " failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, "
           "server: test.local, request: \"GET / HTTP/1.1\", upstream: \"fastcgi://" +
           upstream + (upstream.starts_with("unix:") ? ":" : "") + "\", host: \"test.local\"\n";
}

TEST(Explain, NamesNoCauseThatTheAddressCannotHave) {
    const std::vector<Json> lines = json_lines(
        refused("unix:/run/php/a.sock") + refused("127.0.0.1:9000") + refused("10.0.0.9:9000"));
    ASSERT_EQ(lines.size(), 3U);
    const auto has = [&lines](std::size_t line, const char* cause) {
        const Json& causes = lines[line]["causes"];
        return std::find(causes.begin(), causes.end(), cause) != causes.end();
    };
    for (const std::size_t line : {0U, 1U, 2U}) {
        EXPECT_EQ(lines[line]["symptom"], "connect-refused");
        EXPECT_TRUE(has(line, "unit-failed"));
    }
    for (const char* cause : {"port-mismatch", "remote-upstream-down", "firewall-blocked"}) {
        EXPECT_FALSE(has(0, cause)) << cause;
        EXPECT_TRUE(has(2, cause)) << cause;
    }
    EXPECT_TRUE(has(0, "socket-stale"));
    EXPECT_FALSE(has(1, "remote-upstream-down"));
    EXPECT_FALSE(has(1, "socket-stale")) << "a port leaves no file behind";
    EXPECT_TRUE(has(1, "port-mismatch"));
}

// The public identifiers of causes, whether they are diagnosed yet or not.
const std::set<std::string_view> kCauses{"unit-failed",
                                         "unit-stopped",
                                         "unit-start-limit",
                                         "fpm-config-invalid",
                                         "nginx-config-invalid",
                                         "nginx-down",
                                         "socket-stale",
                                         "socket-deleted",
                                         "socket-ownership",
                                         "socket-path-mismatch",
                                         "port-mismatch",
                                         "backend-hung",
                                         "pool-saturated",
                                         "slow-backend",
                                         "worker-crash",
                                         "script-fatal",
                                         "oom-killed",
                                         "app-down",
                                         "dependency-down",
                                         "header-too-big",
                                         "protocol-mismatch",
                                         "upstream-tls",
                                         "name-unresolved",
                                         "remote-upstream-down",
                                         "firewall-blocked",
                                         "lsm-denied",
                                         "disk-full",
                                         "nginx-fd-limit",
                                         "high-load",
                                         "app-answers-502",
                                         "edge-502",
                                         "unknown"};

TEST(Advice, NamesOnlyCausesThatExist) {
    for (int symptom = 0; symptom <= static_cast<int>(core::Symptom::kConfigError); ++symptom) {
        for (int clue = 0; clue <= static_cast<int>(core::Clue::kAnsweredByNginx); ++clue) {
            parse::LogFinding finding;
            finding.symptom = static_cast<core::Symptom>(symptom);
            finding.clue = static_cast<core::Clue>(clue);
            finding.status = 502;
            for (const std::string_view cause : advice_for(finding).causes) {
                EXPECT_TRUE(kCauses.contains(cause)) << cause;
            }
        }
    }
}

TEST(Advice, KnowsACauseAndACheckForEverySymptom) {
    for (int i = 1; i <= static_cast<int>(core::Symptom::kConfigError); ++i) {
        const Advice advice = advice_for(static_cast<core::Symptom>(i));
        EXPECT_FALSE(advice.causes.empty()) << i;
        EXPECT_FALSE(advice.checks.empty()) << i;
    }
}

}  // namespace
}  // namespace gatemend::cli
