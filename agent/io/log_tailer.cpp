// SPDX-License-Identifier: MIT
#include "io/log_tailer.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace gatemend::io {

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
constexpr int kMaxLinks = 8;
constexpr std::uint32_t kFileEvents = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
constexpr std::uint32_t kDirectoryEvents =
    IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kDirectoryGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

// The path, and while it is a symbolic link what it points to: all their directories can change it.
std::vector<std::string> links_of(const std::string& path) {
    std::vector<std::string> links{path};
    for (int i = 0; i < kMaxLinks; ++i) {
        char target[PATH_MAX];
        const ssize_t length = ::readlink(links.back().c_str(), target, sizeof target);
        if (length <= 0 || static_cast<std::size_t>(length) == sizeof target) {
            break;
        }
        std::string next(target, static_cast<std::size_t>(length));
        links.push_back(next.front() == '/' ? next : directory_of(links.back()) + "/" + next);
    }
    return links;
}

}  // namespace

struct LogTailer::Followed {
    bus::UniqueFd fd;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t position = 0;
    std::uint64_t fingerprint = 0;
    std::uint32_t fingerprint_bytes = 0;
    LineSplitter splitter;
    Inotify::Watch watch;
    core::TimePoint last_read{};
    bool is_drained = false;  // the last read reached the end

    [[nodiscard]] bool is(std::uint64_t other_device, std::uint64_t other_inode) const {
        return device == other_device && inode == other_inode;
    }

    // The longer the fingerprint the better, up to its limit: taken again while the file is short.
    void refresh_fingerprint() {
        const auto bytes =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(position, kFingerprintBytes));
        if (bytes <= fingerprint_bytes) {
            return;
        }
        if (const auto fresh = fingerprint_file(fd.get(), bytes)) {
            fingerprint = *fresh;
            fingerprint_bytes = bytes;
        }
    }
};

LogTailer::LogTailer(bus::EventLoop& loop,
                     Inotify& inotify,
                     std::string path,
                     std::optional<LogCursor> cursor,
                     TailHooks hooks)
    : loop_(loop),
      inotify_(inotify),
      path_(std::move(path)),
      saved_(cursor),
      hooks_(std::move(hooks)),
      buffer_(kReadBytes),
      alive_(std::make_shared<bool>(true)) {
    look();
    first_ = Where::kStart;
}

LogTailer::~LogTailer() = default;

void LogTailer::look() {
    watch_directories();
    check_path();
    // From the loop, not from here: the owner has not finished constructing us.
    again_ = loop_.add_timer(core::Duration::zero(), [this] { pump(); });
    schedule_poll();
}

void LogTailer::schedule_poll() {
    const bool is_watched = are_directories_watched_ &&
                            (current_ == nullptr ? problem_.empty() : current_->watch.is_set());
    if (is_watched) {
        poll_.reset();
        poll_delay_ = kPollInterval;
        return;
    }
    poll_ = loop_.add_timer(poll_delay_, [this] {
        poll_delay_ =
            current_ != nullptr ? kPollInterval : std::min(poll_delay_ * 2, kMaxPollInterval);
        look();
    });
}

void LogTailer::watch_directories() {
    std::vector<std::string> links = links_of(path_);
    if (are_directories_watched_ && links == links_) {
        return;
    }
    links_ = std::move(links);
    directories_.clear();
    are_directories_watched_ = true;
    for (const std::string& link : links_) {
        auto watch = inotify_.watch(directory_of(link),
                                    kDirectoryEvents | IN_ONLYDIR,
                                    [this](auto mask, auto name) { on_directory(mask, name); });
        if (watch) {
            directories_.push_back(std::move(*watch));
        } else {
            are_directories_watched_ = false;
        }
    }
}

void LogTailer::on_directory(std::uint32_t mask, std::string_view name) {
    if ((mask & kDirectoryGone) != 0) {
        are_directories_watched_ = false;
    } else if ((mask & IN_Q_OVERFLOW) == 0 &&
               std::none_of(links_.begin(), links_.end(), [name](const std::string& link) {
                   return name_of(link) == name;
               })) {
        return;
    }
    watch_directories();
    check_path();
    pump();
    schedule_poll();
}

void LogTailer::on_file(std::uint32_t mask) {
    if ((mask & ~static_cast<std::uint32_t>(IN_MODIFY)) != 0) {
        check_path();
    }
    pump();
    schedule_poll();
}

void LogTailer::check_path() {
    struct stat info {};

    if (::stat(path_.c_str(), &info) == 0) {
        if (current_ != nullptr && current_->is(info.st_dev, info.st_ino)) {
            return;
        }
        retire_current();
        if (!take_back(info.st_dev, info.st_ino)) {
            open_current(first_);
        }
        return;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        // Renamed or removed: whoever has it open may still write to it.
        retire_current();
        problem_.clear();  // an absent log is normal: its directory tells when it comes
        return;
    }
    if (current_ == nullptr) {
        open_through_hook(first_);  // we may not even look there
    }
}

