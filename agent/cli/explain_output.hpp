// SPDX-License-Identifier: MIT
// How explain writes its answers: a bounded buffer over a descriptor, and the two formats.
// Everything that came from a log passes sanitize() here.
#pragma once

#include "parse/log_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatemend::cli {

class OutputBuffer {
  public:
    explicit OutputBuffer(int descriptor);

    void append(std::string_view text) {
        bytes_ += text;
        if (bytes_.size() >= kFlushBytes) {
            flush();
        }
    }

    void append(std::uint64_t number);
    void flush();

    // errno of the first write that failed, 0 while all is well. Later text is dropped.
    [[nodiscard]] int error_number() const { return error_number_; }

  private:
    static constexpr std::size_t kFlushBytes = std::size_t{64} * 1024;

    int descriptor_;
    int error_number_ = 0;
    std::string bytes_;
};

// One line of JSON, of the shape that is the command's public interface.
void write_json_answer(OutputBuffer& out, const parse::LogAnswer& answer);

// Three lines for a person; `place` is "FILE:" or "".
void write_text_answer(OutputBuffer& out, std::string_view place, const parse::LogAnswer& answer);

}  // namespace gatemend::cli
