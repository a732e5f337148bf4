// SPDX-License-Identifier: MIT
// FPM's slow log: `[21-Nov-2026 14:29:57]  [pool www] pid 871`, `script_filename = …` and the
// frames of the script. An entry is evidence of a slow request; its frames mean nothing alone.
// Never trusted: the script's path is written as the request named it.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

namespace gatemend::parse {
namespace {

using core::Clue;

constexpr std::size_t kMaxStampBytes = 40;

bool is_entry_body(std::string_view line) {
    return match_pattern("[0x*] ", line).has_value() || line.starts_with("+++ dump failed");
}

}  // namespace

std::optional<LogFinding> read_fpm_slowlog(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kPhpSlowlog;
    TextScan scan(line);
    if (scan.skip("[") && match_pattern("#-*-# #:#:#]  [pool %s] pid #$", scan.rest())) {
        finding.time = scan.until("]", kMaxStampBytes).value_or("");
        finding.message = scan.rest().substr(3);
        finding.subject = match_pattern("]  [pool %s] pid #$", scan.rest())->subject;
        finding.clue = Clue::kSlowRequest;
        return finding;
    }
    finding.message = line;
    if (const auto script = match_pattern("script_filename = %s", line)) {
        finding.subject = script->subject;
        return finding;
    }
    if (is_entry_body(line) || (origin == Origin::kKnown && line.empty())) {
        return finding;
    }
    return std::nullopt;
}

}  // namespace gatemend::parse
