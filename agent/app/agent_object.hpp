// SPDX-License-Identifier: MIT
// The agent on the bus: org.gatemend.Agent1, read-only. Used by the command line through the bus
// policy. Holds nothing; both documents are made when they are asked for.
#pragma once

#include "app/documents.hpp"
#include "core/result.hpp"
#include "sandbox/bus/connection.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gatemend::app {

class AgentObject {
  public:
    struct Documents {
        std::function<std::string()> status;
        std::function<std::string(Reader)> incidents;
    };

    // Puts the object on the bus and owns the name.
    [[nodiscard]] static core::Result<std::unique_ptr<AgentObject>> open(
        bus::Connection& connection, Documents documents);
    virtual ~AgentObject();

  protected:
    AgentObject() = default;
};

}  // namespace gatemend::app
