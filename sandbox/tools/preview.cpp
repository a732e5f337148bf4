// SPDX-License-Identifier: MIT
#include "sandbox/tools/preview.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::ActId;
using actions::Mending;
using actions::Plan;
using core::Error;
using core::Result;

// Files are their owners' to fill: whatever stands in them is shown, nothing of it reaches a
// terminal raw.
void append_line(std::string& text, std::string_view line) {
    while (true) {
        const std::size_t tab = line.find('\t');
        text.append(core::sanitize(line.substr(0, tab), kMaxPreviewBytes));
        if (tab == std::string_view::npos) {
            break;
        }
        text.push_back('\t');
        line.remove_prefix(tab + 1);
    }
    text.push_back('\n');
}

void append_lines(std::string& text, std::string_view lines) {
    while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        append_line(text, lines.substr(0, end));
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
}

std::string bounded(std::string text) {
    constexpr std::string_view kCut = "... (more is not shown)\n";
    if (text.size() > kMaxPreviewBytes) {
        text.resize(text.rfind('\n', kMaxPreviewBytes - kCut.size() - 1) + 1);
        text += kCut;
    }
    return text;
}

std::string preview_text(const std::vector<std::string>& notes, std::string_view diff) {
    std::string text;
    for (const std::string& note : notes) {
        append_line(text, note);
    }
    append_lines(text, diff);
    return bounded(std::move(text));
}

Result<Preview> make_preview(const Mending& mending) {
    Preview result;
    std::size_t path_bytes = 0;
    for (const actions::StagedChange& item : mending.changes) {
        path_bytes += item.change.path.size();
        result.changes.push_back(item.change);
    }
    if (result.changes.empty()) {
        return Error{"nothing would change"};
    }
    if (path_bytes > kMaxChangedPathBytes) {
        return Error{"more files would change than one record can hold"};
    }
    std::ranges::sort(result.changes, {}, &actions::FileChange::path);
    result.text = preview_text(mending.notes, mending.diff);
    if (!mending.full.empty()) {
        result.full = preview_text(mending.notes, mending.full);
    }
    return result;
}

// Why the digests are left out: an act that runs a tool changes no file that it could name before.
void preview_tool(const Plan& plan, const PreviewDone& done) {
    done(Preview{.changes = {}, .text = actions::describe(plan) + "\n"});
}

// restore-config: one kept version after the other, the first that passes the test is taken.
struct Search {
    PreviewPorts ports;
    Plan plan;
    unsigned candidate = 0;
    PreviewDone done;
};

void try_candidate(const std::shared_ptr<Search>& search);

void test_candidate(const std::shared_ptr<Search>& search, const Mending& mending) {
    std::vector<Bind> binds;
    for (const actions::StagedChange& item : mending.changes) {
        binds.push_back({.source = item.staged, .target = item.change.path});
    }
    search->ports.facts.test_staged(
        search->plan.unit, binds, [search, mending](const Result<ConfigTestFact>& test) {
            if (test && test->verdict == "valid") {
                search->done(make_preview(mending));
                return;
            }
            ++search->candidate;
            try_candidate(search);
        });
}

void try_candidate(const std::shared_ptr<Search>& search) {
    if (search->candidate >= kMaxCandidates) {
        search->done(Error{"no kept version passes the test"});
        return;
    }
    search->ports.mender.preview(
        search->plan, search->candidate, [search](const Result<Mending>& mending) {
            const bool is_first = search->candidate == 0;
            if (!mending) {
                search->done(is_first ? mending.error() : Error{"no kept version passes the test"});
            } else if (mending->changes.empty() || mending->changes.front().staged.empty()) {
                search->done(Error{"gatemend-mend named no kept version"});
            } else {
                test_candidate(search, *mending);
            }
        });
}

void preview_mending(const PreviewPorts& ports, const Plan& plan, PreviewDone done) {
    ports.mender.preview(plan, 0, [done = std::move(done)](const Result<Mending>& mending) {
        done(mending ? make_preview(*mending) : Result<Preview>{mending.error()});
    });
}

}  // namespace

void preview(const PreviewPorts& ports, const Plan& plan, PreviewDone done) {
    switch (plan.act) {
        case ActId::kSetPoolListen:
        case ActId::kRepointBackend:
        case ActId::kApplySuggestion:
        case ActId::kDebugLog:
        case ActId::kFixSocketOwner:
            preview_mending(ports, plan, std::move(done));
            return;
        case ActId::kRestoreConfig:
            try_candidate(std::make_shared<Search>(
                Search{.ports = ports, .plan = plan, .done = std::move(done)}));
            return;
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kCapturePort:
            preview_tool(plan, done);
            return;
    }
}

bool is_mended(ActId act) {
    return actions::is_file_act(act) || act == ActId::kFixSocketOwner;
}

}  // namespace gatemend::sandbox
