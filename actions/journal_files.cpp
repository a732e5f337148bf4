// SPDX-License-Identifier: MIT
#include "actions/journal_files.hpp"

#include "sandbox/bus/folder_stream.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <system_error>
#include <tuple>

namespace gatemend::actions {
namespace {

using bus::UniqueFd;
using core::Duration;
using core::Error;
using core::Result;
using core::TimePoint;

constexpr std::string_view kActiveEnd = ".journal";
constexpr std::string_view kBrokenEnd = ".journal~";
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kNumberDigits = 16;
constexpr std::uint64_t kBlockBytes = 512;
// What journald allocates for a file that it begins.
constexpr std::uint64_t kNewFileBytes = std::uint64_t{8} * 1024 * 1024;

// The head of a journal file: https://systemd.io/JOURNAL_FILE_FORMAT
constexpr std::string_view kSignature = "LPKSHHRH";
constexpr std::size_t kChainAt = 72;
constexpr std::size_t kChainBytes = 16;
constexpr std::size_t kEntriesAt = 152;
constexpr std::size_t kFirstNumberAt = 168;
constexpr std::size_t kFirstTimeAt = 184;
constexpr std::size_t kLastTimeAt = 192;
constexpr std::size_t kHeadBytes = 208;
using Head = std::array<char, kHeadBytes>;

TimePoint at_usec(std::uint64_t usec) {
    // A time beyond what we can say is as good as the end of times: such a file stays.
    const auto most = static_cast<std::uint64_t>(TimePoint::max().time_since_epoch().count());
    return TimePoint{Duration{static_cast<Duration::rep>(std::min(usec, most))}};
}

TimePoint at(const timespec& time) {
    const auto since = std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
    return TimePoint{std::chrono::duration_cast<Duration>(since)};
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Exactly sixteen hex digits.
std::optional<std::uint64_t> read_number(std::string_view digits) {
    constexpr int kHexBase = 16;
    std::uint64_t number = 0;
    if (digits.size() != kNumberDigits || !is_hex(digits)) {
        return std::nullopt;
    }
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), number, kHexBase);
    return number;
}

std::string hex(std::uint64_t number) {
    constexpr int kHexBase = 16;
    std::array<char, kNumberDigits> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, kHexBase);
    return error == std::errc{} ? std::string{digits.data(), end} : std::string{};
}

// "...@CHAIN-NUMBER-TIME"
bool read_archived(std::string_view stem, JournalFile& file) {
    constexpr std::size_t kTail = 1 + kIdDigits + 1 + kNumberDigits + 1 + kNumberDigits;
    if (stem.size() <= kTail) {
        return false;
    }
    const std::string_view tail = stem.substr(stem.size() - kTail);
    const std::string_view chain = tail.substr(1, kIdDigits);
    const auto number = read_number(tail.substr(1 + kIdDigits + 1, kNumberDigits));
    const auto time = read_number(tail.substr(tail.size() - kNumberDigits));
    if (tail[0] != '@' || tail[1 + kIdDigits] != '-' || tail[kTail - kNumberDigits - 1] != '-' ||
        !is_hex(chain) || !number || !time) {
        return false;
    }
    file.is_archived = true;
    file.oldest = {std::string{chain}, *number, at_usec(*time)};
    file.begun = file.oldest.time;
    return true;
}

// "...@TIME-RANDOM"
bool read_broken(std::string_view stem, JournalFile& file) {
    constexpr std::size_t kTail = 1 + kNumberDigits + 1 + kNumberDigits;
    if (stem.size() <= kTail) {
        return false;
    }
    const std::string_view tail = stem.substr(stem.size() - kTail);
    const auto time = read_number(tail.substr(1, kNumberDigits));
    if (tail[0] != '@' || tail[1 + kNumberDigits] != '-' || !time ||
        !is_hex(tail.substr(2 + kNumberDigits))) {
        return false;
    }
    file.is_archived = true;
    file.oldest = {"", 0, at_usec(*time)};
    file.begun = file.oldest.time;
    return true;
}

std::uint64_t number_in(const Head& head, std::size_t offset) {
    std::uint64_t number = 0;
    std::memcpy(&number, head.data() + offset, sizeof number);
    return le64toh(number);
}

