// SPDX-License-Identifier: MIT
#include "parse/journal_record.hpp"

#include "parse/app_logs.hpp"
#include "parse/nginx_finding.hpp"
#include "parse/nginx_loose.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <utility>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

struct IdMeaning {
    std::string_view id;
    Symptom symptom;
    Clue clue;
};

// sd-messages.h
constexpr auto kIds = std::to_array<IdMeaning>({
    {"d9b373ed55a64feb8242e02dbe79a49c", Symptom::kNone, Clue::kUnitFailed},
    {"be02cf6855d2428ba40df7e9d022f03d", Symptom::kNone, Clue::kUnitFailed},
    {"fe6faa94e7774663a0da52717891d8ef", Symptom::kOomKill, Clue::kOomUnit},
    {"d989611b15e44c9dbf31e3c81256e4ed", Symptom::kOomKill, Clue::kOomUnit},
    {"39f53479d3a045ac8e11786248231fbf", Symptom::kNone, Clue::kUnitStarted},
    {"9d1aaa27d60140bd96365438aad20286", Symptom::kNone, Clue::kUnitStopped},
    {"7ad2d189f7e94e70a38c781354912448", Symptom::kNone, Clue::kUnitStopped},
    {"98e322203f7a4ed290d09fe03c09fe15", Symptom::kNone, Clue::kNone},  // its text has the number
    {"5eb03494b6584870a536b337290809b3", Symptom::kNone, Clue::kNone},
    {"7d4958e842da4a758f6c1cdc7b36dcc5", Symptom::kNone, Clue::kNone},
    {"de5b426a63be47a7b6ac3eaac82e2f6f", Symptom::kNone, Clue::kNone},
    {"ae8f7b866b0347b9af31fe1c80b127c0", Symptom::kNone, Clue::kNone},
});

struct ProgramName {
    std::string_view prefix;
    LogSource source;
};

constexpr auto kPrograms = std::to_array<ProgramName>({
    {"nginx", LogSource::kNginxError},
    {"php-fpm", LogSource::kPhpFpm},
    {"php", LogSource::kPhp},
    {"gunicorn", LogSource::kGunicorn},
    {"uvicorn", LogSource::kUvicorn},
    {"uwsgi", LogSource::kUwsgi},
    {"puma", LogSource::kPuma},
    {"pm2", LogSource::kPm2},
    {"node", LogSource::kNode},
    {"apache", LogSource::kApache},
    {"httpd", LogSource::kApache},
});

LogSource source_of(std::string_view identifier) {
    for (const ProgramName& name : kPrograms) {
        if (identifier.starts_with(name.prefix)) {
            return name.source;
        }
    }
    return LogSource::kUnknown;
}

LogFinding unread(const JournalRecord& record, LogSource source) {
    LogFinding finding;
    finding.source = source;
    finding.message = record.message;
    return finding;
}

// Process 1 said it: the identifier of the message decides, the text adds the numbers.
LogFinding read_manager(const JournalRecord& record) {
    LogFinding finding = read_app_log(record.message, LogSource::kSystemd)
                             .value_or(unread(record, LogSource::kSystemd));
    finding.is_trusted = true;
    const auto* known =
        std::ranges::find(kIds, std::string_view(record.message_id), &IdMeaning::id);
    // A failure whose text says why (`oom-kill`, `start-limit-hit`) has the better clue already.
    if (known != kIds.end() && known->clue != Clue::kNone && finding.clue == Clue::kNone) {
        finding.clue = known->clue;
        finding.symptom = known->symptom;
    }
    if (!record.unit.empty()) {
        finding.subject = record.unit;
    }
    return finding;
}

// Its own form, or the shorter one of a start that failed: `nginx: [emerg] bind() to …`.
std::optional<LogFinding> read_nginx(std::string_view message) {
    const NginxErrorLine answer = parse_nginx_error(message);
    if (answer.shape == LineShape::kRecord && answer.record.symptom != Symptom::kNone) {
        return nginx_finding(answer.record);
    }
    return read_loose_record(message);
}

LogFinding read_program(const JournalRecord& record) {
    const LogSource source = source_of(record.identifier);
    auto finding = source == LogSource::kNginxError ? read_nginx(record.message)
                                                    : read_app_log(record.message, source);
    if (!finding && source != LogSource::kUnknown) {
        finding = read_app_log(record.message, LogSource::kUnknown);
    }
    if (!finding) {
        return unread(record, source);
    }
    if (finding->subject.empty()) {
        finding->subject = record.unit;
    }
    finding->is_trusted = false;  // anybody may send these words under this name
    finding->is_hearsay = true;
    return *finding;
}

template <class Number>
Number to_number(std::string_view text) {
    constexpr Number kLargest = std::numeric_limits<Number>::max();
    Number value = 0;
    for (const char c : text) {
        if (!is_digit(c) || value > (kLargest - (c - '0')) / 10) {
            return 0;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

constexpr auto kWanted = std::to_array<std::string_view>({
    "MESSAGE",
    "MESSAGE_ID",
    "UNIT",
    "_SYSTEMD_UNIT",
    "SYSLOG_IDENTIFIER",
    "PRIORITY",
    "_PID",
    "_TRANSPORT",
    "__REALTIME_TIMESTAMP",
});

}  // namespace

LogFinding read_journal_record(const JournalRecord& record) {
    if (record.transport == "kernel") {
        return read_app_log(record.message, LogSource::kKernel)
            .value_or(unread(record, LogSource::kKernel));
    }
    if (record.transport == "audit") {
        LogFinding finding = read_app_log(record.message, LogSource::kAudit)
                                 .value_or(unread(record, LogSource::kAudit));
        finding.is_trusted = true;
        return finding;
    }
    return record.pid == 1 ? read_manager(record) : read_program(record);
}

bool JournalRecordBuilder::is_wanted(std::string_view field) {
    return std::ranges::find(kWanted, field) != kWanted.end();
}

void JournalRecordBuilder::take(std::string_view field, std::string_view value) {
    has_field_ = true;
    if (field == "MESSAGE") {
        record_.message = value;
    } else if (field == "MESSAGE_ID") {
        record_.message_id = value;
    } else if (field == "UNIT") {
        about_unit_ = value;
    } else if (field == "_SYSTEMD_UNIT") {
        record_.unit = value;
    } else if (field == "SYSLOG_IDENTIFIER") {
        record_.identifier = value;
    } else if (field == "PRIORITY") {
        record_.priority = to_number<int>(value);
    } else if (field == "_PID") {
        record_.pid = to_number<int>(value);
    } else if (field == "_TRANSPORT") {
        record_.transport = value;
    } else if (field == "__REALTIME_TIMESTAMP") {
        record_.realtime_usec = to_number<std::int64_t>(value);
    }
}

JournalRecord JournalRecordBuilder::finish() {
    if (record_.pid == 1 && !about_unit_.empty()) {
        record_.unit = std::move(about_unit_);
    }
    JournalRecord record = std::move(record_);
    *this = JournalRecordBuilder();
    return record;
}

}  // namespace gatemend::parse
