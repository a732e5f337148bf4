// SPDX-License-Identifier: MIT
// Runs the labelled corpus (tests/corpus/README.md) through the front door and prints how good the
// answers are. Any wrong line fails.
#include "parse/log_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace gatemend::parse {
namespace {

using core::Symptom;

constexpr std::size_t kSymptomCount = static_cast<std::size_t>(Symptom::kConfigError) + 1;

struct Label {
    std::string source;
    std::string symptom;
    int status = 0;
    int error_number = 0;
    std::string phase = "none";
    std::string address;
    std::string clue = "none";
    int number = -1;  // not compared
    std::string subject;
    bool is_trusted = false;
    LogSource hint = LogSource::kUnknown;
};

struct Sample {
    std::string where;  // "nginx_error.txt:12"
    std::string line;
    Label label;
};

int to_number(const std::string& text, const std::string& where) {
    int value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    EXPECT_TRUE(result.ec == std::errc() && result.ptr == text.data() + text.size())
        << where << ": not a number: " << text;
    return value;
}

void read_key(const std::string& word, const std::string& where, Label& label) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "trusted") {
        label.is_trusted = true;
    } else if (key == "status") {
        label.status = to_number(value, where);
    } else if (key == "errno") {
        label.error_number = to_number(value, where);
    } else if (key == "number") {
        label.number = to_number(value, where);
    } else if (key == "phase") {
        label.phase = value;
    } else if (key == "address") {
        label.address = value;
    } else if (key == "clue") {
        label.clue = value;
        EXPECT_TRUE(core::clue_from_id(value)) << where << ": no such clue: " << value;
    } else if (key == "hint") {
        const auto hint = log_source_from_id(value);
        EXPECT_TRUE(hint) << where << ": no such source: " << value;
        label.hint = hint.value_or(LogSource::kUnknown);
    } else {
        ADD_FAILURE() << where << ": no such key: " << key;
    }
}

Label read_label(std::string text, const std::string& where) {
    Label label;
    const std::size_t subject = text.find(" subject=");
    if (subject != std::string::npos) {
        label.subject = text.substr(subject + 9);
        text.resize(subject);
    }
    std::istringstream words(text);
    words >> label.source >> label.symptom;
    EXPECT_TRUE(label.source == "any" || log_source_from_id(label.source))
        << where << ": no such source: " << label.source;
    EXPECT_TRUE(core::symptom_from_id(label.symptom))
        << where << ": no such symptom: " << label.symptom;
    for (std::string word; words >> word;) {
        read_key(word, where, label);
    }
    return label;
}

std::string decode(std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned value = 0;
        if (text.substr(at, 2) == "\\x" && at + 4 <= text.size() &&
            std::from_chars(text.data() + at + 2, text.data() + at + 4, value, 16).ptr ==
                text.data() + at + 4) {
            bytes += static_cast<char>(value);
            at += 3;
        } else {
            bytes += text[at];
        }
    }
    return bytes;
}

void read_samples(const std::filesystem::path& file, std::vector<Sample>& samples) {
    std::ifstream stream(file, std::ios::binary);
    Label label;
    bool has_note = false;
    int number = 0;
    for (std::string text; std::getline(stream, text);) {
        const std::string where = file.filename().string() + ":" + std::to_string(++number);
        if (text.empty()) {
            continue;
        }
        switch (text[0]) {
            case '#':
                has_note = true;
                break;
            case '@':
                label = read_label(text.substr(1), where);
                break;
            case '>':
            case '~':
                EXPECT_TRUE(has_note && !label.source.empty()) << where << ": no note or no label";
                samples.push_back(Sample{
                    where,
                    text.size() < 2 ? ""
                                    : (text[0] == '~' ? decode(text.substr(2)) : text.substr(2)),
                    label});
                break;
            default:
                ADD_FAILURE() << where << ": begins with none of # @ > ~";
        }
    }
}

std::vector<Sample> read_corpus() {
    std::vector<Sample> samples;
    std::set<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(GATEMEND_SOURCE_DIR "/tests/corpus")) {
        if (entry.path().extension() == ".txt") {
            files.insert(entry.path());
        }
    }
    for (const std::filesystem::path& file : files) {
        read_samples(file, samples);
    }
    return samples;
}

// As the label would say it, so that a difference can be read.
std::string describe(const Label& label) {
    std::string text = label.source + " " + label.symptom;
    text += label.status != 0 ? " status=" + std::to_string(label.status) : "";
    text += label.error_number != 0 ? " errno=" + std::to_string(label.error_number) : "";
    text += label.phase != "none" ? " phase=" + label.phase : "";
    text += !label.address.empty() ? " address=" + label.address : "";
    text += label.clue != "none" ? " clue=" + label.clue : "";
    text += label.number >= 0 ? " number=" + std::to_string(label.number) : "";
    text += label.is_trusted ? " trusted" : "";
    text += !label.subject.empty() ? " subject=" + label.subject : "";
    return text;
}

Label found_label(const Sample& sample) {
    LineBuffer buffer;
    const std::string line = sample.line;
    const LogFinding finding = read_log_line(line, sample.label.hint, buffer);
    Label found;
    found.source =
        sample.label.source == "any" ? "any" : std::string(log_source_id(finding.source));
    found.symptom = core::symptom_id(finding.symptom);
    found.status = finding.status;
    found.error_number = finding.error_number;
    found.phase = upstream_phase_id(finding.phase);
    found.address = backend_address(finding);
    found.clue = core::clue_id(finding.clue);
    found.number = sample.label.number < 0 ? -1 : finding.number;
    found.subject = sample.label.subject.empty()
                        ? ""
                        : std::string(finding.subject) + finding.visitor.shown().in_sentence("");
    found.is_trusted = finding.is_trusted;
    return found;
}

