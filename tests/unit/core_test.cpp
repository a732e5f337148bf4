// SPDX-License-Identifier: MIT
#include "core/cause.hpp"
#include "core/clue.hpp"
#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "core/probe.hpp"
#include "core/scheme.hpp"
#include "core/symptom.hpp"
#include "core/text.hpp"
#include "core/time.hpp"
#include "core/unit_state.hpp"
#include "diagnosis/diagnosis.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gatemend::core {
namespace {

TEST(Time, SurvivesTheRoundTripToTheMicrosecond) {
    const auto time = parse_time("2026-11-21T14:38:48.000123Z");
    ASSERT_TRUE(time);
    EXPECT_EQ(format_time(*time), "2026-11-21T14:38:48.000123Z");
    EXPECT_EQ(format_time(*parse_time("2024-02-29T23:59:59Z")), "2024-02-29T23:59:59.000000Z");
}

TEST(Time, RefusesWhatIsNoTime) {
    for (const char* text : {"",
                             "Z",
                             "2026-11-21",
                             "2026-11-21T14:38:48",
                             "2026-13-01T00:00:00Z",
                             "2025-02-29T00:00:00Z",
                             "2026-11-21T24:00:00Z",
                             "2026-11-21T14:38:48.Z",
                             "2026-11-21T14:38:48.1234567Z",
                             "2026-11-21 14:38:48Z",
                             "+026-11-21T14:38:48Z"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

TEST(Time, WritesDurationsForPeople) {
    EXPECT_EQ(format_duration(Duration::zero()), "0s");
    EXPECT_EQ(format_duration(std::chrono::seconds{90}), "1m30s");
    EXPECT_EQ(format_duration(std::chrono::milliseconds{250}), "250ms");
    EXPECT_EQ(format_duration(std::chrono::hours{25}), "1d1h");
}

TEST(Sanitize, KeepsWhatIsPrintable) {
    EXPECT_EQ(sanitize("GET /ä 日本 \"x\""), "GET /ä 日本 \"x\"");
}

TEST(Sanitize, EscapesControlBytesAndBrokenUtf8) {
    EXPECT_EQ(sanitize("a\x1b[31mb\r\n"), "a\\x1B[31mb\\x0D\\x0A");
    EXPECT_EQ(sanitize("\xff\xc0\xaf"), "\\xFF\\xC0\\xAF");
    EXPECT_EQ(sanitize("\xed\xa0\x80"), "\\xED\\xA0\\x80") << "surrogate";
    EXPECT_EQ(sanitize("\xc2\x9b"), "\\xC2\\x9B") << "C1 control: CSI";
    // NOLINTNEXTLINE(misc-misleading-bidirectional): the very thing that must not get through
    EXPECT_EQ(sanitize("\xe2\x80\xae"), "\\xE2\\x80\\xAE") << "right-to-left override";
    EXPECT_EQ(sanitize(std::string_view{"\0", 1}), "\\x00");
}

TEST(Sanitize, CutsAtTheLimit) {
    EXPECT_EQ(sanitize("abcdef", 3), "abc...");
    EXPECT_EQ(sanitize("ab\xe2\x82\xac", 4), "ab\\xE2\\x82...")
        << "a cut character is shown as bytes";
}

TEST(Sanitize, NeverLetsAByteThroughThatATerminalObeys) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const std::string input{static_cast<char>(first), static_cast<char>(second)};
            for (const char byte : sanitize(input)) {
                EXPECT_GE(static_cast<unsigned char>(byte), 0x20U);
                EXPECT_NE(byte, '\x7f');
            }
        }
    }
}

template <class Enum>
void expect_round_trip(Enum last,
                       std::string_view (*id_of)(Enum),
                       std::optional<Enum> (*from)(std::string_view)) {
    std::set<std::string_view> seen;
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        const auto value = static_cast<Enum>(i);
        EXPECT_EQ(from(id_of(value)), value) << id_of(value);
        EXPECT_TRUE(seen.insert(id_of(value)).second) << id_of(value);
    }
    EXPECT_FALSE(from("?"));
    EXPECT_FALSE(from(""));
}

TEST(Identifiers, AreUniqueAndReversible) {
    expect_round_trip(Symptom::kConfigError, symptom_id, symptom_from_id);
    expect_round_trip(kLastCause, cause_id, cause_from_id);
    expect_round_trip(HoldKind::kUnitIsUp, hold_kind_id, hold_kind_from_id);
    expect_round_trip(ProbeOutcome::kUnresolved, probe_outcome_id, probe_outcome_from_id);
    expect_round_trip(ProbeKind::kResolve, probe_kind_id, probe_kind_from_id);
    expect_round_trip(Clue::kAnsweredByEdge, clue_id, clue_from_id);
    expect_round_trip(Scheme::kMemcached, scheme_id, scheme_from_id);
    expect_round_trip(Spoken::kOther, spoken_id, spoken_from_id);
    expect_round_trip(TlsFault::kUntrusted, tls_fault_id, tls_fault_from_id);
    expect_round_trip(ServiceRole::kUnowned, service_role_id, service_role_from_id);
    expect_round_trip(ActOutcome::kInterrupted, act_outcome_id, act_outcome_from_id);
    expect_round_trip(ActVerdict::kHarmful, act_verdict_id, act_verdict_from_id);
}

