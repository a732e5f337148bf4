// SPDX-License-Identifier: MIT
#include "sandbox/probe/tls/tls_channel.hpp"

#include "sandbox/probe/exchange.hpp"
#include "sandbox/probe/greeting.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace gatemend::probe {
namespace {

using core::Error;
using core::ProbeOutcome;
using core::ProbeResult;
using core::TlsFault;

constexpr std::size_t kChunkBytes = std::size_t{16} * 1024;
constexpr long kMaxChainBytes = 64L * 1024;
constexpr int kMaxChainLength = 8;

// Called once per fault; 1: go on, the next one counts as well.
int note_fault(int is_ok, X509_STORE_CTX* store) {
    const auto* session = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* faults =
        session == nullptr ? nullptr : static_cast<CertificateFaults*>(SSL_get_app_data(session));
    if (is_ok == 0 && faults != nullptr) {
        faults->note(X509_STORE_CTX_get_error(store));
    }
    return 1;
}

// nullopt for what is no time, or none that is written with four digits.
std::optional<core::TimePoint> to_time(const ASN1_TIME* text) {
    constexpr std::time_t kYear10000 = 253402300800;
    std::tm parts{};
    if (text == nullptr || ASN1_TIME_to_tm(text, &parts) != 1) {
        return std::nullopt;
    }
    const std::time_t seconds = timegm(&parts);
    if (seconds < 0 || seconds >= kYear10000) {
        return std::nullopt;
    }
    return core::TimePoint{std::chrono::seconds{seconds}};
}

ProbeResult tls_failed(TlsFault fault, core::Spoken spoken = core::Spoken::kUnknown) {
    return {.outcome = ProbeOutcome::kTlsFailed, .tls = fault, .spoken = spoken};
}

}  // namespace

void CertificateFaults::note(int verify_error) {
    switch (verify_error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            is_expired_ = true;
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            is_not_yet_valid_ = true;
            break;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            is_wrong_name_ = true;
            break;
        default:
            is_untrusted_ = true;
            break;
    }
}

TlsFault CertificateFaults::worst() const {
    if (is_expired_) {
        return TlsFault::kExpired;
    }
    if (is_not_yet_valid_) {
        return TlsFault::kNotYetValid;
    }
    if (is_wrong_name_) {
        return TlsFault::kWrongName;
    }
    return is_untrusted_ ? TlsFault::kUntrusted : TlsFault::kNone;
}

core::Result<std::unique_ptr<TlsChannel>> TlsChannel::open(Conversation& transport,
                                                           const std::string& name) {
    std::unique_ptr<TlsChannel> channel{new TlsChannel{transport}};
    GATEMEND_CHECK(channel->prepare(name));
    return channel;
}

core::Status TlsChannel::prepare(const std::string& name) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (context_ == nullptr) {
        return Error{"TLS: no context"};
    }
    SSL_CTX_set_max_cert_list(context_.get(), kMaxChainBytes);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, note_fault);
    SSL_CTX_set_verify_depth(context_.get(), kMaxChainLength);
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
    // A machine without authorities trusts none: everything is untrusted then, which is true.
    (void)SSL_CTX_set_default_verify_paths(context_.get());
    session_.reset(SSL_new(context_.get()));
    BIO* incoming = BIO_new(BIO_s_mem());
    BIO* outgoing = BIO_new(BIO_s_mem());
    if (session_ == nullptr || incoming == nullptr || outgoing == nullptr) {
        BIO_free(incoming);
        BIO_free(outgoing);
        return Error{"TLS: no session"};
    }
    BIO_set_mem_eof_return(incoming, -1);             // nothing there yet: try again later
    SSL_set_bio(session_.get(), incoming, outgoing);  // which frees them from now on
    SSL_set_connect_state(session_.get());
    SSL_set_app_data(session_.get(), &faults_);
    return expect_name(name);
}

