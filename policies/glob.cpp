// SPDX-License-Identifier: MIT
#include "policies/glob.hpp"

#include <cstddef>
#include <vector>

namespace gatemend::policy {
namespace {

// holds[i][j]: the question about what is left of two patterns behind i and j characters. Filled
// from the end, so that nothing recurses.
class Answers {
  public:
    Answers(std::size_t rows, std::size_t columns) : columns_{columns}, holds_(rows * columns) {}

    [[nodiscard]] bool at(std::size_t i, std::size_t j) const { return holds_[i * columns_ + j]; }

    void set(std::size_t i, std::size_t j, bool value) { holds_[i * columns_ + j] = value; }

  private:
    std::size_t columns_;
    std::vector<bool> holds_;
};

using Rest = bool (*)(const Answers&, std::string_view, std::string_view);

// Asks `rest` about every pair of endings, shortest first; it may look at all shorter ones.
// The endings' lengths say where in the table they are.
bool ask_all(std::string_view a, std::string_view b, Rest rest) {
    Answers answers{a.size() + 1, b.size() + 1};
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            answers.set(i, j, rest(answers, a.substr(a.size() - i), b.substr(b.size() - j)));
        }
    }
    return answers.at(a.size(), b.size());
}

bool covers_rest(const Answers& answers, std::string_view pattern, std::string_view other) {
    const std::size_t i = pattern.size();
    const std::size_t j = other.size();
    if (i == 0) {
        return j == 0;
    }
    if (pattern[0] == '*') {
        return answers.at(i - 1, j) || (j > 0 && answers.at(i, j - 1));
    }
    if (j == 0 || other[0] == '*') {
        return false;
    }
    return (pattern[0] == '?' || pattern[0] == other[0]) && answers.at(i - 1, j - 1);
}

bool overlaps_rest(const Answers& answers, std::string_view a, std::string_view b) {
    const std::size_t i = a.size();
    const std::size_t j = b.size();
    if (i == 0 && j == 0) {
        return true;
    }
    if (i > 0 && a[0] == '*') {
        return answers.at(i - 1, j) || (j > 0 && answers.at(i, j - 1));
    }
    if (j > 0 && b[0] == '*') {
        return answers.at(i, j - 1) || (i > 0 && answers.at(i - 1, j));
    }
    return i > 0 && j > 0 && (a[0] == '?' || b[0] == '?' || a[0] == b[0]) &&
           answers.at(i - 1, j - 1);
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;  // the last `*` seen, and where its run began
    std::size_t run = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            run = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;  // let the last star swallow one more
            n = ++run;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

bool covers_glob(std::string_view pattern, std::string_view other) {
    return ask_all(pattern, other, covers_rest);
}

bool overlaps_glob(std::string_view a, std::string_view b) {
    return ask_all(a, b, overlaps_rest);
}

}  // namespace gatemend::policy