TEST(UnitState, ReadsUnknownWordsOfNewerSystemdAsOther) {
    EXPECT_EQ(active_state_from_id("refreshing"), ActiveState::kUnknown);
    EXPECT_EQ(unit_result_from_id("oom-kill"), UnitResult::kOomKill);
    EXPECT_EQ(unit_result_from_id("something-new"), UnitResult::kOther);
}

TEST(ProbeResult, SurvivesTheRoundTrip) {
    const ProbeResult result{ProbeOutcome::kRefused, 111, 153};
    EXPECT_EQ(encode(result), "outcome=refused errno=111 us=153\n");
    const auto decoded = decode_probe_result(encode(result));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->outcome, ProbeOutcome::kRefused);
    EXPECT_EQ(decoded->error_number, 111);
    EXPECT_EQ(decoded->elapsed_us, 153U);
}

TEST(ProbeResult, CarriesWhatEachKindFoundOut) {
    ProbeResult result;
    result.outcome = ProbeOutcome::kGood;
    result.status = 404;
    result.tls = TlsFault::kExpired;
    result.certificate_until = parse_time("2026-01-02T03:04:05Z");
    result.spoken = Spoken::kHttp;
    result.addresses = {"10.0.0.1", "2001:db8::1"};
    const std::string line =
        "outcome=good errno=0 us=0 status=404 tls=expired until=2026-01-02T03:04:05.000000Z "
        "spoken=http addresses=10.0.0.1,2001:db8::1\n";
    EXPECT_EQ(encode(result), line);
    const auto decoded = decode_probe_result(line);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(encode(*decoded), line);
    EXPECT_EQ(decoded->addresses, result.addresses);
    EXPECT_EQ(decoded->certificate_until, result.certificate_until);
}

TEST(ProbeResult, IsDescribedForPeople) {
    ProbeResult result{ProbeOutcome::kGood, 0, 100};
    EXPECT_EQ(describe(result), "good");
    result.status = 502;
    EXPECT_EQ(describe(result), "good (status 502)");
    result.tls = TlsFault::kExpired;
    result.certificate_until = parse_time("2026-01-02T03:04:05Z");
    EXPECT_EQ(describe(result),
              "good (status 502, the certificate has expired, valid until "
              "2026-01-02T03:04:05.000000Z)");
    ProbeResult other{ProbeOutcome::kInvalidResponse};
    other.spoken = Spoken::kFastcgi;
    EXPECT_EQ(describe(other), "invalid-response (it speaks fastcgi)");
}

TEST(ProbeResult, DecodesNothingButItsOwnForm) {
    for (const char* line : {"",
                             "outcome=refused errno=111 us=153",
                             "outcome=refused errno=111 us=153\n\n",
                             "outcome=refused errno=111 us=153\nx",
                             "outcome=great errno=0 us=1\n",
                             "outcome=good errno=-1 us=1\n",
                             "outcome=good errno= us=1\n",
                             "outcome=good errno=0 us=99999999999\n",
                             " outcome=good errno=0 us=1\n",
                             "outcome=good errno=0 us=01\n",
                             "outcome=good errno=0 us=1 \n",
                             "outcome=good errno=0 us=1 status=99\n",
                             "outcome=good errno=0 us=1 status=1000\n",
                             "outcome=good errno=0 us=1 tls=none\n",
                             "outcome=good errno=0 us=1 tls=odd\n",
                             "outcome=good errno=0 us=1 spoken=odd\n",
                             "outcome=good errno=0 us=1 spoken=http status=200\n",
                             "outcome=good errno=0 us=1 until=2026-01-02\n",
                             "outcome=good errno=0 us=1 addresses=\n",
                             "outcome=good errno=0 us=1 addresses=::1,10.0.0.1\n",
                             "outcome=good errno=0 us=1 addresses=::1,::1\n",
                             "outcome=good errno=0 us=1 addresses=host.lan\n"}) {
        EXPECT_FALSE(decode_probe_result(line)) << line;
    }
}

