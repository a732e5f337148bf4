// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"
#include "sandbox/probe/tls/tls_probe.hpp"
#include "sandbox/seccomp/filters.hpp"
#include "tests/unit/probe_peer.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace gatemend::probe {
namespace {

using core::ProbeKind;
using core::ProbeOutcome;
using core::ProbeResult;
using core::Spoken;
using core::TlsFault;

constexpr long kDay = 24L * 3600;

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

    void operator()(SSL* session) const { SSL_free(session); }

    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

    void operator()(X509* certificate) const { X509_free(certificate); }

    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};

struct Validity {
    long from = -kDay;  // seconds from now
    long until = kDay;
};

// A server's half of TLS with a certificate for "app.lan" that it signed itself.
class TlsServer {
  public:
    explicit TlsServer(Validity validity = {}) : context_(SSL_CTX_new(TLS_server_method())) {
        std::string curve = "P-256";
        const std::unique_ptr<EVP_PKEY, Free> key{EVP_EC_gen(curve.c_str())};
        const std::unique_ptr<X509, Free> certificate{X509_new()};
        (void)X509_set_version(certificate.get(), 2);
        (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        (void)X509_gmtime_adj(X509_getm_notBefore(certificate.get()), validity.from);
        (void)X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity.until);
        (void)X509_set_pubkey(certificate.get(), key.get());
        const std::unique_ptr<X509_EXTENSION, Free> names{X509V3_EXT_conf_nid(
            nullptr, nullptr, NID_subject_alt_name, "DNS:app.lan,IP:192.0.2.1")};
        (void)X509_add_ext(certificate.get(), names.get(), -1);
        EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
        EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate.get()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key.get()), 1);
    }

    [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

    // Handshake, one request, `words`, and no more until the peer goes.
    void serve(int fd, const std::string& words) const {
        const std::unique_ptr<SSL, Free> session{SSL_new(context_.get())};
        (void)SSL_set_fd(session.get(), fd);
        if (SSL_accept(session.get()) != 1) {
            return;
        }
        char request[1024];
        (void)SSL_read(session.get(), request, sizeof request);
        (void)SSL_write(session.get(), words.data(), static_cast<int>(words.size()));
        wait_for_close(fd);
    }

  private:
    std::unique_ptr<SSL_CTX, Free> context_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\n\r\n";

ProbeResult ask(const Peer& peer, const std::string& name = "", core::Duration timeout = kPlenty) {
    return run_tls_probe({ProbeKind::kHttps, peer.address(), name, timeout}, Reach::kLocal);
}

ProbeResult ask_server(const TlsServer& server, const std::string& name = "") {
    const Peer peer{[&server](int fd) { server.serve(fd, kOk); }, Family::kLoopback};
    return ask(peer, name);
}

TEST(ProbeTls, AnAnswerIsGoodWhateverTheCertificate) {
    const TlsServer server;
    const auto result = ask_server(server, "app.lan");
    EXPECT_EQ(result.outcome, ProbeOutcome::kGood);
    EXPECT_EQ(result.status, 200U);
    EXPECT_EQ(result.tls, TlsFault::kUntrusted) << "it signed itself";
    ASSERT_TRUE(result.certificate_until);
    const auto left = *result.certificate_until - std::chrono::time_point_cast<core::Duration>(
                                                      std::chrono::system_clock::now());
    EXPECT_GT(left, std::chrono::hours{23});
    EXPECT_LE(left, std::chrono::hours{24});
    EXPECT_TRUE(core::decode_probe_result(core::encode(result)));
}

TEST(ProbeTls, SaysWhatIsWrongWithTheCertificate) {
    EXPECT_EQ(ask_server(TlsServer{{-2 * kDay, -kDay}}, "app.lan").tls, TlsFault::kExpired);
    EXPECT_EQ(ask_server(TlsServer{{-2 * kDay, -kDay}}, "other.lan").tls, TlsFault::kExpired);
    EXPECT_EQ(ask_server(TlsServer{{kDay, 2 * kDay}}, "app.lan").tls, TlsFault::kNotYetValid);
    EXPECT_EQ(ask_server(TlsServer{}, "other.lan").tls, TlsFault::kWrongName);
    EXPECT_EQ(ask_server(TlsServer{}, "").tls, TlsFault::kUntrusted);
    EXPECT_EQ(ask_server(TlsServer{}, "192.0.2.1").tls, TlsFault::kUntrusted);
    EXPECT_EQ(ask_server(TlsServer{}, "192.0.2.2").tls, TlsFault::kWrongName);
}

TEST(ProbeTls, SendsTheNameAndNothingWithoutOne) {
    const auto sni_of = [](const std::string& name) {
        const TlsServer server;
        std::string seen = "none";
        {
            const Peer peer{[&](int fd) {
                const std::unique_ptr<SSL, Free> session{SSL_new(server.context())};
                (void)SSL_set_fd(session.get(), fd);
                (void)SSL_accept(session.get());
                const char* sni = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
                seen = sni == nullptr ? "none" : sni;
            }};
            (void)ask(peer, name);
        }
        return seen;
    };
    EXPECT_EQ(sni_of("app.lan"), "app.lan");
    EXPECT_EQ(sni_of(""), "none");
    EXPECT_EQ(sni_of("192.0.2.1"), "none");
}

TEST(ProbeTls, APlainPeerIsNotTls) {
    const Peer peer{[](int fd) {
        (void)hear(fd);
        say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
        wait_for_close(fd);
    }};
    const auto result = ask(peer, "app.lan");
    EXPECT_EQ(result.outcome, ProbeOutcome::kTlsFailed);
    EXPECT_EQ(result.tls, TlsFault::kNotTls);
    EXPECT_EQ(result.spoken, Spoken::kHttp);
}

TEST(ProbeTls, AnAlertIsARefusal) {
    const TlsServer server;
    (void)SSL_CTX_set_cipher_list(server.context(), "ECDHE-RSA-AES128-GCM-SHA256");
    (void)SSL_CTX_set_ciphersuites(server.context(), "");
    const auto result = ask_server(server, "app.lan");
    EXPECT_EQ(result.outcome, ProbeOutcome::kTlsFailed);
    EXPECT_EQ(result.tls, TlsFault::kRefused);
}

TEST(ProbeTls, AMissingClientCertificateIsARefusal) {
    const TlsServer server;
    SSL_CTX_set_verify(
        server.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const Peer peer{[&server](int fd) {
        server.serve(fd, kOk);
        (void)shutdown(fd, SHUT_WR);
        wait_for_close(fd);
    }};
    const auto result = ask(peer);
    EXPECT_EQ(result.outcome, ProbeOutcome::kTlsFailed);
    EXPECT_EQ(result.tls, TlsFault::kRefused);
}

TEST(ProbeTls, ACloseInTheHandshakeIsClosedEarly) {
    const Peer peer{[](int fd) { (void)hear(fd); }};
    EXPECT_EQ(ask(peer).outcome, ProbeOutcome::kClosedEarly);
}

TEST(ProbeTls, SilenceEndsAtTheDeadline) {
    const Peer peer{wait_for_close};
    EXPECT_EQ(ask(peer, "", kShort).outcome, ProbeOutcome::kResponseTimeout);
}

TEST(ProbeTls, AnotherProtocolInsideIsInvalid) {
    const TlsServer server;
    const Peer peer{[&server](int fd) { server.serve(fd, "-ERR unknown command\r\n"); }};
    const auto result = ask(peer);
    EXPECT_EQ(result.outcome, ProbeOutcome::kInvalidResponse);
    EXPECT_EQ(result.spoken, Spoken::kOther);
    EXPECT_TRUE(result.certificate_until);
}

TEST(ProbeTls, AnEndlessHandshakeIsCutOff) {
    const Peer peer{[](int fd) {
        (void)hear(fd);
        // handshake records of a message whose length promises 16 MiB
        std::string words{"\x16\3\3\x40\0\x0B\xFF\xFF\xFF", 9};
        words += std::string(0x4000 - 4, 'x');
        while (send(fd, words.data(), words.size(), MSG_NOSIGNAL) > 0) {
        }
    }};
    EXPECT_EQ(ask(peer).outcome, ProbeOutcome::kTlsFailed);
}

TEST(ProbeHttp, FindsTlsBehindAPeerThatSaysNothingToPlainText) {
    const TlsServer server;
    const Peer peer{[&server](int fd) { server.serve(fd, kOk); }, Family::kLoopback};
    const auto result = run_probe({ProbeKind::kHttp, peer.address(), "", kPlenty}, Reach::kLocal);
    EXPECT_EQ(result.outcome, ProbeOutcome::kInvalidResponse);
    EXPECT_EQ(result.spoken, Spoken::kTls);
}

TEST(ProbeTls, FindsAPlainPeerThatSaysNothingToTls) {
    const Peer peer{[](int fd) {
        if (hear(fd).starts_with("HEAD")) {
            say(fd, kOk);
        }
    }};
    const auto result = ask(peer);
    EXPECT_EQ(result.outcome, ProbeOutcome::kTlsFailed);
    EXPECT_EQ(result.tls, TlsFault::kNotTls);
    EXPECT_EQ(result.spoken, Spoken::kHttp);
}

TEST(ProbeTls, WorksInsideItsFilter) {
    const TlsServer server;
    const Peer peer{[&server](int fd) { server.serve(fd, kOk); }};
    const std::string line = output_of([&peer] {
        if (!sandbox::install_filter(sandbox::Program::kTlsProbe)) {
            return;
        }
        ProbeResult result = ask(peer, "app.lan");
        result.elapsed_us = 0;
        result.certificate_until.reset();
        const std::string text = core::encode(result);
        (void)!write(STDOUT_FILENO, text.data(), text.size());
    });
    EXPECT_EQ(line, "outcome=good errno=0 us=0 status=200 tls=untrusted\n");
}

TEST(ProbeTls, AsksNothingElse) {
    const Peer peer{wait_for_close};
    const auto result =
        run_tls_probe({ProbeKind::kHttp, peer.address(), "", kPlenty}, Reach::kLocal);
    EXPECT_EQ(result.outcome, ProbeOutcome::kUnknown);
}

}  // namespace
}  // namespace gatemend::probe