std::string chain_in(const Head& head) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char c : std::string_view{head.data() + kChainAt, kChainBytes}) {
        const auto byte = static_cast<unsigned char>(c);
        text.push_back(kDigits[byte >> 4U]);
        text.push_back(kDigits[byte & 0x0FU]);
    }
    return text;
}

bool is_journal(const Head& head) {
    return std::string_view{head.data(), kSignature.size()} == kSignature;
}

// What the head tells of its entries; of a head that is not journald's, nothing is believed.
void take_head(const Head& head, const struct stat& info, JournalFile& file) {
    if (!is_journal(head)) {
        file.newest = std::max(at(info.st_mtim), file.oldest.time);
        return;
    }
    file.newest = at_usec(number_in(head, kLastTimeAt));
    if (!file.is_archived) {
        file.oldest = {chain_in(head),
                       number_in(head, kFirstNumberAt),
                       at_usec(number_in(head, kFirstTimeAt))};
        file.begun = std::min(file.begun, file.oldest.time);
    }
}

// journalctl orders by the earliest of all times that a file bears.
TimePoint earliest_time(int fd, const struct stat& info, TimePoint named) {
    TimePoint earliest = std::min({named, at(info.st_ctim), at(info.st_atim), at(info.st_mtim)});

    struct statx more {};

    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0 &&
        (more.stx_mask & STATX_BTIME) != 0 && more.stx_btime.tv_sec > 0) {
        earliest = std::min(earliest,
                            at(timespec{.tv_sec = static_cast<time_t>(more.stx_btime.tv_sec),
                                        .tv_nsec = more.stx_btime.tv_nsec}));
    }
    std::uint64_t created = 0;
    if (fgetxattr(fd, "user.crtime_usec", &created, sizeof created) ==
            static_cast<ssize_t>(sizeof created) &&
        le64toh(created) > 0) {
        earliest = std::min(earliest, at_usec(le64toh(created)));
    }
    return earliest;
}

// nullopt: no file, or an archived one without entries.
Result<std::optional<JournalFile>> look_at(int folder, JournalFile file) {
    // Without O_NOATIME our look would change the order; root owns these files, so it may.
    constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    UniqueFd fd{openat(folder, file.name.c_str(), kFlags | O_NOATIME)};
    if (!fd.is_open() && errno == EPERM) {
        fd = UniqueFd{openat(folder, file.name.c_str(), kFlags)};
    }

    struct stat info {};

    if (!fd.is_open() || fstat(fd.get(), &info) != 0) {
        if (errno == ENOENT || errno == ELOOP) {
            return std::optional<JournalFile>{};
        }
        return Error{"journal file " + file.name + ": " + std::generic_category().message(errno)};
    }
    if (!S_ISREG(info.st_mode)) {
        return std::optional<JournalFile>{};
    }
    Head head{};
    const bool has_entries =
        pread(fd.get(), head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
        number_in(head, kEntriesAt) > 0;
    if (!has_entries && file.is_archived) {
        return std::optional<JournalFile>{};
    }
    file.bytes = static_cast<std::uint64_t>(info.st_blocks) * kBlockBytes;
    file.begun = earliest_time(fd.get(), info, file.begun);
    if (has_entries) {
        take_head(head, info, file);
    } else {
        file.newest = file.oldest.time = TimePoint::max();  // only just begun
    }
    return std::optional{std::move(file)};
}

bool is_before(const JournalFile& a, const JournalFile& b) {
    return std::tie(a.begun, a.oldest.chain, a.name) < std::tie(b.begun, b.oldest.chain, b.name);
}

// journalctl compares numbers within a chain and times otherwise. Where the two contradict each
// other (a clock was set back), nobody can say which file it would take first.
bool sort_as_journalctl(std::vector<JournalFile>& files) {
    const bool is_one_chain = std::ranges::all_of(files, [&files](const JournalFile& file) {
        return !file.oldest.chain.empty() && file.oldest.chain == files.front().oldest.chain;
    });
    if (is_one_chain) {
        std::ranges::sort(files, {}, [](const JournalFile& file) { return file.oldest.number; });
        return true;
    }
    std::ranges::sort(files, is_before);
    std::map<std::string, std::uint64_t> last;
    return std::ranges::all_of(files, [&last](const JournalFile& file) {
        if (file.oldest.chain.empty()) {
            return true;
        }
        std::uint64_t& number = last[file.oldest.chain];
        const bool is_rising = number <= file.oldest.number;
        number = file.oldest.number;
        return is_rising;
    });
}

}  // namespace

