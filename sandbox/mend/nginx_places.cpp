// SPDX-License-Identifier: MIT
#include "sandbox/mend/nginx_places.hpp"

#include "core/inspection.hpp"
#include "sandbox/mend/backend_word.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace gatemend::mend {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kMaxMentions = 8;

bool is_upstream_server(const NginxTree& tree, const NginxDirective& directive) {
    return tree.statement(directive).name() == "server" &&
           tree.blocks[directive.block].name == "upstream";
}

// The backend of a *_pass or of an upstream's server.
std::optional<BackendWord> backend_of(const NginxTree& tree, const NginxDirective& directive) {
    const Statement& statement = tree.statement(directive);
    if (directive.opens || statement.words.size() < 2 || tree.blocks[directive.block].is_data ||
        (!is_pass(statement.name()) && !is_upstream_server(tree, directive))) {
        return std::nullopt;
    }
    return find_backend(statement.name(), statement.words[1].word);
}

// Where the word's text begins in the file. nullopt: it is written with escapes, so that positions
// in the word are none in the file.
std::optional<std::size_t> plain_begin(std::string_view text, const core::Token& token) {
    const std::string_view raw = text.substr(token.begin, token.end - token.begin);
    if (raw == token.word) {
        return token.begin;
    }
    const bool is_quoted =
        raw.size() == token.word.size() + 2 && raw.substr(1, token.word.size()) == token.word;
    return is_quoted ? std::optional{token.begin + 1} : std::nullopt;
}

std::string address_text(const BackendWord& word, const std::string& to) {
    const bool needs_colon = word.has_uri && to.starts_with("unix:");
    return needs_colon ? to + ":" : to;
}

// "http://unix:/a.sock:uri": without a slash the URI would become a part of a port or a name.
bool is_uri_apart(const Statement& statement, const BackendWord& word, const std::string& to) {
    const std::string_view rest = std::string_view{statement.words[1].word}.substr(word.end);
    return !word.has_uri || to.starts_with("unix:") || rest.empty() || rest.front() == '/' ||
           rest.front() == '?' || rest.front() == '$';
}

// As a line of its own before the statement; on the same line where that does not begin with it.
Replacement insert_before(const NginxFile& file,
                          const Statement& statement,
                          const std::string& words) {
    const std::string& text = file.source.text;
    const std::size_t at = statement.words.empty() ? statement.end : statement.words[0].begin;
    const std::string blanks = indentation(text, at);
    const std::size_t begin = line_begin(text, at);
    if (begin + blanks.size() != at) {
        return {at, at, words + " "};
    }
    return {begin, begin, blanks + words + line_ending(text, at)};
}

// All arguments of a directive.
Replacement replace_value(const Statement& statement, const std::string& value) {
    return {statement.words[1].begin, statement.words.back().end, value};
}

std::string written_value(const Statement& statement) {
    std::string text;
    for (std::size_t i = 1; i < statement.words.size(); ++i) {
        text += (i == 1 ? "" : " ") + statement.words[i].word;
    }
    return text;
}

// The same directive in the same block is replaced. False: there is none.
bool replace_in_block(const NginxTree& tree,
                      std::size_t block,
                      const std::pair<std::string, std::string>& setting,
                      NginxEdits& edits) {
    bool is_found = false;
    for (const NginxDirective& directive : tree.directives) {
        const Statement& statement = tree.statement(directive);
        if (directive.block != block || directive.opens || statement.name() != setting.first ||
            statement.words.size() < 2) {
            continue;
        }
        is_found = true;
        if (written_value(statement) != setting.second) {
            edits[directive.file].push_back(replace_value(statement, setting.second));
        }
    }
    return is_found;
}

Result<NginxEdits> or_already(NginxEdits edits) {
    if (edits.empty()) {
        return Error{"nginx's configuration says so already"};
    }
    return edits;
}

// The settings are none of `if` and `limit_except`; these inherit them from what is around them.
// Where to insert for a directive in such a block: before the block itself.
const NginxDirective& outside_of_conditions(const NginxTree& tree, const NginxDirective& inner) {
    const NginxDirective* directive = &inner;
    while (tree.blocks[directive->block].name == "if" ||
           tree.blocks[directive->block].name == "limit_except") {
        const auto opening = std::ranges::find_if(tree.directives, [&](const NginxDirective& item) {
            return item.opens && item.opened == directive->block;
        });
        if (opening == tree.directives.end()) {
            break;
        }
        directive = &*opening;
    }
    return *directive;
}

// Names of the upstreams that have the backend among their servers.
std::set<std::string> upstreams_with(const NginxTree& tree, const std::string& backend) {
    std::set<std::string> names;
    for (const NginxDirective& directive : tree.directives) {
        const auto word =
            is_upstream_server(tree, directive) ? backend_of(tree, directive) : std::nullopt;
        if (word && word->address == backend) {
            names.insert(canonical_backend(tree.blocks[directive.block].argument, 0));
        }
    }
    return names;
}

