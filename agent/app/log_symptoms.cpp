// SPDX-License-Identifier: MIT
#include "app/log_symptoms.hpp"

#include "parse/log_line.hpp"
#include "parse/symptom_event.hpp"

#include <utility>

namespace gatemend::app {

namespace {

constexpr std::size_t kMaxRecordLines = 100;
// The last line is believed a little less until its successor is known; nothing waits longer.
constexpr core::Duration kFlushAfter = std::chrono::milliseconds{50};

}  // namespace

LogSymptoms::LogSymptoms(bus::EventLoop& loop, io::Inotify& inotify, Log log, Hooks hooks)
    : loop_(loop),
      kind_(log.kind),
      hooks_(std::move(hooks)),
      reader_([this](const parse::NginxErrorAnswer& answer) { on_answer(answer); },
              parse::Wanted::kSymptoms) {
    reader_.lose_context();
    io::TailHooks tail;
    tail.on_line = [this](std::string_view line) { on_line(line); };
    tail.on_gap = [this](const std::string& why) {
        reader_.lose_context();
        hooks_.on_gap(why);
    };
    tail.on_progress = [this] {
        arm_flush();
        hooks_.on_progress();
    };
    tail.open_elsewhere = hooks_.open_elsewhere;
    tailer_ = std::make_unique<io::LogTailer>(
        loop, inotify, std::move(log.path), log.cursor, std::move(tail));
}

void LogSymptoms::on_line(std::string_view line) {
    if (kind_ == LogKind::kNginxError) {
        complete_fatal(line);
        reader_.feed(line);
        return;
    }
    // Nearly every line of an access log is no news; these three bytes cost the least to look for.
    if (line.find("502") == std::string_view::npos) {
        return;
    }
    parse::LineBuffer buffer;
    const parse::LogFinding finding =
        parse::read_log_line(line, parse::LogSource::kNginxAccess, buffer);
    core::SymptomSeen seen = parse::symptom_seen(finding, "");
    if (seen.clue == core::Clue::kAnsweredByUpstream) {
        hooks_.on_symptom(std::move(seen));
    }
}

void LogSymptoms::on_answer(const parse::NginxErrorAnswer& answer) {
    const parse::NginxError& record = answer.line.record;
    if (record.symptom != core::Symptom::kNone) {
        tell(parse::symptom_seen(record));
    }
}

void LogSymptoms::tell(core::SymptomSeen seen) {
    if (seen.symptom == core::Symptom::kScriptFatal && seen.address.empty()) {
        tell_fatal();
        fatal_ = std::move(seen);
        fatal_lines_ = 0;
        return;
    }
    hooks_.on_symptom(std::move(seen));
}

// Looks for the field at the end of the record. What an application writes may imitate it, but it
// only ever selects among the configured services.
void LogSymptoms::complete_fatal(std::string_view line) {
    constexpr std::string_view kField = ", upstream: \"";
    if (!fatal_) {
        return;
    }
    const std::size_t at = line.rfind(kField);
    if (at != std::string_view::npos) {
        const std::string_view rest = line.substr(at + kField.size());
        fatal_->address = parse::upstream_address(rest.substr(0, rest.find('"')));
    }
    if (at != std::string_view::npos || ++fatal_lines_ >= kMaxRecordLines) {
        tell_fatal();
    }
}

void LogSymptoms::tell_fatal() {
    if (fatal_) {
        hooks_.on_symptom(*std::exchange(fatal_, std::nullopt));
    }
}

void LogSymptoms::arm_flush() {
    if (reader_.has_pending() || fatal_) {
        flush_ = loop_.add_timer(kFlushAfter, [this] {
            reader_.flush();
            tell_fatal();
        });
    }
}

}  // namespace gatemend::app
