// SPDX-License-Identifier: MIT
// CaseFile: how a judge writes its diagnosis down: the evidence piece by piece, each for or
// against, then text and advice. Used by judge_*.cpp only. And the questions that several judges
// ask.
#pragma once

#include "diagnosis/diagnosis.hpp"
#include "diagnosis/suggestion.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::diagnosis {

class CaseFile {
  public:
    CaseFile(core::Cause cause, const Findings& findings);

    // The unit is down (or up): for the cause, unless told otherwise.
    CaseFile& unit_down();
    CaseFile& unit_up();
    // A bad probe supports the cause, a good one speaks against it.
    CaseFile& probe_bad();
    // The other way round: the cause leaves the backend able to answer.
    CaseFile& probe_good();
    // A failing configuration test, as evidence for or against.
    CaseFile& config(bool supports);
    // Recent records with one of these symptoms or clues.
    CaseFile& sightings(std::initializer_list<core::Symptom> symptoms,
                        std::initializer_list<core::Clue> clues = {});
    CaseFile& inspection(std::string text, bool supports = true);
    CaseFile& packet_filter(std::string text);
    // nginx's own configuration passes its test: a reload would be taken.
    CaseFile& nginx_valid();
    // A parameter of an act against this cause.
    CaseFile& remedy(std::string_view name, std::string value);
    // The parameters of apply-suggestion: the best that has any. Its arithmetic, or why there is no
    // value, goes behind the advice.
    CaseFile& remedy(const std::vector<Suggestion>& suggestions);

    [[nodiscard]] Diagnosis close(std::string text, std::string advice);

  private:
    void add(core::Witness witness, core::TimePoint time, std::string text, bool supports);
    void add_sightings(const std::vector<Sighting>& sightings,
                       std::initializer_list<core::Symptom> symptoms,
                       std::initializer_list<core::Clue> clues);

    const Findings& findings_;
    Diagnosis diagnosis_;
    std::string reckoned_;  // behind the advice
};

[[nodiscard]] bool is_unit_down(const Findings& findings);
// Up, or a backend without a unit.
[[nodiscard]] bool is_unit_up(const Findings& findings);
[[nodiscard]] bool is_probe_bad(const Findings& findings);
[[nodiscard]] bool is_probe_good(const Findings& findings);
[[nodiscard]] bool has_outcome(const Findings& findings,
                               std::initializer_list<core::ProbeOutcome> any);
// The newest recent sighting of the service or the machine; nullptr when there is none.
[[nodiscard]] const Sighting* find_symptom(const Findings& findings,
                                           std::initializer_list<core::Symptom> symptoms);
[[nodiscard]] const Sighting* find_clue(const Findings& findings,
                                        std::initializer_list<core::Clue> any);

// "unix:/run/x.sock (fastcgi, named at /etc/nginx/sites-enabled/default:57)"
[[nodiscard]] std::string describe(const core::Backend& backend);
// "php8.2-fpm.service is active"
[[nodiscard]] std::string unit_sentence(const Findings& findings);
[[nodiscard]] std::string probe_sentence(const Findings& findings);
// "the line at /etc/nginx/...:57"; the place is not known of a backend that gatemend.toml names.
[[nodiscard]] std::string line_words(const core::Backend& backend);
// A sentence about who was seen on the suspected address, or which files name it; "" when nobody
// was and none do.
[[nodiscard]] std::string words_of_before(const Findings& findings);
// The listener on the suspected address, of several the unit's own; nullptr when there is none or
// none is known.
[[nodiscard]] const core::Listener* find_own_listener(const Findings& findings);
// The inspection looked at listeners and found none for the address.
[[nodiscard]] bool has_no_listener(const Findings& findings);
// "fastcgi_read_timeout is 60s (the default)", "... is 5s (/etc/nginx/nginx.conf:12)"; "" when the
// value is not known
[[nodiscard]] std::string config_words(const std::string& directive, const core::ConfigLine& line);
// "fastcgi", "proxy" ...: how the directives for this backend begin
[[nodiscard]] std::string directive_prefix(const core::Backend& backend);
// The backend cannot be connected to: the probe, and what records say of that.
[[nodiscard]] CaseFile connect_case(core::Cause cause, const Findings& findings);

}  // namespace gatemend::diagnosis
