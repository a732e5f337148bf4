// SPDX-License-Identifier: MIT
// One reader per program, in a file of the program's name. Called by read_app_log only. Each knows
// its program's stamp and its messages (a table in the file); nullopt means the line is not of this
// program's form. Never calls a line trusted in which a client could have had a say.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// Does the caller know whose log it is? Then the program's stamp may be missing.
enum class Origin { kGuessed, kKnown };

[[nodiscard]] std::optional<LogFinding> read_fpm_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_php_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_fpm_slowlog(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_gunicorn_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_uvicorn_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_uwsgi_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_puma_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_node_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_pm2_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_apache_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_systemd_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_kernel_log(std::string_view line, Origin origin);
[[nodiscard]] std::optional<LogFinding> read_audit_log(std::string_view line, Origin origin);

// The last line of a traceback, whichever program printed it.
[[nodiscard]] std::optional<LogFinding> read_exception(std::string_view line, Origin origin);

// Fills symptom, clue, number and subject from what PHP says: `PHP Fatal error:  … in F on line N`,
// `Fatal error: …`, also behind `PHP message: `. False: not in PHP's words.
bool read_php_message(std::string_view text, LogFinding& finding);

// Somewhere in an application's words: the errno of a full disk, a database or cache that does not
// answer. kNone: neither.
enum class AppTrouble { kNone, kDiskFull, kDependency };
[[nodiscard]] AppTrouble find_trouble(std::string_view words);

// `21-Nov-2026 14:37:18`, which PHP and FPM begin their stamps with.
[[nodiscard]] bool is_php_time(std::string_view stamp);

[[nodiscard]] bool has_control_bytes(std::string_view text);

}  // namespace gatemend::parse
