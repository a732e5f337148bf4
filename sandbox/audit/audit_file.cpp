// SPDX-License-Identifier: MIT
#include "sandbox/audit/audit_file.hpp"

#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

Error errno_error(const std::string& what) {
    return Error{what + ": " + std::generic_category().message(errno)};
}

Result<std::string> read_tail(int fd, off_t size) {
    // A whole record and what is torn behind it.
    const off_t wanted = std::min<off_t>(size, static_cast<off_t>(2 * kMaxRecordBytes));
    std::string tail(static_cast<std::size_t>(wanted), '\0');
    std::size_t got = 0;
    while (got < tail.size()) {
        const auto at = size - wanted + static_cast<off_t>(got);
        const ssize_t n = pread(fd, tail.data() + got, tail.size() - got, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return errno_error("read its end");
        }
        got += static_cast<std::size_t>(n);
    }
    return tail;
}

}  // namespace

struct AuditFile::Impl {
    std::string path;
    int fd = -1;
    off_t size = 0;  // up to the last complete record; we are the only writer (flock)
    std::uint64_t next_seq = 1;
    std::string head = first_prev();
    bool has_torn_line = false;
    std::string torn;        // what was cut off, until the "torn" record is written
    bool is_broken = false;  // a failed write could not be taken back

    explicit Impl(std::string file) : path(std::move(file)) {}

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    ~Impl() {
        if (fd >= 0) {
            close(fd);
        }
    }

    Status open_and_lock(unsigned mode);
    Status continue_chain();
    Status cut_torn_line(std::string_view torn_bytes);
    Status write_line(const std::string& line, Sync sync);
    Status take_back(Error error);
};

Status AuditFile::Impl::open_and_lock(unsigned mode) {
    constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    fd = ::open(path.c_str(), kFlags, static_cast<mode_t>(mode));
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
    size = info.st_size;
    return Done{};
}

Status AuditFile::Impl::continue_chain() {
    if (size == 0) {
        return Done{};
    }
    GATEMEND_TRY(tail, read_tail(fd, size));
    const std::size_t last_newline = tail.rfind('\n');
    if (last_newline == std::string::npos) {
        if (static_cast<std::size_t>(size) > tail.size()) {
            return Error{"its last line is longer than any record"};
        }
        return cut_torn_line(tail);
    }
    if (last_newline + 1 < tail.size()) {
        GATEMEND_CHECK(cut_torn_line(std::string_view{tail}.substr(last_newline + 1)));
    }
    std::string_view complete = std::string_view{tail}.substr(0, last_newline);
    const std::size_t before = complete.rfind('\n');
    const auto line =
        check_audit_line(before == std::string_view::npos ? complete : complete.substr(before + 1));
    if (!line) {
        return Error{"its last record was altered"};
    }
    next_seq = line->seq + 1;
    head = std::string{line->hash};
    return Done{};
}

Status AuditFile::Impl::cut_torn_line(std::string_view torn_bytes) {
    has_torn_line = true;
    torn = torn_bytes;
    size -= static_cast<off_t>(torn_bytes.size());
    if (ftruncate(fd, size) < 0) {
        return errno_error("close off its torn last line");
    }
    return Done{};
}

Status AuditFile::Impl::take_back(Error error) {
    if (ftruncate(fd, size) < 0) {
        is_broken = true;
        return errno_error(error.text + "; and taking the partial record back");
    }
    return error;
}

Status AuditFile::Impl::write_line(const std::string& line, Sync sync) {
    ssize_t written = 0;
    do {
        written = write(fd, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return errno_error("write");
    }
    if (static_cast<std::size_t>(written) != line.size()) {
        return take_back(Error{"write: no space left for a whole record"});
    }
    if (sync == Sync::kYes && fdatasync(fd) < 0) {
        return take_back(errno_error("fdatasync"));
    }
    size += static_cast<off_t>(line.size());
    return Done{};
}

Result<AuditFile> AuditFile::open(const std::string& path, unsigned mode) {
    auto impl = std::make_unique<Impl>(path);
    Status status = impl->open_and_lock(mode);
    if (status) {
        status = impl->continue_chain();
    }
    if (!status) {
        return status.error().within("audit file '" + path + "'");
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
    if (impl_->is_broken) {
        return Error{"audit file '" + impl_->path + "': an earlier partial record is still in it"};
    }
    if (!impl_->torn.empty()) {
        JsonFields fragment;
        fragment.add_number("bytes", impl_->torn.size()).add("sha256", sha256_hex(impl_->torn));
        fragment.add("text", std::string_view{impl_->torn}.substr(0, kMaxTornShown));
        impl_->torn.clear();
        GATEMEND_CHECK(append(time, "torn", fragment.text(), sync));
    }
    std::string line = make_audit_line({.seq = impl_->next_seq,
                                        .time = time,
                                        .kind = kind,
                                        .fields = fields,
                                        .prev = impl_->head});
    const auto checked = check_audit_line(line);
    if (!checked || checked->kind != kind || line.find('\n') != std::string::npos) {
        return Error{"audit file '" + impl_->path + "': record is not one line of JSON"};
    }
    if (line.size() >= kMaxRecordBytes) {
        return Error{"audit file '" + impl_->path + "': record is too long"};
    }
    std::string hash{checked->hash};
    line.push_back('\n');
    if (Status status = impl_->write_line(line, sync); !status) {
        return status.error().within("audit file '" + impl_->path + "'");
    }
    impl_->head = std::move(hash);
    ++impl_->next_seq;
    return Done{};
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

}  // namespace gatemend::sandbox
