// SPDX-License-Identifier: MIT
#include "sandbox/tools/newest_anchor.hpp"

#include "core/text.hpp"
#include "sandbox/audit/audit_line.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Error;
using core::Result;

constexpr const char* kJournalctl = "/usr/bin/journalctl";
constexpr const char* kWriter = "gatemend-executor.service";
// Whoever has started us waits.
constexpr std::chrono::seconds kDeadline{5};
constexpr std::size_t kMaxWords = std::size_t{4} * 1024;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole ? std::optional{number} : std::nullopt;
}

// The value of "KEY=value" on a line of its own; "" where there is none.
std::string_view value_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(key)) {
            return line.substr(key.size());
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

bool is_hash(std::string_view text) {
    return text.size() == kHashDigits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace

Result<std::optional<Anchor>> parse_anchor(std::string_view text) {
    if (text.empty()) {
        return std::optional<Anchor>{};
    }
    const auto seq = number_of(value_of(text, "AUDIT_SEQ="));
    const auto time = number_of(value_of(text, "__REALTIME_TIMESTAMP="));
    const std::string_view hash = value_of(text, "AUDIT_HEAD=");
    if (!seq || *seq == 0 || !time || !is_hash(hash)) {
        return Error{"its entry is none of ours"};
    }
    return std::optional<Anchor>{
        Anchor{*seq,
               std::string{hash},
               core::TimePoint{} + core::Duration{static_cast<std::int64_t>(*time)}}};
}

void read_newest_anchor(ToolRunner& runner,
                        const std::string& record,
                        const std::function<void(const Result<std::optional<Anchor>>&)>& done) {
    ToolSpec spec;
    spec.profile = ToolProfile::kJournal;
    spec.argv = {kJournalctl,
                 "--quiet",
                 "--no-pager",
                 "--output=export",
                 "--output-fields=AUDIT_SEQ,AUDIT_HEAD",
                 "--reverse",
                 "--lines=1",
                 "AUDIT_FILE=" + record,
                 std::string{"_SYSTEMD_UNIT="} + kWriter,
                 "_UID=0"};
    spec.deadline = kDeadline;
    spec.max_output = kMaxWords;
    runner.run(spec, [done](const Result<ToolOutcome>& outcome) {
        if (!outcome) {
            done(Error{outcome.error().text});
        } else if (outcome->is_timed_out) {
            done(Error{"journalctl did not finish in time"});
        } else if (outcome->exit_code != 0 && outcome->out.empty() && outcome->err.empty()) {
            done(std::optional<Anchor>{});  // nothing fits, which is a failure to some versions
        } else if (outcome->exit_code != 0) {
            done(Error{"journalctl: " + core::sanitize(outcome->err)});
        } else {
            done(parse_anchor(outcome->out));
        }
    });
}

}  // namespace gatemend::sandbox
