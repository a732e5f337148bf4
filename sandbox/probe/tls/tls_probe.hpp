// SPDX-License-Identifier: MIT
// The question of kind https: a TLS session, then the same HEAD request as http. Called by
// main/gatemend_probe_tls.cpp only: no other program of ours links OpenSSL.
#pragma once

#include "core/probe.hpp"
#include "sandbox/probe/address.hpp"

namespace gatemend::probe {

// kGood when session and answer stand, whatever the certificate; `tls` and `certificate_until` say
// what it is like. kTlsFailed when there is no session.
[[nodiscard]] core::ProbeResult run_tls_probe(const core::ProbeQuestion& question, Reach reach);

}  // namespace gatemend::probe
