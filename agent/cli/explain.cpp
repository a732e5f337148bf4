// SPDX-License-Identifier: MIT
#include "cli/explain.hpp"

#include "cli/explain_output.hpp"
#include "cli/log_input.hpp"
#include "core/text.hpp"
#include "parse/log_reader.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

namespace gatemend::cli {
namespace {

using core::Symptom;

// Small enough for the second-level cache: a file is read faster through it than mapped, and a log
// that is truncated meanwhile cannot raise SIGBUS.
constexpr std::size_t kWindowBytes = std::size_t{256} * 1024;
constexpr std::size_t kSymptomCount = static_cast<std::size_t>(Symptom::kConfigError) + 1;

struct Totals {
    std::uint64_t lines = 0;
    std::array<std::uint64_t, kSymptomCount> seen{};
    std::array<std::uint64_t, kSymptomCount> trusted{};
};

class Explanation {
  public:
    Explanation(const ExplainOptions& options, parse::LogSource source)
        : options_(options),
          source_(source),
          out_(options.output),
          errors_(options.errors),
          window_(std::make_unique<char[]>(kWindowBytes)) {}

    int run() {
        if (options_.files.empty()) {
            explain_file("-");
        }
        for (const std::string& file : options_.files) {
            explain_file(file);
        }
        if (options_.detail == ExplainDetail::kSummary) {
            write_summary();
        } else if (options_.format == ExplainFormat::kText && found_ == 0 && !has_failed_) {
            out_.append(totals_.lines);
            out_.append(totals_.lines == 1 ? " line, no symptom\n" : " lines, no symptom\n");
        }
        out_.flush();
        if (out_.error_number() != 0) {
            complain("write the answer", std::generic_category().message(out_.error_number()));
        }
        errors_.flush();
        return has_failed_ ? 1 : 0;
    }

  private:
    void explain_file(const std::string& file);
    void read_all(LogInput& input, const std::string& shown, parse::LogReader& reader);
    std::size_t feed_lines(std::size_t filled, parse::LogReader& reader);
    void take(const parse::LogAnswer& answer, std::string_view place);
    void write_summary();

    void complain(const std::string& what, const std::string& why) {
        has_failed_ = true;
        errors_.append("gatemend explain: cannot " + what + ": " + why + "\n");
    }

    const ExplainOptions& options_;
    parse::LogSource source_;
    OutputBuffer out_;
    OutputBuffer errors_;
    std::unique_ptr<char[]> window_;
    Totals totals_;
    std::uint64_t found_ = 0;
    bool is_inside_long_line_ = false;
    bool has_failed_ = false;
};

void Explanation::explain_file(const std::string& file) {
    if (out_.error_number() != 0) {
        return;
    }
    const std::string shown = file == "-" ? "standard input" : core::sanitize(file);
    auto input = LogInput::open(file);
    if (!input) {
        complain("read '" + shown + "'", input.error().text);
        return;
    }
    const std::string place = options_.files.size() > 1 ? shown + ":" : "";
    const bool wants_all =
        options_.format == ExplainFormat::kJson && options_.detail == ExplainDetail::kLines;
    parse::LogReader reader([this, &place](const parse::LogAnswer& answer) { take(answer, place); },
                            source_,
                            wants_all ? parse::LogWanted::kAll : parse::LogWanted::kTelling);
    is_inside_long_line_ = false;
    read_all(*input, shown, reader);
    reader.flush();
    totals_.lines += reader.lines();
}

void Explanation::read_all(LogInput& input, const std::string& shown, parse::LogReader& reader) {
    std::size_t filled = 0;
    while (out_.error_number() == 0) {
        const auto got = input.read(std::span(window_.get() + filled, kWindowBytes - filled));
        if (!got) {
            complain("read '" + shown + "'", got.error().text);
        }
        if (!got || *got == 0) {
            break;
        }
        filled = feed_lines(filled + *got, reader);
    }
    if (filled > 0 && !is_inside_long_line_) {
        reader.feed(std::string_view(window_.get(), filled));
    }
}

// Feeds the whole lines of the window and moves the rest to its front; returns the rest's size. Of
// a line longer than the window only the beginning is looked at.
std::size_t Explanation::feed_lines(std::size_t filled, parse::LogReader& reader) {
    std::string_view bytes(window_.get(), filled);
    if (is_inside_long_line_) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) {
            return 0;
        }
        bytes.remove_prefix(end + 1);
        is_inside_long_line_ = false;
    }
    const std::size_t last = bytes.rfind('\n');
    if (last != std::string_view::npos) {
        reader.feed_block(bytes.substr(0, last + 1));
        bytes.remove_prefix(last + 1);
    }
    if (bytes.size() == kWindowBytes) {
        reader.feed(bytes);
        is_inside_long_line_ = true;
        return 0;
    }
    std::memmove(window_.get(), bytes.data(), bytes.size());
    return bytes.size();
}

void Explanation::take(const parse::LogAnswer& answer, std::string_view place) {
    const auto symptom = static_cast<std::size_t>(answer.finding.symptom);
    ++totals_.seen[symptom];
    totals_.trusted[symptom] += answer.finding.is_trusted ? 1 : 0;
    found_ += answer.finding.symptom != Symptom::kNone ? 1 : 0;
    if (options_.detail == ExplainDetail::kSummary) {
        return;
    }
    if (options_.format == ExplainFormat::kJson) {
        write_json_answer(out_, answer);
    } else if (parse::is_telling(answer.finding)) {
        write_text_answer(out_, place, answer);
    }
}

void Explanation::write_summary() {
    const bool is_json = options_.format == ExplainFormat::kJson;
    out_.append(is_json ? "{\"lines\":" : "");
    out_.append(totals_.lines);
    out_.append(is_json ? ",\"symptoms\":{" : " lines\n");
    std::string_view separator;
    for (std::size_t i = 1; i < kSymptomCount; ++i) {
        if (totals_.seen[i] == 0) {
            continue;
        }
        const std::string_view name = core::symptom_id(static_cast<Symptom>(i));
        out_.append(is_json ? separator : "  ");
        out_.append(is_json ? "\"" : "");
        out_.append(name);
        out_.append(is_json ? "\":{\"lines\":" : ": ");
        out_.append(totals_.seen[i]);
        out_.append(is_json ? ",\"trusted\":" : ", ");
        out_.append(totals_.trusted[i]);
        out_.append(is_json ? "}" : " trusted\n");
        separator = ",";
    }
    out_.append(is_json ? "}}\n" : "");
}

std::string known_sources() {
    std::string names = "auto";
    for (int i = 1; i <= static_cast<int>(parse::LogSource::kEdge); ++i) {
        names += ", ";
        names += parse::log_source_id(static_cast<parse::LogSource>(i));
    }
    return names;
}

}  // namespace

int run_explain(const ExplainOptions& options) {
    std::optional<parse::LogSource> source = parse::log_source_from_id(options.source);
    if (options.source == "auto") {
        source = parse::LogSource::kUnknown;
    }
    if (!source || options.source == "unknown") {
        OutputBuffer errors(options.errors);
        errors.append("gatemend explain: unknown source '" + core::sanitize(options.source) +
                      "' (known: " + known_sources() + ")\n");
        errors.flush();
        return 2;
    }
    (void)std::signal(SIGPIPE, SIG_IGN);
    return Explanation(options, *source).run();
}

}  // namespace gatemend::cli
