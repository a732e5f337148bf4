// SPDX-License-Identifier: MIT
#include "parse/record_header.hpp"

#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace gatemend::parse {
namespace {

constexpr std::string_view kStampForm = "0000/00/00 00:00:00 [";
constexpr std::size_t kMaxIdDigits = 24;
// The longest header (a level, three numbers of kMaxIdDigits) and one word more.
constexpr std::size_t kHeaderRoom = 128;
constexpr std::uint64_t kTopBits = 0x8080808080808080U;
constexpr std::uint64_t kZeros = 0x3030303030303030U;
constexpr std::uint64_t kDigitSlack = 0x7676767676767676U;

// Up to eight bytes as one word, compared under a mask.
struct LevelName {
    constexpr LevelName(std::string_view text, Level its_level)
        : size(static_cast<std::uint8_t>(text.size() - 2)),
          level(its_level) {
        std::array<unsigned char, 8> text_bytes{};
        std::array<unsigned char, 8> mask_bytes{};
        for (std::size_t i = 0; i < text.size(); ++i) {
            text_bytes[i] = static_cast<unsigned char>(text[i]);
            mask_bytes[i] = 0xFF;
        }
        word = std::bit_cast<std::uint64_t>(text_bytes);
        mask = std::bit_cast<std::uint64_t>(mask_bytes);
    }

    std::uint64_t word = 0;
    std::uint64_t mask = 0;
    std::uint8_t size;
    Level level;
};

// By frequency in real logs.
constexpr std::array<LevelName, 8> kLevels{LevelName("error] ", Level::kError),
                                           LevelName("crit] ", Level::kCrit),
                                           LevelName("notice] ", Level::kNotice),
                                           LevelName("info] ", Level::kInfo),
                                           LevelName("warn] ", Level::kWarn),
                                           LevelName("alert] ", Level::kAlert),
                                           LevelName("emerg] ", Level::kEmerg),
                                           LevelName("debug] ", Level::kDebug)};

struct FormWord {
    std::uint64_t form = 0;
    std::uint64_t slack = 0;
};

constexpr FormWord form_word(std::size_t at) {
    std::array<unsigned char, 8> form{};
    std::array<unsigned char, 8> slack{};
    for (std::size_t i = 0; i < form.size(); ++i) {
        form[i] = static_cast<unsigned char>(kStampForm[at + i]);
        slack[i] = kStampForm[at + i] == '0' ? 0x76 : 0x7F;
    }
    return {std::bit_cast<std::uint64_t>(form), std::bit_cast<std::uint64_t>(slack)};
}

// Compares eight bytes at once with a form in which '0' stands for any digit: after XOR a digit is
// 0..9 and everything else must be 0; adding the slack sets the top bit exactly where it is more.
template <std::size_t kAt>
bool matches_form(const char* bytes) {
    constexpr FormWord kWord = form_word(kAt);
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + kAt, sizeof word);
    const std::uint64_t difference = word ^ kWord.form;
    return ((difference | (difference + kWord.slack)) & kTopBits) == 0;
}

std::uint64_t load(const char* bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

// How many digits begin at `bytes`, eight at a time where the byte order allows. Stops at
// kMaxIdDigits, which is more than any number of nginx has.
inline std::size_t count_digits(const char* bytes) {
    std::size_t count = 0;
    if constexpr (std::endian::native == std::endian::little) {
        for (; count < kMaxIdDigits; count += sizeof(std::uint64_t)) {
            const std::uint64_t word = load(bytes + count) ^ kZeros;
            const std::uint64_t others = (word | (word + kDigitSlack)) & kTopBits;
            if (others != 0) {
                return count + static_cast<std::size_t>(std::countr_zero(others)) / 8;
            }
        }
        return kMaxIdDigits;
    }
    while (count < kMaxIdDigits && is_digit(bytes[count])) {
        ++count;
    }
    return count;
}

// "21214#21214: *57 ": process, thread (0 in builds without threads), connection if there is one.
void parse_ids(const char* line, std::size_t at, RecordHeader& header) {
    const std::size_t pid = count_digits(line + at);
    at += pid + 1;
    if (pid == 0 || line[at - 1] != '#') {
        return;
    }
    const std::size_t thread = count_digits(line + at);
    at += thread + 2;
    if (thread == 0 || line[at - 2] != ':' || line[at - 1] != ' ') {
        return;
    }
    header.message_at = static_cast<std::uint32_t>(at);
    if (line[at] == '*') {
        const std::size_t connection = count_digits(line + at + 1);
        const std::size_t end = at + 1 + connection;
        if (connection > 0 && line[end] == ' ') {
            header.has_connection = true;
            header.message_at = static_cast<std::uint32_t>(end + 1);
        }
    }
}

// `line` has at least kHeaderRoom readable bytes.
RecordHeader parse_roomy(const char* line) {
    RecordHeader header;
    if (!matches_form<0>(line) || !matches_form<8>(line) || !matches_form<13>(line)) {
        return header;
    }
    const std::uint64_t word = load(line + kLevelAt);
    for (const LevelName& name : kLevels) {
        if ((word & name.mask) == name.word) {
            header.level = name.level;
            header.level_size = name.size;
            parse_ids(line, kLevelAt + name.size + 2, header);
            return header;
        }
    }
    return header;
}

}  // namespace

RecordHeader parse_record_header(std::string_view line) {
    if (line.size() >= kHeaderRoom) {
        return parse_roomy(line.data());
    }
    std::array<char, kHeaderRoom> padded{};
    std::ranges::copy(line, padded.begin());
    const RecordHeader header = parse_roomy(padded.data());
    return header.message_at <= line.size() ? header : RecordHeader{};
}

bool is_calendar_time(std::string_view stamp) {
    const auto two = [stamp](std::size_t at) {
        return (stamp[at] - '0') * 10 + (stamp[at + 1] - '0');
    };
    return two(5) >= 1 && two(5) <= 12 && two(8) >= 1 && two(8) <= 31 && two(11) <= 23 &&
           two(14) <= 59 && two(17) <= 60;
}

}  // namespace gatemend::parse
