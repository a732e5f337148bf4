// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_file.hpp"

#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr std::size_t kMaxTornShown = 256;
// Room for what is around a record's fields.
constexpr std::size_t kFrameBytes = 512;
// A rotation that failed is tried again after so much more.
constexpr std::uint64_t kRetryBytes = std::uint64_t{64} * 1024;
// Of what lies in a record's place; a larger file is kept, and not read.
constexpr off_t kMaxFoundBytes = off_t{64} * 1024 * 1024;

Error errno_error(const std::string& what) {
    return Error{what + ": " + std::generic_category().message(errno)};
}

bool is_want_of_room(int error) {
    return error == ENOSPC || error == EDQUOT || error == EROFS || error == EFBIG;
}

// How a file ends: its last complete record, and what is behind it.
struct End {
    std::optional<AuditLine> last;
    std::string text;  // what `last` points into
    std::string rest;
    bool is_altered = false;  // there is a last line, and it is no record
};

End end_of(std::string tail) {
    End end;
    end.text = std::move(tail);
    const std::size_t last_newline = end.text.rfind('\n');
    end.rest = end.text.substr(last_newline + 1);  // npos + 1: all of it
    if (last_newline == std::string::npos) {
        return end;
    }
    const std::string_view complete = std::string_view{end.text}.substr(0, last_newline);
    end.last = check_audit_line(complete.substr(complete.rfind('\n') + 1));
    end.is_altered = !end.last;
    return end;
}

// A whole record and what is torn behind it.
Result<std::string> read_tail(const std::string& path) {
    return read_end(path, 4 * kMaxRecordBytes);
}

// What a new file goes on from.
struct Predecessor {
    std::uint64_t number = 0;
    std::uint64_t last_seq = 0;
    std::string prev;
    core::TimePoint time{};
    std::string problem;  // not empty: it was put aside
};

std::uint64_t member(const nlohmann::json& record, const char* key) {
    const auto found = record.find(key);
    return found != record.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// A "continued" record at the beginning of `text`.
struct Continued {
    std::uint64_t part = 0;  // 0: there is none
    std::uint64_t carried = 0;
};

Continued continued_of(std::string_view path, std::string_view text) {
    const auto line = check_audit_line(text.substr(0, text.find('\n')));
    if (!line || line->kind != kContinued) {
        return {};
    }
    const auto record = nlohmann::json::parse(text.substr(0, text.find('\n')), nullptr, false);
    const auto file = record.find("file");
    if (file == record.end() || !file->is_string()) {
        return {};
    }
    return {archive_number(path, file->get_ref<const std::string&>()).value_or(0),
            member(record, "carried")};
}

}  // namespace

std::string found_path(const std::string& path) {
    return archive_folder(path) + path.substr(path.rfind('/')) + ".found";
}

struct AuditFile::Impl {
    AuditPlace place;
    int fd = -1;
    std::uint64_t size = 0;  // up to the last complete record; we are the only writer (flock)
    std::uint64_t next_seq = 1;
    std::string head = first_prev();
    bool has_torn_line = false;
    std::string torn;        // what was cut off, until the "torn" record is written
    std::string put_back;    // fields of the "replaced" record, until it is written
    bool is_synced = false;  // all of it is on disk
    bool is_out_of_room = false;
    bool is_broken = false;  // a failed write could not be taken back
    std::uint64_t rotate_at = 0;
    std::string rotation_problem;

    explicit Impl(AuditPlace file) : place(std::move(file)), rotate_at(place.rotate_bytes) {}

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    ~Impl() {
        if (fd >= 0) {
            close(fd);
        }
    }

    Status open_and_lock();
    Status settle();
    Status finish_interrupted(std::uint64_t number);
    Status continue_chain();
    Status cut_torn_line(const End& end);
    Status write_line(std::string_view line, Sync sync);
    Status take_back(Error error);
    Status empty();

