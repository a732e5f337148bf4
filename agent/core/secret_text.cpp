// SPDX-License-Identifier: MIT
#include "core/secret_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::core {
namespace {

constexpr auto kSecretWords = std::to_array<std::string_view>({"passw",
                                                               "passphrase",
                                                               "pwd",
                                                               "secret",
                                                               "token",
                                                               "apikey",
                                                               "privatekey",
                                                               "accesskey",
                                                               "credential",
                                                               "authorization",
                                                               "cookie",
                                                               "sessionid",
                                                               "signature",
                                                               "dsn"});
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kMaxCredentialBytes = 256;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

bool is_name_byte(char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

bool ends_word(char c) {
    return is_blank(c) || c == '"' || c == '\'' || c == '<' || c == '>';
}

std::size_t word_end(std::string_view text, std::size_t at) {
    while (at < text.size() && !ends_word(text[at])) {
        ++at;
    }
    return at;
}

// Behind the value that begins at `at`: a quoted one whole, of `Bearer abc` both words.
std::size_t value_end(std::string_view text, std::size_t at) {
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
        const char quote = text[at];
        for (++at; at < text.size() && text[at] != quote; ++at) {
            at += text[at] == '\\' ? 1 : 0;
        }
        return std::min(at + 1, text.size());
    }
    std::size_t end = word_end(text, at);
    std::string scheme{text.substr(at, end - at)};
    std::ranges::transform(scheme, scheme.begin(), lower);
    if ((scheme == "bearer" || scheme == "basic" || scheme == "digest") && end < text.size() &&
        text[end] == ' ') {
        end = word_end(text, end + 1);
    }
    return end;
}

// Where the value of the name that ends at `at` begins: behind `=`, `: `, ` => `; npos: it is none.
std::size_t value_begin(std::string_view text, std::size_t at) {
    const auto skip = [&](auto wanted) {
        while (at < text.size() && wanted(text[at])) {
            ++at;
        }
    };
    skip([](char c) { return c == '"' || c == '\'' || c == ']'; });
    skip(is_blank);
    if (at >= text.size() || (text[at] != '=' && text[at] != ':')) {
        return std::string_view::npos;
    }
    skip([](char c) { return c == '=' || c == ':' || c == '>'; });
    skip(is_blank);
    return at < text.size() ? at : std::string_view::npos;
}

bool is_code_byte(char c) {
    return is_name_byte(c) || c == '+' || c == '=';
}

// Letters and digits in disorder, as keys and hashes are written, too long for a word.
bool is_random(std::string_view word) {
    const auto has = [word](char first, char last) {
        return std::ranges::any_of(word, [=](char c) { return c >= first && c <= last; });
    };
    const auto is_hex = [](char c) {
        return is_digit(c) || c == '-' || (lower(c) >= 'a' && lower(c) <= 'f');
    };
    return word.size() >= kRandomBytes && std::ranges::count_if(word, is_digit) >= 3 &&
           (std::ranges::all_of(word, is_hex) || (has('a', 'z') && has('A', 'Z')));
}

class Masker {
  public:
    explicit Masker(std::string_view text) : text_(text) {}

    std::string run() {
        while (at_ < text_.size()) {
            if (is_name_byte(text_[at_])) {
                take_name();
            } else if (text_[at_] == '?' && take_query()) {
                continue;
            } else if (text_.substr(at_, 3) == "://") {
                take_credentials();
            } else {
                result_ += text_[at_++];
            }
        }
        return std::move(result_);
    }

  private:
    void hide(std::size_t end) {
        result_ += kHidden;
        at_ = end;
    }

    void take_name() {
        std::size_t end = at_;
        while (end < text_.size() && is_name_byte(text_[end])) {
            ++end;
        }
        const std::string_view name = text_.substr(at_, end - at_);
        const std::size_t value =
            names_secret(name) ? value_begin(text_, end) : std::string_view::npos;
        if (value == std::string_view::npos) {
            take_word(end);
            return;
        }
        result_ += text_.substr(at_, value - at_);
        hide(value_end(text_, value));
    }

    void take_word(std::size_t name_end) {
        std::size_t end = name_end;
        while (end < text_.size() && end - at_ < kMaxCredentialBytes && is_code_byte(text_[end])) {
            ++end;
        }
        if (is_random(text_.substr(at_, end - at_))) {
            hide(end);
            return;
        }
        result_ += text_.substr(at_, name_end - at_);
        at_ = name_end;
    }

    // "?id=1&t=x" of a request; a question mark that ends a sentence has a blank behind it.
    bool take_query() {
        const std::size_t end = word_end(text_, at_);
        if (at_ == 0 || is_blank(text_[at_ - 1]) || end == at_ + 1) {
            return false;
        }
        result_ += '?';
        hide(end);
        return true;
    }

    // "scheme://user:password@host"
    void take_credentials() {
        result_ += "://";
        at_ += 3;
        std::size_t end = at_;
        std::size_t sign = std::string_view::npos;
        const std::size_t most = std::min(text_.size(), at_ + kMaxCredentialBytes);
        for (; end < most && !is_blank(text_[end]) && text_[end] != '"'; ++end) {
            sign = text_[end] == '@' ? end : sign;
        }
        if (sign != std::string_view::npos && text_.substr(at_, sign - at_) != kHidden) {
            hide(sign);
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string result_;
};

}  // namespace

bool names_secret(std::string_view name) {
    std::string plain;
    for (const char c : name.substr(0, kMaxNameBytes)) {
        if (is_letter(c) || is_digit(c)) {
            plain += lower(c);
        }
    }
    const bool is_key = plain == "key" || plain == "auth" || plain == "pass" ||
                        (name.size() > 4 && (name.ends_with("_KEY") || name.ends_with("_key") ||
                                             name.ends_with("_PASS") || name.ends_with("_pass")));
    return is_key || std::ranges::any_of(kSecretWords, [&plain](std::string_view word) {
               return plain.find(word) != std::string::npos;
           });
}

std::string mask_secrets(std::string_view text) {
    return Masker{text}.run();
}

}  // namespace gatemend::core
