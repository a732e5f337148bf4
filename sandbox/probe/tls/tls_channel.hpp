// SPDX-License-Identifier: MIT
// TLS on top of a Conversation: the client's half of a session, in memory (OpenSSL never sees the
// socket, so deadline, bounds and the first look at a peer's bytes stay ours). Called by
// tls_probe.cpp. Never refuses a certificate: what is wrong with it is told, as nginx does not look
// either unless it is configured to.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"
#include "sandbox/probe/conversation.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace gatemend::probe {

// What chain building found; the worst counts, an expired certificate before a wrong name before an
// unknown authority.
class CertificateFaults {
  public:
    void note(int verify_error);

    [[nodiscard]] core::TlsFault worst() const;

  private:
    bool is_expired_ = false;
    bool is_not_yet_valid_ = false;
    bool is_wrong_name_ = false;
    bool is_untrusted_ = false;
};

class TlsChannel final : public Channel {
  public:
    // `name`: sent as SNI and looked for in the certificate; "": neither.
    [[nodiscard]] static core::Result<std::unique_ptr<TlsChannel>> open(Conversation& transport,
                                                                        const std::string& name);

    // nullopt: the session stands
    std::optional<core::ProbeResult> shake_hands();
    std::optional<core::ProbeResult> send_all(std::string_view bytes) override;
    Received receive(std::span<char> buffer) override;

    // Adds what the certificate showed; for a session that stands.
    void describe_certificate(core::ProbeResult& result) const;

  private:
    struct Free {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

        void operator()(SSL* session) const { SSL_free(session); }
    };

    explicit TlsChannel(Conversation& transport) : transport_(transport) {}

    [[nodiscard]] core::Status prepare(const std::string& name);
    [[nodiscard]] core::Status expect_name(const std::string& name);
    // After SSL said that it wants more: sends what it has to send, gets what it waits for.
    std::optional<core::ProbeResult> pump(int ssl_result);
    std::optional<core::ProbeResult> flush();
    std::optional<core::ProbeResult> feed();
    [[nodiscard]] static core::ProbeResult no_session();

    Conversation& transport_;
    CertificateFaults faults_;
    std::unique_ptr<SSL_CTX, Free> context_;
    std::unique_ptr<SSL, Free> session_;
    std::size_t fed_bytes_ = 0;
};

}  // namespace gatemend::probe