TEST(Witnesses, CountKindsAndNothingWhenAllCanBeForged) {
    const Evidence log{Witness::kLog, {}, "", true};
    const Evidence unit{Witness::kUnitState, {}, "", true};
    const Evidence probe{Witness::kProbe, {}, "", true};
    const Evidence against{Witness::kProbe, {}, "", false};
    EXPECT_EQ(count_witnesses({log, log, log}), 0U);
    EXPECT_EQ(count_witnesses({unit, unit}), 1U);
    EXPECT_EQ(count_witnesses({log, unit}), 2U);
    EXPECT_EQ(count_witnesses({unit, probe, log}), 3U);
    EXPECT_EQ(count_witnesses({unit, against}), 0U);
    EXPECT_EQ(count_witnesses({unit, log, against}), 1U) << "a log line does not outvote the probe";
}

diagnosis::Findings failed_fpm() {
    diagnosis::Findings findings;
    findings.unit_name = "php8.2-fpm.service";
    findings.role = ServiceRole::kPhpFpm;
    findings.unit = UnitState{};
    findings.unit->is_loaded = true;
    findings.unit->active = ActiveState::kFailed;
    findings.unit->result = UnitResult::kSignal;
    findings.unit->exec_main_status = 9;
    findings.probe = ProbeResult{ProbeOutcome::kRefused, 111, 100};
    findings.probe_address = "unix:/run/php/php8.2-fpm.sock";
    return findings;
}

TEST(Diagnose, NamesAFailedUnitWithItsEvidence) {
    const diagnosis::Diagnosis diagnosis = diagnose(failed_fpm());
    EXPECT_EQ(diagnosis.cause, Cause::kUnitFailed);
    EXPECT_EQ(diagnosis.text, "php8.2-fpm.service is failed (signal, status=9).");
    ASSERT_EQ(diagnosis.evidence.size(), 2U);
    EXPECT_EQ(diagnosis.evidence[1].text,
              "probe of unix:/run/php/php8.2-fpm.sock: refused (errno 111)");
    EXPECT_GT(diagnosis.confidence_permille, 700U);
}

TEST(Diagnose, IsLessSureWhenAWitnessContradicts) {
    diagnosis::Findings findings = failed_fpm();
    findings.probe = ProbeResult{ProbeOutcome::kGood, 0, 100};
    EXPECT_LT(diagnose(findings).confidence_permille, diagnose(failed_fpm()).confidence_permille);
}

TEST(Diagnose, PutsTheStartLimitBeforeEverythingElse) {
    diagnosis::Findings findings = failed_fpm();
    findings.unit->result = UnitResult::kStartLimitHit;
    EXPECT_EQ(diagnose(findings).cause, Cause::kUnitStartLimit);
}

TEST(Diagnose, BlamesABrokenConfigurationBeforeTheFailureItCaused) {
    diagnosis::Findings findings = failed_fpm();
    findings.test = ConfigTest{
        ConfigVerdict::kInvalid, "", "/etc/php/8.2/fpm/pool.d/www.conf", 7, "unknown entry"};
    const diagnosis::Diagnosis diagnosis = diagnose(findings);
    EXPECT_EQ(diagnosis.cause, Cause::kFpmConfigInvalid);
    EXPECT_NE(diagnosis.text.find("/etc/php/8.2/fpm/pool.d/www.conf:7: unknown entry"),
              std::string::npos);
    findings.role = ServiceRole::kNginx;
    EXPECT_EQ(diagnose(findings).cause, Cause::kNginxConfigInvalid);
}

TEST(Diagnose, TellsAStopFromACrashByTheSocketLeftBehind) {
    diagnosis::Findings findings = failed_fpm();
    findings.unit->active = ActiveState::kInactive;
    EXPECT_EQ(diagnose(findings).cause, Cause::kSocketStale);
    findings.probe->outcome = ProbeOutcome::kMissing;
    EXPECT_EQ(diagnose(findings).cause, Cause::kUnitStopped);
    findings.probe->outcome = ProbeOutcome::kRefused;
    findings.intent = Intent::kSomebody;
    EXPECT_EQ(diagnose(findings).cause, Cause::kUnitStopped);
}

TEST(Diagnose, SaysUnknownForAUnitThatIsUp) {
    diagnosis::Findings findings = failed_fpm();
    findings.unit->active = ActiveState::kActive;
    const diagnosis::Diagnosis diagnosis = diagnose(findings);
    EXPECT_EQ(diagnosis.cause, Cause::kUnknown);
    EXPECT_EQ(diagnosis.confidence_permille, 0U);
}

TEST(Diagnose, CountsALogLineAsSuspicionOnly) {
    diagnosis::Findings findings;
    findings.unit_name = "php8.2-fpm.service";
    diagnosis::Sighting sighting;
    sighting.symptom = Symptom::kSocketMissing;
    findings.sightings = {sighting};
    EXPECT_EQ(count_witnesses(diagnose(findings).evidence), 0U);
}

}  // namespace
}  // namespace gatemend::core
