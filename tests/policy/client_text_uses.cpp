// SPDX-License-Identifier: MIT
// Everything that must not be made from what a visitor wrote, a function each. Compiled with USE=n,
// which must fail; with USE=0, which is what may be done with such text; and with TEXT_IS_PLAIN,
// all of it with an ordinary string, which must compile. Never linked.
#include "actions/catalogue.hpp"
#include "actions/settings.hpp"
#include "core/client_text.hpp"
#include "core/event.hpp"
#include "core/ledger.hpp"
#include "core/topology.hpp"
#include "diagnosis/diagnosis.hpp"
#include "diagnosis/sighting.hpp"
#include "policies/budget.hpp"
#include "policies/decide.hpp"
#include "policies/policy.hpp"

#include <string>
#include <string_view>

namespace gatemend {

#ifdef TEXT_IS_PLAIN
using Text = std::string;
#define USE_IS(number) 1

const Text& shown(const Text& text) {
    return text;
}
#else
using Text = core::ClientText;
#define USE_IS(number) (USE == (number))

core::ShownText shown(const Text& text) {
    return text.shown();
}
#endif

#if USE_IS(1)
void becomes_a_parameter(const Text& text, actions::Parameters& parameters) {
    parameters["to"] = text;
}
#endif

#if USE_IS(2)
void becomes_a_parameter_once_shown(const Text& text, actions::Parameters& parameters) {
    parameters.insert_or_assign("to", shown(text));
}
#endif

#if USE_IS(3)
void becomes_a_plans_unit(const Text& text, actions::Plan& plan) {
    plan.unit = text;
}
#endif

#if USE_IS(4)
void becomes_a_remedy(const Text& text, diagnosis::Diagnosis& diagnosis) {
    diagnosis.remedy.emplace("socket", text);
}
#endif

#if USE_IS(5)
void becomes_the_service_in_question(const Text& text, policy::Question& question) {
    question.unit = text;
}
#endif

#if USE_IS(6)
void becomes_the_backend_in_question(const Text& text, policy::Question& question) {
    question.backend = text;
}
#endif

#if USE_IS(7)
bool is_asked_for_in_the_allowlist(const Text& text, const policy::Settings& settings) {
    return policy::is_unit_allowed(settings, text);
}
#endif

#if USE_IS(8)
auto keys_a_limit(const Text& text,
                  const policy::Settings& settings,
                  const policy::Rule& rule,
                  const core::Ledger& ledger) {
    return policy::check_budget(
        settings, rule, {text, actions::ActClass::kStart}, ledger, core::TimePoint{});
}
#endif

#if USE_IS(9)
void keys_an_attempt(const Text& text, core::Attempt& attempt) {
    attempt.unit = text;
}
#endif

#if USE_IS(10)
const core::Service* selects_a_service(const Text& text, const core::Topology& topology) {
    return topology.find_by_address(text);
}
#endif

#if USE_IS(11)
bool is_compared_with_an_address(const Text& text, const core::Backend& backend) {
    return text == backend.address;
}
#endif

#if USE_IS(12)
bool is_compared_the_other_way_round(const Text& text) {
    return std::string_view{"127.0.0.1:9000"} == text;
}
#endif

#if USE_IS(13)
void becomes_a_pattern(const Text& text, policy::Rule& rule) {
    rule.match.unit = text;
}
#endif

#if USE_IS(14)
std::string turns_into_a_string(const Text& text) {
    return text;
}
#endif

#if USE_IS(15)
std::string_view turns_into_a_view(const Text& text) {
    return std::string_view(text);
}
#endif

#if USE_IS(16)
void is_appended_to_an_address(const Text& text, std::string& address) {
    address += shown(text);
}
#endif

#if USE_IS(17)
void becomes_the_unit_of_a_symptom(const Text& text, core::SymptomSeen& seen) {
    seen.unit = text;
    seen.address = text;
}
#endif

#ifndef TEXT_IS_PLAIN
// What may be done: kept, told again, shown to a person, looked up.
std::string may_be_told(const core::SymptomSeen& seen, diagnosis::Sighting& sighting) {
    const bool is_news = !(sighting.subject == seen.subject) && !seen.subject.is_empty();
    sighting.subject = seen.subject;
    return is_news ? "nginx cannot resolve" + seen.subject.shown().in_sentence(" ")
                   : seen.subject.name_to_look_up();
}
#endif

}  // namespace gatemend
