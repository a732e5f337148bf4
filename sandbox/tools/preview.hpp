// SPDX-License-Identifier: MIT
// What a plan would change: the files with their digests, which belong into the plan's own digest,
// and the words that a person is shown. The executor and `gatemend --dry-run` call the same
// function, so that both come to the same digest. Changes nothing.
#pragma once

#include "actions/catalogue.hpp"
#include "core/result.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/facts.hpp"
#include "sandbox/tools/mender.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxPreviewBytes = std::size_t{64} * 1024;
// So that every plan's record fits into one line of the audit.
inline constexpr std::size_t kMaxChangedPathBytes = std::size_t{16} * 1024;
// Of restore-config: how many kept versions are tried, newest first.
inline constexpr unsigned kMaxCandidates = 8;

struct PreviewPorts {
    Facts& facts;
    Mender& mender;
    ToolRunner& tools;
    bus::SystemdClient& systemd;
};

struct Preview {
    std::vector<actions::FileChange> changes;  // sorted by path
    std::string text;                          // printable lines, at most kMaxPreviewBytes
    std::string full{};                        // for root alone; "": `text` is all there is
};

using PreviewDone = std::function<void(core::Result<Preview>)>;

// `plan.changes` is not read. What `ports` refer to outlives the answer.
void preview(const PreviewPorts& ports, const actions::Plan& plan, PreviewDone done);

// Does the act go through gatemend-mend?
[[nodiscard]] bool is_mended(actions::ActId act);

}  // namespace gatemend::sandbox
