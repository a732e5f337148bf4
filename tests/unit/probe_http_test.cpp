// SPDX-License-Identifier: MIT
#include "sandbox/probe/fastcgi.hpp"
#include "sandbox/probe/greeting.hpp"
#include "sandbox/probe/http.hpp"
#include "sandbox/probe/probe.hpp"
#include "tests/unit/probe_peer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gatemend::probe {
namespace {

using core::ProbeKind;
using core::ProbeOutcome;
using core::Spoken;
using std::string_literals::operator""s;

core::ProbeResult ask(ProbeKind kind, const Peer& peer, core::Duration timeout = kPlenty) {
    return run_probe({kind, peer.address(), "", timeout}, Reach::kLocal);
}

std::uint32_t status_of(const std::string& text) {
    HttpReply reply;
    return reply.take(text) == ReplyState::kComplete ? reply.status() : 0;
}

TEST(HttpReply, AcceptsWhatNginxAccepts) {
    EXPECT_EQ(status_of("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), 200U);
    EXPECT_EQ(status_of("HTTP/1.0 404\n\n"), 404U);
    EXPECT_EQ(status_of("HTTP/1.1 502 Bad Gateway\r\n\r\n"), 502U);
    EXPECT_EQ(status_of("HTTP/1.1 403.1 IIS\r\nNoColon\r\nA:\r\n\r\nbody"), 403U);
    EXPECT_EQ(status_of("HTTP/1.1 200 OK\r\nX: \x01\xFF\r\n\r\n"), 200U);
}

TEST(HttpReply, WaitsForTheAnswerBehindAnInterimOne) {
    EXPECT_EQ(status_of("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 X\r\n\r\n"), 204U);
    EXPECT_EQ(status_of("HTTP/1.1 100 Continue\r\n\r\n"), 0U);
    EXPECT_EQ(status_of("HTTP/1.1 101 Switching Protocols\r\n\r\n"), 101U);
}

TEST(HttpReply, GivesTheSameAnswerByteByByte) {
    const std::string text = "HTTP/1.1 301 Moved\r\nLocation: https://a/\r\n\r\n";
    HttpReply reply;
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        ASSERT_EQ(reply.take(text.substr(i, 1)), ReplyState::kIncomplete) << i;
    }
    EXPECT_EQ(reply.take(text.substr(text.size() - 1)), ReplyState::kComplete);
    EXPECT_EQ(reply.status(), 301U);
}

TEST(HttpReply, RefusesWhatIsNotAnAnswer) {
    for (const std::string& text : {"<html>"s,
                                    "HTTP/2 200\r\n\r\n"s,
                                    "HTTP/1.x 200\r\n\r\n"s,
                                    "HTTP/1.1  200\r\n\r\n"s,
                                    "HTTP/1.1 20\r\n\r\n"s,
                                    "HTTP/1.1 2000\r\n\r\n"s,
                                    "HTTP/1.1 099 X\r\n\r\n"s,
                                    "HTTP/1.1 200 OK\rX"s,
                                    "HTTP/1.1 200 OK\r\n folded\r\n\r\n"s,
                                    "HTTP/1.1 200 OK\r\n: x\r\n\r\n"s,
                                    "HTTP/1.1 200 OK\r\nA b: x\r\n\r\n"s,
                                    "HTTP/1.1 200 OK\r\nA: x\0y\r\n\r\n"s,
                                    "HTTP/1.1 200 OK\r\n\rX"s}) {
        HttpReply reply;
        EXPECT_EQ(reply.take(text), ReplyState::kInvalid) << text;
    }
}

TEST(HttpReply, GivesUpOnAnEndlessHeader) {
    HttpReply reply;
    EXPECT_EQ(reply.take("HTTP/1.1 200 OK\r\nX: "), ReplyState::kIncomplete);
    EXPECT_EQ(reply.take(std::string(kMaxHttpHeaderBytes, 'x')), ReplyState::kInvalid);
}

TEST(CgiStatus, IsFoundInTheHeaderOnly) {
    const auto status = [](const std::string& output) {
        CgiStatus cgi;
        for (const char c : output) {
            cgi.take({&c, 1});
        }
        return cgi.status();
    };
    EXPECT_EQ(status("Status: 404 Not Found\r\nContent-type: text/html\r\n\r\n"), 404U);
    EXPECT_EQ(status("X-Powered-By: " + std::string(9000, 'x') + "\nSTATUS:\t503\n\n"), 503U);
    EXPECT_EQ(status("Content-type: text/html\r\n\r\nStatus: 500\r\n"), 200U);
    EXPECT_EQ(status("Status: 99\r\nStatus:\r\nStatus: x\r\n\r\n"), 200U);
    EXPECT_EQ(status("no header at all"), 0U);
}

TEST(Greeting, RecognisesProtocolsByTheirFirstBytes) {
    EXPECT_EQ(recognise(""), Spoken::kUnknown);
    EXPECT_EQ(recognise("HTTP/1.1 400"), Spoken::kHttp);
    EXPECT_EQ(recognise("\1\6\0\1"s), Spoken::kFastcgi);
    EXPECT_EQ(recognise("\x15\3\1\0\2\2"s), Spoken::kTls);
    EXPECT_EQ(recognise("\x16\3\3\0\x7A"s), Spoken::kTls);
    EXPECT_EQ(recognise("\0\0\x12\4\0\0\0\0\0"s), Spoken::kHttp2);
    EXPECT_EQ(recognise("\0\0\x08\7\0\0\0\0\0"s), Spoken::kHttp2);
    EXPECT_EQ(recognise("\0\0\x11\4\0\0\0\0\0"s), Spoken::kOther);
    EXPECT_EQ(recognise("SSH-2.0-x"), Spoken::kOther);
}

TEST(ProbeHttp, AnyAnswerIsGoodAndItsStatusIsTold) {
    for (const Family family : {Family::kUnix, Family::kLoopback}) {
        std::string request;
        {
            const Peer peer{[&request](int fd) {
                                request = hear(fd);
                                say(fd, "HTTP/1.1 502 Bad Gateway\r\nServer: x\r\n\r\n");
                            },
                            family};
            const auto result = ask(ProbeKind::kHttp, peer);
            EXPECT_EQ(result.outcome, ProbeOutcome::kGood);
            EXPECT_EQ(result.status, 502U);
            EXPECT_EQ(result.spoken, Spoken::kUnknown);
        }
        EXPECT_EQ(request,
                  "HEAD / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: gatemend-probe\r\n"
                  "Accept: */*\r\nConnection: close\r\n\r\n");
    }
}

TEST(ProbeHttp, SaysWhatIsSpokenInstead) {
    const auto spoken_by = [](ProbeKind kind, const std::string& words) {
        const Peer peer{[&words](int fd) {
            (void)hear(fd);
            say(fd, words);
            wait_for_close(fd);
        }};
        const auto result = ask(kind, peer);
        EXPECT_EQ(result.outcome, ProbeOutcome::kInvalidResponse);
        return result.spoken;
    };
    EXPECT_EQ(spoken_by(ProbeKind::kHttp, "\x15\3\1\0\2\2\x46"s), Spoken::kTls);
    EXPECT_EQ(spoken_by(ProbeKind::kHttp, "\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x80"s), Spoken::kHttp2);
    EXPECT_EQ(spoken_by(ProbeKind::kHttp, "-ERR unknown command\r\n"), Spoken::kOther);
    EXPECT_EQ(spoken_by(ProbeKind::kFastcgi, "HTTP/1.1 400 Bad Request\r\n\r\n"), Spoken::kHttp);
    EXPECT_EQ(spoken_by(ProbeKind::kFastcgi, "\x15\3\1\0\2\2\x46"s), Spoken::kTls);
}

TEST(ProbeHttp, FindsFastcgiBehindAResetWithOneMoreQuestion) {
    const Peer peer{[asked = 0](int fd) mutable {
        if (++asked == 1) {
            return;  // as FPM: what is not FastCGI is not even read
        }
        (void)hear(fd);
        say(fd, record(6, "Status: 404 Not Found\r\n\r\n") + end_record());
        wait_for_close(fd);
    }};
    const auto result = ask(ProbeKind::kHttp, peer);
    EXPECT_EQ(result.outcome, ProbeOutcome::kInvalidResponse);
    EXPECT_EQ(result.spoken, Spoken::kFastcgi);
}

TEST(ProbeHttp, AResetByAnyOtherPeerIsClosedEarly) {
    const Peer peer{[](int) {}};
    EXPECT_EQ(ask(ProbeKind::kHttp, peer).outcome, ProbeOutcome::kClosedEarly);
}

TEST(ProbeHttp, HalfAHeaderAndSilenceEndsAtTheDeadline) {
    const Peer peer{[](int fd) {
        say(fd, "HTTP/1.1 200 OK\r\nServer: x\r\n");
        wait_for_close(fd);
    }};
    EXPECT_EQ(ask(ProbeKind::kHttp, peer, kShort).outcome, ProbeOutcome::kResponseTimeout);
}

TEST(ProbeHttp, AClosedPortRefuses) {
    std::string address;
    {
        const Peer peer{wait_for_close, Family::kLoopback};
        address = peer.address();
    }
    const auto result = run_probe({ProbeKind::kHttp, address, "", kPlenty}, Reach::kLocal);
    EXPECT_EQ(result.outcome, ProbeOutcome::kRefused);
}

TEST(ProbeFastcgi, TellsTheStatusOfTheScript) {
    const Peer peer{[](int fd) {
        (void)hear(fd);
        say(fd, record(6, "Sta") + record(6, "tus: 404 Not Found\r\n\r\n", 3) + end_record());
        wait_for_close(fd);
    }};
    EXPECT_EQ(ask(ProbeKind::kFastcgi, peer).status, 404U);
}

}  // namespace
}  // namespace gatemend::probe
