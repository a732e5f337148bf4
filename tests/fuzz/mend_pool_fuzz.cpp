// SPDX-License-Identifier: MIT
// Any bytes as a pool file: after an edit every assignment is there as it was but for the one that
// was set, which says what it was set to. The same for a drop-in, and a diff of both.
#include "sandbox/mend/diff.hpp"
#include "sandbox/mend/drop_in.hpp"
#include "sandbox/mend/pool_text.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <string>
#include <vector>

namespace {

using namespace gatemend::mend;  // NOLINT(google-build-using-namespace): one file
using gatemend::fuzz::require;

PoolTree tree_of(const std::string& text) {
    PoolTree tree;
    std::string section = "global";
    tree.files.push_back({"/p", text});
    tree.lines = read_pool_lines(tree.files[0].text, section);
    for (const PoolLine& line : tree.lines) {
        require(line.begin <= line.value_begin && line.value_begin <= line.value_end &&
                line.value_end <= line.end && line.end <= text.size());
    }
    return tree;
}

void check_set(const PoolTree& tree, const std::string& key) {
    PoolEdits edits;
    if (!set_in_pool(tree, "www", {key, "7"}, edits) || edits.empty()) {
        return;
    }
    const std::string& before = tree.files[0].text;
    const std::string after = *edited(before, edits[0]);
    const PoolTree again = tree_of(after);
    const PoolLine* line = again.find("www", key);
    require(line != nullptr && line->value == "7");
    const bool is_new = tree.find("www", key) == nullptr;
    require(again.lines.size() == tree.lines.size() + (is_new ? 1 : 0));
    std::size_t differing = 0;
    for (std::size_t i = 0, j = 0; j < again.lines.size(); ++j) {
        if (is_new && &again.lines[j] == line) {
            continue;
        }
        const PoolLine& old = tree.lines[i++];
        require(old.key == again.lines[j].key && old.section == again.lines[j].section);
        differing += old.value != again.lines[j].value ? 1 : 0;
    }
    require(differing <= 1);
    require(!unified_diff("/p", before, after).empty());
}

void check_drop_in(const std::string& text) {
    const auto made = edit_drop_in(text, {{"OOMPolicy", "kill"}});
    if (!made) {
        return;
    }
    require(made->find("OOMPolicy=kill") != std::string::npos);
    require(!edit_drop_in(*made, {{"OOMPolicy", "kill"}}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{gatemend::fuzz::as_text(data, size)};
    const PoolTree tree = tree_of(text);
    (void)find_pool(tree, "/run/x");
    check_set(tree, "listen.owner");
    check_set(tree, "pm.max_children");
    check_set(tree, "php_admin_value[memory_limit]");
    check_drop_in(text);
    return 0;
}
