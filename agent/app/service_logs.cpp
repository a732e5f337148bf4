// SPDX-License-Identifier: MIT
#include "app/service_logs.hpp"

#include "io/journal_recent.hpp"
#include "parse/app_logs.hpp"
#include "parse/symptom_event.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

namespace gatemend::app {

namespace {

constexpr std::size_t kMaxTold = 200;  // records of one reading

// Bytes [from, from + limit) of a file; short at its end.
std::string read_range(int fd, std::uint64_t from, std::size_t limit) {
    std::string bytes(limit, '\0');
    std::size_t filled = 0;
    while (filled < limit) {
        const ssize_t got =
            ::pread(fd, bytes.data() + filled, limit - filled, static_cast<off_t>(from + filled));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

void read_lines(std::string_view bytes,
                const std::string& unit,
                bool is_open_to_scripts,
                std::vector<core::SymptomSeen>& found) {
    while (!bytes.empty() && found.size() < kMaxTold) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        auto finding = parse::read_app_log(bytes.substr(0, end), parse::LogSource::kPhpFpm);
        if (finding) {
            finding->is_trusted = finding->is_trusted && !is_open_to_scripts;
            finding->is_hearsay = finding->is_hearsay || is_open_to_scripts;
            core::SymptomSeen seen = parse::symptom_seen(*finding, unit);
            if (core::is_telling(seen)) {
                found.push_back(std::move(seen));
            }
        }
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
}

// The kernel's and systemd's records name the unit themselves; a unit's own words are about it.
std::string unit_of(const parse::JournalRecord& record, const std::string& unit) {
    const bool is_own = record.transport != "kernel" && record.transport != "audit";
    return is_own ? unit : "";
}

struct JournalNews {
    std::vector<core::SymptomSeen> found;
    core::TimePoint newest{};  // read up to here
    std::string problem;
};

JournalNews read_news(const std::string& unit, core::TimePoint since) {
    JournalNews news;
    news.newest = since;
    const bool is_unit = !unit.starts_with('(');
    const auto records = io::read_recent_journal(is_unit ? unit : "", since);
    if (!records) {
        news.problem = records.error().text;
        return news;
    }
    for (const parse::JournalRecord& record : *records) {
        news.newest =
            std::max(news.newest, core::TimePoint{core::Duration{record.realtime_usec + 1}});
        core::SymptomSeen seen =
            parse::symptom_seen(parse::read_journal_record(record), unit_of(record, unit));
        if (core::is_telling(seen) && news.found.size() < kMaxTold) {
            news.found.push_back(std::move(seen));
        }
    }
    return news;
}

}  // namespace

std::vector<core::SymptomSeen> read_unit_journal(const std::string& unit, core::TimePoint since) {
    return read_news(unit, since).found;
}

ServiceLogs::ServiceLogs(bus::EventLoop& loop,
                         io::ExecutorClient& executor,
                         std::function<void(const std::string&)> warn)
    : loop_(loop),
      executor_(executor),
      warn_(std::move(warn)) {}

void ServiceLogs::know(const std::vector<core::Service>& services) {
    for (const core::Service& service : services) {
        if (service.log.empty()) {
            continue;
        }
        const auto [position, is_new] = positions_.try_emplace(service.log);
        position->second.is_open_to_scripts = core::is_log_open_to_scripts(service);
        if (!is_new) {
            continue;
        }
        executor_.open_log(
            service.log, [this, path = service.log](const core::Result<bus::UniqueFd>& log) {
                struct stat info {};

                if (log && ::fstat(log->get(), &info) == 0) {
                    positions_[path].inode = info.st_ino;
                    positions_[path].offset = static_cast<std::uint64_t>(info.st_size);
                }
            });
    }
}

void ServiceLogs::read(const std::string& unit, const std::string& log, Done done) {
    std::vector<core::SymptomSeen> found = read_new_journal(unit);
    if (log.empty()) {
        done(std::move(found));
        return;
    }
    executor_.open_log(log,
                       [this, unit, log, found = std::move(found), done = std::move(done)](
                           const core::Result<bus::UniqueFd>& opened) mutable {
                           if (opened) {
                               read_file(unit, log, opened->get(), found);
                           } else {
                               warn_(log + ": " + opened.error().text + ", ignoring");
                           }
                           done(std::move(found));
                       });
}

std::vector<core::SymptomSeen> ServiceLogs::read_new_journal(const std::string& unit) {
    const core::TimePoint now = loop_.now();
    const auto known = journals_.find(unit);
    const core::TimePoint since =
        known == journals_.end() ? now - kFirstLook : std::max(known->second, now - kFirstLook);
    JournalNews news = read_news(unit, since);
    if (!news.problem.empty()) {
        warn_("journal of " + unit + ": " + news.problem + ", ignoring");
    }
    journals_[unit] = news.newest;
    return std::move(news.found);
}

void ServiceLogs::read_file(const std::string& unit,
                            const std::string& log,
                            int fd,
                            std::vector<core::SymptomSeen>& found) {
    struct stat info {};

    if (::fstat(fd, &info) != 0) {
        warn_(log + ": " + std::generic_category().message(errno) + ", ignoring");
        return;
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    Position& position = positions_[log];
    if (position.inode != info.st_ino || position.offset > size) {
        position.inode = info.st_ino;
        position.offset = 0;  // rotated: all of the new file is new
    }
    const std::uint64_t from =
        size - position.offset > kMaxServiceLogBytes ? size - kMaxServiceLogBytes : position.offset;
    const std::string bytes = read_range(fd, from, kMaxServiceLogBytes);
    const std::size_t whole = bytes.rfind('\n') + 1;  // npos + 1 is 0: no whole line yet
    position.offset = from + whole;
    read_lines(std::string_view(bytes).substr(0, whole), unit, position.is_open_to_scripts, found);
}

}  // namespace gatemend::app
