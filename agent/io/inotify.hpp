// SPDX-License-Identifier: MIT
// Inotify: one inotify descriptor on the event loop, shared by the log tailers and the
// configuration watch. Under a flood of changes it wakes the process at most once per `pace`: what
// is read late is a log line, and log lines only raise suspicion. A watch is RAII; its callback may
// destroy it.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <sys/inotify.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::io {

class Inotify {
  public:
    // `mask`: inotify's event bits; IN_Q_OVERFLOW means "anything may have changed". `name`: the
    // entry's name in a watched directory, else "".
    using OnEvent = std::function<void(std::uint32_t mask, std::string_view name)>;

    class Watch {
      public:
        Watch() = default;
        Watch(Watch&& other) noexcept;
        Watch& operator=(Watch&& other) noexcept;
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

        ~Watch() { reset(); }

        void reset();

        [[nodiscard]] bool is_set() const { return owner_ != nullptr; }

      private:
        friend class Inotify;

        Watch(Inotify* owner, std::uint64_t id) : owner_(owner), id_(id) {}

        Inotify* owner_ = nullptr;
        std::uint64_t id_ = 0;
    };

    // Lives as long as its watches; `pace` zero = never held back (tests).
    [[nodiscard]] static core::Result<std::unique_ptr<Inotify>> open(bus::EventLoop& loop,
                                                                     core::Duration pace);
    Inotify(const Inotify&) = delete;
    Inotify& operator=(const Inotify&) = delete;
    ~Inotify() = default;

    [[nodiscard]] core::Result<Watch> watch(const std::string& path,
                                            std::uint32_t mask,
                                            OnEvent on_event);

  private:
    struct Subscriber {
        int descriptor = -1;
        std::uint32_t mask = 0;
        OnEvent on_event;
    };

    Inotify(bus::EventLoop& loop, bus::UniqueFd fd, core::Duration pace);
    void drain();
    void deliver(int descriptor, std::uint32_t mask, std::string_view name);
    void remove(std::uint64_t id);
    [[nodiscard]] std::vector<std::uint64_t> subscribers_of(int descriptor) const;

    bus::EventLoop& loop_;
    bus::UniqueFd fd_;
    core::Duration pace_;
    std::map<std::uint64_t, Subscriber> subscribers_;
    std::uint64_t next_id_ = 1;
    bus::Source io_;
    bus::Source pacing_;
};

}  // namespace gatemend::io