bool is_http(const NginxTree& tree, std::size_t block) {
    while (block != 0) {
        if (tree.blocks[block].parent == 0) {
            return tree.blocks[block].name == "http";
        }
        block = tree.blocks[block].parent;
    }
    return false;
}

std::string module_of(std::string_view directive) {
    return std::string{directive.substr(0, directive.find('_') + 1)};
}

constexpr std::string_view kDefaultLog = "/var/log/nginx/error.log";

struct ErrorLogs {
    std::vector<const NginxDirective*> to_raise;
    bool lacks_main = false;  // the main level has none
};

ErrorLogs error_logs(const NginxTree& tree) {
    ErrorLogs logs;
    bool has_main = false;
    for (const NginxDirective& directive : tree.directives) {
        const Statement& statement = tree.statement(directive);
        if (statement.name() != "error_log" || directive.opens || statement.words.size() < 2 ||
            (directive.block != 0 && !is_http(tree, directive.block)) ||
            tree.blocks[directive.block].is_data) {
            continue;
        }
        has_main = has_main || directive.block == 0;
        const bool is_debug = statement.words.size() > 2 && statement.words[2].word == "debug";
        if (statement.words[1].word != "/dev/null" && !is_debug) {
            logs.to_raise.push_back(&directive);
        }
    }
    logs.lacks_main = !has_main && !tree.files.front().statements.empty();
    return logs;
}

}  // namespace

Result<NginxEdits> repoint(const NginxTree& tree, const std::string& from, const std::string& to) {
    const std::string wanted = canonical_backend(from, 0);
    NginxEdits edits;
    for (const NginxDirective& directive : tree.directives) {
        const auto word = backend_of(tree, directive);
        if (!word || word->address != wanted) {
            continue;
        }
        const Statement& statement = tree.statement(directive);
        const auto begin = plain_begin(tree.files[directive.file].source.text, statement.words[1]);
        if (!begin) {
            return Error{tree.where(directive) + ": the address is written with escapes"};
        }
        if (!is_uri_apart(statement, *word, to)) {
            return Error{tree.where(directive) + ": the URI behind the address has no slash"};
        }
        edits[directive.file].push_back(
            Replacement{*begin + word->begin, *begin + word->end, address_text(*word, to)});
    }
    if (edits.empty()) {
        return Error{"no *_pass and no upstream of nginx's configuration names " + from};
    }
    return edits;
}

bool names_backend(const NginxTree& tree, const std::string& address) {
    const std::string wanted = canonical_backend(address, 0);
    return std::ranges::any_of(tree.directives, [&](const NginxDirective& directive) {
        const auto word = backend_of(tree, directive);
        return word && word->address == wanted;
    });
}

std::vector<std::string> named_sockets(const NginxTree& tree) {
    constexpr std::string_view kUnix = "unix:";
    std::set<std::string> paths;
    for (const NginxDirective& directive : tree.directives) {
        const auto word = backend_of(tree, directive);
        if (word && word->address.starts_with(kUnix)) {
            paths.insert(word->address.substr(kUnix.size()));
        }
    }
    return {paths.begin(), paths.end()};
}

std::string place_of_backend(const NginxTree& tree, const std::string& address) {
    const std::string wanted = canonical_backend(address, 0);
    const std::string_view port = core::port_of(wanted);
    const auto found = std::ranges::find_if(tree.directives, [&](const NginxDirective& directive) {
        const auto word = backend_of(tree, directive);
        return word &&
               (word->address == wanted || (!port.empty() && core::port_of(word->address) == port));
    });
    return found == tree.directives.end() ? "" : tree.where(*found);
}

std::vector<Pass> passes_to(const NginxTree& tree, const std::string& address) {
    const std::string wanted = canonical_backend(address, 0);
    const std::set<std::string> names = upstreams_with(tree, wanted);
    std::vector<Pass> passes;
    for (const NginxDirective& directive : tree.directives) {
        const std::string_view name = tree.statement(directive).name();
        const auto word = is_pass(name) ? backend_of(tree, directive) : std::nullopt;
        if (word && (word->address == wanted || names.contains(word->address))) {
            passes.push_back({std::string{name}, tree.where(directive)});
        }
    }
    return passes;
}

std::vector<std::string> other_mentions(const NginxTree& tree, const std::string& address) {
    const std::string wanted = canonical_backend(address, 0);
    std::vector<std::string> mentions;
    for (const NginxDirective& directive : tree.directives) {
        const Statement& statement = tree.statement(directive);
        const auto names = [&wanted](const core::Token& token) {
            const auto word = find_backend("proxy_pass", token.word);
            return word && word->address == wanted;
        };
        if (backend_of(tree, directive) || mentions.size() >= kMaxMentions ||
            !std::ranges::any_of(statement.words, names) || statement.name() == "listen") {
            continue;
        }
        mentions.push_back(tree.where(directive) + " names " + address + ", too, and is left");
    }
    return mentions;
}

