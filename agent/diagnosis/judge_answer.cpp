// SPDX-License-Identifier: MIT
// nginx reaches the backend (or would, if the name resolved), and what it gets is no use: another
// protocol, a bad certificate, a header too large, an error of the application's own.
#include "diagnosis/case_file.hpp"
#include "diagnosis/judges.hpp"

#include <algorithm>

namespace gatemend::diagnosis {

namespace {

core::Spoken spoken_for(core::Scheme scheme) {
    switch (scheme) {
        case core::Scheme::kFastcgi:
            return core::Spoken::kFastcgi;
        case core::Scheme::kHttp:
            return core::Spoken::kHttp;
        case core::Scheme::kHttps:
        case core::Scheme::kGrpcs:
            return core::Spoken::kTls;
        case core::Scheme::kGrpc:
            return core::Spoken::kHttp2;
        case core::Scheme::kUwsgi:
        case core::Scheme::kScgi:
        case core::Scheme::kMemcached:
            return core::Spoken::kUnknown;
    }
    return core::Spoken::kUnknown;
}

// The directive that would speak what the backend speaks.
std::string_view directive_for(core::Spoken spoken) {
    switch (spoken) {
        case core::Spoken::kFastcgi:
            return "fastcgi_pass";
        case core::Spoken::kHttp:
            return "proxy_pass http://";
        case core::Spoken::kHttp2:
            return "grpc_pass";
        case core::Spoken::kTls:
            return "proxy_pass https://";
        case core::Spoken::kUnknown:
        case core::Spoken::kOther:
            break;
    }
    return "";
}

std::string_view tls_words(core::TlsFault fault) {
    switch (fault) {
        case core::TlsFault::kNone:
            return "no TLS session can be made";
        case core::TlsFault::kNotTls:
            return "it does not speak TLS";
        case core::TlsFault::kRefused:
            return "it refuses the handshake";
        case core::TlsFault::kExpired:
            return "its certificate has expired";
        case core::TlsFault::kNotYetValid:
            return "its certificate is not valid yet";
        case core::TlsFault::kWrongName:
            return "its certificate is for another name";
        case core::TlsFault::kUntrusted:
            return "its certificate is not signed by an authority this machine trusts";
    }
    return "";
}

bool is_encrypted(core::Scheme scheme) {
    return scheme == core::Scheme::kHttps || scheme == core::Scheme::kGrpcs;
}

std::string until_words(const core::ProbeResult& probe) {
    return probe.certificate_until
               ? " (valid until " + core::format_time(*probe.certificate_until) + ")"
               : "";
}

// "`fastcgi_buffer_size 16k; fastcgi_buffers 8 16k; ...`": what is suggested.
std::string directive_words(const std::vector<Suggestion>& suggestions) {
    std::string words;
    for (const SuggestedSetting& setting : suggestions.front().settings) {
        words += (words.empty() ? "`" : " ") + setting.name + " " + setting.value + ";";
    }
    return words.empty() ? "" : words + "`";
}

std::string script_advice(const Sighting& sighting, const std::vector<Suggestion>& suggestions) {
    const bool has_value = !suggestions.empty() && !suggestions.front().settings.empty();
    const bool fits_not =
        !has_value && !suggestions.empty() && !suggestions.front().arithmetic.empty();
    const std::string to =
        has_value ? " to " + suggestions.front().settings.front().value : std::string{};
    if (sighting.clue == core::Clue::kMemoryLimit && !fits_not) {
        return "Raise memory_limit for this pool (php_admin_value[memory_limit])" + to +
               " only if the script needs it; otherwise repair the script.";
    }
    if (sighting.clue == core::Clue::kExecutionTime && !fits_not) {
        return "Raise max_execution_time" + to +
               " for this script as a stopgap; find out what takes so "
               "long (slowlog, request_slowlog_timeout = 5s).";
    }
    return "Repair the script; restarting PHP-FPM changes nothing.";
}

// nginx looks a name up when it reads its configuration and keeps the answer.
bool has_moved(const Findings& findings) {
    const auto& now = findings.resolved;
    return is_probe_bad(findings) && !findings.backend.host.empty() && !now.empty() &&
           std::find(now.begin(), now.end(), findings.backend.address) == now.end();
}

Diagnosis judge_moved_name(const Findings& findings) {
    const std::string& host = findings.backend.host;
    CaseFile file(core::Cause::kNameUnresolved, findings);
    file.probe_bad()
        .sightings({core::Symptom::kConnectRefused,
                    core::Symptom::kConnectTimeout,
                    core::Symptom::kUnreachable})
        .inspection(host + " means " + findings.resolved.front() + " now")
        .nginx_valid();
    return file.close(
        "nginx still uses " + findings.backend.address + " for " + host +
            ", which it looked up when it read its configuration; the name means " +
            findings.resolved.front() + " now.",
        "`nginx -t && systemctl reload nginx` makes nginx look the name up again. With "
        "a `resolver` and a variable in the directive it does so by itself.");
}

}  // namespace

std::optional<Diagnosis> judge_name_unresolved(const Findings& findings) {
    if (has_moved(findings)) {
        return judge_moved_name(findings);
    }
    const bool is_config =
        findings.test && findings.test->verdict == core::ConfigVerdict::kInvalid &&
        findings.test->message.find("host not found in upstream") != std::string::npos;
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kNameUnresolved});
    const bool is_probed = has_outcome(findings, {core::ProbeOutcome::kUnresolved});
    // A line that anybody can write explains no unit that is down.
    const bool is_told = sighting != nullptr && !is_unit_down(findings);
    if (!is_config && !is_told && !is_probed) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kNameUnresolved, findings);
    if (is_config) {
        file.unit_down();
    }
    file.config(true).probe_bad().sightings({core::Symptom::kNameUnresolved});
    const std::string said = sighting == nullptr ? "" : sighting->subject.shown().in_sentence("");
    const std::string known = findings.backend.host.empty() ? "a host name" : findings.backend.host;
    const std::string name = said.empty() ? known : said;
    return file.close(is_config ? "nginx does not start: " + describe(*findings.test) + "."
                                : "nginx cannot resolve " + name + ".",
                      "Check the name with `getent ahosts` and the `resolver` line; nginx resolves "
                      "names without variables only when it reads its configuration, so `nginx -t "
                      "&& systemctl reload nginx` once the name resolves.");
}

