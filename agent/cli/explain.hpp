// SPDX-License-Identifier: MIT
// `gatemend explain`: reads log lines and says per line what it means, offline and without
// privilege. Called by the command line only. Constant memory, whatever the input; no byte of a log
// reaches the terminal unsanitized; never touches the machine it runs on.
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

namespace gatemend::cli {

enum class ExplainFormat { kText, kJson };
enum class ExplainDetail {
    kLines,    // text: lines with a symptom; JSON: every line
    kSummary,  // only the counts
};

struct ExplainOptions {
    std::vector<std::string> files;  // none, or "-": standard input
    std::string source = "auto";     // or as log_source_id() names it
    ExplainFormat format = ExplainFormat::kText;
    ExplainDetail detail = ExplainDetail::kLines;
    int output = STDOUT_FILENO;
    int errors = STDERR_FILENO;
};

// 0: everything was read; 1: something could not be read or written (said in one line each);
// 2: unknown source. From here on the process ignores SIGPIPE: a reader that went away is an error.
[[nodiscard]] int run_explain(const ExplainOptions& options);

}  // namespace gatemend::cli
