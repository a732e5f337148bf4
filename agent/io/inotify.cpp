// SPDX-License-Identifier: MIT
#include "io/inotify.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace gatemend::io {

namespace {

// One read takes this much; the descriptor stays readable if there is more, so the loop comes back.
constexpr std::size_t kEventBytes = std::size_t{16} * 1024;

}  // namespace

Inotify::Watch::Watch(Watch&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      id_(other.id_) {}

Inotify::Watch& Inotify::Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        reset();
        owner_ = std::exchange(other.owner_, nullptr);
        id_ = other.id_;
    }
    return *this;
}

void Inotify::Watch::reset() {
    if (owner_ != nullptr) {
        std::exchange(owner_, nullptr)->remove(id_);
    }
}

core::Result<std::unique_ptr<Inotify>> Inotify::open(bus::EventLoop& loop, core::Duration pace) {
    bus::UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd.is_open()) {
        return core::Error{"start inotify: " + std::generic_category().message(errno)};
    }
    return std::unique_ptr<Inotify>(new Inotify(loop, std::move(fd), pace));
}

Inotify::Inotify(bus::EventLoop& loop, bus::UniqueFd fd, core::Duration pace)
    : loop_(loop),
      fd_(std::move(fd)),
      pace_(pace) {
    io_ = loop_.add_io(fd_.get(), EPOLLIN, [this](std::uint32_t) { drain(); });
}

core::Result<Inotify::Watch> Inotify::watch(const std::string& path,
                                            std::uint32_t mask,
                                            OnEvent on_event) {
    // The kernel keeps one watch per inode: IN_MASK_ADD, or a second subscriber would take the
    // first one's events away.
    const int descriptor = ::inotify_add_watch(fd_.get(), path.c_str(), mask | IN_MASK_ADD);
    if (descriptor < 0) {
        return core::Error{"watch '" + path + "': " + std::generic_category().message(errno)};
    }
    const std::uint64_t id = next_id_++;
    subscribers_.emplace(id, Subscriber{descriptor, mask & IN_ALL_EVENTS, std::move(on_event)});
    return Watch(this, id);
}

void Inotify::remove(std::uint64_t id) {
    const auto found = subscribers_.find(id);
    if (found == subscribers_.end()) {
        return;
    }
    const int descriptor = found->second.descriptor;
    subscribers_.erase(found);
    if (subscribers_of(descriptor).empty()) {
        // Fails when the kernel has dropped it already (inode gone); that is the aim.
        (void)::inotify_rm_watch(fd_.get(), descriptor);
    }
}

std::vector<std::uint64_t> Inotify::subscribers_of(int descriptor) const {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, subscriber] : subscribers_) {
        if (descriptor == -1 || subscriber.descriptor == descriptor) {
            ids.push_back(id);
        }
    }
    return ids;
}

void Inotify::drain() {
    alignas(inotify_event) char buffer[kEventBytes];
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got <= 0) {
        return;  // EAGAIN, EINTR: the loop will call again
    }
    if (pace_ > core::Duration::zero()) {
        io_.set_events(0);
        pacing_ = loop_.add_timer(pace_, [this] { io_.set_events(EPOLLIN); });
    }
    const char* at = buffer;
    const char* const end = buffer + got;
    while (at < end) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        const std::string_view name(at + sizeof event, ::strnlen(at + sizeof event, event.len));
        deliver(event.wd, event.mask, name);
        at += sizeof event + event.len;
    }
}

void Inotify::deliver(int descriptor, std::uint32_t mask, std::string_view name) {
    // By id, looked up again each time: a callback may remove any watch, its own included. A queue
    // overflow has descriptor -1 and concerns everybody.
    constexpr std::uint32_t kAlways = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT;
    for (const std::uint64_t id : subscribers_of(descriptor)) {
        const auto found = subscribers_.find(id);
        if (found == subscribers_.end() || (mask & (found->second.mask | kAlways)) == 0) {
            continue;
        }
        const OnEvent on_event = found->second.on_event;  // a copy survives its own removal
        on_event(mask, name);
    }
}

}  // namespace gatemend::io
