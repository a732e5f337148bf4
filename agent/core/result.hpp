// SPDX-License-Identifier: MIT
// Result<T>: how every fallible function in gatemend reports failure.
// Used by all layers. An Error is a sentence for a person that names the thing and the place;
// callers add context on the way up with Error::within(). Never thrown, never logged here.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace gatemend::core {

struct Error {
    std::string text;

    // "read policy '20-x.toml'" + "line 7: ..." -> "read policy '20-x.toml': line 7: ..."
    [[nodiscard]] Error within(const std::string& context) const {
        return Error{context + ": " + text};
    }
};

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}

    Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool has_value() const { return value_.index() == 0; }

    explicit operator bool() const { return has_value(); }

    [[nodiscard]] T& value() & {
        assert(has_value());
        return *std::get_if<0>(&value_);
    }

    [[nodiscard]] const T& value() const& {
        assert(has_value());
        return *std::get_if<0>(&value_);
    }

    [[nodiscard]] T&& value() && {
        assert(has_value());
        return std::move(*std::get_if<0>(&value_));
    }

    T& operator*() & { return value(); }

    const T& operator*() const& { return value(); }

    T&& operator*() && { return std::move(*this).value(); }

    T* operator->() { return &value(); }

    const T* operator->() const { return &value(); }

    [[nodiscard]] const Error& error() const {
        assert(!has_value());
        return *std::get_if<1>(&value_);
    }

  private:
    std::variant<T, Error> value_;
};

struct Done {};  // the value of a Result that carries none

using Status = Result<Done>;

}  // namespace gatemend::core

// Declares `name` as the value of `expr`, or returns its error. A declaring statement, so that
// -Wpedantic stays clean (no GNU statement expression).
#define GATEMEND_TRY(name, expr)      \
    auto name##_result = (expr);      \
    if (!name##_result.has_value()) { \
        return name##_result.error(); \
    }                                 \
    auto& name = name##_result.value()  // NOLINT(bugprone-macro-parentheses): a declaration

// The same for a Status whose value nobody needs.
#define GATEMEND_CHECK(expr)                                           \
    if (auto gatemend_status = (expr); !gatemend_status.has_value()) { \
        return gatemend_status.error();                                \
    }                                                                  \
    static_assert(true, "")