// A log that was moved away and back again goes on where it was.
bool LogTailer::take_back(std::uint64_t device, std::uint64_t inode) {
    const auto found = std::find_if(retiring_.begin(), retiring_.end(), [&](const auto& file) {
        return file->is(device, inode);
    });
    if (found == retiring_.end()) {
        return false;
    }
    current_ = std::move(*found);
    retiring_.erase(found);
    return true;
}

void LogTailer::open_current(Where where) {
    bus::UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (fd.is_open()) {
        adopt(std::move(fd), where);
        return;
    }
    const int error_number = errno;
    problem_ = "open '" + path_ + "': " + std::generic_category().message(error_number);
    if (error_number == EACCES || error_number == EPERM) {
        open_through_hook(where);
    }
}

void LogTailer::open_through_hook(Where where) {
    if (problem_.empty()) {
        problem_ = "open '" + path_ + "': not permitted";
    }
    if (!hooks_.open_elsewhere || is_opening_elsewhere_) {
        return;
    }
    is_opening_elsewhere_ = true;
    const std::weak_ptr<bool> alive = alive_;
    hooks_.open_elsewhere(path_, [this, alive, where](core::Result<bus::UniqueFd> opened) {
        if (alive.expired()) {
            return;
        }
        is_opening_elsewhere_ = false;
        if (opened) {
            adopt(std::move(*opened), where);
            pump();
        } else {
            problem_ = opened.error().text;
        }
        schedule_poll();
    });
}

void LogTailer::adopt(bus::UniqueFd fd, Where where) {
    struct stat info {};

    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        problem_ = "open '" + path_ + "': not a regular file";
        return;
    }
    if (current_ != nullptr && current_->is(info.st_dev, info.st_ino)) {
        return;
    }
    retire_current();
    problem_.clear();
    current_ = std::make_unique<Followed>();
    current_->fd = std::move(fd);
    current_->device = info.st_dev;
    current_->inode = info.st_ino;
    place(*current_, where);
    watch_file(*current_);
}

// Where to begin in a log that has just been opened.
void LogTailer::place(Followed& file, Where where) {
    struct stat info {};

    (void)::fstat(file.fd.get(), &info);  // it has just worked; if not, size 0 is a safe answer
    const auto size = static_cast<std::uint64_t>(info.st_size);
    file.last_read = loop_.now();
    if (saved_.has_value()) {
        if (is_same_log(file.fd.get(), *saved_)) {
            file.position = saved_->offset;
        } else if (!resume_rotated()) {
            gap("the log was replaced or truncated while nobody watched");
        }
        saved_.reset();
    } else if (where == Where::kEnd) {
        file.position = size;
        char last = '\n';
        if (size > 0 && ::pread(file.fd.get(), &last, 1, info.st_size - 1) == 1 && last != '\n') {
            file.splitter.skip_to_newline();
        }
    }
    if (size > file.position && size - file.position > kMaxBacklogBytes) {
        gap("too far behind, older lines skipped");
        file.position = size - kMaxBacklogBytes;
        file.splitter.skip_to_newline();
    }
    file.refresh_fingerprint();
}

