// SPDX-License-Identifier: MIT
#include "io/journal_excerpt.hpp"

#include "core/secret_text.hpp"
#include "core/text.hpp"
#include "io/journal_handle.hpp"
#include "sandbox/secrecy/readable.hpp"
#include "sandbox/secrecy/tool_words.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace gatemend::io {

namespace {

constexpr std::size_t kMaxFieldBytes = 4096;

// What the unit itself said, or what systemd said about it.
int match_unit(sd_journal* journal, const std::string& unit, const std::string& invocation_id) {
    int error = match_journal(journal, "_SYSTEMD_UNIT=" + unit);
    error = error < 0 ? error : match_journal(journal, "_SYSTEMD_INVOCATION_ID=" + invocation_id);
    error = error < 0 ? error : sd_journal_add_disjunction(journal);
    error = error < 0 ? error : match_journal(journal, "UNIT=" + unit);
    error = error < 0 ? error : match_journal(journal, "INVOCATION_ID=" + invocation_id);
    error = error < 0 ? error : match_journal(journal, "_PID=1");
    return error;
}

// At its start such a server quotes the lines of its configuration that it does not like.
bool quotes_configuration(std::string_view unit) {
    return unit == "nginx.service" || unit.find("fpm") != std::string_view::npos;
}

std::string message_of(sd_journal* journal, const std::string& unit) {
    constexpr std::string_view kPrefix = "MESSAGE=";
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0) {
        return "";
    }
    const std::string_view field(static_cast<const char*>(data), size);
    if (!field.starts_with(kPrefix)) {
        return "";
    }
    const std::string_view message = field.substr(kPrefix.size());
    const auto is_open = [](const std::string& path) { return sandbox::is_open_to_all(path); };
    return core::mask_secrets(core::sanitize(quotes_configuration(unit)
                                                 ? sandbox::without_private_quotes(message, is_open)
                                                 : std::string{message}));
}

}  // namespace

core::Result<std::vector<std::string>> read_journal_excerpt(const std::string& unit,
                                                            const std::string& invocation_id) {
    const auto give_up = std::chrono::steady_clock::now() + kMaxJournalTime;
    GATEMEND_TRY(journal, open_journal(kMaxFieldBytes));
    sd_journal* const raw = journal.get();
    if (const int error = match_unit(raw, unit, invocation_id); error < 0) {
        return journal_failure("select journal entries", error);
    }
    if (const int error = sd_journal_seek_tail(raw); error < 0) {
        return journal_failure("seek in the journal", error);
    }
    std::vector<std::string> lines;
    while (lines.size() < kMaxJournalLines && std::chrono::steady_clock::now() < give_up) {
        if (sd_journal_previous(raw) <= 0) {
            break;  // no more, or a damaged file: what there is will do
        }
        if (std::string line = message_of(raw, unit); !line.empty()) {
            lines.push_back(std::move(line));
        }
    }
    std::reverse(lines.begin(), lines.end());
    return lines;
}

}  // namespace gatemend::io