std::string cursor_text(const JournalPoint& point) {
    const auto usec = static_cast<std::uint64_t>(point.time.time_since_epoch().count());
    return (point.chain.empty() ? "" : "s=" + point.chain + ";i=" + hex(point.number) + ";") +
           "t=" + hex(usec);
}

std::optional<JournalFile> read_journal_name(std::string_view name) {
    JournalFile file;
    file.name = name;
    file.begun = TimePoint::max();
    if (name.ends_with(kActiveEnd)) {
        (void)read_archived(name.substr(0, name.size() - kActiveEnd.size()), file);
        return file;
    }
    if (name.ends_with(kBrokenEnd)) {
        (void)read_broken(name.substr(0, name.size() - kBrokenEnd.size()), file);
        return file;
    }
    return std::nullopt;
}

Result<std::vector<JournalFile>> read_journal_folder(const std::string& folder) {
    UniqueFd fd{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd.is_open()) {
        return Error{folder + ": " + std::generic_category().message(errno)};
    }
    const int number = fd.get();
    const bus::FolderStream listing{fdopendir(number)};
    if (!listing) {
        return Error{folder + ": " + std::generic_category().message(errno)};
    }
    (void)fd.release();  // the listing's from here on
    std::vector<JournalFile> files;
    // One thread, one listing: readdir is as good as any.
    while (const dirent* entry = readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
        const auto* const entry_name = static_cast<const char*>(entry->d_name);
        auto named = read_journal_name(entry_name);
        if (!named) {
            continue;
        }
        if (files.size() == kMaxJournalFiles) {
            return Error{folder + ": more journal files than are read"};
        }
        GATEMEND_TRY(found, look_at(number, std::move(*named)));
        if (found) {
            files.push_back(std::move(*found));
        }
    }
    return files;
}

VacuumPlan plan_vacuum(std::vector<JournalFile> files, const JournalFloor& floor, TimePoint now) {
    std::uint64_t remaining = total_bytes(files);
    const std::size_t all = files.size();
    std::erase_if(files, [](const JournalFile& file) { return !file.is_archived; });
    VacuumPlan plan;
    if (files.empty() || !sort_as_journalctl(files)) {
        plan.files_to_keep = std::max<std::size_t>(all, 1);
        return plan;
    }
    for (const JournalFile& file : files) {
        const bool is_old = file.newest < now - floor.age;
        if (!is_old || remaining < floor.bytes || remaining - floor.bytes < file.bytes) {
            break;
        }
        // journalctl takes 0 for "no limit"
        if (plan.gone + 1 == all) {
            break;
        }
        remaining -= file.bytes;
        plan.bytes += file.bytes;
        ++plan.gone;
    }
    plan.files_to_keep = std::max<std::size_t>(all - plan.gone, 1);
    return plan;
}

bool is_rotation_worthwhile(std::vector<JournalFile> files,
                            const JournalFloor& floor,
                            TimePoint now) {
    const std::uint64_t without = plan_vacuum(files, floor, now).bytes;
    std::vector<JournalFile> begun;
    for (JournalFile& file : files) {
        if (!file.is_archived) {
            file.is_archived = true;
            begun.push_back({.name = file.name, .bytes = kNewFileBytes, .newest = now});
        }
    }
    const std::uint64_t cost = total_bytes(begun);
    files.insert(files.end(), begun.begin(), begun.end());
    return plan_vacuum(std::move(files), floor, now).bytes > without + cost;
}

std::uint64_t total_bytes(std::span<const JournalFile> files) {
    std::uint64_t total = 0;
    for (const JournalFile& file : files) {
        total += file.bytes;
    }
    return total;
}

const JournalFile* find_oldest(std::span<const JournalFile> files) {
    const auto oldest = std::ranges::min_element(
        files, {}, [](const JournalFile& file) { return file.oldest.time; });
    return oldest == files.end() ? nullptr : &*oldest;
}

}  // namespace gatemend::actions
