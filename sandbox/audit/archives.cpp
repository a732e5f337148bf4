// SPDX-License-Identifier: MIT
#include "sandbox/audit/archives.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
constexpr mode_t kFolderMode = 0750;
constexpr mode_t kArchiveMode = 0640;
constexpr std::string_view kUnfinished = ".new";
constexpr std::size_t kMaxNumberDigits = 12;

Error errno_error(const std::string& what, const std::string& path) {
    return Error{what + " '" + path + "': " + std::generic_category().message(errno)};
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

Status check_regular(int fd, const std::string& path) {
    struct stat info {};

    if (fd < 0 || fstat(fd, &info) < 0) {
        return errno_error("open", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return Error{"open '" + path + "': not a regular file"};
    }
    return Done{};
}

int open_to_read(const std::string& path) {
    return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

// Up to `size` bytes from `at` on; fewer at the end of the file.
Result<std::string> read_at(int fd, off_t at, std::size_t size) {
    std::string text(size, '\0');
    std::size_t got = 0;
    while (got < size) {
        const ssize_t n = pread(fd, text.data() + got, size - got, at + static_cast<off_t>(got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return Error{"read: " + std::generic_category().message(errno)};
        }
        if (n == 0) {
            break;
        }
        got += static_cast<std::size_t>(n);
    }
    text.resize(got);
    return text;
}

Status write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return Error{"write: " + std::generic_category().message(errno)};
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return Done{};
}

Status copy_bytes(int from, std::uint64_t size, int to) {
    for (std::uint64_t done = 0; done < size;) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, size - done));
        GATEMEND_TRY(piece, read_at(from, static_cast<off_t>(done), wanted));
        if (piece.size() != wanted) {
            return Error{"read: it is shorter than what was written to it"};
        }
        GATEMEND_CHECK(write_all(to, piece));
        done += wanted;
    }
    if (fsync(to) < 0) {
        return Error{"fsync: " + std::generic_category().message(errno)};
    }
    return Done{};
}

std::string base_name(std::string_view path) {
    return fs::path{path}.filename().string();
}

void note_entry(Archives& archives, const std::string& path, std::string_view name) {
    const bool is_unfinished = name.ends_with(kUnfinished);
    if (is_unfinished) {
        name.remove_suffix(kUnfinished.size());
    }
    const auto number = archive_number(path, name);
    if (number && is_unfinished) {
        archives.unfinished = std::max(archives.unfinished.value_or(0), *number);
    } else if (number) {
        archives.numbers.push_back(*number);
    }
}

}  // namespace

std::string archive_folder(std::string_view path) {
    return fs::path{path}.replace_extension(".old").string();
}

std::string archive_name(std::string_view path, std::uint64_t n) {
    return base_name(path) + "." + std::to_string(n);
}

std::string archive_path(std::string_view path, std::uint64_t n) {
    return archive_folder(path) + "/" + archive_name(path, n);
}

std::string unfinished_path(std::string_view path, std::uint64_t n) {
    return archive_path(path, n).append(kUnfinished);
}

std::optional<std::uint64_t> archive_number(std::string_view path, std::string_view name) {
    const std::string prefix = base_name(path) + ".";
    if (!name.starts_with(prefix)) {
        return std::nullopt;
    }
    name.remove_prefix(prefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_whole = error == std::errc{} && end == name.data() + name.size();
    if (!is_whole || name.size() > kMaxNumberDigits || name.front() == '0') {
        return std::nullopt;
    }
    return number;
}

Result<Archives> list_archives(const std::string& path) {
    Archives archives;
    const std::string folder = archive_folder(path);
    std::error_code failure;
    std::size_t entries = 0;
    for (fs::directory_iterator entry{folder, failure}, end; !failure && entry != end;
         entry.increment(failure)) {
        if (++entries > kMaxArchiveEntries) {
            return Error{"'" + folder + "' holds too many files"};
        }
        note_entry(archives, path, entry->path().filename().string());
    }
    if (failure && failure != std::errc::no_such_file_or_directory) {
        return Error{"read '" + folder + "': " + failure.message()};
    }
    std::ranges::sort(archives.numbers);
    return archives;
}

Result<bool> is_still_whole(const std::string& path, const std::string& copy) {
    std::error_code failure;
    const auto size = fs::file_size(path, failure);
    const auto copied = failure ? 0 : fs::file_size(copy, failure);
    if (failure) {
        return Error{"look at '" + copy + "': " + failure.message()};
    }
    GATEMEND_TRY(ours, read_beginning(path, kPieceBytes));
    GATEMEND_TRY(theirs, read_beginning(copy, kPieceBytes));
    return size >= copied && ours.starts_with(theirs) && !ours.empty();
}

Status make_archive_folder(const std::string& path) {
    const std::string folder = archive_folder(path);
    if (mkdir(folder.c_str(), kFolderMode) < 0 && errno != EEXIST) {
        return errno_error("make", folder);
    }
    return Done{};
}

Status sync_archive_folder(const std::string& path) {
    const std::string folder = archive_folder(path);
    const Descriptor opened{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    if (opened.get() < 0 || fsync(opened.get()) < 0) {
        return errno_error("fsync", folder);
    }
    return Done{};
}

Status copy_to_archive(int fd, std::uint64_t size, const std::string& target) {
    Status status = Done{};
    {
        const Descriptor copy{open(
            target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kArchiveMode)};
        if (copy.get() < 0) {
            return errno_error("make", target);
        }
        status = copy_bytes(fd, size, copy.get());
    }
    if (!status) {
        (void)unlink(target.c_str());  // half a copy is of no use; the next try says if it stays
        return status.error().within("copy to '" + target + "'");
    }
    return Done{};
}

Status read_pieces(const std::string& path, const std::function<void(std::string_view)>& take) {
    const Descriptor file{open_to_read(path)};
    GATEMEND_CHECK(check_regular(file.get(), path));
    for (off_t at = 0;;) {
        const auto piece = read_at(file.get(), at, kPieceBytes);
        if (!piece) {
            return piece.error().within("'" + path + "'");
        }
        if (piece->empty()) {
            return Done{};
        }
        take(*piece);
        at += static_cast<off_t>(piece->size());
    }
}

Result<std::string> read_beginning(const std::string& path, std::size_t size) {
    const Descriptor file{open_to_read(path)};
    GATEMEND_CHECK(check_regular(file.get(), path));
    return read_at(file.get(), 0, size);
}

Result<std::string> read_end(const std::string& path, std::size_t size) {
    const Descriptor file{open_to_read(path)};
    GATEMEND_CHECK(check_regular(file.get(), path));
    const off_t end = lseek(file.get(), 0, SEEK_END);
    if (end < 0) {
        return errno_error("seek in", path);
    }
    const off_t at = std::max<off_t>(0, end - static_cast<off_t>(size));
    return read_at(file.get(), at, static_cast<std::size_t>(end - at));
}

}  // namespace gatemend::sandbox