std::optional<Diagnosis> judge_protocol_mismatch(const Findings& findings) {
    if (!findings.probe) {
        return std::nullopt;
    }
    const core::ProbeResult& probe = *findings.probe;
    const core::Spoken expected = spoken_for(findings.backend.scheme);
    const bool is_plain =
        is_encrypted(findings.backend.scheme) && probe.tls == core::TlsFault::kNotTls;
    const bool is_other = probe.spoken != core::Spoken::kUnknown &&
                          expected != core::Spoken::kUnknown && probe.spoken != expected &&
                          !is_encrypted(findings.backend.scheme);
    if (!is_probe_bad(findings) || (!is_plain && !is_other)) {
        return std::nullopt;
    }
    const core::Spoken spoken =
        is_plain && probe.spoken == core::Spoken::kUnknown ? core::Spoken::kOther : probe.spoken;
    CaseFile file(core::Cause::kProtocolMismatch, findings);
    file.unit_up().probe_bad().sightings({core::Symptom::kInvalidResponse,
                                          core::Symptom::kClosedEarly,
                                          core::Symptom::kUpstreamTls,
                                          core::Symptom::kHeaderTooBig});
    const std::string is_speaking =
        spoken == core::Spoken::kOther ? "something else" : std::string{core::spoken_id(spoken)};
    const std::string directive{directive_for(spoken)};
    return file.close("nginx speaks " + std::string{core::scheme_id(findings.backend.scheme)} +
                          " to " + describe(findings.backend) + ", but the backend speaks " +
                          is_speaking + ".",
                      (directive.empty() ? "Use the directive of the backend's protocol"
                                         : "Use `" + directive + "`") +
                          " in that location, then `nginx -t && systemctl reload nginx`.");
}

std::optional<Diagnosis> judge_upstream_tls(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kUpstreamTls});
    const bool is_failed = has_outcome(findings, {core::ProbeOutcome::kTlsFailed});
    // Who cannot be reached has no certificate to blame.
    const bool is_reached = is_failed || !is_probe_bad(findings) ||
                            has_outcome(findings, {core::ProbeOutcome::kClosedEarly});
    if (!is_reached || (!is_failed && sighting == nullptr)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kUpstreamTls, findings);
    file.sightings({core::Symptom::kUpstreamTls});
    std::string why = "no TLS session can be made";
    const bool has_fault = findings.probe && findings.probe->tls != core::TlsFault::kNone;
    if (has_fault) {
        why = std::string{tls_words(findings.probe->tls)} + until_words(*findings.probe);
    }
    // A probe without a fault that gets its answer speaks against the log.
    if (has_fault && !is_failed) {
        file.probe_good();
    } else {
        file.probe_bad();
    }
    return file.close(
        "TLS between nginx and " + describe(findings.backend) + " fails: " + why + ".",
        "Renew or replace the backend's certificate (`openssl s_client -connect " +
            findings.backend.address +
            "`), or correct proxy_ssl_name and proxy_ssl_trusted_certificate.");
}

