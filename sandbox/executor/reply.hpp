// SPDX-License-Identifier: MIT
// What the executor answers a caller: a value, or a fault of one of the kinds that the interface
// XML names. The adaptor (executor_object) turns faults into D-Bus errors and does nothing else
// with them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace gatemend::sandbox {

enum class FaultKind {
    kNotAllowed,
    kRefused,
    kBadArgument,
    kNotFound,
    kBusy,
    kToolFailed,
    kRecordFailed
};
[[nodiscard]] std::string_view fault_kind_id(FaultKind kind);  // "NotAllowed"

struct Fault {
    FaultKind kind{};
    std::string text{};
    bool is_on_record = false;  // with more than the adaptor knows of it
};

template <class T>
using Reply = std::variant<T, Fault>;

template <class T>
using ReplyDone = std::function<void(Reply<T>)>;

}  // namespace gatemend::sandbox