class Score {
  public:
    void count(const Label& wanted, const Label& found) {
        ++lines_;
        const std::size_t want = index(wanted.symptom);
        const std::size_t have = index(found.symptom);
        ++wanted_[want];
        ++found_[have];
        right_[want] += want == have ? 1 : 0;
        addresses_ += wanted.address.empty() ? 0 : 1;
        right_addresses_ += !wanted.address.empty() && wanted.address == found.address ? 1 : 0;
        false_addresses_ += wanted.address.empty() && !found.address.empty() ? 1 : 0;
        false_trusted_ += found.is_trusted && !wanted.is_trusted ? 1 : 0;
    }

    void print() const {
        std::printf("%-20s %6s %10s %10s\n", "symptom", "lines", "precision", "recall");
        int right = 0;
        for (std::size_t i = 0; i < kSymptomCount; ++i) {
            right += right_[i];
            if (wanted_[i] + found_[i] == 0) {
                continue;
            }
            std::printf("%-20s %6d %9.1f%% %9.1f%%\n",
                        std::string(core::symptom_id(static_cast<Symptom>(i))).c_str(),
                        wanted_[i],
                        percent(right_[i], found_[i]),
                        percent(right_[i], wanted_[i]));
        }
        std::printf(
            "symptom right: %d of %d (%.1f%%); address right: %d of %d (%.1f%%), invented: "
            "%d; false trusted: %d\n",
            right,
            lines_,
            percent(right, lines_),
            right_addresses_,
            addresses_,
            percent(right_addresses_, addresses_),
            false_addresses_,
            false_trusted_);
    }

  private:
    static std::size_t index(const std::string& symptom) {
        return static_cast<std::size_t>(core::symptom_from_id(symptom).value_or(Symptom::kNone));
    }

    static double percent(int part, int whole) { return whole == 0 ? 100.0 : 100.0 * part / whole; }

    int lines_ = 0;
    std::array<int, kSymptomCount> wanted_{};
    std::array<int, kSymptomCount> found_{};
    std::array<int, kSymptomCount> right_{};
    int addresses_ = 0;
    int right_addresses_ = 0;
    int false_addresses_ = 0;
    int false_trusted_ = 0;
};

TEST(Corpus, IsReadRightLineByLine) {
    Score score;
    for (const Sample& sample : read_corpus()) {
        const Label found = found_label(sample);
        score.count(sample.label, found);
        EXPECT_EQ(describe(found), describe(sample.label)) << sample.where << ": " << sample.line;
    }
    score.print();
}

// A record of nginx that says something, in its own form.
bool is_strict_failure(const Sample& sample) {
    return sample.where.starts_with("nginx_error_strict") && sample.label.symptom != "none";
}

TEST(Corpus, SaysTheSameInEveryWrapping) {
    for (const Sample& sample : read_corpus()) {
        if (!is_strict_failure(sample)) {
            continue;
        }
        for (const std::string front : {"web-1  | ",
                                        "2026-11-21T14:33:28.123456789Z stderr F ",
                                        "[pod/web-5c9d8f7b6-x2x4z/nginx] ",
                                        "<187>Nov 21 14:38:44 web01 nginx: ",
                                        "Nov 21 14:38:44 web01 nginx[12]: ",
                                        "error.log:12:",
                                        "> ",
                                        "app 12 says: "}) {
            Sample wrapped = sample;
            wrapped.line.insert(0, front);
            wrapped.label.is_trusted = false;
            EXPECT_EQ(describe(found_label(wrapped)), describe(wrapped.label)) << wrapped.line;
        }
    }
}

TEST(Corpus, SaysTheSameWithoutPartsOfTheHeader) {
    for (const Sample& sample : read_corpus()) {
        const std::size_t level = sample.line.find('[');
        const std::size_t ids = sample.line.find("] ", level) + 2;
        const std::size_t rest = sample.line.find(": ", ids) + 2;
        if (!is_strict_failure(sample) || !sample.line.substr(rest).starts_with('*')) {
            continue;
        }
        for (const std::string& line : {sample.line.substr(level),
                                        sample.line.substr(ids),
                                        sample.line.substr(rest),
                                        sample.line.substr(0, ids) + sample.line.substr(rest),
                                        sample.line.substr(sample.line.find(' ', rest) + 1)}) {
            Sample trimmed = sample;
            trimmed.line = line;
            trimmed.label.is_trusted = false;
            EXPECT_EQ(describe(found_label(trimmed)), describe(trimmed.label)) << line;
        }
    }
}

TEST(Corpus, KeepsTheSymptomWhereverTheTailIsCut) {
    for (const Sample& sample : read_corpus()) {
        const std::size_t client = sample.line.find(", client: ");
        if (!is_strict_failure(sample) || client == std::string::npos) {
            continue;
        }
        for (std::size_t size = client; size < sample.line.size(); ++size) {
            Sample cut = sample;
            cut.line.resize(size);
            const Label found = found_label(cut);
            EXPECT_EQ(found.symptom, sample.label.symptom) << cut.line;
            EXPECT_TRUE(found.address.empty() || found.address == sample.label.address)
                << found.address << " in " << cut.line;
            // Up to the closing quote of the last field nobody can tell.
            EXPECT_FALSE(found.is_trusted && !cut.line.ends_with('"')) << cut.line;
        }
    }
}

}  // namespace
}  // namespace gatemend::parse