std::optional<Diagnosis> judge_header_too_big(const Findings& findings) {
    if (find_symptom(findings, {core::Symptom::kHeaderTooBig}) == nullptr) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kHeaderTooBig, findings);
    file.sightings({core::Symptom::kHeaderTooBig}).probe_good().unit_up();
    const std::string prefix = directive_prefix(findings.backend);
    const std::string now = config_words(prefix + "_buffer_size", findings.backend.buffer_size);
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kHeaderTooBig);
    const std::string values = directive_words(suggestions);

    file.remedy(suggestions);
    return file.close("The response header of " + describe(findings.backend) +
                          " is larger than nginx's buffer; " +
                          (now.empty() ? prefix + "_buffer_size is one page by default" : now) +
                          ".",
                      (!values.empty() ? "Raise it in that location: " + values +
                                             ", then `nginx -t && systemctl reload nginx`. "
                       : now.empty() ? "Raise it in that location, then `nginx -t && systemctl "
                                       "reload nginx`. "
                                     : "") +
                          "Look for large cookies first. A restart of the backend is useless.");
}

std::optional<Diagnosis> judge_app_answers_502(const Findings& findings) {
    constexpr std::uint32_t kBadGateway = 502;
    const Sighting* sighting = find_clue(findings, {core::Clue::kAnsweredByUpstream});
    const bool is_probed = is_probe_good(findings) && findings.probe->status == kBadGateway;
    if (sighting == nullptr && !is_probed) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kAppAnswers502, findings);
    file.sightings({}, {core::Clue::kAnsweredByUpstream}).probe_good().unit_up();
    return file.close("The error comes from " + describe(findings.backend) +
                          " itself: nginx connected, got a header, and passed it on.",
                      "Look at the application's own log, or at the proxy behind it; nginx and the "
                      "connection to the backend are fine.");
}

std::optional<Diagnosis> judge_edge(const Findings& findings) {
    const Sighting* sighting = find_clue(findings, {core::Clue::kAnsweredByEdge});
    if (sighting == nullptr || is_unit_down(findings) || is_probe_bad(findings)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kEdge502, findings);
    file.sightings({}, {core::Clue::kAnsweredByEdge}).probe_good().unit_up();
    return file.close(
        "The proxy in front of this machine reports a gateway error" +
            (is_probe_good(findings)
                 ? ", but this machine answers (" + probe_sentence(findings) + ")"
                 : std::string{" that this machine did not send"}) +
            ".",
        "Check the proxy's own status page, whether its addresses pass this machine's "
        "packet filter, and TLS between the two; the web server and its backends need "
        "nothing.");
}

std::optional<Diagnosis> judge_script_fatal(const Findings& findings) {
    const Sighting* sighting = find_symptom(findings, {core::Symptom::kScriptFatal});
    if (sighting == nullptr || is_unit_down(findings)) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kScriptFatal, findings);
    file.sightings({core::Symptom::kScriptFatal}).probe_good().unit_up();
    const std::vector<Suggestion> suggestions = suggest(findings, core::Cause::kScriptFatal);
    file.remedy(suggestions);
    const std::string where = sighting->subject.shown().in_sentence(" in ");
    const std::string what = sighting->clue == core::Clue::kNone
                                 ? ""
                                 : " (" + std::string{core::clue_id(sighting->clue)} + ")";
    return file.close(
        "A script ends with a fatal error" + what + where + "; PHP-FPM and nginx are fine.",
        script_advice(*sighting, suggestions));
}

std::optional<Diagnosis> judge_dependency_down(const Findings& findings) {
    const Sighting* sighting = find_clue(findings, {core::Clue::kDependencyRefused});
    const bool is_inactive = findings.unit && core::is_down(*findings.unit) &&
                             findings.unit->active == core::ActiveState::kInactive;
    // PHP-FPM and nginx need no database to run: what their scripts say explains no unit that is
    // down.
    const bool is_server = findings.role != core::ServiceRole::kOther && is_unit_down(findings);
    if (sighting == nullptr || is_inactive || is_server) {
        return std::nullopt;
    }
    CaseFile file(core::Cause::kDependencyDown, findings);
    file.sightings({}, {core::Clue::kDependencyRefused});
    if (is_unit_down(findings)) {
        file.unit_down();
    } else {
        file.unit_up();
    }
    const std::string what = sighting->subject.shown().in_sentence(": ");
    return file.close("The application behind " + describe(findings.backend) +
                          " cannot reach a database or cache it needs" + what +
                          (what.ends_with('.') ? "" : "."),
                      "Start or repair that dependency; restarting the application would only "
                      "lose its requests.");
}

}  // namespace gatemend::diagnosis
