// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"
#include "sandbox/probe/process_deadline.hpp"
#include "sandbox/probe/resolve.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "tests/unit/probe_peer.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gatemend::probe {
namespace {

using core::ProbeKind;
using core::ProbeOutcome;
using core::ProbeResult;

constexpr char kNameError = 3;  // RCODE
constexpr char kServerFailure = 2;

// A name server of this process on loopback; `answer` turns a query into what is sent back, "" into
// nothing. This thread's resolver asks only it.
class NameServer {
  public:
    explicit NameServer(std::function<std::string(std::string)> answer) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        EXPECT_EQ(res_init(), 0);
        _res.nscount = 1;
        _res.nsaddr_list[0] = address;
        _res.retry = 1;
        _res.retrans = 1;
        _res.options &= ~static_cast<unsigned long>(RES_DNSRCH | RES_DEFNAMES);
        thread_ = std::thread{[this, answer = std::move(answer)] { serve(answer); }};
    }

    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    ~NameServer() {
        (void)shutdown(socket_, SHUT_RDWR);  // ends the recvfrom()
        thread_.join();
        close(socket_);
        (void)res_init();
    }

  private:
    void serve(const std::function<std::string(std::string)>& answer) const {
        char query[512];
        for (;;) {
            sockaddr_in client{};
            socklen_t size = sizeof client;
            const ssize_t got = recvfrom(
                socket_, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&client), &size);
            if (got <= 0) {
                return;
            }
            const std::string reply = answer(std::string{query, static_cast<std::size_t>(got)});
            if (!reply.empty()) {
                (void)sendto(socket_,
                             reply.data(),
                             reply.size(),
                             0,
                             reinterpret_cast<sockaddr*>(&client),
                             size);
            }
        }
    }

    int socket_ = -1;
    std::thread thread_;
};

std::string with_code(std::string query, char code) {
    query[2] = static_cast<char>(query[2] | 0x80);  // an answer
    query[3] = code;
    return query;
}

TEST(ProbeResolve, FindsWhatTheMachineKnows) {
    const auto result =
        run_probe({ProbeKind::kResolve, "localhost", "", std::chrono::seconds{5}}, Reach::kRemote);
    EXPECT_EQ(result.outcome, ProbeOutcome::kGood);
    EXPECT_TRUE(std::ranges::is_sorted(result.addresses));
    EXPECT_NE(std::ranges::find(result.addresses, "127.0.0.1"), result.addresses.end());
    EXPECT_TRUE(core::decode_probe_result(core::encode(result)));
}

TEST(ProbeResolve, TellsNoSuchNameFromNoUsableAnswer) {
    {
        const NameServer server{
            [](std::string query) { return with_code(std::move(query), kNameError); }};
        const ProbeResult result = resolve("app.gatemend-test.invalid");
        EXPECT_EQ(result.outcome, ProbeOutcome::kUnresolved);
        EXPECT_EQ(result.error_number, 0);
    }
    const NameServer server{
        [](std::string query) { return with_code(std::move(query), kServerFailure); }};
    const ProbeResult result = resolve("app.gatemend-test.invalid");
    EXPECT_EQ(result.outcome, ProbeOutcome::kUnresolved);
    EXPECT_EQ(result.error_number, EAGAIN);
}

TEST(ProbeResolve, ReturnsTheAddressesSortedAndAtMostSixteen) {
    const NameServer server{[](std::string query) {
        const bool is_ipv4 = query[query.size() - 3] == 1;  // type A, then the class
        std::string reply = with_code(std::move(query), 0);
        if (!is_ipv4) {
            return reply;
        }
        constexpr char kAnswers = 20;
        reply[7] = kAnswers;
        for (char i = 0; i < kAnswers; ++i) {
            reply += std::string{"\xC0\x0C\0\1\0\1\0\0\0\1\0\4\xC0\0\2", 15};
            reply.push_back(static_cast<char>(kAnswers - i));
        }
        return reply;
    }};
    const ProbeResult result = resolve("app.gatemend-test.invalid");
    EXPECT_EQ(result.outcome, ProbeOutcome::kGood);
    EXPECT_EQ(result.addresses.size(), core::kMaxResolvedAddresses);
    EXPECT_TRUE(std::ranges::is_sorted(result.addresses));
}

TEST(ProbeResolve, ASilentNameServerEndsAtTheDeadlineOfTheProcess) {
    const NameServer server{[](const std::string&) { return std::string{}; }};
    const ProbeResult late{.outcome = ProbeOutcome::kUnresolved, .error_number = ETIMEDOUT};
    const std::string line = output_of([&late] {
        if (!sandbox::install_filter(sandbox::Program::kResolver)) {
            return;
        }
        const auto deadline = ProcessDeadline::set(std::chrono::milliseconds{50}, late);
        (void)resolve("app.gatemend-test.invalid");
    });
    EXPECT_EQ(line, core::encode(late));
}

TEST(ProbeResolve, WorksInsideItsFilter) {
    const std::string line = output_of([] {
        if (!sandbox::install_filter(sandbox::Program::kResolver)) {
            return;
        }
        ProbeResult result = resolve("localhost");
        result.addresses.clear();
        const std::string text = core::encode(result);
        (void)!write(STDOUT_FILENO, text.data(), text.size());
        _exit(0);
    });
    EXPECT_EQ(line, "outcome=good errno=0 us=0\n");
}

}  // namespace
}  // namespace gatemend::probe
