// SPDX-License-Identifier: MIT
// TZif: a header, transitions as times and as indexes into a list of types, and, from version 2 on,
// the same again with 64-bit times and a line of text that says how it goes on ("CET-1CEST,M3...").
#include "policies/toml_zone.hpp"

#include "policies/nearest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>

namespace gatemend::policy {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;

constexpr sys_seconds kFirst = sys_days{year{kZoneFromYear} / 1 / 1};
constexpr sys_seconds kEnd = sys_days{year{kZoneUntilYear + 1} / 1 / 1};
constexpr seconds kMaxAhead = std::chrono::hours{26};
constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kMaxZoneNameBytes = 64;
constexpr std::size_t kMaxListedNames = 1000;

core::Error damaged(std::string_view what) {
    return core::Error{"is no zoneinfo file: " + std::string{what}};
}

std::int64_t big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes) {
        number = number << 8U | static_cast<unsigned char>(byte);
    }
    // Sign of a 4-byte number; one of 8 bytes has its own.
    if (bytes.size() == 4 && (number & 0x80000000U) != 0) {
        number |= 0xFFFFFFFF00000000U;
    }
    return static_cast<std::int64_t>(number);
}

// One header and how long what follows it is.
struct Block {
    char version = '\0';
    std::size_t leaps = 0;
    std::size_t indicators = 0;
    std::size_t times = 0;
    std::size_t types = 0;
    std::size_t characters = 0;
    std::size_t time_bytes = 4;

    [[nodiscard]] std::size_t size() const {
        return times * (time_bytes + 1) + types * 6 + characters + leaps * (time_bytes + 4) +
               indicators;
    }
};

core::Result<Block> take_header(std::string_view& bytes, std::size_t time_bytes) {
    if (bytes.size() < kHeaderBytes || !bytes.starts_with("TZif")) {
        return damaged("no header");
    }
    const auto count = [&bytes](std::size_t index) {
        const auto number = big_endian(bytes.substr(20 + 4 * index, 4));
        return static_cast<std::size_t>(std::clamp<std::int64_t>(
            number, 0, static_cast<std::int64_t>(kMaxZoneFileBytes)));  // negative: none
    };
    Block block;
    block.version = bytes[4];
    block.indicators = count(0) + count(1);
    block.leaps = count(2);
    block.times = count(3);
    block.types = count(4);
    block.characters = count(5);
    block.time_bytes = time_bytes;
    bytes.remove_prefix(kHeaderBytes);
    if (block.size() > bytes.size()) {
        return damaged("it ends too early");
    }
    if (block.types == 0) {
        return damaged("it has no offset at all");
    }
    return block;
}

// Collects transitions in order, keeping those that matter.
class Table {
  public:
    void start(seconds ahead) { offsets_.push_back(ZoneOffset{core::TimePoint::min(), ahead}); }

    void add(sys_seconds at, seconds ahead) {
        if (at >= kEnd) {
            return;
        }
        if (at < kFirst) {
            offsets_.front().ahead = ahead;  // nothing later is here yet
        } else if (offsets_.back().ahead != ahead && offsets_.size() < kMaxZoneOffsets) {
            offsets_.push_back(ZoneOffset{at, ahead});
        }
    }

    [[nodiscard]] std::vector<ZoneOffset> take() { return std::move(offsets_); }

  private:
    std::vector<ZoneOffset> offsets_;
};

// The transitions of one block; the time of the last one, from which the footer goes on.
core::Result<sys_seconds> add_transitions(std::string_view data, const Block& block, Table& table) {
    const std::string_view indexes = data.substr(block.times * block.time_bytes, block.times);
    const std::string_view types = data.substr(block.times * (block.time_bytes + 1));
    std::vector<seconds> aheads;
    for (std::size_t i = 0; i < block.types; ++i) {
        aheads.emplace_back(big_endian(types.substr(i * 6, 4)));
        if (std::chrono::abs(aheads.back()) > kMaxAhead) {
            return damaged("an offset of more than a day");
        }
    }
    table.start(aheads.front());
    sys_seconds last = sys_seconds::min();
    for (std::size_t i = 0; i < block.times; ++i) {
        const sys_seconds at{
            seconds{big_endian(data.substr(i * block.time_bytes, block.time_bytes))}};
        const auto type = static_cast<unsigned char>(indexes[i]);
        if (type >= aheads.size()) {
            return damaged("a transition to nothing");
        }
        if (i > 0 && at <= last) {
            return damaged("its transitions are not in order");
        }
        last = at;
        table.add(at, aheads[type]);
    }
    return last;
}