Result<NginxEdits> set_for_backend(const NginxTree& tree,
                                   const std::string& backend,
                                   const Settings& settings) {
    const std::string wanted = canonical_backend(backend, 0);
    const std::set<std::string> names = upstreams_with(tree, wanted);
    std::set<std::pair<std::size_t, std::string>> done;  // block and setting
    NginxEdits edits;
    for (const NginxDirective& pass : tree.directives) {
        const std::string_view name = tree.statement(pass).name();
        const auto word = is_pass(name) ? backend_of(tree, pass) : std::nullopt;
        if (!word || (word->address != wanted && !names.contains(word->address))) {
            continue;
        }
        const NginxDirective& place = outside_of_conditions(tree, pass);
        for (const auto& setting : settings) {
            if (module_of(setting.first) != module_of(name) ||
                !done.emplace(place.block, setting.first).second ||
                replace_in_block(tree, place.block, setting, edits)) {
                continue;
            }
            edits[place.file].push_back(insert_before(tree.files[place.file],
                                                      tree.statement(place),
                                                      setting.first + " " + setting.second + ";"));
        }
    }
    if (done.empty()) {
        return Error{"no *_pass of nginx's configuration that takes " +
                     (settings.empty() ? "" : settings.front().first) + " leads to " + backend};
    }
    return or_already(std::move(edits));
}

Result<NginxEdits> set_in_main(const NginxTree& tree, const Settings& settings) {
    NginxEdits edits;
    const NginxFile& main = tree.files.front();
    if (main.statements.empty()) {
        return Error{main.source.path + ": is empty"};
    }
    for (const auto& setting : settings) {
        if (!replace_in_block(tree, 0, setting, edits)) {
            edits[0].push_back(insert_before(
                main, main.statements.front(), setting.first + " " + setting.second + ";"));
        }
    }
    return or_already(std::move(edits));
}

Result<NginxEdits> set_in_events(const NginxTree& tree, const Settings& settings) {
    const auto events = std::ranges::find_if(tree.directives, [&tree](const NginxDirective& item) {
        return item.opens && item.block == 0 && tree.statement(item).name() == "events";
    });
    if (events == tree.directives.end()) {
        return Error{"nginx's configuration has no events block"};
    }
    NginxEdits edits;
    const std::string& text = tree.files[events->file].source.text;
    const std::size_t open = tree.statement(*events).end;
    const std::string ending = line_ending(text, open);
    for (const auto& setting : settings) {
        if (replace_in_block(tree, events->opened, setting, edits)) {
            continue;
        }
        // The line behind the brace's; a directive on the same line goes to the next.
        const std::size_t next = std::min(text.find_first_not_of(" \t", open), text.size());
        const std::size_t end = line_end(text, open);
        const bool is_line_over = next >= end || text[next] == '#';
        const std::size_t at = is_line_over ? end : open;
        edits[events->file].push_back(Replacement{at,
                                                  at,
                                                  ending + indentation(text, open) + "    " +
                                                      setting.first + " " + setting.second + ";" +
                                                      (is_line_over ? "" : ending)});
    }
    return or_already(std::move(edits));
}

Result<NginxEdits> raise_error_log(const NginxTree& tree) {
    NginxEdits edits;
    const ErrorLogs logs = error_logs(tree);
    for (const NginxDirective* directive : logs.to_raise) {
        const Statement& statement = tree.statement(*directive);
        const std::size_t behind = statement.words[1].end;
        edits[directive->file].push_back(
            statement.words.size() == 2
                ? Replacement{behind, behind, " debug"}
                : Replacement{statement.words[2].begin, statement.words[2].end, "debug"});
    }
    if (logs.lacks_main) {
        const NginxFile& main = tree.files.front();
        edits[0].push_back(insert_before(
            main, main.statements.front(), "error_log " + std::string{kDefaultLog} + " debug;"));
    }
    return or_already(std::move(edits));
}

std::vector<std::string> logs_to_raise(const NginxTree& tree) {
    const ErrorLogs logs = error_logs(tree);
    std::vector<std::string> found;
    if (logs.lacks_main) {
        found.emplace_back(kDefaultLog);
    }
    for (const NginxDirective* directive : logs.to_raise) {
        const std::string& target = tree.statement(*directive).words[1].word;
        if (std::ranges::find(found, target) == found.end()) {
            found.push_back(target);
        }
    }
    return found;
}

}  // namespace gatemend::mend