    Status check_place();
    Status put_in_place(const std::string& problem);
    void set_found_aside(JsonFields& fields) const;

    Status rotate_if_full(std::size_t bytes);
    Status rotate();
    Result<std::uint64_t> copy_aside();
    Status put_aside(core::TimePoint time, const std::string& problem);
    Status finish_rotation(std::uint64_t number);
    Status begin_after(const Predecessor& before, const std::vector<CarriedRecord>& carried);
    [[nodiscard]] std::string continued_fields(const Predecessor& before,
                                               std::size_t carried) const;
    void prune(std::uint64_t newest) const;
};

Status AuditFile::Impl::open_and_lock() {
    constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    fd = ::open(place.path.c_str(), kFlags, static_cast<mode_t>(place.mode));
    if (fd < 0) {
        return errno_error("open");
    }

    struct stat info {};

    if (fstat(fd, &info) < 0) {
        return errno_error("stat");
    }
    if (!S_ISREG(info.st_mode)) {
        return Error{"not a regular file"};
    }
    // Two writers would fork the chain.
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return errno_error("another process is writing it");
    }
    size = static_cast<std::uint64_t>(info.st_size);
    return Done{};
}

// Does the file go on from the newest older part?
Status AuditFile::Impl::settle() {
    GATEMEND_TRY(archives, list_archives(place.path));
    if (archives.unfinished) {
        return finish_interrupted(*archives.unfinished);
    }
    if (archives.numbers.empty()) {
        return Done{};
    }
    const std::string newest = archive_name(place.path, archives.numbers.back());
    if (size == 0) {
        return Error{"it is empty, though " + newest + " comes before it"};
    }
    GATEMEND_TRY(text, read_beginning(place.path, kMaxRecordBytes));
    // More recent than what is there: older parts were removed, which --verify says.
    if (continued_of(place.path, text).part < archives.numbers.back()) {
        return Error{"it does not go on from " + newest};
    }
    return Done{};
}

Status AuditFile::Impl::finish_interrupted(std::uint64_t number) {
    const std::string copy = unfinished_path(place.path, number);
    GATEMEND_TRY(is_whole, is_still_whole(place.path, copy));
    if (is_whole) {
        if (unlink(copy.c_str()) < 0) {  // the copying was interrupted
            return errno_error("remove '" + copy + "'");
        }
        return Done{};
    }
    GATEMEND_TRY(text, read_beginning(place.path, static_cast<std::size_t>(size)));
    const Continued begun = continued_of(place.path, text);
    const auto lines = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    if (begun.part == number && lines > begun.carried) {
        const std::string target = archive_path(place.path, number);
        if (std::rename(copy.c_str(), target.c_str()) != 0) {
            return errno_error("rename '" + copy + "'");
        }
        prune(number);
        return sync_archive_folder(place.path);
    }
    return finish_rotation(number);
}

Status AuditFile::Impl::continue_chain() {
    GATEMEND_TRY(tail, read_tail(place.path));
    const bool is_all = tail.size() == size;
    const End end = end_of(std::move(tail));
    if (end.is_altered || (!end.last && !is_all)) {
        return Error{"its last record was altered"};
    }
    if (end.last) {
        next_seq = end.last->seq + 1;
        head = std::string{end.last->hash};
    }
    return end.rest.empty() ? Status{Done{}} : cut_torn_line(end);
}

Status AuditFile::Impl::cut_torn_line(const End& end) {
    if (!is_torn_record(end.rest, next_seq)) {
        return Error{"what is behind its last record was not written by us"};
    }
    has_torn_line = true;
    torn = end.rest;
    size -= torn.size();
    if (ftruncate(fd, static_cast<off_t>(size)) < 0) {
        return errno_error("close off its torn last line");
    }
    return Done{};
}

Status AuditFile::Impl::take_back(Error error) {
    if (ftruncate(fd, static_cast<off_t>(size)) < 0) {
        is_broken = true;
        return errno_error(error.text + "; and taking the partial record back");
    }
    return error;
}

