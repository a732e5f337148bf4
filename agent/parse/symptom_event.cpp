// SPDX-License-Identifier: MIT
#include "parse/symptom_event.hpp"

namespace gatemend::parse {

core::SymptomSeen symptom_seen(const NginxError& record) {
    core::SymptomSeen seen;
    seen.symptom = record.symptom;
    seen.error_number = record.error_number;
    seen.address = upstream_address(record.upstream);
    seen.is_trusted = record.is_trusted;
    seen.source = "nginx-error";
    return seen;
}

}  // namespace gatemend::parse
