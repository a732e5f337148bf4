// SPDX-License-Identifier: MIT
// Any bytes as an error log: views stay inside their line, blocks and single lines agree, and trust
// is never given to a line that is not a whole record. Asking for symptoms only gives the same
// ones.
#include "parse/nginx_error_reader.hpp"
#include "tests/fuzz/fuzz_input.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using gatemend::core::Symptom;
using gatemend::fuzz::is_inside;
using gatemend::fuzz::require;
using gatemend::parse::LineShape;
using gatemend::parse::NginxError;
using gatemend::parse::NginxErrorAnswer;
using gatemend::parse::NginxErrorReader;
using gatemend::parse::Wanted;

struct Seen {
    std::uint64_t number;
    Symptom symptom;
    bool is_trusted;
    std::string upstream;

    friend bool operator==(const Seen&, const Seen&) = default;
};

void check(const NginxErrorAnswer& answer) {
    const NginxError& record = answer.line.record;
    for (const std::string_view view :
         {record.time, record.level, record.message, record.upstream}) {
        require(is_inside(view, answer.text));
    }
    const bool is_record = answer.line.shape == LineShape::kRecord;
    require(is_record || !record.is_trusted);
    require(answer.line.shape != LineShape::kFragment || record.symptom == Symptom::kNone);
    require(!record.is_trusted || answer.text.size() < gatemend::parse::kNginxRecordBytes);
    require(is_inside(gatemend::parse::upstream_address(record.upstream), answer.text));
}

template <class Feed>
std::vector<Seen> read(gatemend::parse::Wanted wanted, Feed feed) {
    std::vector<Seen> seen;
    NginxErrorReader reader(
        [&seen](const NginxErrorAnswer& answer) {
            check(answer);
            seen.push_back(Seen{answer.number,
                                answer.line.record.symptom,
                                answer.line.record.is_trusted,
                                std::string(answer.line.record.upstream)});
        },
        wanted);
    feed(reader);
    reader.flush();
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = gatemend::fuzz::as_text(data, size);
    const auto as_block = [text](NginxErrorReader& reader) { reader.feed_block(text); };
    std::vector<Seen> whole = read(Wanted::kAll, as_block);
    const std::vector<Seen> single = read(Wanted::kAll, [text](NginxErrorReader& reader) {
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            const std::string line(rest.substr(0, end));  // gone before its answer comes
            reader.feed(line);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    });
    require(whole == single);
    std::erase_if(whole, [](const Seen& seen) { return seen.symptom == Symptom::kNone; });
    require(whole == read(Wanted::kSymptoms, as_block));
    return 0;
}