Status AuditFile::Impl::write_line(std::string_view line, Sync sync) {
    ssize_t written = 0;
    do {
        written = write(fd, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    is_out_of_room =
        written < 0 ? is_want_of_room(errno) : static_cast<std::size_t>(written) != line.size();
    if (written < 0) {
        return errno_error("write");
    }
    if (is_out_of_room) {
        return take_back(Error{"write: no space left for a whole record"});
    }
    if (sync == Sync::kYes && fdatasync(fd) < 0) {
        is_out_of_room = is_want_of_room(errno);
        return take_back(errno_error("fdatasync"));
    }
    is_synced = sync == Sync::kYes;  // which is of the whole file
    size += line.size();
    return Done{};
}

Status AuditFile::Impl::check_place() {
    struct stat ours {};

    struct stat there {};

    if (fstat(fd, &ours) < 0) {
        return errno_error("stat");
    }
    if (static_cast<std::uint64_t>(ours.st_size) != size) {
        return Error{"somebody else has written into it: it has " + std::to_string(ours.st_size) +
                     " bytes, " + std::to_string(size) + " are ours"};
    }
    if (lstat(place.path.c_str(), &there) < 0) {
        return errno == ENOENT ? put_in_place("was moved away or unlinked while it was written")
                               : errno_error("look for it");
    }
    const bool is_ours = there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
    return is_ours ? Status{Done{}}
                   : put_in_place("was replaced by something else while it was written");
}

// The descriptor still has every record. The copy is made in the folder of the older parts, which
// gives it its group, and moved from there.
Status AuditFile::Impl::put_in_place(const std::string& problem) {
    JsonFields fields;
    fields.add("problem", place.path + " " + problem);
    if (!place.is_put_back) {
        return Error{"it " + problem};
    }
    GATEMEND_CHECK(make_archive_folder(place.path));
    const std::string copy = found_path(place.path) + ".ours";
    (void)unlink(copy.c_str());  // of a try that failed; making it says what is in the way
    GATEMEND_CHECK(copy_to_archive(fd, size, copy));
    set_found_aside(fields);
    constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    const int fresh = ::open(copy.c_str(), kFlags);
    if (fresh < 0 || flock(fresh, LOCK_EX | LOCK_NB) < 0 ||
        std::rename(copy.c_str(), place.path.c_str()) != 0) {
        const Error error = errno_error("put it back");
        if (fresh >= 0) {
            close(fresh);
        }
        return error;
    }
    close(std::exchange(fd, fresh));
    put_back = fields.text();
    return sync_archive_folder(place.path);
}

void AuditFile::Impl::set_found_aside(JsonFields& fields) const {
    const std::string found = found_path(place.path);
    (void)unlink(found.c_str());  // an older one, which a folder could not replace
    if (std::rename(place.path.c_str(), found.c_str()) != 0) {
        return;  // nothing there; or putting ours back says what is in the way
    }
    fields.add("found", found);

    struct stat info {};

    const bool is_worth_reading =
        lstat(found.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= kMaxFoundBytes;
    if (is_worth_reading) {
        const auto digest = file_sha256_hex(found);
        fields.add_if("sha256", digest ? *digest : "");
    }
}

Status AuditFile::Impl::empty() {
    if (ftruncate(fd, 0) < 0) {
        return errno_error("empty it");
    }
    size = 0;
    return Done{};
}

// Rotates where `bytes` more do not fit. A rotation that fails loses nothing, so the record goes
// on.
Status AuditFile::Impl::rotate_if_full(std::size_t bytes) {
    const std::uint64_t limit = std::min(rotate_at, 2 * place.rotate_bytes);
    if (size == 0 || size + bytes <= limit) {
        return Done{};
    }
    Status status = rotate();
    rotation_problem = status ? "" : status.error().text;
    rotate_at = status ? place.rotate_bytes : size + kRetryBytes;
    const bool is_too_big = size + bytes > 2 * place.rotate_bytes && size > place.rotate_bytes;
    return is_broken || (!status && is_too_big) ? status : Status{Done{}};
}

Status AuditFile::Impl::rotate() {
    GATEMEND_TRY(archives, list_archives(place.path));
    const std::uint64_t number = archives.numbers.empty() ? 1 : archives.numbers.back() + 1;
    GATEMEND_CHECK(make_archive_folder(place.path));
    const std::string copy = unfinished_path(place.path, number);
    (void)unlink(copy.c_str());  // of a try that failed; making it says what is in the way
    GATEMEND_CHECK(copy_to_archive(fd, size, copy));
    GATEMEND_CHECK(sync_archive_folder(place.path));
    return finish_rotation(number);
}

// The copy is on disk; the file may be empty already, or hold a part of its new beginning.
Status AuditFile::Impl::finish_rotation(std::uint64_t number) {
    const std::string copy = unfinished_path(place.path, number);
    GATEMEND_TRY(tail, read_tail(copy));
    const End end = end_of(std::move(tail));
    if (!end.last) {
        return Error{"the last record of '" + copy + "' was altered"};
    }
    std::vector<CarriedRecord> carried;
    if (place.carry) {
        GATEMEND_TRY(records, place.carry(copy));
        carried = std::move(records);
    }
    return begin_after({.number = number,
                        .last_seq = end.last->seq,
                        .prev = std::string{end.last->hash},
                        .time = end.last->time,
                        .problem = ""},
                       carried);
}

Status AuditFile::Impl::begin_after(const Predecessor& before,
                                    const std::vector<CarriedRecord>& carried) {
    const std::string copy = unfinished_path(place.path, before.number);
    std::uint64_t seq = before.last_seq;
    std::string prev = before.prev;
    std::string text;
    const auto add = [&](std::string_view kind, std::string_view fields) {
        const std::string line = make_audit_line(
            {.seq = ++seq, .time = before.time, .kind = kind, .fields = fields, .prev = prev});
        const auto checked = check_audit_line(line);
        prev = checked ? std::string{checked->hash} : "";
        text.append(line).push_back('\n');
        return checked.has_value() && line.size() < kMaxRecordBytes;
    };
    bool is_good = add(kContinued, continued_fields(before, carried.size()));
    for (const CarriedRecord& record : carried) {
        is_good = is_good && add(record.kind, record.fields);
    }
    if (!is_good) {
        return Error{"what it should begin with is not lines of JSON"};
    }
    GATEMEND_CHECK(empty());
    if (Status written = write_line(text, Sync::kYes); !written) {
        is_broken = true;  // the next start finishes it from the copy
        return written;
    }
    next_seq = seq + 1;
    head = prev;
    const std::string target = archive_path(place.path, before.number);
    if (std::rename(copy.c_str(), target.c_str()) != 0) {
        return errno_error("rename '" + copy + "'");
    }
    prune(before.number);
    return sync_archive_folder(place.path);
}

std::string AuditFile::Impl::continued_fields(const Predecessor& before,
                                              std::size_t carried) const {
    JsonFields fields;
    fields.add("file", archive_name(place.path, before.number));
    fields.add_if("problem", before.problem);
    fields.add_number("carried", carried);
    if (before.number <= place.max_archives) {
        return fields.text();
    }
    // Where the chain begins once the oldest part is gone.
    const std::uint64_t oldest = before.number - place.max_archives + 1;
    const std::string kept = oldest == before.number ? unfinished_path(place.path, oldest)
                                                     : archive_path(place.path, oldest);
    const auto text = read_beginning(kept, kMaxRecordBytes);
    const auto first =
        text ? check_audit_line(std::string_view{*text}.substr(0, text->find('\n'))) : std::nullopt;
    if (first) {
        fields.add("dropped", archive_name(place.path, oldest - 1));
        fields.add_number("start_seq", first->seq).add("start_prev", first->prev);
    }
    return fields.text();
}

void AuditFile::Impl::prune(std::uint64_t newest) const {
    const auto archives = list_archives(place.path);
    if (!archives) {
        return;  // the next rotation tries again
    }
    for (const std::uint64_t number : archives->numbers) {
        if (number + place.max_archives <= newest) {
            (void)unlink(archive_path(place.path, number).c_str());  // as above
        }
    }
}

// The number of a copy of all that is in the file, broken as it is.
Result<std::uint64_t> AuditFile::Impl::copy_aside() {
    GATEMEND_TRY(archives, list_archives(place.path));
    if (archives.unfinished) {
        const std::string copy = unfinished_path(place.path, *archives.unfinished);
        GATEMEND_TRY(is_whole, is_still_whole(place.path, copy));
        if (!is_whole) {
            return *archives.unfinished;  // an earlier try ended between copy and new beginning
        }
        (void)unlink(copy.c_str());  // making it again says what is in the way
    }
    const std::uint64_t number = archives.numbers.empty() ? 1 : archives.numbers.back() + 1;
    GATEMEND_CHECK(make_archive_folder(place.path));
    GATEMEND_CHECK(copy_to_archive(fd, size, unfinished_path(place.path, number)));
    GATEMEND_CHECK(sync_archive_folder(place.path));
    return number;
}

Status AuditFile::Impl::put_aside(core::TimePoint time, const std::string& problem) {
    GATEMEND_TRY(number, copy_aside());
    const std::string copy = unfinished_path(place.path, number);
    GATEMEND_TRY(begin, read_beginning(copy, 1));
    // Where the file was emptied, what is to be carried is in the part before.
    const bool is_before = begin.empty() && number > 1;
    const std::string source = is_before ? archive_path(place.path, number - 1) : copy;
    GATEMEND_TRY(digest, file_sha256_hex(copy));
    Predecessor before{
        .number = number, .last_seq = 0, .prev = digest, .time = time, .problem = problem};
    GATEMEND_CHECK(read_lines(source, [&before](std::string_view text) {
        if (const auto line = check_audit_line(text)) {
            before.last_seq = std::max(before.last_seq, line->seq);
        }
    }));
    std::vector<CarriedRecord> carried;
    if (place.carry) {
        GATEMEND_TRY(records, place.carry(source));
        carried = std::move(records);
    }
    return begin_after(before, carried);
}

Result<AuditFile> AuditFile::open(AuditPlace place) {
    auto impl = std::make_unique<Impl>(std::move(place));
    Status status = impl->open_and_lock();
    if (status) {
        status = impl->settle();
    }
    if (status) {
        status = impl->continue_chain();
    }
    if (!status) {
        return status.error().within("audit file '" + impl->place.path + "'");
    }
    return AuditFile{std::move(impl)};
}

Result<AuditFile> AuditFile::start_over(AuditPlace place,
                                        core::TimePoint time,
                                        const std::string& problem) {
    auto impl = std::make_unique<Impl>(std::move(place));
    Status status = impl->open_and_lock();
    if (status) {
        status = impl->put_aside(time, problem);
    }
    if (!status) {
        return status.error().within("put audit file '" + impl->place.path + "' aside");
    }
    return AuditFile{std::move(impl)};
}

AuditFile::AuditFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AuditFile::AuditFile(AuditFile&&) noexcept = default;
AuditFile& AuditFile::operator=(AuditFile&&) noexcept = default;
AuditFile::~AuditFile() = default;

Status AuditFile::append(core::TimePoint time,
                         std::string_view kind,
                         std::string_view fields,
                         Sync sync) {
    impl_->is_out_of_room = false;
    if (impl_->is_broken) {
        return Error{"audit file '" + impl_->place.path +
                     "': an earlier partial record is still in it"};
    }
    if (Status room = impl_->rotate_if_full(fields.size() + kFrameBytes); !room) {
        return room.error().within("audit file '" + impl_->place.path + "': rotate it");
    }
    if (Status placed = impl_->check_place(); !placed) {
        return placed.error().within("audit file '" + impl_->place.path + "'");
    }
    if (!impl_->put_back.empty()) {
        const std::string put_back = std::exchange(impl_->put_back, "");
        GATEMEND_CHECK(append(time, kPutBack, put_back, sync));
    }
    if (!impl_->torn.empty()) {
        JsonFields fragment;
        fragment.add_number("bytes", impl_->torn.size()).add("sha256", sha256_hex(impl_->torn));
        fragment.add("text", std::string_view{impl_->torn}.substr(0, kMaxTornShown));
        std::string torn = std::exchange(impl_->torn, "");
        if (Status told = append(time, "torn", fragment.text(), sync); !told) {
            impl_->torn = std::move(torn);  // the next one tells it
            return told;
        }
    }
    std::string line = make_audit_line({.seq = impl_->next_seq,
                                        .time = time,
                                        .kind = kind,
                                        .fields = fields,
                                        .prev = impl_->head});
    const auto checked = check_audit_line(line);
    if (!checked || checked->kind != kind || line.find('\n') != std::string::npos) {
        return Error{"audit file '" + impl_->place.path + "': record is not one line of JSON"};
    }
    if (line.size() >= kMaxRecordBytes) {
        return Error{"audit file '" + impl_->place.path + "': record is too long"};
    }
    std::string hash{checked->hash};
    line.push_back('\n');
    if (Status status = impl_->write_line(line, sync); !status) {
        return status.error().within("audit file '" + impl_->place.path + "'");
    }
    impl_->head = std::move(hash);
    ++impl_->next_seq;
    return Done{};
}

Status AuditFile::sync() {
    if (!impl_->is_synced && fdatasync(impl_->fd) < 0) {
        return errno_error("fdatasync of audit file '" + impl_->place.path + "'");
    }
    impl_->is_synced = true;
    return Done{};
}

Status AuditFile::check_place() {
    const Status status = impl_->check_place();
    return status ? status : status.error().within("audit file '" + impl_->place.path + "'");
}

Result<std::uint64_t> AuditFile::reserve(std::uint64_t bytes) const {
    const auto at = static_cast<off_t>(impl_->size);
    int result = 0;
    do {
        result = fallocate(impl_->fd, FALLOC_FL_KEEP_SIZE, at, static_cast<off_t>(bytes));
    } while (result < 0 && errno == EINTR);
    if (result == 0) {
        return bytes;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
        // Such a file system cannot set room aside: looking is what is left.
        struct statvfs info {};

        if (fstatvfs(impl_->fd, &info) < 0) {
            return errno_error("look for room behind audit file '" + impl_->place.path + "'");
        }
        return std::min(static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize, bytes);
    }
    if (!is_want_of_room(errno)) {
        return errno_error("reserve room behind audit file '" + impl_->place.path + "'");
    }
    constexpr std::uint64_t kBlock = 512;

    struct stat info {};

    if (fstat(impl_->fd, &info) < 0) {
        return errno_error("stat audit file '" + impl_->place.path + "'");
    }
    const std::uint64_t taken = static_cast<std::uint64_t>(info.st_blocks) * kBlock;
    return taken > impl_->size ? std::min(taken - impl_->size, bytes) : 0;
}

bool AuditFile::is_out_of_room() const {
    return impl_->is_out_of_room;
}

bool AuditFile::has_torn_line() const {
    return impl_->has_torn_line;
}

std::uint64_t AuditFile::next_seq() const {
    return impl_->next_seq;
}

const std::string& AuditFile::head() const {
    return impl_->head;
}

const std::string& AuditFile::path() const {
    return impl_->place.path;
}

const std::string& AuditFile::rotation_problem() const {
    return impl_->rotation_problem;
}

}  // namespace gatemend::sandbox