core::Status TlsChannel::expect_name(const std::string& name) {
    if (name.empty()) {
        return core::Done{};
    }
    // A number is looked for as an address, and SNI does not know numbers.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), name.c_str()) == 1) {
        return core::Done{};
    }
    std::string sni = name;  // the C API asks for bytes it might change
    if (SSL_ctrl(
            session_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni.data()) !=
            1 ||
        SSL_set1_host(session_.get(), name.c_str()) != 1) {
        return Error{"TLS: the name cannot be used"};
    }
    return core::Done{};
}

// What OpenSSL has written for the peer.
std::optional<ProbeResult> TlsChannel::flush() {
    std::array<char, kChunkBytes> buffer{};
    for (;;) {
        const int got =
            BIO_read(SSL_get_wbio(session_.get()), buffer.data(), static_cast<int>(buffer.size()));
        if (got <= 0) {
            return std::nullopt;
        }
        if (auto failed = transport_.send_all({buffer.data(), static_cast<std::size_t>(got)})) {
            return failed;
        }
    }
}

// What the peer has written for OpenSSL.
std::optional<ProbeResult> TlsChannel::feed() {
    std::array<char, kChunkBytes> buffer{};
    const Received received = transport_.receive(buffer);
    if (received.ending) {
        return received.ending;
    }
    if (fed_bytes_ == 0) {
        const core::Spoken spoken = recognise(received.bytes);
        if (spoken != core::Spoken::kTls) {
            return tls_failed(TlsFault::kNotTls, spoken);
        }
    }
    fed_bytes_ += received.bytes.size();
    const int size = static_cast<int>(received.bytes.size());
    if (fed_bytes_ > kMaxResponseBytes ||
        BIO_write(SSL_get_rbio(session_.get()), received.bytes.data(), size) != size) {
        return no_session();  // no end in sight
    }
    return std::nullopt;
}

// An alert, or nothing both sides can do: which of them it was does not matter to nginx either.
ProbeResult TlsChannel::no_session() {
    return tls_failed(TlsFault::kRefused);
}

std::optional<ProbeResult> TlsChannel::pump(int ssl_result) {
    const int error = SSL_get_error(session_.get(), ssl_result);
    if (auto failed = flush()) {
        return failed;
    }
    if (error == SSL_ERROR_WANT_READ) {
        return feed();
    }
    return error == SSL_ERROR_WANT_WRITE ? std::nullopt : std::optional{no_session()};
}

std::optional<ProbeResult> TlsChannel::shake_hands() {
    for (;;) {
        ERR_clear_error();
        const int result = SSL_do_handshake(session_.get());
        if (result == 1) {
            return flush();
        }
        if (auto failed = pump(result)) {
            return failed;
        }
    }
}

std::optional<ProbeResult> TlsChannel::send_all(std::string_view bytes) {
    for (;;) {
        ERR_clear_error();
        const int result = SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (result > 0) {
            return flush();  // without partial writes it is all or nothing
        }
        if (auto failed = pump(result)) {
            return failed;
        }
    }
}

Received TlsChannel::receive(std::span<char> buffer) {
    for (;;) {
        ERR_clear_error();
        const int got = SSL_read(session_.get(), buffer.data(), static_cast<int>(buffer.size()));
        if (got > 0) {
            return {{buffer.data(), static_cast<std::size_t>(got)}, std::nullopt};
        }
        if (SSL_get_error(session_.get(), got) == SSL_ERROR_ZERO_RETURN) {
            return {{}, ProbeResult{.outcome = ProbeOutcome::kClosedEarly}};
        }
        if (auto failed = pump(got)) {
            return {{}, failed};
        }
    }
}

void TlsChannel::describe_certificate(ProbeResult& result) const {
    if (result.tls == TlsFault::kNone) {
        result.tls = faults_.worst();
    }
    const X509* certificate = SSL_get0_peer_certificate(session_.get());
    if (certificate != nullptr) {
        result.certificate_until = to_time(X509_get0_notAfter(certificate));
    }
}

}  // namespace gatemend::probe