// Day and time of one change of the clocks, every year again.
struct YearlyChange {
    enum class Form { kWeekday, kJulian, kOrdinal } form{};
    unsigned month = 0;
    unsigned week = 0;  // 5 = the last
    unsigned day = 0;
    seconds time = std::chrono::hours{2};

    [[nodiscard]] sys_days day_in(year y) const {
        switch (form) {
            case Form::kWeekday:
                return week == 5 ? sys_days{y / std::chrono::month{month} /
                                            std::chrono::weekday{day}[std::chrono::last]}
                                 : sys_days{y / std::chrono::month{month} /
                                            std::chrono::weekday{day}[week]};
            case Form::kJulian:  // the 29th of February is not counted
                return sys_days{y / 1 / 1} + days{day - 1} + days{y.is_leap() && day >= 60 ? 1 : 0};
            case Form::kOrdinal:
                break;
        }
        return sys_days{y / 1 / 1} + days{day};
    }
};

// "CET-1CEST,M3.5.0,M10.5.0/3" as POSIX has it.
class RuleText {
  public:
    explicit RuleText(std::string_view text) : text_{text} {}

    [[nodiscard]] bool is_empty() const { return text_.empty(); }

    bool take(char c) {
        if (!text_.starts_with(c)) {
            return false;
        }
        text_.remove_prefix(1);
        return true;
    }

    // "CET", "<+0330>"
    bool take_name() {
        const auto is_letter = [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        };
        if (take('<')) {
            const std::size_t end = text_.find('>');
            text_.remove_prefix(
                std::min(text_.size(), end == std::string_view::npos ? end : end + 1));
            return end != std::string_view::npos;
        }
        std::size_t length = 0;
        while (length < text_.size() && is_letter(text_[length])) {
            ++length;
        }
        text_.remove_prefix(length);
        return length > 0;
    }

    std::optional<unsigned> take_number() {
        constexpr std::size_t kMostDigits = 3;
        std::size_t length = 0;
        unsigned number = 0;
        while (length < text_.size() && text_[length] >= '0' && text_[length] <= '9') {
            number = number * 10 + static_cast<unsigned>(text_[length] - '0');
            if (++length > kMostDigits) {
                return std::nullopt;
            }
        }
        text_.remove_prefix(length);
        return length == 0 ? std::nullopt : std::optional{number};
    }

    // "-3:30", "167", "02:00:00"
    std::optional<seconds> take_time() {
        const bool is_negative = take('-');
        if (!is_negative) {
            take('+');
        }
        const auto hour = take_number();
        if (!hour) {
            return std::nullopt;
        }
        seconds time = std::chrono::hours{*hour};
        for (seconds unit : {seconds{60}, seconds{1}}) {
            if (!take(':')) {
                break;
            }
            const auto part = take_number();
            if (!part) {
                return std::nullopt;
            }
            time += *part * unit;
        }
        return is_negative ? -time : time;
    }

    std::optional<YearlyChange> take_change() {
        YearlyChange change;
        if (!take(',') || !take_day(change)) {
            return std::nullopt;
        }
        if (take('/')) {
            const auto time = take_time();
            if (!time) {
                return std::nullopt;
            }
            change.time = *time;
        }
        return change;
    }

  private:
    bool take_day(YearlyChange& change) {
        if (take('M')) {
            change.form = YearlyChange::Form::kWeekday;
            return take_part(change.month, 1, 12) && take('.') && take_part(change.week, 1, 5) &&
                   take('.') && take_part(change.day, 0, 6);
        }
        const bool is_julian = take('J');
        change.form = is_julian ? YearlyChange::Form::kJulian : YearlyChange::Form::kOrdinal;
        return take_part(change.day, is_julian ? 1 : 0, 365);
    }

    bool take_part(unsigned& part, unsigned least, unsigned most) {
        const auto number = take_number();
        part = number.value_or(0);
        return number && *number >= least && *number <= most;
    }

    std::string_view text_;
};

struct Footer {
    seconds standard{};
    seconds summer{};
    std::optional<YearlyChange> to_summer;  // absent: always standard
    std::optional<YearlyChange> to_standard;
};

// POSIX counts west of Greenwich as positive.
core::Result<Footer> parse_footer(std::string_view text) {
    const core::Error bad = damaged("its last line is not understood");
    RuleText rest{text};
    Footer footer;
    const bool has_name = rest.take_name();
    const auto standard = has_name ? rest.take_time() : std::nullopt;
    if (!standard || std::chrono::abs(*standard) > kMaxAhead) {
        return bad;
    }
    footer.standard = -*standard;
    if (rest.is_empty()) {
        return footer;
    }
    footer.summer = footer.standard + std::chrono::hours{1};
    if (!rest.take_name()) {
        return bad;
    }
    RuleText ahead = rest;
    if (const auto summer = ahead.take_time()) {
        if (std::chrono::abs(*summer) > kMaxAhead) {
            return bad;
        }
        footer.summer = -*summer;
        rest = ahead;
    }
    footer.to_summer = rest.take_change();
    footer.to_standard = footer.to_summer ? rest.take_change() : std::nullopt;
    if (!footer.to_standard || !rest.is_empty()) {
        return bad;
    }
    return footer;
}

