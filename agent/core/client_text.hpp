// SPDX-License-Identifier: MIT
// What somebody outside wrote: the request, host or referrer of a visitor, a name or a message of
// an application that may repeat it. A type of its own, which turns into no string and compares
// with none, so that no act, target, backend or limit can be made from it: that does not compile,
// and tests/policy proves it. People may read it, printable and bounded, as part of a sentence.
#pragma once

#include "core/secret_text.hpp"
#include "core/text.hpp"

#include <string>
#include <string_view>

namespace gatemend::core {

// Printable, and still nobody's parameter. Only for sentences; tests/lint/client_text.py knows
// who makes them.
class ShownText {
  public:
    explicit ShownText(std::string printable) : printable_{std::move(printable)} {}

    // "" where there is nothing to say: no "in" without a place.
    [[nodiscard]] std::string in_sentence(std::string_view before,
                                          std::string_view after = "") const {
        return printable_.empty() ? "" : std::string{before} + printable_ + std::string{after};
    }

  private:
    std::string printable_;
};

// The bytes as they stand in a line.
class ClientView {
  public:
    ClientView() = default;

    explicit ClientView(std::string_view bytes) : bytes_{bytes} {}

    [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

    [[nodiscard]] ShownText shown() const { return ShownText{sanitize(bytes_)}; }

  private:
    friend class ClientText;

    std::string_view bytes_;
};

// The same kept, made printable, cut (kMaxShownBytes) and without what looks like a secret.
class ClientText {
  public:
    ClientText() = default;

    explicit ClientText(std::string_view bytes) : printable_{mask_secrets(sanitize(bytes))} {}

    explicit ClientText(ClientView view) : ClientText{view.bytes_} {}

    // The way in is open, the way out is not.
    ClientText& operator=(std::string_view bytes) {
        printable_ = mask_secrets(sanitize(bytes));
        return *this;
    }

    [[nodiscard]] bool is_empty() const { return printable_.empty(); }

    [[nodiscard]] ShownText shown() const { return ShownText{printable_}; }

    // With its own kind only: has it been said before?
    friend bool operator==(const ClientText&, const ClientText&) = default;

    // The one question that may be asked with it: what does this name mean? "" unless it could be a
    // host's name. The probe that asks changes nothing, and its answer selects nothing.
    [[nodiscard]] std::string name_to_look_up() const;

  private:
    std::string printable_;
};

}  // namespace gatemend::core
