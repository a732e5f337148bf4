// SPDX-License-Identifier: MIT
// Where in a policy file something is wrong, and the growing list of such findings. Called by the
// readers of rules and settings. Shows bytes of the file only sanitized, and only so many findings.
#pragma once

#include "policies/toml_reader.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::policy {

struct Position {
    int line = 0;    // from 1; 0 = the whole file
    int column = 0;  // from 1, in code points
};

// Adds findings about one file to a load. Must not outlive the text or the LoadedPolicy.
class Reporter {
  public:
    Reporter(std::string_view text, std::string file, LoadedPolicy& out);

    void error(Position at, std::string message, std::string suggestion = {});
    void warning(Position at, std::string message, std::string suggestion = {});

    [[nodiscard]] const std::string& file() const { return file_; }

    // Where a value was written, by its key ("limit.max"); of the section that is being read.
    void note(std::string key, Position at);
    // nullopt: the section does not have it.
    [[nodiscard]] std::optional<Position> find(std::string_view key) const;
    // All of them as "file:line"; the next section begins.
    [[nodiscard]] Places take_places();

    // In the order of the file, whatever order the readers found them in.
    void sort_by_position();

  private:
    [[nodiscard]] Diagnostic point(Position at, std::string message, std::string suggestion) const;

    std::string_view text_;
    std::string file_;
    LoadedPolicy& out_;
    std::map<std::string, Position, std::less<>> places_;
    std::size_t first_error_;
    std::size_t first_warning_;
};

// A finding about a file as a whole, or a path that is no readable file.
void add_file_error(LoadedPolicy& out, const std::string& file, std::string message);

}  // namespace gatemend::policy
