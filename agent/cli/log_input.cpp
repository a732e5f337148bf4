// SPDX-License-Identifier: MIT
#include "cli/log_input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace gatemend::cli {
namespace {

constexpr unsigned kAheadBytes = 64 * 1024;

core::Error system_error(int number) {
    return core::Error{std::generic_category().message(number)};
}

core::Error gzip_error(int kind) {
    switch (kind) {
        case Z_ERRNO:
            return system_error(errno);
        case Z_BUF_ERROR:
            return core::Error{"cut short"};
        case Z_MEM_ERROR:
            return core::Error{"no memory to unpack it"};
        default:
            return core::Error{"not a whole gzip file"};
    }
}

}  // namespace

// zlib tells a plain file from a packed one, goes on from member to member where rotated logs were
// appended to each other, and leaves what stands behind the last, as gzip does.
class LogInput::Source {
  public:
    explicit Source(gzFile file) : file_(file) {}

    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    ~Source() {
        (void)::gzclose_r(file_);  // read-only: nothing is lost
    }

    core::Result<std::size_t> read(std::span<char> room) {
        constexpr std::size_t kMost = std::numeric_limits<int>::max();
        const auto wanted = static_cast<unsigned>(std::min(room.size(), kMost));
        const int got = ::gzread(file_, room.data(), wanted);
        if (got > 0) {
            return static_cast<std::size_t>(got);
        }
        int kind = Z_OK;
        (void)::gzerror(file_, &kind);  // its text names a file, which we do not give it
        if (got < 0 || kind < Z_OK) {
            return gzip_error(kind);
        }
        return std::size_t{0};
    }

  private:
    gzFile file_;
};

LogInput::LogInput(std::unique_ptr<Source> source) : source_(std::move(source)) {}

LogInput::LogInput(LogInput&&) noexcept = default;
LogInput& LogInput::operator=(LogInput&&) noexcept = default;
LogInput::~LogInput() = default;

core::Result<LogInput> LogInput::open(const std::string& file) {
    const int descriptor = file == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                       : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        return system_error(errno);
    }
    gzFile packed = ::gzdopen(descriptor, "rb");
    if (packed == nullptr || ::gzbuffer(packed, kAheadBytes) != 0) {
        (void)::close(descriptor);
        return core::Error{"no memory to read it"};
    }
    return LogInput(std::make_unique<Source>(packed));
}

core::Result<std::size_t> LogInput::read(std::span<char> room) {
    return source_->read(room);
}

}  // namespace gatemend::cli