void add_footer(const Footer& footer, sys_seconds last, Table& table) {
    if (!footer.to_summer) {
        return;  // the last transition has said so already
    }

    struct Change {
        sys_seconds at;
        seconds ahead;
    };

    std::vector<Change> changes;
    for (int y = kZoneFromYear - 1; y <= kZoneUntilYear; ++y) {
        changes.push_back(
            {footer.to_summer->day_in(year{y}) + footer.to_summer->time - footer.standard,
             footer.summer});
        changes.push_back(
            {footer.to_standard->day_in(year{y}) + footer.to_standard->time - footer.summer,
             footer.standard});
    }
    std::ranges::sort(changes, {}, &Change::at);
    for (const Change& change : changes) {
        if (change.at > last) {
            table.add(change.at, change.ahead);
        }
    }
}

// "Europe/Berlin", "Etc/GMT+1": words that cannot leave the folder.
bool is_zone_name(std::string_view name) {
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '+' || c == '-' || c == '/';
    };
    return !name.empty() && name.size() <= kMaxZoneNameBytes &&
           std::ranges::all_of(name, is_fine) && name.front() != '/' && name.back() != '/' &&
           name.find("//") == std::string_view::npos;
}

core::Error system_error() {
    return core::Error{std::generic_category().message(errno)};
}

// Names below the folder are links as often as files, and all of them the system's own.
core::Result<std::string> read_zone_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return system_error();
    }

    struct stat info {};

    std::string bytes(kMaxZoneFileBytes + 1, '\0');
    ssize_t count = -1;
    const bool is_file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    if (is_file) {
        count = ::read(fd, bytes.data(), bytes.size());
    }
    (void)::close(fd);  // read-only: nothing can be lost
    if (!is_file) {
        return core::Error{"is no regular file"};
    }
    if (count < 0) {
        return core::Error{"cannot be read"};
    }
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
}

}  // namespace

core::Result<std::vector<ZoneOffset>> parse_zone(std::string_view bytes) {
    if (bytes.size() > kMaxZoneFileBytes) {
        return damaged("it is too large");
    }
    GATEMEND_TRY(old_block, take_header(bytes, 4));
    Table table;
    if (old_block.version < '2') {
        GATEMEND_TRY(last, add_transitions(bytes, old_block, table));
        (void)last;  // no footer goes on from here
        return table.take();
    }
    bytes.remove_prefix(old_block.size());
    GATEMEND_TRY(block, take_header(bytes, 8));
    GATEMEND_TRY(last, add_transitions(bytes, block, table));
    bytes.remove_prefix(block.size());
    const std::size_t end = bytes.find('\n', 1);
    if (!bytes.starts_with('\n') || end == std::string_view::npos) {
        return damaged("its last line is missing");
    }
    if (end > 1) {
        GATEMEND_TRY(footer, parse_footer(bytes.substr(1, end - 1)));
        add_footer(footer, last, table);
    }
    return table.take();
}

core::Result<std::vector<ZoneOffset>> read_zone(std::string_view name, const std::string& folder) {
    if (name == "UTC") {
        return std::vector<ZoneOffset>{};
    }
    if (!is_zone_name(name)) {
        return core::Error{"is no name of a time zone"};
    }
    GATEMEND_TRY(bytes, read_zone_file(folder + "/" + std::string{name}));
    return parse_zone(bytes);
}

std::string suggest_zone(std::string_view name, const std::string& folder) {
    const std::size_t slash = name.rfind('/');
    const std::string region{slash == std::string_view::npos ? "" : name.substr(0, slash + 1)};
    if (!is_zone_name(name)) {
        return "";
    }
    std::vector<std::string> names;
    std::error_code failure;
    std::filesystem::directory_iterator entry{folder + "/" + region, failure};
    for (; !failure && entry != std::filesystem::directory_iterator{} &&
           names.size() < kMaxListedNames;
         entry.increment(failure)) {
        names.push_back(region + entry->path().filename().string());
    }
    std::ranges::sort(names);
    const std::vector<std::string_view> views{names.begin(), names.end()};
    return suggest(name, views);
}

}  // namespace gatemend::policy
