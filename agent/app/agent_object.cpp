// SPDX-License-Identifier: MIT
#include "app/agent_object.hpp"

#include <org.gatemend.Agent1.adaptor.hpp>
#include <utility>

namespace gatemend::app {

namespace {

constexpr const char* kName = "org.gatemend.Agent1";
constexpr const char* kPath = "/org/gatemend/Agent1";

class Object final : public AgentObject,
                     private sdbus::AdaptorInterfaces<org::gatemend::Agent1_adaptor> {
  public:
    Object(sdbus::IConnection& connection, Documents documents)
        : AdaptorInterfaces(connection, bus::ObjectPath{kPath}),
          documents_(std::move(documents)) {
        registerAdaptor();
    }

    ~Object() override { unregisterAdaptor(); }

    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

  private:
    std::string Status() override { return documents_.status(); }

    std::string Incidents() override { return documents_.incidents(reader()); }

    // The bus daemon is asked who the caller is; the caller is not.
    [[nodiscard]] Reader reader() const {
#if GATEMEND_SDBUS_MAJOR >= 2
        const uid_t caller = getObject().getCurrentlyProcessedMessage().getCredsEuid();
#else
        const sdbus::Message* message = getObject().getCurrentlyProcessedMessage();
        const uid_t caller = message == nullptr ? static_cast<uid_t>(-1) : message->getCredsEuid();
#endif
        return caller == 0 ? Reader::kRoot : Reader::kGroup;
    }

    Documents documents_;
};

}  // namespace

AgentObject::~AgentObject() = default;

core::Result<std::unique_ptr<AgentObject>> AgentObject::open(bus::Connection& connection,
                                                             Documents documents) {
    try {
        auto object = std::make_unique<Object>(connection.raw(), std::move(documents));
        GATEMEND_CHECK(connection.request_name(kName));
        return std::unique_ptr<AgentObject>(std::move(object));
    } catch (const sdbus::Error& error) {
        return core::Error{std::string("put ") + kName + " on the bus: " + error.getMessage()};
    }
}

}  // namespace gatemend::app
