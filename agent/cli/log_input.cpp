// SPDX-License-Identifier: MIT
#include "cli/log_input.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace gatemend::cli {
namespace {

constexpr std::size_t kPackedBytes = std::size_t{64} * 1024;
constexpr int kGzipOnly = 16 + MAX_WBITS;

core::Error system_error(int number) {
    return core::Error{std::generic_category().message(number)};
}

}  // namespace

class LogInput::Source {
  public:
    explicit Source(int descriptor) : descriptor_(descriptor) {}

    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    ~Source() {
        if (is_packed_) {
            (void)::inflateEnd(&stream_);  // frees; what it says about the stream is known
        }
        if (descriptor_ > STDIN_FILENO) {
            (void)::close(descriptor_);  // read-only: nothing is lost
        }
    }

    core::Result<std::size_t> read(std::span<char> room) {
        if (!has_begun_) {
            GATEMEND_CHECK(begin());
        }
        return is_packed_ ? inflate(room) : copy(room);
    }

  private:
    core::Result<std::size_t> read_descriptor(std::span<char> room) const {
        while (true) {
            const ssize_t got = ::read(descriptor_, room.data(), room.size());
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (errno != EINTR) {
                return system_error(errno);
            }
        }
    }

    core::Status begin();
    core::Result<std::size_t> copy(std::span<char> room);
    core::Result<std::size_t> inflate(std::span<char> room);
    core::Status refill();

    int descriptor_;
    bool has_begun_ = false;
    bool is_packed_ = false;
    bool is_inside_member_ = true;
    std::size_t from_ = 0;  // of what was read ahead
    std::size_t filled_ = 0;
    std::array<char, kPackedBytes> ahead_{};
    z_stream stream_{};
};

// Enough to know what it is; a pipe may hand out one byte at a time.
core::Status LogInput::Source::begin() {
    while (filled_ < 2) {
        GATEMEND_TRY(got, read_descriptor(std::span(ahead_).subspan(filled_)));
        if (got == 0) {
            break;
        }
        filled_ += got;
    }
    has_begun_ = true;
    is_packed_ = filled_ >= 2 && ahead_[0] == '\x1f' && ahead_[1] == '\x8b';
    if (is_packed_ && ::inflateInit2(&stream_, kGzipOnly) != Z_OK) {
        is_packed_ = false;
        return core::Error{"no memory to unpack it"};
    }
    return core::Done{};
}

core::Result<std::size_t> LogInput::Source::copy(std::span<char> room) {
    if (from_ == filled_) {
        return read_descriptor(room);
    }
    const std::size_t count = std::min(room.size(), filled_ - from_);
    std::memcpy(room.data(), ahead_.data() + from_, count);
    from_ += count;
    return count;
}

core::Status LogInput::Source::refill() {
    if (from_ < filled_) {
        return core::Done{};
    }
    GATEMEND_TRY(got, read_descriptor(ahead_));
    from_ = 0;
    filled_ = got;
    return core::Done{};
}

// Rotated logs that were appended to each other are several members one behind the other; zeros or
// anything else behind the last one is not looked at, as gzip does.
core::Result<std::size_t> LogInput::Source::inflate(std::span<char> room) {
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    while (stream_.avail_out == room.size()) {
        GATEMEND_CHECK(refill());
        if (from_ == filled_) {
            return is_inside_member_ ? core::Result<std::size_t>(core::Error{"cut short"})
                                     : core::Result<std::size_t>(std::size_t{0});
        }
        if (!is_inside_member_) {
            if (ahead_[from_] != '\x1f' || ::inflateReset(&stream_) != Z_OK) {
                return std::size_t{0};
            }
            is_inside_member_ = true;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(ahead_.data() + from_);
        stream_.avail_in = static_cast<uInt>(filled_ - from_);
        const int result = ::inflate(&stream_, Z_NO_FLUSH);
        from_ = filled_ - stream_.avail_in;
        is_inside_member_ = result != Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return core::Error{"not a whole gzip file"};
        }
    }
    return room.size() - stream_.avail_out;
}

LogInput::LogInput(std::unique_ptr<Source> source) : source_(std::move(source)) {}

LogInput::LogInput(LogInput&&) noexcept = default;
LogInput& LogInput::operator=(LogInput&&) noexcept = default;
LogInput::~LogInput() = default;

core::Result<LogInput> LogInput::open(const std::string& file) {
    const int descriptor =
        file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        return system_error(errno);
    }
    return LogInput(std::make_unique<Source>(descriptor));
}

core::Result<std::size_t> LogInput::read(std::span<char> room) {
    return source_->read(room);
}

}  // namespace gatemend::cli
