// SPDX-License-Identifier: MIT
#include "cli/replay_source.hpp"

#include "actions/catalogue.hpp"
#include "parse/log_time.hpp"
#include "parse/symptom_event.hpp"

#include <algorithm>

namespace gatemend::cli {

namespace {

constexpr std::size_t kWindowBytes = std::size_t{256} * 1024;
constexpr std::string_view kExportStart = "__CURSOR=";
constexpr std::string_view kFpmUnit = "php-fpm.service";  // where the log's name does not tell

// "…/php8.2-fpm.log.2.gz" -> "php8.2-fpm.service"
std::string unit_of_log(const std::string& name) {
    const std::string base = name.substr(name.rfind('/') + 1);
    const std::size_t end = base.find("fpm.log");
    const bool is_fpm = base.starts_with("php") && end != std::string::npos;
    const std::string unit = is_fpm ? base.substr(0, end) + "fpm.service" : "";
    return actions::is_unit_name(unit) ? unit : "";
}

}  // namespace

ReplaySource::ReplaySource(LogInput input, std::string name, const std::string& head)
    : input_(std::move(input)),
      name_(std::move(name)),
      unit_(unit_of_log(name_)),
      window_(kWindowBytes),
      reader_([this](const parse::LogAnswer& answer) { take(answer); },
              parse::LogSource::kUnknown,
              parse::LogWanted::kTelling) {
    if (head.starts_with(kExportStart)) {
        journal_.emplace();
    }
    take_bytes(head);
}

core::Result<const DatedRecord*> ReplaySource::front() {
    while (ready_.empty() && !is_ended_) {
        GATEMEND_CHECK(fill());
    }
    return ready_.empty() ? nullptr : &ready_.front();
}

core::Status ReplaySource::fill() {
    const auto got = input_.read(window_);
    if (!got) {
        return got.error().within(name_);
    }
    if (*got == 0) {
        is_ended_ = true;
        finish();
    } else {
        take_bytes(std::string_view(window_.data(), *got));
    }
    return core::Done{};
}

void ReplaySource::take_bytes(std::string_view bytes) {
    if (journal_) {
        std::vector<parse::JournalRecord> records;
        journal_->feed(bytes, records);
        take(records);
    } else {
        take_text(bytes);
    }
}

// Whole lines go on at once; the rest waits for its newline. A line longer than a window is no
// record of anything: its beginning is looked at, the rest dropped.
void ReplaySource::take_text(std::string_view bytes) {
    const std::size_t end = bytes.rfind('\n');
    if (end == std::string_view::npos) {
        pending_.append(bytes.substr(0, kWindowBytes - std::min(pending_.size(), kWindowBytes)));
        return;
    }
    if (!pending_.empty()) {
        const std::size_t first = bytes.find('\n');
        pending_.append(bytes.substr(0, first));
        reader_.feed(pending_);
        pending_.clear();
        bytes.remove_prefix(first + 1);
    }
    const std::size_t whole = bytes.rfind('\n') + 1;  // npos + 1 is 0
    reader_.feed_block(bytes.substr(0, whole));
    pending_.assign(bytes.substr(whole));
}

void ReplaySource::finish() {
    if (journal_) {
        std::vector<parse::JournalRecord> records;
        journal_->finish(records);
        take(records);
        return;
    }
    if (!pending_.empty()) {
        reader_.feed(pending_);
    }
    reader_.flush();
}

// A line without a time happened with the one before it; time never goes back inside a log.
void ReplaySource::take(const parse::LogAnswer& answer) {
    if (const auto time = parse::log_time(answer.finding.time, year_)) {
        last_ = std::max(last_, *time);
        year_ = parse::year_of(last_);
    }
    DatedRecord record{last_, parse::symptom_seen(answer.finding, ""), ""};
    if (record.seen.unit.empty() && answer.finding.source == parse::LogSource::kPhpFpm) {
        record.seen.unit = unit_.empty() ? kFpmUnit : unit_;
    }
    if (answer.finding.source == parse::LogSource::kSystemd) {
        record.message = answer.finding.message;
    }
    if (core::is_telling(record.seen)) {
        ready_.push_back(std::move(record));
    }
}

void ReplaySource::take(const std::vector<parse::JournalRecord>& records) {
    for (const parse::JournalRecord& entry : records) {
        last_ = std::max(last_, core::TimePoint{core::Duration{entry.realtime_usec}});
        const parse::LogFinding finding = parse::read_journal_record(entry);
        const bool is_own = entry.transport != "kernel" && entry.transport != "audit" &&
                            actions::is_unit_name(entry.unit);
        DatedRecord record{last_, parse::symptom_seen(finding, is_own ? entry.unit : ""), ""};
        if (finding.source == parse::LogSource::kSystemd) {
            record.message = entry.message;
        }
        if (core::is_telling(record.seen)) {
            ready_.push_back(std::move(record));
        }
    }
}

}  // namespace gatemend::cli