// The log we were reading has been renamed meanwhile: its rest comes first.
bool LogTailer::resume_rotated() {
    const std::string rotated = find_rotated(path_, *saved_);
    bus::UniqueFd fd(rotated.empty()
                         ? -1
                         : ::open(rotated.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd.is_open() || !is_same_log(fd.get(), *saved_)) {
        return false;
    }
    auto file = std::make_unique<Followed>();
    file->fd = std::move(fd);
    file->device = saved_->device;
    file->inode = saved_->inode;
    file->position = saved_->offset;
    file->last_read = loop_.now();
    file->refresh_fingerprint();
    watch_file(*file);
    retiring_.push_back(std::move(file));
    ++counters_.rotations;
    return true;
}

void LogTailer::watch_file(Followed& file) {
    // By descriptor: the path may name another file by now, and the log may have come from
    // elsewhere.
    auto watch = inotify_.watch("/proc/self/fd/" + std::to_string(file.fd.get()),
                                kFileEvents,
                                [this](auto mask, auto) { on_file(mask); });
    if (watch) {
        file.watch = std::move(*watch);
    }
}

void LogTailer::retire_current() {
    if (current_ == nullptr) {
        return;
    }
    ++counters_.rotations;
    retiring_.push_back(std::move(current_));
    if (retiring_.size() > kMaxRetiring) {
        Followed& oldest = *retiring_.front();
        if (read_some(oldest, kBytesPerTurn) == kBytesPerTurn) {
            gap("too many rotations at once");
        }
        retiring_.erase(retiring_.begin());
    }
}

// A replaced log is let go once nobody writes to it any more: it has been quiet, and either its
// successor is in use or the file itself is deleted.
void LogTailer::close_quiet() {
    const core::TimePoint now = loop_.now();
    const bool is_successor_used = current_ != nullptr && current_->position > 0;
    bool is_waiting = false;
    std::erase_if(retiring_, [&](const std::unique_ptr<Followed>& file) {
        struct stat info {};
        const bool is_deleted = ::fstat(file->fd.get(), &info) == 0 && info.st_nlink == 0;
        if (!is_successor_used && !is_deleted) {
            return false;
        }
        if (now - file->last_read < kRetireAfter) {
            is_waiting = true;
            return false;
        }
        counters_.skipped +=
            file->splitter.skipped() + (file->splitter.pending_bytes() > 0 ? 1 : 0);
        return true;
    });
    if (!is_waiting) {
        retire_.reset();
    } else if (!retire_.is_set()) {
        retire_ = loop_.add_timer(kRetireAfter, [this] {
            retire_.reset();
            pump();
        });
    }
}

void LogTailer::pump() {
    again_.reset();
    const std::uint64_t before = counters_.bytes;
    std::size_t budget = kBytesPerTurn;
    for (const auto& file : retiring_) {
        detect_truncation(*file);
        budget -= read_some(*file, budget);
    }
    // Only after all that came before it: lines keep their order across a rotation.
    if (budget > 0 && current_ != nullptr) {
        detect_truncation(*current_);
        budget -= read_some(*current_, budget);
    }
    if (budget == 0) {
        again_ = loop_.add_timer(core::Duration::zero(), [this] { pump(); });
    }
    if (!retiring_.empty()) {
        close_quiet();
    }
    if (counters_.bytes != before && hooks_.on_progress) {
        hooks_.on_progress();
    }
}

std::size_t LogTailer::read_some(Followed& file, std::size_t budget) {
    std::size_t used = 0;
    file.is_drained = false;
    while (used < budget) {
        const std::size_t want = std::min(buffer_.size(), budget - used);
        const ssize_t got =
            ::pread(file.fd.get(), buffer_.data(), want, static_cast<off_t>(file.position));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            file.is_drained = true;  // the end, or an I/O error that the next event tries again
            break;
        }
        const auto bytes = static_cast<std::size_t>(got);
        used += bytes;
        file.position += bytes;
        counters_.bytes += bytes;
        file.splitter.feed(std::string_view(buffer_.data(), bytes), [this](std::string_view line) {
            ++counters_.lines;
            hooks_.on_line(line);
        });
    }
    if (used > 0) {
        file.last_read = loop_.now();
        file.refresh_fingerprint();
    }
    return used;
}

// copytruncate: the same inode has become shorter, or has grown again with another beginning.
void LogTailer::detect_truncation(Followed& file) {
    struct stat info {};

    if (::fstat(file.fd.get(), &info) != 0) {
        return;
    }
    const bool is_shorter = static_cast<std::uint64_t>(info.st_size) < file.position;
    if (!is_shorter &&
        (file.fingerprint_bytes == 0 ||
         fingerprint_file(file.fd.get(), file.fingerprint_bytes) == file.fingerprint)) {
        return;
    }
    gap("the log was truncated");
    file.position = 0;
    file.fingerprint_bytes = 0;
    file.splitter.reset();
}

void LogTailer::gap(const std::string& why) {
    ++counters_.gaps;
    if (hooks_.on_gap) {
        hooks_.on_gap(why);
    }
}

std::optional<LogCursor> LogTailer::cursor() const {
    // The oldest log that is not read to its end: its successors have not been touched yet.
    const Followed* file = current_.get();
    for (auto older = retiring_.rbegin(); older != retiring_.rend(); ++older) {
        if (file == nullptr || !(*older)->is_drained) {
            file = older->get();
        }
    }
    if (file == nullptr) {
        return saved_;
    }
    return LogCursor{.device = file->device,
                     .inode = file->inode,
                     .offset = file->position - file->splitter.pending_bytes(),
                     .fingerprint = file->fingerprint,
                     .fingerprint_bytes = file->fingerprint_bytes};
}

TailCounters LogTailer::counters() const {
    TailCounters all = counters_;
    for (const auto& file : retiring_) {
        all.skipped += file->splitter.skipped();
    }
    if (current_ != nullptr) {
        all.skipped += current_->splitter.skipped();
    }
    return all;
}

}  // namespace gatemend::io
