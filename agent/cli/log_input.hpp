// SPDX-License-Identifier: MIT
// The bytes of a log that somebody keeps: a plain file, a .gz one (known by its first bytes, not by
// its name), or standard input. Called by explain and replay. Reads forward only, in constant
// memory however much a .gz unpacks to; never maps a file, so a log cut short meanwhile is no
// SIGBUS.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace gatemend::cli {

class LogInput {
  public:
    // "-": standard input. The error is the system's word alone ("No such file or directory").
    [[nodiscard]] static core::Result<LogInput> open(const std::string& file);

    LogInput(LogInput&&) noexcept;
    LogInput& operator=(LogInput&&) noexcept;
    ~LogInput();

    // Fills the front of `room`; 0: the end. What was read before an error is good.
    [[nodiscard]] core::Result<std::size_t> read(std::span<char> room);

  private:
    class Source;
    explicit LogInput(std::unique_ptr<Source> source);

    std::unique_ptr<Source> source_;
};

}  // namespace gatemend::cli
