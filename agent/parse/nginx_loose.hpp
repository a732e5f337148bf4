// SPDX-License-Identifier: MIT
// Records of nginx's error log as people have them: without date, level, ids or client, with
// milliseconds or ISO dates, torn, from other systems, pasted from the message on. Called by the
// front door (log_line) for text that is not in nginx's strict local form; never by the live agent.
// What it finds is never trusted, but as with the strict form only the beginning of the message
// decides.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nullopt: there is neither a header of nginx's (date and level, level and ids, ids …) nor
// "nginx: ".
[[nodiscard]] std::optional<LogFinding> read_loose_record(std::string_view text);

// The message alone, with or without `*57 ` in front. nullopt: not one that we know.
[[nodiscard]] std::optional<LogFinding> read_bare_message(std::string_view text);

// The last line of a FastCGI record that fills several: what PHP still said, the closing quote, and
// nginx's ` while ACTION, client: …`.
[[nodiscard]] std::optional<LogFinding> read_stderr_tail(std::string_view text);

// Where a record begins behind words we do not know (date, level and ids, or ids and
// connection, within the first few hundred bytes and in front of any quote); npos: nowhere.
[[nodiscard]] std::size_t find_record(std::string_view text);

}  // namespace gatemend::parse
