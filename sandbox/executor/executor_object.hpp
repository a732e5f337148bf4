// SPDX-License-Identifier: MIT
// org.gatemend.Executor1 on the bus: unpacks arguments, asks Executor or FactDesk, packs answers
// and turns faults into D-Bus errors. The only file here that sees sdbus-c++; decides nothing but
// who is root.
#pragma once

#include "sandbox/bus/connection.hpp"
#include "sandbox/executor/executor.hpp"
#include "sandbox/executor/fact_desk.hpp"

#include <memory>

namespace gatemend::sandbox {

inline constexpr const char* kExecutorName = "org.gatemend.Executor1";
inline constexpr const char* kExecutorPath = "/org/gatemend/Executor1";

class ExecutorObject {
  public:
    [[nodiscard]] static core::Result<std::unique_ptr<ExecutorObject>> make(
        bus::Connection& connection, Executor& executor, FactDesk& facts);
    virtual ~ExecutorObject();

    virtual void emit_ledger_changed() = 0;

  protected:
    ExecutorObject() = default;
};

}  // namespace gatemend::sandbox
