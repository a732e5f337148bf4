// SPDX-License-Identifier: MIT
// Any bytes as nginx's main file: after an edit the same tokens are there but for those that were
// replaced or inserted, and what was repointed is not named any more.
#include "sandbox/mend/nginx_places.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace gatemend::mend;  // NOLINT(google-build-using-namespace): one file
using gatemend::fuzz::require;

constexpr const char* kFrom = "unix:/run/a";
constexpr const char* kTo = "127.0.0.1:1";

class OneFile final : public ConfigSource {
  public:
    explicit OneFile(std::string_view text) : text_(text) {}

    std::vector<ConfigFile> find(const std::string& pattern) override {
        return pattern == "/n" ? std::vector{ConfigFile{pattern, text_}}
                               : std::vector<ConfigFile>{};
    }

    [[nodiscard]] const std::vector<std::string>& notes() const override { return notes_; }

  private:
    std::string text_;
    std::vector<std::string> notes_;
};

std::size_t count_words(const std::vector<Statement>& statements) {
    std::size_t count = 0;
    for (const Statement& statement : statements) {
        count += statement.words.size();
    }
    return count;
}

// Statements of the edited text; "nothing else changed" is checked by taking the edits out again.
void check(const NginxTree& tree, const gatemend::core::Result<NginxEdits>& edits) {
    if (!edits) {
        require(!edits.error().text.empty());
        return;
    }
    const std::string& before = tree.files[0].source.text;
    const auto after = edited(before, edits->at(0));
    if (!after) {
        return;
    }
    const auto statements = read_statements(*after);
    require(statements.has_value());
    require(statements->size() >= tree.files[0].statements.size());
    std::size_t added = 0;
    for (const Replacement& item : edits->at(0)) {
        require(item.begin <= item.end && item.end <= before.size());
        added += item.text.size();
    }
    require(after->size() <= before.size() + added);
}

void check_repoint(const NginxTree& tree) {
    const auto edits = repoint(tree, kFrom, kTo);
    check(tree, edits);
    if (!edits) {
        return;
    }
    OneFile source(*edited(tree.files[0].source.text, edits->at(0)));
    const auto again = read_nginx(source, "/n");
    require(again.has_value());
    require(!names_backend(*again, kFrom) && names_backend(*again, kTo));
    // Word for word the same, but where an address was.
    const auto& before = tree.files[0].statements;
    const auto& after = again->files[0].statements;
    require(before.size() == after.size() && count_words(before) == count_words(after));
    std::size_t differing = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
        for (std::size_t j = 0; j < before[i].words.size(); ++j) {
            differing += before[i].words[j].word != after[i].words[j].word ? 1 : 0;
        }
    }
    require(differing <= edits->at(0).size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    OneFile source(gatemend::fuzz::as_text(data, size));
    const auto tree = read_nginx(source, "/n");
    if (!tree) {
        return 0;
    }
    check_repoint(*tree);
    (void)other_mentions(*tree, kFrom);
    check(*tree, set_for_backend(*tree, kFrom, {{"fastcgi_read_timeout", "5s"}}));
    check(*tree, set_in_main(*tree, {{"worker_rlimit_nofile", "5"}}));
    check(*tree, set_in_events(*tree, {{"worker_connections", "5"}}));
    check(*tree, raise_error_log(*tree));
    return 0;
}
