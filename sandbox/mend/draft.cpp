// SPDX-License-Identifier: MIT
#include "sandbox/mend/draft.hpp"

#include "actions/settings.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/mend/config_files.hpp"
#include "sandbox/mend/content.hpp"
#include "sandbox/mend/diff.hpp"
#include "sandbox/mend/drop_in.hpp"
#include "sandbox/mend/moved_pool.hpp"
#include "sandbox/mend/pool_listen.hpp"
#include "sandbox/mend/restore.hpp"
#include "sandbox/secrecy/config_lines.hpp"
#include "sandbox/secrecy/readable.hpp"

#include <algorithm>
#include <functional>

namespace gatemend::mend {
namespace {

using actions::ActId;
using actions::Place;
using core::Done;
using core::Error;
using core::Result;
using core::Status;

constexpr std::string_view kNginx = "nginx.service";
constexpr std::size_t kMaxNotes = 32;
constexpr std::size_t kMaxDiffLines = 4000;
constexpr std::size_t kMaxHiddenNotes = 8;

std::string parameter(const Order& order, std::string_view name) {
    const auto found = order.parameters.find(name);
    return found == order.parameters.end() ? "" : found->second;
}

std::string socket_path(const Order& order) {
    constexpr std::string_view kUnix = "unix:";
    return parameter(order, "socket").substr(kUnix.size());
}

Result<NginxTree> read_nginx_of(const Machine& machine) {
    ConfigFiles files(machine);
    return read_nginx(files, config_paths(kNginx)->main_file);
}

Result<PoolTree> read_pools_of(const Machine& machine, const std::string& unit) {
    const auto paths = config_paths(unit);
    if (!paths || unit == kNginx) {
        return Error{unit + " is not PHP-FPM's: it has no pool files"};
    }
    ConfigFiles files(machine);
    return read_pools(files, paths->main_file);
}

Status add_edits(Draft& draft,
                 const ConfigFile& file,
                 const std::vector<Replacement>& replacements) {
    auto after = edited(file.text, replacements);
    if (!after) {
        return after.error().within(file.path);
    }
    if (*after != file.text) {
        draft.files.push_back(FileEdit{file.path, file.text, std::move(*after)});
    }
    return Done{};
}

using NginxEditor = std::function<Result<NginxEdits>(const NginxTree&)>;

// What was not read is told where it may be what is missing.
Result<Draft> edit_nginx(const Machine& machine, const NginxEditor& editor) {
    GATEMEND_TRY(tree, read_nginx_of(machine));
    const auto edits = editor(tree);
    if (!edits) {
        return tree.notes.empty() ? edits.error()
                                  : Error{edits.error().text + " (" + tree.notes.front() + ")"};
    }
    Draft draft;
    for (const auto& [file, replacements] : *edits) {
        GATEMEND_CHECK(add_edits(draft, tree.files[file].source, replacements));
    }
    for (FileEdit& edit : draft.files) {
        edit.is_nginx = true;
    }
    draft.notes = tree.notes;
    return draft;
}

// Of every version that has files here, also of one that is gone: whose an address was.
std::vector<PoolTree> read_all_pools(const Machine& machine) {
    std::vector<PoolTree> trees;
    ConfigFiles files(machine);
    for (const char* pattern : {"/etc/php/*/fpm/php-fpm.conf", "/etc/php-fpm.conf"}) {
        for (const ConfigFile& main_file : files.find(pattern)) {
            if (auto tree = read_pools(files, main_file.path)) {
                trees.push_back(*std::move(tree));
            }
        }
    }
    return trees;
}

Result<Draft> repoint_backend(const Machine& machine, const Order& order) {
    const std::string from = parameter(order, "from");
    const std::string to = parameter(order, "to");
    const std::vector<PoolTree> pools = read_all_pools(machine);
    GATEMEND_CHECK(check_same_pool(pools, from, to));
    std::vector<std::string> mentions;
    auto draft = edit_nginx(machine, [&](const NginxTree& tree) -> Result<NginxEdits> {
        mentions = other_mentions(tree, from);
        GATEMEND_CHECK(check_new_backend(tree, pools, from, to));
        return repoint(tree, from, to);
    });
    if (draft) {
        draft->notes.insert(draft->notes.end(), mentions.begin(), mentions.end());
    }
    return draft;
}

// Of what the file says nothing else is told: a number with its unit, "" where it is none.
std::string control_timeout(const PoolTree& tree) {
    const PoolLine* line = tree.find("global", "process_control_timeout");
    const std::string_view rest = line == nullptr ? std::string_view{} : line->value;
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const bool is_zero = rest.substr(0, digits).find_first_not_of('0') == std::string_view::npos;
    const std::string_view unit = rest.substr(digits);
    const bool is_time = unit.empty() || unit == "s" || unit == "m" || unit == "h" || unit == "d";
    return is_zero || !is_time ? "" : std::string{rest} + (unit.empty() ? "s" : "");
}

constexpr const char* kOnceMore = "; where the change does not help, undoing it does that again";

// What visitors notice when PHP-FPM comes to run with the file.
std::string words_of_effect(const PoolTree& tree, std::optional<actions::Effect> effect) {
    if (effect != actions::Effect::kReload) {
        return std::string{"PHP-FPM is restarted: requests at work are cut"} + kOnceMore;
    }
    const std::string timeout = control_timeout(tree);
    const std::string words =
        timeout.empty()
            ? "PHP-FPM is reloaded: requests at work are cut (process_control_timeout is 0)"
            : "PHP-FPM is reloaded: requests at work have up to " + timeout +
                  " to end (process_control_timeout) and are cut then";
    return words + kOnceMore;
}

std::optional<actions::Effect> effect_of(const Order& order) {
    return actions::effect_of(order.act, order.parameters);
}

Result<Draft> edit_pool(const PoolTree& tree,
                        const std::string& pool,
                        const Settings& settings,
                        const Order& order) {
    PoolEdits edits;
    for (const auto& setting : settings) {
        GATEMEND_CHECK(set_in_pool(tree, pool, setting, edits));
    }
    Draft draft;
    for (const auto& [file, replacements] : edits) {
        GATEMEND_CHECK(add_edits(draft, tree.files[file], replacements));
    }
    draft.notes = tree.notes;
    draft.notes.insert(draft.notes.begin(), words_of_effect(tree, effect_of(order)));
    if (draft.files.empty()) {
        return Error{"pool " + pool + " says so already"};
    }
    return draft;
}

// Only a socket that nginx is configured with, itself or by links that only root could have made
// (Debian's alternatives), as any other may lead to any pool's: whom nginx does not name, nobody
// may open to it.
Status check_named(const Machine& machine, const Order& order) {
    GATEMEND_TRY(nginx, read_nginx_of(machine));
    if (names_backend(nginx, parameter(order, "socket"))) {
        return Done{};
    }
    const std::string wanted = without_var_run(socket_path(order));
    const std::vector<std::string> named = named_sockets(nginx);
    const bool is_linked = std::ranges::any_of(named, [&](const std::string& path) {
        const auto end = end_of_roots_links(machine, path);
        return end && *end == wanted;
    });
    return is_linked
               ? Status{Done{}}
               : Status{Error{"nginx's configuration does not name " + parameter(order, "socket") +
                              ", and no links of root's lead there from what it names"}};
}

Result<Draft> set_pool_listen(const Machine& machine, const Order& order, const Worker& worker) {
    GATEMEND_CHECK(check_named(machine, order));
    GATEMEND_TRY(tree, read_pools_of(machine, order.unit));
    const auto end = end_of_roots_links(machine, socket_path(order));
    GATEMEND_TRY(pool, find_pool(tree, end ? *end : socket_path(order)));
    GATEMEND_TRY(settings, open_to_worker(tree, pool, worker));
    return edit_pool(tree, pool, settings, order);
}

Settings settings_of(const Order& order) {
    Settings settings;
    for (const char* pair : {"", "2", "3", "4"}) {
        const std::string name = parameter(order, std::string{"setting"} + pair);
        if (!name.empty()) {
            settings.emplace_back(name, parameter(order, std::string{"value"} + pair));
        }
    }
    return settings;
}

Result<Draft> write_drop_in(const Machine& machine, const Order& order) {
    const std::string path = drop_in_path(order.unit);
    FileEdit edit{path, std::nullopt, ""};
    GATEMEND_TRY(folder, find_place(machine, path.substr(0, path.rfind('/'))));
    if (folder.is_there) {
        GATEMEND_TRY(place, find_place(machine, path));
        GATEMEND_TRY(content, find_content(machine, place));
        edit.path = place.path;
        edit.before = content ? std::optional{content->bytes} : std::nullopt;
    } else {
        edit.path = folder.path + path.substr(path.rfind('/'));
    }
    GATEMEND_TRY(after, edit_drop_in(edit.before, settings_of(order)));
    edit.after = std::move(after);
    Draft draft;
    draft.files.push_back(std::move(edit));
    draft.notes.emplace_back(
        "systemd reads all unit files anew (daemon-reload), also others that were changed");
    if (effect_of(order) == actions::Effect::kDaemonReloadRestart) {
        draft.notes.push_back(order.unit + " is restarted: requests at work are cut" + kOnceMore);
    }
    return draft;
}

Result<Draft> apply_suggestion(const Machine& machine, const Order& order) {
    const Settings settings = settings_of(order);
    const actions::SettingSpec* first = actions::find_setting(parameter(order, "setting"));
    if (first == nullptr) {
        return Error{"not a setting that gatemend writes"};
    }
    switch (first->place) {
        case Place::kPool: {
            GATEMEND_TRY(tree, read_pools_of(machine, order.unit));
            return edit_pool(tree, parameter(order, "pool"), settings, order);
        }
        case Place::kNginxLocation:
            return edit_nginx(machine, [&](const NginxTree& tree) {
                return set_for_backend(tree, parameter(order, "backend"), settings);
            });
        case Place::kNginxMain:
            return edit_nginx(machine,
                              [&](const NginxTree& tree) { return set_in_main(tree, settings); });
        case Place::kNginxEvents:
            return edit_nginx(machine,
                              [&](const NginxTree& tree) { return set_in_events(tree, settings); });
        case Place::kDropIn:
            return write_drop_in(machine, order);
    }
    return Error{"a setting without a place"};
}

Result<Draft> fix_socket_owner(const Machine& machine, const Order& order, const Worker& worker) {
    GATEMEND_CHECK(check_named(machine, order));
    WantedOwner wanted;
    if (config_paths(order.unit) && order.unit != kNginx) {
        GATEMEND_TRY(tree, read_pools_of(machine, order.unit));
        GATEMEND_TRY(pool, find_pool(tree, socket_path(order)));
        GATEMEND_TRY(said, owner_of_listen(tree, pool, worker));
        wanted = std::move(said);
    }
    GATEMEND_TRY(edit,
                 plan_socket_owner(machine, {socket_path(order), order.listener}, worker, wanted));
    Draft draft;
    draft.notes.push_back(describe(machine, edit));
    draft.socket = std::move(edit);
    return draft;
}

Result<Draft> restore_config(const Machine& machine, const Order& order) {
    GATEMEND_TRY(restored, find_version(machine, order));
    Draft draft;
    draft.notes.push_back(restored.note);
    draft.files.push_back(FileEdit{restored.path,
                                   std::move(restored.before),
                                   std::move(restored.after),
                                   std::move(restored.source),
                                   restored.is_source_private,
                                   order.unit == kNginx});
    if (const auto tree = read_pools_of(machine, order.unit)) {
        draft.notes.push_back("where it runs, " + words_of_effect(*tree, effect_of(order)));
    }
    return draft;
}

// Level debug writes what visitors send: header lines, cookies, credentials.
Status check_closed(const Machine& machine, const std::string& log) {
    const bool is_path = log.starts_with('/');
    if (!is_path && (log == "stderr" || log.starts_with("memory:"))) {
        return Done{};
    }
    const std::string words =
        "at level debug it would say what visitors send, with their cookies and credentials";
    if (!is_path) {
        return Error{"error_log " + log + ": " + words + ", and who may read it is not known"};
    }
    if (sandbox::may_others_read(log, machine.root)) {
        return Error{log + ": everybody may read it, and " + words + "; `chmod o-r " + log +
                     "` first (`touch` it where it is not there)"};
    }
    return Done{};
}

std::string readers_of(const Machine& machine, const std::string& log) {
    struct stat info {};

    if (!log.starts_with('/') || stat((machine.root + log).c_str(), &info) < 0) {
        return log;
    }
    const LocalNames names = read_local_names(machine.root);
    return log + " (read by root, " + name_of(names.users, info.st_uid) +
           ((info.st_mode & S_IRGRP) != 0 ? " and group " + name_of(names.groups, info.st_gid)
                                          : "") +
           ")";
}

Result<Draft> debug_log(const Machine& machine) {
    std::vector<std::string> logs;
    auto draft = edit_nginx(machine, [&](const NginxTree& tree) -> Result<NginxEdits> {
        logs = logs_to_raise(tree);
        for (const std::string& log : logs) {
            GATEMEND_CHECK(check_closed(machine, log));
        }
        return raise_error_log(tree);
    });
    if (draft) {
        std::string note =
            "what visitors send, with header lines, cookies and credentials, will be in ";
        for (std::size_t i = 0; i < logs.size(); ++i) {
            note += (i == 0 ? "" : ", ") + readers_of(machine, logs[i]);
        }
        draft->notes.insert(draft->notes.begin(), std::move(note));
    }
    return draft;
}

Result<Draft> find_changes(const Machine& machine, const Order& order, const Worker& worker) {
    switch (order.act) {
        case ActId::kRepointBackend:
            return repoint_backend(machine, order);
        case ActId::kSetPoolListen:
            return set_pool_listen(machine, order, worker);
        case ActId::kApplySuggestion:
            return apply_suggestion(machine, order);
        case ActId::kDebugLog:
            return debug_log(machine);
        case ActId::kRestoreConfig:
            return restore_config(machine, order);
        case ActId::kFixSocketOwner:
            return fix_socket_owner(machine, order, worker);
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kCapturePort:
            break;
    }
    return Error{"not an act that changes files"};
}

std::string digest_or_none(const std::optional<std::string>& bytes) {
    return bytes ? sandbox::sha256_hex(*bytes) : std::string{};
}

// Whole lines, as many as there is room for.
void cut_diff(std::string& diff, std::vector<std::string>& notes) {
    std::size_t end = 0;
    for (std::size_t lines = 0; lines < kMaxDiffLines; ++lines) {
        const std::size_t next = diff.find('\n', end);
        if (next == std::string::npos || next >= actions::kMaxDiffBytes) {
            break;
        }
        end = next + 1;
    }
    if (end < diff.size()) {
        diff.resize(end);
        notes.emplace_back("the diff is longer and was cut");
    }
}

}  // namespace

Status check_editable(const Machine& machine, const FileEdit& edit) {
    const auto place = find_place(machine, edit.path);
    if (!place) {
        return edit.before ? Status{place.error()} : Status{Done{}};
    }
    if (place->path != edit.path) {
        return Error{edit.path + ": leads to " + place->path};
    }
    if (place->is_there && place->info.st_nlink != 1) {
        return Error{edit.path + ": has a second name (hard link) that would keep the old content"};
    }
    return Done{};
}

Result<Draft> make_draft(const Machine& machine, const Order& order, const Worker& worker) {
    GATEMEND_TRY(draft, find_changes(machine, order, worker));
    if (draft.files.size() > actions::kMaxChanges) {
        return Error{"more than " + std::to_string(actions::kMaxChanges) +
                     " files would have to change"};
    }
    for (FileEdit& edit : draft.files) {
        GATEMEND_CHECK(check_editable(machine, edit));
        edit.is_private = edit.is_private || !sandbox::is_open_to_all(edit.path, machine.root);
    }
    std::ranges::sort(draft.files, {}, &FileEdit::path);
    draft.notes.resize(std::min(draft.notes.size(), kMaxNotes));
    return std::move(draft);
}

actions::Mending mending_of(const Draft& draft) {
    actions::Mending mending;
    std::string full;
    std::vector<std::string> hidden;
    for (const FileEdit& edit : draft.files) {
        mending.changes.push_back(
            {actions::FileChange{
                 edit.path, digest_or_none(edit.before), sandbox::sha256_hex(edit.after)},
             edit.source});
        if (full.size() < actions::kMaxDiffBytes) {
            full += unified_diff(edit.path, edit.before, edit.after);
        }
        if (mending.diff.size() < actions::kMaxDiffBytes) {
            mending.diff += edit.is_private
                                ? masked_diff(edit.path,
                                              edit.before,
                                              edit.after,
                                              edit.is_nginx ? sandbox::masked_nginx_lines
                                                            : sandbox::masked_setting_lines)
                                : unified_diff(edit.path, edit.before, edit.after);
        }
        if (edit.is_private && hidden.size() < kMaxHiddenNotes) {
            hidden.push_back(edit.path +
                             ": not everybody may read this file, so only changed lines are shown, "
                             "values that may be secrets hidden; to root `gatemend show` and "
                             "`gatemend --dry-run` show all");
        }
    }
    if (draft.socket) {
        mending.changes.push_back({change_of(*draft.socket), ""});
    }
    mending.notes = draft.notes;
    cut_diff(mending.diff, mending.notes);
    if (!hidden.empty()) {
        mending.full = std::move(full);
        std::vector<std::string> cut;
        cut_diff(mending.full, cut);
        mending.notes.insert(mending.notes.end(), hidden.begin(), hidden.end());
    }
    return mending;
}

}  // namespace gatemend::mend
